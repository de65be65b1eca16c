//! Who is where, for answering questions: a copy of the grouping's outcome that readers can have at any time, while the
//! grouping itself belongs to the people thread.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use vow_cluster::Move;
use vow_store::PersonRow;
use vow_types::{ContentId, FaceId, MaybePerson, PerFace, PersonId, num, room_for};

/// People without a name count as people from this many faces on.
pub(crate) const LEAST_FACES: usize = 3;

/// What a face is shown with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shown {
    pub(crate) photo: ContentId,
    /// When that was taken, seconds since 1970.
    pub(crate) taken: Option<i64>,
    pub(crate) quality: f32,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    /// Its place in the list of photos.
    photo: u32,
    /// Its place among the faces of its person.
    at: u32,
    quality: f32,
    person: MaybePerson,
}

/// A photo with faces that are visible.
#[derive(Debug, Clone, Copy)]
struct Photo {
    content: ContentId,
    faces: u32,
    taken: Option<i64>,
}

/// A person as the roster has them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) name: Option<String>,
    pub(crate) hidden: bool,
    pub(crate) faces: usize,
    pub(crate) photos: usize,
    /// The face that a human chose, otherwise the one of the best quality.
    pub(crate) cover: Option<FaceId>,
    /// Capture time of the first and the last photo that has one.
    pub(crate) taken: Option<(i64, i64)>,
}

/// The faces of photos that have a file, and the people they belong to.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    faces: PerFace<Member>,
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
    pub(crate) fn show(&mut self, face: FaceId, Shown { photo, taken, quality }: Shown) {
        if self.faces.contains(face) {
            return;
        }
        let known = self.photos.get_mut(num::index(self.last));
        if let Some(known) = known.filter(|known| known.content == photo && known.faces > 0) {
            known.faces += 1;
            known.taken = taken;
        } else {
            let new = Photo { content: photo, faces: 1, taken };
            match self.free.pop().and_then(|at| Some((at, self.photos.get_mut(num::index(at))?))) {
                Some((at, free)) => (self.last, *free) = (at, new),
                None => {
                    self.last = num::len_u32(self.photos.len());
                    room_for(&mut self.photos, 1);
                    self.photos.push(new);
                }
            }
        }
        self.faces.insert(face, Member { photo: self.last, at: 0, quality, person: None.into() });
    }

    /// A face is no longer visible.
    pub(crate) fn hide(&mut self, face: FaceId) {
        self.put(face, None);
        let Some(Member { photo, .. }) = self.faces.remove(face) else { return };
        if let Some(known) = self.photos.get_mut(num::index(photo)) {
            known.faces = known.faces.saturating_sub(1);
            if known.faces == 0 {
                self.free.push(photo);
            }
        }
    }

    /// When the photo of a face was taken is known now, or known better.
    pub(crate) fn date(&mut self, face: FaceId, taken: Option<i64>) {
        let Some(photo) = self.faces.get(face).map(|member| num::index(member.photo)) else { return };
        if let Some(photo) = self.photos.get_mut(photo) {
            photo.taken = taken;
        }
    }

    /// What a face is worth is known better now.
    pub(crate) fn judge(&mut self, face: FaceId, quality: f32) {
        if let Some(member) = self.faces.get_mut(face) {
            member.quality = quality;
        }
    }

    /// What a visible face is worth, 0 to 1.
    pub(crate) fn quality_of(&self, face: FaceId) -> Option<f32> {
        Some(self.faces.get(face)?.quality)
    }

    pub(crate) fn contains(&self, face: FaceId) -> bool {
        self.faces.contains(face)
    }

    /// Carries out what the grouping decided.
    pub(crate) fn apply(&mut self, moves: &[Move]) {
        for step in moves {
            self.put(step.face, step.person);
        }
    }

    fn put(&mut self, face: FaceId, person: Option<PersonId>) {
        let Some(member) = self.faces.get_mut(face) else { return };
        let (before, at) =
            (std::mem::replace(&mut member.person, person.into()).get(), num::index(member.at));
        if before == person {
            return;
        }
        if let Some(before) = before
            && let Some(faces) = self.people.get_mut(&before)
        {
            // The last one takes its place.
            if faces.get(at) == Some(&face) {
                faces.swap_remove(at);
            }
            let moved = faces.get(at).and_then(|moved| self.faces.get_mut(*moved));
            moved.into_iter().for_each(|moved| moved.at = num::len_u32(at));
            if faces.is_empty() {
                self.people.remove(&before);
            }
        }
        let Some(person) = person else { return };
        let faces = self.people.entry(person).or_default();
        if let Some(member) = self.faces.get_mut(face) {
            member.at = num::len_u32(faces.len());
        }
        room_for(faces, 1);
        faces.push(face);
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
        self.faces.get(face)?.person.get()
    }

    pub(crate) fn photo_of(&self, face: FaceId) -> Option<ContentId> {
        let photo = self.faces.get(face)?.photo;
        Some(self.photos.get(num::index(photo))?.content)
    }

    /// When the photo of a visible face was taken.
    pub(crate) fn taken_of(&self, face: FaceId) -> Option<i64> {
        let photo = self.faces.get(face)?.photo;
        self.photos.get(num::index(photo))?.taken
    }

    /// Somebody with faces or a name.
    pub(crate) fn person(&self, person: PersonId) -> Option<Known> {
        if !self.exists(person) {
            return None;
        }
        let members = self.members(person);
        let (mut photos, mut best) = (HashSet::with_capacity(members.len()), None::<(f32, FaceId)>);
        let mut taken: Option<(i64, i64)> = None;
        for face in members {
            let Some(member) = self.faces.get(*face) else { continue };
            if best.is_none_or(|(quality, id)| (member.quality, Reverse(*face)) > (quality, Reverse(id))) {
                best = Some((member.quality, *face));
            }
            let Some(photo) = self.photos.get(num::index(member.photo)) else { continue };
            photos.insert(photo.content);
            if let Some(time) = photo.taken {
                taken = Some(taken.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
            }
        }
        Some(Known {
            name: self.name_of(person).map(str::to_owned),
            hidden: self.is_hidden(person),
            faces: members.len(),
            photos: photos.len(),
            cover: self.cover_of(person).or(best.map(|(_, face)| face)),
            taken,
        })
    }

    /// A person's faces of the best quality, the best first.
    pub(crate) fn best_of(&self, person: PersonId, most: usize) -> Vec<FaceId> {
        let quality = |face: &FaceId| self.faces.get(*face).map_or(0.0, |member| member.quality);
        let mut faces: Vec<(f32, FaceId)> =
            self.members(person).iter().map(|face| (quality(face), *face)).collect();
        faces.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        faces.into_iter().take(most).map(|(_, face)| face).collect()
    }

    /// Who is in these photos, each person once for each photo. Looks at every face.
    pub(crate) fn people_in(&self, photos: &HashSet<ContentId>) -> HashSet<(ContentId, PersonId)> {
        let wanted = |photo: &Photo| photos.contains(&photo.content).then_some(photo.content);
        let wanted: Vec<Option<ContentId>> = self.photos.iter().map(wanted).collect();
        let seen = |member: &Member| Some(((*wanted.get(num::index(member.photo))?)?, member.person.get()?));
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
mod tests;
