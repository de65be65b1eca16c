//! The faces that are held: each in a numbered slot, found by id and by photo.
//!
//! A slot's number stays with its face until the face is removed and is then used again; all other modules speak of
//! slots. Embeddings are held here and nowhere else in this crate. There are hundreds of thousands of faces, so what only
//! few have is held apart, and no face has a list of its own.

use std::collections::HashMap;
use std::ops::{Deref, Range};

use vow_types::num::{index, len_u32};
use vow_types::{ContentId, Embedding, FaceId, MaybePerson, PerFace, PersonId, room_for};

use crate::{Observation, Said};

/// The number of a held face.
pub(crate) type Slot = u32;

/// The slot that no face has.
pub(crate) const NOWHERE: Slot = Slot::MAX;

/// What humans said about a face: about most nothing, which takes the room of a pointer.
#[derive(Debug, Default)]
pub(crate) struct Spoken(Option<Box<Said>>);

impl Deref for Spoken {
    type Target = Said;

    fn deref(&self) -> &Said {
        static NOTHING: Said = Said { is: None, is_not: Vec::new() };
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

/// Half of a photo's id: 128 bits of a hash tell photos apart as well as all 256 do.
type Photo = [u64; 2];

/// A held face.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) id: FaceId,
    photo: Photo,
    /// Another face of the same photo, or itself: a ring of all of them.
    next: Slot,
    pub(crate) strong: bool,
    pub(crate) embedding: Embedding,
    pub(crate) said: Spoken,
    /// What the caller was last told (or itself said, on restoring).
    pub(crate) told: MaybePerson,
}

/// All held faces.
#[derive(Debug, Default)]
pub(crate) struct Faces {
    slots: Vec<Option<Face>>,
    free: Vec<Slot>,
    by_id: PerFace<Slot>,
    /// A face of each photo, by the first bytes of the photo's id. Should those of two photos be the same, all their faces
    /// are in one ring.
    by_photo: HashMap<u64, Slot>,
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
        let told = told.into();
        if self.by_id.contains(id) {
            return None;
        }
        let said_nothing = Spoken::default();
        let photo = halved(&photo);
        let face = Face { id, photo, next: NOWHERE, strong, embedding, said: said_nothing, told };
        let slot = match self.free.pop() {
            Some(slot) => {
                *self.slots.get_mut(index(slot))? = Some(face);
                slot
            }
            None => {
                let slot = Some(len_u32(self.slots.len())).filter(|slot| *slot != NOWHERE)?;
                room_for(&mut self.slots, 1);
                self.slots.push(Some(face));
                slot
            }
        };
        self.by_id.insert(id, slot);
        self.enter_ring(slot, photo[0]);
        self.say(slot, said);
        Some(slot)
    }

    /// Puts a face behind the one of its photo that is known, or begins a ring.
    fn enter_ring(&mut self, slot: Slot, key: u64) {
        let known = *self.by_photo.entry(key).or_insert(slot);
        let next = self.get_mut(known).map_or(slot, |face| std::mem::replace(&mut face.next, slot));
        if let Some(face) = self.get_mut(slot).filter(|_| known != slot) {
            face.next = next;
        }
    }

    fn leave_ring(&mut self, slot: Slot, key: u64) {
        let ring: Vec<Slot> = self.ring(slot).collect();
        let (Some(next), Some(before)) = (ring.first().copied(), ring.last().copied()) else {
            self.by_photo.remove(&key);
            return;
        };
        if let Some(face) = self.get_mut(before) {
            face.next = next;
        }
        self.by_photo.insert(key, before);
    }

    /// The others of a face's ring, from the next one on.
    fn ring(&self, slot: Slot) -> impl Iterator<Item = Slot> {
        let next = move |at: Slot| self.get(at).map(|face| face.next).filter(|next| *next != slot);
        std::iter::successors(next(slot), move |at| next(*at))
    }

