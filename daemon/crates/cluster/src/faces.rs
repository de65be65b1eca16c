//! The faces that are held: each in a numbered slot, found by id and by photo.
//!
//! A slot's number stays with its face until the face is removed and is then used again; all other modules speak of
//! slots. Embeddings are held here and nowhere else in this crate. There are hundreds of thousands of faces, so what only
//! few have is held apart, and no face has a list of its own.

use std::collections::HashMap;
use std::ops::Range;

use vow_tables::{Entries, Entry, List, Map};
use vow_types::num::{index, len_u32};
use vow_types::{ContentId, Embedding, FaceId, MaybePerson, PerFace, PersonId};

use crate::{Observation, Said};

/// The number of a held face.
pub(crate) type Slot = u32;

/// The slot that no face has.
pub(crate) const NOWHERE: Slot = Slot::MAX;

/// What humans said about most faces.
static NOTHING: Said = Said { is: None, is_not: Vec::new() };

/// A held face.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) id: FaceId,
    /// 64 bits of its photo's id. They tell millions of photos apart all but certainly; two that they do not are one here, and share
    /// nobody.
    photo: u64,
    /// Another face of the same photo, or itself: a ring of all of them.
    next: Slot,
    pub(crate) strong: bool,
    /// Whether humans said anything about it.
    spoken_of: bool,
    pub(crate) embedding: Embedding,
    /// What the caller was last told (or itself said, on restoring).
    pub(crate) told: MaybePerson,
}

/// All held faces.
#[derive(Debug, Default)]
pub(crate) struct Faces {
    slots: List<Option<Face>>,
    free: Vec<Slot>,
    by_id: PerFace<Slot>,
    /// A face of each photo, found by the photo's bits, which are as good as hashed.
    by_photo: Entries<Slot>,
    /// What humans said, of those about whom they did.
    said: Map<Slot, Said>,
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
        let photo = bits(&photo);
        let face = Face { id, photo, next: NOWHERE, strong, spoken_of: false, embedding, told };
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
        self.enter_ring(slot, photo);
        self.say(slot, said);
        Some(slot)
    }

    /// Puts a face behind the one of its photo that is known, or begins a ring.
    fn enter_ring(&mut self, slot: Slot, photo: u64) {
        let Self { slots, by_photo, .. } = self;
        let of = |slot: &Slot| photo_of(slots, *slot);
        let known = match by_photo.entry(photo, |known| of(known) == photo, of) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => *free.insert(slot).get(),
        };
        let next = self.get_mut(known).map_or(slot, |face| std::mem::replace(&mut face.next, slot));
        if let Some(face) = self.get_mut(slot).filter(|_| known != slot) {
            face.next = next;
        }
    }

    fn leave_ring(&mut self, slot: Slot, photo: u64) {
        let ring: Vec<Slot> = self.siblings(slot).collect();
        let Self { slots, by_photo, .. } = self;
        let Ok(mut known) = by_photo.find_entry(photo, |known| photo_of(slots, *known) == photo) else {
            return;
        };
        let (Some(next), Some(before)) = (ring.first().copied(), ring.last().copied()) else {
            known.remove();
            return;
        };
        *known.get_mut() = before;
        if let Some(face) = self.get_mut(before) {
            face.next = next;
        }
    }

    /// Replaces what humans said about a face.
    pub(crate) fn say(&mut self, slot: Slot, mut said: Said) {
        said.is_not.retain(|person| said.is != Some(*person));
        let Some(face) = self.slots.get_mut(index(slot)).and_then(Option::as_mut) else { return };
        let (strong, now) = (face.strong, said.is);
        face.spoken_of = said != NOTHING;
        let before = if face.spoken_of { self.said.insert(slot, said) } else { self.said.remove(&slot) };
        let before = before.and_then(|before| before.is);
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
        self.get(slot).is_some_and(|face| face.spoken_of)
    }

    /// What humans said about this face.
    pub(crate) fn said(&self, slot: Slot) -> &Said {
        if self.is_spoken_of(slot) { self.said.get(&slot).unwrap_or(&NOTHING) } else { &NOTHING }
    }

    /// Who humans said this face is.
    pub(crate) fn is(&self, slot: Slot) -> Option<PersonId> {
        self.said(slot).is
    }

    /// Whether humans said that this face is not this person.
    pub(crate) fn is_not(&self, slot: Slot, person: Option<PersonId>) -> bool {
        person.is_some_and(|person| self.said(slot).is_not.contains(&person))
    }

    /// Forgets a face; its slot may be given to another one.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Face> {
        self.say(slot, Said::default());
        let photo = self.get(slot)?.photo;
        self.leave_ring(slot, photo);
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
        let next = move |at: Slot| self.get(at).map(|face| face.next).filter(|next| *next != slot);
        std::iter::successors(next(slot), move |at| next(*at))
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

fn bits(ContentId(photo): &ContentId) -> u64 {
    photo.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn photo_of(slots: &[Option<Face>], slot: Slot) -> u64 {
    slots.get(index(slot)).and_then(Option::as_ref).map_or(0, |face| face.photo)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn photo(number: u8) -> ContentId {
        ContentId([number; 32])
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
                let photos: BTreeSet<u8> = model.values().copied().collect();
                prop_assert_eq!(faces.by_photo.len(), photos.len());
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
        assert!(size_of::<Option<Face>>() <= 48, "{}", size_of::<Option<Face>>());
    }
}
