//! Which inference runtime this process uses, and why.
//!
//! ONNX Runtime is looked for by `find`, judged by `probe` and started by `library`. tract is compiled in and can always
//! be used. What the networks run on (`provider`) is decided by `select`, after a `trial`, of which `told` makes a sentence;
//! `session` opens them there.

mod choice;
mod find;
mod info;
mod library;
mod nvidia;
mod probe;
mod provider;
mod select;
pub(crate) mod session;
mod told;
mod trial;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;

use crate::error::{InferError, chain};
pub use choice::{ParseChoiceError, RuntimeChoice};
use find::{Candidate, NamedBy};
pub use info::{PassedOver, RuntimeInfo};
use library::Loaded;
pub use provider::{ParseProviderError, Provider, ProviderChoice};
pub use select::ProviderPassedOver;
use select::{Selected, select};

/// The version of tract that is compiled in; a test holds it to the lock file.
const TRACT_VERSION: &str = "0.23.9";

/// A runtime that has been started; cheap to clone.
#[derive(Debug, Clone)]
pub struct Runtime(Arc<Started>);

#[derive(Debug)]
struct Started {
    backend: Backend,
    version: String,
    why: String,
    passed_over: Vec<PassedOver>,
    /// In ONNX Runtime's names.
    offered: Vec<String>,
    /// Replaced as a whole when a provider gives out.
    selected: Mutex<Selected>,
}

/// What networks are loaded with.
#[derive(Debug)]
pub(crate) enum Backend {
    OnnxRuntime { library: PathBuf, environment: Environment },
    Tract,
}

impl Runtime {
    /// Chooses and starts a runtime.
    ///
    /// [`RuntimeChoice::Auto`] tries, in this order: the file that the environment variable `VOW_ORT` names; the one
    /// that `ORT_DYLIB_PATH` names; `libonnxruntime.so*` anywhere below `data_dir/runtime`, the newest first;
    /// `libonnxruntime.so` and `libonnxruntime.so.1` as the system's loader finds them; and then tract. What cannot be
    /// used is passed over and remembered in [`Self::passed_over`].
    ///
    /// Then the provider: what was asked for, or the first that the library has and that works. One that does not work is
    /// replaced by the processor, with one warning that says why and what to do.
    ///
    /// A process can load one ONNX Runtime library, ever. Starting again with the same choice gives the same runtime;
    /// tract can always be started beside it.
    ///
    /// # Errors
    /// [`InferError::Library`] when a library that was asked for (by the choice, or by `VOW_ORT`) cannot be used. It is
    /// never silently replaced by a slower one.
    pub fn start(
        choice: &RuntimeChoice,
        provider: ProviderChoice,
        data_dir: &Path,
    ) -> Result<Self, InferError> {
        let runtime = Self::start_quietly(choice, provider, data_dir)?;
        runtime.log();
        Ok(runtime)
    }

