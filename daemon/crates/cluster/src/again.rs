//! Merging again from single faces: groups that were touched, and everything.
//!
//! A face that joins the best group it finds on arrival may be followed by faces that show a better one. Merging best
//! first from single faces does not depend on the order of arrival; doing it for what changed keeps the incremental
//! state close to that, doing it for everything ([`Grouping::settle`]) makes it exact.

use std::collections::{BTreeSet, HashSet};

use vow_types::PersonId;
use vow_types::num::usize_to_f32;

use crate::edges::Edges;
use crate::faces::Slot;
use crate::groups::Groups;
use crate::merge::{Space, everything};
use crate::pace::Pace;
use crate::survey::Survey;
use crate::weak::Weak;
use crate::{Grouping, Move, Neighbours};

/// A group whose candidate pairs were forgotten, or never known, is merged again once so many of its faces would be asked about for each
/// that came: so what a face costs does not depend on what is known. Where nothing is known of anybody before, this leaves
/// portraits in the same company to 0.9996 whatever their order.
const QUESTIONS_PER_FACE: usize = 2;

/// How far an exact pass is; in one call it never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settling {
    /// The faces around every face are looked for.
    Asking {
        /// Faces for which that is done.
        done: usize,
        /// All of them.
        of: usize,
    },
    /// Groups are scored and merged. The last step may be missing a few hundredths of it.
    Merging {
        /// What is done,
        done: usize,
        /// of about so much: `done` is never more.
        of: usize,
    },
}

impl Grouping {
    /// Groups everything anew, exactly: asks for the neighbours of every face, merges best first from single faces,
    /// and lets the weak faces join. The partition depends on the set of faces alone, given exact neighbours among the faces
    /// that are held; people keep their ids by largest overlap. Answers with the faces whose person is another than before, by
    /// face id.
    ///
    /// `None` when `stop` returned true, which is looked at every few milliseconds; nobody's person has changed then, and the
    /// next call goes on with the neighbours that are known by now. What was stopped while merging merges from the beginning:
    /// the first merge of all may be another one with a face more, and merging takes a few hundredths of the time (of 100,000
    /// faces five seconds, after some two minutes of questions). When nothing came or left since the last time, it answers at
    /// once.
    pub fn settle(&mut self, neighbours: &dyn Neighbours, stop: &dyn Fn() -> bool) -> Option<Vec<Move>> {
        self.settle_watched(neighbours, &|_| stop())
    }

    /// As [`Self::settle`]; `watch` is told how far it is, and answers whether to stop.
    pub fn settle_watched(
        &mut self,
        neighbours: &dyn Neighbours,
        watch: &dyn Fn(Settling) -> bool,
    ) -> Option<Vec<Move>> {
        if self.settled {
            return Some(Vec::new());
        }
        if self.changes.is_none() {
            // All will be asked about, and two sets of pairs are more than there may be room for.
            self.let_go_of_pairs();
        }
        let Self { params, faces, edges, changes, survey, .. } = self;
        let survey = survey.get_or_insert_with(|| {
            Survey::of(if changes.is_some() { edges.clone() } else { Edges::new(faces.slots()) })
        });
        let changes = changes.get_or_insert_default();
        let asking = |done, of| watch(Settling::Asking { done, of });
        if !survey.go_on((faces, changes), params, neighbours, &asking) {
            return None;
        }
        let edges = survey.edges();
        let (strong, weak): (Vec<_>, Vec<_>) = faces.iter().partition(|(_, face)| face.strong);
        let strong: Vec<Slot> = strong.into_iter().map(|(slot, _)| slot).collect();
        let weak: Vec<Slot> = weak.into_iter().map(|(slot, _)| slot).collect();
        let mut groups = Groups::singles(faces);
        let bar = params.merge_at_among(faces.slots());
        let space = Space { faces, edges, params, bar };
        let active = bind_said(&mut groups, space, &strong);
        let merging = |done, of| watch(Settling::Merging { done, of });
        let pace = Pace::of(active.len(), &merging);
        let bar = everything(&mut groups, space, &active, &pace)?;
        if pace.look() {
            return None;
        }
        let space = Space { bar, ..space };
        groups.tidy_all();
        let mut guests = Weak::default();
        weak.iter().for_each(|slot| guests.insert(*slot));
        guests.bring_home(&weak, &groups, faces);
        guests.place(&weak, &groups, space);

        self.edges = self.survey.take().map(Survey::into_edges).unwrap_or_default();
        self.changes = Some(Vec::new());
        self.groups = groups;
        (self.bar, self.bar_of_all) = (bar, bar);
        self.weak = guests;
        self.people.release_all();
        self.touched.clear();
        self.round = None;
        self.since = 0;
        self.waiting.clear();
        self.dirty = strong;
        self.dirty.extend(weak);
        self.settled = true;
        Some(self.tell())
    }

    /// Forgets the candidate pairs where there are more faces than [`crate::Params::keep_pairs`]: for when everybody was sorted
    /// out, and what else there is to ask of the pairs was asked ([`Self::close_pairs`]). It is as if all had been restored
    /// ([`Self::restore`]) with the people that they are, but for that they are settled; the next exact pass asks about everybody.
    pub fn let_go_of_pairs(&mut self) {
        if self.faces.count() <= self.params.keep_pairs {
            return;
        }
        self.edges = Edges::new(self.faces.slots());
        self.groups.forget_surroundings();
        if self.survey.is_none() {
            self.changes = None;
        }
    }

