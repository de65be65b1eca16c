//! Who is around a group: reading it, adding to it, and keeping it short.

use vow_types::FaceId;

use super::many::Many;
use super::{FEW, Groups};
use crate::Params;
use crate::edges::Edges;
use crate::faces::{Faces, Slot};
use crate::score::view_of_face;

impl Groups {
    /// Shows every group around `group` that may score at least `bar` with it: score, lowest face id, name. `see` answers
    /// with the bar from then on. Each group is shown once, in no particular order; some below the bar are, too.
    pub(crate) fn visit(
        &mut self,
        group: Slot,
        (faces, edges, params): (&Faces, &Edges, &Params),
        mut bar: f32,
        mut see: impl FnMut(f32, FaceId, Slot) -> f32,
    ) {
        let own = self.take(group);
        self.read();
        let Self { places, reading, made, .. } = &*self;
        let first_sight = |slot: Slot| {
            let name = places.get(slot)?.of;
            (name != group && places.get(name)?.is_first(*reading)).then_some(name)
        };
        let grouped = |name: Slot| places.get(name).and_then(|place| place.many.as_deref());

        let few = own.as_ref().map_or(std::slice::from_ref(&group), |own| &own.members);
        if few.len() <= FEW {
            let whole = own.as_ref().map(|own| own.view(faces, params, made));
            if let Some(view) = whole.or_else(|| view_of_face(group, faces)) {
                for name in few.iter().flat_map(|slot| edges.of(*slot)).filter_map(first_sight) {
                    let many = grouped(name).map(|many| many.view(faces, params, made));
                    if let Some(other) = many.or_else(|| view_of_face(name, faces)) {
                        see(view.score(&other, params), other.least, name);
                    }
                }
            }
            own.into_iter().for_each(|own| self.put(group, own));
            return;
        }
        let Some(mut own) = own else { return };
        let Some(mut around) = own.around.take() else {
            self.put(group, own);
            return;
        };
        let view = own.view(faces, params, made);
        around.grouped.retain(|slot| {
            let Some(name) = first_sight(*slot) else { return false };
            // Single faces are on the other list.
            let Some(other) = grouped(name).map(|many| many.view(faces, params, made)) else { return false };
            bar = see(view.score(&other, params), other.least, name);
            true
        });
        around.is_tidy();
        // All of them are of one size.
        let more = view.unevenness(1.0, params);
        around.visit_singles(view.factor, bar - more, |slot| {
            if slot == group
                || places.get(slot).is_none_or(|place| place.of != slot)
                || grouped(slot).is_some()
            {
                return None;
            }
            let face = view_of_face(slot, faces)?;
            let product = view.sum.product(face.sum);
            Some((product, see(product * view.factor + more, face.least, slot) - more))
        });
        own.around = Some(around);
        self.put(group, own);
    }

    /// Tells the group of `slot` that `other`, in another group, is near. Small groups have it from their candidate pairs.
    pub(crate) fn note(&mut self, slot: Slot, other: Slot) {
        let (Some(group), Some(others)) = (self.of(slot), self.of(other)) else { return };
        let is_single = self.many(others).is_none();
        let is_large = |many: &&mut Many| group != others && many.members.len() > FEW;
        let Some(many) = self.many_mut(group).filter(is_large) else { return };
        let around = many.around.get_or_insert_default();
        if is_single {
            around.add_single(other);
        } else if around.add_grouped(other) {
            // A group that is not read for long would collect the same surroundings again and again.
            self.tidy(group);
        }
    }

    /// Leaves every group once in the surroundings of a group.
    fn tidy(&mut self, group: Slot) {
        let Some(mut own) = self.take(group) else { return };
        let name = |slot: Slot| self.of(slot).filter(|name| *name != group);
        if let Some(around) = &mut own.around {
            around.grouped.sort_unstable_by_key(|slot| (name(*slot), *slot));
            around.grouped.dedup_by_key(|slot| name(*slot));
            around.grouped.retain(|slot| name(*slot).is_some_and(|name| self.many(name).is_some()));
            around.is_tidy();
        }
        self.put(group, own);
    }

    /// Forgets who is around whom, for no candidate pair is known any more; and what can soon be worked out again.
    pub(crate) fn forget_surroundings(&mut self) {
        for many in self.groups_mut() {
            many.around = None;
            many.forget_sum();
        }
    }

    /// Drops from all surroundings what merging left there, when a long run of it is over.
    pub(crate) fn tidy_all(&mut self) {
        for group in self.places.slots() {
            self.tidy(group);
            let Some(mut own) = self.take(group) else { continue };
            if let Some(around) = &mut own.around {
                around
                    .retain_singles(|slot| self.is_group(slot) && self.many(slot).is_none() && slot != group);
            }
            self.put(group, own);
        }
    }
}
