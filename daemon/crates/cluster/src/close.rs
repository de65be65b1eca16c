//! Questions worth asking, and why a face is where it is. Reads the grouping; changes nobody's person.

use std::cmp::Ordering;

use vow_types::{FaceId, PersonId};

use crate::faces::Slot;
use crate::groups::Groups;
use crate::score::Sum;
use crate::{Grouping, Neighbours};

/// Two people who are nearly one by their looks, and may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Close {
    /// The one with more faces; of equals the one with the lower id.
    pub a: PersonId,
    /// The other.
    pub b: PersonId,
    /// Sum-link score, below [`Grouping::merge_at`].
    pub score: f32,
    /// Strong faces of each.
    pub sizes: (usize, usize),
    /// A face of each, the two that are most alike.
    pub faces: (FaceId, FaceId),
}

/// A face that hardly is its person, by its looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Doubt {
    /// The face; a strong one about which no human said who it is.
    pub face: FaceId,
    /// Whose it is.
    pub person: PersonId,
    /// Sum-link score with the person's other strong faces.
    pub score: f32,
    /// Strong faces of the person, this one among them.
    pub size: usize,
    /// Of the others, the one it is most alike.
    pub nearest: FaceId,
}

/// Why a face is where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// Whose it is.
    pub person: PersonId,
    /// Good enough to found a person.
    pub strong: bool,
    /// Sum-link score with the person's other strong faces; `None` when there are none.
    pub score: Option<f32>,
    /// What a face of its kind needs to join somebody by its looks.
    pub threshold: f32,
    /// Who else it looks like most, and how much.
    pub runner_up: Option<RunnerUp>,
}

/// Who else a face looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunnerUp {
    /// Who.
    pub person: PersonId,
    /// Sum-link score with their strong faces.
    pub score: f32,
    /// A human's word, or another face of the photo, keeps it from being them.
    pub barred: bool,
}

impl Grouping {
    /// All pairs of people that miss the threshold by no more than `within` and that nothing keeps from being one. Pairs of
    /// faces that were not asked for yet are not known: complete after [`Self::settle`].
    pub fn close_pairs(&mut self, within: f32) -> Vec<Close> {
        let bar = self.bar - within;
        let groups: Vec<Slot> =
            self.faces.iter().map(|(slot, _)| slot).filter(|slot| self.groups.is_group(*slot)).collect();
        let mut close = Vec::new();
        for group in groups {
            let mut near = Vec::new();
            self.groups.visit(group, (&self.faces, &self.edges), bar, |score, _, other| {
                if score >= bar && score < self.bar && group < other {
                    near.push((score, other));
                }
                bar
            });
            for (score, other) in near {
                if self.groups.may_meet(group, other, &self.faces) {
                    close.extend(self.close(group, other, score));
                }
            }
        }
        close
    }

    /// All faces whose score with their person's other faces is below the threshold, or above it by less than `within`. Of two
    /// faces that are a person by themselves, the one with the higher id.
    #[must_use]
    pub fn doubts(&self, within: f32) -> Vec<Doubt> {
        let bar = self.bar + within;
        let doubt = |slot: Slot| {
            let group = self.groups.of(slot)?;
            let members = self.groups.members(group);
            let (face, person) = (self.faces.id(slot), self.people.of(group)?);
            let is_second = members.iter().all(|other| self.faces.id(*other) <= face);
            if self.faces.is(slot).is_some() || members.len() < 2 || (members.len() == 2 && !is_second) {
                return None;
            }
            let score = self.groups.score_of(slot, group, &self.faces, &self.params)?;
            if score >= bar {
                return None;
            }
            let own = &self.faces.get(slot)?.embedding;
            let others = members.iter().filter(|other| **other != slot);
            let alike = others.filter_map(|other| self.faces.get(*other));
            let nearest = alike.max_by(|a, b| a.embedding.cosine(own).total_cmp(&b.embedding.cosine(own)))?;
            Some(Doubt { face, person, score, size: members.len(), nearest: nearest.id })
        };
        self.faces.iter().filter_map(|(slot, _)| doubt(slot)).collect()
    }

