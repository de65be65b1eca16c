//! Following what humans say, at once and no further: the faces they spoke of move, and those who cannot stay with them.
//! What else follows from it is found by the next faces and by [`Grouping::settle`].

use std::collections::{BTreeSet, HashMap, HashSet};

use vow_types::num::len_u64;
use vow_types::{FaceId, PersonId};

use crate::faces::Slot;
use crate::groups::Groups;
use crate::{Grouping, Move, Neighbours, Said};

/// Faces by which somebody is known. More make a decision about somebody with tens of thousands of faces slow, and nobody
/// surer.
const MOST_CORE: usize = 2048;
/// Strong faces of a person that are looked at for that, for the same reason.
const MOST_SEEN: u64 = 4096;

/// A human's word, as a change of what was said before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// All that is said about these faces from now on. Faces that are not held are passed over.
    pub said: Vec<(FaceId, Said)>,
    /// People that are one from now on: the first takes in the second, with all faces.
    pub joined: Vec<(PersonId, PersonId)>,
    /// Faces to find a place for by their looks, although nothing that is said now speaks against the one they have.
    pub again: Vec<FaceId>,
    /// That these faces were this person: who of them stay together may have the id again.
    pub were: Vec<(FaceId, PersonId)>,
}

/// Faces that lost their place.
#[derive(Debug, Default)]
pub(crate) struct Loose {
    /// Each by itself.
    pub(crate) strong: Vec<Slot>,
    /// To be placed anew.
    pub(crate) weak: Vec<Slot>,
}

impl Grouping {
    /// The id that the next person to come into being gets.
    #[must_use]
    pub fn next_person(&self) -> PersonId {
        self.people.next()
    }

    /// What humans said about a face; nothing about one that is not held.
    #[must_use]
    pub fn said(&self, face: FaceId) -> Said {
        self.faces.slot(face).map(|slot| self.faces.said(slot).clone()).unwrap_or_default()
    }

    /// The faces by which a person is known for certain: the strong ones that are clearly theirs by their looks, at least
    /// one and at most 2,048, the clearest; all, when none is strong. By id. None only when the person has no face. Of more than
    /// 4,096 strong faces about so many are looked at, which ones depends on the ids alone.
    #[must_use]
    pub fn core(&self, person: PersonId) -> Vec<FaceId> {
        let Some(group) = self.people.group(person) else { return Vec::new() };
        let enough = self.bar + self.params.margin;
        let Some(whole) = self.groups.view(group, &self.faces, &self.params) else { return Vec::new() };
        let members = self.groups.members(group);
        let all = len_u64(members.len()).max(1);
        // Strews ids that follow one another, and with them the years, evenly over as many numbers as there are faces.
        let strewn = |face: FaceId| ((face.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) * all) >> 32;
        let score = |slot: &Slot| {
            let face = self.faces.id(*slot);
            let view = Groups::face(*slot, &self.faces).filter(|_| strewn(face) < MOST_SEEN)?;
            Some((view.score(&whole, &self.params), face))
        };
        let mut scored: Vec<(f32, FaceId)> = members.iter().filter_map(score).collect();
        scored.sort_unstable_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
        let clear = scored.iter().take_while(|(score, _)| *score >= enough).count().clamp(1, MOST_CORE);
        let mut core: Vec<FaceId> = scored.into_iter().take(clear).map(|(_, face)| face).collect();
        if core.is_empty() {
            core.extend(self.weak.guests(group).iter().map(|slot| self.faces.id(*slot)));
        }
        core.sort_unstable();
        core
    }

