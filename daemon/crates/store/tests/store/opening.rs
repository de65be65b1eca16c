//! Files that are not what they should be: somebody else's, a later version's, cut off, altered, in use. None of them may
//! be harmed, none may end in a panic.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use redb::{
    Database, MultimapTableHandle, ReadableDatabase, ReadableTableMetadata, TableDefinition, TableHandle,
    UntypedMultimapTableHandle, UntypedTableHandle,
};
use vow_store::{Change, Decision, Store, StoreError};
use vow_types::{FaceId, FolderId, PersonId};

use crate::medium::Memory;
use crate::samples::{faces, file, pack, photo, photo_row, shows};
use crate::steps::name_person;

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    (folder, path)
}

fn fill(store: &Store, photos: u8) {
    let (folder, _) = store.add_folder(Path::new("/p/a"), 1, 0).unwrap();
    let analysed = |n: u8| Change::Analysed {
        file: file(format!("/p/a/{n}.jpg"), folder.id, shows(n)),
        photo: photo_row(n),
        pack: pack(0),
        faces: faces(n, 3),
    };
    store.commit((0..photos).map(analysed).collect()).unwrap();
    store.assign(&[(FaceId(1), Some(PersonId(1)))], 0).unwrap();
    name_person(store, PersonId(1), "Ada", 0).unwrap();
}

/// Opens, expects to be refused, and to find the file as it was.
fn refused(path: &Path) -> StoreError {
    let before = fs::read(path).unwrap();
    let error = Store::open(path).unwrap_err();
    assert_eq!(fs::read(path).unwrap(), before, "left as it was");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    error
}

#[test]
fn a_new_store_is_its_owners_alone_and_is_there_the_next_time() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fill(&store, 5);
    let all = |store: &Store| {
        (store.files_in(FolderId(1)).unwrap(), store.people().unwrap(), store.counts(pack(0)).unwrap())
    };
    let before = all(&store);
    assert_eq!((before.0.len(), before.1.len()), (5, 1));
    drop(store);
    assert_eq!(all(&Store::open(&path).unwrap()), before);
}

/// Every table by its name, with the number of its rows.
fn tables(path: &Path) -> Vec<(String, u64)> {
    let database = Database::open(path).unwrap();
    let view = database.begin_read().unwrap();
    let plain = view.list_tables().unwrap().map(|table: UntypedTableHandle| {
        (table.name().to_owned(), view.open_untyped_table(table).unwrap().len().unwrap())
    });
    let many = view.list_multimap_tables().unwrap().map(|table: UntypedMultimapTableHandle| {
        (table.name().to_owned(), view.open_untyped_multimap_table(table).unwrap().len().unwrap())
    });
    let mut all: Vec<_> = plain.chain(many).collect();
    all.sort();
    all
}

#[test]
fn a_backup_is_the_store_as_it_was() {
    let (folder, path) = place();
    let store = Store::open(&path).unwrap();
    fill(&store, 9);
    let to = folder.path().join("backup.redb");
    fs::write(folder.path().join("backup.redb.part"), "of one that was cut short").unwrap();
    let size = store.backup(&to).unwrap();
    assert_eq!(fs::metadata(&to).unwrap().len(), size);
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(store.backup(&to), Err(StoreError::BackupThere { .. })), "nothing is written over");
    assert!(matches!(store.backup(&folder.path().join("no/such")), Err(StoreError::Backup { .. })));

    let everyone = store.people().unwrap();
    name_person(&store, PersonId(1), "Eve", 0).unwrap();
    drop(store);
    assert_eq!(tables(&to).len(), tables(&path).len(), "no table is forgotten");
    let since = |(name, rows): (String, u64)| match (name.as_str(), rows) {
        ("journal", 2) => (name, 1),
        // Events are the store's own; the copy begins with numbers of its own when it is opened.
        ("events", _) => (name, 0),
        ("meta", _) => (name, rows - 2),
        _ => (name, rows),
    };
    let was: Vec<_> = tables(&path).into_iter().map(since).collect();
    assert_eq!(tables(&to), was, "nor a row; one thing was said since");
    let copy = Store::open(&to).unwrap();
    assert_eq!(copy.people().unwrap(), everyone);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
}

#[test]
fn only_one_may_have_it_open() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));
    let clone = store.clone();
    drop(store);
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));
    fill(&clone, 1);
    drop(clone);
    Store::open(&path).unwrap();
}

/// Not a test by itself: the other process of the test below, which tells it the path.
#[test]
fn the_other_process() {
    if let Some(path) = std::env::var_os("VOW_STORE_TEST_OTHER") {
        let error = Store::open(Path::new(&path)).unwrap_err();
        assert!(matches!(error, StoreError::InUse { .. }), "{error}");
        println!("refused");
    }
}

