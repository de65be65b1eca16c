//! Decisions against store, roster and grouping at once, on made-up faces: nothing is lost, all of it can be undone, and the
//! journal alone brings people back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use vow_store::{Change, FileRow, FileState, WholeFace};

use super::*;

mod clear;
mod gone;
mod place;
mod saved;
mod sorted;

use place::{Place, Random, analysed};

fn settle(keeper: &mut Keeper) {
    keeper.wait_for_saving();
    while keeper.is_behind() {
        keeper.catch_up().unwrap();
    }
    keeper.settle(&crossbeam_channel::never()).unwrap();
    keeper.wait_for_saving();
    while keeper.is_behind() {
        keeper.catch_up().unwrap();
    }
    agrees(keeper);
}

/// The store, the roster and the grouping say the same.
fn agrees(keeper: &Keeper) {
    let roster = keeper.shared.read();
    let rulings = keeper.shared.rulings();
    let mut seen = 0;
    keeper
        .store
        .for_each_face(keeper.pack, &mut |WholeFace { row, shown, person, .. }| {
            if !shown || rulings.is_no_face(row.id) {
                assert!(!roster.contains(row.id) && keeper.grouping.person_of(row.id).is_none());
                return;
            }
            seen += 1;
            assert_eq!(
                (roster.person_of(row.id), keeper.grouping.person_of(row.id)),
                (person, person),
                "{}",
                row.id
            );
            let said = rulings.said(row.id);
            assert!(said.is.is_none_or(|is| person == Some(is)), "{} is {said:?}, not {person:?}", row.id);
            assert!(
                person.is_none_or(|person| !said.is_not.contains(&person)),
                "{} is not {person:?}",
                row.id
            );
        })
        .unwrap();
    assert_eq!(seen, roster.census().faces);
    for row in keeper.store.people().unwrap() {
        assert_eq!(roster.name_of(row.id), row.name.as_deref());
        assert_eq!(roster.is_hidden(row.id), row.hidden);
    }
}

/// Questions across the years hang on it.
#[test]
fn faces_have_the_day_of_their_photo() {
    let place = Place { dir: tempfile::tempdir().unwrap() };
    let store = place.store();
    let (folder, _) = store.add_folder(Path::new("/p"), 1, 0).unwrap();
    let taken = [Some(3 * 86_400 + 7), Some(-1), None];
    let changes = taken.iter().zip(0u8..).map(|(taken, n)| {
        let mut change = analysed(n, folder.id, &mut Random(1));
        if let Change::Analysed { file: FileRow { state: FileState::Shows { taken: own, .. }, .. }, .. } =
            &mut change
        {
            *own = *taken;
        }
        change
    });
    store.commit(changes.collect()).unwrap();
    drop(store);
    let mut keeper = place.keeper();
    settle(&mut keeper);
    for (n, expected) in [(0, Some(3)), (1, Some(-1)), (2, None)] {
        let faces = keeper.store.faces_of(&ContentId([n; 32]), keeper.pack).unwrap();
        assert!(
            !faces.is_empty() && faces.iter().all(|row| keeper.shared.day_of(row.id) == expected),
            "photo {n}"
        );
    }
    assert_eq!(keeper.shared.day_of(FaceId(9_999)), None);

    // A file is corrected: another program wrote another time into it.
    let Change::Analysed { mut file, .. } = analysed(0, folder.id, &mut Random(1)) else { panic!() };
    if let FileState::Shows { taken, .. } = &mut file.state {
        *taken = Some(9 * 86_400);
    }
    let committed = keeper.store.commit(vec![Change::Known { file }]).unwrap();
    keeper.take(&Stored { committed, _tickets: Vec::new() }).unwrap();
    for row in keeper.store.faces_of(&ContentId([0; 32]), keeper.pack).unwrap() {
        assert_eq!(keeper.shared.day_of(row.id), Some(9));
    }
}

type Groups = BTreeSet<Vec<FaceId>>;

/// Name, hidden, cover and faces of a person.
type Whole = (Option<String>, bool, Option<FaceId>, Vec<FaceId>);

/// Those a human spoke of, by id; and the others as groups.
fn everyone(keeper: &Keeper) -> (BTreeMap<PersonId, Whole>, Groups) {
    let rulings = keeper.shared.rulings();
    let (mut known, mut others) = (BTreeMap::new(), Groups::new());
    for row in keeper.store.people().unwrap() {
        let faces = keeper.store.faces_of_person(row.id).unwrap();
        if rulings.person(row.id).is_some() {
            known.insert(row.id, (row.name, row.hidden, row.cover, faces));
        } else {
            others.insert(faces);
        }
    }
    (known, others)
}

