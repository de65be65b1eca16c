//! Carrying out what a human says: is it possible, what is it as a line of the journal, which faces move, and all of it in
//! one transaction before it is acknowledged. On the people thread, so that nobody changes meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vow_cluster::Decided;
use vow_store::{Decision, JournalEntry, NewFace, Outcome, PersonRow, Standing, StoreError};
use vow_types::{ContentId, FaceId, PersonId};

use crate::error::EngineError;
use crate::people::{Keeper, Near};
use crate::progress::now;
use crate::refit::Refitting;
use crate::rulings::Rulings;
use crate::views::Moved;

/// A face that a human pointed out.
#[derive(Debug, Clone, PartialEq)]
pub struct Pointed {
    pub(crate) photo: ContentId,
    pub(crate) face: NewFace,
    pub(crate) person: Option<PersonId>,
}

/// What a human says.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// This is the person's name; empty: they have none.
    Name(PersonId, String),
    /// These people are all the first one. `same_photo`: even where one photo shows several of them.
    Merge {
        /// Who stays.
        into: PersonId,
        /// Who is taken in.
        from: Vec<PersonId>,
        /// Even where one photo shows several of them.
        same_photo: bool,
    },
    /// These faces of the person are somebody else.
    Split(PersonId, Vec<FaceId>),
    /// The face is this person.
    Confirm(FaceId, PersonId),
    /// The face is not this person, by default whoever it is taken for.
    Reject(FaceId, Option<PersonId>),
    /// This is no face.
    NotAFace(FaceId),
    /// The person is not to be listed, or is again.
    Hide(PersonId, bool),
    /// The face stands for the person; `None`: whichever is best.
    Cover(PersonId, Option<FaceId>),
    /// These are two people.
    Apart(PersonId, PersonId),
    /// There is a face that was not found, and perhaps who it is. Made by [`crate::Engine::draw`].
    Draw(Box<Pointed>),
    /// Everyone is sorted out anew, as was worked out by [`crate::Engine::refit`].
    Refit(Refitting),
    /// The decision with this number, or the last one, does not count.
    Undo {
        /// Its number.
        entry: Option<u64>,
        /// Nor do those that make no sense without it.
        dependents: bool,
    },
    /// The decision with this number, or the one that was undone last, counts again.
    Redo(Option<u64>),
}

/// What the people thread answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) entry: Option<JournalEntry>,
    pub(crate) moved: Vec<Moved>,
    pub(crate) people: Vec<PersonId>,
    pub(crate) notes: Vec<String>,
}

/// Either a human asked for what cannot be, or the store failed and with it the thread.
pub(crate) enum Trouble {
    Asked(EngineError),
    Store(StoreError),
}

