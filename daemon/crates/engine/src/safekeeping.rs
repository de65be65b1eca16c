//! Keeping what is known safe: a copy of the store, and the way back to one.

use std::path::Path;

use vow_store::{Contents, prepare_restore};

use crate::engine::{Engine, behind};
use crate::error::EngineError;

/// The store's name in the data folder.
pub(crate) const STORE: &str = "vow.redb";

impl Engine {
    /// Copies the store, as it is now, into a new file. Returns its size in bytes.
    ///
    /// # Errors
    /// When there is something of that name, or it cannot be written.
    pub fn backup(&self, to: &Path) -> Result<u64, EngineError> {
        if !to.is_absolute() {
            return Err(EngineError::Incomplete("a backup needs an absolute path"));
        }
        self.store().backup(to).map_err(EngineError::Backup)
    }

    /// Looks whether a file is a whole store, and what is in it. If `keep`, the next start of an engine on this data folder
    /// begins with a copy of it, and keeps the store that is there now; until then nothing changes.
    ///
    /// # Errors
    /// When it is no whole store that this version reads, or the copy cannot be written.
    pub fn restore(&self, file: &Path, keep: bool) -> Result<Contents, EngineError> {
        if !file.is_absolute() {
            return Err(EngineError::Incomplete("what is to be restored needs an absolute path"));
        }
        behind("restore", self.config().nice, || {
            let store = self.config().data_dir.join(STORE);
            let store = std::path::absolute(&store).unwrap_or(store);
            prepare_restore(file, &store, keep).map_err(EngineError::Restore)
        })
    }
}