fn groups(keeper: &Keeper) -> Groups {
    let (known, others) = everyone(keeper);
    known.into_values().map(|(.., faces)| faces).filter(|faces| !faces.is_empty()).chain(others).collect()
}

/// Something that a human might say.
fn ask(keeper: &Keeper, random: &mut Random) -> Option<Ask> {
    let people: Vec<PersonId> = keeper.store.people().unwrap().iter().map(|row| row.id).collect();
    let a = random.pick(&people)?;
    let b = random.pick(&people)?;
    let theirs = keeper.shared.read().members(a).to_vec();
    let face = random.pick(&theirs).or_else(|| random.pick(keeper.shared.read().members(b)));
    Some(match random.below(12) {
        0 | 1 => Ask::Name(a, ["Ada", "Bob", "Eve", ""][random.below(4)].to_owned()),
        2 => Ask::Merge { into: a, from: vec![b], same_photo: random.below(2) == 0 },
        3 => Ask::Split(a, theirs.into_iter().filter(|_| random.below(3) == 0).collect()),
        4 => Ask::Confirm(face?, b),
        5 => Ask::Reject(face?, (random.below(3) == 0).then_some(b)),
        6 => Ask::NotAFace(face?),
        7 => Ask::Hide(a, random.below(2) == 0),
        8 => Ask::Cover(a, face),
        9 => Ask::Apart(a, b),
        10 => Ask::Undo { entry: None, dependents: true },
        _ => Ask::Redo(None),
    })
}

/// Whether it was possible.
fn say(keeper: &mut Keeper, ask: Ask) -> bool {
    let before: BTreeMap<FaceId, Option<PersonId>> = whose(keeper);
    match keeper.decide(ask.clone()) {
        Ok(answer) => {
            agrees(keeper);
            // The answer tells every move, and no other.
            let now = whose(keeper);
            let faces: BTreeSet<FaceId> = before.keys().chain(now.keys()).copied().collect();
            let at = |all: &BTreeMap<FaceId, Option<PersonId>>, face| all.get(face).copied().flatten();
            let moved: Vec<_> = faces
                .iter()
                .map(|face| (*face, at(&before, face), at(&now, face)))
                .filter(|(_, from, to)| from != to)
                .collect();
            let told: Vec<_> = answer.moved.iter().map(|one| (one.face, one.from, one.to)).collect();
            assert_eq!(told, moved, "{ask:?}");
            answer.entry.is_some()
        }
        Err(Trouble::Asked(_)) => {
            assert_eq!(whose(keeper), before, "{ask:?} was refused");
            false
        }
        Err(Trouble::Store(error)) => panic!("{ask:?}: {error}"),
    }
}

fn whose(keeper: &Keeper) -> BTreeMap<FaceId, Option<PersonId>> {
    let mut whose = BTreeMap::new();
    let roster = keeper.shared.read();
    keeper
        .store
        .for_each_face(keeper.pack, &mut |WholeFace { row, .. }| {
            if roster.contains(row.id) {
                whose.insert(row.id, roster.person_of(row.id));
            }
        })
        .unwrap();
    whose
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_humans_say_people_can_be_rebuilt_from_the_journal(seed: u64, count in 1usize..25) {
        let place = Place::new(seed);
        let mut random = Random(seed ^ 1);
        let mut keeper = place.keeper();
        settle(&mut keeper);
        for _ in 0..count {
            if let Some(ask) = ask(&keeper, &mut random) {
                say(&mut keeper, ask);
            }
            if random.below(6) == 0 {
                settle(&mut keeper);
            }
        }
        keeper.progress.unsettled.store(true, Ordering::SeqCst);
        settle(&mut keeper);
        let before = everyone(&keeper);
        // A restart changes nothing.
        drop(keeper);
        let keeper = place.keeper();
        agrees(&keeper);
        prop_assert_eq!(everyone(&keeper), before.clone());
        // Nor does losing everything but the faces and the journal.
        keeper.store.forget_people().unwrap();
        drop(keeper);
        let mut keeper = place.keeper();
        settle(&mut keeper);
        prop_assert_eq!(everyone(&keeper), before);
    }

    #[test]
    fn whatever_humans_said_can_be_undone_and_redone(seed: u64, count in 1usize..12) {
        let place = Place::new(seed);
        let mut random = Random(seed ^ 2);
        let mut keeper = place.keeper();
        settle(&mut keeper);
        let original = groups(&keeper);
        let mut said = 0;
        for _ in 0..count {
            let asked = ask(&keeper, &mut random).filter(|ask| !matches!(ask, Ask::Undo { .. } | Ask::Redo(_)));
            said += usize::from(asked.is_some_and(|ask| say(&mut keeper, ask)));
        }
        settle(&mut keeper);
        let after = everyone(&keeper);
        for _ in 0..said {
            let said = say(&mut keeper, Ask::Undo { entry: None, dependents: false });
            prop_assert!(said);
        }
        settle(&mut keeper);
        prop_assert_eq!(groups(&keeper), original);
        prop_assert!(keeper.store.people().unwrap().iter().all(|row| row.name.is_none() && !row.hidden));
        for _ in 0..said {
            prop_assert!(say(&mut keeper, Ask::Redo(None)));
        }
        settle(&mut keeper);
        prop_assert_eq!(everyone(&keeper), after);
    }
}

