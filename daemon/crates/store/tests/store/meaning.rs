//! What the methods mean where it is not plain, one test a rule.

use std::path::Path;

use vow_store::{Change, Committed, Counts, Decision, FileState, Outcome, PhotoRow, Store, StoreError};
use vow_types::{FaceId, FolderId, Orientation, PersonId};

use crate::medium::Memory;
use crate::samples::{face, faces, failed, file, pack, photo, photo_row, shows};
use crate::steps::name_person;

fn store() -> (Store, FolderId) {
    let store = Store::with_backend(Memory::default()).unwrap();
    let (folder, _) = store.add_folder(Path::new("/p/a"), 1, 0).unwrap();
    (store, folder.id)
}

fn analysed(path: &str, folder: FolderId, n: u8, count: u8) -> Change {
    Change::Analysed {
        file: file(path, folder, shows(n)),
        photo: photo_row(n),
        pack: pack(0),
        faces: faces(n, count),
    }
}

fn known(path: &str, folder: FolderId, n: u8) -> Change {
    Change::Known { file: file(path, folder, shows(n)) }
}

fn gone(path: &str) -> Change {
    Change::Gone { path: path.into() }
}

fn tries(store: &Store, path: &str) -> u32 {
    match store.file(Path::new(path)).unwrap().unwrap().state {
        FileState::Failed { tries, .. } => tries,
        FileState::Shows { .. } => panic!("not failed"),
    }
}

#[test]
fn a_batch_reports_its_net_effect() {
    let (store, folder) = store();
    let done =
        store.commit(vec![analysed("/p/a/1", folder, 1, 2), analysed("/p/a/2", folder, 2, 0)]).unwrap();
    assert_eq!(done.analysed, [(photo(1), vec![FaceId(1), FaceId(2)]), (photo(2), vec![])]);
    assert_eq!(done.appeared, [photo(1), photo(2)]);
    // 1 moves, 2 goes and comes back, 3 comes and goes.
    let done = store
        .commit(vec![
            gone("/p/a/1"),
            known("/p/a/moved", folder, 1),
            gone("/p/a/2"),
            known("/p/a/2", folder, 2),
            analysed("/p/a/3", folder, 3, 1),
            gone("/p/a/3"),
        ])
        .unwrap();
    assert_eq!(done, Committed::default());
    assert_eq!(store.analysis(&photo(3), pack(0)).unwrap().unwrap().len(), 1, "kept for when it comes back");
    let done = store.commit(vec![known("/p/a/3", folder, 3)]).unwrap();
    assert_eq!(done.appeared, [photo(3)]);
}

#[test]
fn a_file_with_another_photo_takes_its_old_one_away() {
    let (store, folder) = store();
    store.commit(vec![analysed("/p/a/1", folder, 1, 1), known("/p/a/copy", folder, 1)]).unwrap();
    let done = store.commit(vec![analysed("/p/a/1", folder, 2, 1)]).unwrap();
    assert!(done.vanished.is_empty(), "its copy is still there");
    let done = store.commit(vec![analysed("/p/a/copy", folder, 2, 1)]).unwrap();
    assert_eq!((done.vanished, done.appeared), (vec![photo(1)], vec![]));
    assert_eq!(done.analysed, [(photo(2), vec![FaceId(2)])], "the analysis that was there is kept");
    assert_eq!(store.files_of(&photo(1)).unwrap(), []);
    let counts = Counts { files: 2, photos: 1, analysed: 1, faces: 1, failures: 0 };
    assert_eq!(store.counts(pack(0)).unwrap(), counts);
}

#[test]
fn failures_in_a_row_are_counted_as_long_as_the_file_is_the_same() {
    let (store, folder) = store();
    let fail = |size: u64| {
        let mut file = file("/p/a/1", folder, failed(3));
        file.size = size;
        store.commit(vec![Change::Known { file }]).unwrap();
        tries(&store, "/p/a/1")
    };
    assert_eq!([fail(1), fail(1), fail(1), fail(2), fail(2)], [1, 2, 3, 1, 2]);
    store.commit(vec![analysed("/p/a/1", folder, 1, 0)]).unwrap();
    assert_eq!(store.failures(None, 9).unwrap(), []);
    assert_eq!(fail(2), 1);
    assert_eq!(store.counts(pack(0)).unwrap().failures, 1);
}

#[test]
fn a_batch_with_a_contradiction_changes_nothing() {
    let (store, folder) = store();
    let refused = |change: Change| {
        let error = store.commit(vec![analysed("/p/a/1", folder, 1, 1), change]).unwrap_err();
        assert_eq!(store.counts(pack(0)).unwrap(), Counts::default());
        assert_eq!(store.photo(&photo(1)).unwrap(), None);
        error
    };
    assert!(matches!(refused(known("/p/a/2", folder, 9)), StoreError::UnknownPhoto { .. }));
    assert!(matches!(refused(known("/p/b/2", folder, 1)), StoreError::OutsideFolder { .. }));
    let mut other = analysed("/p/a/2", folder, 2, 1);
    if let Change::Analysed { file, .. } = &mut other {
        file.state = shows(1);
    }
    assert!(matches!(refused(other), StoreError::OtherPhoto { .. }));
    let ids = store.commit(vec![analysed("/p/a/1", folder, 1, 1)]).unwrap().analysed;
    assert_eq!(ids, [(photo(1), vec![FaceId(1)])]);
}

