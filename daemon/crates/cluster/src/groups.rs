//! Groups of strong faces: their sums, their sizes and who is around them.
//!
//! A group is named by the slot of one of its faces, so a single face needs no entry at all: it is named by itself, its
//! sum is its embedding and its surroundings are its candidate pairs. Surroundings hold faces, not groups, and are
//! resolved when they are read: merging does not have to rewrite the lists of others. For every face in a group's
//! surroundings there is a candidate pair with a face of the group; and for every candidate pair between two groups,
//! each has a face of the other in its surroundings.

use vow_types::num::{index, usize_to_f32};
use vow_types::{FaceId, PersonId};

use crate::Params;
use crate::around::Around;
use crate::edges::Edges;
use crate::faces::{Faces, NOWHERE, Slot};
use crate::vectors::{accumulate, dot};

/// A partition of the strong faces. Weak faces are in no group here.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// The group of a face, [`NOWHERE`] for weak faces and empty slots.
    of: Vec<Slot>,
    /// Groups of two and more, under their name.
    many: Vec<Option<Box<Many>>>,
    /// Changes whenever the group under this name does.
    version: Vec<u32>,
    /// How many groups there are, single faces among them.
    count: usize,
    seen: Seen,
}

/// Which groups the present reading of surroundings met.
#[derive(Debug, Default)]
struct Seen {
    reading: u32,
    /// By name, the last reading that met the group.
    last: Vec<u32>,
}

impl Seen {
    fn begin(&mut self) {
        self.reading = self.reading.wrapping_add(1);
        if self.reading == 0 {
            self.last.fill(0);
            self.reading = 1;
        }
    }

    fn is_first(&mut self, name: Slot) -> bool {
        let Some(last) = self.last.get_mut(index(name)) else { return false };
        std::mem::replace(last, self.reading) != self.reading
    }
}

/// A group of at least two faces.
#[derive(Debug)]
struct Many {
    members: Vec<Slot>,
    /// Sum of the members' embeddings.
    sum: Box<[f32]>,
    /// `n^(p-1) / |S|^p`: what the group contributes to its scores besides its sum.
    factor: f32,
    /// The lowest id among the members: what ties are broken by.
    least: FaceId,
    /// Who the members are by a human's word.
    is: Option<PersonId>,
    /// Whom a member is not, by a human's word; sorted.
    is_not: Vec<PersonId>,
    around: Around,
}

/// What a score needs to know of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    sum: &'a [f32],
    factor: f32,
    pub(crate) least: FaceId,
}

impl View<'_> {
    /// The sum-link score of two groups: their mean cross cosine, divided by what each group's own spread (the length
    /// of its mean vector) explains of it, to the given power. Symmetric to the last bit.
    pub(crate) fn score(&self, other: &View<'_>) -> f32 {
        // S_A.S_B/(n_A n_B) / (|S_A|/n_A |S_B|/n_B)^p, sorted by group.
        dot(self.sum, other.sum) * (self.factor * other.factor)
    }
}

impl Many {
    fn view(&self) -> View<'_> {
        View { sum: &self.sum, factor: self.factor, least: self.least }
    }
}

/// Faces as the group they would be.
pub(crate) struct Sum {
    sum: Vec<f32>,
    factor: f32,
    least: FaceId,
}

impl Sum {
    /// `None` of nothing.
    pub(crate) fn of(slots: impl Iterator<Item = Slot>, faces: &Faces, params: &Params) -> Option<Self> {
        let mut whole: Option<(Vec<f32>, usize, FaceId)> = None;
        for face in slots.filter_map(|slot| faces.get(slot)) {
            let own = face.embedding.as_slice();
            match &mut whole {
                None => whole = Some((own.to_vec(), 1, face.id)),
                Some((sum, count, least)) => {
                    accumulate(sum, own);
                    *count = count.saturating_add(1);
                    *least = face.id.min(*least);
                }
            }
        }
        let (sum, count, least) = whole?;
        Some(Self { factor: factor(count, &sum, params), sum, least })
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { sum: &self.sum, factor: self.factor, least: self.least }
    }
}

/// `n^(p-1) / |S|^p`.
fn factor(faces: usize, sum: &[f32], params: &Params) -> f32 {
    let length = dot(sum, sum).sqrt().max(f32::MIN_POSITIVE);
    usize_to_f32(faces).powf(params.power - 1.0) / length.powf(params.power)
}

