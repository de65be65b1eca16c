//! The handle on an open store, and the one place where transactions begin and end.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};

use crate::error::StoreError;
use crate::fault::{self, guarded};

/// An open store. Clones are handles on the same one; the last to be dropped closes the file, after which the next
/// [`open`](Self::open) is quick. Every method may be called from any thread. Readers see the state of the last
/// transaction that was finished when they began; they never wait for a writer, nor a writer for them. Writers wait for
/// one another.
///
/// After [`StoreError::Io`] every later call is answered with [`StoreError::Closed`], since it is not known what reached
/// the disk: the store has to be opened again, and then has everything that was ever acknowledged.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: Database,
    path: PathBuf,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.path).finish()
    }
}

impl Store {
    /// `path` is what errors call the store.
    pub(crate) fn new(database: Database, path: PathBuf) -> Self {
        Self(Arc::new(Inner { database, path }))
    }

    /// Runs `work` on the state as it is now. `work` must run no code of the caller's.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> fault::Result<T>,
    ) -> Result<T, StoreError> {
        self.guard("read", || work(&self.0.database.begin_read()?))
    }

    /// A view of the state as it is now, for reading in several steps with [`Self::guard`].
    pub(crate) fn view(&self) -> Result<ReadTransaction, StoreError> {
        self.guard("read", || Ok(self.0.database.begin_read()?))
    }

    /// Runs `work` in one transaction: all of it is durable when this returns, or nothing of it is there. `work` must run
    /// no code of the caller's.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> fault::Result<T>,
    ) -> Result<T, StoreError> {
        self.guard("written", || {
            let mut txn = self.0.database.begin_write()?;
            txn.set_durability(Durability::Immediate)?;
            // An error drops the transaction, which undoes it.
            let done = work(&txn)?;
            txn.commit()?;
            Ok(done)
        })
    }

    /// Runs `work`; its faults become errors of this store. `action`: what was tried.
    pub(crate) fn guard<T>(
        &self,
        action: &'static str,
        work: impl FnOnce() -> fault::Result<T>,
    ) -> Result<T, StoreError> {
        guarded(work).map_err(|fault| fault.at(&self.0.path, action))
    }
}
