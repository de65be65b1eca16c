//! Weak faces: guests of groups of strong faces, or by themselves.
//!
//! A weak face is never part of a sum and never joins groups: it may only be the guest of one. A guest that is by
//! itself hosts itself.

use vow_tables::Map;
use vow_types::PersonId;

use crate::faces::{Faces, Slot};
use crate::groups::Groups;
use crate::merge::Space;

/// Where the weak faces are.
#[derive(Debug, Default)]
pub(crate) struct Weak {
    host: Map<Slot, Slot>,
    guests: Map<Slot, Vec<Slot>>,
}

impl Weak {
    /// A weak face by itself.
    pub(crate) fn insert(&mut self, slot: Slot) {
        self.host.insert(slot, slot);
        self.guests.insert(slot, vec![slot]);
    }

    /// The group that a weak face is in.
    pub(crate) fn host(&self, slot: Slot) -> Option<Slot> {
        self.host.get(&slot).copied()
    }

    /// The weak faces in a group.
    pub(crate) fn guests(&self, group: Slot) -> &[Slot] {
        self.guests.get(&group).map_or(&[], Vec::as_slice)
    }

    /// A face that is by itself becomes the guest of a group.
    pub(crate) fn attach(&mut self, slot: Slot, group: Slot) {
        self.guests.remove(&slot);
        self.host.insert(slot, group);
        self.guests.entry(group).or_default().push(slot);
    }

    /// All guests of one group become those of another one.
    pub(crate) fn hand_over(&mut self, from: Slot, to: Slot) {
        let Some(guests) = self.guests.remove(&from) else { return };
        for guest in &guests {
            self.host.insert(*guest, to);
        }
        self.guests.entry(to).or_default().extend(guests);
    }

    /// Puts a weak face by itself. When it was what a group of weak faces was called by, answers with that name and
    /// the new one.
    pub(crate) fn detach(&mut self, slot: Slot) -> Option<(Slot, Slot)> {
        let group = self.host(slot)?;
        let guests = self.guests.get_mut(&group)?;
        if group == slot && guests.len() == 1 {
            return None;
        }
        guests.retain(|guest| *guest != slot);
        let heir = guests.first().copied();
        if guests.is_empty() {
            self.guests.remove(&group);
        }
        let renamed = heir.filter(|_| group == slot).map(|heir| {
            self.hand_over(group, heir);
            (group, heir)
        });
        self.insert(slot);
        renamed
    }

    /// Forgets a face that is by itself.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.host.remove(&slot);
        self.guests.remove(&slot);
    }

    /// Whether another face of the photo of `slot` is in a group, or a human said that it is not this person.
    pub(crate) fn is_kept_out(&self, slot: Slot, group: Slot, groups: &Groups, faces: &Faces) -> bool {
        let is = groups.is(group, faces);
        let own = faces.is(slot);
        if is.is_some() && own.is_some() {
            return is != own;
        }
        let same = |other: Slot| is.is_some() && faces.is(other) == is;
        faces.is_not(slot, is)
            || faces.siblings(slot).any(same)
            || faces.siblings(slot).any(|s| groups.of(s) == Some(group) || self.host(s) == Some(group))
    }

    /// Who a group is by a human's word about its guests.
    pub(crate) fn is(&self, group: Slot, faces: &Faces) -> Option<PersonId> {
        self.guests(group).iter().find_map(|slot| faces.is(*slot))
    }

    /// Brings faces that are by themselves to the person they are by a human's word, whatever they look like. Answers with
    /// who went where.
    pub(crate) fn bring_home(&mut self, slots: &[Slot], groups: &Groups, faces: &Faces) -> Vec<(Slot, Slot)> {
        let mut placed = Vec::new();
        for slot in slots {
            let Some(person) = faces.is(*slot) else { continue };
            let kin = faces.said_to_be(person);
            let strong = kin.iter().find_map(|slot| groups.of(*slot));
            // A person of weak faces alone gathers at the one with the lowest id.
            let first = || kin.iter().copied().min_by_key(|slot| faces.id(*slot));
            let home = strong.or_else(|| first().and_then(|slot| self.host(slot)));
            if let Some(home) = home.filter(|home| *home != *slot && self.host(*slot) == Some(*slot)) {
                self.attach(*slot, home);
                placed.push((*slot, home));
            }
        }
        placed
    }

    /// Finds groups for faces that are by themselves: the highest score goes first, among equals the lowest face ids;
    /// none goes where another face of its photo is. Answers with who went where.
    pub(crate) fn place(&mut self, slots: &[Slot], groups: &Groups, space: Space<'_>) -> Vec<(Slot, Slot)> {
        let enough = space.bar + space.params.weak_extra;
        let mut offers = Vec::new();
        let mut around = Vec::new();
        for slot in slots.iter().filter(|slot| space.faces.is(**slot).is_none()) {
            let Some(face) = groups.view(*slot, space.faces, space.params) else { continue };
            around.clear();
            around.extend(space.edges.of(*slot).filter_map(|near| groups.of(near)));
            around.sort_unstable();
            around.dedup();
            for group in &around {
                let Some(view) = groups.view(*group, space.faces, space.params) else { continue };
                let score = face.score(&view, space.params);
                if score >= enough {
                    offers.push((score, face.least, view.least, *slot, *group));
                }
            }
        }
        offers.sort_unstable_by(|x, y| y.0.total_cmp(&x.0).then_with(|| (x.1, x.2).cmp(&(y.1, y.2))));
        let mut placed = Vec::new();
        for (.., slot, group) in offers {
            if self.host(slot) == Some(slot) && !self.is_kept_out(slot, group, groups, space.faces) {
                self.attach(slot, group);
                placed.push((slot, group));
            }
        }
        placed
    }
}
