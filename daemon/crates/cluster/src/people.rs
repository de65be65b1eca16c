//! Which group is which person: ids that outlive every regrouping.
//!
//! A group without an id is given that of the person most of its faces were last known as, if no group has it now;
//! [`People::claim`] says who comes first when several could. Ids are only ever counted upwards.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use vow_tables::Map;
use vow_types::{FaceId, PersonId};

use crate::faces::Slot;

/// Groups by person and people by group.
#[derive(Debug)]
pub(crate) struct People {
    of_group: Map<Slot, PersonId>,
    group_of: Map<PersonId, Slot>,
    named: HashSet<PersonId>,
    /// Whose ids lead to somebody else: nobody has them again.
    retired: HashSet<PersonId>,
    next: PersonId,
}

/// That a face of this group was last known as this person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vote {
    pub(crate) group: Slot,
    /// The lowest face id in the group.
    pub(crate) least: FaceId,
    pub(crate) person: PersonId,
}

/// One of two groups that become one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joining {
    pub(crate) group: Slot,
    /// How many faces it has.
    pub(crate) size: usize,
    /// Who it is by a human's word.
    pub(crate) is: Option<PersonId>,
}

impl People {
    /// Nobody; new ids from `next` upwards.
    pub(crate) fn new(next: PersonId) -> Self {
        Self {
            of_group: Map::default(),
            group_of: Map::default(),
            named: HashSet::new(),
            retired: HashSet::new(),
            next,
        }
    }

    pub(crate) fn of(&self, group: Slot) -> Option<PersonId> {
        self.of_group.get(&group).copied()
    }

