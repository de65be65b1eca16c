//! A face that is held from now on, one that is not any more, and what that changes in what is known of the others.

use vow_types::PersonId;

use crate::faces::Slot;
use crate::survey::{Change, is_too_much};
use crate::{Grouping, Move, Observation};

impl Grouping {
    /// Holds a face, by itself; its slot, `None` when it is held already.
    pub(super) fn insert(&mut self, observation: Observation, told: Option<PersonId>) -> Option<Slot> {
        let strong = observation.strong;
        let slot = self.faces.insert(observation, told)?;
        self.edges.grow(slot);
        if let Some(survey) = &mut self.survey {
            survey.grow(slot);
        }
        self.note(Change::Came(slot));
        self.groups.insert(slot, strong);
        if !strong {
            self.weak.insert(slot);
        }
        self.unsettle();
        Some(slot)
    }

    /// Forgets a face that is in no group with others, or a weak one.
    pub(super) fn forget(&mut self, slot: Slot) -> Option<Move> {
        if let Some((from, to)) = self.weak.detach(slot) {
            self.people.rename(from, to);
        }
        self.people.release(slot);
        self.weak.remove(slot);
        self.groups.remove(slot, &self.edges.forget(slot));
        if let Some(survey) = &mut self.survey {
            survey.forget(slot);
        }
        self.touched.remove(&slot);
        self.was.remove(&slot);
        self.unsettle();
        let face = self.faces.remove(slot)?;
        if !face.strong {
            self.note(Change::Left(face.embedding));
        }
        Some(Move { face: face.id, person: None })
    }

    /// Notes what changes the answers that an exact pass builds on.
    fn note(&mut self, change: Change) {
        let Self { params, edges, survey, changes, .. } = self;
        let Some(list) = changes else { return };
        list.push(change);
        let is_too_much = match survey {
            Some(survey) => survey.is_outdated(list, params),
            None => is_too_much(list.len(), edges, params),
        };
        if is_too_much {
            (*survey, *changes) = (None, None);
        }
    }
}
