//! How far sorting out anew is: told to whoever asked for it, who may end it. What is done is the parent's.

use std::fmt;
use std::sync::Arc;

use vow_cluster::Settling;

use crate::engine::Engine;
use crate::error::EngineError;

/// Questions to the index between two reports.
const ASKED_A_STEP: usize = 64;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefitStage {
    /// Faces are read from the store.
    Reading,
    /// Every face is compared with every other one.
    Density,
    /// The faces around every face are looked for.
    Comparing,
    /// Groups are merged, best first; how many merges there will be nobody knows before, but about ([`Settling::Merging`]).
    Merging,
    /// The difference is told, or made so.
    Applying,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefitStep {
    /// What is being done.
    pub stage: RefitStage,
    /// Faces that are done; while groups are merged, what is done of that.
    pub done: usize,
    /// Of so many; `None` where that is not known before.
    pub total: Option<usize>,
}

/// Is told how far it is, and answers whether to go on.
pub type Onlooker = Arc<dyn Fn(RefitStep) -> bool + Send + Sync>;

/// Tells the onlooker.
#[derive(Clone)]
pub(super) struct Steps {
    engine: Engine,
    onlooker: Onlooker,
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").finish_non_exhaustive()
    }
}

impl Steps {
    pub(super) fn new(engine: &Engine, onlooker: Onlooker) -> Self {
        Self { engine: engine.clone(), onlooker }
    }

    /// Says how far it is.
    ///
    /// # Errors
    /// When it is to end.
    pub(super) fn say(
        &self,
        stage: RefitStage,
        done: usize,
        total: Option<usize>,
    ) -> Result<(), EngineError> {
        let goes_on = (self.onlooker)(RefitStep { stage, done, total });
        if goes_on && !self.engine.is_stopping() { Ok(()) } else { Err(self.why_not()) }
    }

    /// Why it ended before its end.
    pub(super) fn why_not(&self) -> EngineError {
        if self.engine.is_stopping() { EngineError::Stopping } else { EngineError::Cancelled }
    }

    /// As [`Self::say`], every few milliseconds while everyone is sorted out; whether to go on.
    pub(super) fn settling(&self, step: Settling) -> bool {
        let said = match step {
            Settling::Asking { done, .. } if !done.is_multiple_of(ASKED_A_STEP) => return true,
            Settling::Asking { done, of } => self.say(RefitStage::Comparing, done, Some(of)),
            Settling::Merging { done, of } => self.say(RefitStage::Merging, done, Some(of)),
        };
        said.is_ok()
    }
}
