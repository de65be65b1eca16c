//! What the engine says of itself when it is asked. Words and numbers only: who counts them is not seen from here.

use vow_infer::{CardState, Provider};
use vow_types::Failure;

use crate::brake::Hold;

/// What the engine is doing, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Comparing folders with the store.
    Scanning,
    /// Photos are on their way.
    Indexing,
    /// Photos wait and none is on its way: [`Status::hold`] says why.
    Paused,
    /// Nothing to index: people are sorted out over everything.
    Settling,
    /// All work is done and stored.
    Idle,
    /// Shutting down.
    Stopping,
}

/// What scans left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IgnoredCounts {
    /// By its name no picture.
    pub not_a_picture: u64,
    /// Names that begin with a dot.
    pub hidden: u64,
    /// Folders that systems keep thumbnails and rubbish in.
    pub system_folder: u64,
    /// Pipes, sockets, devices.
    pub special_file: u64,
}

impl IgnoredCounts {
    pub(crate) fn add(&mut self, other: Self) {
        self.not_a_picture += other.not_a_picture;
        self.hidden += other.hidden;
        self.system_folder += other.system_folder;
        self.special_file += other.special_file;
    }
}

/// A moment's account of the whole engine.
#[derive(Debug, Clone)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// The pack's name.
    pub pack: String,
    /// The pack's id.
    pub pack_id: String,
    /// Name and version of what runs the models.
    pub runtime: String,
    /// Why that one.
    pub runtime_why: String,
    /// What the graphics card is asked through and what it is doing; `None` where none is used, asked for or found.
    pub card: Option<(Provider, CardState)>,
    /// Watched folders.
    pub folders: u64,
    /// Files that show a photo.
    pub files: u64,
    /// Photos with at least one file.
    pub photos: u64,
    /// Faces in those photos.
    pub faces: u64,
    /// People: named, or with at least three faces.
    pub people: u64,
    /// Groups of any size.
    pub groups: u64,
    /// People with a name.
    pub named: u64,
    /// Files that could not be indexed.
    pub failures: u64,
    /// Files found and not yet stored.
    pub pending: u64,
    /// Faces whose place in the index is still to be found; while there are some, likeness is found by comparing all faces.
    pub index_waiting: u64,
    /// Photos that went through the models since the start.
    pub photos_inferred: u64,
    /// Photos among them whose file does not say how they stand, and that were found turned by their faces.
    pub photos_turned: u64,
    /// Files that were read since the start.
    pub files_read: u64,
    /// Files done a second over the current run of work, or over the last one.
    pub photos_per_s: f64,
    /// Estimated seconds until all is done.
    pub eta_s: Option<f64>,
    /// What holds photos up: the user's word always, anything else while photos wait for it.
    pub hold: Option<Hold>,
    /// What the last scans left out.
    pub ignored: IgnoredCounts,
    /// Places that the last scans could not look into.
    pub scan_problems: Vec<(std::path::PathBuf, Failure)>,
    /// Start of the engine, seconds since 1970.
    pub started: i64,
    /// The number of the last event.
    pub last_event: u64,
}
