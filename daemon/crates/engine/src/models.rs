//! What runs the models, for whoever asks; and the proof that another pack would run as well.

use std::path::Path;

use vow_infer::{FaceEngine, Models, RuntimeInfo, Tuning};
use vow_models::Pack;

use crate::engine::Engine;
use crate::error::EngineError;

impl Engine {
    /// What runs the networks, and why.
    #[must_use]
    pub fn runtime(&self) -> RuntimeInfo {
        self.runtime_in_use().info()
    }

    /// Loads the pack in a folder as a start with it would, on the runtime that is in use, and lets go of it again.
    ///
    /// # Errors
    /// Why a start with it would be refused.
    pub fn try_pack(&self, folder: &Path) -> Result<(), EngineError> {
        let pack = Pack::load(folder)?;
        let models = Models {
            detector: pack.detector,
            detector_graph: pack.detector_graph,
            embedder: pack.embedder,
            embedder_graph: pack.embedder_graph,
            detector_half: None,
            embedder_half: None,
            pack_name: pack.name,
        };
        FaceEngine::start(models, self.runtime_in_use(), &Tuning::new(1))?;
        Ok(())
    }
}