    pub(crate) fn group(&self, person: PersonId) -> Option<Slot> {
        self.group_of.get(&person).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = PersonId> {
        self.group_of.keys().copied()
    }

    /// Remembers whether a person has a name.
    pub(crate) fn name(&mut self, person: PersonId, named: bool) {
        if named {
            self.named.insert(person);
        } else {
            self.named.remove(&person);
        }
    }

    /// Says which ids are retired; all others are not.
    pub(crate) fn retire(&mut self, retired: HashSet<PersonId>) {
        self.retired = retired;
    }

    /// Gives a group an id; neither may be taken. Later new ids are above it.
    pub(crate) fn set(&mut self, group: Slot, person: PersonId) {
        self.of_group.insert(group, person);
        self.group_of.insert(person, group);
        self.next = self.next.max(PersonId(person.0.saturating_add(1)));
    }

    /// The id that the next new person gets: nobody ever had it.
    pub(crate) fn next(&self) -> PersonId {
        self.next
    }

    /// Gives a group an id that nobody ever had.
    pub(crate) fn set_new(&mut self, group: Slot) {
        self.set(group, self.next);
    }

    /// The group goes; its id is free to be claimed by those who were it.
    pub(crate) fn release(&mut self, group: Slot) {
        if let Some(person) = self.of_group.remove(&group) {
            self.group_of.remove(&person);
        }
    }

    /// All groups go.
    pub(crate) fn release_all(&mut self) {
        self.of_group.clear();
        self.group_of.clear();
    }

    /// The group is called by another slot from now on.
    pub(crate) fn rename(&mut self, from: Slot, to: Slot) {
        if let Some(person) = self.of_group.remove(&from) {
            self.set(to, person);
        }
    }

    /// Two groups become one under the name `winner`. Of two ids stays that of the group that is it by a human's word,
    /// else the named person's, else the larger group's, else the lower. Answers with the group whose faces thereby become
    /// another person than they were.
    pub(crate) fn join(&mut self, winner: Joining, loser: Joining) -> Option<Slot> {
        let (theirs, ours) = (self.of(loser.group)?, self.of(winner.group));
        self.release(loser.group);
        let Some(ours) = ours else {
            self.set(winner.group, theirs);
            return None;
        };
        let rank = |person: PersonId, joining: Joining| {
            (joining.is == Some(person), self.named.contains(&person), joining.size, Reverse(person))
        };
        if rank(theirs, loser) > rank(ours, winner) {
            self.release(winner.group);
            self.set(winner.group, theirs);
            Some(winner.group)
        } else {
            Some(loser.group)
        }
    }

    /// Gives groups without an id the ids that nobody has now, one for one: named people first, then the largest
    /// overlap, then the person with most votes in all, then the lower id, then the group with the lower face.
    pub(crate) fn claim(&mut self, votes: impl Iterator<Item = Vote>) {
        let mut overlaps: HashMap<(PersonId, Slot), (usize, FaceId)> = HashMap::new();
        let mut sizes: HashMap<PersonId, usize> = HashMap::new();
        for Vote { group, least, person } in votes {
            let free = self.group(person).is_none() && !self.retired.contains(&person);
            if free && self.of(group).is_none() {
                overlaps.entry((person, group)).or_insert((0, least)).0 += 1;
                *sizes.entry(person).or_default() += 1;
            }
        }
        let mut claims: Vec<_> = overlaps
            .into_iter()
            .map(|((person, group), (overlap, least))| {
                let size = sizes.get(&person).copied().unwrap_or_default();
                let rank =
                    (Reverse(self.named.contains(&person)), Reverse(overlap), Reverse(size), person, least);
                (rank, person, group)
            })
            .collect();
        claims.sort_unstable_by_key(|(rank, ..)| *rank);
        for (_, person, group) in claims {
            if self.group(person).is_none() && self.of(group).is_none() {
                self.set(group, person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(list: &[(Slot, u64, usize)]) -> impl Iterator<Item = Vote> {
        list.iter().flat_map(|(group, person, times)| {
            let vote = Vote { group: *group, least: FaceId(u64::from(*group)), person: PersonId(*person) };
            std::iter::repeat_n(vote, *times)
        })
    }

    #[test]
    fn the_largest_overlap_keeps_the_id() {
        let mut people = People::new(PersonId(9));
        people.claim(votes(&[(1, 5, 10), (2, 5, 30), (1, 6, 12)]));
        assert_eq!((people.of(2), people.of(1)), (Some(PersonId(5)), Some(PersonId(6))));
    }

    #[test]
    fn a_named_person_comes_first_and_takes_the_largest_of_its_parts() {
        let mut people = People::new(PersonId(9));
        people.name(PersonId(7), true);
        people.claim(votes(&[(1, 5, 30), (1, 7, 2), (2, 7, 1)]));
        assert_eq!((people.of(1), people.of(2)), (Some(PersonId(7)), None));
    }

    #[test]
    fn equal_claims_go_to_the_larger_then_to_the_lower() {
        let mut people = People::new(PersonId(9));
        people.claim(votes(&[(1, 5, 2), (1, 6, 2), (2, 6, 1)]));
        assert_eq!((people.of(1), people.of(2)), (Some(PersonId(6)), None));
        let mut people = People::new(PersonId(9));
        people.claim(votes(&[(1, 6, 2), (1, 5, 2)]));
        assert_eq!(people.of(1), Some(PersonId(5)));
    }

    #[test]
    fn the_id_of_somebody_who_was_merged_is_not_claimed_again() {
        let mut people = People::new(PersonId(9));
        people.retire(HashSet::from([PersonId(5)]));
        people.claim(votes(&[(1, 5, 30), (1, 6, 2)]));
        assert_eq!(people.of(1), Some(PersonId(6)));
        people.retire(HashSet::new());
        people.claim(votes(&[(2, 5, 1)]));
        assert_eq!(people.of(2), Some(PersonId(5)));
    }

    #[test]
    fn an_id_in_use_cannot_be_claimed() {
        let mut people = People::new(PersonId(0));
        people.set(3, PersonId(4));
        people.claim(votes(&[(1, 4, 2)]));
        assert_eq!(people.of(1), None);
        people.set_new(1);
        assert_eq!(people.of(1), Some(PersonId(5)));
    }

    #[test]
    fn of_two_people_the_named_then_the_larger_then_the_lower_stays() {
        for (named, sizes, stays, changed) in
            [(Some(2), (9, 1), 2, 10), (None, (9, 1), 1, 20), (None, (1, 9), 2, 10), (None, (5, 5), 1, 20)]
        {
            let mut people = People::new(PersonId(0));
            people.set(10, PersonId(1));
            people.set(20, PersonId(2));
            if let Some(named) = named {
                people.name(PersonId(named), true);
            }
            let joining = |group, size| Joining { group, size, is: None };
            assert_eq!(people.join(joining(10, sizes.0), joining(20, sizes.1)), Some(changed));
            assert_eq!((people.of(10), people.of(20)), (Some(PersonId(stays)), None));
            assert_eq!(people.iter().collect::<Vec<_>>(), [PersonId(stays)]);
        }
    }

    #[test]
    fn who_it_is_by_a_humans_word_stays_before_all_others() {
        let mut people = People::new(PersonId(0));
        people.set(10, PersonId(1));
        people.set(20, PersonId(2));
        people.name(PersonId(2), true);
        let (small, large) =
            (Joining { group: 10, size: 1, is: Some(PersonId(1)) }, Joining { group: 20, size: 9, is: None });
        assert_eq!(people.join(large, small), Some(20));
        assert_eq!(people.of(20), Some(PersonId(1)));
    }
}
