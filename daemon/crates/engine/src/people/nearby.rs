//! The index as the people thread keeps it: what comes in, and what is caught up with after a start.
//!
//! After a start without an index, or with one that lacks something, all faces are in it at once and found by comparing
//! all of them; their places in the graph, which take minutes for a large library, are found in portions between the
//! messages of the people thread. Who asks meanwhile gets the same answers or better ones. What was done by then is saved
//! from time to time and at the end ([`super::saving`]), and the next start goes on from there.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use vow_cluster::Neighbours;
use vow_index::FaceIndex;
use vow_store::StoreError;
use vow_types::{Embedding, FaceId, Stage};

use super::{Keeper, People};
use crate::progress::Ticket;

/// More places than these to be found are worth telling.
const LONG: usize = 4096;
/// Places that are found at least before the next message gets its turn: some 15 ms of a quiet machine with 200,000 faces.
const PLACES: usize = 32;
/// Photos whose faces are grouped before the next message gets its turn.
const PHOTOS: usize = 16;
/// Between two lines of the log about it.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The index as grouping sees it.
pub(crate) struct Near<'a>(pub(crate) &'a FaceIndex);

impl Neighbours for Near<'_> {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        self.0.search(of, k)
    }

    fn nearest_to_each(&self, of: &[&Embedding], k: usize) -> Vec<Vec<(FaceId, f32)>> {
        self.0.search_each(of, k)
    }

    fn side_by_side(&self) -> usize {
        self.0.threads().get()
    }
}

/// What is not done yet; the engine is not idle meanwhile.
pub(super) struct CatchingUp {
    _ticket: Ticket,
    begun: Instant,
    told: Instant,
    /// Whether there is so much to do that the log has a line about it.
    is_long: bool,
    /// Whether the index is saved behind it, however little is to be done.
    is_saved_then: bool,
}

impl People {
    pub(super) fn set_index(&self, index: FaceIndex) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
    }
}

impl Keeper {
    /// Adds faces and answers with their embeddings, in the same order, as shares of the index's memory.
    pub(super) fn add_to_index(&mut self, faces: &[(FaceId, &Embedding)]) -> Vec<Embedding> {
        if faces.is_empty() {
            return Vec::new();
        }
        let index = self.shared.index();
        if index.waiting() > 0 || self.saving.is_some() {
            // In line behind the others, or behind what is written. All are compared as long as one waits.
            put(&index, faces);
            self.came += faces.len();
        } else {
            self.unsaved += faces.len();
            told(index.add(faces));
        }
        let share = |(face, own): &(FaceId, &Embedding)| {
            index.embedding(*face).filter(|held| held == *own).unwrap_or_else(|| (*own).clone())
        };
        faces.iter().map(share).collect()
    }

    /// An index without what is hidden takes the old one's place; all its places are found anew from now on.
    pub(super) fn rebuild_index(&mut self) {
        self.shared.set_index(self.shared.index().without_hidden());
        self.fall_behind();
        self.catching_up.iter_mut().for_each(|one| one.is_saved_then = true);
    }

    /// Notes that there is something to catch up with, if there is.
    pub(super) fn fall_behind(&mut self) {
        let (places, photos) = (self.shared.index().waiting(), self.loose.len());
        if self.catching_up.is_some() || (places == 0 && photos == 0) {
            return;
        }
        let is_long = places > LONG;
        if is_long {
            tracing::info!(
                faces = places,
                "the index is built in the background; until then likeness is found by comparing all faces"
            );
        }
        tracing::debug!(places, photos, "to be caught up with");
        let now = Instant::now();
        self.catching_up = Some(CatchingUp {
            _ticket: self.progress.closing_ticket(),
            begun: now,
            told: now,
            is_long,
            is_saved_then: is_long,
        });
    }

    /// Whether there is something to do while nothing comes in.
    pub(super) fn is_behind(&self) -> bool {
        let finds_places = self.saving.is_none() || !self.loose.is_empty();
        self.sharing.is_some() || (self.catching_up.is_some() && finds_places)
    }

    /// Does the next portion of what there is to catch up with: shares of what was saved first, then faces that are in no group.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn catch_up(&mut self) -> Result<(), StoreError> {
        if let Some(from) = self.sharing {
            self.share_some(from);
            return Ok(());
        }
        if !self.loose.is_empty() {
            self.group_loose()?;
        } else if self.find_places() == 0 {
            self.finish_catching_up();
            return Ok(());
        }
        self.save_at_times();
        Ok(())
    }

    /// Groups faces that were stored and in no group when this began.
    fn group_loose(&mut self) -> Result<(), StoreError> {
        let portion = self.loose.split_off(self.loose.len().saturating_sub(PHOTOS));
        let mut fresh = Vec::new();
        for photo in portion.iter().rev() {
            // Its file may have gone since.
            if !self.store.files_of(photo)?.is_empty() {
                self.show(photo, &mut fresh)?;
            }
        }
        self.group(fresh)
    }

    /// Finds the next places in the index; says how many are to be found still.
    fn find_places(&mut self) -> usize {
        let (index, progress) = (self.shared.index(), Arc::clone(&self.progress));
        let before = index.waiting();
        // Twice as many as come in, or there would be no end while photos do.
        let most = PLACES.max(std::mem::take(&mut self.came).saturating_mul(2));
        let left = progress.timed(Stage::Cluster, || index.link(most));
        self.unsaved += before.saturating_sub(left);
        if let Some(one) =
            self.catching_up.as_mut().filter(|one| one.is_long && one.told.elapsed() > TOLD_EVERY)
        {
            one.told = Instant::now();
            tracing::info!(left, of = index.len(), "building the index");
            progress.touch();
        }
        left
    }

    fn finish_catching_up(&mut self) {
        let Some(one) = self.catching_up.take() else { return };
        if one.is_long {
            tracing::info!(seconds = one.begun.elapsed().as_secs(), "the index is whole");
        }
        if one.is_saved_then {
            self.save();
        }
    }
}

/// Puts faces into the index, to be found from now on and placed later.
pub(super) fn put(index: &FaceIndex, faces: &[(FaceId, &Embedding)]) {
    told(index.put(faces));
}

fn told(added: Result<(), vow_index::IndexError>) {
    if let Err(error) = added {
        // Only a vector of another length can do that, and a pack's vectors all have the same; the faces stay in the
        // store and in their groups, they are only not found by likeness.
        tracing::error!(%error, "faces could not be added to the index");
    }
}
