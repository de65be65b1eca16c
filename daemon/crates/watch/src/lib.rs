//! Which files changed: a scan that says what is there, a comparison with what is known, and hints from the kernel
//! about where to look.
//!
//! The scan is the truth, a hint is only a reason to look: kernels drop events, network shares send none. This crate
//! opens no file, knows no picture format (the caller says which names are pictures) and no store. It alone knows
//! `notify`.

mod compare;
mod debounce;
mod error;
mod judge;
mod kernel;
mod look;
mod mounts;
mod paths;
mod tree;
mod walk;
mod watcher;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use vow_types::Failure;

pub use compare::{Comparison, Plan};
pub use error::WatchError;
pub use look::look;
pub use paths::{IntoPaths, Paths};
pub use watcher::Watcher;

/// A picture file as its folder shows it; it has not been opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is: the scanned root, then names as they are on disk (not necessarily UTF-8). Of a link, its own path.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970; before that negative.
    pub mtime_ns: i64,
    /// Number of the file in its filesystem.
    pub inode: u64,
}

/// Why something in a folder is none of our business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// The name is not that of a picture.
    NotAPicture,
    /// The name starts with a dot. Hidden folders are not entered.
    Hidden,
    /// Wastebaskets, snapshots and thumbnails that systems keep (`@eaDir`, `#recycle`, `lost+found` …). Not entered.
    SystemFolder,
    /// A pipe, socket or device.
    SpecialFile,
}

/// One thing a scan came across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A picture file.
    Picture(Found),
    /// Left out on purpose.
    Ignored {
        /// What was left out.
        path: PathBuf,
        /// And why.
        why: Ignored,
    },
    /// Could not be looked at. Nothing is known about this path and what lies below it: give it to
    /// [`Comparison::finish`] as unseen, or files below it would count as gone.
    Problem {
        /// The folder or link.
        path: PathBuf,
        /// [`vow_types::Stage::Scan`], the cause and what to do.
        failure: Failure,
    },
}

/// What is at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// As a scan would see it.
    Seen(Seen),
    /// A folder: [`scan_below`] says what is in it.
    Folder,
    /// Nothing: what was known at this path and below it is gone.
    Gone,
}

/// What a finished scan says of the scanned folder itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// Number of the filesystem. Another number than last time means that another disk is mounted, or none.
    pub device: u64,
}

/// A reason to look.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hint {
    /// Something happened at this path and it is quiet now: [`look`] at it. It may be gone, or be a folder that is
    /// gone.
    Touched(PathBuf),
    /// A folder appeared, or events were lost: [`scan_below`] it. For a watched root that is offline then: call
    /// [`Watcher::watch`] again once it is back.
    Rescan(PathBuf),
    /// A disk came to this place, or went away from it, anywhere on the machine: [`Watcher::watch`] and [`scan`] every folder
    /// that holds the place or lies in it.
    Mounted(PathBuf),
}

/// Lists everything below `root`, in the order of the bytes of paths (what is in a folder as if the folder's own name ended in a
/// slash). No file is opened; links are followed, but not into a folder that they lie in. `is_picture` gets the file name alone.
///
/// When `visit` breaks, the scan ends early and what was visited is not all there is.
///
/// # Errors
/// [`WatchError::Offline`] when the root is missing, not readable, or went away while it was scanned: whatever was
/// visited until then must not be taken for the state of the folder.
pub fn scan(
    root: &Path,
    is_picture: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Seen) -> ControlFlow<()>,
) -> Result<Root, WatchError> {
    scan_below(root, root, is_picture, visit)
}

/// As [`scan`], but only `folder`, which is `root` or lies below it, judged as the scan of `root` judges it: for
/// [`Hint::Rescan`]. The device is that of `folder`.
///
/// # Errors
/// As [`scan`], for `folder`.
pub fn scan_below(
    root: &Path,
    folder: &Path,
    is_picture: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Seen) -> ControlFlow<()>,
) -> Result<Root, WatchError> {
    walk::walk(root, folder, is_picture, &mut |step| match step {
        walk::Step::Folder { .. } => ControlFlow::Continue(()),
        walk::Step::Seen(seen) => visit(seen),
    })
}
