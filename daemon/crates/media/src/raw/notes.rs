//! Previews that stand in the maker's own notes only: Nikon's, and Olympus's, whose raws have no other.

use super::preview::Finds;
use super::tag;
use super::tiff::{Directory, Tiff};

/// Nikon's directory of the preview.
const NIKON_PREVIEW: u16 = 0x0011;
/// Olympus's directory of the camera's settings, and what that says of the preview.
const OLYMPUS_SETTINGS: u16 = 0x2020;
const OLYMPUS_START: u16 = 0x0101;
const OLYMPUS_LEN: u16 = 0x0102;

/// The longest of the words that notes begin with, and what follows upon it.
const BEGINNING: usize = 16;

/// Looks into the notes of this EXIF directory. Notes may be out of place, as programs leave them that move them without
/// understanding them: `false` where they or their preview lie behind the end of the file, which need not be a loss.
pub(super) fn look(file: &[u8], exif: &Directory<'_>, finds: &mut Finds<'_>) -> bool {
    let Some((at, _)) = exif.get(tag::MAKER_NOTE).and_then(|entry| entry.elsewhere()) else { return true };
    let notes = file.get(at..).unwrap_or_default();
    let found = if notes.starts_with(b"Nikon\0\x02") {
        nikon(file, at)
    } else if notes.starts_with(b"OLYMPUS\0") {
        olympus(exif.tiff, at, notes.get(8..10), 12)
    } else if notes.starts_with(b"OM SYSTEM\0") {
        olympus(exif.tiff, at, notes.get(12..14), 16)
    } else {
        return notes.len() >= BEGINNING;
    };
    found.is_some_and(|preview| preview.is_none_or(|(start, len)| finds.offer(start, len)))
}

/// A preview where one is spoken of; nothing at all where the file ends before that.
type Found = Option<Option<(usize, usize)>>;

/// A TIFF structure of its own, behind ten bytes.
fn nikon(file: &[u8], at: usize) -> Found {
    let (tiff, first) = Tiff::open(file, at.checked_add(10)?)?;
    let Some(preview) = tiff.directory(first)?.number(NIKON_PREVIEW) else { return Some(None) };
    Some(place(&tiff.directory(preview)?, tag::JPEG_START, tag::JPEG_LEN))
}

/// A directory behind `skip` bytes. Its offsets count from the notes' first byte.
fn olympus(tiff: Tiff<'_>, at: usize, order: Option<&[u8]>, skip: u32) -> Found {
    let notes = tiff.based(at, order? == b"II");
    let Some(settings) = notes.directory(skip)?.get(OLYMPUS_SETTINGS) else { return Some(None) };
    // Old cameras have the settings as bytes, new ones as an offset; either way the field says where they are.
    Some(place(&notes.directory(settings.offset())?, OLYMPUS_START, OLYMPUS_LEN))
}

/// What two entries say of where a preview is.
pub(super) fn place(directory: &Directory<'_>, start: u16, len: u16) -> Option<(usize, usize)> {
    let start = directory.tiff.place(directory.number(start).filter(|start| *start != 0)?)?;
    Some((start, vow_types::num::index(directory.number(len)?)))
}
