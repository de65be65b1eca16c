//! The handle on an open store, and the one place where transactions begin and end.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};

use crate::error::StoreError;
use crate::fault::{self, Fault, guarded};

/// An open store. Clones are handles on the same one; the last to be dropped closes the file, after which the next
/// [`open`](Self::open) is quick. Every method may be called from any thread. Readers see the state of the last
/// transaction that was finished when they began; they never wait for a writer, nor a writer for them. Writers wait for
/// one another.
///
/// After [`StoreError::Io`] every later write is answered with [`StoreError::Closed`], since it is not known what reached
/// the disk: the store has to be opened again, and then has everything that was ever acknowledged.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    /// There until the end; an option so that `drop` can take it.
    database: Option<Database>,
    path: PathBuf,
    /// redb panicked: it must not be trusted with anything more.
    broken: AtomicBool,
    /// Called after every transaction that was finished.
    written: OnceLock<Written>,
}

/// What is called when something was written.
type Written = Box<dyn Fn() + Send + Sync>;

impl Drop for Inner {
    fn drop(&mut self) {
        // Closing a file that was altered behind redb's back may panic too. Then it stays marked as not closed, and the
        // next open checks it.
        let database = self.database.take();
        let closed = guarded(|| {
            drop(database);
            Ok(())
        });
        if closed.is_err() {
            tracing::error!(path = %self.path.display(), "the store could not be closed; the next start checks it");
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.path).finish()
    }
}

impl Store {
    /// `path` is what errors call the store.
    pub(crate) fn new(database: Database, path: PathBuf) -> Self {
        Self(Arc::new(Inner {
            database: Some(database),
            path,
            broken: AtomicBool::new(false),
            written: OnceLock::new(),
        }))
    }

    /// Has this called after every transaction that is durable from then on, by whoever wrote it; it must not wait. Only the
    /// first call counts.
    pub fn when_written(&self, call: impl Fn() + Send + Sync + 'static) {
        // Whoever comes second keeps nothing; there is one engine to a store.
        let _ = self.0.written.set(Box::new(call));
    }

    fn database(&self) -> fault::Result<&Database> {
        let database = self.0.database.as_ref().filter(|_| !self.0.broken.load(Ordering::SeqCst));
        database.ok_or_else(|| StoreError::Closed { path: self.0.path.clone() }.into())
    }

    /// Runs `work` on the state as it is now. `work` must run no code of the caller's.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> fault::Result<T>,
    ) -> Result<T, StoreError> {
        self.guard("read", || work(&self.database()?.begin_read()?))
    }

    /// A view of the state as it is now, for reading in several steps with [`Self::guard`].
    pub(crate) fn view(&self) -> Result<ReadTransaction, StoreError> {
        self.guard("read", || Ok(self.database()?.begin_read()?))
    }

    /// Runs `work` in one transaction: all of it is durable when this returns, or nothing of it is there. `work` must run
    /// no code of the caller's.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> fault::Result<T>,
    ) -> Result<T, StoreError> {
        let done = self.guard("written", || {
            let mut txn = self.database()?.begin_write()?;
            txn.set_durability(Durability::Immediate)?;
            // An error drops the transaction, which undoes it.
            let done = work(&txn)?;
            txn.commit()?;
            Ok(done)
        })?;
        self.0.written.get().into_iter().for_each(|written| written());
        Ok(done)
    }

    /// Notes in the file which of its parts are free, so that the next [`open`](Self::open) is quick even when this process
    /// ends without closing the store, as long as nothing is written in between. Worth its two syncs whenever writing has
    /// come to rest.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.guard("written", || {
            let mut txn = self.database()?.begin_write()?;
            txn.set_durability(Durability::Immediate)?;
            txn.set_quick_repair(true);
            Ok(txn.commit()?)
        })
    }

    /// Runs `work`; its faults become errors of this store. `action`: what was tried.
    pub(crate) fn guard<T>(
        &self,
        action: &'static str,
        work: impl FnOnce() -> fault::Result<T>,
    ) -> Result<T, StoreError> {
        guarded(work).map_err(|fault| {
            if matches!(fault, Fault::Panicked(_)) {
                self.0.broken.store(true, Ordering::SeqCst);
            }
            fault.at(&self.0.path, action)
        })
    }
}
