//! Sorting people out over everything, when there is nothing else to do: a few at once, many some at a time. What else there is to do
//! goes first at any time, and this goes on from where it was.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crossbeam_channel::Receiver;
use vow_store::StoreError;
use vow_types::Stage;

use super::nearby::Near;
use super::{Keeper, Message};
use crate::questions::Opening;

/// Up to this many faces, people are sorted out over everything whenever the daemon falls idle: that takes seconds.
const SMALL: usize = 20_000;
/// Beyond, only after this share of all faces (one in …) was touched; the incremental result is close to it anyway.
const SHARE: usize = 50;

/// What came of those who were sorted out already.
#[derive(Default)]
pub(super) struct Sorting {
    /// What is worth asking about them.
    opening: Opening,
    /// Of the faces that were touched, those that were when this began.
    heeded: usize,
}

impl Keeper {
    /// Sorts people out over everything, unless new work comes in meanwhile: then that goes first.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn settle(&mut self, input: &Receiver<Message>) -> Result<(), StoreError> {
        let progress = Arc::clone(&self.progress);
        let _ticket = progress.closing_ticket();
        self.learn_full_norm()?;
        let index = self.shared.index();
        let more = || !progress.alone() || !input.is_empty() || progress.stopping.load(Ordering::SeqCst);
        loop {
            let was_settled = self.grouping.is_settled();
            let step =
                progress.timed(Stage::Cluster, || self.grouping.settle_some(&Near(&index), &|_| more()));
            let Some(step) = step else { return Ok(()) };
            self.follow(&step.moves)?;
            if was_settled {
                // All at once, by a decision that asked for it.
                self.sorting = None;
                if step.people.is_empty() {
                    self.touched = 0;
                    break;
                }
            }
            let heeded = self.touched;
            let sorting = self.sorting.get_or_insert_with(|| Sorting { heeded, ..Sorting::default() });
            progress.timed(Stage::Cluster, || {
                sorting.opening.take_in(&mut self.grouping, &self.shared, &step.people);
            });
            if step.is_all {
                break;
            }
            if more() {
                return Ok(());
            }
        }
        if let Some(Sorting { opening, heeded }) = self.sorting.take() {
            *self.shared.open.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(opening.finish());
            self.touched = self.touched.saturating_sub(heeded);
        }
        self.grouping.let_go_of_pairs();
        progress.unsettled.store(false, Ordering::SeqCst);
        self.see_whether_settled();
        self.keep();
        if index.crowded() {
            // Saved once it is whole.
            self.rebuild_index();
        } else {
            self.save();
        }
        // Nothing is under way: the moment to make the next start quick, should this one end badly.
        self.store.checkpoint()
    }

    /// So many faces came, left or moved.
    pub(crate) fn touch(&mut self, faces: usize) {
        self.touched += faces;
        self.see_whether_settled();
    }

    /// Notes that people are to be sorted out, when enough was touched.
    pub(super) fn see_whether_settled(&self) {
        let all = self.shared.index().len();
        let is_due = self.touched > 0 && (all <= SMALL || self.touched.saturating_mul(SHARE) >= all);
        if is_due && !self.progress.unsettled.swap(true, Ordering::SeqCst) {
            // Should this end badly, the next start is to know that there is something to do.
            self.withdraw();
        }
    }
}
