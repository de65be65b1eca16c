//! Which files changed: a scan that says what is there, a comparison with what is known, and hints from the kernel
//! about where to look.
//!
//! The scan is the truth, a hint is only a reason to look. This crate opens no file, knows no picture format (the
//! caller says which names are pictures) and no store. It alone knows `notify`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use vow_types::Failure;

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
    /// Could not be looked at. Nothing is known about this path and what lies below it: give it to [`compare`] as
    /// unseen, or files below it would count as gone.
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

/// Why a folder cannot be scanned or watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Missing or not readable: a disk that is not mounted, a folder that was moved. Its files are not gone.
    #[error("{} is offline; mount or restore it, or remove it from the watched folders", path.display())]
    Offline {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Lists everything below `root`.
///
/// # Errors
/// [`WatchError::Offline`].
pub fn scan(
    root: &Path,
    is_picture: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Seen) -> ControlFlow<()>,
) -> Result<Root, WatchError> {
    scan_below(root, root, is_picture, visit)
}

/// As [`scan`], but only `folder`, which is `root` or lies below it; for [`Hint::Rescan`].
///
/// # Errors
/// [`WatchError::Offline`] when the folder is missing or not readable.
pub fn scan_below(
    root: &Path,
    folder: &Path,
    is_picture: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Seen) -> ControlFlow<()>,
) -> Result<Root, WatchError> {
    let _ = (root, is_picture, visit);
    Err(WatchError::Offline { path: folder.to_owned(), source: std::io::ErrorKind::Unsupported.into() })
}

/// Judges one path as a scan of `root` would; for [`Hint::Touched`].
#[must_use]
pub fn look(root: &Path, path: &Path, is_picture: &dyn Fn(&Path) -> bool) -> Looked {
    let _ = (root, path, is_picture);
    Looked::Gone
}

/// What to do about the difference between what is known and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Not known yet.
    pub new: Vec<Found>,
    /// Known with another size or time, or moved here from another known path.
    pub changed: Vec<Found>,
    /// Known, and no longer there.
    pub gone: Vec<PathBuf>,
    /// As known.
    pub unchanged: u64,
    /// Known, not found, but below a path that could not be seen: nothing to do until it can.
    pub withheld: u64,
}

/// Compares what is known of a folder (path, size, mtime in nanoseconds, inode) with a finished scan of the same
/// folder. `unseen`: the paths of the scan's [`Seen::Problem`]s.
#[must_use]
pub fn compare(
    known: impl IntoIterator<Item = (PathBuf, u64, i64, u64)>,
    found: impl IntoIterator<Item = Found>,
    unseen: impl IntoIterator<Item = PathBuf>,
) -> Plan {
    let _ = (known, found, unseen);
    Plan::default()
}

/// A reason to look.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hint {
    /// Something happened at this path and it is quiet now: [`look`] at it. It may be gone, or be a folder that is gone.
    Touched(PathBuf),
    /// A folder appeared, or events were lost: [`scan_below`] it. For a watched root that is offline then: call
    /// [`Watcher::watch`] again once it is back.
    Rescan(PathBuf),
}

/// Listens to the kernel and calls back with hints; sleeps while nothing happens.
#[derive(Debug)]
pub struct Watcher {}

impl Watcher {
    /// Starts listening; watches nothing yet. `on_hint` runs on the watcher's own thread.
    ///
    /// # Errors
    /// When the kernel gives no notification handle.
    pub fn start(on_hint: impl Fn(Hint) + Send + 'static) -> Result<Self, WatchError> {
        drop(on_hint);
        Ok(Self {})
    }

    /// Watches a folder and all below it; again: anew. Call it before the scan, so that nothing falls between. Walks
    /// the folders on the caller's thread.
    ///
    /// # Errors
    /// Offline, or too many watches: then nothing of this folder is watched, and it must be scanned periodically.
    pub fn watch(&self, root: &Path) -> Result<(), WatchError> {
        let _ = root;
        Ok(())
    }

    /// Stops watching a folder; one that is not watched is fine.
    pub fn unwatch(&self, root: &Path) {
        let _ = root;
    }

    /// Watched roots that have folders which could not be watched (the kernel's limit was reached after
    /// [`Self::watch`]): these must be scanned periodically.
    #[must_use]
    pub fn incomplete(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}
