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
    assert!(saved < with_one_more && load().len() == with_one_more);
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
