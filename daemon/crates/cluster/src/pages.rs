//! Something for each slot, in pages: of a million faces that were restored none has a candidate pair, those that come have
//! theirs with few, and a trial is about some hundreds. A page takes room once one of its slots has something.

use vow_tables::List;
use vow_types::num::{index, len_u32};
use vow_types::room_for;

use crate::faces::Slot;

/// Slots of a page.
const PAGE: usize = 64;

/// What each slot has.
#[derive(Debug, Clone)]
pub(crate) struct Pages<T> {
    /// The number of each page, counted from 1; 0 where it has nothing.
    numbers: Vec<u32>,
    pages: List<[T; PAGE]>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { numbers: Vec::new(), pages: List::new() }
    }
}

impl<T: Default> Pages<T> {
    /// What a slot has; `None` where its page has nothing.
    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        let number = self.numbers.get(index(slot) / PAGE)?.checked_sub(1)?;
        self.pages.get(index(number))?.get(index(slot) % PAGE)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        let number = self.numbers.get(index(slot) / PAGE)?.checked_sub(1)?;
        self.pages.get_mut(index(number))?.get_mut(index(slot) % PAGE)
    }

    /// The same, with room made if need be.
    pub(crate) fn at(&mut self, slot: Slot) -> Option<&mut T> {
        let page = index(slot) / PAGE;
        if let Some(more) = (page + 1).checked_sub(self.numbers.len()).filter(|more| *more > 0) {
            room_for(&mut self.numbers, more);
            self.numbers.resize(page + 1, 0);
        }
        let number = self.numbers.get_mut(page)?;
        if *number == 0 {
            self.pages.push(std::array::from_fn(|_| T::default()));
            *number = len_u32(self.pages.len());
        }
        self.get_mut(slot)
    }

    /// What the slots of all pages have that have something, in no order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pages.iter_mut().flatten()
    }

    /// All slots up to the last that has something, and some more.
    pub(crate) fn slots(&self) -> std::ops::Range<Slot> {
        0..len_u32(self.numbers.len().saturating_mul(PAGE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_has_nothing_takes_no_room() {
        let mut pages: Pages<u32> = Pages::default();
        *pages.at(1_000_000).unwrap() = 7;
        *pages.at(3).unwrap() = 8;
        assert_eq!(
            [3, 4, 64, 1_000_000, 2_000_000].map(|slot| pages.get(slot).copied()),
            [Some(8), Some(0), None, Some(7), None]
        );
        assert_eq!(pages.pages.len(), 2);
        assert!(pages.slots().contains(&1_000_000) && pages.slots().end <= 1_000_064);
        assert!(pages.get_mut(64).is_none());
    }
}
