//! What holds of all that humans said: the journal, read from its beginning, without what was undone. Pure: it knows
//! neither the store nor what faces look like.

mod entries;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use vow_cluster::Said;
use vow_store::{Decision, JournalEntry};
use vow_types::{FaceId, PersonId};

pub(crate) use entries::{Backwards, dependents, is_decision, later, undone, with_parents};

/// What humans said that counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rulings {
    /// As it was said: the person may have been merged since.
    is: HashMap<FaceId, PersonId>,
    /// Who faces are since everyone was sorted out anew by a human's wish; every other word counts more.
    fitted: HashMap<FaceId, PersonId>,
    merge_at: Option<u16>,
    is_not: HashMap<FaceId, BTreeSet<PersonId>>,
    not_faces: HashSet<FaceId>,
    /// Faces that humans pointed out.
    drawn: BTreeSet<FaceId>,
    /// By which faces people could be told, according to entries that do not count: for whoever is spoken of later.
    told: BTreeMap<PersonId, Vec<FaceId>>,
    /// Whom a person was merged into.
    into: HashMap<PersonId, PersonId>,
    people: BTreeMap<PersonId, Known>,
    apart: HashSet<(PersonId, PersonId)>,
}

/// What humans said about a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) name: Option<String>,
    pub(crate) hidden: bool,
    pub(crate) cover: Option<FaceId>,
}

impl Rulings {
    /// All of the journal but the entries in `undone`.
    pub(crate) fn read(journal: &[JournalEntry], undone: &BTreeSet<u64>) -> Self {
        let mut rulings = Self::default();
        for entry in journal {
            if undone.contains(&entry.seq) {
                for (person, faces) in &entry.known_by {
                    rulings.told.entry(*person).or_insert_with(|| faces.clone());
                }
            }
            match &entry.decision {
                // It is in the store all the same.
                Decision::Drawn { face, .. } if undone.contains(&entry.seq) => {
                    rulings.not_faces.insert(*face);
                }
                _ if undone.contains(&entry.seq) => {}
                decision => rulings.apply(decision, &entry.known_by),
            }
        }
        rulings
    }

    /// One more decision.
    pub(crate) fn apply(&mut self, decision: &Decision, known_by: &[(PersonId, Vec<FaceId>)]) {
        self.learn(known_by);
        match decision {
            Decision::Named { person, name, .. } => self.known(*person).name.clone_from(name),
            Decision::Merged { into, from, together } => {
                from.iter().for_each(|(person, _)| self.merge(*into, *person));
                for face in together {
                    self.say(*face, *into);
                }
                self.known(*into);
            }
            Decision::Split { from, into, faces } => {
                faces.iter().for_each(|face| self.say(*face, *into));
                self.known(*from);
                self.known(*into);
            }
            Decision::Confirmed { face, person, .. } => {
                self.say(*face, *person);
                self.known(*person);
            }
            Decision::Rejected { face, person, .. } => {
                if self.said(*face).is == Some(self.resolve(*person)) {
                    self.is.remove(face);
                }
                self.is_not.entry(*face).or_default().insert(*person);
                self.known(*person);
            }
            Decision::NotAFace { face, .. } => {
                self.is.remove(face);
                self.not_faces.insert(*face);
            }
            Decision::Refitted { merge_at, groups, .. } => {
                self.merge_at = *merge_at;
                for (person, _) in groups {
                    self.known(*person);
                }
                let faces =
                    groups.iter().flat_map(|(person, faces)| faces.iter().map(|face| (*face, *person)));
                self.fitted = faces.collect();
            }
            Decision::Drawn { face, person } => {
                self.drawn.insert(*face);
                match person {
                    Some(person) => {
                        self.say(*face, *person);
                        self.known(*person);
                    }
                    None => drop(self.not_faces.remove(face)),
                }
            }
            Decision::Carried { faces } => faces.iter().for_each(|(new, old)| self.carry(*new, *old)),
            Decision::Hidden { person, hidden } => self.known(*person).hidden = *hidden,
            Decision::Covered { person, face, .. } => self.known(*person).cover = *face,
            Decision::Apart { a, b } => {
                self.known(*a);
                self.known(*b);
                self.apart.insert((*a.min(b), *a.max(b)));
            }
            Decision::Undone { .. } | Decision::Redone { .. } | Decision::Left { .. } => {}
        }
        if self.told.is_empty() {
            return;
        }
        for person in decision.mentioned().0 {
            if self.people.contains_key(&person)
                && !self.can_be_told(person)
                && let Some(told) = self.told.remove_entry(&person)
            {
                self.learn(&[told]);
            }
        }
    }

