//! Opening: is there a store, is it ours, can this version read it, has somebody else got it? A file that is not ours is
//! never written to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, StorageBackend,
    TableError, TableHandle,
};

use crate::error::StoreError;
use crate::events;
use crate::fault::{self, Fault, guarded};
use crate::store::Store;
use crate::tables::{self, FORMAT, META, OLDEST, meta};

/// What redb may keep of the file in memory. Beyond, the operating system's own cache serves nearly as fast.
const CACHE: usize = 32 << 20;

/// A store up to this size (about 100,000 photos) is read and verified as a whole whenever it is opened: a second or two. A
/// larger one is trusted when it was closed properly, since reading it may take minutes.
const VERIFIED: u64 = 512 << 20;

/// First bytes of a redb file (its design page, "File format").
const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";
/// Length of redb's header, the only thing in the file while it is being made.
const HEADER: usize = 320;
/// No longer than this is a file that is being made (redb 4.6: 72 KiB, earlier: 1 MiB).
const NEWBORN: u64 = 2 << 20;

/// What lies in a file.
enum Found {
    /// Nothing yet.
    Nothing,
    /// The making of a store that was cut short before anything was in it.
    Unfinished,
    /// A redb file.
    Redb,
    /// Something else.
    Foreign,
}

/// What is in a redb file.
enum Holds {
    Nothing,
    Store {
        /// One that this version reads.
        format: u64,
        /// Its events have numbers of their own.
        numbered: bool,
    },
}

impl Store {
    /// Opens the store in this file, or makes one (readable by its owner only). The folder must exist.
    ///
    /// A store of up to half a gigabyte is verified as a whole first, which takes a second or two. So is a larger one after
    /// a crash, unless [`Self::checkpoint`] was its last act; that may take minutes, and progress is logged.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when somebody has it open; [`StoreError::TooNew`], [`StoreError::NotAStore`] and
    /// [`StoreError::Damaged`] when it cannot be read, in which case the file is left as it is; [`StoreError::Io`] when
    /// the system refuses.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = guarded(|| database(path)).map_err(|fault| fault.at(path, "opened"))?;
        Ok(Self::new(database, path.to_owned()))
    }

    /// A store on another medium than a file, for tests that cut the power.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn with_backend(backend: impl StorageBackend) -> Result<Self, StoreError> {
        let path = PathBuf::from("(other medium)");
        let database =
            guarded(|| on(backend, &path, Mode::Any)).map_err(|fault| fault.at(&path, "opened"))?;
        Ok(Self::new(database, path))
    }
}

fn database(path: &Path) -> fault::Result<Database> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(foreign(path, "it is not a regular file"));
    }
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    // redb locks the file too, but looks at it (and we before it) only once it is sure that nobody is just making it.
    lock(&file, path)?;
    let new = !matches!(look(&FileBackend::new(file.try_clone()?)?)?, Found::Redb);
    if !new {
        file.unlock()?;
        peek(path)?;
        lock(&file, path)?;
    }
    if file.metadata()?.len() <= VERIFIED {
        // It will be read as a whole, here and there; on a hard disk, once through from the start first is far quicker.
        io::copy(&mut &file, &mut io::sink())?;
    }
    let database = on(FileBackend::new(file)?, path, Mode::Any)?;
    if new {
        sync_folder(path)?;
    }
    Ok(database)
}

/// Opens the store in a file that must be one already; all of it is verified, however large.
pub(crate) fn existing(path: &Path) -> Result<Store, StoreError> {
    let open = || {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        on(FileBackend::new(file)?, path, Mode::Existing)
    };
    let database = guarded(open).map_err(|fault| fault.at(path, "opened"))?;
    Ok(Store::new(database, path.to_owned()))
}

/// Makes names in a file's folder durable: a file is there for good only once its name is.
pub(crate) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

pub(crate) fn lock(file: &File, path: &Path) -> fault::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }.into()),
        // A file system without such locks: redb does what can be done.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Refuses what is not ours or not for us, from a look that changes nothing. After a crash redb must mend the file before
