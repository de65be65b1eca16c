//! The allocator of tables.
#![allow(unsafe_code, reason = "an allocator is unsafe by its trait; see each SAFETY comment")]

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator, Global};

use crate::pool::{POOL, is_large};

/// What is small is the usual allocator's; what is large lies in memory as long as all of it together takes no more than
/// [`crate::place`] said, and in a file beyond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spill;

// SAFETY: both the usual allocator and the pool give memory that nobody else has, which stays where it is until it is given back;
// which of them has given it follows from the layout alone, so that any copy of this may give it back.
unsafe impl Allocator for Spill {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if is_large(layout) { POOL.allocate(layout) } else { Global.allocate(layout) }
    }

    unsafe fn deallocate(&self, at: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promises are passed on to who gave it, which the layout tells.
        unsafe { if is_large(layout) { POOL.deallocate(at, layout) } else { Global.deallocate(at, layout) } }
    }

    unsafe fn grow(&self, at: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: as above. What becomes large is the pool's from then on.
        unsafe { if is_large(new) { POOL.grow(at, old, new) } else { Global.grow(at, old, new) } }
    }
}
