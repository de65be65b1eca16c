//! TIFF as directories of entries (TIFF 6.0, section 2): what a camera raw is made of. Every number is taken for a lie until
//! it lies within the file; nothing is copied, and nothing is allocated.
//!
//! Leaves to others which directories there are (`tree`) and what their tags mean.

use vow_types::num::index;

/// The start of a TIFF structure: what its offsets count from, and its byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tiff<'a> {
    file: &'a [u8],
    /// Of its first byte. Other than 0 in maker notes that are TIFF structures of their own.
    base: usize,
    little: bool,
}

/// One directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory<'a> {
    pub(super) tiff: Tiff<'a>,
    entries: &'a [[u8; 12]],
    /// Of the directory behind it; 0 for none, `None` where the file ends before it is said.
    pub(super) next: Option<u32>,
}

/// One entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    tiff: Tiff<'a>,
    kind: u16,
    count: u32,
    /// The value, or the offset of it.
    field: &'a [u8; 4],
}

impl<'a> Tiff<'a> {
    /// The structure that begins at `base`, and the offset of its first directory. Olympus and Panasonic write numbers of
    /// their own (`RO`, `RS` and 85) where TIFF has 42.
    pub(super) fn open(file: &'a [u8], base: usize) -> Option<(Self, u32)> {
        let (&[a, b, m0, m1], rest) = file.get(base..)?.split_first_chunk::<4>()?;
        let little = match [a, b] {
            [b'I', b'I'] => true,
            [b'M', b'M'] => false,
            _ => return None,
        };
        let tiff = Self { file, base, little };
        let known = matches!(tiff.short([m0, m1]), 42 | 85 | 0x4f52 | 0x5352);
        let first = tiff.long(*rest.first_chunk()?);
        known.then_some((tiff, first))
    }

    /// With offsets that count from `base`, and a byte order that is said elsewhere.
    pub(super) fn based(self, base: usize, little: bool) -> Self {
        Self { base, little, ..self }
    }

    /// The directory at this offset; `None` where the file ends before it does.
    pub(super) fn directory(self, offset: u32) -> Option<Directory<'a>> {
        let (count, rest) = self.file.get(self.place(offset)?..)?.split_first_chunk::<2>()?;
        let len = usize::from(self.short(*count)) * 12;
        let (entries, _) = rest.get(..len)?.as_chunks::<12>();
        let next = rest.get(len..).and_then(<[u8]>::first_chunk).map(|next| self.long(*next));
        Some(Directory { tiff: self, entries, next })
    }

    /// An offset as a place in the file, which may lie behind its end.
    pub(super) fn place(self, offset: u32) -> Option<usize> {
        self.base.checked_add(index(offset))
    }

    fn short(self, two: [u8; 2]) -> u16 {
        if self.little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }
    }

    fn long(self, four: [u8; 4]) -> u32 {
        if self.little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
    }
}

impl<'a> Directory<'a> {
    /// The first entry with this tag.
    pub(super) fn get(&self, tag: u16) -> Option<Entry<'a>> {
        let found = self.entries.iter().find(|[t0, t1, ..]| self.tiff.short([*t0, *t1]) == tag)?;
        let [_, _, k0, k1, c0, c1, c2, c3, field @ ..] = found;
        let kind = self.tiff.short([*k0, *k1]);
        let count = self.tiff.long([*c0, *c1, *c2, *c3]);
        Some(Entry { tiff: self.tiff, kind, count, field })
    }

    /// The first number of the entry with this tag.
    pub(super) fn number(&self, tag: u16) -> Option<u32> {
        self.get(tag)?.numbers()?.next()
    }

    /// The bytes of the entry with this tag, without what follows upon the first zero.
    pub(super) fn text(&self, tag: u16) -> Option<&'a [u8]> {
        self.get(tag)?.bytes()?.split(|byte| *byte == 0).next()
    }
}

impl<'a> Entry<'a> {
    /// How many values it has.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// What its field says when it is read as an offset.
    pub(super) fn offset(&self) -> u32 {
        self.tiff.long(*self.field)
    }

    /// Where its value begins, and how long it is; the file may end before it does. `None` for types that do not exist, and
    /// for values that stand in the entry itself.
    pub(super) fn elsewhere(&self) -> Option<(usize, usize)> {
        let len = self.len()?;
        if len <= self.field.len() { None } else { Some((self.tiff.place(self.offset())?, len)) }
    }

    /// Its value; `None` where the file ends before it does.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        match self.elsewhere() {
            Some((start, len)) => self.tiff.file.get(start..start.checked_add(len)?),
            None => self.field.get(..self.len()?),
        }
    }

    /// Its values, where they are whole numbers without a sign; `None` where the file ends before they do.
    pub(super) fn numbers(&self) -> Option<impl Iterator<Item = u32> + use<'a>> {
        let (tiff, size) = (self.tiff, self.size().filter(|_| matches!(self.kind, 1 | 3 | 4 | 13))?);
        let values = self.bytes()?.chunks_exact(size);
        Some(values.filter_map(move |value| match *value {
            [byte] => Some(u32::from(byte)),
            [a, b] => Some(u32::from(tiff.short([a, b]))),
            [a, b, c, d] => Some(tiff.long([a, b, c, d])),
            _ => None,
        }))
    }

    fn len(&self) -> Option<usize> {
        self.size()?.checked_mul(index(self.count))
    }

    /// Bytes of one value.
    fn size(&self) -> Option<usize> {
        match self.kind {
            1 | 2 | 6 | 7 => Some(1),
            3 | 8 => Some(2),
            4 | 9 | 11 | 13 => Some(4),
            5 | 10 | 12 => Some(8),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A big-endian structure with one directory of four entries, and a LONG pair behind it.
    const FILE: &[u8] = b"MM\0\x2a\0\0\0\x08\
        \0\x04\
        \x01\x12\0\x03\0\0\0\x01\0\x06\0\0\
        \x01\x4a\0\x04\0\0\0\x02\0\0\0\x3e\
        \x01\x0f\0\x02\0\0\0\x03Ab\0\0\
        \x01\x11\0\x63\0\0\0\x01\0\0\0\0\
        \0\0\0\x08\
        \0\0\0\x01\0\0\0\x02";

    #[test]
    fn entries_are_read() {
        let (tiff, first) = Tiff::open(FILE, 0).unwrap();
        let directory = tiff.directory(first).unwrap();
        assert_eq!((directory.number(0x0112), directory.next), (Some(6), Some(8)));
        assert_eq!(directory.get(0x014a).unwrap().numbers().unwrap().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(directory.text(0x010f), Some(&b"Ab"[..]));
        // A type that does not exist has no value, and what is not there is not found.
        assert!(directory.get(0x0111).unwrap().bytes().is_none() && directory.get(0x0100).is_none());
    }

    #[test]
    fn what_lies_behind_the_end_is_not_there() {
        for len in 0..FILE.len() {
            let cut = &FILE[..len];
            let directory = Tiff::open(cut, 0).and_then(|(tiff, first)| tiff.directory(first));
            assert_eq!(directory.is_some(), len >= 58, "{len}");
            let offsets = directory.and_then(|directory| directory.get(0x014a)?.numbers());
            assert!(offsets.is_none(), "{len}");
        }
        let (tiff, _) = Tiff::open(FILE, 0).unwrap();
        assert!(tiff.directory(u32::MAX).is_none() && tiff.based(usize::MAX, true).directory(8).is_none());
    }
}