#[test]
fn a_folder_that_was_removed_meanwhile_takes_no_files() {
    let (store, folder) = store();
    assert_eq!(store.remove_folder(folder).unwrap(), Committed::default());
    assert_eq!(store.commit(vec![analysed("/p/a/1", folder, 1, 2)]).unwrap(), Committed::default());
    assert_eq!(store.file(Path::new("/p/a/1")).unwrap(), None);
    let mut seen = Vec::new();
    store.for_each_face(pack(0), &mut |face| seen.push((face.row.id, face.shown))).unwrap();
    assert_eq!(seen, [(FaceId(1), false), (FaceId(2), false)]);
    let (again, new) = store.add_folder(Path::new("/p/a/"), 1, 9).unwrap();
    assert!(new && again.id != folder);
    assert_eq!(store.commit(vec![known("/p/a/1", again.id, 1)]).unwrap().appeared, [photo(1)]);
}

#[test]
fn a_large_folder_is_gone_through_and_removed_in_batches() {
    let (store, folder) = store();
    let (other, _) = store.add_folder(Path::new("/p/a/5"), 1, 0).unwrap();
    let mut changes = vec![analysed("/p/a/first", folder, 1, 1)];
    changes.extend((0..2000).map(|n| known(&format!("/p/a/{n:04}"), folder, 1)));
    changes.extend((0..600).map(|n| known(&format!("/p/a/5/{n:04}"), other.id, 1)));
    store.commit(changes).unwrap();
    assert_eq!(store.files_in(folder).unwrap().len(), 2001);
    assert_eq!(store.files_in(other.id).unwrap().len(), 600);
    assert_eq!(store.remove_folder(folder).unwrap(), Committed::default());
    assert_eq!(store.files_of(&photo(1)).unwrap().len(), 600);
    assert_eq!(store.remove_folder(other.id).unwrap().vanished, [photo(1)]);
    assert_eq!(store.counts(pack(0)).unwrap(), Counts::default());
}

#[test]
fn a_reader_sees_the_state_at_which_it_began() {
    let (store, folder) = store();
    store.commit(vec![analysed("/p/a/1", folder, 1, 200), analysed("/p/a/2", folder, 2, 200)]).unwrap();
    let mut seen = 0;
    store
        .for_each_face(pack(0), &mut |face| {
            if seen == 0 {
                // A writer does not wait for readers, and does not disturb them.
                store.commit(vec![gone("/p/a/2"), analysed("/p/a/3", folder, 3, 200)]).unwrap();
            }
            seen += 1;
            assert!(face.shown && face.row.photo != photo(3));
        })
        .unwrap();
    assert_eq!(seen, 400);
}

#[test]
fn faces_of_other_packs_are_left_out_however_many() {
    let (store, folder) = store();
    let by = |p: u8, n: u8, count: u8| {
        let (file, photo) = (file(format!("/p/a/{n}"), folder, shows(n)), photo_row(n));
        Change::Analysed { file, photo, pack: pack(p), faces: faces(n, count) }
    };
    store.commit(vec![by(0, 1, 2), by(1, 1, 250), by(1, 2, 250), by(0, 2, 1), by(1, 3, 250)]).unwrap();
    let mut seen = Vec::new();
    store.for_each_face(pack(0), &mut |face| seen.push(face.row.id.0)).unwrap();
    assert_eq!(seen, [1, 2, 503]);
    assert_eq!(store.counts(pack(0)).unwrap().faces, 3);
    assert_eq!(
        store.counts(pack(1)).unwrap(),
        Counts { files: 3, photos: 3, analysed: 3, faces: 750, failures: 0 }
    );
    assert_eq!(store.counts(pack(7)).unwrap(), Counts { files: 3, photos: 3, ..Counts::default() });
}

#[test]
fn ids_of_people_are_never_given_out_again() {
    let (store, folder) = store();
    store.commit(vec![analysed("/p/a/1", folder, 1, 2)]).unwrap();
    assert_eq!(store.next_person().unwrap(), PersonId(1));
    store.assign(&[(FaceId(1), Some(PersonId(8))), (FaceId(2), Some(PersonId(3)))], 5).unwrap();
    assert_eq!(store.next_person().unwrap(), PersonId(9));
    store.assign(&[(FaceId(1), None)], 6).unwrap();
    assert_eq!(store.person(PersonId(8)).unwrap(), None, "nobody ever had a say about them");
    assert_eq!(store.next_person().unwrap(), PersonId(9));
    let last = [(FaceId(1), Some(PersonId(u64::MAX)))];
    assert!(matches!(store.assign(&last, 7), Err(StoreError::IdsExhausted(u64::MAX))));
    assert_eq!(store.person_of(FaceId(1)).unwrap(), None);
    assert!(matches!(store.assign(&[(FaceId(3), None)], 7), Err(StoreError::UnknownFace(FaceId(3)))));
}

