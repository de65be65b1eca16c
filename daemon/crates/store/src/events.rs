//! What happened, for those who follow along: each event is written in the transaction that does what it tells of, so that
//! nobody hears of what was undone by a crash, nor misses what was not. The table is bounded: the oldest go.
//!
//! Numbers go up by one. Where a store's begin is the moment, in microseconds, at which it was first opened as a store of its
//! own, so that a number tells its store too: none of another store, of the one before a backup was put in place, or of
//! a copy, is taken for one of this. A backup has no events and no numbers of its own until it is opened.

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata as _, Table, WriteTransaction};
use vow_types::num::len_u64;
use vow_types::{ContentId, FaceId, Failure, PersonId};

use crate::codec::{put_event, take_event};
use crate::error::StoreError;
use crate::fault;
use crate::store::Store;
use crate::tables::{self, Bytes, EVENTS, META, meta};

/// So many of the last events are kept.
pub const EVENTS_KEPT: u64 = 100_000;
/// So many more may lie there before the oldest are removed, so that it is not done one by one.
const SLACK: u64 = 1024;
/// Faces and people that one event tells of at most; more are several events.
const MOST: usize = 500;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file shows a photo that has been looked at: it is new, shows another photo than before, or a pack looked at its
    /// photo for the first time.
    Shown {
        /// The file.
        path: PathBuf,
        /// The photo.
        photo: ContentId,
    },
    /// A file shows its photo no longer: it is gone, shows another one, or its folder is not watched any more.
    Gone {
        /// The file.
        path: PathBuf,
        /// What it showed; `None`: it had failed.
        photo: Option<ContentId>,
    },
    /// A file could not be indexed. Not told again while it fails in the same way.
    Failed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        failure: Failure,
    },
    /// Faces belong to other people than before.
    Assigned {
        /// Each face, whose it was, and whose it is.
        faces: Vec<(FaceId, Option<PersonId>, Option<PersonId>)>,
    },
    /// People came into being.
    Born {
        /// Who.
        people: Vec<PersonId>,
    },
    /// A person has another name, or none any more.
    Renamed {
        /// Who.
        person: PersonId,
        /// The name from then on.
        name: Option<String>,
        /// The name until then.
        before: Option<String>,
    },
    /// People are no more: their faces are others', or nobody's.
    Ended {
        /// Who.
        people: Vec<PersonId>,
    },
    /// A line was added to the journal.
    Decided {
        /// Its number.
        entry: u64,
    },
}

/// An event with its place among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its number: one more than that of the event before.
    pub number: u64,
    /// When it was written.
    pub at: i64,
    /// What happened.
    pub event: Event,
}

impl Store {
    /// The numbers of the events that are kept; empty when there are none, and ends with the last that was ever given all the
    /// same.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn event_numbers(&self) -> Result<RangeInclusive<u64>, StoreError> {
        self.read(|txn| {
            let kept = Kept::of(txn)?;
            Ok(kept.oldest..=kept.last)
        })
    }

    /// The events after this number, at most `limit`, in their order.
    ///
    /// # Errors
    /// [`StoreError::EventsGone`] when some of them are not kept any more, [`StoreError::NoSuchEvent`] when the number is none
    /// of this store's; when the store cannot be read.
    pub fn events(&self, after: u64, limit: usize) -> Result<Vec<Told>, StoreError> {
        self.read(|txn| {
            let Kept { first, oldest, last } = Kept::of(txn)?;
            if after > last || after.saturating_add(1) < first {
                return Err(StoreError::NoSuchEvent { after, last }.into());
            }
            if after.saturating_add(1) < oldest {
                return Err(StoreError::EventsGone { after, oldest, last }.into());
            }
            let table = txn.open_table(EVENTS)?;
            let rows = table.range(after.saturating_add(1)..)?.take(limit);
            rows.map(|row| {
                let (number, bytes) = row?;
                Ok(take_event(number.value(), bytes.value())?)
            })
            .collect()
        })
    }
}

/// Which events there are.
struct Kept {
    /// The first that ever was.
    first: u64,
    oldest: u64,
    last: u64,
}

