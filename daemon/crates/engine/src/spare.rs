//! Memory for files and pixels, which goes from one photo to the next, whoever works on it. A card wants a hundred photos on their way
//! and more; did each of their threads keep what its last photo took, those that wait for their share of the budget would hold as
//! much as those that have one, and all of them while nothing is in hand.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A larger file's memory is given back at once.
const KEPT: usize = 16 << 20;

/// What one photo takes.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) file: Vec<u8>,
    pub(crate) pixels: vow_media::Buffers,
}

/// What nobody uses now.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<Memory>>);

impl Spare {
    fn all(&self) -> MutexGuard<'_, Vec<Memory>> {
        // Entries come and go whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was used last, which the processor may still have near, or something new.
    pub(crate) fn take(&self) -> Memory {
        self.all().pop().unwrap_or_default()
    }

    pub(crate) fn put(&self, mut memory: Memory) {
        if memory.file.capacity() > KEPT {
            memory.file = Vec::new();
        }
        self.all().push(memory);
    }

    /// Nothing is in hand: all of it goes back.
    pub(crate) fn clear(&self) {
        let all = std::mem::take(&mut *self.all());
        drop(all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize) -> Memory {
        Memory { file: Vec::with_capacity(bytes), ..Memory::default() }
    }

    #[test]
    fn the_last_one_is_used_again_and_none_is_left_at_rest() {
        let spare = Spare::default();
        assert_eq!(spare.take().file.capacity(), 0);
        spare.put(of(1000));
        spare.put(of(2000));
        assert!((2000..3000).contains(&spare.take().file.capacity()));
        assert!((1000..2000).contains(&spare.take().file.capacity()));
        spare.put(of(KEPT + 1));
        assert_eq!(spare.take().file.capacity(), 0, "too large to be kept");
        spare.put(of(1000));
        spare.clear();
        assert_eq!(spare.take().file.capacity(), 0);
    }
}
