//! Who is where, for answering questions: a copy of the grouping's outcome that readers can have at any time, while the
//! grouping itself belongs to the people thread.

mod summary;
mod theirs;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use vow_cluster::Move;
use vow_store::PersonRow;
use vow_tables::{List, Map};
use vow_types::{ContentId, FaceId, MaybePerson, PerFace, PersonId, num};

use summary::Ends;
pub(crate) use summary::Known;
use theirs::Theirs;

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

/// In as few bytes as it has, since there are a million.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(4))]
struct Member {
    /// Its place in the list of photos.
    photo: u32,
    /// Its place among the faces of its person.
    at: u32,
    quality: f32,
    /// Another visible face of the photo, or itself: a ring of all of them.
    next: FaceId,
    person: MaybePerson,
}

/// A photo with faces that are visible.
#[derive(Debug, Clone, Copy)]
struct Photo {
    content: ContentId,
    taken: MaybeTime,
}

/// Seconds since 1970, or [`Self::NEVER`], in the room of the former.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MaybeTime(i64);

impl MaybeTime {
    /// Stands for a time that is not known: no photo was taken then.
    const NEVER: i64 = i64::MIN;

    fn get(self) -> Option<i64> {
        Some(self.0).filter(|time| *time != Self::NEVER)
    }
}

impl From<Option<i64>> for MaybeTime {
    fn from(time: Option<i64>) -> Self {
        Self(time.unwrap_or(Self::NEVER))
    }
}

