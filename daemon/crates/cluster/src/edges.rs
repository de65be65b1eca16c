//! The candidate pairs: which faces are near enough to be worth scoring.
//!
//! A pair is kept as long as both faces are held and the answer that it came with stands, in both directions: the older face
//! learns of the newer one from the newer one's neighbours. Pairs of two weak faces say nothing and are left out.

use vow_types::num::index;

use crate::faces::{Faces, Slot};
use crate::{Neighbours, Params};

/// Candidate pairs by slot.
#[derive(Debug, Default, Clone)]
pub(crate) struct Edges {
    /// First the faces that a face was answered with, then those that were answered with it.
    near: Vec<Vec<Slot>>,
    answers: Vec<Option<Answer>>,
    asked: usize,
}

/// What is to be known of an answer besides the faces in it.
#[derive(Debug, Clone, Copy)]
struct Answer {
    /// How many faces of the list are from it.
    own: u32,
    /// A face that comes is part of the answer from this cosine on.
    enough: f32,
    /// Whether a face left that was in it: there is room for another one.
    is_stale: bool,
}

impl Edges {
    /// None yet, for this many slots.
    pub(crate) fn new(slots: usize) -> Self {
        Self { near: vec![Vec::new(); slots], answers: vec![None; slots], asked: 0 }
    }

    /// Makes room for a slot.
    pub(crate) fn grow(&mut self, slot: Slot) {
        let needed = index(slot).saturating_add(1);
        if self.near.len() < needed {
            self.near.resize_with(needed, Vec::new);
            self.answers.resize(needed, None);
        }
    }

    /// The faces near a face, weak ones among them.
    pub(crate) fn of(&self, slot: Slot) -> &[Slot] {
        self.near.get(index(slot)).map_or(&[], Vec::as_slice)
    }

    /// Whether this face's own neighbours were asked for. Pairs can be known before, from the other side.
    pub(crate) fn is_asked(&self, slot: Slot) -> bool {
        self.answers.get(index(slot)).is_none_or(Option::is_some)
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

    /// The faces that a face was answered with.
    pub(crate) fn own(&self, slot: Slot) -> &[Slot] {
        let own = self.answer(slot).map_or(0, |answer| index(answer.own));
        self.of(slot).get(..own).unwrap_or_default()
    }

    fn answer(&self, slot: Slot) -> Option<Answer> {
        self.answers.get(index(slot)).copied().flatten()
    }

    fn answer_mut(&mut self, slot: Slot) -> Option<&mut Answer> {
        self.answers.get_mut(index(slot)).and_then(Option::as_mut)
    }

    /// Asks for a face's neighbours, once, and calls `linked` with every face that was not known to be near.
    pub(crate) fn ask(
        &mut self,
        slot: Slot,
        faces: &Faces,
        params: &Params,
        neighbours: &dyn Neighbours,
        mut linked: impl FnMut(Slot),
    ) {
        let Some(answer) = self.answers.get_mut(index(slot)).filter(|answer| answer.is_none()) else {
            return;
        };
        *answer = Some(Answer { own: 0, enough: params.min_cosine, is_stale: false });
        self.asked = self.asked.saturating_add(1);
        let Some(face) = faces.get(slot) else { return };
        // One more, because the face itself is usually in the index.
        let mut found = neighbours.nearest(&face.embedding, params.neighbours.saturating_add(1));
        found.retain(|(id, _)| *id != face.id);
        found.truncate(params.neighbours);
        let last = found.last().map(|(_, cosine)| *cosine).filter(|_| found.len() == params.neighbours);
        for (id, _) in found.into_iter().filter(|(_, cosine)| *cosine >= params.min_cosine) {
            let Some(other) = faces.slot(id) else {
                // It took the place of one that is held.
                self.spoil(slot);
                continue;
            };
            if face.strong || faces.is_strong(other) {
                if self.link(slot, other) {
                    linked(other);
                }
                self.adopt(slot, other);
            }
        }
        if let Some(answer) = self.answer_mut(slot) {
            answer.enough = last.unwrap_or(-1.0).max(params.min_cosine);
        }
    }

    /// Enters a pair; false when it was there.
    pub(crate) fn link(&mut self, a: Slot, b: Slot) -> bool {
        let (of_a, of_b) = (self.of(a), self.of(b));
        // Some faces are near to very many; the shorter list is the one to look through.
        let known = if of_a.len() <= of_b.len() { of_a.contains(&b) } else { of_b.contains(&a) };
        if !known {
            for (from, to) in [(a, b), (b, a)] {
                if let Some(list) = self.near.get_mut(index(from)) {
                    if list.len() == list.capacity() {
                        // A list for each face: doubling would leave a third of all that memory empty.
                        list.reserve_exact((list.len() / 4).max(4));
                    }
                    list.push(to);
                }
            }
        }
        !known
    }

    /// Notes of a pair that `other` is from the answer that `slot` had.
    fn adopt(&mut self, slot: Slot, other: Slot) {
        let Some(list) = self.near.get_mut(index(slot)) else { return };
        let Some(answer) = self.answers.get_mut(index(slot)).and_then(Option::as_mut) else { return };
        let own = index(answer.own);
        // From the end: that is where a pair is that was just entered.
        let Some(place) = list.iter().rposition(|near| *near == other).filter(|place| *place >= own) else {
            return;
        };
        list.swap(place, own);
        answer.own = answer.own.saturating_add(1);
    }

    /// Takes the answer that a face had back, with the pairs that are known from it alone: it is asked about anew.
    pub(crate) fn take_back(&mut self, slot: Slot) {
        let own: Vec<Slot> = self.own(slot).to_vec();
        if self.answers.get_mut(index(slot)).and_then(Option::take).is_none() {
            return;
        }
        self.asked = self.asked.saturating_sub(1);
        let stays: Vec<bool> = own.iter().map(|other| self.own(*other).contains(&slot)).collect();
        let gone = own.iter().zip(&stays).filter(|(_, stays)| !**stays);
        for (other, _) in gone {
            // It is behind that face's own, where order is of no account.
            if let Some(list) = self.near.get_mut(index(*other))
                && let Some(place) = list.iter().rposition(|near| *near == slot)
            {
                list.swap_remove(place);
            }
        }
        if let Some(list) = self.near.get_mut(index(slot)) {
            // It begins with them.
            let mut stays = stays.into_iter();
            list.retain(|_| stays.next().unwrap_or(true));
        }
    }

    fn spoil(&mut self, slot: Slot) {
        if let Some(answer) = self.answer_mut(slot) {
            answer.is_stale = true;
        }
    }

    /// Drops every pair of a face and says who was in them.
    pub(crate) fn forget(&mut self, slot: Slot) -> Vec<Slot> {
        let gone = self.near.get_mut(index(slot)).map(std::mem::take).unwrap_or_default();
        for other in &gone {
            let Some(list) = self.near.get_mut(index(*other)) else { continue };
            let Some(place) = list.iter().position(|near| *near == slot) else { continue };
            list.remove(place);
            if let Some(answer) = self.answer_mut(*other).filter(|answer| place < index(answer.own)) {
                answer.own = answer.own.saturating_sub(1);
                answer.is_stale = true;
            }
        }
        if self.answers.get_mut(index(slot)).and_then(Option::take).is_some() {
            self.asked = self.asked.saturating_sub(1);
        }
        gone
    }
}
