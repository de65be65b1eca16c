//! Groups of strong faces: their sums, their sizes and who is around them.
//!
//! A group is named by the slot of one of its faces, so a single face needs no entry at all: it is named by itself, its
//! sum is its embedding and its surroundings are its candidate pairs. So are those of a small group: to keep them apart would be
//! quicker by little, and most of what its faces take in memory. Surroundings hold faces, not groups, and are
//! resolved when they are read: merging does not have to rewrite the lists of others. For every face in a group's
//! surroundings there is a candidate pair with a face of the group; and for every candidate pair between two groups,
//! each has a face of the other in its surroundings, if it keeps any.

use std::cell::Cell;
use std::collections::HashSet;

use vow_types::{FaceId, PersonId};

use crate::Params;
use crate::edges::Edges;
use crate::faces::{Faces, NOWHERE, Slot};
use crate::pages::Pages;
use crate::score::{View, factor, share, view_of_face};
use crate::vectors::Vector;
use many::Many;

/// A group of so many faces keeps no surroundings.
const FEW: usize = if cfg!(test) { 3 } else { 32 };

/// The sum of so many faces is found again in some ten microseconds.
const SOON: usize = 256;
/// Components of sums that are kept: 48 MB.
const MADE: usize = if cfg!(test) { 16 } else { 12 << 20 };

/// A partition of the strong faces. Weak faces are in no group here.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    places: Pages<Place>,
    /// How many groups there are, single faces among them.
    count: usize,
    /// The present reading of surroundings.
    reading: u32,
    /// Components of sums that were worked out since they were last forgotten.
    made: Cell<usize>,
}

/// What is known under the number of a slot.
#[derive(Debug)]
struct Place {
    /// The group of the face, [`NOWHERE`] for weak faces and empty slots.
    of: Slot,
    /// Changes whenever the group of this name does.
    version: u32,
    /// The last reading of surroundings that met the group of this name.
    met: Cell<u32>,
    /// The group of this name, if it is of two or more.
    many: Option<Box<Many>>,
}

impl Default for Place {
    fn default() -> Self {
        Self { of: NOWHERE, version: 0, met: Cell::new(0), many: None }
    }
}

