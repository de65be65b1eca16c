//! The journal's rows. Row version 1 knew only names and no `known_by`; it is still read.

use serde::{Deserialize, Serialize};
use vow_types::{FaceId, PersonId};

use super::Result;
use crate::decision::{Decision, JournalEntry};

/// First byte of what is written.
const ROW: u8 = 2;
/// First byte of what was written before there were other decisions than names.
const OLD: u8 = 1;
const TABLE: &str = "journal";

type Faces = Vec<u64>;

#[derive(Serialize, Deserialize)]
struct EntryWire<'a> {
    at: i64,
    #[serde(borrow)]
    decision: DecisionWire<'a>,
    known_by: Vec<(u64, Faces)>,
}

#[derive(Deserialize)]
struct OldEntryWire<'a> {
    at: i64,
    #[serde(borrow)]
    decision: DecisionWire<'a>,
}

/// The numbers of the choices, from 0 in this order, are what is on disk: append only.
#[derive(Serialize, Deserialize)]
enum DecisionWire<'a> {
    Named {
        person: u64,
        name: Option<&'a str>,
        before: Option<&'a str>,
    },
    Merged {
        into: u64,
        from: Vec<(u64, Faces)>,
        together: Faces,
    },
    Split {
        from: u64,
        into: u64,
        faces: Faces,
    },
    Confirmed {
        face: u64,
        person: u64,
        before: Option<u64>,
    },
    Rejected {
        face: u64,
        person: u64,
        before: Option<u64>,
    },
    NotAFace {
        face: u64,
        before: Option<u64>,
    },
    Hidden {
        person: u64,
        hidden: bool,
    },
    Covered {
        person: u64,
        face: Option<u64>,
        before: Option<u64>,
    },
    Apart {
        a: u64,
        b: u64,
    },
    Undone {
        entries: Vec<u64>,
    },
    Redone {
        entries: Vec<u64>,
    },
    Left {
        faces: Vec<(u64, u64, u64)>,
    },
    Refitted {
        method: &'a str,
        merge_at: Option<u16>,
        groups: Vec<(u64, Faces)>,
        before: Vec<(u64, Faces)>,
        born: Vec<u64>,
    },
    Carried {
        faces: Vec<(u64, u64)>,
    },
    Drawn {
        face: u64,
        person: Option<u64>,
    },
}

fn numbers(faces: &[FaceId]) -> Faces {
    faces.iter().map(|face| face.0).collect()
}

fn ids(numbers: Faces) -> Vec<FaceId> {
    numbers.into_iter().map(FaceId).collect()
}

fn groups(people: &[(PersonId, Vec<FaceId>)]) -> Vec<(u64, Faces)> {
    people.iter().map(|(person, faces)| (person.0, numbers(faces))).collect()
}

fn people(groups: Vec<(u64, Faces)>) -> Vec<(PersonId, Vec<FaceId>)> {
    groups.into_iter().map(|(person, faces)| (PersonId(person), ids(faces))).collect()
}

fn to_wire(decision: &Decision) -> DecisionWire<'_> {
    let person = |before: &Option<PersonId>| before.map(|person| person.0);
    match decision {
        Decision::Named { person, name, before } => {
            DecisionWire::Named { person: person.0, name: name.as_deref(), before: before.as_deref() }
        }
        Decision::Merged { into, from, together } => {
            DecisionWire::Merged { into: into.0, from: groups(from), together: numbers(together) }
        }
        Decision::Split { from, into, faces } => {
            DecisionWire::Split { from: from.0, into: into.0, faces: numbers(faces) }
        }
        Decision::Confirmed { face, person: who, before } => {
            DecisionWire::Confirmed { face: face.0, person: who.0, before: person(before) }
        }
        Decision::Rejected { face, person: who, before } => {
            DecisionWire::Rejected { face: face.0, person: who.0, before: person(before) }
        }
        Decision::NotAFace { face, before } => {
            DecisionWire::NotAFace { face: face.0, before: person(before) }
        }
        Decision::Hidden { person, hidden } => DecisionWire::Hidden { person: person.0, hidden: *hidden },
        Decision::Covered { person, face, before } => {
            let number = |face: &Option<FaceId>| face.map(|face| face.0);
            DecisionWire::Covered { person: person.0, face: number(face), before: number(before) }
        }
        Decision::Refitted { method, merge_at, groups: fitted, before, born } => DecisionWire::Refitted {
            method,
            merge_at: *merge_at,
            groups: groups(fitted),
            before: groups(before),
            born: born.iter().map(|person| person.0).collect(),
        },
        Decision::Carried { faces } => {
            DecisionWire::Carried { faces: faces.iter().map(|(new, old)| (new.0, old.0)).collect() }
        }
        Decision::Drawn { face, person: who } => DecisionWire::Drawn { face: face.0, person: person(who) },
        Decision::Apart { a, b } => DecisionWire::Apart { a: a.0, b: b.0 },
        Decision::Undone { entries } => DecisionWire::Undone { entries: entries.clone() },
        Decision::Redone { entries } => DecisionWire::Redone { entries: entries.clone() },
        Decision::Left { faces } => DecisionWire::Left {
            faces: faces.iter().map(|(face, from, to)| (face.0, from.0, to.0)).collect(),
        },
    }
}

