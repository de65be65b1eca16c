//! The journal's entries among themselves: which were undone, of whom they speak, and which make no sense without others. What
//! holds of them all is the parent's.

use std::collections::{BTreeSet, HashMap, HashSet};

use vow_store::{Decision, JournalEntry};
use vow_types::PersonId;

/// The numbers of the entries that were undone and not redone.
pub(crate) fn undone(journal: &[JournalEntry]) -> BTreeSet<u64> {
    let mut undone = BTreeSet::new();
    for entry in journal {
        match &entry.decision {
            Decision::Undone { entries } => undone.extend(entries),
            Decision::Redone { entries } => undone.retain(|seq| !entries.contains(seq)),
            _ => {}
        }
    }
    undone
}

/// The same for who reads the journal from its end: what counts of an entry was said behind it.
#[derive(Debug, Default)]
pub(crate) struct Backwards(HashMap<u64, bool>);

impl Backwards {
    /// Whether the next older entry counts.
    pub(crate) fn counts(&mut self, entry: &JournalEntry) -> bool {
        let (entries, count) = match &entry.decision {
            Decision::Undone { entries } => (entries.as_slice(), false),
            Decision::Redone { entries } => (entries.as_slice(), true),
            _ => (&[][..], true),
        };
        for seq in entries {
            // The last word about it came first.
            self.0.entry(*seq).or_insert(count);
        }
        self.0.remove(&entry.seq).unwrap_or(true)
    }
}

/// Whether an entry says something about people, and can therefore be undone.
pub(crate) fn is_decision(entry: &JournalEntry) -> bool {
    !matches!(
        entry.decision,
        Decision::Undone { .. } | Decision::Redone { .. } | Decision::Left { .. } | Decision::Carried { .. }
    )
}

/// The people who came into being by a decision.
fn born(decision: &Decision) -> &[PersonId] {
    match decision {
        Decision::Split { into, .. } => std::slice::from_ref(into),
        Decision::Refitted { born, .. } => born,
        _ => &[],
    }
}

/// The entries that make no sense without those in `undone`: they speak of a person who came into being there. In effect
/// and not in `undone` themselves.
pub(crate) fn dependents(journal: &[JournalEntry], undone: &BTreeSet<u64>, without: &[u64]) -> Vec<u64> {
    let mut unborn: HashSet<PersonId> = HashSet::new();
    let mut dependents = Vec::new();
    for entry in journal.iter().filter(|entry| !undone.contains(&entry.seq) && is_decision(entry)) {
        let goes = without.contains(&entry.seq);
        let depends = entry.decision.mentioned().0.iter().any(|person| unborn.contains(person));
        if depends && !goes {
            dependents.push(entry.seq);
        }
        if goes || depends {
            unborn.extend(born(&entry.decision));
        }
    }
    dependents
}

/// These entries and all that they make no sense without: where a person they speak of came into being.
pub(crate) fn with_parents(journal: &[JournalEntry], undone: &BTreeSet<u64>, mut seqs: Vec<u64>) -> Vec<u64> {
    // From the last to the first: whoever gave birth to a parent came before.
    for entry in journal.iter().rev().filter(|entry| undone.contains(&entry.seq)) {
        let children = born(&entry.decision);
        let speaks = |child: &&JournalEntry| {
            let of_them = || child.decision.mentioned().0.iter().any(|person| children.contains(person));
            seqs.contains(&child.seq) && child.seq > entry.seq && of_them()
        };
        if !seqs.contains(&entry.seq) && journal.iter().any(|child| speaks(&child)) {
            seqs.push(entry.seq);
        }
    }
    seqs
}

/// Later entries in effect that speak of the same people or faces.
pub(crate) fn later(journal: &[JournalEntry], undone: &BTreeSet<u64>, seq: u64) -> Vec<u64> {
    let Some(entry) = journal.iter().find(|entry| entry.seq == seq) else { return Vec::new() };
    let (people, faces) = entry.decision.mentioned();
    let speaks = |other: &&JournalEntry| {
        let (their_people, their_faces) = other.decision.mentioned();
        their_people.iter().any(|person| people.contains(person))
            || their_faces.iter().any(|face| faces.contains(face))
    };
    let later = journal.iter().filter(|other| other.seq > seq && is_decision(other));
    later.filter(|other| !undone.contains(&other.seq)).filter(speaks).map(|other| other.seq).collect()
}