/// The faces of photos that have a file, and the people they belong to.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    faces: PerFace<Member>,
    photos: List<Photo>,
    /// Places in the list that are free.
    free: Vec<u32>,
    people: Map<PersonId, Theirs>,
    /// Of people whom photos show more than once, which takes a human's word: how often beyond the first time.
    twice: HashMap<PersonId, usize>,
    /// What the faces of some with many say of them; found when it is asked for, and kept up to date since.
    ends: Mutex<HashMap<PersonId, Ends>>,
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
    /// A face became visible; it has no person yet. `others` are faces of the same photo, visible or not.
    pub(crate) fn show(
        &mut self,
        face: FaceId,
        Shown { photo, taken, quality }: Shown,
        mut others: impl Iterator<Item = FaceId>,
    ) {
        if self.faces.contains(face) {
            return;
        }
        let beside = others.find(|other| self.faces.contains(*other));
        let (photo, next) = match beside.and_then(|other| self.faces.get_mut(other)) {
            Some(other) => {
                let (photo, next) = (other.photo, other.next);
                other.next = face;
                (photo, next)
            }
            None => (self.take_in(Photo { content: photo, taken: taken.into() }), face),
        };
        self.faces.insert(face, Member { photo, at: 0, quality, next, person: None.into() });
        self.date(face, taken);
    }

    fn take_in(&mut self, photo: Photo) -> u32 {
        match self.free.pop().and_then(|at| Some((at, self.photos.get_mut(num::index(at))?))) {
            Some((at, free)) => {
                *free = photo;
                at
            }
            None => {
                let at = num::len_u32(self.photos.len());
                self.photos.push(photo);
                at
            }
        }
    }

    /// A face is no longer visible.
    pub(crate) fn hide(&mut self, face: FaceId) {
        self.put(face, None);
        let before = self.beside(face).last();
        let Some(Member { photo, next, .. }) = self.faces.remove(face) else { return };
        match before.and_then(|before| self.faces.get_mut(before)) {
            Some(before) => before.next = next,
            None => self.free.push(photo),
        }
    }

    /// The other visible faces of a face's photo.
    pub(crate) fn beside(&self, face: FaceId) -> impl Iterator<Item = FaceId> {
        let next = move |at: FaceId| self.faces.get(at).map(|at| at.next).filter(|next| *next != face);
        std::iter::successors(next(face), move |at| next(*at))
    }

    /// When the photo of a face was taken is known now, or known better.
    pub(crate) fn date(&mut self, face: FaceId, taken: Option<i64>) {
        let Some(photo) = self.faces.get(face).map(|member| num::index(member.photo)) else { return };
        let taken = taken.into();
        let Some(photo) = self.photos.get_mut(photo).filter(|photo| photo.taken != taken) else { return };
        photo.taken = taken;
        let shown = self.beside(face).chain([face]);
        let people: Vec<PersonId> = shown.filter_map(|face| self.person_of(face)).collect();
        self.ends().retain(|person, _| !people.contains(person));
    }

    /// What a face is worth is known better now.
    pub(crate) fn judge(&mut self, face: FaceId, quality: f32) {
        let Some(member) = self.faces.get_mut(face) else { return };
        member.quality = quality;
        if let Some(person) = member.person.get() {
            self.ends().remove(&person);
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
        let (before, at) = (member.person.get(), num::index(member.at));
        if before == person {
            return;
        }
        member.person = person.into();
        let quality = member.quality;
        let taken = self.taken_of(face);
        if let Some(before) = before {
            if self.is_beside(face, before) {
                let twice = self.twice.entry(before).or_default();
                *twice = twice.saturating_sub(1);
                if *twice == 0 {
                    self.twice.remove(&before);
                }
            }
            if self.ends().get_mut(&before).is_some_and(|ends| !ends.stand_without(face, taken)) {
                self.ends().remove(&before);
            }
            self.leave(before, face, at);
        }
        let Some(person) = person else { return };
        if self.is_beside(face, person) {
            *self.twice.entry(person).or_default() += 1;
        }
        if let Some(ends) = self.ends().get_mut(&person) {
            ends.take_in(face, quality, taken);
        }
        let theirs = self.people.entry(person).or_default();
        if let Some(member) = self.faces.get_mut(face) {
            member.at = num::len_u32(theirs.all().len());
        }
        theirs.push(face);
    }

    /// Takes a face, which is there, out of the list of a person's.
    fn leave(&mut self, person: PersonId, face: FaceId, at: usize) {
        let Some(theirs) = self.people.get_mut(&person) else { return };
        // The last one takes its place.
        theirs.remove(face, at);
        let moved = theirs.all().get(at).and_then(|moved| self.faces.get_mut(*moved));
        moved.into_iter().for_each(|moved| moved.at = num::len_u32(at));
        if theirs.all().is_empty() {
            self.people.remove(&person);
            self.ends().remove(&person);
        }
    }

    /// Whether another face of a face's photo is this person.
    fn is_beside(&self, face: FaceId, person: PersonId) -> bool {
        self.beside(face).any(|other| self.person_of(other) == Some(person))
    }

    fn ends(&mut self) -> &mut HashMap<PersonId, Ends> {
        self.ends.get_mut().unwrap_or_else(PoisonError::into_inner)
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
        self.photos.get(num::index(photo))?.taken.get()
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
        self.people.get(&person).map_or(&[], Theirs::all)
    }

    /// Whether there is such a person: with faces, or with a name.
    pub(crate) fn exists(&self, person: PersonId) -> bool {
        self.people.contains_key(&person) || self.names.contains_key(&person)
    }

    /// Shows every visible face that has a person.
    pub(crate) fn each_grouped(&self, mut see: impl FnMut(FaceId)) {
        self.faces.iter().filter(|(_, member)| member.person.get().is_some()).for_each(|(face, _)| see(face));
    }

    /// Everyone with at least `least` faces or a name, in no particular order.
    pub(crate) fn everyone(&self, least: usize) -> Vec<PersonId> {
        let nameless = self.people.iter().filter(|(id, _)| !self.names.contains_key(id));
        let large = nameless.filter(|(_, theirs)| theirs.all().len() >= least).map(|(id, _)| *id);
        self.names.keys().copied().chain(large).collect()
    }

    pub(crate) fn census(&self) -> Census {
        let nameless = self.people.iter().filter(|(id, _)| !self.names.contains_key(id));
        Census {
            faces: self.faces.len(),
            groups: self.people.len(),
            people: self.names.len()
                + nameless.filter(|(_, theirs)| theirs.all().len() >= LEAST_FACES).count(),
            named: self.names.len(),
        }
    }
}

#[cfg(test)]
mod tests;
