//! What is told: enough to know without asking what the store knows, each thing once and in order, across stops and crashes;
//! and what is no longer told is refused and not left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use vow_store::{
    Change, Decision, EVENTS_KEPT, Event, FileState, Outcome, PersonRow, Standing, Store, StoreError, Told,
};
use vow_types::{ContentId, FaceId, FolderId, PersonId};

use crate::medium::Memory;
use crate::model::State;
use crate::samples::{faces, failed, file, pack, photo, photo_row, shows};
use crate::steps::name_person;

/// What somebody knows who heard every event.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Heard {
    /// `None`: it failed.
    files: BTreeMap<PathBuf, Option<ContentId>>,
    faces: BTreeMap<FaceId, PersonId>,
    people: BTreeMap<PersonId, Option<String>>,
    entries: Vec<u64>,
}

impl Heard {
    /// Everything that a store tells, a few at a time.
    pub(crate) fn from(store: &Store) -> Self {
        let (mut heard, mut after) = (Self::default(), *store.event_numbers().unwrap().start() - 1);
        loop {
            let page = store.events(after, 3).unwrap();
            if page.is_empty() {
                assert_eq!(after, *store.event_numbers().unwrap().end());
                return heard;
            }
            for told in page {
                after += 1;
                assert_eq!(told.number, after, "none is missing");
                heard.hear(told);
            }
        }
    }

    fn hear(&mut self, told: Told) {
        match told.event {
            Event::Shown { path, photo } => drop(self.files.insert(path, Some(photo))),
            Event::Gone { path, photo } => assert_eq!(self.files.remove(&path), Some(photo)),
            Event::Failed { path, .. } => {
                let before = self.files.insert(path, None);
                assert!(matches!(before, None | Some(None)), "what it showed went first");
            }
            Event::Assigned { faces } => {
                for (face, from, to) in faces {
                    assert_ne!(from, to);
                    let was = match to {
                        Some(person) => self.faces.insert(face, person),
                        None => self.faces.remove(&face),
                    };
                    assert_eq!(was, from, "{face}");
                }
            }
            Event::Born { people } => {
                for person in people {
                    assert_eq!(self.people.insert(person, None), None, "{person}");
                }
            }
            Event::Renamed { person, name, before } => {
                assert_ne!(name, before);
                assert_eq!(self.people.insert(person, name), Some(before), "{person}");
            }
            Event::Ended { people } => {
                people.iter().for_each(|person| assert!(self.people.remove(person).is_some(), "{person}"));
            }
            Event::Decided { entry } => self.entries.push(entry),
        }
    }

    /// What somebody knows who asked for everything.
    pub(crate) fn of(state: &State) -> Self {
        let shown = |state: &FileState| match state {
            FileState::Shows { photo, .. } => Some(*photo),
            FileState::Failed { .. } => None,
        };
        let whose = state.faces.iter().filter_map(|(face, (_, _, person))| Some((*face, (*person)?)));
        Self {
            files: state.files.iter().map(|(path, file)| (path.clone(), shown(&file.state))).collect(),
            faces: whose.collect(),
            people: state.people.iter().map(|(id, row)| (*id, row.name.clone())).collect(),
            entries: state.journal.iter().map(|entry| entry.seq).collect(),
        }
    }
}

fn begun() -> (Memory, Store, FolderId, u64) {
    let memory = Memory::default();
    let store = Store::with_backend(memory.clone()).unwrap();
    let folder = store.add_folder(Path::new("/p/a"), 1, 0).unwrap().0.id;
    let last = *store.event_numbers().unwrap().end();
    (memory, store, folder, last)
}

fn told(store: &Store, after: u64) -> Vec<Event> {
    store.events(after, usize::MAX).unwrap().into_iter().map(|told| told.event).collect()
}

fn shown(folder: FolderId, n: u8) -> Change {
    let path = format!("/p/a/{n}");
    Change::Analysed {
        file: file(path, folder, shows(n)),
        photo: photo_row(n),
        pack: pack(0),
        faces: faces(n, 2),
    }
}