impl From<EngineError> for Trouble {
    fn from(error: EngineError) -> Self {
        Self::Asked(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Told where there are so many faces that whoever decides would wait for minutes.
const LATER: &str =
    "everyone is sorted out by it in the background, portion by portion; `vow watch` waits for that";

pub(crate) type Result<T> = std::result::Result<T, Trouble>;

impl Keeper {
    /// Carries out what a human says. It is stored when this returns.
    pub(crate) fn decide(&mut self, ask: Ask) -> Result<Answer> {
        let mut plan = self.plan(ask)?;
        let Some(decision) = plan.decision.clone() else {
            let people = plan.people.into_iter().collect();
            return Ok(Answer { people, notes: plan.notes, ..Answer::default() });
        };
        let before = self.shared.rulings();
        let rulings = match plan.rulings.take() {
            Some(rulings) => rulings,
            None => {
                let mut rulings = Rulings::clone(&before);
                rulings.apply(&decision, &plan.known_by);
                let told = plan.known_by.len();
                self.tell_who_lost(&mut plan, &before, &rulings);
                if plan.known_by.len() > told {
                    rulings = Rulings::clone(&before);
                    rulings.apply(&decision, &plan.known_by);
                }
                rulings
            }
        };
        let rulings = Arc::new(rulings);
        self.shared.set_rulings(Arc::clone(&rulings));
        self.grouping.retire(rulings.merged());

        let no_longer: Vec<FaceId> = rulings.no_faces().difference(before.no_faces()).copied().collect();
        let again: Vec<FaceId> = before.no_faces().difference(rulings.no_faces()).copied().collect();
        let said = plan.faces.iter().map(|face| (*face, rulings.said(*face))).collect();
        let decided = Decided { said, ..plan.grouping };
        let index = self.shared.index();
        let mut moves = self.grouping.decide(&decided, &Near(&index));
        moves.extend(self.put_away(&no_longer));
        moves.extend(self.bring_back(&again, &decided.were)?);
        let params = self.shared.params();
        let is_changed = self.grouping.set_merge_at(params.merge_at, params.calibrated_among)
            || matches!(decision, Decision::Refitted { .. });
        let mut touched = 1;
        if is_changed && self.grouping.is_sorted_in_portions() {
            touched = index.len();
            plan.notes.push(LATER.to_owned());
        } else if is_changed {
            let progress = Arc::clone(&self.progress);
            let stop = || progress.stopping.load(Ordering::SeqCst);
            // When it is stopped, the next start does the rest.
            moves.extend(self.grouping.settle(&Near(&index), &stop).unwrap_or_default());
        }
        // A face may have moved twice; the last time counts.
        let last: HashMap<FaceId, Option<PersonId>> =
            moves.iter().map(|step| (step.face, step.person)).collect();
        let mut last: Vec<(FaceId, Option<PersonId>)> = last.into_iter().collect();
        last.sort_unstable();

        let mut people = plan.people;
        people.extend(rulings.people_that_differ(&before));
        let standing = people.iter().map(|person| standing(*person, &rulings)).collect::<Vec<_>>();
        let mut stored = last.clone();
        stored.extend(self.out_of_sight(&decision, &rulings, &last)?);
        let outcome = Outcome { moves: stored, people: standing };
        let entry = self.store.decide(decision, plan.known_by, &outcome, now())?;

        let mut roster = self.shared.write();
        let moved = last
            .iter()
            .map(|(face, to)| Moved { face: *face, from: roster.person_of(*face), to: *to })
            .filter(|moved| moved.from != moved.to)
            .collect();
        for standing in &outcome.people {
            self.grouping.name(standing.row.id, standing.row.name.is_some());
            roster.describe(&standing.row);
        }
        roster.apply(&moves);
        no_longer.iter().for_each(|face| roster.hide(*face));
        drop(roster);
        self.touch(last.len().max(touched));
        self.progress.touch();
        Ok(Answer { entry: Some(entry), moved, people: people.into_iter().collect(), notes: plan.notes })
    }

    /// Faces of photos without a file follow a merge too, in the store: they are there when the photo is back.
    fn out_of_sight(
        &self,
        decision: &Decision,
        rulings: &Rulings,
        seen: &[(FaceId, Option<PersonId>)],
    ) -> Result<Vec<(FaceId, Option<PersonId>)>> {
        let Decision::Merged { into, from, .. } = decision else { return Ok(Vec::new()) };
        let into = rulings.resolve(*into);
        let roster = self.shared.read();
        let hidden = from.iter().flat_map(|(_, faces)| faces).filter(|face| !roster.contains(**face));
        let known: BTreeSet<FaceId> = seen.iter().map(|(face, _)| *face).collect();
        Ok(hidden.filter(|face| !known.contains(face)).map(|face| (*face, Some(into))).collect())
    }
}

/// A person as the store is to have them.
pub(crate) fn standing(person: PersonId, rulings: &Rulings) -> Standing {
    let known = rulings.person(person).cloned().unwrap_or_default();
    Standing {
        row: PersonRow {
            id: person,
            name: known.name,
            hidden: known.hidden,
            cover: known.cover,
            created: now(),
        },
        decided: rulings.person(person).is_some(),
    }
}