    /// [`Self::start`] without a word in the log: for who tries something out beside a runtime that was started in the same way,
    /// when all there is to say of it was said.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_quietly(
        choice: &RuntimeChoice,
        provider: ProviderChoice,
        data_dir: &Path,
    ) -> Result<Self, InferError> {
        Self::start_in(choice, provider, data_dir, &|name| std::env::var_os(name))
    }

    /// [`Self::start_quietly`] with the environment as a parameter.
    fn start_in(
        choice: &RuntimeChoice,
        provider: ProviderChoice,
        data_dir: &Path,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, InferError> {
        match choice {
            RuntimeChoice::Tract => Ok(Self::tract("it was chosen".to_owned(), provider, Vec::new())),
            RuntimeChoice::Library(path) => Self::named(path.clone(), provider, NamedBy::Choice),
            RuntimeChoice::Auto => {
                // What is loaded already cannot be replaced, so nothing else is looked for.
                match library::in_use() {
                    Some(loaded) => Ok(Self::with_library(
                        loaded,
                        provider,
                        "this process has already loaded it".to_owned(),
                        Vec::new(),
                    )),
                    None => {
                        let for_gpu = provider != ProviderChoice::Only(Provider::Cpu);
                        Self::search(find::candidates(environment, data_dir, for_gpu), provider)
                    }
                }
            }
        }
    }

    /// The first usable library, or tract.
    fn search(
        candidates: impl Iterator<Item = Candidate>,
        provider: ProviderChoice,
    ) -> Result<Self, InferError> {
        let mut passed_over = Vec::new();
        for Candidate { path, named_by } in candidates {
            if named_by == NamedBy::VowOrt {
                return Self::named(path, provider, named_by);
            }
            match library::load(&path) {
                Ok(loaded) => {
                    return Ok(Self::with_library(loaded, provider, named_by.to_string(), passed_over));
                }
                Err(error) => passed_over.push(PassedOver { path, reason: chain(&error) }),
            }
        }
        let why = "no ONNX Runtime library that can be used was found".to_owned();
        Ok(Self::tract(why, provider, passed_over))
    }

    /// A library that a person asked for: this one or none.
    fn named(path: PathBuf, provider: ProviderChoice, named_by: NamedBy) -> Result<Self, InferError> {
        match library::load(&path) {
            Ok(loaded) => Ok(Self::with_library(loaded, provider, named_by.to_string(), Vec::new())),
            Err(source) => Err(InferError::Library { path, named_by: named_by.text(), source }),
        }
    }

    fn with_library(
        loaded: Loaded,
        provider: ProviderChoice,
        why: String,
        passed_over: Vec<PassedOver>,
    ) -> Self {
        let Loaded { library, version, environment, offered, .. } = loaded;
        let selected = select(provider, &offered, Provider::is_compiled_in, |provider| {
            if matches!(provider, Provider::Cuda | Provider::TensorRt) {
                nvidia::preload(&library);
            }
            trial::run(&environment, provider).map_err(|said| tell(provider, &said))
        });
        let backend = Backend::OnnxRuntime { library, environment };
        Self(Arc::new(Started {
            backend,
            version,
            why,
            passed_over,
            offered,
            selected: Mutex::new(selected),
        }))
    }

    fn tract(why: String, provider: ProviderChoice, passed_over: Vec<PassedOver>) -> Self {
        let version = TRACT_VERSION.to_owned();
        // It offers none but the processor, so none is tried.
        let selected = select(provider, &[], Provider::is_compiled_in, |_| Ok(()));
        let selected = Mutex::new(selected);
        let backend = Backend::Tract;
        Self(Arc::new(Started { backend, version, why, passed_over, offered: Vec::new(), selected }))
    }

    fn log(&self) {
        for PassedOver { path, reason } in self.passed_over() {
            tracing::debug!(library = %path.display(), reason, "passed over");
        }
        let Selected { provider, passed_over } = self.selected();
        for passed in passed_over {
            if passed.is_a_loss {
                warn(&passed);
            } else {
                tracing::debug!(provider = %passed.provider, reason = passed.reason, "passed over");
            }
        }
        let library = self.library().map(|path| path.display().to_string());
        tracing::info!(
            runtime = self.name(),
            version = self.version(),
            %provider,
            library,
            why = self.why(),
            "runtime chosen"
        );
    }

    /// `onnxruntime` or `tract`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.0.backend {
            Backend::OnnxRuntime { .. } => "onnxruntime",
            Backend::Tract => "tract",
        }
    }

    /// The runtime's own version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The file it was loaded from; `None` for tract.
    #[must_use]
    pub fn library(&self) -> Option<&Path> {
        match &self.0.backend {
            Backend::OnnxRuntime { library, .. } => Some(library),
            Backend::Tract => None,
        }
    }

    /// Why this one, for a person to read.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.0.why
    }

    /// Libraries that were tried before it.
    #[must_use]
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.0.passed_over
    }

    /// What the networks run on. Changes to the processor when a GPU turns out not to work for them after all.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.selected().provider
    }

    /// Everything there is to say about it.
    #[must_use]
    pub fn info(&self) -> RuntimeInfo {
        let Selected { provider, passed_over } = self.selected();
        RuntimeInfo {
            name: self.name(),
            version: self.version().to_owned(),
            library: self.library().map(Path::to_owned),
            why: self.why().to_owned(),
            passed_over: self.passed_over().to_vec(),
            provider,
            offered: self.0.offered.clone(),
            providers_passed_over: passed_over,
        }
    }

    /// From now on everything runs on the processor, because the provider in use does not work. `said` are the words with which it failed.
    pub(crate) fn give_up(&self, provider: Provider, said: &str) {
        let passed = ProviderPassedOver { provider, reason: tell(provider, said), is_a_loss: true };
        warn(&passed);
        let mut selected = self.0.selected.lock().unwrap_or_else(PoisonError::into_inner);
        selected.provider = Provider::Cpu;
        selected.passed_over.push(passed);
    }

    fn selected(&self) -> Selected {
        // Replaced as a whole, so a panic elsewhere leaves it sound.
        self.0.selected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.0.backend
    }
}

