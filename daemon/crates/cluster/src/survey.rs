//! Who is near to whom among all faces: what an exact pass needs first, and by far the most of its time. It may be stopped
//! at any time and goes on from there, though faces came and left meanwhile.
//!
//! It begins with the answers of the last pass. A face that left is missing in the answers of those who had it among theirs;
//! they are asked about anew. A face that came is compared with everybody who was asked about before: where it is near enough to
//! be part of the answer, that face is asked about anew too, which are as many in the mean as there are neighbours in an answer.
//! So in the end every answer is the one that the index gives now, as if nobody had been asked about before, given an index
//! that finds what is nearest.

use vow_types::Embedding;
use vow_types::num::index;

use crate::edges::Edges;
use crate::faces::{Faces, Slot};
use crate::{Neighbours, Params};

/// Questions to the index that follow each other between two looks at whether to stop: some milliseconds in a large library. Whoever
/// decides something waits for the next look.
const QUESTIONS_PER_LOOK: usize = 2;
/// Comparisons between two looks: about a millisecond.
const COMPARISONS_PER_LOOK: usize = 8_192;
/// By how much the index and this crate may differ about a cosine. A question too many does no harm.
const SLACK: f32 = 1e-4;

/// What changes answers that were given before.
#[derive(Debug)]
pub(crate) enum Change {
    /// A face came.
    Came(Slot),
    /// A weak one left, which those of its kind have no pair with.
    Left(Embedding),
}

/// How far it is.
#[derive(Debug)]
pub(crate) struct Survey {
    edges: Edges,
    /// How many of the changes since it began are done with.
    compared: usize,
    /// Up to which of them everybody is being compared now.
    comparing: usize,
    /// For everybody below this slot that is done.
    at: Slot,
}

impl Survey {
    /// Begins with pairs that were all known once, and changes still to be told.
    pub(crate) fn of(edges: Edges) -> Self {
        Self { edges, compared: 0, comparing: 0, at: 0 }
    }

    /// A face came.
    pub(crate) fn grow(&mut self, slot: Slot) {
        self.edges.grow(slot);
    }

    /// A face left.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.edges.forget(slot);
    }

    /// Whether so many of the changes are still to be compared with everybody that most answers will not stand.
    pub(crate) fn is_outdated(&self, changes: &[Change], params: &Params) -> bool {
        is_too_much(changes.len().saturating_sub(self.compared), &self.edges, params)
    }

    /// Goes on, with the same changes as before and more behind them. `watch` is told of how many faces everything is known,
    /// of so many, and answers whether to stop. True when that is all, false when it said so.
    pub(crate) fn go_on(
        &mut self,
        (faces, changes): (&Faces, &[Change]),
        params: &Params,
        neighbours: &dyn Neighbours,
        watch: &dyn Fn(usize, usize) -> bool,
    ) -> bool {
        if !self.compare(faces, changes, &|| watch(0, faces.count())) {
            return false;
        }
        for (slot, _) in faces.iter().filter(|(slot, _)| self.edges.is_stale(*slot)).collect::<Vec<_>>() {
            self.edges.take_back(slot);
        }
        let unknown: Vec<Slot> =
            faces.iter().map(|(slot, _)| slot).filter(|slot| !self.edges.is_asked(*slot)).collect();
        for some in unknown.chunks(questions_per_look(neighbours)) {
            if watch(self.edges.asked(), faces.count()) {
                return false;
            }
            self.edges.ask(some, faces, params, neighbours, |_, _| {});
        }
        true
    }

    /// Takes back every answer that one of the changes concerns. False when `stop` said so.
    fn compare(&mut self, faces: &Faces, changes: &[Change], stop: &dyn Fn() -> bool) -> bool {
        let mut left = COMPARISONS_PER_LOOK;
        while self.compared < changes.len() {
            if self.comparing == self.compared {
                (self.comparing, self.at) = (changes.len(), 0);
            }
            let round = changes.get(self.compared..self.comparing).unwrap_or_default();
            while index(self.at) < faces.slots() {
                if left == 0 {
                    if stop() {
                        return false;
                    }
                    left = COMPARISONS_PER_LOOK;
                }
                left = left.saturating_sub(round.len());
                if concerns(round, self.at, &self.edges, faces) {
                    self.edges.take_back(self.at);
                }
                self.at = self.at.saturating_add(1);
            }
            self.compared = self.comparing;
        }
        true
    }

    /// The pairs, which are all known.
    pub(crate) fn edges(&self) -> &Edges {
        &self.edges
    }

    pub(crate) fn into_edges(self) -> Edges {
        self.edges
    }
}

/// Questions between two looks at whether to stop.
pub(crate) fn questions_per_look(neighbours: &dyn Neighbours) -> usize {
    QUESTIONS_PER_LOOK.saturating_mul(neighbours.side_by_side().max(1))
}

/// Whether one of these changes concerns the answer that a face had.
fn concerns(changes: &[Change], slot: Slot, edges: &Edges, faces: &Faces) -> bool {
    let (Some(enough), Some(face)) = (edges.enough(slot), faces.get(slot)) else { return false };
    let is_near = |other: &Embedding| face.embedding.cosine(other) >= enough - SLACK;
    changes.iter().any(|change| match change {
        // It was there to be found if it is in the answer.
        Change::Came(new) if *new != slot => {
            faces.get(*new).is_some_and(|new| is_near(&new.embedding)) && !edges.is_own(slot, *new)
        }
        Change::Came(_) => false,
        Change::Left(embedding) => !face.strong && is_near(embedding),
    })
}

/// Whether so many changes leave little of what is known.
pub(crate) fn is_too_much(changes: usize, known: &Edges, params: &Params) -> bool {
    changes.saturating_mul(params.neighbours) > known.asked()
}
