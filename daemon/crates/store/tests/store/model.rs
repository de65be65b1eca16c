//! What the store ought to do, said once more and as plainly as possible: a few maps without any index, and everything
//! found by looking through all of them. Then random histories, store against model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::prelude::*;
use vow_store::{
    Change, Committed, Counts, Decision, FaceRow, FileRow, FileState, Folder, JournalEntry, Lengths,
    PersonRow, PhotoRow, Store, WholeFace,
};
use vow_types::{ContentId, Embedding, FaceId, FolderId, PackId, PersonId};

use crate::events::Heard;
use crate::medium::Memory;
use crate::samples::{self, pack, photo};
use crate::steps::{Done, Step, apply_to_store, step};
use crate::verify::findings;

/// All there is to know of a store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) folders: Vec<Folder>,
    pub(crate) files: BTreeMap<PathBuf, FileRow>,
    pub(crate) photos: BTreeMap<ContentId, PhotoRow>,
    pub(crate) analyses: BTreeMap<(ContentId, PackId), Vec<FaceId>>,
    pub(crate) faces: BTreeMap<FaceId, (FaceRow, Embedding, Option<PersonId>)>,
    pub(crate) people: BTreeMap<PersonId, PersonRow>,
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) packs: BTreeMap<PackId, String>,
    pub(crate) next_person: PersonId,
}

/// The store's state, and what of it shows only later.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) state: State,
    next_folder: u64,
    next_face: u64,
    decided: BTreeSet<PersonId>,
}

impl Model {
    pub(crate) fn new() -> Self {
        let state = State {
            folders: Vec::new(),
            files: BTreeMap::new(),
            photos: BTreeMap::new(),
            analyses: BTreeMap::new(),
            faces: BTreeMap::new(),
            people: BTreeMap::new(),
            journal: Vec::new(),
            packs: BTreeMap::new(),
            next_person: PersonId(1),
        };
        Self { state, next_folder: 1, next_face: 1, decided: BTreeSet::new() }
    }

    pub(crate) fn add_folder(&mut self, path: &str, device: u64, now: i64) -> (Folder, bool) {
        if let Some(known) = self.state.folders.iter().find(|folder| folder.path == *path) {
            return (known.clone(), false);
        }
        let folder = Folder { id: FolderId(self.next_folder), path: path.into(), device, added: now };
        self.next_folder += 1;
        self.state.folders.push(folder.clone());
        (folder, true)
    }

    pub(crate) fn remove_folder(&mut self, id: FolderId) -> Committed {
        let before = self.state.times();
        if self.state.folders.iter().any(|folder| folder.id == id) {
            self.state.folders.retain(|folder| folder.id != id);
            self.state.files.retain(|_, file| file.folder != id);
        }
        self.net(&before, Vec::new())
    }

    /// `None`: refused.
    pub(crate) fn commit(&mut self, changes: Vec<Change>) -> Option<Committed> {
        let mut next = self.clone();
        let before = next.state.times();
        let mut analysed = Vec::new();
        for change in changes {
            match change {
                Change::Gone { path } => {
                    next.state.files.remove(&path);
                }
                Change::Known { file } => {
                    if matches!(&file.state, FileState::Shows { photo, .. } if !next.state.photos.contains_key(photo))
                    {
                        return None;
                    }
                    next.put(file)?;
                }
                Change::Analysed { file, photo, pack, faces } => {
                    let key = (photo.content, pack);
                    next.state.photos.entry(photo.content).or_insert(photo);
                    if !next.state.analyses.contains_key(&key) {
                        let mut ids = Vec::new();
                        for face in faces {
                            let id = FaceId(next.next_face);
                            next.next_face += 1;
                            let (detection, quality, norm) = (face.detection, face.quality, face.norm);
                            let row = FaceRow { id, photo: key.0, pack, detection, quality, norm };
                            next.state.faces.insert(id, (row, face.embedding, None));
                            ids.push(id);
                        }
                        next.state.analyses.insert(key, ids);
                    }
                    if !analysed.contains(&key) {
                        analysed.push(key);
                    }
                    next.put(file)?;
                }
            }
        }
        *self = next;
        Some(self.net(&before, analysed))
    }

    fn put(&mut self, mut file: FileRow) -> Option<()> {
        let Some(folder) = self.state.folders.iter().find(|folder| folder.id == file.folder) else {
            return Some(());
        };
        if !file.path.starts_with(&folder.path) {
            return None;
        }
        if let Some(old) = self.state.files.get(&file.path)
            && let (FileState::Failed { tries: before, .. }, FileState::Failed { tries, .. }) =
                (&old.state, &mut file.state)
            && (old.size, old.mtime_ns, old.inode) == (file.size, file.mtime_ns, file.inode)
        {
            *tries += before;
        }
        self.state.files.insert(file.path.clone(), file);
        Some(())
    }

