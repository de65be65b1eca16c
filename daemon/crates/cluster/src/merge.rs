//! Merging best first: always the pair with the highest score next, until none reaches the threshold.
//!
//! Scores change when a group grows, in both directions, so every group that changed is scored against all around it.
//! The heap holds one entry per group, for its best partner when it was last scored. An entry that names a group that
//! changed since is out of date; one whose partner changed makes its group be scored again. So for every pair at or
//! above the threshold there is an entry at least as high: the pair is covered by whichever of the two was scored last.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

use vow_types::FaceId;

use crate::Params;
use crate::edges::Edges;
use crate::faces::{Faces, Slot};
use crate::groups::Groups;
use crate::pace::Pace;

/// What merging reads.
#[derive(Clone, Copy)]
pub(crate) struct Space<'a> {
    pub(crate) faces: &'a Faces,
    pub(crate) edges: &'a Edges,
    pub(crate) params: &'a Params,
    /// Sum-link score at or above which two groups are one person.
    pub(crate) bar: f32,
}

/// As [`best_first`], in two steps: single faces that humans said are not somebody come after all others. They are near to
/// that person, and would take faces along.
pub(crate) fn in_two_steps(
    groups: &mut Groups,
    space: Space<'_>,
    active: &[Slot],
    pace: &Pace<'_>,
    before: &mut dyn FnMut(&Groups, Slot, Slot),
) -> bool {
    let (late, first) = without_late(groups, space, active);
    let done = best_first(groups, space, &first, pace, before);
    late.iter().for_each(|slot| groups.enter(*slot, space.edges));
    done && (late.is_empty() || best_first(groups, space, &late, pace, before))
}

/// As [`in_two_steps`] for everything, where the threshold depends on how many groups come out: it begins with the one for
/// as many people as there are groups, which is too high, and goes on with what is left of them until it fits. Merging is best
/// first all the way, so that a lower threshold only takes it further. Answers with the threshold that fits; `None` when
/// `pace` said so.
pub(crate) fn everything(
    groups: &mut Groups,
    mut space: Space<'_>,
    active: &[Slot],
    pace: &Pace<'_>,
) -> Option<f32> {
    let mut before = |_: &Groups, _, _| {};
    let (late, mut first) = without_late(groups, space, active);
    space.bar = space.params.merge_at_among(first.len());
    loop {
        if !best_first(groups, space, &first, pace, &mut before) {
            return None;
        }
        first.retain(|group| groups.is_group(*group));
        let fitting = space.params.merge_at_among(first.len());
        if fitting >= space.bar {
            break;
        }
        space.bar = fitting;
    }
    late.iter().for_each(|slot| groups.enter(*slot, space.edges));
    (late.is_empty() || best_first(groups, space, &late, pace, &mut before)).then_some(space.bar)
}

/// Takes single faces that humans said are not somebody out of the groups: they, and the others.
fn without_late(groups: &mut Groups, space: Space<'_>, active: &[Slot]) -> (Vec<Slot>, Vec<Slot>) {
    let late = |slot: &Slot| {
        let said = space.faces.said(*slot);
        groups.members(*slot).len() == 1 && said.is.is_none() && !said.is_not.is_empty()
    };
    let (late, first): (Vec<Slot>, Vec<Slot>) = active.iter().copied().partition(late);
    late.iter().for_each(|slot| groups.withdraw(*slot));
    (late, first)
}

/// Merges the `active` groups with one another and with the groups around them, best first; the highest score goes
/// first, among equals the pair with the lowest face ids. Pairs of groups that are not active are left alone until one
/// of them changes. `before` is told of every merge before it is done: the name that stays, then the name that goes.
///
/// False when `pace` said so: the groups are then merged part of the way.
fn best_first(
    groups: &mut Groups,
    space: Space<'_>,
    active: &[Slot],
    pace: &Pace<'_>,
    before: &mut dyn FnMut(&Groups, Slot, Slot),
) -> bool {
    let mut queue = Queue { heap: BinaryHeap::with_capacity(active.len()), ..Queue::default() };
    for group in active {
        if pace.is_stopped() {
            return false;
        }
        queue.score(*group, groups, space);
        groups.forget_sums();
        pace.score();
    }
    pace.begin_merging(queue.heap.len());
    while let Some(next) = queue.heap.pop() {
        if pace.is_stopped() {
            return false;
        }
        groups.forget_sums();
        let Candidate { a, b, version_a, version_b, .. } = next;
        if !groups.is_group(a) || groups.version(a) != version_a {
            continue;
        }
        if !groups.is_group(b) || groups.version(b) != version_b {
            queue.score(a, groups, space);
        } else if !groups.may_meet(a, b, space.faces) {
            queue.barred.insert((a.min(b), a.max(b)));
            queue.score(a, groups, space);
        } else {
            let (winner, loser) = groups.winner(a, b);
            before(groups, winner, loser);
            groups.merge(winner, loser, space.faces, space.edges, space.params);
            pace.merge();
            queue.score(winner, groups, space);
        }
    }
    true
}

#[derive(Default)]
struct Queue {
    heap: BinaryHeap<Candidate>,
    /// Pairs that may not meet; growing cannot change that.
    barred: HashSet<(Slot, Slot)>,
}

impl Queue {
    /// Scores a group with what is around it and enters the best pair if it reaches the threshold.
    fn score(&mut self, a: Slot, groups: &mut Groups, space: Space<'_>) {
        let Self { heap, barred } = self;
        let mut best: Option<(f32, FaceId, Slot)> = None;
        let mut bar = space.bar;
        groups.visit(a, (space.faces, space.edges, space.params), bar, |score, least, b| {
            let better = score >= bar
                && best.is_none_or(|(s, l, _)| score > s || least < l)
                && (barred.is_empty() || !barred.contains(&(a.min(b), a.max(b))));
            if better {
                best = Some((score, least, b));
                bar = score;
            }
            bar
        });
        let Some((score, least, b)) = best else { return };
        let Some(own) = groups.least(a, space.faces) else { return };
        heap.push(Candidate {
            score,
            low: own.min(least),
            high: own.max(least),
            a,
            b,
            version_a: groups.version(a),
            version_b: groups.version(b),
        });
    }
}

/// A pair worth merging, as it was when it was scored.
struct Candidate {
    score: f32,
    /// The lower and the higher of the two groups' lowest face ids.
    low: FaceId,
    high: FaceId,
    a: Slot,
    b: Slot,
    version_a: u32,
    version_b: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then_with(|| (other.low, other.high).cmp(&(self.low, self.high)))
            // The same pair entered from both sides: either will do.
            .then_with(|| {
                (other.a, other.version_a, other.version_b).cmp(&(self.a, self.version_a, self.version_b))
            })
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}