#[test]
fn a_transaction_is_told_as_one_and_in_order() {
    let (_, store, folder, last) = begun();
    let path = |n: u8| PathBuf::from(format!("/p/a/{n}"));
    store.commit(vec![shown(folder, 1), Change::Known { file: file("/p/a/2", folder, failed(1)) }]).unwrap();
    let events = told(&store, last);
    assert_eq!(events[0], Event::Shown { path: path(1), photo: photo(1) });
    assert!(matches!(&events[1], Event::Failed { path: at, .. } if *at == path(2)));
    assert_eq!(events.len(), 2);

    // The same again is nothing new, nor is the same failure; another pack that looks is, and so is another photo.
    store.commit(vec![shown(folder, 1), Change::Known { file: file("/p/a/2", folder, failed(2)) }]).unwrap();
    assert_eq!(told(&store, last).len(), 2);
    let Change::Analysed { file: row, photo: of, faces, .. } = shown(folder, 1) else { panic!("{folder}") };
    store.commit(vec![Change::Analysed { file: row, photo: of, pack: pack(1), faces }]).unwrap();
    assert_eq!(told(&store, last + 2), [Event::Shown { path: path(1), photo: photo(1) }]);
    store.commit(vec![Change::Known { file: file(path(1), folder, failed(2)) }]).unwrap();
    assert_eq!(told(&store, last + 3)[0], Event::Gone { path: path(1), photo: Some(photo(1)) });

    let after = *store.event_numbers().unwrap().end();
    store.assign(&[(FaceId(1), Some(PersonId(1))), (FaceId(2), Some(PersonId(2)))], 0).unwrap();
    let (one, two) = (PersonId(1), PersonId(2));
    let moved = vec![(FaceId(1), None, Some(one)), (FaceId(2), None, Some(two))];
    assert_eq!(
        told(&store, after),
        [Event::Born { people: vec![one, two] }, Event::Assigned { faces: moved }]
    );
    name_person(&store, one, "Ada", 0).unwrap();
    let renamed = Event::Renamed { person: one, name: Some("Ada".to_owned()), before: None };
    assert_eq!(told(&store, after + 2), [Event::Decided { entry: 1 }, renamed]);
    store.assign(&[(FaceId(2), Some(one))], 0).unwrap();
    assert_eq!(told(&store, after + 4)[1], Event::Ended { people: vec![two] });

    // Who comes and goes in one transaction never was.
    let after = *store.event_numbers().unwrap().end();
    let row = PersonRow { id: PersonId(9), name: None, hidden: false, cover: None, created: 0 };
    let people = vec![Standing { row, decided: false }];
    let moves = vec![(FaceId(2), Some(PersonId(9))), (FaceId(2), Some(one))];
    store.decide(Decision::Apart { a: one, b: two }, Vec::new(), &Outcome { moves, people }, 0).unwrap();
    let events = told(&store, after);
    assert!(
        !events.iter().any(|event| matches!(event, Event::Born { .. } | Event::Ended { .. })),
        "{events:?}"
    );

    // Everybody is forgotten: that is told, too.
    store.forget_people().unwrap();
    let heard = Heard::from(&store);
    assert!(heard.faces.is_empty() && heard.people.is_empty(), "{heard:?}");
}

