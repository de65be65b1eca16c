//! A copy of the store as it is at one moment, made while it is read and written. A copy of the file itself, made by any
//! other program meanwhile, may be of several moments and not open.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{
    Builder, Durability, Key, MultimapTableDefinition, ReadTransaction, ReadableMultimapTable as _,
    ReadableTable as _, TableDefinition, TableError, Value, WriteTransaction,
};

use crate::error::StoreError;
use crate::fault::{self, guarded};
use crate::open::sync_folder;
use crate::store::Store;
use crate::tables::{self, meta};

/// What redb may keep of the copy in memory: it is written once through.
const CACHE: usize = 16 << 20;

impl Store {
    /// Copies everything into a new file (readable by its owner only), which is a store itself. It has its name once all of
    /// it is on the disk; what bears the name already is left alone. Returns its size in bytes.
    ///
    /// # Errors
    /// When there is something of that name, or the store cannot be read or the copy not be written.
    pub fn backup(&self, to: &Path) -> Result<u64, StoreError> {
        let refused = |source| StoreError::Backup { path: to.to_owned(), source };
        match fs::symlink_metadata(to) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(refused(error)),
            Ok(_) => return Err(StoreError::BackupThere { path: to.to_owned() }),
        }
        let mut part = to.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let view = self.view()?;
        let made = guarded(|| copy(&view, &part)).map_err(|fault| match fault.at(&part, "written") {
            StoreError::Io { source, .. } => refused(source),
            other => other,
        });
        let size = made.and_then(|()| settle(&part, to).map_err(refused));
        if size.is_err() {
            // Half a backup is none; if it cannot even be removed, its name says what it is.
            let _ = fs::remove_file(&part);
        }
        size
    }
}

fn settle(part: &Path, to: &Path) -> io::Result<u64> {
    let size = fs::metadata(part)?.len();
    fs::rename(part, to)?;
    sync_folder(to)?;
    Ok(size)
}

fn copy(from: &ReadTransaction, part: &Path) -> fault::Result<()> {
    // What a backup that was cut short left behind is of no use, and may be anybody's to read.
    if let Err(error) = fs::remove_file(part)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error.into());
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(part)?;
    let backend = FileBackend::new(file)?;
    let database = Builder::new().set_cache_size(CACHE).create_with_backend(backend)?;
    let mut into = database.begin_write()?;
    into.set_durability(Durability::Immediate)?;
    rows(from, &into, tables::META)?;
    // It is a store of its own, and its events begin when it is opened: those told until then are not its.
    for counter in [meta::FIRST_EVENT, meta::NEXT_EVENT] {
        into.open_table(tables::META)?.remove(counter)?;
    }
    into.open_table(tables::EVENTS)?;
    rows(from, &into, tables::FOLDERS)?;
    rows(from, &into, tables::FILES)?;
    rows(from, &into, tables::FAILURES)?;
    rows(from, &into, tables::PHOTOS)?;
    many(from, &into, tables::PHOTO_FILES)?;
    rows(from, &into, tables::HIDDEN)?;
    rows(from, &into, tables::ANALYSES)?;
    rows(from, &into, tables::FACES)?;
    rows(from, &into, tables::EMBEDDINGS)?;
    rows(from, &into, tables::FACE_PERSON)?;
    many(from, &into, tables::PERSON_FACES)?;
    rows(from, &into, tables::PEOPLE)?;
    many(from, &into, tables::NAMES)?;
    rows(from, &into, tables::JOURNAL)?;
    rows(from, &into, tables::PACKS)?;
    rows(from, &into, tables::TALLIES)?;
    rows(from, &into, tables::FULL_NORMS)?;
    Ok(into.commit()?)
}

fn rows<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    into: &WriteTransaction,
    table: TableDefinition<'static, K, V>,
) -> fault::Result<()> {
    let mut into = into.open_table(table)?;
    match from.open_table(table) {
        Err(TableError::TableDoesNotExist(_)) => Ok(()),
        from => {
            for row in from?.iter()? {
                let (key, value) = row?;
                into.insert(key.value(), value.value())?;
            }
            Ok(())
        }
    }
}

fn many<K: Key + 'static, V: Key + 'static>(
    from: &ReadTransaction,
    into: &WriteTransaction,
    table: MultimapTableDefinition<'static, K, V>,
) -> fault::Result<()> {
    let mut into = into.open_multimap_table(table)?;
    match from.open_multimap_table(table) {
        Err(TableError::TableDoesNotExist(_)) => Ok(()),
        from => {
            for row in from?.iter()? {
                let (key, values) = row?;
                for value in values {
                    into.insert(key.value(), value?.value())?;
                }
            }
            Ok(())
        }
    }
}
