//! A backup in the place of the store, in two steps, so that no moment has no store.
//!
//! The daemon has its store open and cannot change it under its own feet, and `vow` only speaks to the daemon. So the first
//! step ([`prepare`]) is the running daemon's: the file is copied beside the store, and only once that copy is found whole
//! does it get the name under which it waits. The second ([`finish`]) is the next start's, before anything is opened: the
//! store gets a second name under which it is kept, and the copy takes its first name in one rename. Whatever a kill
//! comes between, the store's name leads to one whole store or the other, and the next start goes on where this one was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use redb::{ReadTransaction, ReadableTable as _, ReadableTableMetadata as _};

use crate::codec::{take_entry, take_person};
use crate::error::StoreError;
use crate::events;
use crate::fault;
use crate::open::{existing, lock, sync_folder};
use crate::tables::{EVENTS, FACES, HIDDEN, JOURNAL, PEOPLE, PHOTOS};
use crate::verify::{Finding, Lengths, Verifying};

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Photos with a file.
    pub photos: u64,
    /// Faces.
    pub faces: u64,
    /// People with a name.
    pub named: u64,
    /// Entries of the journal.
    pub entries: u64,
    /// When the last of them was made.
    pub last_said: Option<i64>,
    /// Where the store that is there now will be kept.
    pub kept: PathBuf,
}

/// A backup was put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where the store that was there before is kept; `None`: there was none.
    pub kept: Option<PathBuf>,
}

/// Looks whether `file` is a whole store that this version reads, and what is in it; if `keep`, a copy of it waits beside
/// `store` from then on for the next [`finish`].
///
/// # Errors
/// [`StoreError::NoBackup`] when it is none, or is in use; when the copy cannot be written. Nothing was changed then.
pub fn prepare(file: &Path, store: &Path, keep: bool) -> Result<Contents, StoreError> {
    let part = beside(store, ".restore.part");
    let done = copy(file, &part).and_then(|()| examine(file, &part, store));
    if done.is_ok() && keep {
        let named = fs::rename(&part, beside(store, ".restore")).and_then(|()| sync_folder(store));
        named.map_err(|source| StoreError::Restore { path: part, source })?;
    } else {
        // Its name says what it is, if it cannot even be removed.
        let _ = fs::remove_file(&part);
    }
    done
}

/// Puts what waits beside `store` in its place; `None`: nothing waits. The store must not be open.
///
/// # Errors
/// [`StoreError::InUse`] when somebody has the store open; [`StoreError::Restore`] when the files cannot be renamed. The store
/// is as it was then.
pub fn finish(store: &Path) -> Result<Option<Restored>, StoreError> {
    let waiting = beside(store, ".restore");
    if fs::symlink_metadata(&waiting).is_err() {
        return Ok(None);
    }
    let failed = |source| StoreError::Restore { path: waiting.clone(), source };
    let present = match File::open(store) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if let Some(present) = &present {
        // Only who might open it may take it away; the lock ends with the file's handle.
        lock(present, store).map_err(|fault| fault.at(store, "opened"))?;
    }
    let kept = present.as_ref().map(|_| kept(store));
    if let Some(kept) = &kept {
        // Where a file system knows no second names, the store is gone for a moment; the next start finds what waits.
        fs::hard_link(store, kept).or_else(|_| fs::rename(store, kept)).map_err(failed)?;
        sync_folder(store).map_err(failed)?;
    }
    fs::rename(&waiting, store).and_then(|()| sync_folder(store)).map_err(failed)?;
    Ok(Some(Restored { kept }))
}

fn beside(store: &Path, ending: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The first name under which nothing is kept yet.
fn kept(store: &Path) -> PathBuf {
    let mut number = 1_u64;
    loop {
        let name = beside(store, &format!(".before-restore-{number}"));
        if fs::symlink_metadata(&name).is_err() {
            return name;
        }
        number = number.saturating_add(1);
    }
}

/// Copies a file that nobody is writing to.
fn copy(file: &Path, part: &Path) -> Result<(), StoreError> {
    let refused = |why: String| StoreError::NoBackup { path: file.to_owned(), why };
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(refused("it is not a regular file".to_owned()));
    }
    let mut from = File::open(file).map_err(|error| refused(error.to_string()))?;
    if let Err(fs::TryLockError::WouldBlock) = from.try_lock_shared() {
        let why = "a vowd has it open; `vow backup` makes a copy that can be restored";
        return Err(refused(why.to_owned()));
    }
    let written = (|| {
        if let Err(error) = fs::remove_file(part)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    })();
    written.map_err(|source| StoreError::Restore { path: part.to_owned(), source })
}

/// Reads all of the copy, gives it event numbers of its own, and closes it.
fn examine(file: &Path, part: &Path, store: &Path) -> Result<Contents, StoreError> {
    let refused = |error: StoreError| {
        // What is said of the copy is true of the file, which is what the caller knows.
        let why = error.to_string().replace(&*part.to_string_lossy(), &file.to_string_lossy());
        StoreError::NoBackup { path: file.to_owned(), why }
    };
    let copy = existing(part).map_err(refused)?;
    let mut first: Option<Finding> = None;
    let mut see = |step| {
        if let Verifying::Found(finding) = step
            && !finding.derived
        {
            first.get_or_insert(finding);
        }
        first.is_none()
    };
    copy.verify(Lengths::new(), &mut see).map_err(refused)?;
    if let Some(Finding { table, row, what, .. }) = first {
        let why = format!("it is damaged (table {table}, {row}: {what})");
        return Err(StoreError::NoBackup { path: file.to_owned(), why });
    }
    copy.write(|txn| {
        // Those who followed its events before must not take what comes for what they know.
        txn.open_table(EVENTS)?.retain(|_, _| false)?;
        events::begin(txn)
    })?;
    copy.read(|txn| contents(txn, kept(store)))
}

fn contents(txn: &ReadTransaction, kept: PathBuf) -> fault::Result<Contents> {
    let mut named = 0_u64;
    for row in txn.open_table(PEOPLE)?.range::<u64>(..)? {
        let (id, bytes) = row?;
        named = named.saturating_add(u64::from(take_person(id.value(), bytes.value())?.0.name.is_some()));
    }
    let journal = txn.open_table(JOURNAL)?;
    let last =
        journal.last()?.map(|(number, bytes)| take_entry(number.value(), bytes.value())).transpose()?;
    Ok(Contents {
        photos: txn.open_table(PHOTOS)?.len()?.saturating_sub(txn.open_table(HIDDEN)?.len()?),
        faces: txn.open_table(FACES)?.len()?,
        named,
        entries: journal.len()?,
        last_said: last.map(|entry| entry.at),
        kept,
    })
}