#[test]
fn what_was_refused_is_not_told() {
    let (_, store, folder, last) = begun();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    store.when_written(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let unknown = Change::Known { file: file("/p/a/2", folder, shows(2)) };
    assert!(store.commit(vec![shown(folder, 1), unknown]).is_err());
    assert!(store.assign(&[(FaceId(7), Some(PersonId(1)))], 0).is_err());
    assert_eq!((told(&store, last), calls.load(Ordering::SeqCst)), (vec![], 0));
    store.commit(vec![shown(folder, 1)]).unwrap();
    assert_eq!((told(&store, last).len(), calls.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn many_faces_are_several_events() {
    let (_, store, folder, last) = begun();
    let analysed = Change::Analysed {
        file: file("/p/a/1", folder, shows(1)),
        photo: photo_row(1),
        pack: pack(0),
        faces: (0..6).flat_map(|n| faces(n, 200)).collect(),
    };
    store.commit(vec![analysed]).unwrap();
    let moves: Vec<_> = (1..=1200).map(|face| (FaceId(face), Some(PersonId(face)))).collect();
    store.assign(&moves, 0).unwrap();
    let sizes: Vec<usize> = told(&store, last + 1)
        .iter()
        .map(|event| match event {
            Event::Born { people } => people.len(),
            Event::Assigned { faces } => faces.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [500, 500, 200, 500, 500, 200]);
}

#[test]
fn the_oldest_go_and_whoever_asks_for_them_is_told_so() {
    let (_, store, folder, begin) = begun();
    let fail = |n: u64| Change::Known { file: file(format!("/p/a/{n}"), folder, failed(1)) };
    store.commit(vec![fail(u64::MAX)]).unwrap();
    // More in one transaction than are kept at all, then a few more than that takes before the next are removed.
    let rounds = [EVENTS_KEPT + 5000, 900, 300];
    let mut all = 1;
    for (round, kept) in rounds.into_iter().zip([EVENTS_KEPT, EVENTS_KEPT + 900, EVENTS_KEPT]) {
        store.commit((all..all + round).map(fail).collect()).unwrap();
        all += round;
        let numbers = store.event_numbers().unwrap();
        assert_eq!((*numbers.end(), numbers.count() as u64), (begin + all, kept));
    }
    let (oldest, last) = store.event_numbers().unwrap().into_inner();
    assert_eq!(store.events(oldest - 1, 2).unwrap()[0].number, oldest);
    assert_eq!(store.events(last, 2).unwrap(), []);
    for after in [begin, begin + 1, oldest - 2] {
        let error = store.events(after, 2).unwrap_err();
        assert!(
            matches!(error, StoreError::EventsGone { oldest: o, last: l, .. } if (o, l) == (oldest, last)),
            "{error}"
        );
    }
}

#[test]
fn numbers_of_another_store_are_none_of_this() {
    let (memory, store, folder, last) = begun();
    store.commit((1..4).map(|n| shown(folder, n)).collect()).unwrap();
    let (_, other, folder, others) = begun();
    other.commit((1..9).map(|n| shown(folder, n)).collect()).unwrap();
    for (store, after) in
        [(&store, others), (&store, others + 3), (&other, last), (&other, last + 3), (&store, 0)]
    {
        let error = store.events(after, 9).unwrap_err();
        assert!(matches!(error, StoreError::NoSuchEvent { .. }), "{error}");
    }
    drop(store);
    let again = Store::with_backend(memory).unwrap();
    assert_eq!(told(&again, last).len(), 3, "a start changes nothing");
}

#[test]
fn a_backup_begins_with_numbers_of_its_own() {
    let (_, store, folder, last) = begun();
    store.commit(vec![shown(folder, 1), shown(folder, 2)]).unwrap();
    let place = tempfile::tempdir().unwrap();
    let copies = ["one", "two"].map(|name| {
        let path = place.path().join(name);
        store.backup(&path).unwrap();
        Store::open(&path).unwrap()
    });
    store.commit(vec![shown(folder, 3), shown(folder, 4)]).unwrap();
    for copy in &copies {
        assert_eq!(copy.event_numbers().unwrap().count(), 0);
        for after in last..=last + 4 {
            assert!(matches!(copy.events(after, 9), Err(StoreError::NoSuchEvent { .. })), "{after}");
        }
    }
    let [one, two] = copies.map(|copy| *copy.event_numbers().unwrap().end());
    assert_ne!(one, two);
}
