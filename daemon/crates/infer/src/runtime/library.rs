//! Starts ONNX Runtime, once in the life of the process, and leads what it logs to `tracing`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::probe;
use crate::error::LibraryError;

/// A library that runs.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    /// The name it was first asked for by; a bare one says nothing of the file.
    asked: PathBuf,
    pub(super) library: PathBuf,
    pub(super) version: String,
    /// Its execution providers, in its own names.
    pub(super) offered: Vec<String>,
    pub(super) environment: Environment,
}

/// `ort` holds one library and one environment for the whole process, and neither can be exchanged.
enum State {
    Free,
    Running(Loaded),
    /// `ort` was given this library and is of no use any more.
    Lost {
        library: PathBuf,
        reason: String,
    },
}

static STATE: Mutex<State> = Mutex::new(State::Free);

fn state() -> MutexGuard<'static, State> {
    // The state is replaced as a whole, so it is sound even after a panic.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What runs already.
pub(super) fn in_use() -> Option<Loaded> {
    match &*state() {
        State::Running(loaded) => Some(loaded.clone()),
        State::Free | State::Lost { .. } => None,
    }
}

/// Loads and starts a library, or gives the one that runs if it is the same file.
///
/// `ort` is asked only for a library that [`probe`] has found good: when its own loading fails once, rc.14 takes the
/// library for loaded all the same and would read memory that was never written.
pub(super) fn load(path: &Path) -> Result<Loaded, LibraryError> {
    let mut state = state();
    match &*state {
        State::Free => {}
        State::Running(loaded) if loaded.asked == path || same_file(&loaded.library, path) => {
            return Ok(loaded.clone());
        }
        State::Running(loaded) => return Err(LibraryError::Other { running: loaded.library.clone() }),
        State::Lost { library, reason } if same_file(library, path) => {
            return Err(LibraryError::Start { reason: reason.clone() });
        }
        State::Lost { library, .. } => return Err(LibraryError::Other { running: library.clone() }),
    }
    let probed = probe::probe(path)?;
    match start(&probed.path) {
        Ok(environment) => {
            let (asked, library) = (path.to_owned(), probed.path.clone());
            let (version, offered) = (probed.version.clone(), probed.offered.clone());
            let loaded = Loaded { asked, library, version, offered, environment };
            *state = State::Running(loaded.clone());
            Ok(loaded)
        }
        Err(reason) => {
            *state = State::Lost { library: probed.path.clone(), reason: reason.clone() };
            Err(LibraryError::Start { reason })
        }
    }
}

/// Hands the library to `ort` and makes the environment. The probe's hold on the library lasts until here, so that the
/// very same file is opened again.
fn start(library: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(library).map_err(|error| error.to_string())?;
    let environment = builder
        .with_name("vow")
        .with_telemetry(false)
        .with_logger(Arc::new(log))
        .build()
        .map_err(|error| error.to_string())?;
    // Otherwise every step of every session is put into words before `tracing` can decline to hear them.
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

/// Errors also come back from the call that failed and are told there; warnings speak of the graph's author's choices
/// (unused weights, slow operators) and are of no use to an owner of photos.
fn log(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Error | LogLevel::Fatal => {
            tracing::warn!(target: "onnxruntime", category, location, "{message}");
        }
        LogLevel::Warning => tracing::debug!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Info | LogLevel::Verbose => {
            tracing::trace!(target: "onnxruntime", category, location, "{message}");
        }
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    a == b || real(a) == real(b)
}
