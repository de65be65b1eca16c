//! Verifying finds whatever does not fit together, says where, and changes nothing. That it finds nothing in a store that is
//! right is asked after every step of random histories, in `model`.

use std::fs;
use std::path::Path;

use redb::{Database, MultimapTableDefinition, TableDefinition, WriteTransaction};
use vow_store::{Change, Finding, Lengths, Store, Verifying};
use vow_types::{FaceId, PersonId};

use crate::samples::{faces, failed, file, pack, photo, photo_row, shows};
use crate::steps::name_person;

type Bytes = &'static [u8];
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const FILES: TableDefinition<Bytes, Bytes> = TableDefinition::new("files");
const FAILURES: TableDefinition<Bytes, ()> = TableDefinition::new("failures");
const PHOTOS: TableDefinition<&[u8; 32], Bytes> = TableDefinition::new("photos");
const HIDDEN: TableDefinition<&[u8; 32], ()> = TableDefinition::new("photos_without_file");
const ANALYSES: TableDefinition<(&[u8; 32], &[u8; 16]), Bytes> = TableDefinition::new("analyses");
const FACES: TableDefinition<u64, Bytes> = TableDefinition::new("faces");
const EMBEDDINGS: TableDefinition<u64, Bytes> = TableDefinition::new("embeddings");
const FACE_PERSON: TableDefinition<u64, u64> = TableDefinition::new("face_person");
const PEOPLE: TableDefinition<u64, Bytes> = TableDefinition::new("people");
const JOURNAL: TableDefinition<u64, Bytes> = TableDefinition::new("journal");
const EVENTS: TableDefinition<u64, Bytes> = TableDefinition::new("events");
const TALLIES: TableDefinition<&[u8; 16], (u64, u64)> = TableDefinition::new("tallies");
const PHOTO_FILES: MultimapTableDefinition<&[u8; 32], Bytes> = MultimapTableDefinition::new("photo_files");
const PERSON_FACES: MultimapTableDefinition<u64, u64> = MultimapTableDefinition::new("person_faces");
const NAMES: MultimapTableDefinition<&str, u64> = MultimapTableDefinition::new("names");

/// Everything that verifying finds.
pub(crate) fn findings(store: &Store, lengths: Lengths) -> Vec<Finding> {
    let (mut found, mut rows) = (Vec::new(), (0, 0));
    let mut see = |step| {
        match step {
            Verifying::Rows(done, total) => {
                assert!(done >= rows.0 && done <= total, "{done} of {total} after {rows:?}");
                rows = (done, total);
            }
            Verifying::Found(finding) => found.push(finding),
        }
        true
    };
    store.verify(lengths, &mut see).unwrap();
    if found.is_empty() {
        assert_eq!(rows.0, rows.1, "every row was looked at");
    }
    found
}

/// Six photos in a folder, one of them without a file, a failure, two people of whom one has a name.
fn fill(path: &Path) {
    let store = Store::open(path).unwrap();
    let folder = store.add_folder(Path::new("/p/a"), 1, 0).unwrap().0.id;
    let analysed = |n: u8| Change::Analysed {
        file: file(format!("/p/a/{n}"), folder, shows(n)),
        photo: photo_row(n),
        pack: pack(0),
        faces: faces(n, 2),
    };
    store.commit((0..6).map(analysed).collect()).unwrap();
    let bad = Change::Known { file: file("/p/a/bad", folder, failed(1)) };
    store.commit(vec![Change::Gone { path: "/p/a/5".into() }, bad]).unwrap();
    let moves = [(FaceId(1), Some(PersonId(1))), (FaceId(2), Some(PersonId(2)))];
    store.assign(&moves, 0).unwrap();
    name_person(&store, PersonId(1), "Ada", 0).unwrap();
    store.put_pack(pack(0), "starter").unwrap();
    store.put_full_norm(pack(0), 20.0).unwrap();
    assert_eq!(findings(&store, Lengths::from([(pack(0), 8)])), []);
}

