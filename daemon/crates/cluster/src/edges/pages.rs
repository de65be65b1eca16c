//! Something for each slot, in pages: of a million faces that were restored none has a candidate pair, and those that come have
//! theirs with few. A page takes room once one of its slots has something.

use vow_types::num::index;
use vow_types::room_for;

use crate::faces::Slot;

/// Slots of a page.
const PAGE: usize = 64;

/// What each slot has.
#[derive(Debug, Clone)]
pub(crate) struct Pages<T> {
    pages: Vec<Option<Box<[T; PAGE]>>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T: Default> Pages<T> {
    /// What a slot has; `None` where its page has nothing.
    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        self.pages.get(index(slot) / PAGE)?.as_ref()?.get(index(slot) % PAGE)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.pages.get_mut(index(slot) / PAGE)?.as_mut()?.get_mut(index(slot) % PAGE)
    }

    /// The same, with room made if need be.
    pub(crate) fn at(&mut self, slot: Slot) -> Option<&mut T> {
        let page = index(slot) / PAGE;
        if let Some(more) = (page + 1).checked_sub(self.pages.len()).filter(|more| *more > 0) {
            room_for(&mut self.pages, more);
            self.pages.resize_with(page + 1, || None);
        }
        let page = self.pages.get_mut(page)?;
        page.get_or_insert_with(|| Box::new(std::array::from_fn(|_| T::default())))
            .get_mut(index(slot) % PAGE)
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
        assert_eq!(pages.pages.iter().flatten().count(), 2);
        assert!(pages.get_mut(64).is_none());
    }
}
