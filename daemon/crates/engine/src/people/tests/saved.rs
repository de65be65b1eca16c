//! The index is saved beside all else, and nobody waits for it.

use vow_index::FaceIndex;

use super::place::{Place, Random, analysed};
use super::*;

fn more(keeper: &mut Keeper, photo: u8) {
    let folder = keeper.store.folders().unwrap()[0].id;
    let committed = keeper.store.commit(vec![analysed(photo, folder, &mut Random(photo.into()))]).unwrap();
    keeper.take(&Stored { committed, _tickets: Vec::new() }).unwrap();
    agrees(keeper);
}

#[test]
fn photos_come_and_people_are_named_while_the_index_is_saved() {
    let place = Place::new(6);
    let mut keeper = place.keeper();
    settle(&mut keeper);
    assert!(keeper.progress.idle() && keeper.saving.is_none());
    let saved = whose(&keeper).len();
    more(&mut keeper, 98);
    assert_eq!(keeper.shared.index().waiting(), 0);
    let with_one_more = whose(&keeper).len();
    keeper.save();
    assert!(keeper.saving.is_some() && keeper.unsaved == 0 && !keeper.progress.idle());

    more(&mut keeper, 99);
    let waiting = keeper.shared.index().waiting();
    assert!(waiting > 0, "they wait for their places until it is saved");
    assert!(!keeper.is_behind(), "there is nothing to do until then");
    let person = whose(&keeper).into_values().next().unwrap().unwrap();
    assert!(say(&mut keeper, Ask::Name(person, "Ada".to_owned())));
    keeper.unsaved = 1;
    keeper.save();
    assert_eq!(keeper.unsaved, 1, "one at a time");

    keeper.wait_for_saving();
    let stamp = keeper.pack.0;
    let load = || FaceIndex::load(&place.dir.path().join("index"), &stamp).unwrap().unwrap();
    // The thread may begin a moment later.
    assert!(saved < with_one_more && (with_one_more..=with_one_more + waiting).contains(&load().len()));
    assert!(keeper.is_behind() && !keeper.progress.idle());
    settle(&mut keeper);
    assert!(keeper.progress.idle() && keeper.shared.index().waiting() == 0);
    assert_eq!(load().len(), with_one_more + waiting);
}

/// A photo more each time, as while a backlog lasts.
#[test]
fn places_are_found_faster_than_faces_come() {
    let place = Place::new(6);
    let mut keeper = place.keeper();
    settle(&mut keeper);
    std::fs::remove_dir_all(place.dir.path().join("index")).unwrap();
    drop(keeper);
    let mut keeper = place.keeper();
    let index = keeper.shared.index();
    let mut before = index.waiting();
    assert!(before > 0);
    for photo in 40..200 {
        more(&mut keeper, photo);
        keeper.catch_up().unwrap();
        let now = index.waiting();
        assert!(now < before || now == 0);
        before = now;
        if now == 0 {
            return;
        }
    }
    panic!("{before} still wait");
}

#[test]
fn a_disk_that_refuses_the_index_is_asked_again() {
    let place = Place::new(6);
    let mut keeper = place.keeper();
    settle(&mut keeper);
    let dir = place.dir.path().join("index");
    std::fs::remove_dir_all(&dir).unwrap();
    std::fs::write(&dir, "no folder").unwrap();
    more(&mut keeper, 98);
    settle(&mut keeper);
    assert!(keeper.unsaved > 0 && keeper.progress.idle());
    std::fs::remove_file(&dir).unwrap();
    keeper.save_all();
    let saved = FaceIndex::load(&dir, &keeper.pack.0).unwrap().unwrap();
    assert_eq!((saved.len(), saved.waiting()), (whose(&keeper).len(), 0));
    assert_eq!(keeper.unsaved, 0);
}

#[test]
fn an_index_crowded_with_what_is_gone_is_built_anew_and_saved() {
    let place = Place::new(6);
    let mut keeper = place.keeper();
    settle(&mut keeper);
    let before = whose(&keeper).len();
    let files = (0..15u8).flat_map(|n| keeper.store.files_of(&ContentId([n; 32])).unwrap());
    let gone = files.map(|file| Change::Gone { path: file.path }).collect();
    let committed = keeper.store.commit(gone).unwrap();
    keeper.take(&Stored { committed, _tickets: Vec::new() }).unwrap();
    assert!(keeper.shared.index().crowded());
    settle(&mut keeper);
    keeper.wait_for_saving();
    let left = whose(&keeper).len();
    assert!(left < before && !keeper.shared.index().crowded() && keeper.progress.idle());
    let saved = FaceIndex::load(&place.dir.path().join("index"), &keeper.pack.0).unwrap().unwrap();
    assert_eq!((saved.len(), saved.waiting(), saved.crowded()), (left, 0, false));
    drop(keeper);
    let keeper = place.keeper();
    agrees(&keeper);
    assert_eq!((keeper.shared.index().len(), keeper.shared.index().waiting()), (left, 0));
}
