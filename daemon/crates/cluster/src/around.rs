//! Who is around a group, so that its best partner is found without scoring everyone.
//!
//! A person seen ten thousand times is surrounded by thousands of single faces that are still to join, and grows face
//! by face: scoring all of them at every step would take the square of that. A single face does not change, and its
//! product with the group's sum cannot grow by more than the length of what the sum changed by. So its last product is a
//! bound on the next ones, and only faces whose bound reaches the best score known are scored again. Groups around a
//! group are few and change themselves; they are scored every time.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

use vow_types::room_for;

use crate::faces::Slot;

/// Above any rounding of the bounds, and of the components of unit vectors.
const SLACK: f32 = 1.001;

/// The surroundings of one group of many faces.
#[derive(Debug, Default)]
pub(crate) struct Around {
    /// Faces in groups of two or more; several may stand for one group.
    pub(crate) grouped: Vec<Slot>,
    /// Length of `grouped` when it last held every group once.
    tidy: usize,
    /// Single faces, each once, the highest bound first.
    single: BinaryHeap<Bound>,
    known: HashSet<Slot>,
    /// How much the group's sum changed: the sum of the lengths of what was added and taken off.
    grown: f32,
}

/// A single face, with its product with the group's sum less what the sum had grown by when it was taken.
#[derive(Debug)]
struct Bound {
    key: f32,
    slot: Slot,
}

impl Around {
    /// Takes in a face of another group. True when the list should be read through, to drop what is there twice.
    pub(crate) fn add_grouped(&mut self, slot: Slot) -> bool {
        room_for(&mut self.grouped, 1);
        self.grouped.push(slot);
        self.grouped.len() > self.tidy + self.tidy / 2 + 64
    }

    /// Says that `grouped` holds every group once.
    pub(crate) fn is_tidy(&mut self) {
        self.tidy = self.grouped.len();
    }

    /// Takes in a single face; it is scored at the next opportunity.
    pub(crate) fn add_single(&mut self, slot: Slot) {
        if self.known.insert(slot) {
            self.single.push(Bound { key: f32::INFINITY, slot });
        }
    }

    /// Forgets faces that go for ever, or are not near any more.
    pub(crate) fn remove(&mut self, slots: &HashSet<Slot>) {
        if slots.is_empty() {
            return;
        }
        self.grouped.retain(|slot| !slots.contains(slot));
        let before = self.known.len();
        for slot in slots {
            self.known.remove(slot);
        }
        if self.known.len() < before {
            self.single.retain(|bound| !slots.contains(&bound.slot));
        }
    }

    /// Keeps the single faces that `keep` says, and no more memory than that takes.
    pub(crate) fn retain_singles(&mut self, mut keep: impl FnMut(Slot) -> bool) {
        self.known.retain(|slot| keep(*slot));
        self.single.retain(|bound| self.known.contains(&bound.slot));
        self.known.shrink_to_fit();
        self.single.shrink_to_fit();
        self.grouped.shrink_to_fit();
    }

    /// The group's sum is another one: by no more than this length.
    pub(crate) fn moved(&mut self, length: f32) {
        self.grown += length * SLACK;
    }

    /// The group takes another one in, whose sum has this length.
    pub(crate) fn absorb(&mut self, mut other: Self, length: f32) {
        self.moved(length);
        if self.grouped.len() < other.grouped.len() {
            std::mem::swap(&mut self.grouped, &mut other.grouped);
        }
        self.grouped.append(&mut other.grouped);
        for slot in other.known {
            self.add_single(slot);
        }
    }

    /// Goes through the single faces that may score at least `bar`. `score` gives a face's product with the group's
    /// sum and the bar from then on, or `None` when the face is no longer single; `factor` takes products to scores.
    pub(crate) fn visit_singles(
        &mut self,
        factor: f32,
        mut bar: f32,
        mut score: impl FnMut(Slot) -> Option<(f32, f32)>,
    ) {
        let mut visited = Vec::new();
        while let Some(top) = self.single.peek() {
            if (top.key + self.grown) * factor * SLACK < bar {
                break;
            }
            let Some(Bound { slot, .. }) = self.single.pop() else { break };
            match score(slot) {
                Some((product, next)) => {
                    visited.push(Bound { key: product - self.grown, slot });
                    bar = next;
                }
                None => {
                    self.known.remove(&slot);
                }
            }
        }
        self.single.extend(visited);
    }
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.total_cmp(&other.key).then_with(|| other.slot.cmp(&self.slot))
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Bound {}
