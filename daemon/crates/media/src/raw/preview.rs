//! The JPEGs that a raw file may hold, and the choice among them: the largest that can be decoded.

use vow_types::Size;

use crate::jpeg::{self, Announced};

/// Which bytes of a file are its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preview {
    start: usize,
    len: usize,
}

impl Preview {
    /// These bytes; none where they lie outside of the file.
    pub(crate) fn of(self, file: &[u8]) -> &[u8] {
        self.start.checked_add(self.len).and_then(|end| file.get(self.start..end)).unwrap_or_default()
    }
}

/// Most of a JPEG's bytes in which its header is looked for: several segments of EXIF, of 64 KiB each.
const HEADER: usize = 1 << 20;

/// What was found in a file.
pub(super) struct Finds<'a> {
    file: &'a [u8],
    /// The largest so far.
    best: Option<(Size, Preview)>,
    /// Whether the file speaks of something that lies behind its end.
    pub(super) cut: bool,
}

impl<'a> Finds<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self { file, best: None, cut: false }
    }

    /// Bytes that are said to be a JPEG. One that begins within the file and ends outside is taken as far as it is there: that
    /// it is not whole is found when it is decoded. Raw data may be coded as a JPEG too, without loss, which is no picture.
    ///
    /// `false` where they lie behind the end of the file, or were never written to it.
    pub(super) fn offer(&mut self, start: usize, len: usize) -> bool {
        if len == 0 {
            return true;
        }
        let rest = self.file.get(start..).unwrap_or_default();
        let jpeg = rest.get(..len).unwrap_or(rest);
        // Whoever copied it had reserved the space.
        if jpeg.len() < len.min(4) || jpeg.starts_with(&[0, 0]) {
            return false;
        }
        match jpeg::announced(jpeg.get(..HEADER).unwrap_or(jpeg)) {
            Announced::Picture(size) => {
                let preview = Preview { start, len: jpeg.len() };
                let key = |(size, preview): (Size, Preview)| (size.pixels(), preview.len);
                if self.best.is_none_or(|best| key(best) < key((size, preview))) {
                    self.best = Some((size, preview));
                }
                true
            }
            Announced::Other => true,
            Announced::Unsaid => jpeg.len() == len,
        }
    }

    /// The same; where it lies behind the end of the file, the file is cut off.
    pub(super) fn expect(&mut self, start: usize, len: usize) {
        self.cut |= !self.offer(start, len);
    }

    /// The largest.
    pub(super) fn best(&self) -> Option<(Size, Preview)> {
        self.best
    }
}
