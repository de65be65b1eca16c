//! Groups of strong faces: their sums, their sizes and who is around them.
//!
//! A group is named by the slot of one of its faces, so a single face needs no entry at all: it is named by itself, its
//! sum is its embedding and its surroundings are its candidate pairs. Surroundings hold faces, not groups, and are
//! resolved when they are read: neither merging nor taking apart has to touch the lists of others. For every face in
//! a group's surroundings there is a candidate pair with a face of the group.

use vow_types::FaceId;
use vow_types::num::{index, usize_to_f32};

use crate::Params;
use crate::edges::Edges;
use crate::faces::{Faces, NOWHERE, Slot};
use crate::vectors::{accumulate, dot};

/// A partition of the strong faces. Weak faces are in no group here.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// The group of a face, [`NOWHERE`] for weak faces and empty slots.
    of: Vec<Slot>,
    /// Groups of two and more, under their name.
    many: Vec<Option<Box<Many>>>,
    /// Changes whenever the group under this name does.
    version: Vec<u32>,
    /// The last reading of surroundings that met the group of this name.
    seen: Vec<u32>,
    reading: u32,
}

/// A group of at least two faces.
#[derive(Debug)]
struct Many {
    members: Vec<Slot>,
    /// Sum of the members' embeddings.
    sum: Box<[f32]>,
    factor: f32,
    /// The lowest id among the members: what ties are broken by.
    least: FaceId,
    around: Vec<Slot>,
    /// Length of `around` when it last held every group once.
    tidy: usize,
}

/// What a score needs to know of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    sum: &'a [f32],
    factor: f32,
    pub(crate) least: FaceId,
}

impl View<'_> {
    /// The sum-link score of two groups: their mean cross cosine, divided by what each group's own spread (the length
    /// of its mean vector) explains of it, to the given power. Symmetric to the last bit.
    pub(crate) fn score(&self, other: &View<'_>) -> f32 {
        // S_A.S_B/(n_A n_B) / (|S_A|/n_A |S_B|/n_B)^p, sorted by group.
        dot(self.sum, other.sum) * (self.factor * other.factor)
    }
}

/// What a group contributes to its scores besides its sum: `n^(p-1) / |S|^p`.
fn factor(sum: &[f32], size: usize, power: f32) -> f32 {
    let length = dot(sum, sum).sqrt().max(f32::MIN_POSITIVE);
    usize_to_f32(size).powf(power - 1.0) / length.powf(power)
}

impl Groups {
    /// Every strong face by itself.
    pub(crate) fn singles(faces: &Faces) -> Self {
        let mut groups = Self::default();
        for (slot, face) in faces.iter() {
            groups.insert(slot, face.strong);
        }
        groups
    }

    /// A new face: a group of its own when it is strong.
    pub(crate) fn insert(&mut self, slot: Slot, strong: bool) {
        let needed = index(slot).saturating_add(1);
        if self.of.len() < needed {
            self.of.resize(needed, NOWHERE);
            self.many.resize_with(needed, || None);
            self.version.resize(needed, 0);
            self.seen.resize(needed, 0);
        }
        self.set(slot, if strong { slot } else { NOWHERE });
    }

