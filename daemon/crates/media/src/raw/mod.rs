//! Camera raws. Their sensor data is never developed: the picture of a raw is the largest JPEG that the camera (or the program
//! that wrote the file) put into it, and is decoded in place, at a scale and in parts like any other JPEG.
//!
//! Everything that is relative to the coded picture is so to that preview. It may show a little less than the sensor saw, and
//! has fewer pixels in some files; nothing here ever speaks of the sensor's.
//!
//! **What names a raw** is its preview, by the same hash as if the JPEG lay in a file of its own. That is what faces were
//! found in, so it must change when the preview does (programs render a new one, cropped, when they save an edit), and
//! must not when anything else does: ratings and keywords written into the raw, directories moved to make room for them, a
//! conversion to DNG that keeps the preview. The sensor's data is left out: it says nothing about the preview, and DNG
//! converters code it anew. The JPEG that a camera writes beside a raw is coded by itself, from other settings, and so is
//! another photo; where its picture data are the preview's to the last bit, they are one photo with two files, as two copies
//! of a JPEG are. Two photos never share a preview: the noise of the sensor is in it.
//!
//! Leaves to others: which bytes are a raw (`format`), and everything about the JPEG itself (`jpeg`).

mod boxes;
mod kind;
mod notes;
mod preview;
mod tiff;
mod tree;

use vow_types::num::index;
use vow_types::{ContentId, Orientation};

pub use kind::Raw;
pub use preview::Preview;

use crate::metadata::{self, Metadata};
use crate::{Format, MediaError, jpeg};
use boxes::Facts;
use preview::Finds;
use tiff::{Directory, Tiff};
use tree::Tree;

/// Tags of TIFF 6.0, TIFF/EP, EXIF and DNG.
mod tag {
    pub(super) const SUBFILE_TYPE: u16 = 0x00fe;
    pub(super) const COMPRESSION: u16 = 0x0103;
    pub(super) const PHOTOMETRIC: u16 = 0x0106;
    pub(super) const MAKE: u16 = 0x010f;
    pub(super) const STRIP_OFFSETS: u16 = 0x0111;
    pub(super) const ORIENTATION: u16 = 0x0112;
    pub(super) const STRIP_LENS: u16 = 0x0117;
    pub(super) const DATE_TIME: u16 = 0x0132;
    pub(super) const SUB_IFDS: u16 = 0x014a;
    pub(super) const JPEG_START: u16 = 0x0201;
    pub(super) const JPEG_LEN: u16 = 0x0202;
    pub(super) const EXIF_IFD: u16 = 0x8769;
    pub(super) const DATE_TIME_ORIGINAL: u16 = 0x9003;
    pub(super) const OFFSET_TIME: u16 = 0x9010;
    pub(super) const OFFSET_TIME_ORIGINAL: u16 = 0x9011;
    pub(super) const MAKER_NOTE: u16 = 0x927c;
    pub(super) const DNG_VERSION: u16 = 0xc612;
    /// Panasonic's own, in the first directory, where other numbers do not mean what they do elsewhere.
    pub(super) const PANASONIC_JPEGS: [u16; 2] = [0x002e, 0x0127];
}

/// Pixels that the longer side of a preview must have: the longest of the frames in which faces are looked for. What is
/// smaller is a thumbnail, in which the faces of a group are a few pixels each, and would be found wrong or not at all.
const ENOUGH: u32 = 640;

/// What a raw says about itself.
pub(crate) struct Inspected<'a> {
    pub(crate) preview: Preview,
    pub(crate) jpeg: jpeg::Inspected<'a>,
    /// Of the raw; what it does not say, its preview may.
    pub(crate) metadata: Metadata,
}

impl Inspected<'_> {
    /// The name of the photo: see above.
    pub(crate) fn content(&self) -> ContentId {
        self.jpeg.content
    }
}

