//! Who is where, for answering questions: a copy of the grouping's outcome that readers can have at any time, while the
//! grouping itself belongs to the people thread.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use vow_cluster::Move;
use vow_store::PersonRow;
use vow_types::{ContentId, FaceId, PersonId};

/// People without a name count as people from this many faces on.
pub(crate) const LEAST_FACES: usize = 3;

#[derive(Debug, Clone, Copy)]
struct Member {
    photo: ContentId,
    person: Option<PersonId>,
}

/// The faces of photos that have a file, and the people they belong to.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    faces: HashMap<FaceId, Member>,
    photos: HashMap<ContentId, Vec<FaceId>>,
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
        if let Entry::Vacant(place) = self.faces.entry(face) {
            place.insert(Member { photo, person: None });
            self.photos.entry(photo).or_default().push(face);
        }
    }

    /// A face is no longer visible.
    pub(crate) fn hide(&mut self, face: FaceId) {
        self.put(face, None);
        let Some(Member { photo, .. }) = self.faces.remove(&face) else { return };
        if let Some(faces) = self.photos.get_mut(&photo) {
            faces.retain(|other| *other != face);
            if faces.is_empty() {
                self.photos.remove(&photo);
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
        Some(self.faces.get(&face)?.photo)
    }

    /// Who is in a photo; as often as there are faces of theirs.
    pub(crate) fn people_in(&self, photo: &ContentId) -> impl Iterator<Item = PersonId> {
        let faces = self.photos.get(photo).map_or(&[][..], Vec::as_slice);
        faces.iter().filter_map(|face| self.person_of(*face))
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
