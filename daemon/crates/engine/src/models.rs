//! What runs the models, for whoever asks; and the proof that another pack would run as well.

use std::path::Path;

use vow_infer::{Runtime, RuntimeInfo, Tuning};
use vow_models::Pack;
use vow_types::{Lane, num};
use vow_vision::Framed;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::graphs::{self, Others, Place};

impl Engine {
    /// What runs the networks, and why.
    #[must_use]
    pub fn runtime(&self) -> RuntimeInfo {
        self.runtime_in_use().info()
    }

    /// Starts the pack in a folder as the engine would be started with it, on a runtime of its own, looks at one black picture in
    /// every frame that its detector takes, and lets go of it again. The networks in use are not touched, and what was
    /// prepared is kept for the start.
    ///
    /// # Errors
    /// Why a start with it would be refused, or no photo be indexed with it.
    pub fn try_pack(&self, folder: &Path) -> Result<(), EngineError> {
        let config = self.config();
        // A GPU that cannot take these networks is given up by whoever tried: that must not be the runtime in use.
        // What it says of cards was said when that one was started.
        let runtime = Runtime::start_quietly(&config.runtime, config.provider, &config.data_dir)?;
        let tuning = Tuning { threads: 1, ..config.tuning(runtime.provider()) };
        let again = || Ok(Pack::load(folder)?);
        let place = Place { others: Others::Keep, ..Place::of(config) };
        let faces = graphs::start(again()?, place, (&runtime, &tuning), again)?;
        // What is tried out there is remembered for the start; a card that fails is given up with a warning.
        let on_card = faces.wait_for_card();
        tracing::debug!(on_card, "a pack is tried");
        for shape in faces.shapes().iter().copied().chain([faces.close_up()]) {
            let pixels = vec![0; 3 * num::index(shape.width) * num::index(shape.height)];
            faces.detect(Framed { shape, pixels, fitted: shape }, Lane::Live)?;
        }
        Ok(())
    }
}