/// A face that was no face comes back after another face of its photo became the person it was: it is somebody else then. That
/// other face is named where one is confirmed beside it.
#[test]
fn a_face_comes_back_beside_another_face_of_its_photo() {
    let place = Place::new(4);
    let mut keeper = place.keeper();
    settle(&mut keeper);
    let of_person = |keeper: &Keeper, face| keeper.shared.read().person_of(face);
    let of_many = |keeper: &Keeper, n: u8| {
        let rows = keeper.store.faces_of(&ContentId([n; 32]), keeper.pack).unwrap();
        let [one, other, ..] = rows.as_slice() else { return None };
        let person = of_person(keeper, one.id)?;
        (keeper.shared.read().members(person).len() > 3).then_some((one.id, other.id, person))
    };
    let (gone, other, person) = (0..30).find_map(|n| of_many(&keeper, n)).unwrap();
    assert!(say(&mut keeper, Ask::NotAFace(gone)));
    let entry = keeper.store.journal(0, usize::MAX).unwrap().last().map(|entry| entry.seq);
    assert!(say(&mut keeper, Ask::Confirm(other, person)));
    assert!(say(&mut keeper, Ask::Undo { entry, dependents: false }));
    assert_eq!(of_person(&keeper, other), Some(person));
    let now = of_person(&keeper, gone);
    assert!(now.is_some() && now != Some(person), "{now:?}");
    let Ok(answer) = keeper.decide(Ask::Confirm(gone, person)) else { panic!("refused") };
    assert!(answer.notes.iter().any(|note| note.starts_with(&format!("{other} of the same photo"))));
}

/// An index that belongs to another store is not believed, however well it was kept.
#[test]
fn an_index_of_another_store_is_not_used() {
    let (place, other) = (Place::new(4), Place::new(5));
    let expected = {
        let mut keeper = place.keeper();
        settle(&mut keeper);
        everyone(&keeper)
    };
    settle(&mut other.keeper());
    std::fs::remove_dir_all(place.dir.path().join("index")).unwrap();
    std::fs::rename(other.dir.path().join("index"), place.dir.path().join("index")).unwrap();
    let mut keeper = place.keeper();
    let (face, held) = {
        let face = whose(&keeper).into_keys().next().unwrap();
        (face, keeper.shared.index().embedding(face))
    };
    assert_eq!(held, keeper.store.embedding(face).unwrap());
    settle(&mut keeper);
    assert_eq!(everyone(&keeper), expected);
}

/// With the index gone, all that is asked or said before it is there again comes out as with it.
#[test]
fn without_an_index_everything_goes_on_while_it_is_built() {
    let place = Place::new(6);
    let mut keeper = place.keeper();
    settle(&mut keeper);
    let near = |keeper: &Keeper| {
        let ask =
            |face| (face, keeper.shared.index().search(&keeper.store.embedding(face).unwrap().unwrap(), 5));
        whose(keeper).into_keys().map(ask).collect::<Vec<_>>()
    };
    let (before, alike) = (everyone(&keeper), near(&keeper));
    drop(keeper);
    std::fs::remove_dir_all(place.dir.path().join("index")).unwrap();

    let mut keeper = place.keeper();
    agrees(&keeper);
    let faces = whose(&keeper).len();
    assert_eq!(keeper.shared.index().waiting(), faces);
    assert!(!keeper.progress.idle());
    let saved = vow_index::FaceIndex::load(&place.dir.path().join("index"), &keeper.pack.0).unwrap();
    assert!(saved.is_none(), "a start writes nothing");
    assert_eq!((everyone(&keeper), near(&keeper)), (before, alike));
    let person = whose(&keeper).into_values().next().unwrap().unwrap();
    assert!(say(&mut keeper, Ask::Name(person, "Ada".to_owned())));
    let mut random = Random(9);
    let folder = keeper.store.folders().unwrap()[0].id;
    let more = keeper.store.commit(vec![analysed(99, folder, &mut random)]).unwrap();
    keeper.take(&Stored { committed: more, _tickets: Vec::new() }).unwrap();
    agrees(&keeper);
    assert!(keeper.shared.index().waiting() > faces, "the new ones wait in line");
    settle(&mut keeper);
    assert_eq!(keeper.shared.index().waiting(), 0);
    assert!(keeper.progress.idle());
}
