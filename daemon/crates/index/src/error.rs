//! Why the index could not do what was asked. The answer is the same to most: delete the snapshot, build anew from
//! the store.

use std::io;
use std::path::PathBuf;

use vow_types::FaceId;

use crate::graph::MOST;

/// Why the index could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// An embedding of another pack.
    #[error(
        "face {face} has {found} components, this index holds vectors of {expected}; build an index for its pack"
    )]
    Dimension {
        /// The face.
        face: FaceId,
        /// Its components.
        found: usize,
        /// The index's.
        expected: usize,
    },
    /// Links are counted with 32 bits.
    #[error("the index is full: it holds {MOST} different faces at most")]
    Full,
    /// The snapshot could not be written; the one before it, if any, is as it was.
    #[error("cannot write the index snapshot {}; check the disk, or go on without (it is rebuilt at the next start)", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The snapshot is there and cannot be read.
    #[error("cannot read the index snapshot {}; check the disk, or delete it: it is rebuilt from the store", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A snapshot that is not what was written.
    #[error("the index snapshot {} is damaged ({reason}); delete it: it is rebuilt from the store", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
}