    /// Replaces what humans said about a face.
    pub(crate) fn say(&mut self, slot: Slot, mut said: Said) {
        said.is_not.retain(|person| said.is != Some(*person));
        let Some(face) = self.slots.get_mut(index(slot)).and_then(Option::as_mut) else { return };
        let strong = face.strong;
        let said = Spoken(Some(said).filter(|said| *said != Said::default()).map(Box::new));
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

    /// Whether humans said anything about this face.
    pub(crate) fn is_spoken_of(&self, slot: Slot) -> bool {
        self.get(slot).is_some_and(|face| face.said.0.is_some())
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
        let [key, _] = self.get(slot)?.photo;
        self.leave_ring(slot, key);
        let face = self.slots.get_mut(index(slot))?.take()?;
        self.free.push(slot);
        self.by_id.remove(face.id);
        Some(face)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Face> {
        self.slots.get(index(slot))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Face> {
        self.slots.get_mut(index(slot))?.as_mut()
    }

    pub(crate) fn slot(&self, id: FaceId) -> Option<Slot> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn id(&self, slot: Slot) -> FaceId {
        self.get(slot).map_or(FaceId(u64::MAX), |face| face.id)
    }

    pub(crate) fn is_strong(&self, slot: Slot) -> bool {
        self.get(slot).is_some_and(|face| face.strong)
    }

    /// The other faces of the same photo.
    pub(crate) fn siblings(&self, slot: Slot) -> impl Iterator<Item = Slot> {
        let photo = self.get(slot).map(|face| face.photo);
        self.ring(slot).filter(move |other| self.get(*other).map(|face| face.photo) == photo)
    }

    /// Takes the embeddings that `of` has in place of equal ones, for the faces in these slots.
    pub(crate) fn share(&mut self, slots: Range<usize>, of: &dyn Fn(FaceId) -> Option<Embedding>) {
        let slots = slots.start..slots.end.min(self.slots.len());
        for face in self.slots.get_mut(slots).into_iter().flatten().flatten() {
            if let Some(embedding) = of(face.id).filter(|embedding| *embedding == face.embedding) {
                face.embedding = embedding;
            }
        }
    }

    /// All held faces, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Face)> {
        (0..).zip(&self.slots).filter_map(|(slot, face)| Some((slot, face.as_ref()?)))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.by_id.len()
    }

    /// One more than the largest slot ever used.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }
}

fn halved(ContentId(photo): &ContentId) -> Photo {
    let [first, second, ..] = photo.as_chunks::<8>().0 else { return [0; 2] };
    [first, second].map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// Photos 0 to 3, of which two begin with the same bytes.
    fn photo(number: u8) -> ContentId {
        let mut id = [number / 2; 32];
        id[15] = number;
        ContentId(id)
    }

    proptest! {
        /// Against a plain map from face to photo.
        #[test]
        fn siblings_are_the_others_of_the_photo(steps in prop::collection::vec((0u64..12, 0u8..4), 0..60)) {
            let mut faces = Faces::default();
            let mut model: BTreeMap<u64, u8> = BTreeMap::new();
            for (id, of) in steps {
                if model.remove(&id).is_some() {
                    let slot = faces.slot(FaceId(id)).unwrap();
                    prop_assert_eq!(faces.remove(slot).unwrap().id, FaceId(id));
                } else {
                    model.insert(id, of);
                    let embedding = Embedding::from_raw(&[1.0]).unwrap();
                    let said = Said::default();
                    let face =
                        Observation { face: FaceId(id), photo: photo(of), embedding, strong: true, said };
                    prop_assert!(faces.insert(face, None).is_some());
                }
                for (id, of) in &model {
                    let slot = faces.slot(FaceId(*id)).unwrap();
                    let found: Vec<FaceId> = faces.siblings(slot).map(|slot| faces.id(slot)).collect();
                    let others = model.iter().filter(|(other, photo)| *other != id && *photo == of);
                    let expected: BTreeSet<FaceId> = others.map(|(other, _)| FaceId(*other)).collect();
                    prop_assert_eq!(found.len(), expected.len());
                    prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
                }
                let rings: BTreeSet<u8> = model.values().map(|of| of / 2).collect();
                prop_assert_eq!(faces.by_photo.len(), rings.len());
            }
        }
    }

    #[test]
    fn equal_embeddings_are_shared_and_others_stay() {
        let mut faces = Faces::default();
        let raws = [[1.0, 0.0], [0.0, 1.0]];
        for (id, raw) in (0..).zip(raws) {
            let embedding = Embedding::from_raw(&raw).unwrap();
            let (photo, said) = (photo(0), Said::default());
            faces.insert(Observation { face: FaceId(id), photo, embedding, strong: true, said }, None);
        }
        let one = Embedding::from_raw(&raws[0]).unwrap();
        let held = |faces: &Faces, slot| faces.get(slot).unwrap().embedding.steps().as_ptr();
        faces.share(1..9, &|_| Some(one.clone()));
        assert_ne!(held(&faces, 0), one.steps().as_ptr());
        faces.share(0..1, &|_| Some(one.clone()));
        assert_eq!(held(&faces, 0), one.steps().as_ptr());
        let held = |slot| faces.get(slot).unwrap().embedding.steps();
        assert_eq!(held(1), Embedding::from_raw(&raws[1]).unwrap().steps());
    }

    /// What a hundred thousand of them cost is what they are here.
    #[test]
    fn a_face_is_small() {
        assert!(size_of::<Option<Face>>() <= 64, "{}", size_of::<Option<Face>>());
    }
}