/// What is done to the store, the table that is found to be wrong, and what is said of it.
type Damage = (&'static str, fn(&WriteTransaction), &'static str, &'static str);

const DAMAGES: [Damage; 20] = [
    ("garbage", |t| drop(t.open_table(FACES).unwrap().insert(3, &b"\x01no"[..])), "faces", "f3"),
    ("a lost face", |t| drop(t.open_table(FACES).unwrap().remove(3)), "analyses", "f3"),
    ("no embedding", |t| drop(t.open_table(EMBEDDINGS).unwrap().remove(2)), "faces", "no embedding"),
    (
        "a short one",
        |t| drop(t.open_table(EMBEDDINGS).unwrap().insert(2, &b"\x01\x00\x3c\x00\x00"[..])),
        "embeddings",
        "2 numbers",
    ),
    (
        "a stray one",
        |t| drop(t.open_table(EMBEDDINGS).unwrap().insert(99, &b"\x01\x00\x3c"[..])),
        "embeddings",
        "f99",
    ),
    ("no photo", |t| drop(t.open_table(PHOTOS).unwrap().remove(&photo(1).0)), "files", "/p/a/1"),
    ("nor for its faces", |t| drop(t.open_table(PHOTOS).unwrap().remove(&photo(1).0)), "faces", "f3"),
    (
        "a forgotten analysis",
        |t| drop(t.open_table(ANALYSES).unwrap().remove((&photo(1).0, &pack(0).0))),
        "faces",
        "f3",
    ),
    ("hidden", |t| drop(t.open_table(HIDDEN).unwrap().insert(&photo(1).0, ())), "photos", "has no file"),
    ("not hidden", |t| drop(t.open_table(HIDDEN).unwrap().remove(&photo(5).0)), "photos", "has a file"),
    ("a lost file", |t| drop(t.open_table(FILES).unwrap().remove(&b"/p/a/2"[..])), "photo_files", "/p/a/2"),
    (
        "a lost link",
        |t| drop(t.open_multimap_table(PHOTO_FILES).unwrap().remove_all(&photo(1).0)),
        "photo_files",
        "1 rows",
    ),
    ("no failure", |t| drop(t.open_table(FAILURES).unwrap().remove(&b"/p/a/bad"[..])), "files", "/p/a/bad"),
    ("nobody", |t| drop(t.open_table(PEOPLE).unwrap().remove(2)), "face_person", "f2"),
    ("a lost owner", |t| drop(t.open_table(FACE_PERSON).unwrap().remove(2)), "person_faces", "p2"),
    (
        "a lost share",
        |t| drop(t.open_multimap_table(PERSON_FACES).unwrap().remove(2, 2)),
        "person_faces",
        "1 rows",
    ),
    ("a strange name", |t| drop(t.open_multimap_table(NAMES).unwrap().insert("eve", 1)), "names", "eve"),
    (
        "a word about no face",
        |t| drop(t.open_table(JOURNAL).unwrap().insert(1, &b"\x02\x02\x05\x63\x00\x00"[..])),
        "journal",
        "f99",
    ),
    (
        "a wrong count",
        |t| drop(t.open_table(TALLIES).unwrap().insert(&pack(0).0, (9, 9))),
        "tallies",
        "(9, 9)",
    ),
    ("an id twice", |t| drop(t.open_table(META).unwrap().insert("next_face", 5)), "meta", "12"),
];

#[test]
fn whatever_does_not_fit_is_found_and_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.redb");
    fill(&whole);
    for (name, damage, table, says) in DAMAGES {
        let path = folder.path().join("damaged.redb");
        fs::copy(&whole, &path).unwrap();
        let database = Database::open(&path).unwrap();
        let txn = database.begin_write().unwrap();
        damage(&txn);
        txn.commit().unwrap();
        drop(database);

        let store = Store::open(&path).unwrap();
        let before = fs::read(&path).unwrap();
        let found = findings(&store, Lengths::from([(pack(0), 8)]));
        let fits = |one: &Finding| one.table == table && format!("{} {}", one.row, one.what).contains(says);
        assert!(found.iter().any(fits), "{name}: {found:#?}");
        assert_eq!(fs::read(&path).unwrap(), before, "{name}: it only reads");
    }
}

#[test]
fn a_gap_between_events_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    fill(&path);
    let database = Database::open(&path).unwrap();
    let txn = database.begin_write().unwrap();
    let first = {
        let meta = txn.open_table(META).unwrap();
        redb::ReadableTable::get(&meta, "first_event").unwrap().unwrap().value()
    };
    txn.open_table(EVENTS).unwrap().remove(first + 3).unwrap();
    txn.commit().unwrap();
    drop(database);
    let found = findings(&Store::open(&path).unwrap(), Lengths::new());
    assert_eq!(found.iter().map(|one| (one.table, one.derived)).collect::<Vec<_>>(), [("events", false)]);
}

#[test]
fn whoever_has_seen_enough_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    fill(&path);
    let mut calls = 0;
    let mut see = |_| {
        calls += 1;
        calls < 3
    };
    Store::open(&path).unwrap().verify(Lengths::new(), &mut see).unwrap();
    assert_eq!(calls, 3);
}