/// Finds the preview, and what is said about the picture. No pixel is decoded.
///
/// # Errors
/// [`MediaError::NoPreview`] where there is none that is large enough, [`MediaError::Truncated`] where the file ends before
/// all of its directories and previews began; and whatever is wrong with the preview itself.
pub(crate) fn inspect(file: &[u8], kind: Raw) -> Result<Inspected<'_>, MediaError> {
    let mut finds = Finds::new(file);
    let mut notes_cut = false;
    let facts = match kind {
        Raw::Cr3 => boxes::look(file, &mut finds),
        Raw::Raf => {
            fuji(file, &mut finds);
            Facts::default()
        }
        _ => {
            let tree = Tiff::open(file, 0).map(|(tiff, first)| Tree::of(tiff, first));
            let tree = tree.ok_or_else(|| ended(kind))?;
            finds.cut |= tree.cut;
            directories(kind, &tree, &mut finds);
            // Only there: programs that make a DNG of a raw copy its notes without what they speak of.
            if let Some(exif) = tree.exif.filter(|_| matches!(kind, Raw::Nef | Raw::Orf)) {
                notes_cut = !notes::look(file, &exif, &mut finds);
            }
            Facts { first: tree.directories.first().copied(), exif: tree.exif }
        }
    };
    let enough = finds.best().filter(|(size, _)| size.width.max(size.height) >= ENOUGH);
    // The preview behind the end may be the larger one: then this is not the whole file's picture.
    if finds.cut || (notes_cut && enough.is_none()) {
        return Err(ended(kind));
    }
    let Some((_, preview)) = enough else {
        let largest = finds.best().map(|(size, _)| size);
        return Err(MediaError::NoPreview { format: Format::Raw(kind), largest, least: ENOUGH });
    };
    let jpeg = jpeg::inspect(preview.of(file))?;
    let own = stated(&facts);
    let other = jpeg.exif.map(metadata::read).unwrap_or_default();
    let metadata =
        Metadata { orientation: own.orientation.or(other.orientation), taken: own.taken.or(other.taken) };
    Ok(Inspected { preview, jpeg, metadata })
}

fn ended(kind: Raw) -> MediaError {
    MediaError::truncated(format!(
        "the {kind} file ends before all of its previews began",
        kind = kind.name()
    ))
}

/// Fujifilm's RAF: where the JPEG is stands at a fixed place. It has all the EXIF there is.
fn fuji(file: &[u8], finds: &mut Finds<'_>) {
    let long = |at: usize| file.get(at..)?.first_chunk().map(|four| index(u32::from_be_bytes(*four)));
    match (long(84), long(88)) {
        (Some(start), Some(len)) => finds.expect(start, len),
        _ => finds.cut = true,
    }
}

/// The previews that directories speak of.
fn directories(kind: Raw, tree: &Tree<'_>, finds: &mut Finds<'_>) {
    for (at, directory) in tree.directories.iter().enumerate() {
        if kind == Raw::Rw2 && at == 0 {
            for jpeg in tag::PANASONIC_JPEGS.into_iter().filter_map(|tag| directory.get(tag)?.elsewhere()) {
                finds.expect(jpeg.0, jpeg.1);
            }
        } else if kind::is_seen(directory) {
            let pointed = notes::place(directory, tag::JPEG_START, tag::JPEG_LEN);
            pointed.into_iter().chain(strip(directory)).for_each(|(start, len)| finds.expect(start, len));
        }
    }
}

/// The only strip of a page that is coded as a JPEG (6 and 7 are the old and the new way).
fn strip(directory: &Directory<'_>) -> Option<(usize, usize)> {
    let is_jpeg = matches!(directory.number(tag::COMPRESSION), Some(6 | 7));
    let is_one = directory.get(tag::STRIP_OFFSETS)?.count() == 1;
    (is_jpeg && is_one).then(|| notes::place(directory, tag::STRIP_OFFSETS, tag::STRIP_LENS))?
}

/// How the picture stands and when it was taken, as the raw's own directories have it.
fn stated(facts: &Facts<'_>) -> Metadata {
    let number = facts.first.and_then(|first| first.number(tag::ORIENTATION));
    let zone = text(facts.exif, tag::OFFSET_TIME);
    let original_zone = text(facts.exif, tag::OFFSET_TIME_ORIGINAL).or(zone);
    let seconds = |time: Option<&[u8]>, zone| metadata::seconds(time?, zone);
    let original = seconds(text(facts.exif, tag::DATE_TIME_ORIGINAL), original_zone);
    Metadata {
        orientation: number.and_then(Orientation::from_exif),
        taken: original.or_else(|| seconds(text(facts.first, tag::DATE_TIME), zone)),
    }
}

fn text(directory: Option<Directory<'_>>, tag: u16) -> Option<&[u8]> {
    directory?.text(tag)
}
