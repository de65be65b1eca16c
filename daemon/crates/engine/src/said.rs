//! What humans say about people, and the history of it: the façade over the people thread's decisions.

use std::collections::BTreeSet;

use crossbeam_channel::bounded;
use vow_store::{Decision, JournalEntry};
use vow_types::PersonId;

use crate::decide::{Answer, Ask};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::people::Message;
use crate::rulings::Backwards;
use crate::views::{Done, HistoryLine};

/// Longest name of a person, in bytes.
const LONGEST_NAME: usize = 500;

/// Entries that an undoing is told with at most.
const TOLD: usize = 8;

/// Whether a line of the history is wanted, by what it says and whether it is in effect.
type Choice<'a> = &'a dyn Fn(&JournalEntry, bool) -> bool;

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
        let Some(person) = person else { return self.lines(None, skip, limit) };
        let current = self.people().rulings();
        let speaks = |entry: &JournalEntry, _| {
            entry.decision.mentioned().0.iter().any(|other| current.resolve(*other) == person)
        };
        self.lines(Some(&speaks), skip, limit)
    }

    /// As [`Self::history`], of the lines that `which` chooses. How many those are is known at the end of all; without
    /// a choice only what is asked for is read.
    pub(crate) fn lines(
        &self,
        which: Option<Choice<'_>>,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<HistoryLine>, usize), EngineError> {
        let mut page =
            Page { which, skip, limit, met: 0, chosen: Vec::new(), backwards: Backwards::default() };
        let all = self.store().journal_backwards(&mut |entry| page.see(entry))?;
        let Page { met, chosen, .. } = page;
        let total = if which.is_some() { met } else { usize::try_from(all).unwrap_or(usize::MAX) };
        let lines = chosen.into_iter().map(|(entry, in_effect)| self.line(entry, in_effect));
        Ok((lines.collect::<Result<_, _>>()?, total))
    }

    /// The line of the journal with this number, as it was said: in effect.
    pub(crate) fn line_of(&self, number: u64) -> Result<Option<HistoryLine>, EngineError> {
        self.entries(&[number])?.pop().map(|entry| self.line(entry, true)).transpose()
    }

    fn line(&self, entry: JournalEntry, in_effect: bool) -> Result<HistoryLine, EngineError> {
        let about = match &entry.decision {
            Decision::Undone { entries } | Decision::Redone { entries } => self.entries(entries)?,
            _ => Vec::new(),
        };
        let (current, roster) = (self.people().rulings(), self.people().read());
        let spoken_of = about.iter().chain([&entry]).flat_map(|entry| entry.decision.mentioned().0);
        let people: BTreeSet<PersonId> = spoken_of.collect();
        let name = |person: &PersonId| Some((*person, roster.name_of(current.resolve(*person))?.to_owned()));
        let names = people.iter().filter_map(name).collect();
        drop(roster);
        Ok(HistoryLine { entry, in_effect, about, names })
    }

    /// The first few entries of the journal with these numbers.
    fn entries(&self, numbers: &[u64]) -> Result<Vec<JournalEntry>, EngineError> {
        let mut entries = Vec::new();
        for number in numbers.iter().take(TOLD) {
            let one = self.store().journal(number.saturating_sub(1), 1)?;
            entries.extend(one.into_iter().filter(|entry| entry.seq == *number));
        }
        Ok(entries)
    }
}

/// Lines of the journal that is read from its end.
struct Page<'a> {
    which: Option<Choice<'a>>,
    skip: usize,
    limit: usize,
    /// Lines that were chosen so far, those that are not on the page among them.
    met: usize,
    chosen: Vec<(JournalEntry, bool)>,
    backwards: Backwards,
}

impl Page<'_> {
    /// Takes the next older entry; false when no older one is wanted.
    fn see(&mut self, entry: JournalEntry) -> bool {
        let in_effect = self.backwards.counts(&entry);
        let enough = self.skip.saturating_add(self.limit);
        if self.which.is_none_or(|which| which(&entry, in_effect)) {
            self.met = self.met.saturating_add(1);
            if self.met > self.skip && self.met <= enough {
                self.chosen.push((entry, in_effect));
            }
        }
        self.which.is_some() || self.met < enough
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
    use proptest::prelude::*;
    use vow_store::Decision;

    use super::*;
    use crate::rulings;

    fn journal(words: &[(u8, u64)]) -> Vec<JournalEntry> {
        let entry = |(seq, (kind, of)): (u64, &(u8, u64))| {
            let entries = vec![of % seq, (of / 7) % seq];
            let decision = match kind {
                0 => Decision::Undone { entries },
                1 => Decision::Redone { entries },
                _ => Decision::Hidden { person: PersonId(of % 3), hidden: true },
            };
            JournalEntry { seq, at: 0, decision, known_by: Vec::new() }
        };
        (1..).zip(words).map(entry).collect()
    }

    proptest! {
        /// As if all of the journal had been read from its beginning first.
        #[test]
        fn a_page_is_read_from_the_end_and_no_further(
            words in prop::collection::vec((0u8..5, any::<u64>()), 0..40), skip in 0usize..50, limit in 1usize..12,
            chosen: bool,
        ) {
            let journal = journal(&words);
            let undone = rulings::undone(&journal);
            let of_one = |entry: &JournalEntry, in_effect: bool| {
                in_effect && entry.decision.mentioned().0.contains(&PersonId(1))
            };
            let lines = journal.iter().rev().map(|entry| (entry.clone(), !undone.contains(&entry.seq)));
            let lines: Vec<_> = lines.filter(|(entry, counts)| !chosen || of_one(entry, *counts)).collect();

            let which: Option<Choice<'_>> = if chosen { Some(&of_one) } else { None };
            let mut page = Page { which, skip, limit, met: 0, chosen: Vec::new(), backwards: Backwards::default() };
            let mut read = 0;
            for entry in journal.iter().rev() {
                read += 1;
                if !page.see(entry.clone()) {
                    break;
                }
            }
            let expected: Vec<_> = lines.iter().skip(skip).take(limit).cloned().collect();
            prop_assert_eq!(page.chosen, expected);
            if chosen {
                prop_assert_eq!((page.met, read), (lines.len(), journal.len()));
            } else {
                prop_assert_eq!(read, journal.len().min(skip + limit));
            }
        }
    }

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
