//! How much memory tables take, and which of them are in files.
#![allow(unsafe_code, reason = "an allocator's parts; see each SAFETY comment")]

use std::alloc::Layout;
use std::collections::HashMap;
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use allocator_api2::alloc::{AllocError, Allocator, Global};

use crate::piece::Piece;

/// Bytes from which on a table, or a part of it, is counted and may go to a file.
pub(crate) const LARGE: usize = 1 << 20;
/// Bytes of memory that a daemon's tables take together: those of some 700,000 faces. The others are in files.
pub const MEMORY: usize = 160_000_000;
/// Where pages begin, at least; nothing wants to lie at rounder places.
const PAGE: usize = 4096;

/// All large tables of this process.
pub(crate) static POOL: Pool = Pool::new();

/// Says where tables go, for all of the process: to files in the folder `dir`, once those that lie in memory take `limit` bytes.
/// Before it is said all are in memory. The first word counts; false for any other.
///
/// Where the folder's disk has no room to give, tables stay in memory, with a warning.
pub fn place(dir: PathBuf, limit: usize) -> bool {
    POOL.place.set(Place { dir, limit }).is_ok()
}

/// What large tables take now.
#[must_use]
pub fn held() -> Held {
    POOL.held()
}

/// Bytes of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Of those in memory.
    pub memory: usize,
    /// Of those in files.
    pub files: usize,
}

#[derive(Debug)]
struct Place {
    dir: PathBuf,
    limit: usize,
}

#[derive(Debug)]
pub(crate) struct Pool {
    place: OnceLock<Place>,
    tables: Mutex<Option<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    /// Bytes of those in memory.
    memory: usize,
    /// Those in files, by where they begin, with their bytes.
    pieces: HashMap<usize, (Piece, usize)>,
    /// It was said that there is no room for files.
    warned: bool,
}

/// What is smaller is the business of the usual allocator alone.
pub(crate) fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= PAGE
}

impl Pool {
    pub(crate) const fn new() -> Self {
        Self { place: OnceLock::new(), tables: Mutex::new(None) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Tables) -> T) -> T {
        let mut tables: MutexGuard<'_, Option<Tables>> =
            self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        act(tables.get_or_insert_default())
    }

    fn held(&self) -> Held {
        self.with(|tables| {
            let files = tables.pieces.values().fold(0, |sum: usize, (_, size)| sum.saturating_add(*size));
            Held { memory: tables.memory, files }
        })
    }

    /// A file for so many bytes, where memory is to take no more; `None` where they belong into memory.
    fn file(&self, tables: &mut Tables, more: usize, size: usize) -> Option<(Piece, NonNull<u8>)> {
        let place = self.place.get().filter(|place| tables.memory.saturating_add(more) > place.limit)?;
        let found = Piece::new(&place.dir, size).and_then(|piece| {
            let start = piece.start()?;
            Ok((piece, start))
        });
        found.inspect_err(|error| tables.warn(place, error)).ok()
    }

    /// Memory for a large table.
    pub(crate) fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let size = layout.size();
        self.with(|tables| match self.file(tables, size, size) {
            Some((piece, start)) => Ok(tables.keep(piece, start, size)),
            None => {
                let found = Global.allocate(layout)?;
                tables.memory = tables.memory.saturating_add(size);
                Ok(found)
            }
        })
    }

    /// # Safety
    /// `at` came from [`Self::allocate`] or [`Self::grow`] of this pool with this layout, and nobody uses it any more.
    pub(crate) unsafe fn deallocate(&self, at: NonNull<u8>, layout: Layout) {
        self.with(|tables| {
            if tables.pieces.remove(&at.addr().get()).is_none() {
                tables.memory = tables.memory.saturating_sub(layout.size());
                // SAFETY: no file is there, so that it came from `Global`, with this layout.
                unsafe { Global.deallocate(at, layout) }
            }
        });
    }

    /// What lay at `at`, with room for more behind it.
    ///
    /// # Safety
    /// `at` came from [`Self::allocate`] or [`Self::grow`] of this pool where `old` is large, else from [`Global`], with the layout
    /// `old`; nobody uses it any more if this succeeds. `new` is large, no smaller than `old`, and as aligned.
    pub(crate) unsafe fn grow(
        &self,
        at: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        self.with(|tables| match tables.pieces.remove(&at.addr().get()) {
            // SAFETY: the caller's promises are passed on.
            Some((piece, _)) => unsafe { self.grow_piece(tables, piece, at, old, new) },
            // SAFETY: as above; no file is there, so that it came from `Global`.
            None => unsafe { self.grow_memory(tables, at, old, new) },
        })
    }

    /// # Safety
    /// As [`Self::grow`]; `piece` is what `at` is the beginning of.
    unsafe fn grow_piece(
        &self,
        tables: &mut Tables,
        mut piece: Piece,
        at: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let grown = piece.grow(new.size()).and_then(|()| piece.start());
        if let Ok(start) = grown {
            return Ok(tables.keep(piece, start, new.size()));
        }
        let found = match self.file(tables, new.size(), new.size()) {
            Some((other, start)) => tables.keep(other, start, new.size()),
            None => match Global.allocate(new) {
                Ok(found) => {
                    tables.memory = tables.memory.saturating_add(new.size());
                    found
                }
                Err(error) => {
                    tables.keep(piece, at, old.size());
                    return Err(error);
                }
            },
        };
        // SAFETY: what failed left the piece where it was, with `old` bytes; the other memory is new and larger.
        unsafe { found.cast::<u8>().copy_from_nonoverlapping(at, old.size()) };
        Ok(found)
    }

    /// # Safety
    /// As [`Self::grow`]; `at` came from [`Global`].
    unsafe fn grow_memory(
        &self,
        tables: &mut Tables,
        at: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let counted = if is_large(old) { old.size() } else { 0 };
        let more = new.size().saturating_sub(counted);
        if let Some((piece, start)) = self.file(tables, more, new.size()) {
            // SAFETY: the caller's word for what lies at `at`; the file is new and larger. Then nobody uses the old memory.
            unsafe {
                start.copy_from_nonoverlapping(at, old.size());
                Global.deallocate(at, old);
            }
            tables.memory = tables.memory.saturating_sub(counted);
            return Ok(tables.keep(piece, start, new.size()));
        }
        // SAFETY: the caller's promises are passed on.
        let found = unsafe { Global.grow(at, old, new) }?;
        tables.memory = tables.memory.saturating_add(more);
        Ok(found)
    }
}

impl Tables {
    fn keep(&mut self, piece: Piece, start: NonNull<u8>, size: usize) -> NonNull<[u8]> {
        self.pieces.insert(start.addr().get(), (piece, size));
        NonNull::slice_from_raw_parts(start, size)
    }

    fn warn(&mut self, place: &Place, error: &std::io::Error) {
        if !std::mem::replace(&mut self.warned, true) {
            let (folder, limit) = (place.dir.display(), place.limit >> 20);
            tracing::warn!(%error, %folder, "tables stay in memory beyond {limit} MiB: the folder's disk gives no room to files");
        }
    }
}

#[cfg(test)]
mod tests;
