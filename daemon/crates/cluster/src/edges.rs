//! The candidate pairs: which faces are near enough to be worth scoring.
//!
//! A pair is kept as long as both faces are held and the answer that it came with stands, in both directions: the older face
//! learns of the newer one from the newer one's neighbours. Pairs of two weak faces say nothing and are left out.

mod packed;

use vow_types::num::index;
use vow_types::{Embedding, FaceId};

use crate::faces::{Face, Faces, Slot};
use crate::pages::Pages;
use crate::{Neighbours, Params};
use packed::Packed;

/// Answers that are held before they are entered.
const ASKED_TOGETHER: usize = 256;

/// Candidate pairs by slot.
#[derive(Debug, Default, Clone)]
pub(crate) struct Edges {
    faces: Pages<Near>,
    /// One more than the largest slot.
    slots: usize,
    asked: usize,
}

/// What is known of a face.
#[derive(Debug, Default, Clone)]
struct Near {
    /// The faces that it was answered with.
    own: Packed,
    /// Those that were answered with it, and are not in its own answer.
    others: Packed,
    answer: Option<Answer>,
}

/// What is to be known of an answer besides the faces in it.
#[derive(Debug, Clone, Copy)]
struct Answer {
    /// A face that comes is part of the answer from this cosine on.
    enough: f32,
    /// Whether a face left that was in it: there is room for another one.
    is_stale: bool,
}

impl Edges {
    /// None yet, for this many slots.
    pub(crate) fn new(slots: usize) -> Self {
        Self { faces: Pages::default(), slots, asked: 0 }
    }

    /// Makes room for a slot.
    pub(crate) fn grow(&mut self, slot: Slot) {
        self.slots = self.slots.max(index(slot).saturating_add(1));
    }

    /// What is known of a face, to be changed.
    fn at(&mut self, slot: Slot) -> Option<&mut Near> {
        if index(slot) < self.slots { self.faces.at(slot) } else { None }
    }

    /// The faces near a face, weak ones among them.
    pub(crate) fn of(&self, slot: Slot) -> impl Iterator<Item = Slot> {
        let lists = self.faces.get(slot).map(|near| [&near.own, &near.others]);
        lists.into_iter().flatten().flat_map(Packed::iter)
    }

    /// Whether this face's own neighbours were asked for. Pairs can be known before, from the other side.
    pub(crate) fn is_asked(&self, slot: Slot) -> bool {
        index(slot) >= self.slots || self.answer(slot).is_some()
    }

