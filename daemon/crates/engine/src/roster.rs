//! Who is where, for answering questions: a copy of the grouping's outcome that readers can have at any time, while the
//! grouping itself belongs to the people thread.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use vow_cluster::Move;
use vow_store::PersonRow;
use vow_types::{ContentId, FaceId, PersonId, num};

/// People without a name count as people from this many faces on.
pub(crate) const LEAST_FACES: usize = 3;

#[derive(Debug, Clone, Copy)]
struct Member {
    /// Its place in the list of photos.
    photo: u32,
    person: Option<PersonId>,
}

/// A photo with faces that are visible.
#[derive(Debug, Clone, Copy)]
struct Photo {
    content: ContentId,
    faces: u32,
}

/// The faces of photos that have a file, and the people they belong to.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    faces: HashMap<FaceId, Member>,
    /// A photo's faces come one after the other, nearly always; one whose faces did not is here more than once.
    photos: Vec<Photo>,
    /// Places in the list that are free.
    free: Vec<u32>,
    /// The photo that a face was shown of last.
    last: u32,
    people: HashMap<PersonId, Vec<FaceId>>,
    names: HashMap<PersonId, String>,
    hidden: HashSet<PersonId>,
    covers: HashMap<PersonId, FaceId>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) faces: usize,
    pub(crate) groups: usize,
    pub(crate) people: usize,
    pub(crate) named: usize,
}

impl Roster {
    /// A face became visible; it has no person yet.
    pub(crate) fn show(&mut self, face: FaceId, photo: ContentId) {
        let Entry::Vacant(place) = self.faces.entry(face) else { return };
        let known = self.photos.get_mut(num::index(self.last));
        if let Some(known) = known.filter(|known| known.content == photo && known.faces > 0) {
            known.faces += 1;
        } else {
            let new = Photo { content: photo, faces: 1 };
            match self.free.pop().and_then(|at| Some((at, self.photos.get_mut(num::index(at))?))) {
                Some((at, free)) => (self.last, *free) = (at, new),
                None => {
                    self.last = num::len_u32(self.photos.len());
                    self.photos.push(new);
                }
            }
        }
        place.insert(Member { photo: self.last, person: None });
    }

    /// A face is no longer visible.
    pub(crate) fn hide(&mut self, face: FaceId) {
        self.put(face, None);
        let Some(Member { photo, .. }) = self.faces.remove(&face) else { return };
        if let Some(known) = self.photos.get_mut(num::index(photo)) {
            known.faces = known.faces.saturating_sub(1);
            if known.faces == 0 {
                self.free.push(photo);
            }
        }
    }

    pub(crate) fn contains(&self, face: FaceId) -> bool {
        self.faces.contains_key(&face)
    }

    /// Carries out what the grouping decided.
    pub(crate) fn apply(&mut self, moves: &[Move]) {
        for step in moves {
            self.put(step.face, step.person);
        }
    }

    fn put(&mut self, face: FaceId, person: Option<PersonId>) {
        let Some(member) = self.faces.get_mut(&face) else { return };
        let before = std::mem::replace(&mut member.person, person);
        if before == person {
            return;
        }
        if let Some(before) = before
            && let Some(faces) = self.people.get_mut(&before)
        {
            if let Some(at) = faces.iter().position(|other| *other == face) {
                faces.swap_remove(at);
            }
            if faces.is_empty() {
                self.people.remove(&before);
            }
        }
        if let Some(person) = person {
            self.people.entry(person).or_default().push(face);
        }
    }

    /// Takes in what is known of a person.
    pub(crate) fn describe(&mut self, row: &PersonRow) {
        match &row.name {
            Some(name) => drop(self.names.insert(row.id, name.clone())),
            None => drop(self.names.remove(&row.id)),
        }
        match row.cover {
            Some(face) => drop(self.covers.insert(row.id, face)),
            None => drop(self.covers.remove(&row.id)),
        }
        if row.hidden {
            self.hidden.insert(row.id);
        } else {
            self.hidden.remove(&row.id);
        }
    }

    pub(crate) fn is_hidden(&self, person: PersonId) -> bool {
        self.hidden.contains(&person)
    }

    /// The face that a human chose to stand for a person, if it is theirs.
    pub(crate) fn cover_of(&self, person: PersonId) -> Option<FaceId> {
        self.covers.get(&person).copied().filter(|face| self.person_of(*face) == Some(person))
    }

    pub(crate) fn person_of(&self, face: FaceId) -> Option<PersonId> {
        self.faces.get(&face)?.person
    }

