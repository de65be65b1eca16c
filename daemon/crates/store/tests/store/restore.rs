//! A backup is put in the place of the store: only a whole one, never over anything, and whatever a kill comes between.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use vow_store::{Change, Lengths, Restored, Store, StoreError, finish_restore, prepare_restore};
use vow_types::{FaceId, PersonId};

use crate::samples::{faces, file, pack, photo_row, shows};
use crate::steps::name_person;
use crate::verify::findings;

/// A folder with a store whose person is called so, and a backup of when they were called Ada.
fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("vow.redb"), folder.path().join("backup"));
    let store = Store::open(&path).unwrap();
    let id = store.add_folder(Path::new("/p/a"), 1, 0).unwrap().0.id;
    let (row, of) = (file("/p/a/1", id, shows(1)), photo_row(1));
    store.commit(vec![Change::Analysed { file: row, photo: of, pack: pack(0), faces: faces(1, 3) }]).unwrap();
    store.assign(&[(FaceId(1), Some(PersonId(1)))], 0).unwrap();
    name_person(&store, PersonId(1), "Ada", 77).unwrap();
    store.backup(&backup).unwrap();
    name_person(&store, PersonId(1), "Eve", 78).unwrap();
    (folder, path, backup)
}

fn called(path: &Path) -> String {
    let store = Store::open(path).unwrap();
    assert_eq!(findings(&store, Lengths::new()), []);
    store.person(PersonId(1)).unwrap().unwrap().name.unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_looked_at_put_in_place_and_what_was_there_is_kept() {
    let (folder, path, backup) = place();
    let before = fs::read(&path).unwrap();
    let contents = prepare_restore(&backup, &path, false).unwrap();
    assert_eq!((contents.photos, contents.faces, contents.named), (1, 3, 1));
    assert_eq!((contents.entries, contents.last_said), (1, Some(77)));
    assert_eq!(names(folder.path()), ["backup", "vow.redb"], "a look leaves nothing");
    assert_eq!(finish_restore(&path).unwrap(), None);

    let prepared = prepare_restore(&backup, &path, true).unwrap();
    assert_eq!(prepared, contents);
    assert_eq!(fs::read(&path).unwrap(), before);
    let waiting = folder.path().join("vow.redb.restore");
    assert_eq!(fs::metadata(&waiting).unwrap().permissions().mode() & 0o777, 0o600);
    let restored = finish_restore(&path).unwrap();
    assert_eq!(restored, Some(Restored { kept: Some(contents.kept.clone()) }));
    assert_eq!((called(&path).as_str(), called(&contents.kept).as_str()), ("Ada", "Eve"));
    assert_eq!(finish_restore(&path).unwrap(), None, "once");

    // Back again: what was kept is a store like any other. Nothing is ever written over.
    let second = prepare_restore(&contents.kept, &path, true).unwrap();
    assert_ne!(second.kept, contents.kept);
    finish_restore(&path).unwrap();
    assert_eq!((called(&path).as_str(), called(&second.kept).as_str()), ("Eve", "Ada"));
    assert_eq!(
        names(folder.path()),
        ["backup", "vow.redb", "vow.redb.before-restore-1", "vow.redb.before-restore-2"]
    );
}

#[test]
fn whoever_followed_the_store_before_is_told_that_it_is_another() {
    let (_folder, path, backup) = place();
    let before = Store::open(&path).unwrap().event_numbers().unwrap();
    let mut seen = vec![before.clone()];
    for _ in 0..2 {
        prepare_restore(&backup, &path, true).unwrap();
        finish_restore(&path).unwrap();
        let store = Store::open(&path).unwrap();
        for after in seen.iter().flat_map(|numbers| [*numbers.start(), *numbers.end()]) {
            assert!(matches!(store.events(after, 9), Err(StoreError::NoSuchEvent { .. })), "{after}");
        }
        name_person(&store, PersonId(1), "Zoë", 0).unwrap();
        seen.push(store.event_numbers().unwrap());
    }
}

#[test]
fn what_is_no_whole_store_is_refused_and_nothing_is_changed() {
    let (folder, path, backup) = place();
    let whole = fs::read(&backup).unwrap();
    let store = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle..].iter_mut().step_by(64).for_each(|byte| *byte ^= 0xFF);
    let bad = folder.path().join("bad");
    for bytes in [&b""[..], b"Dear diary", &whole[..whole.len() / 2], &whole[..4000], &flipped, &[0; 73_728]]
    {
        fs::write(&bad, bytes).unwrap();
        let error = prepare_restore(&bad, &path, true).unwrap_err();
        assert!(matches!(error, StoreError::NoBackup { .. }), "{error}");
        assert!(error.to_string().contains(bad.to_str().unwrap()), "{error}");
        assert!(!error.to_string().contains(".restore.part"), "{error}");
        assert_eq!(fs::read(&bad).unwrap(), bytes, "it is only read");
    }
    for nothing in [folder.path().join("no/such"), folder.path().to_owned()] {
        assert!(matches!(prepare_restore(&nothing, &path, true), Err(StoreError::NoBackup { .. })));
    }
    let open = Store::open(&backup).unwrap();
    let error = prepare_restore(&backup, &path, true).unwrap_err();
    assert!(error.to_string().contains("has it open"), "{error}");
    drop(open);
    fs::remove_file(&bad).unwrap();
    assert_eq!(names(folder.path()), ["backup", "vow.redb"]);
    assert_eq!(fs::read(&path).unwrap(), store);
}

#[test]
fn nobody_swaps_a_store_that_is_open() {
    let (_folder, path, backup) = place();
    prepare_restore(&backup, &path, true).unwrap();
    let store = Store::open(&path).unwrap();
    assert!(matches!(finish_restore(&path), Err(StoreError::InUse { .. })));
    assert_eq!(store.person(PersonId(1)).unwrap().unwrap().name.as_deref(), Some("Eve"));
    drop(store);
    assert!(finish_restore(&path).unwrap().is_some());
}

#[test]
fn a_kill_between_any_two_steps_leaves_both_whole_and_the_next_start_goes_on() {
    // Each as a kill would leave it: half a copy; a copy that waits; the store with its second name; the store with that
    // name only, where there are no second names.
    for step in 0..4 {
        let (folder, path, backup) = place();
        let at = |name: &str| folder.path().join(name);
        if step == 0 {
            let whole = fs::read(&backup).unwrap();
            fs::write(at("vow.redb.restore.part"), &whole[..whole.len() / 3]).unwrap();
            assert_eq!(finish_restore(&path).unwrap(), None);
            assert_eq!(called(&path), "Eve");
        }
        prepare_restore(&backup, &path, true).unwrap();
        let kept = at("vow.redb.before-restore-1");
        match step {
            2 => fs::hard_link(&path, &kept).unwrap(),
            3 => fs::rename(&path, &kept).unwrap(),
            _ => {}
        }
        finish_restore(&path).unwrap().unwrap();
        assert_eq!((called(&path).as_str(), called(&kept).as_str()), ("Ada", "Eve"), "step {step}");
    }
}