    /// People can be told by these faces, as far as nothing else was said about them.
    fn learn(&mut self, known_by: &[(PersonId, Vec<FaceId>)]) {
        for (person, faces) in known_by {
            for face in faces {
                let refused = self.is_not.get(face).is_some_and(|not| not.contains(person));
                if !refused && !self.not_faces.contains(face) {
                    self.is.entry(*face).or_insert(*person);
                }
            }
            self.known(*person);
        }
    }

    fn known(&mut self, person: PersonId) -> &mut Known {
        let person = self.resolve(person);
        self.people.entry(person).or_default()
    }

    fn say(&mut self, face: FaceId, person: PersonId) {
        self.is.insert(face, person);
        self.not_faces.remove(&face);
        let person = self.resolve(person);
        if let Some(mut not) = self.is_not.remove(&face) {
            not.retain(|other| self.resolve(*other) != person);
            if !not.is_empty() {
                self.is_not.insert(face, not);
            }
        }
    }

    /// What counts for one face counts for another one, unless more was said about that.
    fn carry(&mut self, new: FaceId, old: FaceId) {
        if let Some(person) = self.is.get(&old).copied() {
            self.is.entry(new).or_insert(person);
        }
        if let Some(not) = self.is_not.get(&old).cloned() {
            self.is_not.entry(new).or_default().extend(not);
        }
        if self.not_faces.contains(&old) {
            self.not_faces.insert(new);
        }
    }

    fn merge(&mut self, into: PersonId, from: PersonId) {
        let (into, from) = (self.resolve(into), self.resolve(from));
        if into == from {
            return;
        }
        self.into.insert(from, into);
        let gone = self.people.remove(&from).unwrap_or_default();
        let kept = self.people.entry(into).or_default();
        kept.name = kept.name.take().or(gone.name);
        kept.cover = kept.cover.or(gone.cover);
    }

    /// Who a person is now: whoever they were merged into, at the end of the chain.
    pub(crate) fn resolve(&self, person: PersonId) -> PersonId {
        // A chain has no circle: `merge` links ends of chains only.
        let mut person = person;
        while let Some(into) = self.into.get(&person) {
            person = *into;
        }
        person
    }

    /// Everyone who was merged into somebody else.
    pub(crate) fn merged(&self) -> HashSet<PersonId> {
        self.into.keys().copied().collect()
    }

    /// What was said about a face.
    pub(crate) fn said(&self, face: FaceId) -> Said {
        let refused = |person: &PersonId| {
            let not = self.is_not.get(&face).into_iter().flatten();
            not.map(|other| self.resolve(*other)).any(|other| other == *person)
        };
        let fitted =
            || self.fitted.get(&face).map(|person| self.resolve(*person)).filter(|fit| !refused(fit));
        let is = self.is.get(&face).map(|person| self.resolve(*person)).or_else(fitted);
        let not = self.is_not.get(&face).into_iter().flatten().map(|person| self.resolve(*person));
        let not: BTreeSet<PersonId> = not.filter(|person| is != Some(*person)).collect();
        Said { is, is_not: not.into_iter().collect() }
    }

    /// The score at which groups are one person, where that is not the pack's.
    pub(crate) fn merge_at(&self) -> Option<f32> {
        self.merge_at.map(|parts| f32::from(parts) / 10_000.0)
    }

    /// Whether a human said so of this very face, not only for everyone at once.
    pub(crate) fn is_pinned(&self, face: FaceId) -> bool {
        self.is.contains_key(&face)
    }

    /// Whether a human said that this is no face.
    pub(crate) fn is_no_face(&self, face: FaceId) -> bool {
        self.not_faces.contains(&face)
    }