    fn close(&self, x: Slot, y: Slot, score: f32) -> Option<Close> {
        // The smaller group has fewer pairs to look through.
        let (x, y) =
            if self.groups.members(x).len() < self.groups.members(y).len() { (y, x) } else { (x, y) };
        let pairs = self.groups.members(y).iter().flat_map(|slot| {
            let near = self.edges.of(*slot).filter(|near| self.groups.of(*near) == Some(x));
            near.map(|near| (near, *slot))
        });
        self.close_by(x, y, score, pairs)
    }

    /// Two groups and the pair of their faces that is most alike, out of some pairs of a face of `x` and one of `y`.
    pub(crate) fn close_by(
        &self,
        x: Slot,
        y: Slot,
        score: f32,
        pairs: impl Iterator<Item = (Slot, Slot)>,
    ) -> Option<Close> {
        let cosine = |(one, other): &(Slot, Slot)| {
            let both = self.faces.get(*one).zip(self.faces.get(*other));
            both.map_or(-1.0, |(one, other)| one.embedding.cosine(&other.embedding))
        };
        let (one, other) = pairs.max_by(|a, b| cosine(a).total_cmp(&cosine(b)))?;
        let (p, q) = (self.people.of(x)?, self.people.of(y)?);
        let (n, m) = (self.groups.members(x).len(), self.groups.members(y).len());
        let (one, other) = (self.faces.id(one), self.faces.id(other));
        let swap = n.cmp(&m).then(q.cmp(&p)) == Ordering::Less;
        Some(if swap {
            Close { a: q, b: p, score, sizes: (m, n), faces: (other, one) }
        } else {
            Close { a: p, b: q, score, sizes: (n, m), faces: (one, other) }
        })
    }

    /// The sum-link score that two sets of faces would have as groups; `None` when one of them has no face that is held.
    #[must_use]
    pub fn score_of_sets(&self, a: &[FaceId], b: &[FaceId]) -> Option<f32> {
        let (a, b) = (self.sum(a)?, self.sum(b)?);
        Some(a.view().score(&b.view()))
    }

    fn sum(&self, faces: &[FaceId]) -> Option<Sum> {
        let slots = faces.iter().filter_map(|face| self.faces.slot(*face));
        Sum::of(slots, &self.faces, &self.params)
    }

    /// Why a face is where it is; `None` for a face that is not held or has no person yet.
    pub fn placed(&mut self, face: FaceId, neighbours: &dyn Neighbours) -> Option<Placed> {
        let slot = self.faces.slot(face)?;
        self.ask(slot, neighbours);
        let (group, strong) = (self.group_of(slot)?, self.faces.is_strong(slot));
        let person = self.people.of(group)?;
        let own = Groups::face(slot, &self.faces)?;
        let score = self.groups.score_of(slot, group, &self.faces, &self.params);
        let near = self.edges.of(slot).filter_map(|near| self.groups.of(near));
        let mut around: Vec<Slot> = near.filter(|other| *other != group).collect();
        around.sort_unstable();
        around.dedup();
        let scored = around.into_iter().filter_map(|other| {
            let person = self.people.of(other)?;
            Some((own.score(&self.groups.view(other, &self.faces)?), person, other))
        });
        let best = scored.max_by(|x, y| x.0.total_cmp(&y.0).then(y.1.cmp(&x.1)));
        let runner_up = best.map(|(score, person, other)| {
            let is = self.faces.is(slot);
            let said = is.is_some_and(|is| is != person);
            let barred = said || self.weak.is_kept_out(slot, other, &self.groups, &self.faces);
            RunnerUp { person, score, barred }
        });
        let threshold = self.bar + if strong { 0.0 } else { self.params.weak_extra };
        Some(Placed { person, strong, score, threshold, runner_up })
    }
}
