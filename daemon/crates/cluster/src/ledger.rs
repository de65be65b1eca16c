//! What must be kept in step with every merge of two groups: who they are, their guests, and what was touched.

use std::collections::HashMap;

use crate::faces::{Faces, Slot};
use crate::groups::Groups;
use crate::people::{Joining, People};
use crate::weak::Weak;

pub(crate) struct Ledger<'a> {
    pub(crate) faces: &'a Faces,
    pub(crate) weak: &'a mut Weak,
    pub(crate) people: &'a mut People,
    pub(crate) touched: &'a mut HashMap<Slot, usize>,
    pub(crate) dirty: &'a mut Vec<Slot>,
    /// Weak faces that came together with another face of their photo, or with whom they are not.
    pub(crate) misplaced: Vec<Slot>,
    /// Whether what is merged counts as a change of the group it comes to.
    pub(crate) arriving: bool,
}

impl Ledger<'_> {
    /// To be called before `loser` is merged into `winner`.
    pub(crate) fn enter(&mut self, groups: &Groups, winner: Slot, loser: Slot) {
        let Self { faces, weak, people, touched, dirty, misplaced, arriving } = self;
        let (kept, moved) = (groups.members(winner), groups.members(loser));
        let joining = |group: Slot, members: &[Slot]| {
            let size = members.len().saturating_add(weak.guests(group).len());
            Joining { group, size, is: groups.is(group, faces) }
        };
        let (is, was) = (groups.is(winner, faces), groups.is(loser, faces));
        if let Some(changed) = people.join(joining(winner, kept), joining(loser, moved)) {
            dirty.extend(if changed == winner { kept } else { moved });
            dirty.extend(weak.guests(changed));
        }
        if !weak.guests(winner).is_empty() {
            let siblings = moved.iter().flat_map(|slot| faces.siblings(*slot));
            misplaced.extend(siblings.filter(|s| weak.host(*s) == Some(winner)));
        }
        if is.is_none() && was.is_some() {
            // Its guests were let in before it was known who it is.
            let barred = |slot: &&Slot| {
                let shares = || faces.siblings(**slot).any(|other| faces.is(other) == was);
                faces.is(**slot) != was
                    && (faces.is(**slot).is_some() || faces.is_not(**slot, was) || shares())
            };
            misplaced.extend(weak.guests(winner).iter().filter(barred));
        }
        let guests = weak.guests(loser).iter().copied();
        misplaced.extend(
            guests.filter(|slot| faces.is_not(*slot, is) || weak.is_kept_out(*slot, winner, groups, faces)),
        );
        weak.hand_over(loser, winner);
        let before = touched.remove(&loser).unwrap_or_default();
        let change = if *arriving { before.max(moved.len()) } else { before };
        if change > 0 {
            *touched.entry(winner).or_default() += change;
        }
    }
}
