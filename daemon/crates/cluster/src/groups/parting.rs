//! Faces that leave a group: what it is without them, and who is near to whom then.

use std::collections::{HashMap, HashSet};

use super::{FEW, Groups};
use crate::Params;
use crate::edges::Edges;
use crate::faces::{Faces, NOWHERE, Slot};

impl Groups {
    /// Takes a face that is by itself out of all groups for a while.
    pub(crate) fn withdraw(&mut self, slot: Slot) {
        self.set(slot, NOWHERE);
    }

    /// The way back from [`Self::withdraw`].
    pub(crate) fn enter(&mut self, slot: Slot, edges: &Edges) {
        self.set(slot, slot);
        for other in edges.of(slot) {
            self.note(other, slot);
        }
    }

    /// Makes every face of a group a group of its own, and says which they are.
    pub(crate) fn take_apart(&mut self, group: Slot, edges: &Edges) -> Vec<Slot> {
        let Some(many) = self.take(group) else { return self.members(group).to_vec() };
        for member in &many.members {
            self.set(*member, *member);
        }
        for member in &many.members {
            for other in edges.of(*member) {
                self.note(other, *member);
            }
        }
        many.members
    }

    /// Makes some faces of a group groups of their own; the others stay together. Answers with what these are called from
    /// then on, `None` when nobody stays. What it costs depends on the faces that leave, hardly on how many stay.
    pub(crate) fn part(
        &mut self,
        group: Slot,
        leaving: &HashSet<Slot>,
        faces: &Faces,
        edges: &Edges,
        params: &Params,
    ) -> Option<Slot> {
        if leaving.is_empty() {
            return Some(group);
        }
        if self.members(group).len() < leaving.len() + 2 {
            let all = self.take_apart(group, edges);
            return all.into_iter().find(|slot| !leaving.contains(slot));
        }
        let mut many = self.take(group)?;
        leaving.iter().for_each(|slot| self.set(*slot, *slot));
        let is_renamed = leaving.contains(&group);
        many.members.retain(|slot| self.of(*slot) == Some(group) && !(is_renamed && *slot == group));
        let name = if is_renamed { many.members.first().copied()? } else { group };
        if is_renamed {
            self.set(name, name);
            for member in &many.members {
                if let Some(place) = self.places.get_mut(*member) {
                    place.of = name;
                }
            }
        }
        many.lose(leaving, faces, params);
        if many.members.len() <= FEW {
            many.around = None;
        }
        self.put(name, many);
        self.change(name);
        self.look_around(name, leaving, edges);
        Some(name)
    }

    /// Who is near to a group, and to whom it is, without the pairs that it had by faces that left.
    fn look_around(&mut self, group: Slot, left: &HashSet<Slot>, edges: &Edges) {
        let near = left.iter().flat_map(|slot| edges.of(*slot)).chain(left.iter().copied());
        let near: HashSet<Slot> = near.collect();
        for slot in left {
            edges.of(*slot).for_each(|other| self.note(other, *slot));
        }
        // By group, whether it still is near.
        let mut still: HashMap<Slot, bool> = HashMap::new();
        let mut forgotten: HashSet<Slot> = HashSet::new();
        let mut pairs: Vec<(Slot, Slot)> = Vec::new();
        for slot in near {
            let Some(other) = self.of(slot).filter(|other| *other != group) else { continue };
            let pair = self.pair(slot, group, edges);
            *still.entry(other).or_default() |= pair.is_some();
            if let Some(own) = pair {
                pairs.push((own, slot));
            } else {
                forgotten.insert(slot);
            }
        }
        for other in still.into_iter().filter(|(_, still)| !still).map(|(other, _)| other) {
            // The faces that had a pair with those who left have none; others may.
            let (few, many) = if self.members(other).len() <= self.members(group).len() {
                (other, group)
            } else {
                (group, other)
            };
            let found =
                self.members(few).iter().find_map(|slot| Some((*slot, self.pair(*slot, many, edges)?)));
            pairs.extend(found);
        }
        if let Some(many) = self.many_mut(group) {
            many.around.iter_mut().for_each(|around| around.remove(&forgotten));
        }
        for (one, other) in pairs {
            self.note(one, other);
            self.note(other, one);
        }
    }

    /// A face of a group that has a candidate pair with a face.
    fn pair(&self, slot: Slot, group: Slot, edges: &Edges) -> Option<Slot> {
        edges.of(slot).find(|other| self.of(*other) == Some(group))
    }
}
