//! The tables, by name and type. `docs/STORE.md` says what is in them.

use redb::{MultimapTableDefinition, ReadableTable, Table, TableDefinition, WriteTransaction};

use crate::error::StoreError;
use crate::fault::{Fault, Result};

/// The version of all of this together. It changes whenever a program that knows the old one would misread the new one.
///
/// 1: until files could say that they have no orientation, photos that one was found, and the journal knew more than names.
/// 2: until events were told, without which a program would change things in silence.
/// 3: this one.
pub(crate) const FORMAT: u64 = 3;
/// The oldest format that is read. A store of an older format than [`FORMAT`] becomes one of that when it is opened.
pub(crate) const OLDEST: u64 = 1;

pub(crate) type Bytes = &'static [u8];
pub(crate) type Content = &'static [u8; 32];
pub(crate) type Pack = &'static [u8; 16];

/// Counters, by the names below. The only table that every version can read, whatever its format.
pub(crate) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
pub(crate) const FOLDERS: TableDefinition<u64, Bytes> = TableDefinition::new("folders");
/// By path.
pub(crate) const FILES: TableDefinition<Bytes, Bytes> = TableDefinition::new("files");
/// Paths of the files that failed.
pub(crate) const FAILURES: TableDefinition<Bytes, ()> = TableDefinition::new("failures");
pub(crate) const PHOTOS: TableDefinition<Content, Bytes> = TableDefinition::new("photos");
/// Paths of the files that show a photo.
pub(crate) const PHOTO_FILES: MultimapTableDefinition<Content, Bytes> =
    MultimapTableDefinition::new("photo_files");
/// Photos without a file: few, so that asking whether a photo has one is cheap.
pub(crate) const HIDDEN: TableDefinition<Content, ()> = TableDefinition::new("photos_without_file");
/// Ids of all faces that a pack saw in a photo.
pub(crate) const ANALYSES: TableDefinition<(Content, Pack), Bytes> = TableDefinition::new("analyses");
pub(crate) const FACES: TableDefinition<u64, Bytes> = TableDefinition::new("faces");
pub(crate) const EMBEDDINGS: TableDefinition<u64, Bytes> = TableDefinition::new("embeddings");
pub(crate) const FACE_PERSON: TableDefinition<u64, u64> = TableDefinition::new("face_person");
pub(crate) const PERSON_FACES: MultimapTableDefinition<u64, u64> =
    MultimapTableDefinition::new("person_faces");
pub(crate) const PEOPLE: TableDefinition<u64, Bytes> = TableDefinition::new("people");
/// Named people by their name in lower case.
pub(crate) const NAMES: MultimapTableDefinition<&str, u64> = MultimapTableDefinition::new("names");
pub(crate) const JOURNAL: TableDefinition<u64, Bytes> = TableDefinition::new("journal");
pub(crate) const PACKS: TableDefinition<Pack, Bytes> = TableDefinition::new("packs");
/// For each pack: photos with a file that it has analysed, and the faces in them.
pub(crate) const TALLIES: TableDefinition<Pack, (u64, u64)> = TableDefinition::new("tallies");
/// Lengths of good faces' embeddings, learned by pack: the bits of an `f32`. An older store of this
/// format has the table once one is learned.
pub(crate) const FULL_NORMS: TableDefinition<Pack, u32> = TableDefinition::new("full_norms");
/// By number.
pub(crate) const EVENTS: TableDefinition<u64, Bytes> = TableDefinition::new("events");

/// Names in [`META`].
pub(crate) mod meta {
    /// The format version.
    pub(crate) const FORMAT: &str = "format";
    /// The id that the next folder gets; so with the others. Ids begin at 1.
    pub(crate) const NEXT_FOLDER: &str = "next_folder";
    pub(crate) const NEXT_FACE: &str = "next_face";
    pub(crate) const NEXT_PERSON: &str = "next_person";
    pub(crate) const NEXT_ENTRY: &str = "next_journal_entry";
    /// The number of the first event that ever was. Where it is missing, the store is a backup that was never opened.
    pub(crate) const FIRST_EVENT: &str = "first_event";
    pub(crate) const NEXT_EVENT: &str = "next_event";
}

/// Makes every table of a new store, and its counters; those of events are made in `events`.
pub(crate) fn create(txn: &WriteTransaction) -> Result<()> {
    let mut counters = txn.open_table(META)?;
    counters.insert(meta::FORMAT, FORMAT)?;
    for next in [meta::NEXT_FOLDER, meta::NEXT_FACE, meta::NEXT_PERSON, meta::NEXT_ENTRY] {
        counters.insert(next, 1)?;
    }
    txn.open_table(FOLDERS)?;
    txn.open_table(FILES)?;
    txn.open_table(FAILURES)?;
    txn.open_table(PHOTOS)?;
    txn.open_multimap_table(PHOTO_FILES)?;
    txn.open_table(HIDDEN)?;
    txn.open_table(ANALYSES)?;
    txn.open_table(FACES)?;
    txn.open_table(EMBEDDINGS)?;
    txn.open_table(FACE_PERSON)?;
    txn.open_multimap_table(PERSON_FACES)?;
    txn.open_table(PEOPLE)?;
    txn.open_multimap_table(NAMES)?;
    txn.open_table(JOURNAL)?;
    txn.open_table(PACKS)?;
    txn.open_table(TALLIES)?;
    txn.open_table(FULL_NORMS)?;
    Ok(())
}

/// A number of [`META`], if it is there.
pub(crate) fn read(meta: &impl ReadableTable<&'static str, u64>, name: &'static str) -> Result<Option<u64>> {
    Ok(meta.get(name)?.map(|value| value.value()))
}

/// A counter's value.
pub(crate) fn counter(meta: &impl ReadableTable<&'static str, u64>, name: &'static str) -> Result<u64> {
    read(meta, name)?.ok_or_else(|| Fault::missing("meta", name))
}

/// Raises a counter so that `used` will never be given out (again).
pub(crate) fn raise_above(
    meta: &mut Table<'_, &'static str, u64>,
    name: &'static str,
    used: u64,
) -> Result<()> {
    let next = used.checked_add(1).ok_or(StoreError::IdsExhausted(used))?;
    if counter(meta, name)? < next {
        meta.insert(name, next)?;
    }
    Ok(())
}

/// Takes the next id.
pub(crate) fn take_id(meta: &mut Table<'_, &'static str, u64>, name: &'static str) -> Result<u64> {
    let id = counter(meta, name)?;
    raise_above(meta, name, id)?;
    Ok(id)
}
