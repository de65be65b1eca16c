//! The façade's part about folders: adding, removing, listing, comparing with the disk.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use vow_types::FolderId;
use vow_watch::Seen;

use crate::commit::Stored;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::library::Order;
use crate::people::Message;
use crate::progress::now;
use crate::watched::{FolderInfo, Watched};

impl Engine {
    /// Watches a folder and starts to index it; false when it was watched already, by itself or as part of another. Watched
    /// folders in it become part of it, without anything being read anew.
    ///
    /// # Errors
    /// When it is no folder, or holds a watched one that is not seen from it: what is known of that would be lost.
    pub fn add_folder(&self, path: &Path) -> Result<(FolderInfo, bool), EngineError> {
        let path = real_folder(path)?;
        if let Some(folder) = self.folders_of_record().holding(&path) {
            return Ok((self.folder_info(folder.id)?, false));
        }
        let mut inner: Vec<_> = self.folders_of_record().all().into_iter().map(|one| one.folder).collect();
        inner.retain(|one| one.path.starts_with(&path));
        if let Some(other) = inner.iter().find(|one| !self.is_seen_from(&path, &one.path)) {
            return Err(EngineError::Overlap { path, other: other.path.clone() });
        }
        let folder = if inner.is_empty() {
            self.store().add_folder(&path, device(&path), now())?.0
        } else {
            let ids: Vec<_> = inner.iter().map(|one| one.id).collect();
            self.store().take_in(&path, &ids, device(&path), now())?
        };
        let id = folder.id;
        inner.iter().for_each(|one| self.folders_of_record().remove(one.id));
        self.folders_of_record().add(folder);
        self.scan(id, None);
        // As after a removal, but the watches stay with the folder that holds them now.
        inner.into_iter().for_each(|one| self.scan(one.id, Some(one.path)));
        Ok((self.folder_info(id)?, true))
    }

    /// Stops watching a folder, named by its path; its photos disappear from answers and are kept in the store. Returns
    /// how many photos nobody sees any more.
    ///
    /// # Errors
    /// When it is not watched.
    pub fn remove_folder(&self, path: &Path) -> Result<usize, EngineError> {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let named = |one: &Watched| {
            one.folder.path == path
                || one.folder.path == real
                || path.to_str() == Some(&one.folder.id.to_string())
        };
        let unknown = || EngineError::UnknownFolder { path: path.to_owned() };
        let folder = self.folders_of_record().all().into_iter().find(named).ok_or_else(unknown)?.folder;
        self.folders_of_record().remove(folder.id);
        let ticket = self.progress().ticket();
        let committed = self.store().remove_folder(folder.id)?;
        let gone = committed.vanished.len();
        self.tell(Message::Stored(Stored { committed, _tickets: vec![ticket] }))?;
        // The watcher belongs to the library thread; an order for a folder that is gone makes it let go.
        self.scan(folder.id, Some(folder.path));
        Ok(gone)
    }

    /// The watched folders, in the order in which they were added.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn folders(&self) -> Result<Vec<FolderInfo>, EngineError> {
        self.folders_of_record().all().into_iter().map(|one| self.folder_info(one.folder.id)).collect()
    }

    /// Whether a scan of `folder` comes to the folder `inner` below it: it is there, and not left out.
    fn is_seen_from(&self, folder: &Path, inner: &Path) -> bool {
        let mut seen = false;
        let mut first = |one| {
            seen = matches!(one, Seen::Folder { .. });
            ControlFlow::Break(())
        };
        let data = Some(self.config().data_dir.as_path());
        vow_watch::scan_below(folder, inner, data, &vow_media::is_picture_name, &mut first).is_ok() && seen
    }

    fn folder_info(&self, id: FolderId) -> Result<FolderInfo, EngineError> {
        let one = self.folders_of_record().get(id).ok_or(EngineError::Stopping)?;
        let files = self.count_files(id)?;
        Ok(FolderInfo { id, path: one.folder.path, online: one.online, watched: one.watched, files })
    }

    fn count_files(&self, id: FolderId) -> Result<u64, EngineError> {
        let mut files = self.store().each_file_in(id)?;
        Ok(files.try_fold(0, |count, file| file.map(|_| count + 1))?)
    }

    /// Compares a folder, or all of them, with what is known.
    ///
    /// # Errors
    /// When it is not watched.
    pub fn rescan(&self, path: Option<&Path>) -> Result<(), EngineError> {
        let Some(path) = path else {
            self.folders_of_record().all().into_iter().for_each(|one| self.scan(one.folder.id, None));
            return Ok(());
        };
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let holding = self.folders_of_record().holding(&real);
        let folder = holding.ok_or_else(|| EngineError::UnknownFolder { path: path.to_owned() })?;
        self.scan(folder.id, Some(real));
        Ok(())
    }

    pub(crate) fn scan(&self, folder: FolderId, below: Option<PathBuf>) {
        self.order(Order::Scan { folder, below, ticket: self.progress().ticket() });
    }
}

/// The folder's absolute path, links resolved.
pub(crate) fn real_folder(path: &Path) -> Result<PathBuf, EngineError> {
    let refused = |reason: String| EngineError::NotAFolder { path: path.to_owned(), reason };
    let real = path.canonicalize().map_err(|error| refused(error.to_string()))?;
    std::fs::read_dir(&real).map_err(|error| refused(error.to_string()))?;
    if vow_watch::is_made_up(&real) {
        return Err(refused("the kernel makes up what is in it, and no photos".to_owned()));
    }
    Ok(real)
}

fn device(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).map_or(0, |metadata| metadata.dev())
}