    /// Follows a human's word. Answers with every face whose person is another than before, by face id.
    ///
    /// Costs some microseconds for each face that is spoken of, was before, or comes to another person, and one
    /// [`Neighbours::nearest`] for each face that has to find a new place.
    pub fn decide(&mut self, decided: &Decided, neighbours: &dyn Neighbours) -> Vec<Move> {
        let into: HashMap<PersonId, PersonId> =
            decided.joined.iter().map(|(into, from)| (*from, *into)).collect();
        let again: HashSet<FaceId> = decided.again.iter().copied().collect();
        let mut leaving: HashMap<Slot, HashSet<Slot>> = HashMap::new();
        let mut spoken_of: Vec<Slot> = Vec::new();
        let spoken: HashSet<FaceId> = decided.said.iter().map(|(face, _)| *face).collect();
        let unsaid = decided.again.iter().filter(|face| !spoken.contains(face));
        let unsaid: Vec<(FaceId, Said)> = unsaid.map(|face| (*face, self.said(*face))).collect();
        for (face, said) in decided.said.iter().chain(&unsaid) {
            let Some(slot) = self.faces.slot(*face) else { continue };
            self.faces.say(slot, said.clone());
            let Some(group) = self.group_of(slot) else { continue };
            spoken_of.push(slot);
            let now = self.people.of(group);
            let now = now.map(|person| into.get(&person).copied().unwrap_or(person));
            let goes = match said.is {
                Some(is) => now != Some(is),
                None => self.faces.is_not(slot, now) || again.contains(face),
            };
            let leaving = leaving.entry(group).or_default();
            if goes {
                leaving.insert(slot);
            }
        }
        self.remember(&decided.were);
        let about = spoken_of.iter().copied().filter(|slot| self.faces.is_strong(*slot));
        for (group, about) in self.by_group(about) {
            self.groups.hear(group, about, &self.faces);
        }
        let (mut strong, mut weak, mut newcomers) = (Vec::new(), Vec::new(), Vec::new());
        for (into, from) in &decided.joined {
            if let Some((a, b)) = self.people.group(*into).zip(self.people.group(*from)) {
                weak.extend(self.join(a, b, &mut newcomers));
            }
        }
        // Groups that were joined are called by another name now.
        // Which of the two ids a joined group has for now depends on its size.
        let joined = decided.joined.iter().flat_map(|(into, from)| [*into, *from]);
        let joined = joined.filter_map(|person| self.people.group(person));
        let groups: BTreeSet<Slot> =
            spoken_of.iter().filter_map(|slot| self.group_of(*slot)).chain(joined).collect();
        let mut leaving = self.by_group(leaving.into_values().flatten());
        // A word that no longer holds may be what two faces of one photo were together by.
        let mut suspects = self.by_group(spoken_of.iter().copied().chain(newcomers));
        for group in groups {
            let mut gone = leaving.remove(&group).unwrap_or_default();
            let person = self
                .spoken_of(group)
                .filter(|slot| !gone.contains(slot))
                .find_map(|slot| self.faces.is(slot));
            let suspects = suspects.remove(&group).unwrap_or_default();
            gone.extend(self.misfits(group, person, suspects, &gone));
            if !gone.is_empty() {
                let loose = self.extract(group, &gone);
                strong.extend(loose.strong);
                weak.extend(loose.weak);
            }
        }
        let loose = self.gather(&spoken_of);
        weak.extend(loose.weak);
        strong.extend(loose.strong);
        self.ask(&strong, neighbours);
        let mut active: Vec<Slot> = strong.iter().filter_map(|slot| self.groups.of(*slot)).collect();
        active.sort_unstable();
        active.dedup();
        weak.extend(self.merge(&active, true));
        weak.extend(spoken_of.iter().filter(|slot| !self.faces.is_strong(**slot)));
        self.place_weak(weak, Some(neighbours));
        self.dirty.extend(spoken_of);
        self.unsettle();
        self.tell()
    }

    /// Joins two groups, whichever of them are of weak faces only; `newcomers` are the faces of the smaller one. Answers with
    /// the weak faces to be placed anew.
    fn join(&mut self, a: Slot, b: Slot, newcomers: &mut Vec<Slot>) -> Vec<Slot> {
        if self.groups.is_group(a) && self.groups.is_group(b) {
            let (_, loser) = self.groups.winner(a, b);
            newcomers.extend(self.faces_of(loser));
            return self.force(a, b);
        }
        // Weak faces follow who they are by a human's word.
        self.faces_of(a).chain(self.faces_of(b)).filter(|slot| !self.faces.is_strong(*slot)).collect()
    }

    pub(crate) fn by_group(&self, slots: impl Iterator<Item = Slot>) -> HashMap<Slot, HashSet<Slot>> {
        let mut groups: HashMap<Slot, HashSet<Slot>> = HashMap::new();
        for slot in slots {
            if let Some(group) = self.group_of(slot) {
                groups.entry(group).or_default().insert(slot);
            }
        }
        groups
    }

    /// The faces of a group about which humans said something.
    fn spoken_of(&self, group: Slot) -> impl Iterator<Item = Slot> {
        let weak = self.weak.guests(group).iter().copied();
        self.groups.spoken_of(group, &self.faces).chain(weak.filter(|slot| self.faces.is_spoken_of(*slot)))
    }

