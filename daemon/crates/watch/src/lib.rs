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
mod once;
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
    /// Wastebaskets, snapshots and thumbnails that systems keep (`@eaDir`, `#recycle`, `lost+found` …), file systems that the
    /// kernel makes up (`/proc`, `/sys` …), and the folder that the caller named. Not entered.
    SystemFolder,
    /// A folder that has another path below the same root: of a link into the root, the folder's own, of a further link to a
    /// folder outside, that of the first. Not entered.
    ShownElsewhere,
    /// A pipe, socket or device.
    SpecialFile,
}

/// One thing a scan came across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A folder that is about to be read: what is in it comes next.
    Folder {
        /// Its path below the root.
        path: PathBuf,
        /// Whether the path's last name is a link.
        linked: bool,
    },
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
    /// As a scan would see it. Of a folder, [`scan_below`] says what is in it, and whether it has another path.
    Seen(Seen),
    /// Nothing: what was known at this path and below it is gone.
    Gone,
}

/// What a finished scan says of the scanned folder itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// Number of the filesystem. Another number than last time means that another disk is mounted, or none.
    pub device: u64,
    /// Whether a link was followed out of the root. Where that is so in a part, only a scan of the whole says whether another
    /// link leads to the same folder.
    pub leads_out: bool,
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
/// slash). No file is opened. Links are followed, but every folder is listed once: see [`Ignored::ShownElsewhere`].
/// `is_picture` gets the file name alone.
///
/// When `visit` breaks, the scan ends early and what was visited is not all there is. It is called for every folder, so that this
/// is possible where there is nothing else.
///
/// # Errors
/// [`WatchError::Offline`] when the root is missing, not readable, or went away while it was scanned: whatever was
/// visited until then must not be taken for the state of the folder.
pub fn scan(
    root: &Path,
    is_picture: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Seen) -> ControlFlow<()>,
) -> Result<Root, WatchError> {
    scan_below(root, root, None, is_picture, visit)
}

/// As [`scan`], but only `folder`, which is `root` or lies below it, judged as the scan of `root` judges it: for
/// [`Hint::Rescan`]. The device is that of `folder`. The folder `without` is left out wherever it is come across, unless it is
/// the root itself.
///
/// # Errors
/// As [`scan`], for `folder`.
pub fn scan_below(
    root: &Path,
    folder: &Path,
    without: Option<&Path>,
    is_picture: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Seen) -> ControlFlow<()>,
) -> Result<Root, WatchError> {
    walk::walk(root, folder, without, is_picture, visit)
}

/// Whether a folder is one of those that the kernel makes up ([`Ignored::SystemFolder`]). One that cannot be read is not.
#[must_use]
pub fn is_made_up(folder: &Path) -> bool {
    std::fs::File::open(folder).is_ok_and(|open| once::is_made_up(&open.into()))
}
