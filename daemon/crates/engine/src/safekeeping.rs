//! Keeping what is known safe: a copy of the store.

use std::path::Path;

use crate::engine::Engine;
use crate::error::EngineError;

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
}
