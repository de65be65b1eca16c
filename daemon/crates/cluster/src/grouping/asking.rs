//! Who is who: questions to the grouping that change nothing.

use vow_types::{FaceId, PersonId};

use crate::Grouping;
use crate::faces::Slot;

impl Grouping {
    /// The sum-link score at or above which two groups are one person, among as many people as there are now.
    #[must_use]
    pub fn merge_at(&self) -> f32 {
        self.bar
    }

    /// How many groups of strong faces there are, single ones among them: what [`crate::Params::merge_at_among`] counts.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.count()
    }

    /// Whether [`Self::settle`] would find nothing to do. False after [`Self::restore`]: it is not known then whether
    /// what was restored had been settled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether there are faces without a person, which the next [`Self::add`] gives one, be it of nothing.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The person of a face; `None` for a face that is not held.
    #[must_use]
    pub fn person_of(&self, face: FaceId) -> Option<PersonId> {
        self.person(self.faces.slot(face)?)
    }

    /// The faces of a person, in no particular order; none for an id that is not in use.
    pub fn members(&self, person: PersonId) -> impl Iterator<Item = FaceId> {
        self.people
            .group(person)
            .into_iter()
            .flat_map(|group| self.faces_of(group))
            .map(|slot| self.faces.id(slot))
    }

    /// The other held faces of a face's photo, in no particular order; none for a face that is not held.
    pub fn in_photo_with(&self, face: FaceId) -> impl Iterator<Item = FaceId> {
        let others = self.faces.slot(face).into_iter().flat_map(|slot| self.faces.siblings(slot));
        others.map(|slot| self.faces.id(slot))
    }

    /// Everyone, in no particular order.
    pub fn people(&self) -> impl Iterator<Item = PersonId> {
        self.people.iter()
    }

    /// Who a group is by a human's word.
    pub(crate) fn said_of(&self, group: Slot) -> Option<PersonId> {
        self.groups.is(group, &self.faces).or_else(|| self.weak.is(group, &self.faces))
    }

    /// All faces of a group, weak ones too.
    pub(crate) fn faces_of(&self, group: Slot) -> impl Iterator<Item = Slot> {
        self.groups.members(group).iter().chain(self.weak.guests(group)).copied()
    }

    pub(crate) fn group_of(&self, slot: Slot) -> Option<Slot> {
        self.groups.of(slot).or_else(|| self.weak.host(slot))
    }

    pub(crate) fn person(&self, slot: Slot) -> Option<PersonId> {
        self.people.of(self.group_of(slot)?)
    }
}
