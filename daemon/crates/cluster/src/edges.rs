//! The candidate pairs: which faces are near enough to be worth scoring.
//!
//! A pair is kept as long as both faces are held, in both directions: the older face learns of the newer one from the
//! newer one's neighbours. Pairs of two weak faces say nothing and are left out.

mod packed;

use vow_types::num::index;
use vow_types::room_for;

use crate::faces::{Faces, Slot};
use crate::{Neighbours, Params};
use packed::Packed;

/// Candidate pairs by slot.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    near: Vec<Packed>,
    asked: Vec<bool>,
}

impl Edges {
    /// None yet, for this many slots.
    pub(crate) fn new(slots: usize) -> Self {
        Self { near: vec![Packed::default(); slots], asked: vec![false; slots] }
    }

    /// Makes room for a slot.
    pub(crate) fn grow(&mut self, slot: Slot) {
        let needed = index(slot).saturating_add(1);
        if self.near.len() < needed {
            let more = needed - self.near.len();
            room_for(&mut self.near, more);
            room_for(&mut self.asked, more);
            self.near.resize(needed, Packed::default());
            self.asked.resize(needed, false);
        }
    }

    /// The faces near a face, weak ones among them, by slot.
    pub(crate) fn of(&self, slot: Slot) -> impl Iterator<Item = Slot> {
        self.near.get(index(slot)).into_iter().flat_map(Packed::iter)
    }

    /// Whether this face's own neighbours were asked for. Pairs can be known before, from the other side.
    pub(crate) fn is_asked(&self, slot: Slot) -> bool {
        self.asked.get(index(slot)).copied().unwrap_or(true)
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
        let Some(asked) = self.asked.get_mut(index(slot)).filter(|asked| !**asked) else { return };
        *asked = true;
        let Some(face) = faces.get(slot) else { return };
        // One more, because the face itself is usually in the index.
        let found = neighbours.nearest(&face.embedding, params.neighbours.saturating_add(1));
        let others = found.into_iter().filter(|(id, _)| *id != face.id).take(params.neighbours);
        for (id, _) in others.filter(|(_, cosine)| *cosine >= params.min_cosine) {
            let Some(other) = faces.slot(id) else { continue };
            if (face.strong || faces.is_strong(other)) && self.link(slot, other) {
                linked(other);
            }
        }
    }

    /// Enters a pair; false when it was there.
    pub(crate) fn link(&mut self, a: Slot, b: Slot) -> bool {
        let [Some(of_a), Some(of_b)] = [a, b].map(|slot| self.near.get(index(slot))) else { return false };
        // Some faces are near to very many; the shorter list is the one to look through.
        if if of_a.size() <= of_b.size() { of_a.contains(b) } else { of_b.contains(a) } {
            return false;
        }
        for (from, to) in [(a, b), (b, a)] {
            if let Some(list) = self.near.get_mut(index(from)) {
                list.insert(to);
            }
        }
        true
    }

    /// Drops every pair of a face and says who was in them.
    pub(crate) fn forget(&mut self, slot: Slot) -> Vec<Slot> {
        let gone: Vec<Slot> = self.of(slot).collect();
        for (from, to) in gone.iter().map(|other| (*other, slot)) {
            if let Some(list) = self.near.get_mut(index(from)) {
                list.remove(to);
            }
        }
        if let Some(list) = self.near.get_mut(index(slot)) {
            *list = Packed::default();
        }
        if let Some(asked) = self.asked.get_mut(index(slot)) {
            *asked = false;
        }
        gone
    }
}
