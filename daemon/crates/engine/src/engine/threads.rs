//! The engine's threads: how they are started, step back for others, and report their end.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use vow_machine::lower_priority;
use vow_store::StoreError;

use crate::error::EngineError;
use crate::progress::Progress;

/// Starts threads that report their own end.
pub(super) struct Starter {
    pub(super) failed: Arc<Mutex<Option<EngineError>>>,
    pub(super) progress: Arc<Progress>,
    pub(super) nice: u8,
}

impl Starter {
    /// A thread that steps back for whatever else the machine does.
    pub(super) fn start_behind(
        &self,
        name: &'static str,
        body: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
    ) -> Result<JoinHandle<()>, EngineError> {
        let nice = self.nice;
        self.start(name, move || {
            step_back(nice);
            body()
        })
    }

    pub(super) fn start(
        &self,
        name: &'static str,
        body: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
    ) -> Result<JoinHandle<()>, EngineError> {
        let (failed, progress) = (Arc::clone(&self.failed), Arc::clone(&self.progress));
        let guarded = move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            let error = match result {
                Ok(Ok(())) => return,
                Ok(Err(error)) => EngineError::Store(error),
                Err(_) => {
                    EngineError::Failed { thread: name, reason: "it panicked; the log says where".to_owned() }
                }
            };
            tracing::error!(thread = name, %error, "a thread of the engine ended");
            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            progress.touch();
        };
        let thread = std::thread::Builder::new().name(format!("vow-{name}")).spawn(guarded);
        thread.map_err(EngineError::Thread)
    }
}

fn step_back(nice: u8) {
    if let Err(error) = lower_priority(nice) {
        tracing::warn!(%error, nice, "a thread keeps its priority");
    }
}

/// Works on a thread that stepped back, and waits for it. The models are started so: the threads that run them, and those
/// of the runtime's own, are its children and inherit that. They serve new photos and the backlog alike; a second set for
/// new photos would cost its memory all the time. Where nobody else wants the processor, niceness costs nothing.
pub(crate) fn behind<T: Send>(
    name: &'static str,
    nice: u8,
    work: impl FnOnce() -> Result<T, EngineError> + Send,
) -> Result<T, EngineError> {
    std::thread::scope(|scope| {
        let started = std::thread::Builder::new().name(format!("vow-{name}")).spawn_scoped(scope, || {
            step_back(nice);
            work()
        });
        let reason =
            || EngineError::Failed { thread: name, reason: "it panicked; the log says where".to_owned() };
        started.map_err(EngineError::Thread)?.join().map_err(|_| reason())?
    })
}
