//! A group of at least two faces: its members, what it is as a whole, what humans said about it, and who is around it. It knows no other
//! group.

use std::cell::{Cell, OnceCell};
use std::collections::HashSet;

use vow_types::num::usize_to_f32;
use vow_types::{FaceId, PersonId};

use super::SOON;
use crate::Params;
use crate::around::Around;
use crate::faces::{Face, Faces, Slot};
use crate::score::{View, factor, share};
use crate::vectors::{Vector, accumulate, length, take_off};

/// A group of at least two faces.
#[derive(Debug)]
pub(super) struct Many {
    pub(super) members: Vec<Slot>,
    /// Worked out when it is needed: of most groups it is not for long.
    pub(super) whole: OnceCell<Whole>,
    /// The lowest id among the members: what ties are broken by.
    pub(super) least: FaceId,
    /// `None` where humans said nothing about any member.
    pub(super) heard: Option<Box<Heard>>,
    /// `None` as long as nobody is known, and in a small group.
    pub(super) around: Option<Box<Around>>,
}

/// What humans said about the members of a group.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// About whom they did; some may be there twice, or have nothing said about them any more.
    pub(super) spoken_of: Vec<Slot>,
    /// Who the members are by a human's word.
    pub(super) is: Option<PersonId>,
    /// Whom a member is not, by a human's word; sorted.
    pub(super) is_not: Vec<PersonId>,
}

impl Heard {
    /// What was said about a face; `None` where nothing was.
    pub(super) fn about(slot: Slot, faces: &Faces) -> Option<Box<Self>> {
        let said = Some(faces.said(slot)).filter(|_| faces.is_spoken_of(slot))?;
        Some(Box::new(Self { spoken_of: vec![slot], is: said.is, is_not: said.is_not.clone() }))
    }

    pub(super) fn absorb(&mut self, mut from: Self) {
        self.spoken_of.append(&mut from.spoken_of);
        self.is = self.is.or(from.is);
        self.is_not.append(&mut from.is_not);
        self.is_not.sort_unstable();
        self.is_not.dedup();
    }
}

/// What a group is as a whole.
#[derive(Debug)]
pub(super) struct Whole {
    /// Sum of the members' embeddings.
    pub(super) sum: Box<[f32]>,
    /// `n^(p-1) / |S|^p`: what the group contributes to its scores besides its sum.
    pub(super) factor: f32,
}

impl Many {
    /// One face, to be joined by others.
    pub(super) fn of(slot: Slot, face: &Face, faces: &Faces) -> Self {
        let (whole, heard) = (OnceCell::new(), Heard::about(slot, faces));
        Self { members: vec![slot], whole, least: face.id, heard, around: None }
    }

    /// As a whole; where that is worked out, `made` counts its components.
    fn whole(&self, faces: &Faces, params: &Params, made: &Cell<usize>) -> &Whole {
        self.whole.get_or_init(|| {
            let (first, others) = self.members.split_at(self.members.len().min(1));
            let first = first.first().and_then(|slot| faces.get(*slot));
            let mut sum: Box<[f32]> =
                first.map(|face| face.embedding.components().collect()).unwrap_or_default();
            others
                .iter()
                .filter_map(|slot| faces.get(*slot))
                .for_each(|face| face.embedding.add_to(&mut sum));
            made.set(made.get().saturating_add(sum.len()));
            Whole { factor: factor(self.members.len(), &sum, params), sum }
        })
    }

    /// Takes in the members of another group. What it is as a whole is known then if it was before.
    pub(super) fn absorb(&mut self, from: &mut Self, faces: &Faces, params: &Params) {
        if let Some(whole) = self.whole.get_mut() {
            match from.whole.get() {
                Some(other) => accumulate(&mut whole.sum, &other.sum),
                None => from
                    .members
                    .iter()
                    .filter_map(|slot| faces.get(*slot))
                    .for_each(|face| face.embedding.add_to(&mut whole.sum)),
            }
            whole.factor = factor(self.members.len() + from.members.len(), &whole.sum, params);
        }
        let most = usize_to_f32(from.members.len());
        self.members.append(&mut from.members);
        self.least = self.least.min(from.least);
        if let Some(heard) = from.heard.take() {
            self.heard.get_or_insert_default().absorb(*heard);
        }
        // A sum is no longer than it has parts.
        let moved = from.whole.get().map_or(most, |whole| length(&whole.sum));
        let around = from.around.take();
        if self.around.is_some() || around.is_some() {
            self.around
                .get_or_insert_default()
                .absorb(around.map(|around| *around).unwrap_or_default(), moved);
        }
    }

    /// Forgets its sum, unless it is one of many faces.
    pub(super) fn forget_sum(&mut self) {
        if self.members.len() <= SOON {
            self.whole.take();
        }
    }

    /// Is without these, who are no members any more.
    pub(super) fn lose(&mut self, left: &HashSet<Slot>, faces: &Faces, params: &Params) {
        if let Some(whole) = self.whole.get_mut() {
            let mut in_order: Vec<Slot> = left.iter().copied().collect();
            in_order.sort_unstable();
            for face in in_order.into_iter().filter_map(|slot| faces.get(slot)) {
                take_off(&mut whole.sum, &face.embedding);
            }
            whole.factor = factor(self.members.len(), &whole.sum, params);
        }
        self.around.iter_mut().for_each(|around| around.moved(usize_to_f32(left.len())));
        if left.iter().any(|slot| faces.id(*slot) == self.least) {
            self.least = self.members.iter().map(|slot| faces.id(*slot)).min().unwrap_or(self.least);
        }
        if let Some(heard) = &mut self.heard {
            heard.spoken_of.retain(|slot| !left.contains(slot));
        }
        self.hear(faces);
    }

    /// Reads anew what humans said about the members.
    pub(super) fn hear(&mut self, faces: &Faces) {
        let Some(mut heard) = self.heard.take() else { return };
        heard.spoken_of.sort_unstable();
        heard.spoken_of.dedup();
        heard.spoken_of.retain(|slot| faces.is_spoken_of(*slot));
        heard.is = heard.spoken_of.iter().find_map(|slot| faces.is(*slot));
        let said = heard.spoken_of.iter().flat_map(|slot| &faces.said(*slot).is_not);
        heard.is_not = said.copied().collect();
        heard.is_not.sort_unstable();
        heard.is_not.dedup();
        self.heard = Some(heard).filter(|heard| !heard.spoken_of.is_empty());
    }

    pub(super) fn view(&self, faces: &Faces, params: &Params, made: &Cell<usize>) -> View<'_> {
        let (share, whole) = (share(self.members.len()), self.whole(faces, params, made));
        View { sum: Vector::Sum(&whole.sum), factor: whole.factor, share, least: self.least }
    }
}
