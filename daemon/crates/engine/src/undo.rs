//! Taking decisions back, and letting them count again: the journal is read anew without what was undone, and what differs
//! is what is to be done.

use std::collections::BTreeSet;

use vow_store::{Decision, JournalEntry};
use vow_types::{FaceId, PersonId};

use crate::decide::Result;
use crate::error::EngineError;
use crate::people::Keeper;
use crate::plan::Plan;
use crate::rulings::{self, Rulings};

impl Keeper {
    pub(crate) fn plan_undo(&self, entry: Option<u64>, dependents: bool) -> Result<Plan> {
        let journal = self.store.journal(0, usize::MAX)?;
        let undone = rulings::undone(&journal);
        let counts = |entry: &&JournalEntry| rulings::is_decision(entry) && !undone.contains(&entry.seq);
        let seq = match entry {
            None => journal
                .iter()
                .rev()
                .find(counts)
                .map(|entry| entry.seq)
                .ok_or(EngineError::NothingTo("undo"))?,
            Some(seq) => {
                let entry =
                    journal.iter().find(|entry| entry.seq == seq).ok_or(EngineError::UnknownEntry(seq))?;
                if !rulings::is_decision(entry) {
                    let text = format!(
                        "entry {seq} is no decision; `vow undo` and `vow redo` take the number of one"
                    );
                    return Err(EngineError::Senseless(text).into());
                }
                if undone.contains(&seq) {
                    let mut plan = Plan::nothing([]);
                    plan.notes.push(format!("decision {seq} was undone already"));
                    return Ok(plan);
                }
                seq
            }
        };
        let mut gone = vec![seq];
        let depend = rulings::dependents(&journal, &undone, &gone);
        if !depend.is_empty() && !dependents {
            return Err(EngineError::Dependents { entry: seq, dependents: depend }.into());
        }
        gone.extend(depend);
        let later = rulings::later(&journal, &undone, seq).into_iter().filter(|seq| !gone.contains(seq));
        let later: Vec<String> = later.map(|seq| seq.to_string()).collect();
        let mut plan = self.plan_toggle(&journal, &gone, &undone, true);
        if !later.is_empty() {
            plan.notes.push(format!("later decisions about the same people stand: {}", later.join(", ")));
        }
        Ok(plan)
    }

    pub(crate) fn plan_redo(&self, entry: Option<u64>) -> Result<Plan> {
        let journal = self.store.journal(0, usize::MAX)?;
        let undone = rulings::undone(&journal);
        let seqs = match entry {
            Some(seq) if undone.contains(&seq) => rulings::with_parents(&journal, &undone, vec![seq]),
            Some(seq) if journal.iter().any(|entry| entry.seq == seq) => {
                let mut plan = Plan::nothing([]);
                plan.notes.push(format!("entry {seq} was not undone"));
                return Ok(plan);
            }
            Some(seq) => return Err(EngineError::UnknownEntry(seq).into()),
            None => {
                let together = journal.iter().rev().find_map(|entry| match &entry.decision {
                    Decision::Undone { entries } => {
                        Some(entries.iter().copied().filter(|seq| undone.contains(seq)).collect::<Vec<_>>())
                            .filter(|still| !still.is_empty())
                    }
                    _ => None,
                });
                together.ok_or(EngineError::NothingTo("redo"))?
            }
        };
        Ok(self.plan_toggle(&journal, &seqs, &undone, false))
    }

    /// Entries that count no longer, or again.
    fn plan_toggle(
        &self,
        journal: &[JournalEntry],
        seqs: &[u64],
        undone: &BTreeSet<u64>,
        undo: bool,
    ) -> Plan {
        let mut undone = undone.clone();
        for seq in seqs {
            if undo {
                undone.insert(*seq);
            } else {
                undone.remove(seq);
            }
        }
        let rulings = Rulings::read(journal, &undone);
        let mut plan = Plan::default();
        plan.faces.extend(self.shared.rulings().faces_that_differ(&rulings));
        for entry in journal.iter().filter(|entry| seqs.contains(&entry.seq)) {
            let (people, _) = entry.decision.mentioned();
            plan.people.extend(people.into_iter().map(|person| rulings.resolve(person)));
            // Where they were before; unless something else is said about them, they find their place by their looks.
            let were: Vec<(FaceId, PersonId)> = match &entry.decision {
                Decision::Merged { into, from, .. } => {
                    if !undo {
                        let into = rulings.resolve(*into);
                        let joined = from.iter().map(|(person, _)| (into, *person));
                        plan.grouping.joined.extend(joined.filter(|(into, person)| into != person));
                    }
                    from.iter()
                        .flat_map(|(person, faces)| faces.iter().map(|face| (*face, *person)))
                        .collect()
                }
                Decision::Split { from, faces, .. } => faces.iter().map(|face| (*face, *from)).collect(),
                Decision::Confirmed { face, before, .. } | Decision::Rejected { face, before, .. } => {
                    before.iter().map(|before| (*face, *before)).collect()
                }
                Decision::NotAFace { face, before } => before.iter().map(|before| (*face, *before)).collect(),
                Decision::Refitted { before, .. } => {
                    let faces = |(person, faces): &(PersonId, Vec<FaceId>)| {
                        faces.iter().map(|face| (*face, *person)).collect::<Vec<_>>()
                    };
                    before.iter().flat_map(faces).collect()
                }
                _ => Vec::new(),
            };
            if undo {
                let loose = were.iter().map(|(face, _)| *face);
                plan.grouping.again.extend(loose.filter(|face| rulings.said(*face).is.is_none()));
                plan.grouping.were.extend(were);
            }
        }
        let entries = seqs.to_vec();
        plan.decision = Some(if undo { Decision::Undone { entries } } else { Decision::Redone { entries } });
        plan.rulings = Some(rulings);
        plan
    }
}
