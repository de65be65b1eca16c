//! What humans' answers teach: how likely the next question is to be answered yes, how good the grouping is, and whether
//! another threshold would have been better.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crossbeam_channel::bounded;
use vow_cluster::{Calibration, Grouping, Verdict, are_years_apart, propose, share};
use vow_store::{Decision, JournalEntry};
use vow_types::{FaceId, PersonId};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::people::{Keeper, Message, People};
use crate::questions::MISSES_BY;
use crate::rulings::{self, Rulings};
use crate::views::PeopleStats;

/// What was learned up to an entry of the journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Learned {
    upto: u64,
    pub(crate) calibration: Calibration,
}

impl Engine {
    /// What the answers so far say about scores.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn calibration(&self) -> Result<Calibration, EngineError> {
        let upto = self.store().last_entry()?;
        if let Some(learned) = self.people().learned().filter(|learned| learned.upto == upto) {
            return Ok(learned.calibration);
        }
        let calibration = Calibration::fit(self.people().pack_merge_at(), &self.verdicts()?);
        self.people().set_learned(Learned { upto, calibration });
        Ok(calibration)
    }

    fn verdicts(&self) -> Result<Vec<Verdict>, EngineError> {
        let (reply, answer) = bounded(1);
        self.tell(Message::Learn { reply })?;
        answer.recv().map_err(|_| EngineError::Stopping)?
    }

    /// How good the grouping is, as far as humans' answers tell. Humans look where something is wrong, so that the shares
    /// are rather too low.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn people_stats(&self) -> Result<PeopleStats, EngineError> {
        let journal = self.store().journal(0, usize::MAX)?;
        let undone = rulings::undone(&journal);
        let counts = |entry: &&JournalEntry| !undone.contains(&entry.seq) && rulings::is_decision(entry);
        let journal: Vec<&JournalEntry> = journal.iter().filter(counts).collect();
        let verdicts = self.verdicts()?;
        let people = self.people();
        let (pack_merge_at, merge_at) = (people.pack_merge_at(), people.merge_at());
        let open = self.candidates()?;
        let roster = people.read();
        let sizes = |person: PersonId| roster.members(person).len();
        Ok(PeopleStats {
            decisions: journal.len(),
            answers: verdicts.len(),
            precision: precision(&journal),
            recall: recall(&journal, &people.rulings(), &sizes),
            questions: open.len(),
            expected_yes: open.iter().map(|candidate| candidate.chance).sum(),
            pack_merge_at,
            merge_at,
            proposal: propose(pack_merge_at, merge_at, &verdicts),
        })
    }
}

impl Keeper {
    /// Every pair about which a human said whether it is one person, with the score it has now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn verdicts(&self) -> Result<Vec<Verdict>, EngineError> {
        let journal = self.store.journal(0, usize::MAX)?;
        let undone = rulings::undone(&journal);
        let rulings = self.shared.rulings();
        let counts = journal.iter().filter(|entry| !undone.contains(&entry.seq));
        let verdicts =
            |entry: &JournalEntry| verdicts(&entry.decision, &rulings, &self.grouping, &self.shared);
        Ok(counts.flat_map(verdicts).collect())
    }
}

fn verdicts(decision: &Decision, rulings: &Rulings, grouping: &Grouping, people: &People) -> Vec<Verdict> {
    let members = |person: PersonId| grouping.members(rulings.resolve(person)).collect::<Vec<FaceId>>();
    let others = |person: PersonId, without: &[FaceId]| {
        let without: HashSet<&FaceId> = without.iter().collect();
        let mut faces = members(person);
        faces.retain(|face| !without.contains(face));
        faces
    };
    let verdict = |a: &[FaceId], b: &[FaceId], same: bool| {
        let score = grouping.score_of_sets(a, b)?;
        // Somebody who changed over the years is one person whatever the score of the whole.
        let far = same && score < grouping.merge_at() - MISSES_BY;
        let changed = far && are_years_apart(a, b, &|face| people.day_of(face));
        (!changed).then_some(Verdict { score, same })
    };
    match decision {
        Decision::Merged { into, from, .. } => {
            let merged = from.iter().filter_map(|(_, faces)| verdict(faces, &others(*into, faces), true));
            merged.collect()
        }
        Decision::Apart { a, b } => verdict(&members(*a), &members(*b), false).into_iter().collect(),
        Decision::Split { from, faces, .. } => {
            verdict(faces, &others(*from, faces), false).into_iter().collect()
        }
        Decision::Confirmed { face, person, .. } => {
            verdict(&[*face], &others(*person, &[*face]), true).into_iter().collect()
        }
        Decision::Rejected { face, person, .. } => {
            verdict(&[*face], &others(*person, &[*face]), false).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Of the faces that humans looked at one by one, the share that was with the right person.
fn precision(journal: &[&JournalEntry]) -> Option<[f32; 3]> {
    let mut right: BTreeMap<FaceId, bool> = BTreeMap::new();
    for entry in journal {
        match &entry.decision {
            Decision::Confirmed { face, person, before: Some(before) } => {
                right.entry(*face).or_insert(person == before);
            }
            Decision::Rejected { face, person, before: Some(before) } if person == before => {
                right.entry(*face).or_insert(false);
            }
            Decision::NotAFace { face, before: Some(_) } => {
                right.entry(*face).or_insert(false);
            }
            Decision::Split { faces, .. } => {
                right.extend(faces.iter().map(|face| (*face, false)));
            }
            _ => {}
        }
        // Naming somebody means having looked at those who are clearly theirs.
        for face in entry.known_by.iter().flat_map(|(_, faces)| faces) {
            right.entry(*face).or_insert(true);
        }
    }
    share(right.values().filter(|right| **right).count(), right.len())
}

/// Of the faces of people whom humans have put right, the share that needed no merging.
fn recall(
    journal: &[&JournalEntry],
    rulings: &Rulings,
    sizes: &dyn Fn(PersonId) -> usize,
) -> Option<[f32; 3]> {
    let mut people: BTreeSet<PersonId> = BTreeSet::new();
    let mut merged: BTreeSet<FaceId> = BTreeSet::new();
    for entry in journal {
        match &entry.decision {
            Decision::Merged { into, from, .. } => {
                people.insert(rulings.resolve(*into));
                merged.extend(from.iter().flat_map(|(_, faces)| faces));
            }
            Decision::Confirmed { face, person, before } if *before != Some(*person) => {
                people.insert(rulings.resolve(*person));
                merged.insert(*face);
            }
            Decision::Named { person, name: Some(_), .. } => drop(people.insert(rulings.resolve(*person))),
            _ => {}
        }
    }
    let all: usize = people.into_iter().map(sizes).sum();
    share(all.saturating_sub(merged.len()), all)
}