#[test]
fn nor_may_another_process() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    let other = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opening::the_other_process", "--nocapture"])
        .env("VOW_STORE_TEST_OTHER", &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&other.stdout);
    assert!(other.status.success() && said.contains("refused"), "{said}");
    fill(&store, 1);
}

#[test]
fn what_is_not_a_store_is_left_alone() {
    let (folder, path) = place();
    let mut zeros_first = vec![0; 4096];
    zeros_first[1000] = 1;
    let samples: [&[u8]; 5] =
        [b"Dear diary", b"\0\0\0\0\0\0\0\0\0\0\0\0x", &zeros_first, &[0xFF; 300_000], b"redb"];
    for bytes in samples.iter().take(4) {
        fs::write(&path, bytes).unwrap();
        let error = refused(&path);
        let twelve = bytes.starts_with(&[0; 9]) && bytes.len() < 320;
        assert!(twelve || matches!(error, StoreError::NotAStore { .. }), "{error}");
    }
    assert!(matches!(Store::open(folder.path()), Err(StoreError::NotAStore { .. })));
    assert!(matches!(Store::open(&folder.path().join("no/such/folder")), Err(StoreError::Io { .. })));
    assert!(fs::metadata("/dev/null").is_ok_and(|null| null.file_type().is_char_device()));
    assert!(matches!(Store::open(Path::new("/dev/null")), Err(StoreError::NotAStore { .. })));
}

#[test]
fn another_programs_redb_file_is_left_alone() {
    for name in ["films", "meta"] {
        let (_folder, path) = place();
        let database = Database::create(&path).unwrap();
        let txn = database.begin_write().unwrap();
        txn.open_table(TableDefinition::<u32, &str>::new(name)).unwrap().insert(7, "seven").unwrap();
        txn.commit().unwrap();
        drop(database);
        assert!(matches!(refused(&path), StoreError::NotAStore { .. }), "{name}");
    }
}

#[test]
fn a_later_format_is_left_alone() {
    let (_folder, path) = place();
    fill(&Store::open(&path).unwrap(), 2);
    let database = Database::open(&path).unwrap();
    let txn = database.begin_write().unwrap();
    let meta = TableDefinition::<&str, u64>::new("meta");
    assert_eq!(txn.open_table(meta).unwrap().insert("format", 99).unwrap().unwrap().value(), 3);
    txn.commit().unwrap();
    drop(database);
    assert!(matches!(refused(&path), StoreError::TooNew { found: 99, known: 3, .. }));
    let database = Database::open(&path).unwrap();
    let txn = database.begin_read().unwrap();
    assert_eq!(txn.open_table(meta).unwrap().get("next_face").unwrap().unwrap().value(), 7);
}

/// A store of format 1 is opened, keeps what it has, and is one of format 3 from then on, which tells events.
#[test]
fn an_earlier_format_is_read_and_raised() {
    let (_folder, path) = place();
    fill(&Store::open(&path).unwrap(), 2);
    let meta = TableDefinition::<&str, u64>::new("meta");
    let photos = TableDefinition::<&[u8; 32], &[u8]>::new("photos");
    let journal = TableDefinition::<u64, &[u8]>::new("journal");
    let database = Database::open(&path).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(meta).unwrap().insert("format", 1).unwrap();
    for counter in ["first_event", "next_event"] {
        txn.open_table(meta).unwrap().remove(counter).unwrap();
    }
    assert!(txn.delete_table(TableDefinition::<u64, &[u8]>::new("events")).unwrap());
    txn.open_table(photos).unwrap().insert(&photo(1).0, &b"\x01\x04\x03\x03png\x02"[..]).unwrap();
    txn.open_table(meta).unwrap().insert("next_journal_entry", 2).unwrap();
    txn.open_table(journal).unwrap().insert(1, &b"\x01\x02\x00\x01\x01\x01A\x00"[..]).unwrap();
    txn.commit().unwrap();
    drop(database);
    let store = Store::open(&path).unwrap();
    let row = store.photo(&photo(1)).unwrap().unwrap();
    assert_eq!((row.format.as_str(), row.turn), ("png", None));
    assert!(
        matches!(&store.journal(0, 9).unwrap()[0].decision, Decision::Named { name: Some(name), .. } if name == "A")
    );
    assert_eq!(store.event_numbers().unwrap().count(), 0, "nothing is told of what was before");
    name_person(&store, PersonId(1), "Eve", 0).unwrap();
    assert_eq!(store.event_numbers().unwrap().count(), 2);
    drop(store);
    let database = Database::open(&path).unwrap();
    let txn = database.begin_read().unwrap();
    assert_eq!(txn.open_table(meta).unwrap().get("format").unwrap().unwrap().value(), 3);
}

