//! What there is to say of a runtime, for people and programs to read. Data only.

use std::path::PathBuf;

use super::{Provider, ProviderPassedOver};

/// A library that was found or looked for, and not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The file, or the bare name that the system's loader was asked for.
    pub path: PathBuf,
    /// What is wrong with it, for a person to read.
    pub reason: String,
}

/// What runs the networks, for people and programs to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeInfo {
    /// `onnxruntime` or `tract`.
    pub name: &'static str,
    /// The runtime's own version.
    pub version: String,
    /// The file it was loaded from; `None` for tract.
    pub library: Option<PathBuf>,
    /// Why this runtime.
    pub why: String,
    /// Libraries that were tried before it.
    pub passed_over: Vec<PassedOver>,
    /// What the networks run on.
    pub provider: Provider,
    /// Providers that the library has, in ONNX Runtime's names (`CUDAExecutionProvider` …); empty for tract.
    pub offered: Vec<String>,
    /// Providers that could have been used, or were asked for, and are not.
    pub providers_passed_over: Vec<ProviderPassedOver>,
}