    pub(crate) fn photo_of(&self, face: FaceId) -> Option<ContentId> {
        let photo = self.faces.get(&face)?.photo;
        Some(self.photos.get(num::index(photo))?.content)
    }

    /// Who is in these photos, each person once for each photo. Looks at every face.
    pub(crate) fn people_in(&self, photos: &HashSet<ContentId>) -> HashSet<(ContentId, PersonId)> {
        let wanted = |photo: &Photo| photos.contains(&photo.content).then_some(photo.content);
        let wanted: Vec<Option<ContentId>> = self.photos.iter().map(wanted).collect();
        let seen = |member: &Member| Some(((*wanted.get(num::index(member.photo))?)?, member.person?));
        self.faces.values().filter_map(seen).collect()
    }

    pub(crate) fn name_of(&self, person: PersonId) -> Option<&str> {
        self.names.get(&person).map(String::as_str)
    }

    /// The person's visible faces; empty when there are none.
    pub(crate) fn members(&self, person: PersonId) -> &[FaceId] {
        self.people.get(&person).map_or(&[], Vec::as_slice)
    }

    /// Whether there is such a person: with faces, or with a name.
    pub(crate) fn exists(&self, person: PersonId) -> bool {
        self.people.contains_key(&person) || self.names.contains_key(&person)
    }

    /// Everyone with at least `least` faces or a name, in no particular order.
    pub(crate) fn everyone(&self, least: usize) -> Vec<PersonId> {
        let nameless = self.people.iter().filter(|(id, _)| !self.names.contains_key(id));
        let large = nameless.filter(|(_, faces)| faces.len() >= least).map(|(id, _)| *id);
        self.names.keys().copied().chain(large).collect()
    }

    pub(crate) fn census(&self) -> Census {
        let nameless = self.people.iter().filter(|(id, _)| !self.names.contains_key(id));
        Census {
            faces: self.faces.len(),
            groups: self.people.len(),
            people: self.names.len() + nameless.filter(|(_, faces)| faces.len() >= LEAST_FACES).count(),
            named: self.names.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(face: u64, person: Option<u64>) -> Move {
        Move { face: FaceId(face), person: person.map(PersonId) }
    }

    #[test]
    fn faces_move_and_empty_people_go() {
        let mut roster = Roster::default();
        for face in 0..4 {
            roster.show(FaceId(face), ContentId([0; 32]));
        }
        roster.apply(&[step(0, Some(1)), step(1, Some(1)), step(2, Some(1)), step(3, Some(2))]);
        assert_eq!(roster.census(), Census { faces: 4, groups: 2, people: 1, named: 0 });
        roster.apply(&[step(3, Some(1)), step(9, Some(7))]);
        assert_eq!(roster.census(), Census { faces: 4, groups: 1, people: 1, named: 0 });
        roster.hide(FaceId(3));
        assert_eq!(roster.members(PersonId(1)).len(), 3);
        assert_eq!(roster.person_of(FaceId(3)), None);
    }

    /// Faces that come and go, photo by photo and mixed, lie in the photo they were shown in, and places are used again.
    #[test]
    fn faces_know_their_photos() {
        let mut roster = Roster::default();
        let photo = |number: u64| ContentId([u8::try_from(number % 5).unwrap(); 32]);
        for round in 0..20 {
            for face in 0..40u64 {
                roster.show(FaceId(face), photo(if round % 2 == 0 { face / 8 } else { face }));
                roster.show(FaceId(face), photo(face + 1));
            }
            for face in 0..40u64 {
                let expected = photo(if round % 2 == 0 { face / 8 } else { face });
                assert_eq!(roster.photo_of(FaceId(face)), Some(expected));
            }
            (0..40).rev().for_each(|face| roster.hide(FaceId(face)));
            assert_eq!(roster.photo_of(FaceId(0)), None);
        }
        assert!(roster.photos.len() <= 40, "{}", roster.photos.len());
        assert_eq!(roster.free.len(), roster.photos.len());
    }

    #[test]
    fn a_name_outlives_the_last_face() {
        let mut roster = Roster::default();
        roster.show(FaceId(0), ContentId([0; 32]));
        roster.apply(&[step(0, Some(1))]);
        let row =
            PersonRow { id: PersonId(1), name: Some("Ada".into()), hidden: false, cover: None, created: 0 };
        roster.describe(&row);
        roster.hide(FaceId(0));
        assert!(roster.exists(PersonId(1)));
        assert_eq!(roster.everyone(3), [PersonId(1)]);
    }
}
