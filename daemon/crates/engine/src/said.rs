//! What humans say about people, and the history of it: the façade over the people thread's decisions.

use std::collections::BTreeSet;

use crossbeam_channel::bounded;
use vow_types::PersonId;

use crate::decide::{Answer, Ask};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::people::Message;
use crate::rulings;
use crate::views::{Done, HistoryLine};

/// Longest name of a person, in bytes.
const LONGEST_NAME: usize = 500;

impl Engine {
    /// Carries out what a human says. It is stored when this returns, and survives any crash.
    ///
    /// # Errors
    /// When it cannot be: no such person or face, or it makes no sense; nothing was changed then.
    pub fn decide(&self, ask: Ask) -> Result<Done, EngineError> {
        if let Ask::Name(_, name) = &ask {
            check(name.trim())?;
        }
        let (reply, answer) = bounded(1);
        self.tell(Message::Decide { ask, reply })?;
        let Answer { entry, moved, people, notes } = answer.recv().map_err(|_| EngineError::Stopping)??;
        let there = |person: &PersonId| self.people().read().exists(*person);
        let people = people.into_iter().filter(there).map(|person| self.person(person));
        // Somebody else may have merged one of them away a moment later.
        let people = people.filter(|view| !matches!(view, Err(EngineError::UnknownPerson(_))));
        Ok(Done { entry, moved, people: people.collect::<Result<_, _>>()?, notes })
    }

    /// The journal, newest first: what humans said, what was undone, and which faces left people with a name. Only lines
    /// that speak of `person`, when one is given. The second value is how many lines there are in all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history(
        &self,
        person: Option<PersonId>,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<HistoryLine>, usize), EngineError> {
        let journal = self.store().journal(0, usize::MAX)?;
        let undone = rulings::undone(&journal);
        let current = self.people().rulings();
        let mut lines: Vec<_> = journal.into_iter().rev().collect();
        if let Some(person) = person {
            lines.retain(|entry| {
                rulings::mentioned(&entry.decision).0.iter().any(|other| current.resolve(*other) == person)
            });
        }
        let total = lines.len();
        let roster = self.people().read();
        let line = |entry: vow_store::JournalEntry| {
            let people: BTreeSet<PersonId> = rulings::mentioned(&entry.decision).0.into_iter().collect();
            let name =
                |person: &PersonId| Some((*person, roster.name_of(current.resolve(*person))?.to_owned()));
            let names = people.iter().filter_map(name).collect();
            HistoryLine { in_effect: !undone.contains(&entry.seq), names, entry }
        };
        Ok((lines.into_iter().skip(skip).take(limit).map(line).collect(), total))
    }
}

fn check(name: &str) -> Result<(), EngineError> {
    if name.len() > LONGEST_NAME {
        return Err(EngineError::BadName("it is longer than 500 bytes"));
    }
    if name.chars().any(char::is_control) {
        return Err(EngineError::BadName("it has a control character in it"));
    }
    if name.strip_prefix('p').is_some_and(|rest| rest.parse::<u64>().is_ok()) {
        let why = "it is written like an id, and would be taken for one; `vow merge` makes one person of two";
        return Err(EngineError::BadName(why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nobody_could_be_found_by_are_refused() {
        for name in ["", "Ada", "p", "p7b", "P7", "Zoë p7"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["p7", "p0012", "a\nb", &"n".repeat(501)] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
