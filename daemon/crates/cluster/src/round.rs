//! Sorting out more faces than can be done at once. An exact pass needs the candidate pairs of all faces in memory, some 350 bytes a
//! face with what it merges them by, and begins merging anew whenever it is stopped. A round goes from group to group instead. A portion
//! of the groups, with those around them that nearly merge with one of them, is merged again from single faces, best first, as it is done
//! with what new faces touched; where there is no room for more, what is known by then of who is near to whom is forgotten behind it.
//! Each portion is whole by itself, so that a round may be stopped behind any of them.
//!
//! It is merged on trial first, beside what there is, which takes some 80 microseconds a face and can be stopped: whoever decides
//! something waits until it is asked whether to. Then those who are not where they were on trial follow, in one go.
//!
//! It ends near to the exact pass: what differs is where a group that was not taken apart at that moment would have been
//! another one by then. One portion of everybody is an exact pass.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use vow_types::PersonId;
use vow_types::num::index;

use crate::again::bind_said;
use crate::faces::Slot;
use crate::groups::Groups;
use crate::merge::{Space, in_two_steps};
use crate::pace::Pace;
use crate::survey::questions_per_look;
use crate::{Grouping, Move, Neighbours, Settling};

/// Of a group with more strong faces than so many portions only those in doubt are taken out and merged again.
const WHOLE_UP_TO: usize = 8;
/// So many times in a row merging some of them is stopped; then no more.
const PATIENCE: u8 = 4;

/// What sorting out some people did.
#[derive(Debug, Clone, PartialEq)]
pub struct Sorted {
    /// Faces whose person is another than before, by face id.
    pub moves: Vec<Move>,
    /// Who was sorted out: the candidate pairs of their faces are known until the next call. Nobody where everybody was before and
    /// the pairs are forgotten.
    pub people: Vec<PersonId>,
    /// Whether everybody is by now.
    pub is_all: bool,
}

/// How far a round is.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// All slots below had their turn.
    at: Slot,
    /// And these, a bit each.
    had: Vec<u64>,
    /// Something came, left or was said since it began.
    is_outdated: bool,
    /// A portion is done: what it needed to know may be forgotten.
    is_between: bool,
    /// How often in a row the next one was stopped while it was merged.
    stopped: u8,
}

impl Round {
    pub(crate) fn outdate(&mut self) {
        self.is_outdated = true;
    }

    fn has_had(&self, slot: Slot) -> bool {
        slot < self.at || self.had.get(index(slot) / 64).is_some_and(|bits| bits >> (slot % 64) & 1 == 1)
    }

    fn have(&mut self, slot: Slot) {
        let word = index(slot) / 64;
        if self.had.len() <= word {
            self.had.resize(word + 1, 0);
        }
        if let Some(bits) = self.had.get_mut(word) {
            *bits |= 1 << (slot % 64);
        }
    }
}

/// The next groups of a round.
struct Portion {
    groups: Vec<Slot>,
    /// All their faces.
    faces: Vec<Slot>,
    /// Where the next portion begins.
    next: Slot,
}