    /// How many faces' own neighbours were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked
    }

    /// Whether the answer that a face had may be another one since a face left.
    pub(crate) fn is_stale(&self, slot: Slot) -> bool {
        self.answer(slot).is_some_and(|answer| answer.is_stale)
    }

    /// From which cosine on a face that came since is part of the answer that a face had; `None` when there is none.
    pub(crate) fn enough(&self, slot: Slot) -> Option<f32> {
        self.answer(slot).map(|answer| answer.enough)
    }

    /// Whether a face was answered with another one.
    pub(crate) fn is_own(&self, slot: Slot, other: Slot) -> bool {
        self.faces.get(slot).is_some_and(|near| near.own.contains(other))
    }

    fn answer(&self, slot: Slot) -> Option<Answer> {
        self.faces.get(slot)?.answer
    }

    /// Asks for the neighbours of faces, of each once, and calls `linked` with each of them and every face that was not known to be near
    /// to it.
    pub(crate) fn ask(
        &mut self,
        slots: &[Slot],
        faces: &Faces,
        params: &Params,
        neighbours: &dyn Neighbours,
        mut linked: impl FnMut(Slot, Slot),
    ) {
        let unknown: Vec<Slot> = slots.iter().copied().filter(|slot| !self.is_asked(*slot)).collect();
        for some in unknown.chunks(ASKED_TOGETHER) {
            let held: Vec<(Slot, &Face)> =
                some.iter().filter_map(|slot| Some((*slot, faces.get(*slot)?))).collect();
            let embeddings: Vec<&Embedding> = held.iter().map(|(_, face)| &face.embedding).collect();
            // One more, because the face itself is usually in the index.
            let found = neighbours.nearest_to_each(&embeddings, params.neighbours.saturating_add(1));
            for ((slot, face), found) in held.into_iter().zip(found) {
                if !self.is_asked(slot) {
                    self.enter((slot, face), found, faces, params, |other| linked(slot, other));
                }
            }
        }
    }

    /// Enters the answer to the question who is near to a face.
    fn enter(
        &mut self,
        (slot, face): (Slot, &Face),
        mut found: Vec<(FaceId, f32)>,
        faces: &Faces,
        params: &Params,
        linked: impl FnMut(Slot),
    ) {
        found.retain(|(id, _)| *id != face.id);
        found.truncate(params.neighbours);
        let last = found.last().map(|(_, cosine)| *cosine).filter(|_| found.len() == params.neighbours);
        let mut answer = Answer { enough: last.unwrap_or(-1.0).max(params.min_cosine), is_stale: false };
        let mut near = Vec::with_capacity(found.len());
        for (id, _) in found.into_iter().filter(|(_, cosine)| *cosine >= params.min_cosine) {
            match faces.slot(id) {
                Some(other) if face.strong || faces.is_strong(other) => near.push(other),
                Some(_) => {}
                // It took the place of one that is held.
                None => answer.is_stale = true,
            }
        }
        if let Some(known) = self.at(slot) {
            known.own = near.iter().copied().collect();
        }
        near.into_iter().filter(|other| self.reply(slot, *other)).for_each(linked);
        if let Some(known) = self.at(slot) {
            known.answer = Some(answer);
            self.asked = self.asked.saturating_add(1);
        }
    }

    /// Enters the other direction of a pair that is in a face's own answer; false when it was there.
    fn reply(&mut self, slot: Slot, other: Slot) -> bool {
        // If it was, then from the other's answer.
        let is_known = self.faces.get_mut(slot).is_some_and(|near| near.others.remove(other));
        !is_known && self.at(other).is_some_and(|near| near.others.insert(slot))
    }

    /// Enters a pair as if the one had been answered with the other; false when it was there.
    #[cfg(test)]
    pub(crate) fn link(&mut self, slot: Slot, other: Slot) -> bool {
        self.at(slot).is_some_and(|near| near.own.insert(other)) && self.reply(slot, other)
    }

    /// Takes the answer that a face had back, with the pairs that are known from it alone: it is asked about anew.
    pub(crate) fn take_back(&mut self, slot: Slot) {
        let Some(near) = self.faces.get_mut(slot) else { return };
        if near.answer.take().is_none() {
            return;
        }
        let own = std::mem::take(&mut near.own);
        self.asked = self.asked.saturating_sub(1);
        for other in own.iter() {
            // Known from the other's answer, it stays; if not, the other had it from here.
            let (from, what) = if self.is_own(other, slot) { (slot, other) } else { (other, slot) };
            if let Some(near) = self.faces.get_mut(from) {
                if from == slot {
                    near.others.insert(what)
                } else {
                    near.others.remove(what)
                };
            }
        }
    }

    /// Drops every pair of a face and says who was in them.
    pub(crate) fn forget(&mut self, slot: Slot) -> Vec<Slot> {
        let gone: Vec<Slot> = self.of(slot).collect();
        for other in &gone {
            let Some(near) = self.faces.get_mut(*other) else { continue };
            if near.own.remove(slot)
                && let Some(answer) = &mut near.answer
            {
                answer.is_stale = true;
            }
            near.others.remove(slot);
        }
        let known = self.faces.get_mut(slot).map(std::mem::take).unwrap_or_default();
        self.asked = self.asked.saturating_sub(usize::from(known.answer.is_some()));
        gone
    }
}
