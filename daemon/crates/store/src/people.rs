//! Who is who: which face belongs to which person, and what people are called. Nothing here knows why a face belongs to
//! somebody; what humans said is in `journal`.

use std::collections::BTreeSet;

use redb::{ReadTransaction, ReadableMultimapTable, ReadableTable, WriteTransaction};
use vow_types::{FaceId, PersonId};

use crate::codec::{put_person, take_person};
use crate::decision::Standing;
use crate::error::StoreError;
use crate::events::{News, Tale};
use crate::fault::{self, Fault};
use crate::rows::PersonRow;
use crate::store::Store;
use crate::tables::{self, FACE_PERSON, FACES, META, NAMES, PEOPLE, PERSON_FACES, meta};

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
            let (mut news, mut tale) = (News::default(), Tale::default());
            give(txn, moves, now, &mut news)?;
            news.tell(&mut tale)?;
            tale.write(txn)
        })
    }

    /// Forgets who is who and what they are called: everything about people but the journal and the ids that are taken. For
    /// rebuilding people from the journal and the faces.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget_people(&self) -> Result<()> {
        self.write(|txn| {
            let (mut news, mut tale) = (News::default(), Tale::default());
            txn.open_table(FACE_PERSON)?.retain(|face, person| {
                news.moved.push((FaceId(face), Some(PersonId(person)), None));
                false
            })?;
            txn.open_table(PEOPLE)?.retain(|person, _| {
                news.ended(PersonId(person));
                false
            })?;
            news.tell(&mut tale)?;
            tale.write(txn)?;
            txn.delete_multimap_table(PERSON_FACES)?;
            txn.delete_multimap_table(NAMES)?;
            txn.open_multimap_table(PERSON_FACES)?;
            txn.open_multimap_table(NAMES)?;
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
}

/// Gives faces to people, or to nobody.
pub(crate) fn give(
    txn: &WriteTransaction,
    moves: &[(FaceId, Option<PersonId>)],
    now: i64,
    news: &mut News,
) -> fault::Result<()> {
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
        if before != person.map(|person| person.0) {
            news.moved.push((*face, before.map(PersonId), *person));
        }
        if let Some(before) = before {
            faces_of.remove(before, face.0)?;
            left.insert(before);
        }
        if let Some(person) = *person {
            faces_of.insert(person.0, face.0)?;
            highest = highest.max(Some(person.0));
            if people.get(person.0)?.is_none() {
                let row = PersonRow { id: person, name: None, hidden: false, cover: None, created: now };
                people.insert(person.0, put_person(&row, false)?.as_slice())?;
                news.born(person);
            }
        }
    }
    for id in left {
        if faces_of.get(id)?.is_empty() {
            let row = people.get(id)?.map(|bytes| take_person(id, bytes.value())).transpose()?;
            if row.is_some_and(|(_, decided)| !decided) {
                people.remove(id)?;
                news.ended(PersonId(id));
            }
        }
    }
    if let Some(highest) = highest {
        tables::raise_above(&mut txn.open_table(META)?, meta::NEXT_PERSON, highest)?;
    }
    Ok(())
}

/// Writes what is known of people, and their names.
pub(crate) fn set(txn: &WriteTransaction, standings: &[Standing], news: &mut News) -> fault::Result<()> {
    let faces_of = txn.open_multimap_table(PERSON_FACES)?;
    let mut people = txn.open_table(PEOPLE)?;
    let mut names = txn.open_multimap_table(NAMES)?;
    for Standing { row, decided } in standings {
        let id = row.id.0;
        let before = people.get(id)?.map(|bytes| take_person(id, bytes.value())).transpose()?;
        let (was_there, old_name) = (before.is_some(), before.as_ref().and_then(|(row, _)| row.name.clone()));
        if let Some(name) = &old_name {
            names.remove(fold(name).as_str(), id)?;
        }
        if let Some(name) = &row.name {
            names.insert(fold(name).as_str(), id)?;
        }
        if *decided || !faces_of.get(id)?.is_empty() {
            let created = before.map_or(row.created, |(before, _)| before.created);
            let row = PersonRow { created, ..row.clone() };
            people.insert(id, put_person(&row, *decided)?.as_slice())?;
            if !was_there {
                news.born(row.id);
            }
            if row.name != old_name {
                news.renamed.push((row.id, row.name, old_name));
            }
        } else if people.remove(id)?.is_some() {
            news.ended(row.id);
        }
        tables::raise_above(&mut txn.open_table(META)?, meta::NEXT_PERSON, id)?;
    }
    Ok(())
}

fn row(txn: &ReadTransaction, person: PersonId) -> fault::Result<Option<PersonRow>> {
    let bytes = txn.open_table(PEOPLE)?.get(person.0)?;
    let row = bytes.map(|bytes| take_person(person.0, bytes.value())).transpose()?;
    Ok(row.map(|(row, _)| row))
}

/// The form under which names that count as the same are alike.
pub(crate) fn fold(name: &str) -> String {
    name.to_lowercase()
}
