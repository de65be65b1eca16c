//! The journal: what humans said, in order, and never changed. Each entry is one transaction with all that follows from it.

use std::ops::Bound::{Excluded, Unbounded};

use redb::{ReadableTable as _, ReadableTableMetadata as _};
use vow_types::{FaceId, PersonId};

use crate::codec::{put_entry, take_entry};
use crate::decision::{Decision, JournalEntry, Outcome, Standing};
use crate::error::StoreError;
use crate::events::{Event, News, Tale};
use crate::people::{give, set};
use crate::store::Store;
use crate::tables::{self, JOURNAL, META, meta};

type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    /// Appends a decision to the journal and carries out what follows from it, all in one transaction. `known_by`: see
    /// [`JournalEntry`].
    ///
    /// # Errors
    /// [`StoreError::UnknownFace`] when a face that moves is not in the store; when the store cannot be written. Then nothing
    /// was changed.
    pub fn decide(
        &self,
        decision: Decision,
        known_by: Vec<(PersonId, Vec<FaceId>)>,
        outcome: &Outcome,
        now: i64,
    ) -> Result<JournalEntry> {
        self.write(|txn| {
            let seq = tables::take_id(&mut txn.open_table(META)?, meta::NEXT_ENTRY)?;
            let entry = JournalEntry { seq, at: now, decision, known_by };
            txn.open_table(JOURNAL)?.insert(seq, put_entry(&entry)?.as_slice())?;
            let (mut news, mut tale) = (News::default(), Tale::default());
            give(txn, &outcome.moves, now, &mut news)?;
            set(txn, &outcome.people, &mut news)?;
            tale.tell(&Event::Decided { entry: seq })?;
            news.tell(&mut tale)?;
            tale.write(txn)?;
            Ok(entry)
        })
    }

    /// Writes what is known of people where that was found to differ from what the journal says; no entry is made.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_people(&self, people: &[Standing]) -> Result<()> {
        self.write(|txn| {
            let (mut news, mut tale) = (News::default(), Tale::default());
            set(txn, people, &mut news)?;
            news.tell(&mut tale)?;
            tale.write(txn)
        })
    }

    /// The number of the last entry; 0 when there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_entry(&self) -> Result<u64> {
        self.read(|txn| Ok(txn.open_table(JOURNAL)?.last()?.map_or(0, |(seq, _)| seq.value())))
    }

    /// The journal from the entry after number `after` on (0: from the first), at most `limit` entries.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalEntry>> {
        self.read(|txn| {
            let entries = txn.open_table(JOURNAL)?.range((Excluded(after), Unbounded))?;
            entries
                .take(limit)
                .map(|entry| {
                    let (seq, bytes) = entry?;
                    Ok(take_entry(seq.value(), bytes.value())?)
                })
                .collect()
        })
    }

    /// Shows the journal's entries, the newest first, until `see` says that it was enough. Answers with how many there are
    /// in all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn journal_backwards(&self, see: &mut dyn FnMut(JournalEntry) -> bool) -> Result<u64> {
        self.read(|txn| {
            let journal = txn.open_table(JOURNAL)?;
            for entry in journal.iter()?.rev() {
                let (seq, bytes) = entry?;
                if !see(take_entry(seq.value(), bytes.value())?) {
                    break;
                }
            }
            Ok(journal.len()?)
        })
    }
}
