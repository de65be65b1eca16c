//! Steps of a history: one call of a store's method, carried out on a store or on the model.

use proptest::prelude::*;
use vow_store::{
    Change, Committed, Decision, FileState, Folder, Outcome, PersonRow, Standing, Store, StoreError,
};
use vow_types::{FaceId, FolderId, PersonId};

use crate::model::Model;
use crate::samples::{self, FOLDERS, failed, file, pack, photo_row, shows};

/// One call. Numbers stand for the things in `samples`.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    AddFolder(usize, u64),
    RemoveFolder(u64),
    Commit(Vec<Spec>),
    Assign(Vec<(u64, Option<u64>)>),
    Name(u64, &'static str),
    Merge(u64, u64),
    PutPack(u8, &'static str),
    Checkpoint,
    Reopen,
}

/// One change. `path`: a number of `samples::paths`; `wrong`: name another folder than the one it is in.
#[derive(Debug, Clone)]
pub(crate) enum Spec {
    Shows { path: usize, photo: u8, wrong: bool },
    Failed { path: usize, at: i64, size: u64 },
    Analysed { path: usize, photo: u8, pack: u8, faces: u8 },
    Gone { path: usize },
}

/// What a call answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Done {
    Nothing,
    Refused,
    Folder(Folder, bool),
    Committed(Committed),
    Person(PersonRow),
}

impl Step {
    pub(crate) const PHOTOS: u8 = 6;
    pub(crate) const PACKS: u8 = 2;

    pub(crate) fn apply_to_model(&self, model: &mut Model) -> Done {
        match self {
            Self::AddFolder(at, device) => {
                let (folder, new) = model.add_folder(FOLDERS[*at], *device, 5);
                Done::Folder(folder, new)
            }
            Self::RemoveFolder(id) => Done::Committed(model.remove_folder(FolderId(*id))),
            Self::Commit(specs) => {
                let changes = changes(specs, model);
                model.commit(changes).map_or(Done::Refused, Done::Committed)
            }
            Self::Assign(moves) => {
                if model.assign(&people(moves), 6) {
                    Done::Nothing
                } else {
                    Done::Refused
                }
            }
            Self::Name(person, name) => {
                model.name_person(PersonId(*person), name, 7).map_or(Done::Refused, Done::Person)
            }
            Self::Merge(into, from) => {
                if model.merge(PersonId(*into), PersonId(*from), 8) {
                    Done::Nothing
                } else {
                    Done::Refused
                }
            }
            Self::PutPack(n, name) => {
                model.state.packs.insert(pack(*n), (*name).to_owned());
                Done::Nothing
            }
            Self::Checkpoint | Self::Reopen => Done::Nothing,
        }
    }
}

/// `model` is asked only for the ids of folders, which a step does not change for itself.
pub(crate) fn apply_to_store(step: &Step, store: &Store, model: &Model) -> Done {
    let done = match step {
        Step::AddFolder(at, device) => {
            store.add_folder(FOLDERS[*at].as_ref(), *device, 5).map(|(folder, new)| Done::Folder(folder, new))
        }
        Step::RemoveFolder(id) => store.remove_folder(FolderId(*id)).map(Done::Committed),
        Step::Commit(specs) => store.commit(changes(specs, model)).map(Done::Committed),
        Step::Assign(moves) => store.assign(&people(moves), 6).map(|()| Done::Nothing),
        Step::Name(person, name) => {
            name_person(store, PersonId(*person), name, 7).map(|row| row.map_or(Done::Refused, Done::Person))
        }
        Step::Merge(into, from) => merge(store, PersonId(*into), PersonId(*from)),
        Step::PutPack(n, name) => store.put_pack(pack(*n), name).map(|()| Done::Nothing),
        Step::Checkpoint => store.checkpoint().map(|()| Done::Nothing),
        Step::Reopen => Ok(Done::Nothing),
    };
    done.unwrap_or_else(|error| match error {
        StoreError::UnknownPhoto { .. }
        | StoreError::OutsideFolder { .. }
        | StoreError::UnknownFace(_)
        | StoreError::UnknownPerson(_) => Done::Refused,
        other => panic!("{step:?}: {other}"),
    })
}

/// As a caller does it: nothing when there is no such person, and no entry when that is the name already.
pub(crate) fn name_person(
    store: &Store,
    person: PersonId,
    name: &str,
    now: i64,
) -> Result<Option<PersonRow>, StoreError> {
    let Some(row) = store.person(person)? else { return Ok(None) };
    let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    if row.name == name {
        return Ok(Some(row));
    }
    let decision = Decision::Named { person, name: name.clone(), before: row.name.clone() };
    let row = PersonRow { name, ..row };
    let people = vec![Standing { row: row.clone(), decided: true }];
    store.decide(decision, Vec::new(), &Outcome { moves: Vec::new(), people }, now)?;
    Ok(Some(row))
}