    /// Forgets a single face; it must have been taken out of its group before.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.set(slot, NOWHERE);
    }

    fn set(&mut self, slot: Slot, group: Slot) {
        if let Some(of) = self.of.get_mut(index(slot)) {
            *of = group;
        }
        self.change(slot);
    }

    fn change(&mut self, group: Slot) {
        if let Some(version) = self.version.get_mut(index(group)) {
            *version = version.wrapping_add(1);
        }
    }

    /// The group of a strong face.
    pub(crate) fn of(&self, slot: Slot) -> Option<Slot> {
        self.of.get(index(slot)).copied().filter(|group| *group != NOWHERE)
    }

    pub(crate) fn is_group(&self, name: Slot) -> bool {
        self.of(name) == Some(name)
    }

    pub(crate) fn version(&self, group: Slot) -> u32 {
        self.version.get(index(group)).copied().unwrap_or_default()
    }

    fn many(&self, group: Slot) -> Option<&Many> {
        self.many.get(index(group))?.as_deref()
    }

    fn many_mut(&mut self, group: Slot) -> Option<&mut Many> {
        self.many.get_mut(index(group))?.as_deref_mut()
    }

    fn take(&mut self, group: Slot) -> Option<Box<Many>> {
        self.many.get_mut(index(group))?.take()
    }

    fn put(&mut self, group: Slot, many: Box<Many>) {
        if let Some(place) = self.many.get_mut(index(group)) {
            *place = Some(many);
        }
    }

    /// The strong faces of a group; none when there is no group of that name.
    pub(crate) fn members(&self, group: Slot) -> &[Slot] {
        match (self.many(group), self.of.get(index(group))) {
            (Some(many), _) => &many.members,
            (None, Some(name)) if *name == group => std::slice::from_ref(name),
            _ => &[],
        }
    }

    pub(crate) fn view<'a>(&'a self, group: Slot, faces: &'a Faces) -> Option<View<'a>> {
        match self.many(group) {
            Some(many) => Some(View { sum: &many.sum, factor: many.factor, least: many.least }),
            None => faces.get(group).map(|face| View {
                sum: face.embedding.as_slice(),
                factor: 1.0,
                least: face.id,
            }),
        }
    }

    /// Whether two faces of one photo would come together.
    pub(crate) fn share_a_photo(&self, a: Slot, b: Slot, faces: &Faces) -> bool {
        let (few, other) = if self.members(a).len() <= self.members(b).len() { (a, b) } else { (b, a) };
        self.members(few).iter().any(|slot| faces.siblings(*slot).any(|s| self.of(s) == Some(other)))
    }

    /// Reads the groups around a group, each once, in no particular order.
    pub(crate) fn around(&mut self, group: Slot, edges: &Edges, found: &mut Vec<Slot>) {
        found.clear();
        self.reading = self.reading.wrapping_add(1);
        if self.reading == 0 {
            self.seen.fill(0);
            self.reading = 1;
        }
        let Self { of, many, seen, reading, .. } = self;
        let mut first_sight = |slot: &Slot| {
            let Some(name) = of.get(index(*slot)).copied().filter(|g| *g != NOWHERE && *g != group) else {
                return false;
            };
            let Some(seen) = seen.get_mut(index(name)).filter(|seen| **seen != *reading) else {
                return false;
            };
            *seen = *reading;
            found.push(name);
            true
        };
        match many.get_mut(index(group)).and_then(Option::as_deref_mut) {
            Some(many) => {
                many.around.retain(first_sight);
                many.tidy = many.around.len();
            }
            None => edges.of(group).iter().for_each(|slot| {
                first_sight(slot);
            }),
        }
    }

    /// Tells the group of `slot` that `other` is near. Single faces have it from their candidate pairs.
    pub(crate) fn note(&mut self, slot: Slot, other: Slot, edges: &Edges) {
        let Some(group) = self.of(slot) else { return };
        let Some(many) = self.many_mut(group) else { return };
        many.around.push(other);
        // A group that is not read for long would collect the same surroundings again and again.
        if many.around.len() > 2 * many.tidy + 64 {
            self.around(group, edges, &mut Vec::new());
        }
    }

    /// Takes a face that is about to be removed out of the surroundings of the group of `slot`.
    pub(crate) fn unnote(&mut self, slot: Slot, gone: Slot) {
        if let Some(many) = self.of(slot).and_then(|group| self.many_mut(group)) {
            many.around.retain(|s| *s != gone);
        }
    }

    /// Merges the smaller of two groups into the larger one.
    pub(crate) fn merge(&mut self, a: Slot, b: Slot, faces: &Faces, edges: &Edges, params: &Params) {
        let (winner, loser) = self.winner(a, b);
        let (Some(mut to), Some(mut from)) =
            (self.take_or_build(winner, faces, edges), self.take_or_build(loser, faces, edges))
        else {
            return;
        };
        for member in &from.members {
            if let Some(of) = self.of.get_mut(index(*member)) {
                *of = winner;
            }
        }
        to.members.append(&mut from.members);
        accumulate(&mut to.sum, &from.sum);
        to.factor = factor(&to.sum, to.members.len(), params.power);
        to.least = to.least.min(from.least);
        if to.around.len() < from.around.len() {
            std::mem::swap(&mut to.around, &mut from.around);
        }
        to.around.append(&mut from.around);
        self.put(winner, to);
        self.change(winner);
        self.change(loser);
    }

    /// Which of two groups keeps its name in a merge, and which loses it.
    pub(crate) fn winner(&self, a: Slot, b: Slot) -> (Slot, Slot) {
        if self.members(a).len() >= self.members(b).len() { (a, b) } else { (b, a) }
    }

    fn take_or_build(&mut self, group: Slot, faces: &Faces, edges: &Edges) -> Option<Box<Many>> {
        if let Some(many) = self.take(group) {
            return Some(many);
        }
        let face = faces.get(group)?;
        Some(Box::new(Many {
            members: vec![group],
            sum: face.embedding.as_slice().into(),
            factor: 1.0,
            least: face.id,
            around: edges.of(group).to_vec(),
            tidy: 0,
        }))
    }

    /// Makes every face of a group a group of its own, and says which they are.
    pub(crate) fn take_apart(&mut self, group: Slot, edges: &Edges) -> Vec<Slot> {
        let Some(many) = self.take(group) else { return self.members(group).to_vec() };
        for member in &many.members {
            self.set(*member, *member);
        }
        // Others may know this group by one of its faces only, and by none of those near to them now.
        for member in &many.members {
            for other in edges.of(*member) {
                self.note(*other, *member, edges);
            }
        }
        many.members
    }
}