impl Kept {
    fn of(txn: &ReadTransaction) -> fault::Result<Self> {
        let meta = txn.open_table(META)?;
        let first = tables::counter(&meta, meta::FIRST_EVENT)?;
        let next = tables::counter(&meta, meta::NEXT_EVENT)?;
        let oldest = txn.open_table(EVENTS)?.first()?.map_or(next, |(number, _)| number.value());
        Ok(Self { first, oldest, last: next.saturating_sub(1) })
    }
}

/// Makes the table, and lets a store that has no numbers of its own begin with them.
pub(crate) fn begin(txn: &WriteTransaction) -> fault::Result<()> {
    txn.open_table(EVENTS)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let first = u64::try_from(now).unwrap_or_default().max(1);
    let mut meta = txn.open_table(META)?;
    meta.insert(meta::FIRST_EVENT, first)?;
    meta.insert(meta::NEXT_EVENT, first)?;
    Ok(())
}

/// The events of one transaction, in the order in which they are told.
#[derive(Default)]
pub(crate) struct Tale {
    rows: VecDeque<Vec<u8>>,
    /// So many before these would not be kept anyway.
    skipped: u64,
}

impl Tale {
    pub(crate) fn tell(&mut self, event: &Event) -> fault::Result<()> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.rows.push_back(put_event(i64::try_from(at).unwrap_or(i64::MAX), event)?);
        if len_u64(self.rows.len()) > EVENTS_KEPT {
            self.rows.pop_front();
            self.skipped = self.skipped.saturating_add(1);
        }
        Ok(())
    }

    /// One event for so many of these as fit into one.
    pub(crate) fn tell_of<T: Clone>(
        &mut self,
        all: &[T],
        event: impl Fn(Vec<T>) -> Event,
    ) -> fault::Result<()> {
        all.chunks(MOST).try_for_each(|some| self.tell(&event(some.to_vec())))
    }

    /// Writes them, and removes what is too old. The transaction can be finished then.
    pub(crate) fn write(self, txn: &WriteTransaction) -> fault::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.write_to(&mut txn.open_table(META)?, &mut txn.open_table(EVENTS)?)
    }

    /// As [`Self::write`], where the tables are open.
    pub(crate) fn write_to(
        self,
        meta: &mut Table<'_, &'static str, u64>,
        events: &mut Table<'_, u64, Bytes>,
    ) -> fault::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut number = tables::counter(meta, meta::NEXT_EVENT)?.saturating_add(self.skipped);
        for row in self.rows {
            events.insert(number, row.as_slice())?;
            number = number.checked_add(1).ok_or(StoreError::IdsExhausted(number))?;
        }
        meta.insert(meta::NEXT_EVENT, number)?;
        // Where some of these were skipped, all before them are too old, too: what is kept has no gap.
        if self.skipped > 0 || events.len()? > EVENTS_KEPT.saturating_add(SLACK) {
            events.retain_in(..number.saturating_sub(EVENTS_KEPT), |_, _| false)?;
        }
        Ok(())
    }
}

/// What a transaction changed about people, told as one.
#[derive(Default)]
pub(crate) struct News {
    pub(crate) moved: Vec<(FaceId, Option<PersonId>, Option<PersonId>)>,
    pub(crate) renamed: Vec<(PersonId, Option<String>, Option<String>)>,
    born: BTreeSet<PersonId>,
    ended: BTreeSet<PersonId>,
}

impl News {
    /// A person came into being; who had just ended is as before.
    pub(crate) fn born(&mut self, person: PersonId) {
        if !self.ended.remove(&person) {
            self.born.insert(person);
        }
    }

    /// A person is no more; who had just come into being never was.
    pub(crate) fn ended(&mut self, person: PersonId) {
        if !self.born.remove(&person) {
            self.ended.insert(person);
        }
    }

    /// Tells all of it.
    pub(crate) fn tell(self, tale: &mut Tale) -> fault::Result<()> {
        let all = |people: BTreeSet<PersonId>| people.into_iter().collect::<Vec<_>>();
        tale.tell_of(&all(self.born), |people| Event::Born { people })?;
        tale.tell_of(&self.moved, |faces| Event::Assigned { faces })?;
        for (person, name, before) in self.renamed {
            tale.tell(&Event::Renamed { person, name, before })?;
        }
        tale.tell_of(&all(self.ended), |people| Event::Ended { people })
    }
}
