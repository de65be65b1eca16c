//! Wires the stages into a pipeline and is the one façade that servers read.
//!
//! ```text
//! watch -> scan -> feed -> workers (read, decode, frame, detect, align, embed) -> committer -> people
//! ```
//! Every arrow is a bounded hand-over; data flows one way. The stages know nothing of each other: this crate turns the
//! words of one into those of the next. It knows nothing of gRPC, of terminals or of configuration files.

mod analyse;
mod budget;
mod closeness;
mod commit;
mod config;
mod engine;
mod error;
mod feed;
mod folders;
mod inflight;
mod library;
mod people;
mod progress;
mod query;
mod report;
mod roster;
mod views;
mod worker;

pub use config::{Config, PackChoice};
pub use engine::Engine;
pub use error::EngineError;
pub use library::FolderInfo;
pub use progress::{IgnoredCounts, State, Status};

pub use report::{Report, Stages};
pub use views::{
    FaceView, FailedFile, FileView, NameFilter, Named, PersonPhoto, PersonView, PhotoQuery, SimilarFaces,
    SimilarHit,
};
pub use vow_infer::{ProviderChoice, RuntimeChoice, RuntimeInfo};
pub use vow_types as types;