    /// All that humans said are no faces.
    pub(crate) fn no_faces(&self) -> &HashSet<FaceId> {
        &self.not_faces
    }

    /// What was said about a person; `None`: nothing.
    pub(crate) fn person(&self, person: PersonId) -> Option<&Known> {
        self.people.get(&person)
    }

    /// Everyone about whom something was said, merged people apart.
    pub(crate) fn people(&self) -> impl Iterator<Item = (PersonId, &Known)> {
        self.people.iter().map(|(person, known)| (*person, known))
    }

    /// Whether some face is this person by a human's word.
    pub(crate) fn can_be_told(&self, person: PersonId) -> bool {
        self.is.values().chain(self.fitted.values()).any(|other| self.resolve(*other) == person)
    }

    /// Whether a human said that these are two people.
    pub(crate) fn are_apart(&self, a: PersonId, b: PersonId) -> bool {
        let apart = |(x, y): &(PersonId, PersonId)| {
            let (x, y) = (self.resolve(*x), self.resolve(*y));
            (x, y) == (a, b) || (y, x) == (a, b)
        };
        self.apart.iter().any(apart)
    }

    /// The faces about which something was said that speaks of these people.
    pub(crate) fn faces_said(&self, people: &[PersonId]) -> Vec<FaceId> {
        let named = |person: &PersonId| people.contains(&self.resolve(*person));
        let words = self.is.iter().chain(&self.fitted);
        let is = words.filter(|(_, person)| named(person)).map(|(face, _)| *face);
        let not = self.is_not.iter().filter(|(_, not)| not.iter().any(named)).map(|(face, _)| *face);
        is.chain(not).collect()
    }

    /// Faces that humans pointed out.
    pub(crate) fn drawn(&self) -> &BTreeSet<FaceId> {
        &self.drawn
    }

    /// All faces about which something was said, one by one.
    pub(crate) fn faces_spoken_of(&self) -> BTreeSet<FaceId> {
        self.is.keys().chain(self.is_not.keys()).chain(&self.not_faces).chain(&self.drawn).copied().collect()
    }

    /// The faces about which the two say different things, by id.
    pub(crate) fn faces_that_differ(&self, other: &Self) -> Vec<FaceId> {
        // Nearly everything is the same word for word, and is passed over without working out what it comes to.
        let merged = self.into.keys().chain(other.into.keys()).copied();
        let moved: HashSet<PersonId> =
            merged.filter(|person| self.resolve(*person) != other.resolve(*person)).collect();
        let stays = |person: &PersonId| moved.is_empty() || !moved.contains(person);
        let mut faces: BTreeSet<FaceId> = BTreeSet::new();
        faces.extend(entries_that_differ(&self.is, &other.is, stays));
        faces.extend(entries_that_differ(&self.fitted, &other.fitted, stays));
        let all_stay = |not: &BTreeSet<PersonId>| not.iter().all(stays);
        faces.extend(entries_that_differ(&self.is_not, &other.is_not, all_stay));
        faces.into_iter().filter(|face| self.said(*face) != other.said(*face)).collect()
    }

    /// The people about whom the two say different things.
    pub(crate) fn people_that_differ(&self, other: &Self) -> Vec<PersonId> {
        let all = [self, other].into_iter().flat_map(|one| one.people.keys().chain(one.into.keys()));
        let all: BTreeSet<PersonId> = all.copied().collect();
        all.into_iter().filter(|person| self.person(*person) != other.person(*person)).collect()
    }
}

/// The faces about which two tables say different things, and those about which they say the same that does not stay so.
fn entries_that_differ<T: PartialEq>(
    one: &HashMap<FaceId, T>,
    two: &HashMap<FaceId, T>,
    stays: impl Fn(&T) -> bool,
) -> Vec<FaceId> {
    let (mut differ, mut in_both) = (Vec::new(), 0_usize);
    for (face, said) in one {
        let other = two.get(face);
        in_both += usize::from(other.is_some());
        if other != Some(said) || !stays(said) {
            differ.push(*face);
        }
    }
    if in_both < two.len() {
        differ.extend(two.keys().filter(|face| !one.contains_key(face)));
    }
    differ
}

#[cfg(test)]
mod tests;
