//! What can go wrong with a watched folder ([`WatchError`], for the caller) and with single things in it
//! ([`Obstacle`], which becomes a stored failure). Decides nothing.

use std::io;
use std::path::{Path, PathBuf};

use vow_types::{Failure, Stage};

use crate::Seen;

/// Why a folder cannot be scanned or watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Missing or not readable: a disk that is not mounted, a folder that was moved. Its files are not gone.
    #[error("the folder {} is offline; mount or restore it, or remove it from the watched folders", path.display())]
    Offline {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The kernel watches no more folders for this user.
    #[error(
        "the kernel's limit of watched folders is reached at {}; raise it \
         (sysctl fs.inotify.max_user_watches=1048576), until then changes are only found by scanning",
        path.display()
    )]
    TooManyWatches {
        /// The folder that was one too many.
        path: PathBuf,
    },
    /// The kernel gave no notification handle.
    #[error(
        "cannot listen for file changes; when too many programs do, raise the limit \
         (sysctl fs.inotify.max_user_instances=1024)"
    )]
    Listen {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The kernel refuses to watch a root that can be read.
    #[error("cannot watch the folder {}; changes are only found by scanning", path.display())]
    Refused {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system gave no thread.
    #[error("cannot start the thread that listens for file changes; raise the limit of threads (ulimit -u)")]
    Thread {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Why one thing below a watched folder could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Obstacle {
    #[error("cannot list the folder {}; check its permissions and its disk", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot look at {}; check the permissions of its folder and its disk", path.display())]
    Entry { path: PathBuf, source: io::Error },
    #[error("the link {} points to nothing; mount or restore what it points to, or remove the link", path.display())]
    Dangling { path: PathBuf },
    #[error("the link {} leads round in a circle; remove it", path.display())]
    Circle { path: PathBuf },
    #[error("the folder {} of {} is offline; mount or restore it", root.display(), path.display())]
    Offline { root: PathBuf, path: PathBuf, source: io::Error },
}

/// What the system said, without the library that passed it on.
pub(crate) fn system(error: notify::Error) -> io::Error {
    match error.kind {
        notify::ErrorKind::Io(error) => error,
        _ => io::Error::other(error),
    }
}

impl Obstacle {
    fn path(&self) -> &Path {
        match self {
            Self::Folder { path, .. }
            | Self::Entry { path, .. }
            | Self::Dangling { path }
            | Self::Circle { path }
            | Self::Offline { path, .. } => path,
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        Seen::Problem { path: self.path().to_owned(), failure: Failure::new(Stage::Scan, self) }
    }
}
