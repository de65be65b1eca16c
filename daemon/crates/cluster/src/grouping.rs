//! All faces of one pack as people, kept up to date: what comes in, what leaves, and what is to be told about it.
//!
//! How groups are merged is the business of [`crate::merge`]; merging again what was touched, and everything, that
//! of [`crate::again`]; following what humans say, that of [`crate::decide`]; ids, that of [`crate::tell`].

mod asking;
mod coming;
mod threshold;

use std::collections::{HashMap, HashSet};

use vow_types::{Embedding, FaceId, PersonId};

use crate::budget;
use crate::edges::Edges;
use crate::faces::{Faces, Slot};
use crate::groups::Groups;
use crate::ledger::Ledger;
use crate::merge::{Space, in_two_steps};
use crate::pace::Pace;
use crate::people::{Joining, People};
use crate::round::Round;
use crate::survey::{Change, Survey};
use crate::weak::Weak;
use crate::{Move, Neighbours, Observation, Params};

/// All faces of one model pack, grouped into people.
///
/// Every method leaves every held face with exactly one person (a face restored without one gets it from the next
/// [`Self::add`] or [`Self::settle`]), never brings two faces of one photo together unless a human did, never goes against
/// a human's word ([`crate::Said`]), and never uses an id again.
///
/// Memory for a face with an embedding of `d` components (measured with 200,000 faces): `2 d` bytes for the embedding,
/// held once, where it is in no file; about 90 bytes for ids, photo and tables, of which most may go to files (`vow_tables`); 300 to 400
/// bytes for candidate pairs, once they are known (some
/// 45 to 64 pairs with 32 neighbours); and for each group of two or more some 100 bytes, and `4 d` more while it is compared with others.
/// [`Self::settle`] needs the groups once more while it runs, and some 350 bytes a face in all. Pairs are known of faces that came and of
/// those that were merged again, as many as there is room for ([`Params::room`]: of all up to some 450,000), and of all while an exact pass
/// runs; once everybody is sorted out they are kept where there are few ([`Params::keep_pairs`]).
#[derive(Debug)]
pub struct Grouping {
    pub(crate) params: Params,
    /// Sum-link score at or above which two groups are one person, among as many people as there are.
    pub(crate) bar: f32,
    /// What it was when everything was last merged from single faces.
    pub(crate) bar_of_all: f32,
    pub(crate) faces: Faces,
    pub(crate) edges: Edges,
    pub(crate) groups: Groups,
    pub(crate) weak: Weak,
    pub(crate) people: People,
    /// By group, how many of its faces came since it was last merged from single faces.
    pub(crate) touched: HashMap<Slot, usize>,
    /// By face, whom a decision that was taken back had made somebody else; heeded once.
    pub(crate) was: HashMap<Slot, PersonId>,
    /// How many faces came since touched groups were last merged again.
    pub(crate) since: usize,
    /// Faces that are held and still to be placed.
    pub(crate) waiting: Vec<Slot>,
    /// Faces whose person may not be the one the caller knows.
    pub(crate) dirty: Vec<Slot>,
    /// What changed since everybody was last asked about, or since a survey began with nothing; `None` when that is so much
    /// that the next one does.
    pub(crate) changes: Option<Vec<Change>>,
    /// How far [`Self::settle`] was when it was stopped.
    pub(crate) survey: Option<Survey>,
    /// How far [`Self::settle_some`] is, where that goes in portions.
    pub(crate) round: Option<Round>,
    pub(crate) settled: bool,
}

impl Grouping {
    /// An empty grouping. New people get ids from `next_person` upwards.
    #[must_use]
    pub fn new(params: Params, next_person: PersonId) -> Self {
        let bar = params.merge_at_among(0);
        Self {
            params,
            bar,
            bar_of_all: bar,
            faces: Faces::default(),
            edges: Edges::default(),
            groups: Groups::default(),
            weak: Weak::default(),
            people: People::new(next_person),
            touched: HashMap::new(),
            was: HashMap::new(),
            since: 0,
            waiting: Vec::new(),
            dirty: Vec::new(),
            changes: None,
            survey: None,
            round: None,
            settled: true,
        }
    }

