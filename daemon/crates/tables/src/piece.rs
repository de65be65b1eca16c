//! One piece of memory that is a file without a name.

use std::fs::File;
use std::io;
use std::path::Path;
use std::ptr::NonNull;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate, fstatvfs};

/// Bytes of the disk that are left to others: the store needs room, too.
const LEFT: u64 = 1 << 30;

/// Memory that the kernel may write to a file, and take back, at any time. The file goes with it.
#[derive(Debug)]
pub(crate) struct Piece {
    file: File,
    map: MmapRaw,
}

impl Piece {
    /// A new one of `size` bytes, all zero, in the folder `dir`. Its room on the disk is taken at once: were it taken when it is
    /// written to, a full disk would end the process.
    ///
    /// # Errors
    /// Where the disk has no room, or can give none ahead.
    pub(crate) fn new(dir: &Path, size: usize) -> io::Result<Self> {
        let file = tempfile::tempfile_in(dir)?;
        take_room(&file, 0, size)?;
        let map = MmapOptions::new().len(size).map_raw(&file)?;
        Ok(Self { file, map })
    }

    pub(crate) fn start(&self) -> io::Result<NonNull<u8>> {
        NonNull::new(self.map.as_mut_ptr()).ok_or_else(|| io::Error::other("no address"))
    }

    /// Makes it larger, with what it holds. It may lie elsewhere afterwards. What fails changes nothing.
    ///
    /// # Errors
    /// As [`Self::new`].
    #[cfg(target_os = "linux")]
    #[allow(unsafe_code, reason = "see the SAFETY comment")]
    pub(crate) fn grow(&mut self, size: usize) -> io::Result<()> {
        take_room(&self.file, self.map.len(), size)?;
        // SAFETY: the file has that many bytes now, and nobody else can make it shorter, since it has no name.
        unsafe { self.map.remap(size, memmap2::RemapOptions::new().may_move(true)) }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn grow(&mut self, _: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Takes room on the disk for a file that had `before` bytes and is to have `size`.
fn take_room(file: &File, before: usize, size: usize) -> io::Result<()> {
    let bytes = |size| u64::try_from(size).map_err(io::Error::other);
    let (before, size) = (bytes(before)?, bytes(size)?);
    #[cfg(test)]
    if tests::FULL.get() {
        return Err(io::ErrorKind::StorageFull.into());
    }
    let disk = fstatvfs(file)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < LEFT.saturating_add(size.saturating_sub(before)) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(fallocate(file, FallocateFlags::empty(), 0, size)?)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// Whether this thread finds all disks full.
        pub(crate) static FULL: Cell<bool> = const { Cell::new(false) };
    }
}
