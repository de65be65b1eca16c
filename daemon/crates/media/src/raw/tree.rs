//! The directories of a TIFF file: its pages one after another, and those below them. A file that leads in circles, or has
//! more than any camera writes, is looked at so far and no further.

use super::tag;
use super::tiff::{Directory, Tiff};

/// Most directories that are looked at. Cameras write up to six, Adobe's programs a dozen.
const MOST: usize = 32;

/// What a file has of them.
pub(super) struct Tree<'a> {
    /// The first page is the first of them.
    pub(super) directories: Vec<Directory<'a>>,
    /// The EXIF directory that belongs to the first page.
    pub(super) exif: Option<Directory<'a>>,
    /// Whether a directory is spoken of that lies behind the end of the file.
    pub(super) cut: bool,
}

impl<'a> Tree<'a> {
    /// `first` is the offset of the first page.
    pub(super) fn of(tiff: Tiff<'a>, first: u32) -> Self {
        let mut tree = Self { directories: Vec::new(), exif: None, cut: false };
        let mut seen = Vec::new();
        let mut page = Some(first);
        while let Some(at) = page.take().filter(|at| *at != 0) {
            let Some(directory) = tree.add(tiff, at, &mut seen) else { break };
            match directory.get(tag::SUB_IFDS).map(|entry| entry.numbers()) {
                // What they have behind them in turn is nobody's: cameras leave anything there.
                Some(Some(below)) => {
                    for at in below.take(MOST) {
                        tree.add(tiff, at, &mut seen);
                    }
                }
                Some(None) => tree.cut = true,
                None => {}
            }
            tree.cut |= directory.next.is_none();
            page = directory.next;
        }
        if let Some(at) = tree.directories.first().and_then(|page| page.number(tag::EXIF_IFD)) {
            tree.exif = tiff.directory(at);
            tree.cut |= tree.exif.is_none();
        }
        tree
    }

    fn add(&mut self, tiff: Tiff<'a>, at: u32, seen: &mut Vec<u32>) -> Option<Directory<'a>> {
        if seen.contains(&at) || seen.len() >= MOST {
            return None;
        }
        seen.push(at);
        let directory = tiff.directory(at);
        self.cut |= directory.is_none();
        self.directories.extend(directory);
        directory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages without entries, each of which names the one behind it.
    fn chain(offsets: &[u32]) -> Vec<u8> {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        for next in offsets {
            file.extend_from_slice(&[0, 0]);
            file.extend_from_slice(&next.to_le_bytes());
        }
        file
    }

    fn tree(file: &[u8]) -> Tree<'_> {
        let (tiff, first) = Tiff::open(file, 0).unwrap();
        Tree::of(tiff, first)
    }

    #[test]
    fn a_circle_ends() {
        let found = chain(&[14, 20, 8]);
        let found = tree(&found);
        assert_eq!((found.directories.len(), found.cut), (3, false));
    }

    #[test]
    fn there_are_only_so_many() {
        let nexts: Vec<u32> = (0..1000).map(|at| 14 + 6 * at).collect();
        assert_eq!(tree(&chain(&nexts)).directories.len(), MOST);
    }

    #[test]
    fn a_page_behind_the_end_is_missed() {
        let found = chain(&[14, 9999]);
        let found = tree(&found);
        assert_eq!((found.directories.len(), found.cut), (2, true));
    }
}