impl Place {
    /// Whether this reading meets the group for the first time.
    fn is_first(&self, reading: u32) -> bool {
        self.met.replace(reading) != reading
    }
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
        // Makes room.
        let _ = self.places.at(slot);
        self.set(slot, if strong { slot } else { NOWHERE });
    }

    /// Forgets a face that is by itself; `near` are all faces it had a candidate pair with.
    pub(crate) fn remove(&mut self, slot: Slot, near: &[Slot]) {
        for other in near {
            if let Some(many) = self.of(*other).and_then(|group| self.many_mut(group)) {
                many.around.iter_mut().for_each(|around| around.remove(&HashSet::from([slot])));
            }
        }
        self.set(slot, NOWHERE);
    }

    /// Begins a reading of surroundings.
    fn read(&mut self) {
        self.reading = self.reading.wrapping_add(1);
        if self.reading == 0 {
            self.places.iter_mut().for_each(|place| place.met.set(0));
            self.reading = 1;
        }
    }

    fn set(&mut self, slot: Slot, group: Slot) {
        if let Some(place) = self.places.get_mut(slot) {
            let was = std::mem::replace(&mut place.of, group);
            self.count = self.count.saturating_sub(usize::from(was == slot));
            self.count = self.count.saturating_add(usize::from(group == slot));
        }
        self.change(slot);
    }

    /// How many groups there are, single faces among them.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn change(&mut self, group: Slot) {
        if let Some(place) = self.places.get_mut(group) {
            place.version = place.version.wrapping_add(1);
        }
    }

    /// The group of a strong face.
    pub(crate) fn of(&self, slot: Slot) -> Option<Slot> {
        self.places.get(slot).map(|place| place.of).filter(|group| *group != NOWHERE)
    }

    pub(crate) fn is_group(&self, name: Slot) -> bool {
        self.of(name) == Some(name)
    }

    pub(crate) fn version(&self, group: Slot) -> u32 {
        self.places.get(group).map_or(0, |place| place.version)
    }

    /// All groups of two and more.
    fn groups_mut(&mut self) -> impl Iterator<Item = &mut Many> {
        self.places.iter_mut().filter_map(|place| place.many.as_deref_mut())
    }

    fn many(&self, group: Slot) -> Option<&Many> {
        self.places.get(group)?.many.as_deref()
    }

    fn many_mut(&mut self, group: Slot) -> Option<&mut Many> {
        self.places.get_mut(group)?.many.as_deref_mut()
    }

    fn take(&mut self, group: Slot) -> Option<Box<Many>> {
        self.places.get_mut(group)?.many.take()
    }

    fn put(&mut self, group: Slot, many: Box<Many>) {
        if let Some(place) = self.places.get_mut(group) {
            place.many = Some(many);
        }
    }

    /// The strong faces of a group; none when there is no group of that name.
    pub(crate) fn members(&self, group: Slot) -> &[Slot] {
        match self.places.get(group) {
            Some(Place { many: Some(many), .. }) => &many.members,
            Some(Place { of, .. }) if *of == group => std::slice::from_ref(of),
            _ => &[],
        }
    }

    /// A face as if it were by itself.
    pub(crate) fn face(slot: Slot, faces: &Faces) -> Option<View<'_>> {
        view_of_face(slot, faces)
    }

    pub(crate) fn view<'a>(&'a self, group: Slot, faces: &'a Faces, params: &Params) -> Option<View<'a>> {
        self.many(group)
            .map(|many| many.view(faces, params, &self.made))
            .or_else(|| view_of_face(group, faces))
    }

    /// The lowest face id in a group.
    pub(crate) fn least(&self, group: Slot, faces: &Faces) -> Option<FaceId> {
        self.many(group).map(|many| many.least).or_else(|| Some(faces.get(group)?.id))
    }

    /// The score of a face with the other strong faces of a group; `None` when there are none.
    pub(crate) fn score_of(&self, slot: Slot, group: Slot, faces: &Faces, params: &Params) -> Option<f32> {
        let members = self.members(group);
        if members.contains(&slot) {
            return self.score_of_member(slot, group, faces, params);
        }
        let (face, whole) = (view_of_face(slot, faces)?, self.view(group, faces, params)?);
        (!members.is_empty()).then(|| face.score(&whole, params))
    }

    /// The same for a face that is one of them.
    pub(crate) fn score_of_member(
        &self,
        slot: Slot,
        group: Slot,
        faces: &Faces,
        params: &Params,
    ) -> Option<f32> {
        let (face, whole) = (view_of_face(slot, faces)?, self.view(group, faces, params)?);
        let others = self.members(group).len().checked_sub(1).filter(|others| *others > 0)?;
        let sum = whole.sum.less(face.sum);
        let factor = factor(others, &sum, params);
        let rest = View { sum: Vector::Sum(&sum), factor, share: share(others), least: whole.least };
        Some(face.score(&rest, params))
    }

    /// Who a group is by a human's word.
    pub(crate) fn is(&self, group: Slot, faces: &Faces) -> Option<PersonId> {
        self.said(group, faces).0
    }

    fn said<'a>(&'a self, group: Slot, faces: &'a Faces) -> (Option<PersonId>, &'a [PersonId]) {
        match self.many(group) {
            Some(many) => many.heard.as_ref().map_or((None, &[]), |heard| (heard.is, &heard.is_not)),
            None => {
                let said = faces.said(group);
                (said.is, &said.is_not)
            }
        }
    }

    /// Reads anew what humans said about the members of a group, after they said something about these.
    pub(crate) fn hear(&mut self, group: Slot, about: HashSet<Slot>, faces: &Faces) {
        let Some(mut many) = self.take(group) else { return };
        many.heard.get_or_insert_default().spoken_of.extend(about);
        many.hear(faces);
        self.put(group, many);
        self.change(group);
    }

    /// The strong faces of a group about which humans said something.
    pub(crate) fn spoken_of(&self, group: Slot, faces: &Faces) -> impl Iterator<Item = Slot> {
        let all = match self.many(group) {
            Some(many) => many.heard.as_ref().map_or(&[][..], |heard| &heard.spoken_of),
            None => self.members(group),
        };
        all.iter().copied().filter(|slot| faces.is_spoken_of(*slot))
    }

    /// Whether two groups may be one person: no word of a human's is against it, and they share no photo.
    pub(crate) fn may_meet(&self, a: Slot, b: Slot, faces: &Faces) -> bool {
        let ((a_is, a_not), (b_is, b_not)) = (self.said(a, faces), self.said(b, faces));
        let refused = |is: Option<PersonId>, not: &[PersonId]| is.is_some_and(|person| not.contains(&person));
        let others = a_is.zip(b_is).is_some_and(|(a, b)| a != b);
        // Weak faces are in no group here, but who they are is known before anybody is merged.
        let shares = |is: Option<PersonId>, other: Slot| {
            let kin = is.map_or(&[][..], |person| faces.weak_said_to_be(person));
            kin.iter().any(|slot| faces.siblings(*slot).any(|s| self.of(s) == Some(other)))
        };
        !others
            && !refused(a_is, b_not)
            && !refused(b_is, a_not)
            && (a_is == b_is || !(shares(a_is, b) || shares(b_is, a)))
            && !self.share_a_photo(a, b, faces)
    }

    /// Whether two faces of one photo would come together.
    fn share_a_photo(&self, a: Slot, b: Slot, faces: &Faces) -> bool {
        let (few, other) = if self.members(a).len() <= self.members(b).len() { (a, b) } else { (b, a) };
        self.members(few).iter().any(|slot| faces.siblings(*slot).any(|s| self.of(s) == Some(other)))
    }

    /// Merges the smaller of two groups into the larger one.
    pub(crate) fn merge(&mut self, a: Slot, b: Slot, faces: &Faces, edges: &Edges, params: &Params) {
        let (winner, loser) = self.winner(a, b);
        let (Some((mut to, new_to)), Some((mut from, new_from))) =
            (self.take_or_build(winner, faces), self.take_or_build(loser, faces))
        else {
            return;
        };
        for member in &from.members {
            if let Some(place) = self.places.get_mut(*member) {
                place.of = winner;
            }
        }
        self.count = self.count.saturating_sub(1);
        let mut bringing: Vec<Slot> = Vec::new();
        if to.members.len() + from.members.len() > FEW {
            let sides = [&to, &from].into_iter().filter(|side| side.members.len() <= FEW);
            bringing.extend(sides.flat_map(|side| &side.members));
        }
        to.absorb(&mut from, faces, params);
        self.put(winner, to);
        self.change(winner);
        self.change(loser);
        // What kept no surroundings brings its candidate pairs along.
        for slot in bringing {
            edges.of(slot).for_each(|other| self.note(slot, other));
        }
        // A face that was by itself is in a group.
        for (slot, _) in [(winner, new_to), (loser, new_from)].into_iter().filter(|(_, is_new)| *is_new) {
            edges.of(slot).for_each(|other| self.note(other, slot));
        }
    }

    /// Forgets what can soon be worked out again, where that is much by now.
    pub(crate) fn forget_sums(&mut self) {
        if self.made.get() > MADE {
            self.made.set(0);
            self.groups_mut().for_each(|many| many.forget_sum());
        }
    }

    /// Which of two groups keeps its name in a merge, and which loses it.
    pub(crate) fn winner(&self, a: Slot, b: Slot) -> (Slot, Slot) {
        if self.members(a).len() >= self.members(b).len() { (a, b) } else { (b, a) }
    }

    /// A group to be changed, and whether it was a single face until now.
    fn take_or_build(&mut self, group: Slot, faces: &Faces) -> Option<(Box<Many>, bool)> {
        if let Some(many) = self.take(group) {
            return Some((many, false));
        }
        let face = faces.get(group)?;
        let many = Many::of(group, face, faces);
        Some((Box::new(many), true))
    }
}

mod many;
mod parting;
mod surroundings;
#[cfg(test)]
mod tests;
