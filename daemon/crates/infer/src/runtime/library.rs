//! Starts ONNX Runtime, once in the life of the process, and leads what it logs to `tracing`.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use tracing::Level;

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

thread_local! {
    /// Whether this thread tries out something of which one warning is told already.
    static HUSHED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, whose caller tells what went wrong: what ONNX Runtime says of errors meanwhile, on this thread, is for who looks closer.
pub(super) fn hushed<T>(work: impl FnOnce() -> T) -> T {
    /// Ends it, after a panic too.
    struct Hush;
    impl Drop for Hush {
        fn drop(&mut self) {
            HUSHED.set(false);
        }
    }
    HUSHED.set(true);
    let _hush = Hush;
    work()
}

fn log(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    match level_of(level) {
        Level::WARN => tracing::warn!(target: "onnxruntime", category, location, "{message}"),
        Level::DEBUG => tracing::debug!(target: "onnxruntime", category, location, "{message}"),
        _ => tracing::trace!(target: "onnxruntime", category, location, "{message}"),
    }
}

/// Errors also come back from the call that failed and are told there; warnings speak of the graph's author's choices
/// (unused weights, slow operators) and are of no use to an owner of photos.
fn level_of(level: LogLevel) -> Level {
    match level {
        LogLevel::Error | LogLevel::Fatal if !HUSHED.get() => Level::WARN,
        LogLevel::Error | LogLevel::Fatal | LogLevel::Warning => Level::DEBUG,
        LogLevel::Info | LogLevel::Verbose => Level::TRACE,
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    a == b || real(a) == real(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_no_warnings_while_something_is_tried_out() {
        assert_eq!(level_of(LogLevel::Error), Level::WARN);
        assert_eq!(hushed(|| level_of(LogLevel::Error)), Level::DEBUG);
        let elsewhere = hushed(|| std::thread::spawn(|| level_of(LogLevel::Fatal)).join());
        assert_eq!(elsewhere.unwrap(), Level::WARN, "others go on as they were");
        std::panic::catch_unwind(|| hushed(|| panic!("on purpose"))).unwrap_err();
        assert_eq!(level_of(LogLevel::Error), Level::WARN);
        assert_eq!([LogLevel::Warning, LogLevel::Info].map(level_of), [Level::DEBUG, Level::TRACE]);
    }
}