fn view_of_face(slot: Slot, faces: &Faces) -> Option<View<'_>> {
    let face = faces.get(slot)?;
    Some(View { sum: face.embedding.as_slice(), factor: 1.0, least: face.id })
}

impl Groups {
    /// Every strong face by itself.
    pub(crate) fn singles(faces: &Faces) -> Self {
        let mut groups = Self::default();
        for (slot, face) in faces.iter() {
            groups.insert(slot, face.strong);
        }
        groups
    }

    /// A new face: a group of its own when it is strong.
    pub(crate) fn insert(&mut self, slot: Slot, strong: bool) {
        let needed = index(slot).saturating_add(1);
        if self.of.len() < needed {
            self.of.resize(needed, NOWHERE);
            self.many.resize_with(needed, || None);
            self.version.resize(needed, 0);
            self.seen.last.resize(needed, 0);
        }
        self.set(slot, if strong { slot } else { NOWHERE });
    }

    /// Forgets a face that is by itself; `near` are all faces it had a candidate pair with.
    pub(crate) fn remove(&mut self, slot: Slot, near: &[Slot]) {
        for other in near {
            if let Some(many) = self.of(*other).and_then(|group| self.many_mut(group)) {
                many.around.remove(slot);
            }
        }
        self.set(slot, NOWHERE);
    }

    fn set(&mut self, slot: Slot, group: Slot) {
        if let Some(of) = self.of.get_mut(index(slot)) {
            let was = std::mem::replace(of, group);
            self.count = self.count.saturating_sub(usize::from(was == slot));
            self.count = self.count.saturating_add(usize::from(group == slot));
        }
        self.change(slot);
    }

