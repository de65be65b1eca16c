//! Runs the networks of a pack: finds an inference runtime, loads the detector and the embedder, owns the threads they
//! run on, and hands out [`FaceEngine`], a handle that any thread may ask.
//!
//! The only crate that knows ONNX Runtime (through `ort`) and tract. What goes into a network and how its tensors are
//! read is arithmetic and lies in `vow-vision`; where packs lie and whether they are intact is the business of
//! `vow-models`. It knows nothing of files that hold pictures, of the store, or of people.
//!
//! Two runtimes, the same numbers to the 6th digit. ONNX Runtime is a library that is loaded at start when there is
//! one; tract is compiled in and needs nothing. See [`Runtime::start`] for the order in which they are tried.

mod agreement;
mod caught;
mod crew;
mod detector;
mod drawn;
mod embedder;
mod engine;
mod error;
mod graph;
mod heads;
mod machine;
mod memory;
mod net;
mod network;
#[cfg(test)]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "shared with the integration tests")]
#[path = "../tests/common/onnx.rs"]
mod onnx;
mod queue;
mod relief;
mod runtime;
mod schedule;
mod settle;
mod trim;
mod tuning;

pub use engine::{Announced, FaceEngine, Learned, Models, Timed};
pub use error::{Cause, GraphError, InferError, LibraryError, Role};
pub use machine::Trials;
pub use network::Tried;
pub use relief::CardState;
pub use runtime::{
    ParseChoiceError, ParseProviderError, PassedOver, Provider, ProviderChoice, ProviderPassedOver, Runtime,
    RuntimeChoice, RuntimeInfo,
};
pub use trim::{give_memory_back, keep_little_memory};
pub use tuning::Tuning;