    fn net(
        &self,
        before: &BTreeMap<ContentId, Option<i64>>,
        analysed: Vec<(ContentId, PackId)>,
    ) -> Committed {
        let now = self.state.times();
        let analysed = analysed.into_iter().filter(|(photo, _)| now.contains_key(photo));
        let only = |these: &BTreeMap<ContentId, Option<i64>>, others: &BTreeMap<ContentId, Option<i64>>| {
            these.keys().filter(|photo| !others.contains_key(photo)).copied().collect()
        };
        let redated = now.iter().filter(|(photo, time)| before.get(photo).is_some_and(|old| old != *time));
        Committed {
            analysed: analysed.map(|key| (key.0, self.state.analyses[&key].clone())).collect(),
            appeared: only(&now, before),
            vanished: only(before, &now),
            redated: redated.map(|(photo, _)| *photo).collect(),
        }
    }

    /// Whether it was done; otherwise it was refused.
    pub(crate) fn assign(&mut self, moves: &[(FaceId, Option<PersonId>)], now: i64) -> bool {
        if moves.iter().any(|(face, _)| !self.state.faces.contains_key(face)) {
            return false;
        }
        for (face, person) in moves {
            self.state.faces.get_mut(face).unwrap().2 = *person;
            if let Some(id) = *person {
                let row = PersonRow { id, name: None, hidden: false, cover: None, created: now };
                self.state.people.entry(id).or_insert(row);
                self.state.next_person = self.state.next_person.max(PersonId(id.0 + 1));
            }
        }
        let having: BTreeSet<PersonId> = self.state.faces.values().filter_map(|face| face.2).collect();
        self.state.people.retain(|id, _| having.contains(id) || self.decided.contains(id));
        true
    }

    /// `None`: refused.
    pub(crate) fn name_person(&mut self, person: PersonId, name: &str, now: i64) -> Option<PersonRow> {
        let row = self.state.people.get_mut(&person)?;
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        if row.name != name {
            let before = std::mem::replace(&mut row.name, name.clone());
            let seq = self.state.journal.len() as u64 + 1;
            let decision = Decision::Named { person, name, before };
            self.state.journal.push(JournalEntry { seq, at: now, decision, known_by: Vec::new() });
            self.decided.insert(person);
        }
        Some(row.clone())
    }

    /// Everything of the second is the first's. Whether it was done; otherwise it was refused.
    pub(crate) fn merge(&mut self, into: PersonId, from: PersonId, now: i64) -> bool {
        if into == from || [into, from].iter().any(|person| !self.state.people.contains_key(person)) {
            return false;
        }
        let mut moved = Vec::new();
        for (face, (_, _, person)) in self.state.faces.iter_mut().filter(|(_, face)| face.2 == Some(from)) {
            *person = Some(into);
            moved.push(*face);
        }
        self.decided.insert(into);
        self.decided.remove(&from);
        self.state.people.remove(&from);
        let seq = self.state.journal.len() as u64 + 1;
        let decision = Decision::Merged { into, from: vec![(from, moved.clone())], together: Vec::new() };
        self.state.journal.push(JournalEntry { seq, at: now, decision, known_by: vec![(into, moved)] });
        true
    }
}

impl State {
    fn shown(&self) -> BTreeSet<ContentId> {
        let shown = |file: &FileRow| match file.state {
            FileState::Shows { photo, .. } => Some(photo),
            FileState::Failed { .. } => None,
        };
        self.files.values().filter_map(shown).collect()
    }

    /// Every photo with a file, and when it was taken by the first of its files that says so.
    fn times(&self) -> BTreeMap<ContentId, Option<i64>> {
        let mut files: Vec<&FileRow> = self.files.values().collect();
        files.sort_by_key(|file| file.path.as_os_str().as_encoded_bytes());
        let mut times: BTreeMap<ContentId, Option<i64>> = BTreeMap::new();
        for file in files {
            if let FileState::Shows { photo, taken, .. } = file.state {
                let time = times.entry(photo).or_default();
                *time = time.or(taken);
            }
        }
        times
    }

    fn counts(&self, pack: PackId) -> Counts {
        let shown = self.shown();
        let analysed = self.analyses.iter().filter(|((photo, by), _)| *by == pack && shown.contains(photo));
        Counts {
            files: self.files.len() as u64,
            photos: shown.len() as u64,
            analysed: analysed.clone().count() as u64,
            faces: analysed.map(|(_, faces)| faces.len() as u64).sum(),
            failures: self
                .files
                .values()
                .filter(|file| matches!(file.state, FileState::Failed { .. }))
                .count() as u64,
        }
    }
}

