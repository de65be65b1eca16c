//! How the people thread's state comes back from the store when the daemon starts. Nothing here finds places in the index
//! or groups anybody: what is missing is noted and caught up with later ([`super::nearby`]), so that a start takes no longer
//! when the index is gone.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Instant;

use vow_cluster::{Grouping, Move};
use vow_index::FaceIndex;
use vow_store::{PersonRow, Standing, Store, StoreError, WholeFace};
use vow_tables::Held;
use vow_types::{PersonId, num};

use super::kept::Grouped;
use super::nearby::put;
use super::{Keeper, PackFacts, People};
use crate::carry::Elsewhere;
use crate::decide::standing;
use crate::progress::Progress;
use crate::roster::{Roster, Shown};
use crate::rulings::{self, Rulings};

/// Faces that are taken in at once where the index has most of them. The libraries of tests are small.
const BLOCK: usize = if cfg!(test) { 5 } else { 1024 };
/// And where it has none: their vectors lie together, in pieces that are large enough to lie in files (8 MiB of 128 components), and
/// not too many, since each is an open file.
const LARGE_BLOCK: usize = if cfg!(test) { 16 } else { 32_768 };

/// Faces that can be seen.
#[derive(Default)]
struct Seen {
    all: usize,
    grouped: Grouped,
    /// Of which the index has other vectors than the store.
    strange: usize,
}