    /// Takes in a face as it was stored, with its person. What is given is kept as it is, and costs about a
    /// microsecond. A face without a person has none until the next [`Self::add`] (of nothing, if need be) or
    /// [`Self::settle`]. A face that is held already is passed over.
    ///
    /// The candidate pairs of restored faces are not known. They are asked for, one [`Neighbours::nearest`] a face and
    /// run, when the group of a face is merged again because faces came to it or near it, and by [`Self::settle`] for
    /// all. Until then two restored groups are not compared with each other, only with what is new.
    pub fn restore(&mut self, observation: Observation, person: Option<PersonId>) {
        let strong = observation.strong;
        let Some(slot) = self.insert(observation, person) else { return };
        // What is restored is as it is to be: it is not merged again because there are many now and were none before.
        self.bar_of_all = self.params.merge_at_among(self.groups.count());
        let is = self.faces.is(slot);
        // A human's word that was not followed yet is followed with the next faces.
        let person = person
            .filter(|person| is.is_none_or(|is| is == *person) && !self.faces.is_not(slot, Some(*person)));
        let Some(person) = person else {
            self.waiting.push(slot);
            return;
        };
        match self.people.group(person) {
            None => self.people.set(slot, person),
            Some(group) if !strong => self.weak.attach(slot, group),
            Some(group) if self.groups.is_group(group) => {
                self.groups.merge(group, slot, &self.faces, &self.edges, &self.params);
            }
            // Only weak faces of this person so far: from now on they are the guests of this one.
            Some(group) => {
                self.people.rename(group, slot);
                self.weak.hand_over(group, slot);
            }
        }
    }

    /// Takes in new faces and groups them with those that are held; answers with every face whose person is another
    /// than before, by face id. Faces that are held already are passed over.
    ///
    /// One [`Neighbours::nearest`] per face. The index should hold the new faces by then: a pair of new faces it does not
    /// know of is found by later faces or by [`Self::settle`] only. A call touches the groups its faces are near to;
    /// every [`Params::resplit_every`] faces, what was touched is merged again.
    pub fn add(&mut self, faces: Vec<Observation>, neighbours: &dyn Neighbours) -> Vec<Move> {
        let mut slots = std::mem::take(&mut self.waiting);
        for observation in faces {
            slots.extend(self.insert(observation, None));
        }
        self.dirty.extend(&slots);
        let mut rest = slots.as_slice();
        while !rest.is_empty() {
            let room = self.params.resplit_every.saturating_sub(self.since).clamp(1, rest.len());
            let (now, later) = rest.split_at(room);
            self.tune();
            self.arrive(now, neighbours);
            rest = later;
            self.since = self.since.saturating_add(now.len());
            if self.since >= self.params.resplit_every {
                self.since = 0;
                self.merge_touched_again(neighbours);
            }
        }
        if self.survey.is_none() && self.knows_many_pairs() {
            self.let_go_of_pairs();
        }
        self.tell()
    }

    /// Faces leave. What only they held together falls apart: their groups are merged again from the faces that stay.
    /// Answers with them (`None`) and with every other face whose person is another than before, by face id. Faces that
    /// are not held are passed over.
    ///
    /// A group of more than [`Params::resplit_up_to`] faces stays together for now, so that a face less does not cost the time of
    /// all; it is merged again by [`Self::settle`]. So does a group with restored faces whose candidate pairs are not known; it is
    /// merged again when the next faces come or by [`Self::settle`].
    pub fn remove(&mut self, faces: &[FaceId]) -> Vec<Move> {
        let leaving: HashSet<Slot> = faces.iter().filter_map(|id| self.faces.slot(*id)).collect();
        if leaving.is_empty() {
            return Vec::new();
        }
        let (mut singles, mut guests) = (Vec::new(), Vec::new());
        let strong = leaving.iter().copied().filter(|slot| self.groups.of(*slot).is_some());
        for (group, gone) in self.by_group(strong) {
            if self.groups.members(group).len() > self.params.resplit_up_to {
                self.extract(group, &gone);
                continue;
            }
            let known = self.faces_of(group).all(|slot| leaving.contains(&slot) || self.edges.is_asked(slot));
            let (mut strong, mut weak) = self.take_apart(group);
            strong.retain(|slot| !leaving.contains(slot));
            weak.retain(|slot| !leaving.contains(slot));
            if known {
                singles.extend(strong);
                guests.extend(weak);
            } else {
                guests.extend(self.bind(&strong, weak));
            }
        }
        let mut moves: Vec<Move> = leaving.into_iter().filter_map(|slot| self.forget(slot)).collect();
        self.waiting.retain(|slot| self.faces.get(*slot).is_some());
        self.merge_from_singles(&singles, guests, None);
        moves.extend(self.tell());
        moves.sort_unstable_by_key(|m| m.face);
        moves
    }

    /// Something is another way than when everybody was last sorted out.
    pub(crate) fn unsettle(&mut self) {
        self.settled = false;
        self.round.iter_mut().for_each(Round::outdate);
    }

    /// Whether candidate pairs take more room than faces leave ([`Params::room`]).
    pub(crate) fn knows_many_pairs(&self) -> bool {
        self.edges.asked() > budget::faces_with_pairs(self.faces.count(), self.params.room)
    }

    /// Takes other shares of the same embeddings where `of` has some, so that the memory of those that are held can be given
    /// back. A face whose embedding is another one there keeps its own. It does so for up to `most` faces from a place on, and
    /// says the place to go on from; `None` when that was the last. The first place is 0.
    pub fn share(
        &mut self,
        from: usize,
        most: usize,
        of: &dyn Fn(FaceId) -> Option<Embedding>,
    ) -> Option<usize> {
        let end = from.saturating_add(most);
        self.faces.share(from..end, of);
        Some(end).filter(|end| *end < self.faces.slots())
    }