    /// How many groups there are, single faces among them.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn change(&mut self, group: Slot) {
        if let Some(version) = self.version.get_mut(index(group)) {
            *version = version.wrapping_add(1);
        }
    }

    /// The group of a strong face.
    pub(crate) fn of(&self, slot: Slot) -> Option<Slot> {
        self.of.get(index(slot)).copied().filter(|group| *group != NOWHERE)
    }

    pub(crate) fn is_group(&self, name: Slot) -> bool {
        self.of(name) == Some(name)
    }

    pub(crate) fn version(&self, group: Slot) -> u32 {
        self.version.get(index(group)).copied().unwrap_or_default()
    }

    fn many(&self, group: Slot) -> Option<&Many> {
        self.many.get(index(group))?.as_deref()
    }

    fn many_mut(&mut self, group: Slot) -> Option<&mut Many> {
        self.many.get_mut(index(group))?.as_deref_mut()
    }

    fn take(&mut self, group: Slot) -> Option<Box<Many>> {
        self.many.get_mut(index(group))?.take()
    }

    fn put(&mut self, group: Slot, many: Box<Many>) {
        if let Some(place) = self.many.get_mut(index(group)) {
            *place = Some(many);
        }
    }

    /// The strong faces of a group; none when there is no group of that name.
    pub(crate) fn members(&self, group: Slot) -> &[Slot] {
        match (self.many(group), self.of.get(index(group))) {
            (Some(many), _) => &many.members,
            (None, Some(name)) if *name == group => std::slice::from_ref(name),
            _ => &[],
        }
    }

    /// A face as if it were by itself.
    pub(crate) fn face(slot: Slot, faces: &Faces) -> Option<View<'_>> {
        view_of_face(slot, faces)
    }

    pub(crate) fn view<'a>(&'a self, group: Slot, faces: &'a Faces) -> Option<View<'a>> {
        self.many(group).map(Many::view).or_else(|| view_of_face(group, faces))
    }

    /// The score of a face with the other strong faces of a group; `None` when there are none.
    pub(crate) fn score_of(&self, slot: Slot, group: Slot, faces: &Faces, params: &Params) -> Option<f32> {
        let (face, whole) = (view_of_face(slot, faces)?, self.view(group, faces)?);
        let members = self.members(group);
        if !members.contains(&slot) {
            return (!members.is_empty()).then(|| face.score(&whole));
        }
        let others = members.len().checked_sub(1).filter(|others| *others > 0)?;
        let sum: Vec<f32> = whole.sum.iter().zip(face.sum).map(|(all, own)| all - own).collect();
        let factor = factor(others, &sum, params);
        Some(face.score(&View { sum: &sum, factor, least: whole.least }))
    }

    /// Who a group is by a human's word.
    pub(crate) fn is(&self, group: Slot, faces: &Faces) -> Option<PersonId> {
        self.said(group, faces).0
    }

    fn said<'a>(&'a self, group: Slot, faces: &'a Faces) -> (Option<PersonId>, &'a [PersonId]) {
        match (self.many(group), faces.get(group)) {
            (Some(many), _) => (many.is, &many.is_not),
            (None, Some(face)) => (face.said.is, &face.said.is_not),
            _ => (None, &[]),
        }
    }

    /// Reads anew what humans said about the members of a group.
    pub(crate) fn hear(&mut self, group: Slot, faces: &Faces) {
        let Some(mut many) = self.take(group) else { return };
        many.is = many.members.iter().find_map(|slot| faces.is(*slot));
        many.is_not = many
            .members
            .iter()
            .filter_map(|slot| faces.get(*slot))
            .flat_map(|f| f.said.is_not.clone())
            .collect();
        many.is_not.sort_unstable();
        many.is_not.dedup();
        self.put(group, many);
        self.change(group);
    }

    /// Whether two groups may be one person: no word of a human's is against it, and they share no photo.
    pub(crate) fn may_meet(&self, a: Slot, b: Slot, faces: &Faces) -> bool {
        let ((a_is, a_not), (b_is, b_not)) = (self.said(a, faces), self.said(b, faces));
        let refused = |is: Option<PersonId>, not: &[PersonId]| is.is_some_and(|person| not.contains(&person));
        let others = a_is.zip(b_is).is_some_and(|(a, b)| a != b);
        // Weak faces are in no group here, but who they are is known before anybody is merged.
        let shares = |is: Option<PersonId>, other: Slot| {
            let kin = is.map_or(&[][..], |person| faces.weak_said_to_be(person));
            kin.iter().any(|slot| faces.siblings(*slot).any(|s| self.of(s) == Some(other)))
        };
        !others
            && !refused(a_is, b_not)
            && !refused(b_is, a_not)
            && (a_is == b_is || !(shares(a_is, b) || shares(b_is, a)))
            && !self.share_a_photo(a, b, faces)
    }

    /// Whether two faces of one photo would come together.
    fn share_a_photo(&self, a: Slot, b: Slot, faces: &Faces) -> bool {
        let (few, other) = if self.members(a).len() <= self.members(b).len() { (a, b) } else { (b, a) };
        self.members(few).iter().any(|slot| faces.siblings(*slot).any(|s| self.of(s) == Some(other)))
    }

    /// Shows every group around `group` that may score at least `bar` with it: score, lowest face id, name. `see` answers
    /// with the bar from then on. Each group is shown once, in no particular order; some below the bar are, too.
    pub(crate) fn visit(
        &mut self,
        group: Slot,
        (faces, edges): (&Faces, &Edges),
        mut bar: f32,
        mut see: impl FnMut(f32, FaceId, Slot) -> f32,
    ) {
        let own = self.take(group);
        let Self { of, many, seen, .. } = self;
        seen.begin();
        let mut first_sight = |slot: Slot| {
            let name = of.get(index(slot)).copied().filter(|name| *name != NOWHERE && *name != group)?;
            seen.is_first(name).then_some(name)
        };
        let grouped = |name: Slot| many.get(index(name)).and_then(Option::as_deref).map(Many::view);

        let Some(mut own) = own else {
            let Some(view) = view_of_face(group, faces) else { return };
            for name in edges.of(group).iter().filter_map(|slot| first_sight(*slot)) {
                if let Some(other) = grouped(name).or_else(|| view_of_face(name, faces)) {
                    see(view.score(&other), other.least, name);
                }
            }
            return;
        };
        let Many { sum, factor, least, around, .. } = &mut *own;
        let view = View { sum, factor: *factor, least: *least };
        around.grouped.retain(|slot| {
            let Some(name) = first_sight(*slot) else { return false };
            // Single faces are on the other list.
            let Some(other) = grouped(name) else { return false };
            bar = see(view.score(&other), other.least, name);
            true
        });
        around.is_tidy();
        around.visit_singles(view.factor, bar, |slot| {
            if slot == group || of.get(index(slot)) != Some(&slot) || grouped(slot).is_some() {
                return None;
            }
            let face = view_of_face(slot, faces)?;
            let product = dot(view.sum, face.sum);
            Some((product, see(product * view.factor, face.least, slot)))
        });
        self.put(group, own);
    }

    /// Tells the group of `slot` that `other`, in another group, is near. Single faces have it from their candidate
    /// pairs.
    pub(crate) fn note(&mut self, slot: Slot, other: Slot) {
        let (Some(group), Some(others)) = (self.of(slot), self.of(other)) else { return };
        let is_single = self.many(others).is_none();
        let Some(many) = self.many_mut(group).filter(|_| group != others) else { return };
        if is_single {
            many.around.add_single(other);
        } else if many.around.add_grouped(other) {
            // A group that is not read for long would collect the same surroundings again and again.
            self.tidy(group);
        }
    }

    /// Leaves every group once in the surroundings of a group.
    fn tidy(&mut self, group: Slot) {
        let Some(mut own) = self.take(group) else { return };
        let name = |slot: Slot| self.of(slot).filter(|name| *name != group);
        own.around.grouped.sort_unstable_by_key(|slot| (name(*slot), *slot));
        own.around.grouped.dedup_by_key(|slot| name(*slot));
        own.around.grouped.retain(|slot| name(*slot).is_some_and(|name| self.many(name).is_some()));
        own.around.is_tidy();
        self.put(group, own);
    }

    /// Drops from all surroundings what merging left there, when a long run of it is over.
    pub(crate) fn tidy_all(&mut self) {
        for group in (0..).take(self.many.len()) {
            self.tidy(group);
            let Some(mut own) = self.take(group) else { continue };
            own.around
                .retain_singles(|slot| self.is_group(slot) && self.many(slot).is_none() && slot != group);
            self.put(group, own);
        }
    }

    /// Merges the smaller of two groups into the larger one.
    pub(crate) fn merge(&mut self, a: Slot, b: Slot, faces: &Faces, edges: &Edges, params: &Params) {
        let (winner, loser) = self.winner(a, b);
        let (Some((mut to, new_to)), Some((mut from, new_from))) =
            (self.take_or_build(winner, faces), self.take_or_build(loser, faces))
        else {
            return;
        };
        for member in &from.members {
            if let Some(of) = self.of.get_mut(index(*member)) {
                *of = winner;
            }
        }
        self.count = self.count.saturating_sub(1);
        to.members.append(&mut from.members);
        accumulate(&mut to.sum, &from.sum);
        to.factor = factor(to.members.len(), &to.sum, params);
        to.least = to.least.min(from.least);
        to.is = to.is.or(from.is);
        to.is_not.append(&mut from.is_not);
        to.is_not.sort_unstable();
        to.is_not.dedup();
        to.around.absorb(from.around, dot(&from.sum, &from.sum).sqrt());
        self.put(winner, to);
        self.change(winner);
        self.change(loser);
        for slot in
            [(winner, new_to), (loser, new_from)].iter().filter(|(_, new)| *new).map(|(slot, _)| *slot)
        {
            for other in edges.of(slot) {
                self.note(slot, *other);
                self.note(*other, slot);
            }
        }
    }

    /// Which of two groups keeps its name in a merge, and which loses it.
    pub(crate) fn winner(&self, a: Slot, b: Slot) -> (Slot, Slot) {
        if self.members(a).len() >= self.members(b).len() { (a, b) } else { (b, a) }
    }

    /// A group to be changed, and whether it was a single face until now.
    fn take_or_build(&mut self, group: Slot, faces: &Faces) -> Option<(Box<Many>, bool)> {
        if let Some(many) = self.take(group) {
            return Some((many, false));
        }
        let face = faces.get(group)?;
        let many = Many {
            members: vec![group],
            sum: face.embedding.as_slice().into(),
            factor: 1.0,
            least: face.id,
            is: face.said.is,
            is_not: face.said.is_not.clone(),
            around: Around::default(),
        };
        Some((Box::new(many), true))
    }

    /// Takes a face that is by itself out of all groups for a while.
    pub(crate) fn withdraw(&mut self, slot: Slot) {
        self.set(slot, NOWHERE);
    }

    /// The way back from [`Self::withdraw`].
    pub(crate) fn enter(&mut self, slot: Slot, edges: &Edges) {
        self.set(slot, slot);
        for other in edges.of(slot) {
            self.note(*other, slot);
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
                self.note(*other, *member);
            }
        }
        many.members
    }
}

#[cfg(test)]
mod tests;
