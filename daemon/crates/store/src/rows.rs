//! What goes into the store and comes out of it, as plain data. How it lies in the file is the business of `codec`
//! and `tables`.
//!
//! All times are seconds since 1970 (UTC). Paths are bytes: they need not be UTF-8.

use std::path::PathBuf;

use vow_types::{
    ContentId, Detection, Embedding, FaceId, Failure, FolderId, Orientation, PackId, PersonId, Size,
};

/// A watched folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its id, never reused.
    pub id: FolderId,
    /// Absolute path, without a trailing slash or `.`.
    pub path: PathBuf,
    /// Number of the device it lay on when it was last seen (`st_dev`): an empty mount point has another one.
    pub device: u64,
    /// When it was added.
    pub added: i64,
}

/// A file, as it was when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Absolute path, inside its folder.
    pub path: PathBuf,
    /// The watched folder it was found in.
    pub folder: FolderId,
    /// Length in bytes.
    pub size: u64,
    /// Time of last modification in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Inode number.
    pub inode: u64,
    /// What became of it.
    pub state: FileState,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// It shows a photo that is in the store.
    Shows {
        /// The photo.
        photo: ContentId,
        /// How this file says the photo is to be turned; `None` where it does not say.
        orientation: Option<Orientation>,
        /// When the photo was taken according to this file; the camera's wall clock read as UTC where the file names no
        /// time zone.
        taken: Option<i64>,
    },
    /// It could not be indexed.
    Failed {
        /// Where and why.
        failure: Failure,
        /// How often in a row, the file being the same (size, time and inode). In a change handed to
        /// [`Store::commit`](crate::Store::commit): the tries to add, so 1.
        tries: u32,
        /// When it failed last.
        at: i64,
    },
}

/// A photo: picture content, whatever files show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoRow {
    /// Its name.
    pub content: ContentId,
    /// Size of the coded picture, before it is turned upright.
    pub coded: Size,
    /// Name of the file format.
    pub format: String,
    /// When it came into the store.
    pub first_seen: i64,
    /// How it is to be turned where a file does not say, found by looking for upright faces; `None` where nothing was
    /// found, or nobody had to look. Once found it stays.
    pub turn: Option<Orientation>,
}

/// A face as it is handed to the store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFace {
    /// Box, landmarks and score, relative to the *coded* picture.
    pub detection: Detection,
    /// How good it is to recognise, `0.0..=1.0`.
    pub quality: f32,
    /// Length of the embedder's output before it was normalised.
    pub norm: f32,
    /// What it looks like.
    pub embedding: Embedding,
}

/// A face in the store; it never changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceRow {
    /// Its id, never reused.
    pub id: FaceId,
    /// The photo it is in.
    pub photo: ContentId,
    /// The pack that saw it.
    pub pack: PackId,
    /// Box, landmarks and score, relative to the *coded* picture.
    pub detection: Detection,
    /// How good it is to recognise, `0.0..=1.0`.
    pub quality: f32,
    /// Length of the embedder's output before it was normalised.
    pub norm: f32,
}

/// A face with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeFace {
    /// Its row.
    pub row: FaceRow,
    /// What it looks like.
    pub embedding: Embedding,
    /// Who it is.
    pub person: Option<PersonId>,
    /// Size of its photo's coded picture.
    pub coded: Size,
    /// Whether its photo has a file.
    pub shown: bool,
    /// Capture time of its photo, seconds since 1970, by the first of its files (in the order of their paths' bytes) that says
    /// one.
    pub taken: Option<i64>,
}

/// One thing that became known about a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The file shows a photo that is in the store already, or it failed.
    Known {
        /// The file as it is now.
        file: FileRow,
    },
    /// The file shows this photo, and these are all of the faces that the pack saw in it.
    Analysed {
        /// The file as it is now; its state shows `photo`.
        file: FileRow,
        /// The photo. When it is in the store already, the row there stays, but takes a turn if it had none.
        photo: PhotoRow,
        /// The pack that looked.
        pack: PackId,
        /// All faces; none is an analysis too.
        faces: Vec<NewFace>,
    },
    /// There is no such file any more.
    Gone {
        /// Its path.
        path: PathBuf,
    },
}

/// What a transaction did, all of it durable: the net effect over all of its changes, so that every photo is in each
/// list at most once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// Photos of [`Change::Analysed`] that have a file now, with their faces of that pack. Faces that the photo had
    /// already are kept and returned instead of the new ones.
    pub analysed: Vec<(ContentId, Vec<FaceId>)>,
    /// Photos that had no file before and have one now.
    pub appeared: Vec<ContentId>,
    /// Photos that had a file before and have none now.
    pub vanished: Vec<ContentId>,
    /// Photos that had a file before and have one now, and were taken at another time than their files said before.
    pub redated: Vec<ContentId>,
}

/// An identity. A group of faces that nobody has named is a person without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Its id, never reused.
    pub id: PersonId,
    /// What a human called them.
    pub name: Option<String>,
    /// Not to be listed.
    pub hidden: bool,
    /// The face that stands for them, where a human chose one.
    pub cover: Option<FaceId>,
    /// When their first face was assigned.
    pub created: i64,
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files, those that failed among them.
    pub files: u64,
    /// Photos that have a file.
    pub photos: u64,
    /// Of these photos, those that the pack has analysed.
    pub analysed: u64,
    /// Faces that the pack saw in them.
    pub faces: u64,
    /// Files that failed.
    pub failures: u64,
}
