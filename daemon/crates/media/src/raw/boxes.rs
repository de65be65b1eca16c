//! Canon's CR3: boxes (ISO/IEC 14496-12) with metadata as small TIFF structures, two small JPEGs in boxes of Canon's own
//! (`THMB`, `PRVW`), and a large one as the only sample of a track. After the description by L. Clévy.

use std::ops::Range;

use memchr::memmem;
use vow_types::num::index;

use super::preview::Finds;
use super::tiff::{Directory, Tiff};
use crate::boxes::{boxes, child};

/// Canon's boxes within `moov`, and the one with the preview.
const CANON: [u8; 16] = *b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
const PREVIEW: [u8; 16] = *b"\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16";

/// The directories with the facts of the picture: IFD0, and EXIF's.
#[derive(Default)]
pub(super) struct Facts<'a> {
    pub(super) first: Option<Directory<'a>>,
    pub(super) exif: Option<Directory<'a>>,
}

/// Everything that may be the picture goes into `finds`.
pub(super) fn look<'a>(file: &'a [u8], finds: &mut Finds<'_>) -> Facts<'a> {
    let (mut facts, mut described) = (Facts::default(), false);
    for (kind, body, whole) in boxes(file, 0..file.len()) {
        // Of the pictures' data, which is most of the file, what matters is looked at where it is needed.
        finds.cut |= !whole && kind != *b"mdat";
        match &kind {
            b"moov" => {
                described = true;
                movie(file, body, finds, &mut facts);
            }
            b"uuid" => {
                if let Some(inner) = within(file, &body, &PREVIEW, 8) {
                    // A word, and four numbers of two bytes.
                    child(file, inner, *b"PRVW").into_iter().for_each(|body| small(file, body, 12, finds));
                }
            }
            _ => {}
        }
    }
    finds.cut |= !described;
    facts
}

fn movie<'a>(file: &'a [u8], moov: Range<usize>, finds: &mut Finds<'_>, facts: &mut Facts<'a>) {
    for (kind, body, _) in boxes(file, moov) {
        match &kind {
            b"trak" => finds.cut |= track(file, body, finds).is_some_and(|there| !there),
            b"uuid" => {
                let Some(inner) = within(file, &body, &CANON, 0) else { continue };
                for (kind, body, _) in boxes(file, inner) {
                    match &kind {
                        b"CMT1" => facts.first = first_directory(file, body.start),
                        b"CMT2" => facts.exif = first_directory(file, body.start),
                        // A word, and two numbers of two bytes.
                        b"THMB" => small(file, body, 8, finds),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// A JPEG in a box: its length stands at `at`, and eight bytes further on it begins, or four.
fn small(file: &[u8], body: Range<usize>, at: usize, finds: &mut Finds<'_>) {
    let bytes = file.get(body.clone()).unwrap_or_default();
    let len = bytes.get(at..).and_then(<[u8]>::first_chunk).map(|len| index(u32::from_be_bytes(*len)));
    if let (Some(len), Some(start)) = (len, body.start.checked_add(16)) {
        finds.expect(start, len.min(body.end.saturating_sub(start)));
    }
}

/// The first sample of a track that says that it is a JPEG; whether it is there.
fn track(file: &[u8], trak: Range<usize>, finds: &mut Finds<'_>) -> Option<bool> {
    let table =
        [*b"mdia", *b"minf", *b"stbl"].into_iter().try_fold(trak, |inner, kind| child(file, inner, kind))?;
    let part = |kind| file.get(child(file, table.clone(), kind)?);
    memmem::find(part(*b"stsd")?, b"JPEG")?;
    // Version, then one size for all or 0, the number of samples, and the size of each.
    let sizes = part(*b"stsz")?;
    let long = |bytes: &[u8], at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let len = long(sizes, 4).filter(|all| *all != 0).or_else(|| long(sizes, 12))?;
    let start = match part(*b"co64") {
        Some(offsets) => u64::from_be_bytes(*offsets.get(8..)?.first_chunk()?),
        None => long(part(*b"stco")?, 8)?.into(),
    };
    // A place that no file of this machine reaches lies behind the end of this one.
    Some(usize::try_from(start).is_ok_and(|start| finds.offer(start, index(len))))
}

fn first_directory(file: &[u8], at: usize) -> Option<Directory<'_>> {
    let (tiff, first) = Tiff::open(file, at)?;
    tiff.directory(first)
}

/// What a box of this identity holds behind it and `skip` bytes more.
fn within(file: &[u8], body: &Range<usize>, identity: &[u8; 16], skip: usize) -> Option<Range<usize>> {
    let own = file.get(body.clone())?.first_chunk::<16>()?;
    (own == identity).then(|| body.start.saturating_add(16 + skip).min(body.end)..body.end)
}