#[test]
fn a_first_start_that_was_cut_short_is_made_good() {
    // As redb leaves it before it writes its magic number, last of all; then as a torn write of that leaves it.
    let whole = {
        let memory = Memory::default();
        drop(Database::builder().create_with_backend(memory.clone()).unwrap());
        memory.bytes()
    };
    let (_folder, path) = place();
    for magic in [&b""[..], b"redb", b"\0\0db"] {
        let mut bytes = vec![0; whole.len()];
        bytes[9..320].copy_from_slice(&whole[9..320]);
        bytes[..magic.len()].copy_from_slice(magic);
        for bytes in [bytes.clone(), bytes[..320].to_vec(), vec![0; 73_728], Vec::new(), whole.clone()] {
            fs::write(&path, bytes).unwrap();
            fill(&Store::open(&path).unwrap(), 1);
            fs::remove_file(&path).unwrap();
        }
    }
}

/// A closed store of a few hundred kilobytes.
fn closed() -> Vec<u8> {
    let memory = Memory::default();
    fill(&Store::with_backend(memory.clone()).unwrap(), 200);
    memory.bytes()
}

/// Opens and reads everything there is; either may be refused, neither may panic.
fn read_all(bytes: Vec<u8>) -> Result<(), StoreError> {
    let memory = Memory::holding(bytes.clone());
    let store = Store::with_backend(memory.clone()).inspect_err(|_| {
        assert!(memory.bytes() == bytes, "refused, and left as it was");
    })?;
    let mut faces = Vec::new();
    for folder in store.folders()? {
        for file in store.files_in(folder.id)? {
            store.file(&file.path)?;
        }
    }
    store.for_each_face(pack(0), &mut |face| faces.push(face.row))?;
    for face in &faces {
        store.photo(&face.photo)?;
        store.files_of(&face.photo)?;
        store.faces_of(&face.photo, pack(0))?;
    }
    store.people()?;
    store.people_named("ada")?;
    store.journal(0, 100)?;
    store.failures(None, 100)?;
    store.counts(pack(0))?;
    let (folder, _) = store.add_folder(Path::new("/p/new"), 1, 0)?;
    store.remove_folder(folder.id)?;
    store.remove_folder(FolderId(1))?;
    Ok(())
}

#[test]
fn a_file_that_was_cut_off_is_an_error() {
    let whole = closed();
    for length in (7..whole.len()).step_by(whole.len() / 150) {
        let error = read_all(whole[..length].to_vec()).unwrap_err();
        let fine = matches!(error, StoreError::Damaged { .. } | StoreError::NotAStore { .. });
        assert!(fine, "{length} of {} bytes: {error:?}", whole.len());
    }
    read_all(whole).unwrap();
}

#[test]
fn altered_bytes_end_in_an_error_or_in_an_answer() {
    let whole = closed();
    let header = (0..320).step_by(3);
    let pages =
        (0..whole.len()).step_by(4096).flat_map(|page| [0, 2, 5, 9, 20, 33, 100, 900].map(|at| page + at));
    let mut refused = 0;
    for at in header.chain(pages).filter(|at| *at < whole.len()) {
        for flip in [0xFF, 0x40] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            if let Err(error) = read_all(bytes) {
                refused += 1;
                assert!(
                    !matches!(error, StoreError::InUse { .. } | StoreError::Io { .. }),
                    "byte {at}: {error:?}"
                );
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_disk_that_is_full_is_an_error_and_everything_acknowledged_is_there_afterwards() {
    let memory = Memory::default();
    let store = Store::with_backend(crate::medium::Limited::to(memory.clone(), 400_000)).unwrap();
    let (folder, _) = store.add_folder(Path::new("/p/a"), 1, 0).unwrap();
    let mut done = 0;
    let error = loop {
        let n = u8::try_from(done % 250).unwrap();
        let file = file(format!("/p/a/{done}.jpg"), folder.id, shows(n));
        let change = Change::Analysed { file, photo: photo_row(n), pack: pack(0), faces: faces(n, 100) };
        match store.commit(vec![change]) {
            Ok(_) => done += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Io { action: "written", .. }), "{error:?}");
    assert!(matches!(store.folders(), Err(StoreError::Closed { .. }) | Ok(_)));
    assert!(matches!(store.remove_folder(folder.id), Err(StoreError::Closed { .. })));
    drop(store);
    let store = Store::with_backend(memory).unwrap();
    assert_eq!(store.files_in(folder.id).unwrap().len(), done);
}
