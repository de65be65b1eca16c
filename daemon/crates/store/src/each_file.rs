//! Going through many files without holding them.

use std::ops::Bound::{Excluded, Unbounded};
use std::path::Path;
use std::vec;

use redb::ReadableTable;

use crate::codec::take_file;
use crate::error::StoreError;
use crate::fault;
use crate::files::file;
use crate::path_bytes::{prefix, to_bytes};
use crate::rows::{FileRow, Folder};
use crate::store::Store;
use crate::tables::FILES;

/// Rows that are held at a time while all are gone through.
pub(crate) const BATCH: usize = 256;

/// Files one by one, each as it is when its turn comes, or some hundred files before: nobody else is kept from anything
/// meanwhile, and there may be millions.
#[derive(Debug)]
pub struct EachFile<'a> {
    store: &'a Store,
    walk: Option<Walk>,
    batch: vec::IntoIter<FileRow>,
}

impl<'a> EachFile<'a> {
    pub(crate) fn of(store: &'a Store, walk: Option<Walk>) -> Self {
        Self { store, walk, batch: Vec::new().into_iter() }
    }
}

impl Iterator for EachFile<'_> {
    /// An error is the last.
    type Item = Result<FileRow, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(file) = self.batch.next() {
            return Some(Ok(file));
        }
        let mut walk = self.walk.take()?;
        match self.store.read(|txn| walk.next(&txn.open_table(FILES)?)) {
            Ok(batch) => {
                self.batch = batch.into_iter();
                let file = self.batch.next()?;
                self.walk = Some(walk);
                Some(Ok(file))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// Goes through the files of one folder, or of all below a path, a batch at a time. They lie side by side, since their paths
/// begin alike; those of a folder inside of the folder lie among them and are left out.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The folder; without one, all files count whatever theirs is.
    folder: Option<Folder>,
    /// What the paths begin with.
    prefix: Vec<u8>,
    /// The last path that was looked at.
    after: Option<Vec<u8>>,
    done: bool,
}

impl Walk {
    pub(crate) fn over(folder: Folder) -> Self {
        Self { prefix: prefix(&folder.path), folder: Some(folder), after: None, done: false }
    }

    pub(crate) fn below(path: &Path) -> Self {
        Self { prefix: prefix(path), folder: None, after: None, done: false }
    }

    /// The next files; none at the end.
    pub(crate) fn next(
        &mut self,
        files: &impl ReadableTable<&'static [u8], &'static [u8]>,
    ) -> fault::Result<Vec<FileRow>> {
        let mut batch = Vec::new();
        while batch.is_empty() && !self.done {
            if let Some(folder) = self.folder.as_ref().filter(|_| self.after.is_none()) {
                // A folder that cannot be read has failed as if it were a file.
                batch.extend(file(files, to_bytes(&folder.path))?);
            }
            let from = Excluded(self.after.as_deref().unwrap_or(&self.prefix));
            let enough = batch.len() + BATCH;
            for row in files.range::<&[u8]>((from, Unbounded))?.take(BATCH) {
                let (path, bytes) = row?;
                if !path.value().starts_with(&self.prefix) {
                    break;
                }
                batch.push(take_file(path.value(), bytes.value())?);
            }
            self.done = batch.len() < enough;
            self.after = batch.last().map(|file| to_bytes(&file.path).to_vec());
            batch.retain(|file| self.folder.as_ref().is_none_or(|folder| file.folder == folder.id));
        }
        Ok(batch)
    }
}