    fn remember(&mut self, were: &[(FaceId, PersonId)]) {
        for (face, person) in were {
            let Some(slot) = self.faces.slot(*face) else { continue };
            self.was.insert(slot, *person);
        }
    }

    /// Takes faces out of a group; the others stay together and stay who they are. Those who go are by themselves. When no
    /// strong one stays, all go.
    pub(crate) fn extract(&mut self, group: Slot, gone: &HashSet<Slot>) -> Loose {
        let (strong, weak): (HashSet<Slot>, HashSet<Slot>) =
            gone.iter().copied().partition(|slot| self.faces.is_strong(*slot));
        let mut loose = Loose { strong: strong.iter().copied().collect(), weak: weak.into_iter().collect() };
        if strong.len() >= self.groups.members(group).len() {
            loose.weak = self.take_apart(group).1;
            return loose;
        }
        for slot in &loose.weak {
            self.weak.detach(*slot);
        }
        self.dirty.extend(gone);
        let touched = self.touched.remove(&group).unwrap_or_default().saturating_add(gone.len());
        let name = self.groups.part(group, &strong, &self.faces, &self.edges, &self.params);
        let name = name.unwrap_or(group);
        if name != group {
            self.people.rename(group, name);
            self.weak.hand_over(group, name);
        }
        self.touched.insert(name, touched);
        loose
    }

    /// Brings everyone together who is one person by a human's word, the people of these faces only, and puts out who
    /// cannot stay with them.
    pub(crate) fn gather(&mut self, slots: &[Slot]) -> Loose {
        let people: BTreeSet<PersonId> = slots.iter().filter_map(|slot| self.faces.is(*slot)).collect();
        let mut loose = Loose::default();
        for person in people {
            let kin = self.faces.said_to_be(person);
            let mut homes: Vec<(FaceId, Slot)> =
                kin.iter().filter_map(|slot| Some((self.faces.id(*slot), self.groups.of(*slot)?))).collect();
            loose.weak.extend(kin.iter().filter(|slot| !self.faces.is_strong(**slot)));
            homes.sort_unstable();
            let Some((_, mut home)) = homes.first().copied() else { continue };
            let (mut known, mut newcomers) = (HashSet::from([home]), Vec::new());
            for (_, other) in homes {
                if known.insert(other) {
                    let (winner, _) = self.groups.winner(home, other);
                    loose.weak.extend(self.join(home, other, &mut newcomers));
                    home = winner;
                }
            }
            let out = self.misfits(home, Some(person), newcomers.into_iter().collect(), &HashSet::new());
            if !out.is_empty() {
                let out = self.extract(home, &out);
                loose.strong.extend(out.strong);
                loose.weak.extend(out.weak);
            }
        }
        loose
    }

    /// Who of a group, `gone` apart, cannot stay: whoever is not `person` by a human's word, shares a photo with somebody who
    /// is, or with another face of the group that has the lower id. Nobody was with another face of their photo before, but by
    /// a human's word; so only those are looked at about whom there is one, the `suspects` (who came now, or about whom there was
    /// one), and who else is in their photos.
    fn misfits(
        &self,
        group: Slot,
        person: Option<PersonId>,
        mut suspects: HashSet<Slot>,
        gone: &HashSet<Slot>,
    ) -> HashSet<Slot> {
        suspects.extend(self.spoken_of(group));
        suspects.extend(person.map_or(&[][..], |person| self.faces.said_to_be(person)));
        let others: Vec<Slot> = suspects.iter().flat_map(|slot| self.faces.siblings(*slot)).collect();
        suspects.extend(others);
        let stays = |slot: Slot| self.group_of(slot) == Some(group) && !gone.contains(&slot);
        let by_word = |slot: Slot| person.is_some() && self.faces.is(slot) == person;
        let before = |one: Slot, other: Slot| self.faces.id(one) < self.faces.id(other);
        let out = |slot: &Slot| {
            let shares = |other: Slot| by_word(other) || (stays(other) && before(other, *slot));
            !by_word(*slot) && (self.faces.is_not(*slot, person) || self.faces.siblings(*slot).any(shares))
        };
        suspects.into_iter().filter(|slot| stays(*slot)).filter(out).collect()
    }
}
