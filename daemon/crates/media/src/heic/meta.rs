//! What a HEIF file says of its items in its `meta` box (ISO/IEC 14496-12, 8.11; 23008-12, 6 and 9): which there are, where
//! their data lies, what belongs to what, and the properties of each. What they mean for the picture is [`super::plan`]'s
//! business.
//!
//! Every list is read as far as it goes: nothing is reserved by a number that stands before it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::{damaged, joined, uncommon};
use crate::MediaError;
use crate::boxes::{boxes, child};

/// Pieces in which the data of one item may lie; writers use one.
const MOST_PIECES: u64 = 4096;

/// One of the kinds of reference: what it is, from which item, to which.
struct Reference {
    kind: [u8; 4],
    from: u32,
    to: Vec<u32>,
}

/// Where an item's data lies.
#[derive(Default)]
struct Place {
    /// 0: in the file, 1: in the `idat` box.
    method: u64,
    /// Offset and length of each piece; the length 0 means all that is left.
    pieces: Vec<(u64, u64)>,
}

/// A property: its kind and what it says.
#[derive(Clone, Copy)]
pub(super) struct Property<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: &'a [u8],
}

/// The items of a file.
pub(super) struct Items<'a> {
    file: &'a [u8],
    pub(super) primary: u32,
    kinds: BTreeMap<u32, [u8; 4]>,
    places: BTreeMap<u32, Place>,
    references: Vec<Reference>,
    properties: Vec<Property<'a>>,
    /// For each item which of the properties it has, counted from one.
    owned: BTreeMap<u32, Vec<u16>>,
    idat: &'a [u8],
}

impl<'a> Items<'a> {
    /// # Errors
    /// When the file ends before all of that is said, is no still picture, or contradicts itself.
    pub(super) fn read(file: &'a [u8]) -> Result<Self, MediaError> {
        let (mut meta, mut movie) = (None, false);
        for (kind, body, whole) in boxes(file, 0..file.len()) {
            match &kind {
                b"meta" if whole => meta = meta.or(Some(body)),
                b"moov" => movie = true,
                _ => {}
            }
        }
        let Some(meta) = meta else {
            return Err(if movie {
                uncommon("a film or a series of pictures")
            } else {
                MediaError::truncated("the HEIC file ends before it says what it holds")
            });
        };
        Self::of(file, meta).ok_or_else(|| damaged("its list of what it holds is broken"))
    }

    fn of(file: &'a [u8], meta: Range<usize>) -> Option<Self> {
        // Version and flags.
        let inner = meta.start.checked_add(4).filter(|start| *start <= meta.end)?..meta.end;
        let part = |kind| file.get(child(file, inner.clone(), kind)?);
        let properties = child(file, inner.clone(), *b"iprp")?;
        let container = child(file, properties.clone(), *b"ipco")?;
        let properties_of =
            |(kind, body, _): ([u8; 4], Range<usize>, bool)| Some(Property { kind, body: file.get(body)? });
        let mut owned = BTreeMap::new();
        for (kind, body, _) in boxes(file, properties) {
            if kind == *b"ipma" {
                associations(file.get(body)?, &mut owned)?;
            }
        }
        Some(Self {
            file,
            primary: {
                let mut pitm = Reader::full(part(*b"pitm")?)?;
                pitm.id(pitm.version > 0)?
            },
            kinds: kinds(file, child(file, inner.clone(), *b"iinf")?)?,
            places: places(part(*b"iloc")?)?,
            references: match child(file, inner.clone(), *b"iref") {
                Some(body) => references(file, body)?,
                None => Vec::new(),
            },
            properties: boxes(file, container).filter_map(properties_of).collect(),
            owned,
            idat: part(*b"idat").unwrap_or_default(),
        })
    }

    pub(super) fn kind(&self, item: u32) -> Option<[u8; 4]> {
        self.kinds.get(&item).copied()
    }

    /// In the order in which they are to be applied.
    pub(super) fn properties(&self, item: u32) -> impl Iterator<Item = Property<'a>> {
        let own = self.owned.get(&item).map(Vec::as_slice).unwrap_or_default();
        own.iter().filter_map(|at| self.properties.get(usize::from(*at).checked_sub(1)?).copied())
    }

    pub(super) fn property(&self, item: u32, kind: [u8; 4]) -> Option<&'a [u8]> {
        self.properties(item).find(|own| own.kind == kind).map(|own| own.body)
    }

    /// The items that this one is made of.
    pub(super) fn parts(&self, item: u32) -> &[u32] {
        let of = self.references.iter().find(|own| own.kind == *b"dimg" && own.from == item);
        of.map(|own| own.to.as_slice()).unwrap_or_default()
    }

    /// The data of an item as it lies in the file.
    ///
    /// # Errors
    /// [`MediaError::Truncated`] where the file ends before it does.
    pub(super) fn pieces(&self, item: u32) -> Result<Vec<&'a [u8]>, MediaError> {
        let place =
            self.places.get(&item).ok_or_else(|| damaged("it does not say where its picture lies"))?;
        let (source, missing) = match place.method {
            0 => (self.file, MediaError::truncated("the file ends inside of the HEIC's picture data")),
            1 => (self.idat, damaged("a part of it lies outside of its box")),
            _ => return Err(uncommon("data taken from other data")),
        };
        let piece = |(start, len): &(u64, u64)| {
            let start = usize::try_from(*start).ok()?;
            match usize::try_from(*len).ok()? {
                0 => source.get(start..),
                len => source.get(start..start.checked_add(len)?),
            }
        };
        place.pieces.iter().map(piece).collect::<Option<_>>().ok_or(missing)
    }

    /// The EXIF block that describes the picture. That it is missing, cut off or broken is no error.
    pub(super) fn exif(&self) -> Option<Cow<'a, [u8]>> {
        let is_exif = |item: &u32| self.kind(*item) == Some(*b"Exif");
        let described =
            self.references.iter().filter(|own| own.kind == *b"cdsc" && own.to.contains(&self.primary));
        let item = described.map(|own| own.from).find(is_exif)?;
        let data = joined(&self.pieces(item).ok()?);
        // How many bytes are between this number and the block: none, or `Exif\0\0`.
        let skipped = usize::try_from(u32::from_be_bytes(*data.first_chunk()?)).ok()?.checked_add(4)?;
        match data {
            Cow::Borrowed(data) => data.get(skipped..).map(Cow::Borrowed),
            Cow::Owned(data) => data.get(skipped..).map(|block| Cow::Owned(block.to_vec())),
        }
    }
}

