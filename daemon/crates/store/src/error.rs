//! Why the store refused.

use std::io;
use std::path::PathBuf;

use vow_types::{ContentId, FaceId, FolderId, PersonId};

/// Why the store could not be opened, read or written. `path` is the store's file unless said otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else has it open.
    #[error("the store `{}` is in use: another vowd is running; stop it, or give this one its own data folder", path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// Written by a later version.
    #[error(
        "the store `{}` has format {found}, this version knows formats up to {known}: install the VowImager version \
         that wrote it, or a later one",
        path.display()
    )]
    TooNew {
        /// The store.
        path: PathBuf,
        /// Its format version.
        found: u64,
        /// The latest that this version knows.
        known: u64,
    },
    /// Some other file lies there.
    #[error("`{}` is not a VowImager store ({why}); it was left as it is: move it away, or use another data folder", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// The file is cut off or has been altered.
    #[error(
        "the store `{}` is damaged ({what}): check the disk, then restore a backup, or move the file away and index the \
         photos again",
        path.display()
    )]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// Reading or writing failed.
    #[error("the store `{}` could not be {action}: check free space and permissions, then start again", path.display())]
    Io {
        /// The store, or its folder.
        path: PathBuf,
        /// What was tried: "opened", "written" …
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A backup could not be written; the store itself is as it was.
    #[error("the backup `{}` cannot be written: choose another place, or mend its permissions or free space", path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A backup would have to be written over something.
    #[error("`{}` is there already, and nothing is written over for a backup: give it another name", path.display())]
    BackupThere {
        /// The file.
        path: PathBuf,
    },
    /// A file that was to be restored is none that can be.
    #[error(
        "`{}` cannot be restored: {why}. Nothing was changed; choose a file that `vow backup` made",
        path.display()
    )]
    NoBackup {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A backup could not be put in place; the store itself is as it was.
    #[error("`{}` cannot be written or renamed: mend the data folder's permissions or free some space", path.display())]
    Restore {
        /// The copy of the backup.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An earlier read or write failed, so that nothing is sure until the store has been opened again.
    #[error("the store `{}` is closed after an earlier error: start again", path.display())]
    Closed {
        /// The store.
        path: PathBuf,
    },
    /// A file's row names a photo that is not in the store.
    #[error("`{}` shows photo {photo}, which is not in the store: look at the file again", file.display())]
    UnknownPhoto {
        /// The file.
        file: PathBuf,
        /// The photo.
        photo: ContentId,
    },
    /// An analysis and the file's row that comes with it are about different photos.
    #[error("`{}` was analysed as photo {photo}, but its row does not show that photo", file.display())]
    OtherPhoto {
        /// The file.
        file: PathBuf,
        /// The photo that was analysed.
        photo: ContentId,
    },
    /// A file's row names a folder that the file is not in.
    #[error("`{}` is not inside its folder {folder} (`{}`)", file.display(), path.display())]
    OutsideFolder {
        /// The file.
        file: PathBuf,
        /// The folder.
        folder: FolderId,
        /// The folder's path.
        path: PathBuf,
    },
    /// Events that somebody asks for are not kept any more.
    #[error(
        "the events after number {after} are not kept any more, but from {oldest} on: note {last}, list anew what you \
         follow, and go on after {last}"
    )]
    EventsGone {
        /// The number after which events were asked for.
        after: u64,
        /// The oldest that is kept.
        oldest: u64,
        /// The last that there is.
        last: u64,
    },
    /// The number of an event of another store.
    #[error(
        "{after} is the number of no event here: it is another store's, or this one's before a backup was put in its place; \
         note {last}, list anew what you follow, and go on after {last}"
    )]
    NoSuchEvent {
        /// The number.
        after: u64,
        /// That of the last event here.
        last: u64,
    },
    /// There is no such face.
    #[error("there is no face {0} in the store")]
    UnknownFace(FaceId),
    /// There is no such person.
    #[error("there is no person {0} in the store")]
    UnknownPerson(PersonId),
    /// An id at the end of its range was used.
    #[error("there are no more ids after {0}")]
    IdsExhausted(u64),
}