#[test]
fn a_person_who_was_named_stays_without_faces() {
    let (store, folder) = store();
    store.commit(vec![analysed("/p/a/1", folder, 1, 1)]).unwrap();
    let (face, person) = (FaceId(1), PersonId(1));
    assert_eq!(name_person(&store, person, "Ada", 1).unwrap(), None);
    store.assign(&[(face, Some(person))], 1).unwrap();
    let row = name_person(&store, person, "  Ada ", 2).unwrap().unwrap();
    assert_eq!(row.name.as_deref(), Some("Ada"));
    assert_eq!(store.journal(0, 9).unwrap().len(), 1);
    store.assign(&[(face, None)], 4).unwrap();
    assert_eq!(store.people_named("ADA").unwrap(), [row]);
    name_person(&store, person, " ", 5).unwrap();
    assert_eq!(store.people_named("ada").unwrap(), []);
    assert_eq!(store.person(person).unwrap().unwrap().name, None);
    assert_eq!(store.journal(1, 9).unwrap().len(), 1);
}

#[test]
fn a_decision_that_cannot_be_carried_out_leaves_no_entry() {
    let (store, folder) = store();
    store.commit(vec![analysed("/p/a/1", folder, 1, 1)]).unwrap();
    let decision = Decision::Confirmed { face: FaceId(7), person: PersonId(1), before: None };
    let outcome = Outcome { moves: vec![(FaceId(7), Some(PersonId(1)))], people: Vec::new() };
    let refused = store.decide(decision.clone(), Vec::new(), &outcome, 1);
    assert!(matches!(refused, Err(StoreError::UnknownFace(FaceId(7)))));
    assert_eq!(store.journal(0, 9).unwrap(), []);
    assert_eq!(store.decide(decision, Vec::new(), &Outcome::default(), 1).unwrap().seq, 1);
}

#[test]
fn people_are_forgotten_but_not_what_was_said_nor_which_ids_are_taken() {
    let (store, folder) = store();
    store.commit(vec![analysed("/p/a/1", folder, 1, 2)]).unwrap();
    store.assign(&[(FaceId(1), Some(PersonId(4))), (FaceId(2), Some(PersonId(5)))], 1).unwrap();
    name_person(&store, PersonId(4), "Ada", 2).unwrap();
    store.forget_people().unwrap();
    assert_eq!((store.people().unwrap(), store.people_named("ada").unwrap()), (vec![], vec![]));
    assert_eq!(
        (store.person_of(FaceId(1)).unwrap(), store.faces_of_person(PersonId(5)).unwrap()),
        (None, vec![])
    );
    assert_eq!(store.journal(0, 9).unwrap().len(), 1);
    assert_eq!(store.next_person().unwrap(), PersonId(6));
}

#[test]
fn numbers_of_any_kind_come_back_as_they_were() {
    let (store, folder) = store();
    let mut odd = face(1);
    odd.quality = f32::MIN_POSITIVE;
    odd.norm = f32::INFINITY;
    odd.detection.bbox.left = -0.0;
    odd.detection.score = f32::NAN;
    let mut row = file(
        "/p/a/1",
        folder,
        FileState::Shows { photo: photo(1), orientation: Default::default(), taken: Some(i64::MIN) },
    );
    (row.size, row.mtime_ns, row.inode) = (u64::MAX, i64::MIN, u64::MAX);
    let change =
        Change::Analysed { file: row.clone(), photo: photo_row(1), pack: pack(0), faces: vec![odd.clone()] };
    store.commit(vec![change]).unwrap();
    assert_eq!(store.file(&row.path).unwrap(), Some(row));
    let back = store.face(FaceId(1)).unwrap().unwrap();
    assert_eq!(
        format!("{:?}", (back.detection, back.quality, back.norm)),
        format!("{:?}", (odd.detection, odd.quality, odd.norm))
    );
}

/// A later look may find how a picture stands; what was found stays, whatever a look after that says.
#[test]
fn a_turn_once_found_stays() {
    let (store, folder) = store();
    let turned = |turn| PhotoRow { turn, ..photo_row(1) };
    let look = |n, turn| {
        let file = file("/p/a/1", folder, shows(1));
        store.commit(vec![Change::Analysed {
            file,
            photo: turned(turn),
            pack: pack(n),
            faces: vec![face(n)],
        }])
    };
    for (n, turn, kept) in [
        (0, None, None),
        (1, Some(Orientation::Turned90), Some(Orientation::Turned90)),
        (2, None, Some(Orientation::Turned90)),
        (3, Some(Orientation::Turned180), Some(Orientation::Turned90)),
    ] {
        look(n, turn).unwrap();
        assert_eq!(store.photo(&photo(1)).unwrap(), Some(turned(kept)));
    }
}