/// `iinf`: what kind each item is of.
fn kinds(file: &[u8], body: Range<usize>) -> Option<BTreeMap<u32, [u8; 4]>> {
    let start = Reader::full(file.get(body.clone())?)?;
    let header = if start.version == 0 { 6 } else { 8 };
    let mut kinds = BTreeMap::new();
    let mut at = body.start.checked_add(header)?;
    // More of them than `boxes` gives at once is usual for large grids.
    loop {
        let (mut seen, before) = (0, at);
        for (kind, entry, whole) in boxes(file, at..body.end) {
            (at, seen) = (entry.end, seen + 1);
            let mut entry = Reader::full(file.get(entry)?)?;
            if kind != *b"infe" || !whole || entry.version < 2 {
                continue;
            }
            let item = entry.id(entry.version > 2)?;
            entry.number(2)?;
            kinds.insert(item, *entry.bytes.first_chunk()?);
        }
        if seen == 0 || at <= before {
            return Some(kinds);
        }
    }
}

/// `iloc`: where the data of each item lies.
fn places(body: &[u8]) -> Option<BTreeMap<u32, Place>> {
    let mut list = Reader::full(body)?;
    let sizes = list.number(2)?;
    let nibble = |shift: u32| usize::try_from(sizes >> shift & 0xf).ok();
    let (offset, length, base) = (nibble(12)?, nibble(8)?, nibble(4)?);
    let index = if list.version > 0 { nibble(0)? } else { 0 };
    let count = list.number(if list.version < 2 { 2 } else { 4 })?;
    let mut places = BTreeMap::new();
    for _ in 0..count {
        let item = list.id(list.version >= 2)?;
        let method = if list.version > 0 { list.number(2)? & 0xf } else { 0 };
        list.number(2)?;
        let start = list.number(base)?;
        let pieces = list.number(2)?;
        // Pieces that take no byte to say could be any number.
        if pieces > MOST_PIECES || (pieces > 1 && offset + length == 0) {
            return None;
        }
        let mut place = Place { method, pieces: Vec::new() };
        for _ in 0..pieces {
            list.number(index)?;
            let from = list.number(offset)?.checked_add(start)?;
            place.pieces.push((from, list.number(length)?));
        }
        places.insert(item, place);
    }
    Some(places)
}

/// `iref`: which item belongs to which.
fn references(file: &[u8], body: Range<usize>) -> Option<Vec<Reference>> {
    let version = Reader::full(file.get(body.clone())?)?.version;
    let mut found = Vec::new();
    for (kind, entry, _) in boxes(file, body.start.checked_add(4)?..body.end) {
        let mut entry = Reader { version, bytes: file.get(entry)? };
        let from = entry.id(version > 0)?;
        let count = entry.number(2)?;
        let to = (0..count).map(|_| entry.id(version > 0)).collect::<Option<_>>()?;
        found.push(Reference { kind, from, to });
    }
    Some(found)
}

/// `ipma`: which properties each item has.
fn associations(body: &[u8], owned: &mut BTreeMap<u32, Vec<u16>>) -> Option<()> {
    let mut list = Reader::full(body)?;
    let wide = body.get(3)? & 1 != 0;
    for _ in 0..list.number(4)? {
        let item = list.id(list.version > 0)?;
        let own = owned.entry(item).or_default();
        for _ in 0..list.number(1)? {
            // The highest bit says that it must be understood.
            let at = if wide { list.number(2)? & 0x7fff } else { list.number(1)? & 0x7f };
            own.push(u16::try_from(at).ok()?);
        }
    }
    Some(())
}

/// Numbers one after another.
pub(super) struct Reader<'a> {
    /// Of the box that they are in.
    pub(super) version: u8,
    pub(super) bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Of a box that begins with a version and flags.
    fn full(body: &'a [u8]) -> Option<Self> {
        let (head, bytes) = body.split_first_chunk::<4>()?;
        Some(Self { version: head[0], bytes })
    }

    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { version: 0, bytes }
    }

    /// A number of so many bytes, eight at most; none is 0.
    pub(super) fn number(&mut self, size: usize) -> Option<u64> {
        let (own, rest) = self.bytes.split_at_checked(size).filter(|_| size <= 8)?;
        self.bytes = rest;
        Some(own.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    pub(super) fn long(&mut self) -> Option<u32> {
        u32::try_from(self.number(4)?).ok()
    }

    fn id(&mut self, wide: bool) -> Option<u32> {
        u32::try_from(self.number(if wide { 4 } else { 2 })?).ok()
    }
}
