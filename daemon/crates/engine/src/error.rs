//! What can go wrong with an engine as a whole. A photo that cannot be indexed is no error here: it is a stored failure.

use std::path::PathBuf;

use vow_types::{ContentId, FaceId, PersonId};

use crate::budget::Closed;

/// Errors of the façade, sorted by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Refuse to start: the data folder cannot be used.
    #[error("the data folder {path} cannot be used; choose another with --data-dir or mend its permissions")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Refuse to start: no such pack.
    #[error(
        "there is no model pack named `{name}`: looked for {looked} and in the bundled packs; \
         `vow models install {name}` fetches it if the catalog has it, --pack DIR names a folder that holds a pack.toml, \
         and --pack starter starts with the built-in one"
    )]
    NoSuchPack {
        /// The name asked for.
        name: String,
        /// The folder that would have held it.
        looked: PathBuf,
    },
    /// Refuse to start: the pack is broken.
    #[error(transparent)]
    Pack(#[from] vow_models::PackError),
    /// Refuse to start: no runtime, or one that does not take the graphs.
    #[error(transparent)]
    Infer(#[from] vow_infer::InferError),
    /// The store refused; before the start: refuse to start, later: stop.
    #[error(transparent)]
    Store(#[from] vow_store::StoreError),
    /// Changes in folders cannot be watched.
    #[error(transparent)]
    Watch(#[from] vow_watch::WatchError),
    /// A thread could not be started.
    #[error("a thread could not be started")]
    Thread(#[source] std::io::Error),
    /// The caller named a folder that is none.
    #[error("{path} is not a folder that can be watched: {reason}")]
    NotAFolder {
        /// As given.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The caller named a folder that is not watched.
    #[error("{path} is not one of the watched folders; `vow folder list` shows them")]
    UnknownFolder {
        /// As given.
        path: PathBuf,
    },
    /// The folder holds a watched one that a scan of it would not come to.
    #[error(
        "{path} holds the watched folder {other}, which is offline or hidden in it; mount it, or take it away first: \
         `vow folder remove {other}` (names stay)"
    )]
    Overlap {
        /// As given.
        path: PathBuf,
        /// The folder that is watched.
        other: PathBuf,
    },
    /// The caller named a file that is not indexed.
    #[error("{path} is not indexed{hint}")]
    UnknownFile {
        /// As given.
        path: PathBuf,
        /// Why, where it is known.
        hint: String,
    },
    /// The caller named a face that does not exist.
    #[error("there is no face {0}")]
    UnknownFace(FaceId),
    /// The caller named a person that does not exist.
    #[error("there is nobody called `{0}`; `vow people` lists everyone")]
    UnknownPerson(String),
    /// Several people bear that name.
    #[error("`{name}` is the name of {}; use the id", candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "))]
    AmbiguousPerson {
        /// The name.
        name: String,
        /// Who bears it.
        candidates: Vec<PersonId>,
    },
    /// A name that cannot be given.
    #[error("that is no name: {0}")]
    BadName(&'static str),
    /// A pause could not be kept, or not be ended.
    #[error("the pause cannot be kept in {path}; mend the data folder's permissions or free some space")]
    PauseFile {
        /// Where it is kept.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The face is not (or not any longer) the person's it was said to be.
    #[error("{face} is not a face of {person}{}; look again: somebody else may have changed it", whose.map(|one| format!(" but of {one}")).unwrap_or_default())]
    NotTheirs {
        /// The face.
        face: FaceId,
        /// Whose it was said to be.
        person: PersonId,
        /// Whose it is.
        whose: Option<PersonId>,
    },
    /// Two people cannot be one without a human's word about a photo that shows both.
    #[error(
        "{a} and {b} are both in {photos} of the same photos, so they are two people; if these are mirrors or collages, merge \
         them with --same-photo"
    )]
    SamePhoto {
        /// One.
        a: PersonId,
        /// The other.
        b: PersonId,
        /// Photos that show both.
        photos: usize,
    },
    /// A backup could not be made.
    #[error(transparent)]
    Backup(vow_store::StoreError),
    /// A file cannot be restored.
    #[error(transparent)]
    Restore(vow_store::StoreError),
    /// Events that were asked for are not kept any more.
    #[error(transparent)]
    EventsGone(vow_store::StoreError),
    /// The caller named an event of another store.
    #[error(transparent)]
    NoSuchEvent(vow_store::StoreError),
    /// An indexed file cannot be read any more.
    #[error("{path} cannot be looked at")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A picture that was sent cannot be looked at.
    #[error("the picture cannot be looked at")]
    NoPicture(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An indexed file lies on a disk that is away.
    #[error("{path} cannot be looked at: the watched folder {folder} is offline; mount it")]
    Offline {
        /// The file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// A photo that no file shows, or never did.
    #[error("no file shows the photo {0}; it was deleted or changed, or its folder is no longer watched")]
    NoFile(ContentId),
    /// Something that has to be said was not.
    #[error("{0}")]
    Incomplete(&'static str),
    /// A decision that makes no sense.
    #[error("{0}")]
    Senseless(String),
    /// There is no such line in the journal.
    #[error("there is no entry {0} in the history; `vow history` shows it")]
    UnknownEntry(u64),
    /// There is nothing to undo, or to redo.
    #[error("there is nothing to {0}")]
    NothingTo(&'static str),
    /// Other decisions speak of a person who came into being by the one to be undone.
    #[error(
        "decisions {} speak of a person who came into being by decision {entry}; undo them too with --with-dependents",
        dependents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Dependents {
        /// The entry to be undone.
        entry: u64,
        /// Those that depend on it.
        dependents: Vec<u64>,
    },
    /// The engine is stopping.
    #[error("the daemon is stopping")]
    Stopping,
    /// Whoever asked wants no answer any more.
    #[error("it was called off; nothing was changed")]
    Cancelled,
    /// A thread of the engine ended by a fault of its own: stop, and start again.
    #[error("the {thread} thread failed: {reason}")]
    Failed {
        /// Which.
        thread: &'static str,
        /// The chain of causes.
        reason: String,
    },
}

impl EngineError {
    /// Whether a start was refused because of the pack: with another one it may succeed.
    #[must_use]
    pub fn is_about_the_pack(&self) -> bool {
        use vow_infer::InferError;
        matches!(self, Self::NoSuchPack { .. } | Self::Pack(_) | Self::Infer(InferError::Pack { .. }))
    }
}

impl From<Closed> for EngineError {
    fn from(Closed: Closed) -> Self {
        Self::Stopping
    }
}
