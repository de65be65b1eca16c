//! Folders and files: reading them, adding and removing folders. What a file shows changes in `commit`.

use std::ops::Bound::{Excluded, Unbounded};
use std::path::Path;

use redb::ReadableTable;
use vow_types::{ContentId, FolderId};

use crate::codec::{put_file, put_folder, take_file, take_folder};
use crate::commit::Ingest;
use crate::each_file::{EachFile, Walk};
use crate::error::StoreError;
use crate::fault::{self, Fault};
use crate::path_bytes::{plain, to_bytes};
use crate::rows::{Committed, FileRow, Folder};
use crate::store::Store;
use crate::tables::{self, FAILURES, FILES, FOLDERS, META, PHOTO_FILES, meta};

impl Store {
    /// Adds a folder, or finds it when it is there already (then `device` stays as it was; see
    /// [`Self::set_folder_device`]). The second value says whether it is new. `path` is absolute; a trailing slash makes
    /// no difference.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn add_folder(&self, path: &Path, device: u64, now: i64) -> Result<(Folder, bool), StoreError> {
        let path = plain(path);
        self.write(|txn| {
            let mut folders = txn.open_table(FOLDERS)?;
            for row in folders.iter()? {
                let (id, bytes) = row?;
                let folder = take_folder(id.value(), bytes.value())?;
                if folder.path == path {
                    return Ok((folder, false));
                }
            }
            let id = tables::take_id(&mut txn.open_table(META)?, meta::NEXT_FOLDER)?;
            let folder = Folder { id: FolderId(id), path, device, added: now };
            folders.insert(id, put_folder(&folder)?.as_slice())?;
            Ok((folder, true))
        })
    }

    /// Adds a folder in the place of others that lie in it: their files are its own from then on, with all that is known of
    /// them.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn take_in(
        &self,
        path: &Path,
        inner: &[FolderId],
        device: u64,
        now: i64,
    ) -> Result<Folder, StoreError> {
        let path = plain(path);
        self.write(|txn| {
            let id = tables::take_id(&mut txn.open_table(META)?, meta::NEXT_FOLDER)?;
            let folder = Folder { id: FolderId(id), path: path.clone(), device, added: now };
            let (mut folders, mut files) = (txn.open_table(FOLDERS)?, txn.open_table(FILES)?);
            folders.insert(id, put_folder(&folder)?.as_slice())?;
            for one in inner {
                let gone =
                    folders.remove(one.0)?.map(|bytes| take_folder(one.0, bytes.value())).transpose()?;
                let Some(mut walk) = gone.map(Walk::over) else { continue };
                loop {
                    let batch = walk.next(&files)?;
                    if batch.is_empty() {
                        break;
                    }
                    for file in batch {
                        let file = FileRow { folder: folder.id, ..file };
                        files.insert(to_bytes(&file.path), put_file(&file)?.as_slice())?;
                    }
                }
            }
            Ok(folder)
        })
    }

    /// Forgets a folder and its files. Photos, faces and who they are stay for when they come back. Nothing happens when
    /// there is no such folder.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove_folder(&self, folder: FolderId) -> Result<Committed, StoreError> {
        self.write(|txn| {
            let mut folders = txn.open_table(FOLDERS)?;
            let removed =
                folders.remove(folder.0)?.map(|bytes| take_folder(folder.0, bytes.value())).transpose()?;
            drop(folders);
            let Some(removed) = removed else { return Ok(Committed::default()) };
            let mut ingest = Ingest::begin(txn)?;
            let mut walk = Walk::over(removed);
            loop {
                let batch = walk.next(ingest.files())?;
                if batch.is_empty() {
                    return ingest.finish();
                }
                for file in batch {
                    ingest.gone(&file.path)?;
                }
            }
        })
    }

    /// All folders, in the order in which they were added.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn folders(&self) -> Result<Vec<Folder>, StoreError> {
        self.read(|txn| {
            let folders = txn.open_table(FOLDERS)?;
            let rows = folders.iter()?;
            rows.map(|row| {
                let (id, bytes) = row?;
                Ok(take_folder(id.value(), bytes.value())?)
            })
            .collect()
        })
    }

    /// Notes the device that the folder lies on. Nothing happens when there is no such folder.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn set_folder_device(&self, folder: FolderId, device: u64) -> Result<(), StoreError> {
        self.write(|txn| {
            let mut folders = txn.open_table(FOLDERS)?;
            let row = folders.get(folder.0)?.map(|bytes| take_folder(folder.0, bytes.value())).transpose()?;
            if let Some(row) = row {
                folders.insert(folder.0, put_folder(&Folder { device, ..row })?.as_slice())?;
            }
            Ok(())
        })
    }

    /// All files of a folder, in the order of their path's bytes. See [`Self::each_file_in`] for many.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn files_in(&self, folder: FolderId) -> Result<Vec<FileRow>, StoreError> {
        self.each_file_in(folder)?.collect()
    }

    /// Every file of a folder, in the order of their path's bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn each_file_in(&self, folder: FolderId) -> Result<EachFile<'_>, StoreError> {
        let folder = self.read(|txn| {
            let folders = txn.open_table(FOLDERS)?;
            Ok(folders.get(folder.0)?.map(|bytes| take_folder(folder.0, bytes.value())).transpose()?)
        })?;
        Ok(EachFile::of(self, folder.map(Walk::over)))
    }

    /// Every file below a path, whatever its folder, in the order of their path's bytes; not the path itself.
    #[must_use]
    pub fn each_file_below(&self, path: &Path) -> EachFile<'_> {
        EachFile::of(self, Some(Walk::below(path)))
    }

    /// What is known of the file with this path.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn file(&self, path: &Path) -> Result<Option<FileRow>, StoreError> {
        self.read(|txn| file(&txn.open_table(FILES)?, to_bytes(path)))
    }

    /// All files that show a photo, in the order of their path's bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn files_of(&self, photo: &ContentId) -> Result<Vec<FileRow>, StoreError> {
        self.read(|txn| {
            let files = txn.open_table(FILES)?;
            let paths = txn.open_multimap_table(PHOTO_FILES)?;
            let paths = paths.get(&photo.0)?;
            paths.map(|path| known(&files, path?.value())).collect()
        })
    }

    /// Files of all folders, at most `limit`, in the order of their path's bytes; those after the path `after` where it is
    /// given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn files_after(&self, after: Option<&Path>, limit: usize) -> Result<Vec<FileRow>, StoreError> {
        self.read(|txn| {
            let after = after.map_or(Unbounded, |path| Excluded(to_bytes(path)));
            let rows = txn.open_table(FILES)?.range::<&[u8]>((after, Unbounded))?;
            rows.take(limit)
                .map(|row| {
                    let (path, bytes) = row?;
                    Ok(take_file(path.value(), bytes.value())?)
                })
                .collect()
        })
    }

    /// Files that failed, at most `limit`, in the order of their path's bytes; those after the path `after` where it is
    /// given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn failures(&self, after: Option<&Path>, limit: usize) -> Result<Vec<FileRow>, StoreError> {
        self.read(|txn| {
            let files = txn.open_table(FILES)?;
            let failures = txn.open_table(FAILURES)?;
            let after = after.map_or(Unbounded, |path| Excluded(to_bytes(path)));
            let paths = failures.range::<&[u8]>((after, Unbounded))?;
            paths.take(limit).map(|row| known(&files, row?.0.value())).collect()
        })
    }
}

pub(crate) fn file(
    files: &impl ReadableTable<&'static [u8], &'static [u8]>,
    path: &[u8],
) -> fault::Result<Option<FileRow>> {
    Ok(files.get(path)?.map(|bytes| take_file(path, bytes.value())).transpose()?)
}

/// A row that another table says is there.
fn known(files: &impl ReadableTable<&'static [u8], &'static [u8]>, path: &[u8]) -> fault::Result<FileRow> {
    file(files, path)?.ok_or_else(|| Fault::missing("files", format_args!("`{}`", path.escape_ascii())))
}
