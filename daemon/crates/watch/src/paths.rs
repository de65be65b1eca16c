//! Many paths in little room: each is kept as what differs from the one before it, but for one in 64, from which looking for a path
//! can begin. Of a million paths in the order of their bytes some fifteen bytes are left of each.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use vow_types::room_for;

/// The most bytes that a number takes.
const MOST: usize = 10;
/// One path in so many is whole.
const BLOCK: usize = 64;

/// A list of paths, in the order in which they were put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// Of each path: how many bytes it shares with the one before, how many follow, and these.
    bytes: Vec<u8>,
    /// Where the whole ones begin.
    whole: Vec<usize>,
    last: Vec<u8>,
    count: usize,
}

impl Paths {
    /// Puts a path behind the others.
    pub fn push(&mut self, path: &Path) {
        let path = path.as_os_str().as_bytes();
        let is_whole = self.count.is_multiple_of(BLOCK);
        if is_whole {
            room_for(&mut self.whole, 1);
            self.whole.push(self.bytes.len());
        }
        let alike = self.last.iter().zip(path).take_while(|(a, b)| a == b).count();
        let shared = if is_whole { 0 } else { alike };
        let rest = path.get(shared..).unwrap_or_default();
        room_for(&mut self.bytes, 2 * MOST + rest.len());
        write(&mut self.bytes, shared);
        write(&mut self.bytes, rest.len());
        self.bytes.extend_from_slice(rest);
        self.last.truncate(shared);
        self.last.extend_from_slice(rest);
        self.count += 1;
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = PathBuf> {
        let mut reader = Reader::default();
        std::iter::from_fn(move || reader.next(&self.bytes))
    }

    /// The paths of two lists in the order of their bytes, in that order.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return if self.is_empty() { other.clone() } else { self.clone() };
        }
        let (mut one, mut other) = (self.iter().peekable(), other.iter().peekable());
        let mut merged = Self::default();
        while let Some(path) = match (one.peek(), other.peek()) {
            (Some(a), Some(b)) if a.as_os_str().as_bytes() > b.as_os_str().as_bytes() => other.next(),
            (Some(_), _) => one.next(),
            _ => other.next(),
        } {
            merged.push(&path);
        }
        merged
    }

    /// How many are before these bytes, of a list in the order of its bytes.
    fn before(&self, bytes: &[u8]) -> usize {
        let starts_before = |at: &usize| {
            let mut reader = Reader { at: *at, path: Vec::new() };
            reader.advance(&self.bytes).is_some() && reader.path.as_slice() < bytes
        };
        let Some(block) = self.whole.partition_point(starts_before).checked_sub(1) else { return 0 };
        let Some(at) = self.whole.get(block) else { return 0 };
        let mut reader = Reader { at: *at, path: Vec::new() };
        let within = (0..BLOCK)
            .take_while(|_| reader.advance(&self.bytes).is_some() && reader.path.as_slice() < bytes)
            .count();
        block * BLOCK + within
    }
}

impl IntoIterator for Paths {
    type Item = PathBuf;
    type IntoIter = IntoPaths;

    fn into_iter(self) -> IntoPaths {
        IntoPaths { left: self.count, paths: self, reader: Reader::default() }
    }
}

/// The paths of a [`Paths`], one by one.
#[derive(Debug)]
pub struct IntoPaths {
    paths: Paths,
    reader: Reader,
    left: usize,
}

impl IntoPaths {
    /// How many of those that are still to come are this path or lie below it; of a list in the order of its bytes.
    #[must_use]
    pub fn at_or_below(&self, path: &Path) -> usize {
        let path = path.as_os_str().as_bytes();
        let taken = self.paths.count.saturating_sub(self.left);
        let from = |end: &[u8]| self.paths.before(&[path, end].concat()).max(taken);
        // No path has a zero in it, and what is below a path follows its slash, before whatever has a greater byte there.
        (from(b"\0") - from(b"")) + (from(b"0") - from(b"/"))
    }
}

impl Iterator for IntoPaths {
    type Item = PathBuf;

    fn next(&mut self) -> Option<PathBuf> {
        self.left = self.left.saturating_sub(1);
        self.reader.next(&self.paths.bytes)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for IntoPaths {}

/// Where the next path begins, and what the last one was.
#[derive(Debug, Default)]
struct Reader {
    at: usize,
    path: Vec<u8>,
}

impl Reader {
    fn next(&mut self, bytes: &[u8]) -> Option<PathBuf> {
        self.advance(bytes)?;
        Some(PathBuf::from(OsString::from_vec(self.path.clone())))
    }

    fn advance(&mut self, bytes: &[u8]) -> Option<()> {
        let mut left = bytes.get(self.at..)?;
        let shared = read(&mut left)?;
        let length = read(&mut left)?;
        let rest = left.get(..length)?;
        self.at = bytes.len() - left.len() + length;
        self.path.truncate(shared);
        self.path.extend_from_slice(rest);
        Some(())
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that there are more.
fn write(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 0x7F {
        bytes.push(u8::try_from(number & 0x7F).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

/// Takes the number off that the bytes begin with.
fn read(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_in_comes_out(list in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(0u8..3, 0..6),
                prop::collection::vec(any::<u8>(), 0..6),
                prop::collection::vec(0u8..2, 120..400),
            ], 0..20,
        )) {
            let list: Vec<PathBuf> = list.iter().map(|bytes| PathBuf::from(OsStr::from_bytes(bytes))).collect();
            let mut paths = Paths::default();
            list.iter().for_each(|path| paths.push(path));
            prop_assert_eq!((paths.len(), paths.is_empty()), (list.len(), list.is_empty()));
            prop_assert_eq!(&paths.iter().collect::<Vec<_>>(), &list);
            let mut owned = paths.into_iter();
            for left in (0..list.len()).rev() {
                prop_assert_eq!(owned.next(), list.get(list.len() - 1 - left).cloned());
                prop_assert_eq!(owned.len(), left);
            }
            prop_assert_eq!((owned.next(), owned.len()), (None, 0));
        }
    }

    proptest! {
        /// Against a plain list.
        #[test]
        fn ordered_lists_merge_and_know_what_lies_where(
            lists in prop::array::uniform2(prop::collection::btree_set("(/[a0!]{1,2}){1,3}", 0..200)),
            taken in 0usize..150, asked in prop::collection::vec("(/[a0!]{1,2}){1,3}", 1..20),
        ) {
            let [one, other] = lists.clone().map(|list| {
                let mut paths = Paths::default();
                list.iter().for_each(|path| paths.push(Path::new(path)));
                paths
            });
            let mut all: Vec<PathBuf> = lists.iter().flatten().map(PathBuf::from).collect();
            all.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
            let merged = one.merged(&other);
            prop_assert_eq!(&merged.iter().collect::<Vec<_>>(), &all);
            let mut left = merged.into_iter();
            left.by_ref().take(taken).for_each(drop);
            let ahead = all.get(taken..).unwrap_or_default();
            for path in asked {
                let path = Path::new(&path);
                let expected = ahead.iter().filter(|one| one.starts_with(path)).count();
                prop_assert_eq!(left.at_or_below(path), expected, "{:?}", path);
            }
        }
    }

    #[test]
    fn neighbours_share_what_they_begin_with() {
        let mut paths = Paths::default();
        for number in 0..1000 {
            paths.push(Path::new(&format!("/srv/photos/a long name of an album/IMG_{number:06}.jpg")));
        }
        assert!(paths.bytes.len() < 10_000, "{}", paths.bytes.len());
    }
}
