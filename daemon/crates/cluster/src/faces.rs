//! The faces that are held: each in a numbered slot, found by id and by photo.
//!
//! A slot's number stays with its face until the face is removed and is then used again; all other modules speak of
//! slots. Embeddings are held here and nowhere else.

use std::collections::HashMap;

use vow_types::num::{index, len_u32};
use vow_types::{ContentId, Embedding, FaceId, PersonId};

use crate::{Observation, Said};

/// The number of a held face.
pub(crate) type Slot = u32;

/// The slot that no face has.
pub(crate) const NOWHERE: Slot = Slot::MAX;

/// A held face.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) id: FaceId,
    pub(crate) photo: ContentId,
    pub(crate) embedding: Embedding,
    pub(crate) strong: bool,
    pub(crate) said: Said,
    /// What the caller was last told (or itself said, on restoring).
    pub(crate) told: Option<PersonId>,
    /// Whom a decision that was taken back had made somebody else; heeded once.
    pub(crate) was: Option<PersonId>,
}

/// All held faces.
#[derive(Debug, Default)]
pub(crate) struct Faces {
    slots: Vec<Option<Face>>,
    free: Vec<Slot>,
    by_id: HashMap<FaceId, Slot>,
    by_photo: HashMap<ContentId, Vec<Slot>>,
    /// The faces that humans said are this person.
    by_person: HashMap<PersonId, Vec<Slot>>,
    /// The weak ones of these.
    weak_by_person: HashMap<PersonId, Vec<Slot>>,
}

impl Faces {
    /// Takes a face in and says its slot; `None` when it is held already (a face never changes) or when every one of
    /// the 2^32 - 1 slots is in use.
    pub(crate) fn insert(&mut self, observation: Observation, told: Option<PersonId>) -> Option<Slot> {
        let Observation { face: id, photo, embedding, strong, said } = observation;
        if self.by_id.contains_key(&id) {
            return None;
        }
        let face = Face { id, photo, embedding, strong, said: Said::default(), told, was: None };
        let slot = match self.free.pop() {
            Some(slot) => {
                *self.slots.get_mut(index(slot))? = Some(face);
                slot
            }
            None => {
                let slot = Some(len_u32(self.slots.len())).filter(|slot| *slot != NOWHERE)?;
                self.slots.push(Some(face));
                slot
            }
        };
        self.by_id.insert(id, slot);
        self.by_photo.entry(photo).or_default().push(slot);
        self.say(slot, said);
        Some(slot)
    }

    /// Replaces what humans said about a face.
    pub(crate) fn say(&mut self, slot: Slot, mut said: Said) {
        said.is_not.retain(|person| said.is != Some(*person));
        let Some(face) = self.slots.get_mut(index(slot)).and_then(Option::as_mut) else { return };
        let strong = face.strong;
        let (before, now) = (std::mem::replace(&mut face.said, said).is, face.said.is);
        if before == now {
            return;
        }
        for (table, concerned) in [(&mut self.by_person, true), (&mut self.weak_by_person, !strong)] {
            if !concerned {
                continue;
            }
            if let Some(before) = before
                && let Some(slots) = table.get_mut(&before)
            {
                slots.retain(|s| *s != slot);
                if slots.is_empty() {
                    table.remove(&before);
                }
            }
            if let Some(now) = now {
                table.entry(now).or_default().push(slot);
            }
        }
    }

    /// Everyone some face is by a human's word, in the order of their ids.
    pub(crate) fn said_people(&self) -> Vec<PersonId> {
        let mut people: Vec<PersonId> = self.by_person.keys().copied().collect();
        people.sort_unstable();
        people
    }

    /// The faces that humans said are this person, in no particular order.
    pub(crate) fn said_to_be(&self, person: PersonId) -> &[Slot] {
        self.by_person.get(&person).map_or(&[], Vec::as_slice)
    }

    /// The weak ones of these.
    pub(crate) fn weak_said_to_be(&self, person: PersonId) -> &[Slot] {
        self.weak_by_person.get(&person).map_or(&[], Vec::as_slice)
    }

    /// Who humans said this face is.
    pub(crate) fn is(&self, slot: Slot) -> Option<PersonId> {
        self.get(slot)?.said.is
    }

    /// Whether humans said that this face is not this person.
    pub(crate) fn is_not(&self, slot: Slot, person: Option<PersonId>) -> bool {
        person.is_some_and(|person| self.get(slot).is_some_and(|face| face.said.is_not.contains(&person)))
    }

    /// Forgets a face; its slot may be given to another one.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Face> {
        self.say(slot, Said::default());
        let face = self.slots.get_mut(index(slot))?.take()?;
        self.free.push(slot);
        self.by_id.remove(&face.id);
        if let Some(slots) = self.by_photo.get_mut(&face.photo) {
            slots.retain(|s| *s != slot);
            if slots.is_empty() {
                self.by_photo.remove(&face.photo);
            }
        }
        Some(face)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Face> {
        self.slots.get(index(slot))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Face> {
        self.slots.get_mut(index(slot))?.as_mut()
    }

    pub(crate) fn slot(&self, id: FaceId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn id(&self, slot: Slot) -> FaceId {
        self.get(slot).map_or(FaceId(u64::MAX), |face| face.id)
    }

    pub(crate) fn is_strong(&self, slot: Slot) -> bool {
        self.get(slot).is_some_and(|face| face.strong)
    }

    /// The other faces of the same photo.
    pub(crate) fn siblings(&self, slot: Slot) -> impl Iterator<Item = Slot> {
        let all =
            self.get(slot).and_then(|face| self.by_photo.get(&face.photo)).map_or(&[][..], Vec::as_slice);
        all.iter().copied().filter(move |other| *other != slot)
    }

    /// All held faces, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Face)> {
        (0..).zip(&self.slots).filter_map(|(slot, face)| Some((slot, face.as_ref()?)))
    }

    /// One more than the largest slot ever used.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }
}
