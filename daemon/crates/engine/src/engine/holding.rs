//! Pauses of a human's: kept on disk, so that they hold over a restart.

use std::time::Duration;

use super::Engine;
use crate::brake::Hold;
use crate::error::EngineError;
use crate::pause::Pause;
use crate::progress::now;

impl Engine {
    /// Holds all photos up, for a while or until [`Self::resume`], over a restart too. Photos in hand are finished. The
    /// pause is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn pause(&self, time: Option<Duration>) -> Result<Hold, EngineError> {
        let seconds = time.map(|time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
        let until = seconds.map(|seconds| now().saturating_add(seconds));
        let pause = Pause { until };
        self.0.brake.file.write(pause).map_err(|source| self.pause_error(source))?;
        self.set_pause(Some(pause));
        tracing::info!(until, "paused");
        Ok(Hold::User { until })
    }

    /// Ends a pause; false when there was none.
    ///
    /// # Errors
    /// When it cannot be forgotten; the pause holds then.
    pub fn resume(&self) -> Result<bool, EngineError> {
        self.0.brake.file.remove().map_err(|source| self.pause_error(source))?;
        let was = self.0.brake.user().is_some();
        self.set_pause(None);
        if was {
            tracing::info!("going on after a pause");
        }
        Ok(was)
    }

    fn set_pause(&self, pause: Option<Pause>) {
        self.0.brake.set_user(pause);
        self.0.bench.feed.set_gate(self.0.brake.gate());
        self.progress().pulse();
        self.progress().touch();
    }

    fn pause_error(&self, source: std::io::Error) -> EngineError {
        EngineError::PauseFile { path: self.0.brake.file.path().to_owned(), source }
    }

    /// What holds photos up, if anything does.
    #[must_use]
    pub fn hold(&self) -> Option<Hold> {
        self.0.brake.hold(self.0.bench.feed.held() > 0)
    }
}
