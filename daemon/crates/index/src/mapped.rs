//! A file's bytes as memory of the kernel's: read when they are touched, given back whenever memory is short. The only file of
//! the crate with `unsafe` in it.
//!
//! What is mapped was read and checked before, and the file is never written again: a newer one takes its name, and this one
//! stays whole until nobody has it any more. Should somebody else write into it, numbers are wrong, which whoever reads them
//! survives: any bytes are numbers, and all of them are looked at as if a stranger had sent them. Should somebody else cut it
//! short, or the disk fail to read what was read before, the kernel ends this process (SIGBUS), as it would were a part of the
//! program itself lost; the store does not mind, and the next start finds the snapshot damaged and builds the index anew.
#![allow(unsafe_code, reason = "a file is mapped, which others could write to; see each SAFETY comment")]

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use bytemuck::AnyBitPattern;
use memmap2::{Mmap, MmapOptions, UncheckedAdvice};

/// A whole file, mapped.
#[derive(Debug)]
pub(crate) struct Mapped(Mmap);

impl Mapped {
    /// Maps a file that is open for reading. Private, because some file systems map in no other way; nothing is ever written.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the bytes are only ever looked at as numbers of any value, each time through `get`, and no reference to them
        // outlives a call. That they could change in between is what the introduction is about.
        unsafe { MmapOptions::new().map_copy_read_only(file) }.map(Self)
    }

    /// The process does without what it touched until it touches it again. It stays in the kernel's cache.
    pub(crate) fn let_go(&self) {
        // SAFETY: nothing was written to these pages, so what comes back when they are touched again is the file's.
        if let Err(error) = unsafe { self.0.unchecked_advise(UncheckedAdvice::DontNeed) } {
            tracing::debug!(%error, "memory of a mapped file could not be let go");
        }
    }
}

/// Numbers that follow one another in a mapped file.
#[derive(Debug)]
pub(crate) struct Run<T> {
    map: Arc<Mapped>,
    bytes: Range<usize>,
    of: PhantomData<T>,
}

impl<T> Run<T> {
    /// `bytes` are where they lie; what does not lie in the file, or not where such numbers can, is not there.
    pub(crate) fn new(map: &Arc<Mapped>, bytes: Range<usize>) -> Self {
        Self { map: Arc::clone(map), bytes, of: PhantomData }
    }
}

impl<T: AnyBitPattern> AsRef<[T]> for Run<T> {
    fn as_ref(&self) -> &[T] {
        let bytes = self.map.0.get(self.bytes.clone()).unwrap_or(&[]);
        bytemuck::try_cast_slice(bytes).unwrap_or(&[])
    }
}