impl Keeper {
    /// Rebuilds index, grouping and roster from the store (the index from its snapshot where that fits). Faces that are in
    /// no group, and those that are not in the snapshot, are caught up with by the thread later. What the index can do side by side it
    /// does on so many `threads`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn open(
        store: Store,
        progress: Arc<Progress>,
        pack: PackFacts,
        snapshot: PathBuf,
        threads: NonZeroUsize,
    ) -> Result<Self, StoreError> {
        let (id, params, dimension) = (pack.id, pack.params, num::index(pack.dimension));
        let empty = || FaceIndex::new(dimension, 0).with_threads(threads);
        let index = match FaceIndex::load(&snapshot, &pack.id.0) {
            Ok(Some(index)) => index.with_threads(threads),
            Ok(None) => empty(),
            Err(error) => {
                tracing::warn!(%error, "the saved index is of no use and is built anew");
                empty()
            }
        };
        let full_norm = match pack.gate.full_norm {
            Some(stated) => Some(stated),
            None => store.full_norm(pack.id)?,
        };
        let shared = Arc::new(People {
            roster: RwLock::new(Roster::default()),
            index: RwLock::new(Arc::new(index)),
            rulings: RwLock::default(),
            groups: AtomicUsize::new(0),
            open: RwLock::default(),
            learned: RwLock::default(),
            full_norm: full_norm.map_or_else(OnceLock::new, OnceLock::from),
            pack,
        });
        let next = store.next_person()?;
        let mut keeper = Self {
            shared,
            grouping: Grouping::new(params, next),
            store,
            progress,
            pack: id,
            snapshot,
            elsewhere: Elsewhere::default(),
            touched: 0,
            sorting: None,
            unsaved: 0,
            loose: Vec::new(),
            catching_up: None,
            came: 0,
            sharing: None,
            saving: None,
            last_saved: Instant::now(),
        };
        if !keeper.restore()? {
            tracing::warn!("the saved index is of another store and is built anew");
            keeper.shared.set_index(empty());
            *keeper.shared.write() = Roster::default();
            keeper.grouping = Grouping::new(params, next);
            keeper.loose.clear();
            keeper.restore()?;
        }
        keeper.group(Vec::new())?;
        keeper.fall_behind();
        keeper.shared.groups.store(keeper.grouping.groups(), Ordering::Relaxed);
        let Held { memory, files } = vow_tables::held();
        tracing::debug!(memory, files, "bytes of large tables in memory, and in files");
        Ok(keeper)
    }

    /// False when the index that is there does not belong to this store.
    fn restore(&mut self) -> Result<bool, StoreError> {
        let rulings = self.hear_everything()?;
        self.elsewhere = self.elsewhere(&rulings)?;
        let params = self.shared.params();
        self.grouping.set_merge_at(params.merge_at, params.calibrated_among);
        self.grouping.retire(rulings.merged());
        for (person, known) in rulings.people() {
            self.grouping.name(person, known.name.is_some());
        }
        let (index, store) = (self.shared.index(), self.store.clone());
        let (mut seen, mut hidden) = (Seen::default(), Vec::new());
        let most = if index.is_empty() { LARGE_BLOCK } else { BLOCK };
        let mut block = Vec::new();
        store.for_each_face(self.pack, &mut |face| {
            if !face.shown || rulings.is_no_face(face.row.id) {
                hidden.extend(Some(face.row.id).filter(|id| index.contains(*id)));
                return;
            }
            block.push(face);
            if block.len() == most {
                self.restore_some(&mut block, &rulings, &mut seen);
            }
        })?;
        self.restore_some(&mut block, &rulings, &mut seen);
        index.hide(&hidden);
        // All vectors were compared with the store's.
        index.let_go();
        if seen.grouped.count > 0 {
            // Where it is not known whether what was stored had been sorted out, nor what is worth asking, all counts as new.
            self.touched = self.recall(seen.grouped).unwrap_or(seen.grouped.count);
            self.see_whether_settled();
        }
        self.loose.dedup();
        self.loose.reverse();
        // More than there are: some will be given to other faces one day.
        Ok(seen.strange == 0 && index.len() <= seen.all)
    }

    /// Takes in some faces that can be seen, and their people.
    fn restore_some(&mut self, block: &mut Vec<WholeFace>, rulings: &Rulings, seen: &mut Seen) {
        let index = self.shared.index();
        put(&index, &block.iter().map(|face| (face.row.id, &face.embedding)).collect::<Vec<_>>());
        let shared = Arc::clone(&self.shared);
        let mut roster = shared.write();
        for WholeFace { row, embedding, person, coded, taken, .. } in block.drain(..) {
            seen.all += 1;
            let held = index.embedding(row.id);
            seen.strange += usize::from(held.as_ref().is_some_and(|held| *held != embedding));
            let embedding = held.filter(|held| *held == embedding).unwrap_or(embedding);
            let Some(person) = person else {
                self.loose.push(row.photo);
                continue;
            };
            let person = rulings.resolve(person);
            seen.grouped.see(row.id);
            let observation = shared.observation(rulings, &row, embedding, Some(coded));
            self.grouping.restore(observation, Some(person));
            let shown = Shown { photo: row.photo, taken, quality: shared.quality(&row) };
            roster.show(row.id, shown, self.grouping.in_photo_with(row.id));
            roster.apply(&[Move { face: row.id, person: Some(person) }]);
        }
        drop(roster);
    }

    /// Reads the journal, and sees to it that the store has people as it says.
    fn hear_everything(&self) -> Result<Arc<Rulings>, StoreError> {
        let journal = self.store.journal(0, usize::MAX)?;
        let rulings = Arc::new(Rulings::read(&journal, &rulings::undone(&journal)));
        let stored: HashMap<PersonId, PersonRow> =
            self.store.people()?.into_iter().map(|row| (row.id, row)).collect();
        let known = |row: &PersonRow| (row.name.clone(), row.hidden, row.cover);
        let said = rulings.people().map(|(person, _)| person);
        let named = stored.values().filter(|row| known(row) != (None, false, None)).map(|row| row.id);
        let everyone: BTreeSet<PersonId> = said.chain(named).collect();
        let standings: Vec<Standing> = everyone.iter().map(|id| standing(*id, &rulings)).collect();
        let differs = |standing: &&Standing| {
            stored.get(&standing.row.id).is_none_or(|row| known(row) != known(&standing.row))
        };
        let wrong: Vec<Standing> = standings.iter().filter(differs).cloned().collect();
        if !wrong.is_empty() {
            tracing::info!(people = wrong.len(), "people are as the journal says again");
            self.store.put_people(&wrong)?;
        }
        let mut roster = self.shared.write();
        standings.iter().for_each(|standing| roster.describe(&standing.row));
        drop(roster);
        self.shared.set_rulings(Arc::clone(&rulings));
        Ok(rulings)
    }
}
