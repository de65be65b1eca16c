//! Who the groups are: which id each goes by, and which faces have a new person since the caller was last told.

use std::collections::HashSet;

use vow_types::{FaceId, PersonId};

use crate::faces::Slot;
use crate::people::Vote;
use crate::{Grouping, Move};

impl Grouping {
    /// The groups of these faces that have no id, each with its lowest face, lowest first.
    fn nameless(&self, slots: &[Slot]) -> Vec<(FaceId, Slot)> {
        let groups: HashSet<Slot> = slots.iter().filter_map(|slot| self.group_of(*slot)).collect();
        let mut nameless: Vec<(FaceId, Slot)> = groups
            .into_iter()
            .filter(|group| self.people.of(*group).is_none())
            .filter_map(|group| Some((self.faces_of(group).map(|slot| self.faces.id(slot)).min()?, group)))
            .collect();
        nameless.sort_unstable();
        nameless
    }

    /// Gives the groups of these faces the ids they have by a human's word, taking those from whoever has them.
    fn heed(&mut self, slots: &[Slot]) {
        let groups: HashSet<Slot> = slots.iter().filter_map(|slot| self.group_of(*slot)).collect();
        let said = groups.into_iter().filter_map(|group| Some((self.said_of(group)?, group)));
        let said: Vec<(PersonId, Slot)> = said.collect();
        for (person, group) in said {
            if self.people.of(group) == Some(person) {
                continue;
            }
            let changed = self.people.group(person).into_iter().chain([group]);
            let changed: Vec<Slot> = changed.flat_map(|group| self.faces_of(group)).collect();
            self.dirty.extend(changed);
            self.people.group(person).into_iter().for_each(|other| self.people.release(other));
            self.people.release(group);
            self.people.set(group, person);
        }
    }

    /// Lets the groups of these faces have the ids they have by a human's word, or else those their faces were last known
    /// by.
    pub(crate) fn claim(&mut self, slots: &[Slot]) {
        self.heed(slots);
        let mut votes = Vec::new();
        for (least, group) in self.nameless(slots) {
            let known = |slot| {
                let face = self.faces.get(slot)?;
                self.was
                    .get(&slot)
                    .copied()
                    .or(face.told.get())
                    .filter(|person| !self.faces.is_not(slot, Some(*person)))
            };
            let told = self.faces_of(group).filter_map(known);
            votes.extend(told.map(|person| Vote { group, least, person }));
        }
        self.people.claim(votes.into_iter());
    }

    /// Ends a call: gives ids to those who have none and says which faces have a new person.
    pub(crate) fn tell(&mut self) -> Vec<Move> {
        let touched = std::mem::take(&mut self.dirty);
        self.heed(&touched);
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.extend(touched);
        dirty.sort_unstable();
        dirty.dedup();
        self.claim(&dirty);
        let refused = |slot: &&Slot| self.faces.is_not(**slot, self.person(**slot));
        let refused: Vec<Slot> = dirty.iter().filter(refused).copied().collect();
        if !refused.is_empty() {
            // Nobody of this person is held who is it by a human's word, so that nothing kept these out.
            let groups: HashSet<Slot> = refused.iter().filter_map(|slot| self.group_of(*slot)).collect();
            let refused: HashSet<Slot> = refused.into_iter().collect();
            groups.into_iter().for_each(|group| drop(self.extract(group, &refused)));
            dirty.append(&mut self.dirty);
            dirty.sort_unstable();
            dirty.dedup();
            self.claim(&dirty);
            self.dirty.clear();
        }
        for (_, group) in self.nameless(&dirty) {
            self.people.set_new(group);
        }
        let mut moves = Vec::new();
        for slot in dirty {
            let person = self.person(slot);
            self.was.remove(&slot);
            let Some(face) = self.faces.get_mut(slot) else { continue };
            if std::mem::replace(&mut face.told, person.into()).get() == person {
                continue;
            }
            moves.push(Move { face: face.id, person });
        }
        moves.sort_unstable_by_key(|m| m.face);
        moves
    }
}
