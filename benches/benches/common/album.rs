//! The JPEG photos of an album, and many photos out of few: the daemon knows a photo by its picture data, and those differ in
//! nothing that anybody sees.

use std::path::{Path, PathBuf};

/// The first of them by name, at most so many.
pub(crate) fn photos(album: &Path, most: usize) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(album).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|name| name.eq_ignore_ascii_case("jpg")));
    files.sort();
    assert!(!files.is_empty(), "the album has no JPEG photos");
    files.truncate(most);
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// The same JPEG photo with another content, by a number below 32,000: the last two steps of its first table of quantisation are
/// changed.
pub(crate) fn variant(jpeg: &[u8], number: usize) -> Vec<u8> {
    let mut bytes = jpeg.to_vec();
    let table = bytes.windows(2).position(|two| two == [0xff, 0xdb]).unwrap();
    // Marker, length, precision and number; the last of the 64 steps follow.
    let last = table + 4 + 64;
    bytes[last] = u8::try_from(number % 200 + 40).unwrap();
    bytes[last - 1] = u8::try_from(number / 200 + 40).unwrap();
    bytes
}