    /// Says whether a person has a name. When groups merge or fall apart, named people keep their ids in preference.
    pub fn name(&mut self, person: PersonId, named: bool) {
        self.people.name(person, named);
    }

    /// Says who was merged into somebody else: nobody gets these ids until they are not among them any more.
    pub fn retire(&mut self, merged: HashSet<PersonId>) {
        self.people.retire(merged);
    }

    /// Finds the place of new faces: best first among themselves and with what is around them.
    fn arrive(&mut self, new: &[Slot], neighbours: &dyn Neighbours) {
        let mut active = Vec::with_capacity(new.len());
        let mut weak = Vec::new();
        self.ask(new, neighbours);
        let loose = self.gather(new);
        weak.extend(loose.weak);
        active.extend(loose.strong);
        for slot in new {
            match self.groups.of(*slot) {
                Some(group) => {
                    active.push(group);
                    *self.touched.entry(group).or_default() += 1;
                    weak.extend(self.edges.of(*slot).filter(|near| !self.faces.is_strong(*near)));
                }
                None => weak.push(*slot),
            }
        }
        active.sort_unstable();
        active.dedup();
        weak.extend(self.merge(&active, true));
        self.place_weak(weak, Some(neighbours));
    }

    /// Asks for the neighbours of faces, where that was not done yet, and tells the groups of both ends.
    pub(crate) fn ask(&mut self, slots: &[Slot], neighbours: &dyn Neighbours) {
        let Self { edges, faces, params, groups, .. } = self;
        edges.ask(slots, faces, params, neighbours, |slot, other| {
            if faces.is_strong(other) && faces.is_strong(slot) {
                groups.note(slot, other);
                groups.note(other, slot);
            }
        });
    }

    /// Merges best first, with people, weak faces and counts kept in step. Answers with the weak faces that came
    /// together with another face of their photo and must be placed anew. `arriving`: whether what is merged counts as
    /// a change of the group it comes to.
    pub(crate) fn merge(&mut self, active: &[Slot], arriving: bool) -> Vec<Slot> {
        let Self { params, bar, faces, edges, groups, weak, people, touched, dirty, .. } = self;
        let space = Space { faces, edges, params, bar: *bar };
        let mut ledger = Ledger { faces, weak, people, touched, dirty, misplaced: Vec::new(), arriving };
        in_two_steps(groups, space, active, &Pace::unwatched(), &mut |groups, winner, loser| {
            ledger.enter(groups, winner, loser);
        });
        ledger.misplaced
    }

    /// Merges two groups whatever they look like. Answers with the weak faces to be placed anew.
    pub(crate) fn force(&mut self, a: Slot, b: Slot) -> Vec<Slot> {
        let Self { params, faces, edges, groups, weak, people, touched, dirty, .. } = self;
        let (winner, loser) = groups.winner(a, b);
        let mut ledger =
            Ledger { faces, weak, people, touched, dirty, misplaced: Vec::new(), arriving: true };
        ledger.enter(groups, winner, loser);
        let misplaced = ledger.misplaced;
        groups.merge(winner, loser, faces, edges, params);
        misplaced
    }

    /// Places weak faces anew. Those whose neighbours are not known and cannot be asked for now wait.
    pub(crate) fn place_weak(&mut self, mut slots: Vec<Slot>, neighbours: Option<&dyn Neighbours>) {
        let kin: Vec<Slot> = slots
            .iter()
            .filter_map(|slot| self.faces.is(*slot))
            .flat_map(|person| self.faces.said_to_be(person))
            .copied()
            .filter(|slot| !self.faces.is_strong(*slot))
            .collect();
        slots.extend(kin);
        slots.sort_unstable();
        slots.dedup();
        if let Some(neighbours) = neighbours {
            self.ask(&slots, neighbours);
        }
        for slot in &slots {
            if neighbours.is_none() && !self.edges.is_asked(*slot) && self.faces.is(*slot).is_none() {
                self.waiting.push(*slot);
            }
            if let Some((from, to)) = self.weak.detach(*slot) {
                self.people.rename(from, to);
            }
        }
        let space = Space { faces: &self.faces, edges: &self.edges, params: &self.params, bar: self.bar };
        let mut placed = self.weak.bring_home(&slots, &self.groups, &self.faces);
        placed.extend(self.weak.place(&slots, &self.groups, space));
        for (slot, group) in placed {
            let home = Joining { group, size: self.faces_of(group).count(), is: self.said_of(group) };
            let guest = Joining { group: slot, size: 1, is: None };
            if self.people.join(home, guest) == Some(group) {
                let changed: Vec<Slot> = self.faces_of(group).collect();
                self.dirty.extend(changed);
            }
        }
        self.dirty.extend(slots);
    }
}