/// Everything that the store says, asked in every way there is; the ways must agree with one another.
pub(crate) fn everything(store: &Store) -> State {
    let mut state = Model::new().state;
    state.folders = store.folders().unwrap();
    state.next_person = store.next_person().unwrap();
    state.journal = store.journal(0, usize::MAX).unwrap();
    state.packs = store.packs().unwrap().into_iter().collect();
    state.people = store.people().unwrap().into_iter().map(|row| (row.id, row)).collect();
    for (_, path) in samples::paths() {
        state.files.extend(store.file(&path).unwrap().map(|file| (path, file)));
    }
    for n in 0..Step::PHOTOS {
        state.photos.extend(store.photo(&photo(n)).unwrap().map(|row| (photo(n), row)));
        for p in 0..Step::PACKS {
            let faces = store.analysis(&photo(n), pack(p)).unwrap();
            let rows = store.faces_of(&photo(n), pack(p)).unwrap();
            assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), faces.clone().unwrap_or_default());
            state.analyses.extend(faces.map(|faces| ((photo(n), pack(p)), faces)));
        }
    }
    let shown = state.shown();
    for p in 0..Step::PACKS {
        let mut last = None;
        store
            .for_each_face(pack(p), &mut |face| {
                let WholeFace { row, embedding, person, coded, shown: is_shown, taken } = face;
                assert!(last < Some(row.id), "in order");
                last = Some(row.id);
                assert_eq!(is_shown, shown.contains(&row.photo));
                assert_eq!(taken, state.times().get(&row.photo).copied().flatten());
                assert_eq!(store.face(row.id).unwrap(), Some(row));
                assert_eq!(store.embedding(row.id).unwrap().as_ref(), Some(&embedding));
                assert_eq!(store.person_of(row.id).unwrap(), person);
                assert_eq!(row.pack, pack(p));
                assert_eq!(store.photo(&row.photo).unwrap().map(|photo| photo.coded), Some(coded));
                state.faces.insert(row.id, (row, embedding, person));
            })
            .unwrap();
        assert_eq!(store.counts(pack(p)).unwrap(), state.counts(pack(p)));
    }
    agree(store, &state);
    assert_eq!(Heard::from(store), Heard::of(&state), "what was told leads to the same");
    assert_eq!(findings(store, Lengths::new()), [], "all of it fits together");
    state
}

/// The ways that lead back agree with those that lead there.
fn agree(store: &Store, state: &State) {
    let analysed: BTreeSet<FaceId> = state.analyses.values().flatten().copied().collect();
    assert_eq!(analysed, state.faces.keys().copied().collect());
    for n in 0..Step::PHOTOS {
        let files: Vec<FileRow> = state
            .files
            .values()
            .filter(|file| matches!(file.state, FileState::Shows { photo: shown, .. } if shown == photo(n)))
            .cloned()
            .collect();
        assert_eq!(sorted(store.files_of(&photo(n)).unwrap()), sorted(files));
    }
    for folder in &state.folders {
        let files = state.files.values().filter(|file| file.folder == folder.id).cloned().collect();
        assert_eq!(sorted(store.files_in(folder.id).unwrap()), sorted(files));
    }
    let failed = |file: &&FileRow| matches!(file.state, FileState::Failed { .. });
    let failures = sorted(state.files.values().filter(failed).cloned().collect());
    assert_eq!(store.failures(None, usize::MAX).unwrap(), failures);
    let mut paged = Vec::new();
    while let Some(next) =
        store.failures(paged.last().map(|file: &FileRow| file.path.as_path()), 1).unwrap().pop()
    {
        paged.push(next);
    }
    assert_eq!(paged, failures);
    for (id, row) in &state.people {
        assert_eq!(store.person(*id).unwrap().as_ref(), Some(row));
        let faces: Vec<FaceId> =
            state.faces.iter().filter(|(_, face)| face.2 == Some(*id)).map(|(face, _)| *face).collect();
        assert_eq!(store.faces_of_person(*id).unwrap(), faces);
        if let Some(name) = &row.name {
            let alike = |other: &&PersonRow| {
                other.name.as_ref().map(|n| n.to_lowercase()) == Some(name.to_lowercase())
            };
            let namesakes: Vec<PersonRow> = state.people.values().filter(alike).cloned().collect();
            assert_eq!(store.people_named(&name.to_uppercase()).unwrap(), namesakes);
        }
    }
    for (at, entry) in state.journal.iter().enumerate() {
        assert_eq!(store.journal(at as u64, 1).unwrap(), std::slice::from_ref(entry));
    }
    let newest: Vec<JournalEntry> = state.journal.iter().rev().take(3).cloned().collect();
    let mut seen = Vec::new();
    let all = store.journal_backwards(&mut |entry| {
        seen.push(entry);
        seen.len() < 3
    });
    assert_eq!((all.unwrap(), seen), (state.journal.len() as u64, newest));
}

/// In the order of their path's bytes.
fn sorted(mut files: Vec<FileRow>) -> Vec<FileRow> {
    files.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn random_histories_end_as_the_model_says(steps in prop::collection::vec(step(), 1..50)) {
        let memory = Memory::default();
        let mut store = Store::with_backend(memory.clone()).unwrap();
        let mut model = Model::new();
        for step in steps {
            if matches!(step, Step::Reopen) {
                drop(store);
                store = Store::with_backend(memory.clone()).unwrap();
            }
            let expected: Done = step.apply_to_model(&mut model);
            prop_assert_eq!(apply_to_store(&step, &store, &model), expected, "{:?}", step);
            prop_assert_eq!(everything(&store), model.state.clone());
        }
    }
}
