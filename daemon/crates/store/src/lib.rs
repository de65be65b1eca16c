//! The store: the only truth about files, photos, faces and people, in one redb file.
//!
//! It knows bytes and ids, and how one of them leads to another. It knows nothing of what a picture shows, why a face
//! belongs to somebody, or what a folder looks like at the moment. The only crate that knows redb. `docs/STORE.md` says
//! what lies in the file, byte by byte, and why a crash does no harm.

mod backup;
mod codec;
mod commit;
mod decision;
mod each_file;
mod error;
mod events;
mod faces;
mod fault;
mod files;
mod journal;
mod open;
mod path_bytes;
mod people;
mod restore;
mod rows;
mod store;
mod tables;
mod verify;

pub use decision::{Decision, JournalEntry, Outcome, Standing};
pub use each_file::EachFile;
pub use error::StoreError;
pub use events::{EVENTS_KEPT, Event, Told};
pub use restore::{Contents, Restored, finish as finish_restore, prepare as prepare_restore};
pub use rows::{
    Change, Committed, Counts, FaceRow, FileRow, FileState, Folder, NewFace, PersonRow, PhotoRow, WholeFace,
};
pub use store::Store;
pub use verify::{Finding, Lengths, Verifying};
