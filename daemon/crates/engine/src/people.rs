//! The people thread: keeps index, grouping and roster up to date with what was committed, and sorts people out over
//! everything when there is nothing else to do. All it holds is derived from the store.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use vow_cluster::{Grouping, Move, Neighbours, Observation, Params};
use vow_index::FaceIndex;
use vow_store::{FaceRow, PersonRow, Store, StoreError, WholeFace};
use vow_types::{ContentId, Embedding, FaceId, PackId, PersonId, QualityGate, Size, Stage, num};

use crate::analyse::side_in_frame;
use crate::commit::Stored;
use crate::progress::{Progress, now};
use crate::roster::Roster;

/// Up to this many faces, people are sorted out over everything whenever the daemon falls idle: that takes seconds.
const SMALL: usize = 20_000;
/// Beyond, only after this share of all faces (one in …) was touched; the incremental result is close to it anyway.
const SHARE: usize = 50;
/// More faces than this that are not in the snapshot of the index, and more than one in so many of all, and it is written
/// anew though there is more to do: after a kill the next start has to find the places of the others, a few thousand a second.
const UNSAVED: usize = 4096;
const UNSAVED_SHARE: usize = 16;
/// How long to wait for the rest of the daemon to fall idle before looking again whether it has.
const PATIENCE: Duration = Duration::from_millis(50);
/// The same while files wait and none is on its way: that may take hours, and whatever ends it is followed by a message.
const STANDSTILL: Duration = Duration::from_secs(10);

/// What a people thread and its readers share.
pub(crate) struct People {
    pub(crate) roster: RwLock<Roster>,
    index: RwLock<Arc<FaceIndex>>,
}

/// The thread's own state.
pub(crate) struct Keeper {
    shared: Arc<People>,
    store: Store,
    progress: Arc<Progress>,
    grouping: Grouping,
    pack: PackId,
    dimension: usize,
    judge: Judge,
    snapshot: PathBuf,
    touched: usize,
    /// Faces by which the index differs from its snapshot, about.
    unsaved: usize,
}

/// What must be known of the pack to group its faces.
pub(crate) struct PackFacts {
    pub(crate) id: PackId,
    pub(crate) dimension: u32,
    pub(crate) params: Params,
    pub(crate) gate: QualityGate,
    pub(crate) shapes: Vec<Size>,
}

/// Says which faces are good enough to found a person.
struct Judge {
    gate: QualityGate,
    shapes: Vec<Size>,
}

impl Judge {
    /// `coded`: the size of the photo as coded, as far as it is known.
    fn observation(&self, row: &FaceRow, embedding: Embedding, coded: Option<Size>) -> Observation {
        let side = coded.map_or(0.0, |coded| side_in_frame(row.detection.bbox, coded, &self.shapes));
        let QualityGate { min_face, min_score, min_quality, full_norm: _ } = self.gate;
        let strong = side >= min_face && row.detection.score >= min_score && row.quality >= min_quality;
        Observation { face: row.id, photo: row.photo, embedding, strong }
    }
}

impl People {
    pub(crate) fn index(&self) -> Arc<FaceIndex> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn read(&self) -> std::sync::RwLockReadGuard<'_, Roster> {
        self.roster.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> std::sync::RwLockWriteGuard<'_, Roster> {
        self.roster.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the people thread is told.
pub(crate) enum Message {
    /// A transaction of photos.
    Stored(Stored),
    /// A human gives a name (empty: takes it away); asked here so that the person cannot be merged away meanwhile.
    Name { person: PersonId, name: String, reply: Sender<Result<PersonRow, NameError>> },
}

/// Why a name was not given.
pub(crate) enum NameError {
    /// There is no such person, or no longer.
    Unknown,
    Store(StoreError),
}

struct Near<'a>(&'a FaceIndex);

impl Neighbours for Near<'_> {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        self.0.search(of, k)
    }
}

