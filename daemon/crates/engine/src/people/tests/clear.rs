//! The length of a good face's embedding, learned from a library in which blurred faces, all alike to the network, founded a
//! person.

use vow_store::{FileRow, FileState, NewFace, PhotoRow};
use vow_types::{QualityGate, Size};

use super::place::{Place, Random, THREADS, face, look, pack};
use super::*;

/// Photos of five people each, out of ten.
const PHOTOS: u8 = 60;
const BLURRED: u64 = 99;

/// Photos with five good faces each, of which the first six have a blurred one too.
fn library(place: &Place, photos: u8) {
    let mut random = Random(3);
    let store = place.store();
    let (folder, _) = store.add_folder(Path::new("/p"), 1, 0).unwrap();
    let changes = (0..photos).map(|n| {
        let (photo, coded) = (ContentId([n; 32]), Size { width: 640, height: 480 });
        let state = FileState::Shows { photo, orientation: Default::default(), taken: None };
        let path = format!("/p/{n}.jpg").into();
        let file = FileRow { path, folder: folder.id, size: 1, mtime_ns: 1, inode: 1, state };
        let row = PhotoRow { content: photo, coded, format: "jpeg".to_owned(), first_seen: 0, turn: None };
        let of = |identity, norm, random: &mut Random| {
            let mut one = face(identity, random);
            one.detection.score = 0.9;
            NewFace { quality: 0.8, norm, embedding: look(identity, random, 0.5), ..one }
        };
        let mut faces: Vec<NewFace> =
            (0..5).map(|at| of(u64::from(n + 2 * at) % 10, 14.0 + random.unit(), &mut random)).collect();
        faces.extend((n < 6).then(|| of(BLURRED, 8.0, &mut random)));
        Change::Analysed { file, photo: row, pack: PackId([1; 16]), faces }
    });
    store.commit(changes.collect()).unwrap();
}

fn keeper(place: &Place, full_norm: Option<f32>) -> Keeper {
    let gate = QualityGate { min_face: 1.0, min_score: 0.6, min_quality: 0.3, full_norm };
    let facts = PackFacts { gate, ..pack() };
    Keeper::open(place.store(), Progress::new(), facts, place.dir.path().join("index"), THREADS).unwrap()
}

/// The blurred faces, and whose they are.
fn blurred(keeper: &Keeper) -> BTreeMap<FaceId, Option<PersonId>> {
    let mut faces = BTreeMap::new();
    keeper
        .store
        .for_each_face(keeper.pack, &mut |WholeFace { row, .. }| {
            if row.norm < 10.0 {
                faces.insert(row.id, keeper.shared.read().person_of(row.id));
            }
        })
        .unwrap();
    assert_eq!(faces.len(), 6);
    faces
}

fn apart(keeper: &Keeper) -> bool {
    let people: BTreeSet<Option<PersonId>> = blurred(keeper).into_values().collect();
    people.len() == 6
}

#[test]
fn what_is_clear_to_no_network_founds_nobody_once_that_is_known() {
    let place = Place { dir: tempfile::tempdir().unwrap() };
    library(&place, PHOTOS);
    let mut first = keeper(&place, Some(0.0));
    settle(&mut first);
    assert!(!apart(&first), "the length was to say nothing, and they are one person");
    assert_eq!(first.store.full_norm(first.pack).unwrap(), None);
    drop(first);

    let mut keeper_ = keeper(&place, None);
    settle(&mut keeper_);
    let full = keeper_.store.full_norm(keeper_.pack).unwrap().unwrap();
    assert!((13.0..15.0).contains(&full), "{full}");
    assert!(apart(&keeper_), "{:?}", blurred(&keeper_));
    let good = groups(&keeper_).iter().filter(|group| group.len() >= 3).count();
    assert_eq!(good, 10, "and the others are as they were");
    let roster = keeper_.shared.read();
    assert!(blurred(&keeper_).keys().all(|face| roster.quality_of(*face).unwrap() < 0.2));
    drop(roster);
    let before = groups(&keeper_);
    drop(keeper_);

    let mut again = keeper(&place, None);
    assert!(blurred(&again).keys().all(|face| again.shared.read().quality_of(*face).unwrap() < 0.2));
    settle(&mut again);
    assert_eq!((groups(&again), again.store.full_norm(again.pack).unwrap()), (before, Some(full)));
}

#[test]
fn a_name_that_was_given_before_stays() {
    let place = Place { dir: tempfile::tempdir().unwrap() };
    library(&place, PHOTOS);
    let mut first = keeper(&place, Some(0.0));
    settle(&mut first);
    let named = blurred(&first).into_values().next().unwrap().unwrap();
    assert!(say(&mut first, Ask::Name(named, "Ada".to_owned())));
    drop(first);
    let mut later = keeper(&place, None);
    settle(&mut later);
    assert!(later.store.full_norm(later.pack).unwrap().is_some());
    assert_eq!(later.shared.read().name_of(named), Some("Ada"));
    assert!(blurred(&later).into_values().any(|person| person == Some(named)));
}

#[test]
fn few_faces_teach_nothing() {
    let place = Place { dir: tempfile::tempdir().unwrap() };
    library(&place, 10);
    let mut keeper = keeper(&place, None);
    settle(&mut keeper);
    assert_eq!(keeper.store.full_norm(keeper.pack).unwrap(), None);
    assert!(!apart(&keeper));
}