/// anybody can read it; then the same question is asked afterwards.
fn peek(path: &Path) -> fault::Result<()> {
    match Builder::new().set_cache_size(CACHE).open_read_only(path) {
        Ok(database) => judge(&database.begin_read()?, path).map(drop),
        Err(DatabaseError::RepairAborted) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What may be opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A store, or what can be made one.
    Any,
    /// A store, all of which is verified.
    Existing,
}

/// Opens or makes the store on this medium.
fn on(backend: impl StorageBackend, path: &Path, mode: Mode) -> fault::Result<Database> {
    match look(&backend)? {
        Found::Nothing | Found::Unfinished if mode == Mode::Existing => {
            return Err(foreign(path, "there is nothing in it"));
        }
        Found::Nothing | Found::Redb => {}
        Found::Unfinished => backend.set_len(0)?,
        Found::Foreign => return Err(foreign(path, "it holds something else")),
    }
    let verify = mode == Mode::Existing || backend.len()? <= VERIFIED;
    let name = path.to_owned();
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(verify).set_repair_callback(move |check| {
        let percent = check.progress() * 100.0;
        if !verify {
            tracing::info!(path = %name.display(), "the store was not closed; checking it: {percent:.0} %");
        }
    });
    let database = builder.create_with_backend(backend)?;
    let holds = judge(&database.begin_read()?, path)?;
    if mode == Mode::Existing && matches!(holds, Holds::Nothing) {
        return Err(foreign(path, "there is nothing in it"));
    }
    if !matches!(holds, Holds::Store { format: FORMAT, numbered: true }) {
        let mut txn = database.begin_write()?;
        txn.set_durability(Durability::Immediate)?;
        match holds {
            Holds::Nothing => tables::create(&txn)?,
            // Its rows say their own version and are read as they are. Only the number must be right before the first
            // new row, so that an older version leaves the file alone.
            Holds::Store { .. } => drop(txn.open_table(META)?.insert(meta::FORMAT, FORMAT)?),
        }
        if !matches!(holds, Holds::Store { numbered: true, .. }) {
            events::begin(&txn)?;
        }
        txn.commit()?;
    }
    Ok(database)
}

/// Tells a file by its first bytes. redb writes its magic number last when it makes a file, so that a start that was cut
/// short leaves a short file of zeros but for a part of the header; that one may be made again.
fn look(backend: &impl StorageBackend) -> fault::Result<Found> {
    let length = backend.len()?;
    if length == 0 {
        return Ok(Found::Nothing);
    }
    let mut bytes = vec![0; usize::try_from(length.min(NEWBORN)).unwrap_or(usize::MAX)];
    backend.read(0, &mut bytes)?;
    if bytes.starts_with(&MAGIC) {
        return Ok(Found::Redb);
    }
    let unfinished = length < NEWBORN
        && bytes.split_at_checked(HEADER).is_some_and(|(header, rest)| {
            header.iter().zip(MAGIC).all(|(byte, magic)| *byte == 0 || *byte == magic)
                && rest.iter().all(|byte| *byte == 0)
        });
    Ok(if unfinished { Found::Unfinished } else { Found::Foreign })
}

fn judge(txn: &ReadTransaction, path: &Path) -> fault::Result<Holds> {
    let table = match txn.open_table(META) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => {
            let tables = txn.list_tables()?.map(|table| table.name().to_owned()).next();
            let multimaps = txn.list_multimap_tables()?.count();
            return match tables {
                // Made, but cut short before the first transaction.
                None if multimaps == 0 => Ok(Holds::Nothing),
                _ => Err(foreign(path, "it is the redb file of another program")),
            };
        }
        Err(TableError::TableTypeMismatch { .. } | TableError::TableIsMultimap(_)) => {
            return Err(foreign(path, "it is the redb file of another program"));
        }
        Err(error) => return Err(error.into()),
    };
    match tables::read(&table, meta::FORMAT)? {
        Some(format @ OLDEST..=FORMAT) => {
            let numbered = tables::read(&table, meta::FIRST_EVENT)?.is_some();
            Ok(Holds::Store { format, numbered })
        }
        Some(found) if found > FORMAT => {
            Err(StoreError::TooNew { path: path.to_owned(), found, known: FORMAT }.into())
        }
        _ => Err(foreign(path, "it is the redb file of another program")),
    }
}

fn foreign(path: &Path, why: &str) -> Fault {
    StoreError::NotAStore { path: path.to_owned(), why: why.to_owned() }.into()
}