impl Keeper {
    /// Rebuilds index, grouping and roster from the store (the index from its snapshot where that fits).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn open(
        store: Store,
        progress: Arc<Progress>,
        pack: PackFacts,
        snapshot: PathBuf,
    ) -> Result<Self, StoreError> {
        let dimension = num::index(pack.dimension);
        let index = match FaceIndex::load(&snapshot, &pack.id.0) {
            Ok(Some(index)) => index,
            Ok(None) => FaceIndex::new(dimension, SMALL),
            Err(error) => {
                tracing::warn!(%error, "the saved index is of no use and is built anew");
                FaceIndex::new(dimension, SMALL)
            }
        };
        let shared =
            Arc::new(People { roster: RwLock::new(Roster::default()), index: RwLock::new(Arc::new(index)) });
        let next = store.next_person()?;
        let mut keeper = Self {
            shared,
            grouping: Grouping::new(pack.params, next),
            store,
            progress,
            pack: pack.id,
            dimension,
            judge: Judge { gate: pack.gate, shapes: pack.shapes },
            snapshot,
            touched: 0,
            unsaved: 0,
        };
        keeper.restore()?;
        Ok(keeper)
    }

    pub(crate) fn shared(&self) -> Arc<People> {
        Arc::clone(&self.shared)
    }

    fn restore(&mut self) -> Result<(), StoreError> {
        let Self { shared, store, grouping, judge, .. } = self;
        for row in store.people()? {
            grouping.name(row.id, row.name.is_some());
            shared.write().rename(&row);
        }
        let (mut loose, mut missing, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
        let index = shared.index();
        let mut roster = shared.write();
        store.for_each_face(self.pack, &mut |WholeFace { row, embedding, person, coded, shown }| {
            if !shown {
                if index.contains(row.id) {
                    hidden.push(row.id);
                }
                return;
            }
            if !index.contains(row.id) {
                missing.push((row.id, embedding.clone()));
            }
            let Some(person) = person else {
                loose.push((row, embedding));
                return;
            };
            roster.show(row.id, row.photo);
            roster.apply(&[Move { face: row.id, person: Some(person) }]);
            grouping.restore(judge.observation(&row, embedding, Some(coded)), Some(person));
        })?;
        drop(roster);
        index.hide(&hidden);
        self.add_to_index(&missing);
        tracing::debug!(loose = loose.len(), "faces that were stored but not grouped");
        self.group(loose)
    }

    /// Works until the channel is closed; then saves the index.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(crate) fn run(mut self, input: &Receiver<Message>) -> Result<(), StoreError> {
        loop {
            let unsettled = self.progress.unsettled.load(Ordering::SeqCst);
            let next = if unsettled {
                input.recv_timeout(if self.progress.stands_still() { STANDSTILL } else { PATIENCE })
            } else {
                input.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(Message::Stored(stored)) => {
                    self.take(&stored)?;
                    drop(stored); // its tickets end here
                }
                Ok(Message::Name { person, name, reply }) => {
                    let answer = self.name(person, &name);
                    // Whoever asked may have gone away; the name is given all the same.
                    let _ = reply.send(answer);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.progress.unsettled.load(Ordering::SeqCst) && self.progress.quiet() && input.is_empty() {
                self.settle(input)?;
            }
        }
        self.save();
        Ok(())
    }

    fn name(&mut self, person: PersonId, name: &str) -> Result<PersonRow, NameError> {
        if !self.shared.read().exists(person) {
            return Err(NameError::Unknown);
        }
        let row = self.store.name_person(person, name, now()).map_err(NameError::Store)?;
        self.grouping.name(person, row.name.is_some());
        self.shared.write().rename(&row);
        self.progress.touch();
        Ok(row)
    }

    /// Follows one transaction.
    fn take(&mut self, stored: &Stored) -> Result<(), StoreError> {
        let progress = Arc::clone(&self.progress);
        progress.timed(Stage::Cluster, || {
            for photo in &stored.committed.vanished {
                self.hide(photo)?;
            }
            let analysed = stored.committed.analysed.iter().map(|(photo, _)| photo);
            let mut fresh = Vec::new();
            for photo in stored.committed.appeared.iter().chain(analysed) {
                self.show(photo, &mut fresh)?;
            }
            self.group(fresh)
        })?;
        if self.unsaved > UNSAVED.max(self.shared.index().len() / UNSAVED_SHARE) {
            self.save();
        }
        Ok(())
    }

    fn hide(&mut self, photo: &ContentId) -> Result<(), StoreError> {
        if !self.store.files_of(photo)?.is_empty() {
            return Ok(()); // a later transaction brought it back already
        }
        let faces = self.store.faces_of(photo, self.pack)?;
        let ids: Vec<FaceId> =
            faces.iter().map(|row| row.id).filter(|id| self.shared.read().contains(*id)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.shared.index().hide(&ids);
        self.unsaved += ids.len();
        let moves = self.grouping.remove(&ids);
        // The store remembers who the hidden faces were, so that a remounted disk brings everyone back as they were.
        let (gone, moved): (Vec<Move>, Vec<Move>) =
            moves.into_iter().partition(|step| ids.contains(&step.face));
        drop(gone);
        self.record(&moved)?;
        let mut roster = self.shared.write();
        ids.iter().for_each(|id| roster.hide(*id));
        drop(roster);
        self.touch(ids.len());
        Ok(())
    }

    /// Shows a photo's faces; those who belonged to somebody before belong to them again, the others are `fresh`.
    fn show(&mut self, photo: &ContentId, fresh: &mut Vec<(FaceRow, Embedding)>) -> Result<(), StoreError> {
        let mut back = Vec::new();
        for row in self.store.faces_of(photo, self.pack)? {
            if self.shared.read().contains(row.id) || fresh.iter().any(|(other, _)| other.id == row.id) {
                continue;
            }
            let Some(embedding) = self.store.embedding(row.id)? else { continue };
            match self.store.person_of(row.id)? {
                Some(person) => back.push((row, embedding, person)),
                None => fresh.push((row, embedding)),
            }
        }
        if back.is_empty() {
            return Ok(());
        }
        let seen: Vec<_> = back.iter().map(|(row, embedding, _)| (row.id, embedding.clone())).collect();
        self.add_to_index(&seen);
        self.touch(back.len());
        for (row, embedding, person) in back {
            let face = Move { face: row.id, person: Some(person) };
            let observation = self.observation(&row, embedding)?;
            self.grouping.restore(observation, Some(person));
            let mut roster = self.shared.write();
            roster.show(row.id, row.photo);
            roster.apply(&[face]);
        }
        Ok(())
    }

    /// Groups faces that have never been grouped.
    fn group(&mut self, fresh: Vec<(FaceRow, Embedding)>) -> Result<(), StoreError> {
        if fresh.is_empty() {
            return Ok(());
        }
        let seen: Vec<_> = fresh.iter().map(|(row, embedding)| (row.id, embedding.clone())).collect();
        self.add_to_index(&seen);
        self.touch(fresh.len());
        let rows: Vec<(FaceId, ContentId)> = fresh.iter().map(|(row, _)| (row.id, row.photo)).collect();
        let mut observations = Vec::with_capacity(fresh.len());
        for (row, embedding) in fresh {
            observations.push(self.observation(&row, embedding)?);
        }
        let index = self.shared.index();
        let moves = self.grouping.add(observations, &Near(&index));
        self.record(&moves)?;
        let mut roster = self.shared.write();
        for (face, photo) in rows {
            roster.show(face, photo);
        }
        roster.apply(&moves);
        Ok(())
    }

    /// Sorts people out over everything, unless new work comes in meanwhile: then that goes first.
    fn settle(&mut self, input: &Receiver<Message>) -> Result<(), StoreError> {
        let progress = Arc::clone(&self.progress);
        let _ticket = progress.closing_ticket();
        let index = self.shared.index();
        let more = || !progress.alone() || !input.is_empty() || progress.stopping.load(Ordering::SeqCst);
        let moves = progress.timed(Stage::Cluster, || self.grouping.settle(&Near(&index), &more));
        let Some(moves) = moves else { return Ok(()) };
        self.record(&moves)?;
        self.shared.write().apply(&moves);
        if index.crowded() {
            self.rebuild_index()?;
        }
        self.touched = 0;
        progress.unsettled.store(false, Ordering::SeqCst);
        self.save();
        // Nothing is under way: the moment to make the next start quick, should this one end badly.
        self.store.checkpoint()
    }

    fn rebuild_index(&mut self) -> Result<(), StoreError> {
        let fresh = Arc::new(FaceIndex::new(self.dimension, self.shared.index().len()));
        let mut faces = Vec::new();
        self.store.for_each_face(self.pack, &mut |face| {
            if face.shown {
                faces.push((face.row.id, face.embedding));
            }
        })?;
        *self.shared.index.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        self.add_to_index(&faces);
        Ok(())
    }

    fn add_to_index(&mut self, faces: &[(FaceId, Embedding)]) {
        let refs: Vec<(FaceId, &Embedding)> = faces.iter().map(|(id, embedding)| (*id, embedding)).collect();
        if refs.is_empty() {
            return;
        }
        self.unsaved += refs.len();
        if let Err(error) = self.shared.index().add(&refs) {
            // Only a vector of another length can do that, and a pack's vectors all have the same; the faces stay in the
            // store and in their groups, they are only not found by likeness.
            tracing::error!(%error, "faces could not be added to the index");
        }
    }

    /// Writes who belongs to whom.
    fn record(&self, moves: &[Move]) -> Result<(), StoreError> {
        if moves.is_empty() {
            return Ok(());
        }
        let rows: Vec<(FaceId, Option<PersonId>)> =
            moves.iter().map(|step| (step.face, step.person)).collect();
        self.store.assign(&rows, now())
    }

    fn observation(&self, row: &FaceRow, embedding: Embedding) -> Result<Observation, StoreError> {
        let coded = self.store.photo(&row.photo)?.map(|photo| photo.coded);
        Ok(self.judge.observation(row, embedding, coded))
    }

    fn touch(&mut self, faces: usize) {
        self.touched += faces;
        let all = self.shared.index().len();
        if all <= SMALL || self.touched * SHARE >= all {
            self.progress.unsettled.store(true, Ordering::SeqCst);
        }
    }

    fn save(&mut self) {
        if self.unsaved == 0 {
            return;
        }
        match self.shared.index().save(&self.snapshot, &self.pack.0) {
            Ok(()) => self.unsaved = 0,
            Err(error) => {
                tracing::warn!(%error, "the index could not be saved; the next start builds it anew")
            }
        }
    }
}
