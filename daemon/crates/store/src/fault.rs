//! What can go wrong inside a transaction, before it is known to which store it happened.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::codec::RowError;
use crate::error::StoreError;

/// Anything that ends a transaction.
#[derive(Debug)]
pub(crate) enum Fault {
    /// redb said so.
    Redb(Box<redb::Error>),
    /// redb panicked, which it does on some files that were altered behind its back.
    Panicked(String),
    /// A row cannot be read, or two tables contradict each other.
    Row(RowError),
    /// The caller asked for something that cannot be.
    Refused(StoreError),
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::Redb(Box::new(error.into()))
            }
        }
    )*};
}
from_redb!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError,
    redb::SetDurabilityError,
    redb::CursorError,
    io::Error
);

impl From<RowError> for Fault {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl Fault {
    /// A row that another row speaks of is not there.
    pub(crate) fn missing(table: &'static str, what: impl std::fmt::Display) -> Self {
        Self::Row(RowError { table, why: format!("{what} is missing") })
    }

    /// The error as the caller sees it. `action`: what was tried ("opened", "read", "written").
    pub(crate) fn at(self, path: &Path, action: &'static str) -> StoreError {
        let path = path.to_owned();
        let error = match self {
            Self::Refused(error) => return error,
            Self::Row(error) => return StoreError::Damaged { path, what: error.to_string() },
            Self::Panicked(what) => return StoreError::Damaged { path, what },
            Self::Redb(error) => *error,
        };
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                StoreError::InUse { path }
            }
            // Reading beyond the end: the file is shorter than it says.
            redb::Error::Io(source)
                if matches!(source.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData) =>
            {
                StoreError::Damaged { path, what: source.to_string() }
            }
            redb::Error::Io(source) => StoreError::Io { path, action, source },
            redb::Error::Backend(source) => StoreError::Io { path, action, source: io::Error::other(source) },
            redb::Error::PreviousIo
            | redb::Error::DatabaseClosed
            | redb::Error::LockPoisoned(_)
            | redb::Error::TransactionPoisoned => StoreError::Closed { path },
            redb::Error::UpgradeRequired(version) => {
                StoreError::NotAStore { path, why: format!("a redb file of format {version}") }
            }
            other => StoreError::Damaged { path, what: other.to_string() },
        }
    }
}

/// Runs `work`, a panic of redb's being a fault like others. `work` must run no code of the caller's: its panics are its
/// own.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // What redb leaves behind after a panic are poisoned locks and transactions, which it reports as errors.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Fault::Panicked(text.unwrap_or_else(|| "redb stumbled over it".to_owned())))
    })
}
