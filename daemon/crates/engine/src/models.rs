//! What runs the models, for whoever asks; and the proof that another pack would run as well.

use std::path::Path;

use vow_infer::{FaceEngine, RuntimeInfo, Tuning};
use vow_models::Pack;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::graphs;

impl Engine {
    /// What runs the networks, and why.
    #[must_use]
    pub fn runtime(&self) -> RuntimeInfo {
        self.runtime_in_use().info()
    }

    /// Loads the pack in a folder with its graphs as they are, which is what a start with it falls back to, on the runtime
    /// that is in use, and lets go of it again.
    ///
    /// # Errors
    /// Why a start with it would be refused.
    pub fn try_pack(&self, folder: &Path) -> Result<(), EngineError> {
        let pack = Pack::load(folder)?;
        FaceEngine::start(graphs::as_they_are(pack), self.runtime_in_use(), &Tuning::new(1))?;
        Ok(())
    }
}
