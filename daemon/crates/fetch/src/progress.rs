//! What a long piece of work says of itself, and how it is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::FetchError;

/// The least time between two reports of the same phase.
const PACE: Duration = Duration::from_millis(100);

/// How far one file has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The file's name.
    pub file: String,
    /// Where it comes from: an address without user and password, or a path.
    pub source: String,
    /// What is being done.
    pub phase: Phase,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all; `None` when nobody said.
    pub total: Option<u64>,
}

/// What is being done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is on its way.
    Fetching,
    /// The other side asked for patience, or did not answer: tried again after this long.
    Waiting(Duration),
    /// Its bytes are compared with its sum.
    Verifying,
    /// It is taken out of an archive.
    Unpacking,
}

/// Tells work on another thread to end. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A switch that nobody has pulled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the work at its next step; what was fetched so far is kept.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was told to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn check(&self) -> Result<(), FetchError> {
        if self.is_cancelled() { Err(FetchError::Cancelled) } else { Ok(()) }
    }

    /// Sleeps for as long as nobody cancels.
    pub(crate) fn sleep(&self, time: Duration) -> Result<(), FetchError> {
        let until = Instant::now() + time;
        loop {
            self.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(PACE));
        }
    }
}

/// Passes reports on, but not every chunk's.
pub(crate) struct Reporter<'a> {
    to: &'a mut dyn FnMut(&Progress),
    last: Option<(Instant, Phase)>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(to: &'a mut dyn FnMut(&Progress)) -> Self {
        Self { to, last: None }
    }

    /// Reports when the phase is a new one, enough time went by, or it is done.
    pub(crate) fn tell(&mut self, progress: &Progress) {
        let now = Instant::now();
        let finished = progress.total == Some(progress.done);
        let due = self
            .last
            .is_none_or(|(at, phase)| phase != progress.phase || finished || now.duration_since(at) >= PACE);
        if due {
            self.last = Some((now, progress.phase));
            (self.to)(progress);
        }
    }
}