/// The one warning for a provider that should have been used.
fn warn(passed: &ProviderPassedOver) {
    tracing::warn!(
        provider = %passed.provider,
        reason = passed.reason,
        "the models run on the processor: the provider does not work (`provider = \"cpu\"` stops trying)"
    );
}

/// Why a provider does not work, for a person to read. The words that it is made of are in the log for who looks closer.
fn tell(provider: Provider, said: &str) -> String {
    tracing::debug!(%provider, said, "a provider does not work");
    told::told(provider, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_tract_is_the_one_in_the_lock_file() {
        let lock = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../Cargo.lock"));
        let entry = format!("name = \"tract-onnx\"\nversion = \"{TRACT_VERSION}\"");
        assert!(lock.contains(&entry), "set TRACT_VERSION to what Cargo.lock says");
    }

    #[test]
    fn without_any_library_tract_is_used_and_the_search_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let stale = folder.path().join("runtime/old/libonnxruntime.so.1.9.0");
        std::fs::create_dir_all(stale.parent().unwrap()).unwrap();
        std::fs::write(&stale, "not a library").unwrap();
        let environment =
            |name: &str| (name == "ORT_DYLIB_PATH").then(|| "/nowhere/libonnxruntime.so".into());
        let candidates = find::candidates(&environment, folder.path(), true);
        // What the system's loader would find is not this test's to say.
        let own = candidates.filter(|candidate| candidate.named_by != NamedBy::Loader);
        let runtime = Runtime::search(own, ProviderChoice::Auto).unwrap();
        assert_eq!((runtime.name(), runtime.library()), ("tract", None));
        let [variable, file] = runtime.passed_over() else { panic!("{:?}", runtime.passed_over()) };
        assert_eq!(variable.path, Path::new("/nowhere/libonnxruntime.so"));
        assert!(variable.reason.contains("No such file"), "{}", variable.reason);
        assert!(file.path.ends_with("libonnxruntime.so.1.9.0"), "{}", file.path.display());
        assert!(!file.reason.is_empty());
    }

    #[test]
    fn a_library_asked_for_by_name_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        std::fs::write(&path, "not a library").unwrap();
        let nothing = |_: &str| None;
        let choice = RuntimeChoice::Library(path.clone());
        let error = Runtime::start_in(&choice, ProviderChoice::Auto, folder.path(), &nothing).unwrap_err();
        assert!(error.to_string().contains("or choose `tract`"), "{error}");

        let variable = |name: &str| (name == "VOW_ORT").then(|| path.clone().into_os_string());
        let candidates = find::candidates(&variable, folder.path(), true);
        let error = Runtime::search(candidates, ProviderChoice::Auto).unwrap_err();
        assert!(error.to_string().contains("VOW_ORT"), "{error}");
    }

    #[test]
    fn a_card_asked_of_tract_is_missed_and_said_to_be() {
        let choice = ProviderChoice::Only(Provider::Cuda);
        let runtime = Runtime::start(&RuntimeChoice::Tract, choice, Path::new("unused")).unwrap();
        let info = runtime.info();
        assert_eq!((info.name, info.provider), ("tract", Provider::Cpu));
        let [cuda] = info.providers_passed_over.as_slice() else { panic!("{info:?}") };
        assert!(cuda.is_a_loss && cuda.reason.contains("vow runtime install --cuda"), "{cuda:?}");
    }
}
