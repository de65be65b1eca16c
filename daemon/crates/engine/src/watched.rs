//! The watched folders and what the last scan said of each; shared by the library thread and the façade.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use vow_store::Folder;
use vow_types::{Failure, FolderId};

use crate::progress::IgnoredCounts;

/// A watched folder as the façade shows it.
#[derive(Debug, Clone)]
pub struct FolderInfo {
    /// Its id and path.
    pub id: FolderId,
    /// Absolute, links resolved.
    pub path: PathBuf,
    /// False while it is missing, for example a disk that is not mounted.
    pub online: bool,
    /// Whether the kernel reports changes in all of it.
    pub watched: bool,
    /// Known files in it, failures included.
    pub files: u64,
}

/// What the last scan of a folder said.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) folder: Folder,
    pub(crate) online: bool,
    pub(crate) watched: bool,
    pub(crate) ignored: IgnoredCounts,
    /// Whether it has links that are not followed, since what they lead to is seen elsewhere in it.
    pub(crate) leaves_links: bool,
    pub(crate) problems: Vec<(PathBuf, Failure)>,
}

/// The watched folders; shared with the façade.
#[derive(Debug, Default)]
pub(crate) struct Folders(Mutex<Vec<Watched>>);

impl Folders {
    pub(crate) fn add(&self, folder: Folder) {
        self.lock().push(Watched {
            folder,
            online: true,
            watched: false,
            ignored: IgnoredCounts::default(),
            leaves_links: false,
            problems: Vec::new(),
        });
    }

    pub(crate) fn remove(&self, id: FolderId) {
        self.lock().retain(|one| one.folder.id != id);
    }

    pub(crate) fn all(&self) -> Vec<Watched> {
        self.lock().clone()
    }

    pub(crate) fn get(&self, id: FolderId) -> Option<Watched> {
        self.lock().iter().find(|one| one.folder.id == id).cloned()
    }

    /// Whether it is watched still.
    pub(crate) fn hold(&self, id: FolderId) -> bool {
        self.lock().iter().any(|one| one.folder.id == id)
    }

    pub(crate) fn leaves_links(&self, id: FolderId) -> bool {
        self.lock().iter().any(|one| one.folder.id == id && one.leaves_links)
    }

    /// The folder that holds `path`.
    pub(crate) fn holding(&self, path: &Path) -> Option<Folder> {
        self.lock().iter().find(|one| path.starts_with(&one.folder.path)).map(|one| one.folder.clone())
    }

    pub(crate) fn update(&self, id: FolderId, change: impl FnOnce(&mut Watched)) {
        if let Some(one) = self.lock().iter_mut().find(|one| one.folder.id == id) {
            change(one);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
