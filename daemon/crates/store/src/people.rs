//! Who is who: which face belongs to which person, what people are called, and the journal of what humans said. Nothing
//! here knows why a face belongs to somebody.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use redb::{ReadTransaction, ReadableMultimapTable, ReadableTable};
use vow_types::{FaceId, PersonId};

use crate::codec::{put_entry, put_person, take_entry, take_person};
use crate::error::StoreError;
use crate::fault::{self, Fault};
use crate::rows::{Decision, JournalEntry, PersonRow};
use crate::store::Store;
use crate::tables::{self, FACE_PERSON, FACES, JOURNAL, META, NAMES, PEOPLE, PERSON_FACES, meta};

type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    /// Gives faces to people, or to nobody (`None`), all in one transaction. People come into being with their first face;
    /// those whom no human ever had a say about end with their last. Ids that were used once are never given out by
    /// [`Self::next_person`] again.
    ///
    /// # Errors
    /// [`StoreError::UnknownFace`]; when the store cannot be written. Then nothing was changed.
    pub fn assign(&self, moves: &[(FaceId, Option<PersonId>)], now: i64) -> Result<()> {
        self.write(|txn| {
            let faces = txn.open_table(FACES)?;
            let mut person_of = txn.open_table(FACE_PERSON)?;
            let mut faces_of = txn.open_multimap_table(PERSON_FACES)?;
            let mut people = txn.open_table(PEOPLE)?;
            let mut left = BTreeSet::new();
            let mut highest = None;
            for (face, person) in moves {
                if faces.get(face.0)?.is_none() {
                    return Err(StoreError::UnknownFace(*face).into());
                }
                let before = match person {
                    Some(person) => person_of.insert(face.0, person.0)?.map(|before| before.value()),
                    None => person_of.remove(face.0)?.map(|before| before.value()),
                };
                if let Some(before) = before {
                    faces_of.remove(before, face.0)?;
                    left.insert(before);
                }
                if let Some(person) = *person {
                    faces_of.insert(person.0, face.0)?;
                    highest = highest.max(Some(person.0));
                    if people.get(person.0)?.is_none() {
                        let row =
                            PersonRow { id: person, name: None, hidden: false, cover: None, created: now };
                        people.insert(person.0, put_person(&row, false)?.as_slice())?;
                    }
                }
            }
            for id in left {
                if faces_of.get(id)?.is_empty() {
                    let row = people.get(id)?.map(|bytes| take_person(id, bytes.value())).transpose()?;
                    if row.is_some_and(|(_, decided)| !decided) {
                        people.remove(id)?;
                    }
                }
            }
            if let Some(highest) = highest {
                tables::raise_above(&mut txn.open_table(META)?, meta::NEXT_PERSON, highest)?;
            }
            Ok(())
        })
    }

    /// What is known of a person.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn person(&self, person: PersonId) -> Result<Option<PersonRow>> {
        self.read(|txn| row(txn, person))
    }

    /// All people, groups that nobody has named among them, in the order of their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn people(&self) -> Result<Vec<PersonRow>> {
        self.read(|txn| {
            let people = txn.open_table(PEOPLE)?;
            let rows = people.iter()?;
            rows.map(|row| {
                let (id, bytes) = row?;
                Ok(take_person(id.value(), bytes.value())?.0)
            })
            .collect()
        })
    }

    /// Whom a face belongs to.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn person_of(&self, face: FaceId) -> Result<Option<PersonId>> {
        self.read(|txn| Ok(txn.open_table(FACE_PERSON)?.get(face.0)?.map(|person| PersonId(person.value()))))
    }

    /// All faces of a person, those of photos without a file among them, in the order of their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn faces_of_person(&self, person: PersonId) -> Result<Vec<FaceId>> {
        self.read(|txn| {
            let faces = txn.open_multimap_table(PERSON_FACES)?.get(person.0)?;
            faces.map(|face| Ok(FaceId(face?.value()))).collect()
        })
    }

    /// An id that nobody has, nor ever had; nor has anybody a higher one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_person(&self) -> Result<PersonId> {
        self.read(|txn| Ok(PersonId(tables::counter(&txn.open_table(META)?, meta::NEXT_PERSON)?)))
    }

    /// Names a person, and writes that down in the journal. Spaces around the name do not count; an empty name takes the
    /// name away. Nothing happens when that is their name already.
    ///
    /// # Errors
    /// [`StoreError::UnknownPerson`]; when the store cannot be written.
    pub fn name_person(&self, person: PersonId, name: &str, now: i64) -> Result<PersonRow> {
        let name = Some(name.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
        self.write(|txn| {
            let mut people = txn.open_table(PEOPLE)?;
            let row = people.get(person.0)?.map(|bytes| take_person(person.0, bytes.value())).transpose()?;
            let Some((row, _)) = row else { return Err(StoreError::UnknownPerson(person).into()) };
            if row.name == name {
                return Ok(row);
            }
            let mut names = txn.open_multimap_table(NAMES)?;
            if let Some(before) = &row.name {
                names.remove(fold(before).as_str(), person.0)?;
            }
            if let Some(name) = &name {
                names.insert(fold(name).as_str(), person.0)?;
            }
            let seq = tables::take_id(&mut txn.open_table(META)?, meta::NEXT_ENTRY)?;
            let decision = Decision::Named { person, name: name.clone(), before: row.name };
            let entry = put_entry(&JournalEntry { seq, at: now, decision })?;
            txn.open_table(JOURNAL)?.insert(seq, entry.as_slice())?;
            let row = PersonRow { name, ..row };
            people.insert(person.0, put_person(&row, true)?.as_slice())?;
            Ok(row)
        })
    }

    /// Everyone with exactly this name, upper and lower case being the same, in the order of their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn people_named(&self, name: &str) -> Result<Vec<PersonRow>> {
        self.read(|txn| {
            let ids = txn.open_multimap_table(NAMES)?.get(fold(name.trim()).as_str())?;
            ids.map(|id| {
                let person = PersonId(id?.value());
                row(txn, person)?.ok_or_else(|| Fault::missing("people", person))
            })
            .collect()
        })
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
}

fn row(txn: &ReadTransaction, person: PersonId) -> fault::Result<Option<PersonRow>> {
    let bytes = txn.open_table(PEOPLE)?.get(person.0)?;
    let row = bytes.map(|bytes| take_person(person.0, bytes.value())).transpose()?;
    Ok(row.map(|(row, _)| row))
}

/// The form under which names that count as the same are alike.
fn fold(name: &str) -> String {
    name.to_lowercase()
}
