//! Questions worth asking, and why a face is where it is. Reads the grouping; changes nobody's person.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use vow_types::num::usize_to_f32;
use vow_types::{FaceId, PersonId};

use crate::faces::Slot;
use crate::groups::Groups;
use crate::score::Sum;
use crate::{Grouping, Neighbours};

/// So many others around somebody tell how crowded it is there.
const CROWD: usize = 8;

/// So many of somebody's faces at most are compared one by one to show which is most alike to one of them.
const COMPARED: usize = 4_096;

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
    /// How near others are to them, as a score: of each, the mean of its eight best scores with others than the other one; of both the mean.
    /// `None` where they were not compared as wholes.
    pub crowd: Option<f32>,
}

/// Log-odds of being one person beside what the score says, fitted to 1,351 pairs below the threshold on 8,910 portraits, 116 of which
/// are: by how much more crowded it is than usual (a score), by the size of the smaller and of the larger one (its logarithm), and where
/// all that is as usual and both are single faces.
const BEYOND: Beyond = Beyond { crowd: -31.0, smaller: -0.5, larger: 0.3, single: -0.65 };

/// Weights of what is known beside a score.
struct Beyond {
    crowd: f32,
    smaller: f32,
    larger: f32,
    single: f32,
}

impl Close {
    /// What is known besides the score, in log-odds of being one person; `usual` is the mean crowd of all such pairs. Somebody who stands
    /// among many that look alike is rather taken for others, two who were both seen often would have found together,
    /// and a single face is rather one of somebody who is seen often.
    #[must_use]
    pub fn beyond_score(&self, usual: f32) -> f32 {
        let Some(crowd) = self.crowd else { return 0.0 };
        let log = |size: usize| usize_to_f32(size.max(1)).ln();
        let (larger, smaller) = self.sizes;
        BEYOND.crowd * (crowd - usual)
            + BEYOND.smaller * log(smaller)
            + BEYOND.larger * log(larger)
            + BEYOND.single
    }
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
    /// Of the others, the one it is most alike, as far as they were compared.
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
    /// All pairs of these people with each other and with others that miss the threshold by no more than `within` and that nothing
    /// keeps from being one. Pairs of faces that were not asked for yet are not known: complete for who was just sorted out
    /// ([`Self::settle`], [`crate::Sorted::people`]).
    pub fn close_pairs(&mut self, of: &[PersonId], within: f32) -> Vec<Close> {
        let bar = self.bar - within;
        let (groups, mut close, mut crowds) = (self.strong_groups(of), Vec::new(), Crowds::default());
        for group in &groups {
            let mut near = Vec::new();
            self.groups.visit(*group, (&self.faces, &self.edges, &self.params), bar, |score, _, other| {
                // Of two of these people the one finds the other.
                if score >= bar && score < self.bar && (*group < other || !groups.contains(&other)) {
                    near.push((score, other));
                }
                bar
            });
            for (score, other) in near {
                if self.groups.may_meet(*group, other, &self.faces) {
                    let crowd = Some(crowds.around(self, *group, other));
                    close.extend(self.close(*group, other, score).map(|close| Close { crowd, ..close }));
                }
            }
        }
        close
    }

    /// The groups of these people, but for those of weak faces alone.
    pub(crate) fn strong_groups(&self, of: &[PersonId]) -> BTreeSet<Slot> {
        let groups = of.iter().filter_map(|person| self.people.group(*person));
        groups.filter(|group| self.groups.is_group(*group)).collect()
    }

    /// The best scores of a group with others, the highest first.
    fn best_around(&mut self, group: Slot) -> Vec<(f32, Slot)> {
        let mut best: Vec<(f32, Slot)> = Vec::new();
        self.groups.visit(
            group,
            (&self.faces, &self.edges, &self.params),
            f32::NEG_INFINITY,
            |score, _, other| {
                best.push((score, other));
                // One more than counts: the other one of a pair is left out.
                match best.get(CROWD) {
                    None => f32::NEG_INFINITY,
                    Some(_) => {
                        best.sort_unstable_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
                        best.truncate(CROWD + 1);
                        best.last().map_or(f32::NEG_INFINITY, |(score, _)| *score)
                    }
                }
            },
        );
        best.sort_unstable_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
        best
    }