impl Grouping {
    /// Sorts people out: everybody and exactly, as [`Self::settle`] does, where there are no more faces than
    /// [`crate::Params::at_once`], otherwise the next [`crate::Params::portion`] of them. Whoever wants everybody sorted out calls until
    /// it says that they are; what comes, leaves and is said meanwhile does no harm, and is heeded where it belongs. The ids follow as
    /// they do with [`Self::add`].
    ///
    /// `watch` is told how far it is every few milliseconds, but for merging the faces of a portion at last, and answers whether to stop; of
    /// portions it is told as of one long asking, over all calls. `None` when it said so; nobody's person has changed then, and the next
    /// call goes on from there.
    pub fn settle_some(
        &mut self,
        neighbours: &dyn Neighbours,
        watch: &dyn Fn(Settling) -> bool,
    ) -> Option<Sorted> {
        if self.settled {
            // By somebody else's call; what is to be asked of it can be, as long as the pairs are known.
            let is_known = self.edges.asked() >= self.faces.count();
            let people = if is_known { self.people().collect() } else { Vec::new() };
            return Some(Sorted { moves: Vec::new(), people, is_all: true });
        }
        if !self.is_sorted_in_portions() {
            let moves = self.settle_watched(neighbours, watch)?;
            return Some(Sorted { moves, people: self.people().collect(), is_all: true });
        }
        let is_new = self.round.is_none();
        let is_between = std::mem::take(&mut self.round.get_or_insert_default().is_between);
        if is_new {
            // An answer of long ago lacks who came since.
            self.survey = None;
        }
        if (is_new || is_between) && self.knows_many_pairs() {
            self.let_go_of_pairs();
        }
        let begun = self.round.as_ref().map_or(0, |round| index(round.at));
        let portion = self.next_portion();
        let (of, most) = (self.faces.slots(), index(portion.next));
        self.bar = self.params.merge_at_among(self.groups.count());
        let questions = Cell::new(0_usize);
        let stop = |more: usize| {
            questions.set(questions.get().saturating_add(more));
            let done = begun.saturating_add(questions.get()).min(most);
            watch(Settling::Asking { done, of })
        };
        for group in &portion.groups {
            self.ask_all_unless(*group, neighbours, &stop)?;
        }
        let mut groups: BTreeSet<Slot> = portion.groups.iter().copied().collect();
        for group in &portion.groups {
            let mut near = self.nearly_merged(*group);
            // A large one is among many others, and has its own turn.
            near.retain(|near| self.groups.members(*near).len() <= self.params.resplit_up_to);
            groups.extend(near);
        }
        for group in &groups {
            self.ask_all_unless(*group, neighbours, &stop)?;
        }
        let trial = self.try_out(&groups, &stop)?;
        let (strong, weak) = self.follow(&trial, groups);
        self.merge_from_singles(&strong, weak, None);
        let moves = self.tell();
        Some(self.finish(portion, moves))
    }

    /// Whether there are so many faces that [`Self::settle_some`] goes in portions.
    #[must_use]
    pub fn is_sorted_in_portions(&self) -> bool {
        self.faces.count() > self.params.at_once
    }

    fn finish(&mut self, portion: Portion, moves: Vec<Move>) -> Sorted {
        let people: BTreeSet<PersonId> = portion.faces.iter().filter_map(|slot| self.person(*slot)).collect();
        let mut is_all = index(portion.next) >= self.faces.slots();
        if let Some(round) = &mut self.round {
            portion.faces.iter().for_each(|slot| round.have(*slot));
            round.at = portion.next;
            round.is_between = true;
            if is_all {
                self.settled = !round.is_outdated;
                self.bar_of_all = self.bar;
                self.round = None;
            }
        } else {
            is_all = true;
        }
        Sorted { moves, people: people.into_iter().collect(), is_all }
    }

    /// The groups of the next faces that had no turn, until they are as many as a portion is to have.
    fn next_portion(&self) -> Portion {
        let mut portion = Portion { groups: Vec::new(), faces: Vec::new(), next: 0 };
        let Some(round) = &self.round else { return portion };
        let (mut taken, mut at) = (HashSet::new(), round.at);
        while index(at) < self.faces.slots() && portion.faces.len() < self.params.portion {
            let group = Some(at).filter(|slot| !round.has_had(*slot)).and_then(|slot| self.group_of(slot));
            if let Some(group) = group.filter(|group| taken.insert(*group)) {
                portion.groups.push(group);
                portion.faces.extend(self.faces_of(group));
            }
            at = at.saturating_add(1);
        }
        portion.next = at;
        portion
    }

    /// Asks for the neighbours of all faces of a group. `None` when `stop`, told of how many it is about to ask, said so.
    fn ask_all_unless(
        &mut self,
        group: Slot,
        neighbours: &dyn Neighbours,
        stop: &dyn Fn(usize) -> bool,
    ) -> Option<()> {
        for some in self.unknown_in(group).chunks(questions_per_look(neighbours)) {
            if stop(some.len()) {
                return None;
            }
            self.ask(some, neighbours);
        }
        Some(())
    }