    /// Merges again what changed enough since the last time, and what is near to it.
    pub(crate) fn merge_touched_again(&mut self, neighbours: &dyn Neighbours) {
        self.touched.retain(|group, _| self.groups.is_group(*group));
        let changed: Vec<(Slot, usize)> = self
            .touched
            .iter()
            .map(|(group, change)| (*group, *change))
            .filter(|(g, _)| self.is_due(*g))
            .collect();
        let mut due: HashSet<Slot> = HashSet::new();
        for (group, change) in changed {
            due.insert(group);
            self.ask_all(group, neighbours);
            for near in self.nearly_merged(group) {
                *self.touched.entry(near).or_default() += change;
                if self.is_due(near) {
                    due.insert(near);
                }
            }
        }
        let (mut singles, mut guests) = (Vec::new(), Vec::new());
        for group in due {
            self.ask_all(group, neighbours);
            let (strong, weak) = self.take_apart(group);
            singles.extend(strong);
            guests.extend(weak);
        }
        self.merge_from_singles(&singles, guests, Some(neighbours));
    }

    /// Whether a group changed by enough of its faces to be merged again, and is no larger than can be done in passing.
    fn is_due(&self, group: Slot) -> bool {
        let change = self.touched.get(&group).copied().unwrap_or_default();
        let size = self.groups.members(group).len();
        size <= self.params.resplit_up_to
            && usize_to_f32(change) >= self.params.resplit_share * usize_to_f32(size)
            && change.saturating_mul(QUESTIONS_PER_FACE) >= self.unknown_in(group).len()
    }

    /// The faces of a group whose own neighbours are not known.
    pub(crate) fn unknown_in(&self, group: Slot) -> Vec<Slot> {
        self.faces_of(group).filter(|slot| !self.edges.is_asked(*slot)).collect()
    }

    fn ask_all(&mut self, group: Slot, neighbours: &dyn Neighbours) {
        self.ask(&self.unknown_in(group), neighbours);
    }

    /// The groups around a group that miss the threshold by no more than the margin.
    pub(crate) fn nearly_merged(&mut self, group: Slot) -> Vec<Slot> {
        let enough = self.bar - self.params.margin;
        let mut near = Vec::new();
        self.groups.visit(group, (&self.faces, &self.edges, &self.params), enough, |score, _, name| {
            if score >= enough {
                near.push(name);
            }
            enough
        });
        near
    }

    /// Takes a group apart into its strong faces, each a group, and its weak ones, each by itself; none has an id.
    pub(crate) fn take_apart(&mut self, group: Slot) -> (Vec<Slot>, Vec<Slot>) {
        let weak = self.weak.guests(group).to_vec();
        for slot in &weak {
            self.weak.detach(*slot);
        }
        self.people.release(group);
        self.touched.remove(&group);
        let strong = self.groups.take_apart(group, &self.edges);
        self.dirty.extend(strong.iter().chain(&weak));
        (strong, weak)
    }

    /// The way back from [`Self::take_apart`], best first.
    pub(crate) fn merge_from_singles(
        &mut self,
        strong: &[Slot],
        mut weak: Vec<Slot>,
        neighbours: Option<&dyn Neighbours>,
    ) {
        let loose = self.gather(strong);
        weak.extend(loose.weak);
        let active: HashSet<Slot> =
            strong.iter().chain(&loose.strong).filter_map(|slot| self.groups.of(*slot)).collect();
        let mut active: Vec<Slot> = active.into_iter().collect();
        active.sort_unstable();
        weak.extend(self.merge(&active, false));
        let is_weak = |near: &Slot| {
            !self.faces.is_strong(*near) && (neighbours.is_some() || self.edges.is_asked(*near))
        };
        weak.extend(strong.iter().flat_map(|slot| self.edges.of(*slot)).filter(is_weak));
        let mut changed = strong.to_vec();
        changed.extend(&weak);
        self.place_weak(weak, neighbours);
        self.claim(&changed);
    }

    /// The way back from [`Self::take_apart`] where the candidate pairs are not known: together as before, to be merged
    /// again with the next faces. Answers with the weak faces that have nobody to be with any more.
    pub(crate) fn bind(&mut self, strong: &[Slot], weak: Vec<Slot>) -> Vec<Slot> {
        let Some((first, others)) = strong.split_first() else { return weak };
        for slot in others {
            self.groups.merge(*first, *slot, &self.faces, &self.edges, &self.params);
        }
        for slot in weak {
            self.weak.attach(slot, *first);
        }
        self.touched.insert(*first, strong.len());
        self.since = self.params.resplit_every;
        Vec::new()
    }
}

/// Makes everyone of these faces, each by itself, who is somebody by a human's word one group. Answers with the groups that there are then.
pub(crate) fn bind_said(groups: &mut Groups, space: Space<'_>, strong: &[Slot]) -> Vec<Slot> {
    let Space { faces, edges, params, .. } = space;
    let people: BTreeSet<PersonId> = strong.iter().filter_map(|slot| faces.is(*slot)).collect();
    for person in people {
        let kin = faces.said_to_be(person).iter().copied().filter(|slot| groups.of(*slot).is_some());
        let mut kin: Vec<Slot> = kin.collect();
        kin.sort_unstable_by_key(|slot| faces.id(*slot));
        if let Some((first, others)) = kin.split_first() {
            others.iter().for_each(|slot| groups.merge(*first, *slot, faces, edges, params));
        }
    }
    strong.iter().copied().filter(|slot| groups.is_group(*slot)).collect()
}
