//! A list that may lie in a file.

use std::ops::{Deref, DerefMut};

use allocator_api2::vec::Vec;

use crate::Spill;

/// How many more entries a list asks for room for that has so many, room for so many, and is to take `more`: 0 when it has
/// enough, otherwise a quarter of what it holds or what is asked for, whichever is more. So a fifth of a long list is empty at
/// most, where lists usually double and leave up to half of it empty.
#[must_use]
pub const fn room(len: usize, capacity: usize, more: usize) -> usize {
    if capacity.saturating_sub(len) >= more {
        return 0;
    }
    let quarter = len / 4;
    let wanted = if quarter > more { quarter } else { more };
    if wanted > 4 { wanted } else { 4 }
}

/// The list of the standard library, but for where it lies, and that little of a long one is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(Vec<T, Spill>);

impl<T> List<T> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new_in(Spill))
    }

    fn make_room(&mut self, more: usize) {
        self.0.reserve_exact(room(self.0.len(), self.0.capacity(), more));
    }

    /// One entry more, at the end.
    pub fn push(&mut self, entry: T) {
        self.make_room(1);
        self.0.push(entry);
    }

    /// At least so many entries: `fill` makes those that are missing.
    pub fn reach(&mut self, len: usize, fill: impl FnMut() -> T) {
        let more = len.saturating_sub(self.0.len());
        self.make_room(more);
        self.0.resize_with(self.0.len().saturating_add(more), fill);
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_of_a_long_list_is_empty() {
        for more in [1, 7] {
            let (mut list, mut moved) = (List::new(), 0);
            while list.len() < 100_000 {
                let before = list.0.capacity();
                if more == 1 {
                    list.push(0u32)
                } else {
                    list.reach(list.len() + more, || 0)
                }
                moved += usize::from(list.0.capacity() != before) * list.len();
            }
            assert!(list.0.capacity() <= 126_000, "{}", list.0.capacity());
            assert!(moved < 500_000, "{moved} entries were moved");
        }
    }
}