    /// What comes of these groups when they are merged again from single faces, best first, among themselves. Very large ones are left out.
    /// `None` when `stop` said so, which is heeded some times in a row: whoever is disturbed again and again gets done as well.
    fn try_out(&mut self, groups: &BTreeSet<Slot>, stop: &dyn Fn(usize) -> bool) -> Option<Groups> {
        let Self { params, bar, faces, edges, .. } = &*self;
        let members = groups.iter().filter(|group| !self.is_very_large(**group));
        let mut strong: Vec<Slot> = members.flat_map(|group| self.groups.members(*group)).copied().collect();
        strong.sort_unstable();
        let mut trial = Groups::default();
        strong.iter().for_each(|slot| trial.insert(*slot, true));
        let space = Space { faces, edges, params, bar: *bar };
        let active = bind_said(&mut trial, space, &strong);
        let stop = |_, _| stop(0);
        let is_patient = self.round.as_ref().is_none_or(|round| round.stopped < PATIENCE);
        let pace = if is_patient { Pace::of(active.len(), &stop) } else { Pace::unwatched() };
        let is_done = in_two_steps(&mut trial, space, &active, &pace, &mut |_, _, _| {});
        if let Some(round) = &mut self.round {
            round.stopped = if is_done { 0 } else { round.stopped.saturating_add(1) };
        }
        is_done.then_some(trial)
    }

    /// Brings the same faces together as on trial. Of each group those stay where they are who stay together, if they are the most.
    /// Answers with who moved and a face of each group that comes of these, and with all their weak faces, each by itself.
    fn follow(&mut self, trial: &Groups, groups: BTreeSet<Slot>) -> (Vec<Slot>, Vec<Slot>) {
        let (mut strong, mut weak) = (Vec::new(), Vec::new());
        let mut parts: BTreeSet<Slot> = BTreeSet::new();
        for group in groups {
            let leaving = if self.is_very_large(group) {
                self.in_doubt(group)
            } else {
                let members = self.groups.members(group);
                let mut sizes: BTreeMap<Slot, usize> = BTreeMap::new();
                let part_of = |slot: &Slot| trial.of(*slot);
                members.iter().filter_map(part_of).for_each(|part| *sizes.entry(part).or_default() += 1);
                parts.extend(sizes.keys());
                let home = sizes.into_iter().max_by_key(|(_, size)| *size).map(|(part, _)| part);
                members.iter().copied().filter(|slot| trial.of(*slot) != home).collect()
            };
            let guests = self.weak.guests(group).iter().copied();
            let leaving = leaving.into_iter().chain(guests).collect();
            let mut loose = self.extract(group, &leaving);
            strong.append(&mut loose.strong);
            weak.append(&mut loose.weak);
        }
        for part in parts {
            let names: BTreeSet<Slot> =
                trial.members(part).iter().filter_map(|slot| self.groups.of(*slot)).collect();
            let together = names.into_iter().reduce(|one, other| {
                let (winner, _) = self.groups.winner(one, other);
                weak.extend(self.force(one, other));
                winner
            });
            if let Some(group) = together {
                // It is as it is to be.
                self.touched.remove(&group);
                strong.push(group);
            }
        }
        (strong, weak)
    }

    /// Whether a group is too large to be merged again as a whole.
    fn is_very_large(&self, group: Slot) -> bool {
        self.groups.members(group).len() > self.params.portion.saturating_mul(WHOLE_UP_TO)
    }

    /// The strong faces of a very large group that miss the threshold or reach it by no more than the margin.
    fn in_doubt(&self, group: Slot) -> HashSet<Slot> {
        let members = self.groups.members(group);
        let sure = self.bar + self.params.margin;
        let score = |slot: Slot| self.groups.score_of_member(slot, group, &self.faces, &self.params);
        members.iter().copied().filter(|slot| score(*slot).is_some_and(|score| score < sure)).collect()
    }
}