    /// All faces of these people whose score with their person's other faces is below the threshold, or above it by less than
    /// `within`. Of two faces that are a person by themselves, the one with the higher id.
    #[must_use]
    pub fn doubts(&self, of: &[PersonId], within: f32) -> Vec<Doubt> {
        let bar = self.bar + within;
        let doubt = |(person, group, slot): (PersonId, Slot, Slot)| {
            let members = self.groups.members(group);
            let face = self.faces.id(slot);
            let is_second = || members.iter().all(|other| self.faces.id(*other) <= face);
            if self.faces.is(slot).is_some() || members.len() < 2 || (members.len() == 2 && !is_second()) {
                return None;
            }
            let score = self.groups.score_of_member(slot, group, &self.faces, &self.params)?;
            if score >= bar {
                return None;
            }
            Some(Doubt { face, person, score, size: members.len(), nearest: self.most_alike(slot, group)? })
        };
        let people = of.iter().filter_map(|person| Some((*person, self.people.group(*person)?)));
        let faces = people.flat_map(|(person, group)| {
            self.groups.members(group).iter().map(move |slot| (person, group, *slot))
        });
        faces.filter_map(doubt).collect()
    }

    /// Of a group's other faces the one that is most alike: of those that are known to be near, and where there is none among them, of
    /// all, or of some of very many.
    fn most_alike(&self, slot: Slot, group: Slot) -> Option<FaceId> {
        let own = &self.faces.get(slot)?.embedding;
        let best = |slots: &mut dyn Iterator<Item = Slot>| {
            let others = slots.filter(|other| *other != slot).filter_map(|other| self.faces.get(other));
            let alike = others.map(|other| (other.embedding.cosine(own), other.id));
            alike.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))).map(|(_, id)| id)
        };
        let near = best(&mut self.edges.of(slot).filter(|near| self.groups.of(*near) == Some(group)));
        near.or_else(|| best(&mut self.groups.members(group).iter().copied().take(COMPARED)))
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
            Close { a: q, b: p, score, sizes: (m, n), faces: (other, one), crowd: None }
        } else {
            Close { a: p, b: q, score, sizes: (n, m), faces: (one, other), crowd: None }
        })
    }

    /// The sum-link score that two sets of faces would have as groups; `None` when one of them has no face that is held.
    #[must_use]
    pub fn score_of_sets(&self, a: &[FaceId], b: &[FaceId]) -> Option<f32> {
        let (a, b) = (self.sum(a)?, self.sum(b)?);
        Some(a.view().score(&b.view(), &self.params))
    }

    fn sum(&self, faces: &[FaceId]) -> Option<Sum> {
        let slots = faces.iter().filter_map(|face| self.faces.slot(*face));
        Sum::of(slots, &self.faces, &self.params)
    }

    /// Why a face is where it is; `None` for a face that is not held or has no person yet.
    pub fn placed(&mut self, face: FaceId, neighbours: &dyn Neighbours) -> Option<Placed> {
        let slot = self.faces.slot(face)?;
        self.ask(&[slot], neighbours);
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
            Some((
                own.score(&self.groups.view(other, &self.faces, &self.params)?, &self.params),
                person,
                other,
            ))
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

/// Who is around groups, looked up once for each.
#[derive(Default)]
struct Crowds(HashMap<Slot, Vec<(f32, Slot)>>);

impl Crowds {
    fn around(&mut self, grouping: &mut Grouping, a: Slot, b: Slot) -> f32 {
        let mut mean = |group: Slot, without: Slot| {
            let best = self.0.entry(group).or_insert_with(|| grouping.best_around(group));
            let others = best.iter().filter(|(_, other)| *other != without).take(CROWD);
            others.clone().map(|(score, _)| *score).sum::<f32>() / usize_to_f32(others.count().max(1))
        };
        (mean(a, b) + mean(b, a)) / 2.0
    }
}
