//! Wires the stages into a pipeline and is the one façade that servers read.
//!
//! ```text
//! watch -> scan -> feed -> workers (read, decode, frame, detect, align, embed) -> committer -> people
//! ```
//! Every arrow is a bounded hand-over; data flows one way. The stages know nothing of each other: this crate turns the
//! words of one into those of the next. It knows nothing of gRPC, of terminals or of configuration files.

mod again;
mod analyse;
mod answers;
mod brake;
mod budget;
mod carry;
mod closeness;
mod commit;
mod config;
mod decide;
mod draw;
mod engine;
mod error;
mod events;
mod feed;
mod folders;
mod graphs;
mod inflight;
mod library;
mod models;
mod neighbour;
mod pause;
mod people;
mod photos;
mod picture;
mod plan;
mod progress;
mod query;
mod questions;
mod refit;
mod report;
mod roster;
mod rulings;
mod safekeeping;
mod said;
mod spare;
mod stranger;
mod trials;
mod undo;
mod verify;
mod views;
mod watched;
mod worker;

pub use brake::Hold;
pub use config::{Config, LEAST_PICTURES, MOST_PICTURES, MOST_WITH_BATCHES, PackChoice};
pub use decide::{Ask, Pointed};
pub use engine::Engine;
pub use error::EngineError;
pub use events::Happened;
pub use picture::{Jpeg, PictureOf};
pub use progress::{IgnoredCounts, State, Status};
pub use refit::{Method, Onlooker, RefitStage, RefitStep, Refitting};

pub use report::{CpuUse, GpuUse, Live, MemoryUse, Report, StageCost};
pub use verify::{Problem, Verified, VerifiedAll};
pub use views::{
    Change, Companion, Difference, Done, Explained, FaceView, FailedFile, FileView, HistoryLine, LooksLike,
    Moved, NameFilter, NearFace, PeopleStats, PersonOrder, PersonPhoto, PersonView, PhotoOrder, PhotoQuery,
    Question, SimilarFaces, SimilarHit, Stranger,
};
pub use vow_cluster::{DbscanParams, ENOUGH_ANSWERS, Proposal};
pub use vow_infer::{CardState, Provider, ProviderChoice, RuntimeChoice, RuntimeInfo, keep_little_memory};
pub use vow_machine as machine;
pub use vow_machine::{Point, Quantity, Snapshot, Usage};
pub use vow_store::{Contents, Decision, Event, Finding, JournalEntry, Told};
pub use vow_types as types;
pub use watched::FolderInfo;