fn merge(store: &Store, into: PersonId, from: PersonId) -> Result<Done, StoreError> {
    let (Some(kept), Some(gone)) = (store.person(into)?, store.person(from)?.filter(|_| into != from)) else {
        return Ok(Done::Refused);
    };
    let faces = store.faces_of_person(from)?;
    let decision = Decision::Merged { into, from: vec![(from, faces.clone())], together: Vec::new() };
    let people = vec![
        Standing { row: kept, decided: true },
        Standing { row: PersonRow { name: None, ..gone }, decided: false },
    ];
    let moves = faces.iter().map(|face| (*face, Some(into))).collect();
    store.decide(decision, vec![(into, faces)], &Outcome { moves, people }, 8).map(|_| Done::Nothing)
}

fn people(moves: &[(u64, Option<u64>)]) -> Vec<(FaceId, Option<PersonId>)> {
    moves.iter().map(|(face, person)| (FaceId(*face), person.map(PersonId))).collect()
}

fn changes(specs: &[Spec], model: &Model) -> Vec<Change> {
    let paths = samples::paths();
    let row = |path: usize, wrong: bool, state: FileState| {
        let (folder, path) = &paths[path];
        let at = if wrong { (folder + 1) % FOLDERS.len() } else { *folder };
        let known = model.state.folders.iter().find(|folder| folder.path == *FOLDERS[at]);
        file(path, known.map_or(FolderId(999), |folder| folder.id), state)
    };
    let change = |spec: &Spec| match spec {
        Spec::Shows { path, photo, wrong } => {
            // Copies of a photo may have lost their time, or bear another; and a file's may be corrected.
            let mut state = shows(*photo);
            if let FileState::Shows { taken, .. } = &mut state {
                *taken = path.is_multiple_of(2).then_some(len_i64(*path));
            }
            Change::Known { file: row(*path, *wrong, state) }
        }
        Spec::Failed { path, at, size } => {
            let mut file = row(*path, false, failed(*at));
            file.size = *size;
            Change::Known { file }
        }
        Spec::Analysed { path, photo, pack: p, faces } => Change::Analysed {
            file: row(*path, false, shows(*photo)),
            photo: photo_row(*photo),
            pack: pack(*p),
            faces: samples::faces(*photo, *faces),
        },
        Spec::Gone { path } => Change::Gone { path: paths[*path].1.clone() },
    };
    specs.iter().map(change).collect()
}

fn len_i64(value: usize) -> i64 {
    i64::try_from(value).unwrap()
}

fn spec() -> impl Strategy<Value = Spec> {
    let (path, photo) = (0..samples::paths().len(), 0..Step::PHOTOS);
    prop_oneof![
        6 => (path.clone(), photo.clone(), 0..Step::PACKS, 0u8..4)
            .prop_map(|(path, photo, pack, faces)| Spec::Analysed { path, photo, pack, faces }),
        4 => (path.clone(), photo, prop::bool::weighted(0.02))
            .prop_map(|(path, photo, wrong)| Spec::Shows { path, photo, wrong }),
        3 => (path.clone(), 0i64..9, 1u64..3).prop_map(|(path, at, size)| Spec::Failed { path, at, size }),
        3 => path.prop_map(|path| Spec::Gone { path }),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let person = 1u64..7;
    prop_oneof![
        3 => (0..FOLDERS.len(), 0u64..3).prop_map(|(at, device)| Step::AddFolder(at, device)),
        1 => (1u64..6).prop_map(Step::RemoveFolder),
        12 => prop::collection::vec(spec(), 0..5).prop_map(Step::Commit),
        6 => prop::collection::vec((1u64..9, prop::option::weighted(0.8, person.clone())), 0..4).prop_map(Step::Assign),
        4 => (person, prop::sample::select(vec!["Ada", "ADA", " Émile ", "", "Grace"]))
            .prop_map(|(person, name)| Step::Name(person, name)),
        2 => (1u64..7, 1u64..7).prop_map(|(into, from)| Step::Merge(into, from)),
        1 => (0..Step::PACKS, prop::sample::select(vec!["starter", "opencv"])).prop_map(|(n, name)| Step::PutPack(n, name)),
        1 => Just(Step::Checkpoint),
        2 => Just(Step::Reopen),
    ]
}