fn from_wire(wire: DecisionWire<'_>) -> Decision {
    let id = |before: Option<u64>| before.map(PersonId);
    match wire {
        DecisionWire::Named { person, name, before } => Decision::Named {
            person: PersonId(person),
            name: name.map(str::to_owned),
            before: before.map(str::to_owned),
        },
        DecisionWire::Merged { into, from, together } => {
            Decision::Merged { into: PersonId(into), from: people(from), together: ids(together) }
        }
        DecisionWire::Split { from, into, faces } => {
            Decision::Split { from: PersonId(from), into: PersonId(into), faces: ids(faces) }
        }
        DecisionWire::Confirmed { face, person, before } => {
            Decision::Confirmed { face: FaceId(face), person: PersonId(person), before: id(before) }
        }
        DecisionWire::Rejected { face, person, before } => {
            Decision::Rejected { face: FaceId(face), person: PersonId(person), before: id(before) }
        }
        DecisionWire::NotAFace { face, before } => {
            Decision::NotAFace { face: FaceId(face), before: id(before) }
        }
        DecisionWire::Hidden { person, hidden } => Decision::Hidden { person: PersonId(person), hidden },
        DecisionWire::Covered { person, face, before } => {
            Decision::Covered { person: PersonId(person), face: face.map(FaceId), before: before.map(FaceId) }
        }
        DecisionWire::Refitted { method, merge_at, groups, before, born } => Decision::Refitted {
            method: method.to_owned(),
            merge_at,
            groups: people(groups),
            before: people(before),
            born: born.into_iter().map(PersonId).collect(),
        },
        DecisionWire::Carried { faces } => Decision::Carried {
            faces: faces.into_iter().map(|(new, old)| (FaceId(new), FaceId(old))).collect(),
        },
        DecisionWire::Drawn { face, person } => Decision::Drawn { face: FaceId(face), person: id(person) },
        DecisionWire::Apart { a, b } => Decision::Apart { a: PersonId(a), b: PersonId(b) },
        DecisionWire::Undone { entries } => Decision::Undone { entries },
        DecisionWire::Redone { entries } => Decision::Redone { entries },
        DecisionWire::Left { faces } => {
            let left = |(face, from, to)| (FaceId(face), PersonId(from), PersonId(to));
            Decision::Left { faces: faces.into_iter().map(left).collect() }
        }
    }
}

pub(crate) fn put_entry(entry: &JournalEntry) -> Result<Vec<u8>> {
    let wire =
        EntryWire { at: entry.at, decision: to_wire(&entry.decision), known_by: groups(&entry.known_by) };
    super::put_as(ROW, TABLE, &wire)
}

pub(crate) fn take_entry(seq: u64, bytes: &[u8]) -> Result<JournalEntry> {
    if let Some((&OLD, body)) = bytes.split_first() {
        let OldEntryWire { at, decision } = whole(body)?;
        return Ok(JournalEntry { seq, at, decision: from_wire(decision), known_by: Vec::new() });
    }
    let EntryWire { at, decision, known_by } = whole(super::body(ROW, TABLE, bytes)?)?;
    Ok(JournalEntry { seq, at, decision: from_wire(decision), known_by: people(known_by) })
}

fn whole<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    super::whole(TABLE, body)
}
