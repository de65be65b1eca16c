//! Decisions and lines of the journal in the words of the wire, and as sentences.

use vow_engine::types::{FaceId, PersonId};
use vow_engine::{Decision, Done, HistoryLine, JournalEntry, Moved};
use vow_proto::v1;
use vow_proto::v1::history_entry::Kind;

use crate::convert;

pub(crate) fn done(done: Done) -> v1::DecisionResponse {
    v1::DecisionResponse {
        entry: done.entry.map(|decided| {
            let names = done.people.iter().filter_map(|view| Some((view.id, view.name.clone()?))).collect();
            entry(HistoryLine { entry: decided, in_effect: true, about: Vec::new(), names })
        }),
        moved: done.moved.into_iter().map(moved).collect(),
        people: done.people.into_iter().map(convert::person).collect(),
        notes: done.notes,
    }
}

pub(crate) fn moved(moved: Moved) -> v1::MovedFace {
    let id = |person: Option<PersonId>| person.map(|person| person.to_string()).unwrap_or_default();
    v1::MovedFace {
        face_id: moved.face.to_string(),
        from_person_id: id(moved.from),
        to_person_id: id(moved.to),
    }
}

pub(crate) fn entry(line: HistoryLine) -> v1::HistoryEntry {
    let text = sentence(&line);
    let mut entry = v1::HistoryEntry {
        entry_id: line.entry.seq,
        at: line.entry.at,
        in_effect: line.in_effect,
        text,
        ..v1::HistoryEntry::default()
    };
    let id = |person: Option<PersonId>| person.map(|person| person.to_string()).unwrap_or_default();
    let faces = |faces: &[FaceId]| faces.iter().map(ToString::to_string).collect::<Vec<_>>();
    let kind = match line.entry.decision {
        Decision::Named { person, name, before } => {
            entry.person_id = person.to_string();
            entry.name = name.unwrap_or_default();
            entry.before = before.unwrap_or_default();
            Kind::Named
        }
        Decision::Merged { into, from, together } => {
            entry.person_id = into.to_string();
            entry.other_person_ids = from.iter().map(|(person, _)| person.to_string()).collect();
            entry.face_ids = faces(&together);
            Kind::Merged
        }
        Decision::Split { from, into, faces: split } => {
            entry.person_id = from.to_string();
            entry.other_person_ids = vec![into.to_string()];
            entry.face_ids = faces(&split);
            Kind::Split
        }
        Decision::Confirmed { face, person, before } => {
            entry.person_id = person.to_string();
            entry.face_ids = faces(&[face]);
            entry.before = id(before);
            Kind::Confirmed
        }
        Decision::Rejected { face, person, before } => {
            entry.person_id = person.to_string();
            entry.face_ids = faces(&[face]);
            entry.before = id(before);
            Kind::Rejected
        }
        Decision::NotAFace { face, before } => {
            entry.face_ids = faces(&[face]);
            entry.before = id(before);
            Kind::NotAFace
        }
        Decision::Hidden { person, hidden } => {
            entry.person_id = person.to_string();
            if hidden { Kind::Hidden } else { Kind::Shown }
        }
        Decision::Covered { person, face, before } => {
            entry.person_id = person.to_string();
            entry.face_ids = face.map(|face| face.to_string()).into_iter().collect();
            entry.before = before.map(|face| face.to_string()).unwrap_or_default();
            Kind::Cover
        }
        Decision::Apart { a, b } => {
            entry.person_id = a.to_string();
            entry.other_person_ids = vec![b.to_string()];
            Kind::Apart
        }
        Decision::Drawn { face, person } => {
            entry.person_id = id(person);
            entry.face_ids = faces(&[face]);
            Kind::Drawn
        }
        Decision::Carried { faces: carried } => {
            entry.face_ids = carried.iter().map(|(new, _)| new.to_string()).collect();
            Kind::Carried
        }
        Decision::Refitted { method, groups, before, .. } => {
            entry.name = method;
            entry.other_person_ids =
                groups.iter().chain(&before).map(|(person, _)| person.to_string()).collect();
            entry.face_ids = before.iter().flat_map(|(_, list)| faces(list)).collect();
            Kind::Refitted
        }
        Decision::Undone { entries } => {
            entry.entry_ids = entries;
            Kind::Undone
        }
        Decision::Redone { entries } => {
            entry.entry_ids = entries;
            Kind::Redone
        }
        Decision::Left { faces: left } => {
            entry.other_person_ids = left.iter().map(|(_, from, _)| from.to_string()).collect();
            entry.other_person_ids.dedup();
            entry.face_ids = left.iter().map(|(face, ..)| face.to_string()).collect();
            Kind::Left
        }
    };
    entry.set_kind(kind);
    entry
}

/// What a line says, for humans.
pub(crate) fn sentence(line: &HistoryLine) -> String {
    said(&line.entry, &line.about, &line.names)
}

fn said(entry: &JournalEntry, about: &[JournalEntry], names: &[(PersonId, String)]) -> String {
    let who = |person: &PersonId| {
        let name = names.iter().find(|(other, _)| other == person);
        name.map_or_else(|| person.to_string(), |(_, name)| format!("{name} ({person})"))
    };
    match &entry.decision {
        Decision::Named { person, name, before } => match (name, before) {
            (Some(name), Some(before)) => format!("{person} is {name} (was {before})"),
            (Some(name), None) => format!("{person} is {name}"),
            (None, before) => {
                let before = before.as_ref().map(|before| format!(" (was {before})")).unwrap_or_default();
                format!("{person} has no name any more{before}")
            }
        },
        Decision::Merged { into, from, .. } => {
            let from: Vec<String> =
                from.iter().map(|(person, faces)| format!("{person} ({})", some(faces.len()))).collect();
            format!("{} is {} too", who(into), from.join(", "))
        }
        Decision::Split { from, into, faces } => {
            let are = if faces.len() == 1 { "is" } else { "are" };
            format!("{} of {} {are} somebody else: {}", some(faces.len()), who(from), who(into))
        }
        Decision::Confirmed { face, person, before } => {
            let before = before.filter(|before| before != person);
            let before =
                before.map(|before| format!(" (was taken for {})", who(&before))).unwrap_or_default();
            format!("{face} is {}{before}", who(person))
        }
        Decision::Rejected { face, person, .. } => format!("{face} is not {}", who(person)),
        Decision::NotAFace { face, .. } => format!("{face} is no face"),
        Decision::Hidden { person, hidden: true } => format!("{} is hidden", who(person)),
        Decision::Hidden { person, hidden: false } => format!("{} is listed again", who(person)),
        Decision::Covered { person, face: Some(face), .. } => format!("{face} stands for {}", who(person)),
        Decision::Covered { person, face: None, .. } => format!("the best face stands for {}", who(person)),
        Decision::Apart { a, b } => format!("{} and {} are two people", who(a), who(b)),
        Decision::Drawn { face, person } => match person {
            Some(person) => format!("{face} is a face that was missed: {}", who(person)),
            None => format!("{face} is a face that was missed"),
        },
        Decision::Carried { faces } => {
            let faces = some(faces.len());
            format!("what was said about {faces} counts for what this model pack sees there")
        }
        Decision::Refitted { method, merge_at, before, .. } => {
            let moved: usize = before.iter().map(|(_, faces)| faces.len()).sum();
            let at =
                merge_at.map(|at| format!(" from score {:.4}", f32::from(at) / 10_000.0)).unwrap_or_default();
            let are = if moved == 1 { "is" } else { "are" };
            format!("everyone was sorted out anew by {method}{at}: {} {are} somebody else", some(moved))
        }
        Decision::Undone { entries } => format!("undone: {}", list(entries, about, names)),
        Decision::Redone { entries } => format!("redone: {}", list(entries, about, names)),
        Decision::Left { faces } => {
            let left = |(face, from, to): &(FaceId, PersonId, PersonId)| {
                format!("{face} left {} for {}", who(from), who(to))
            };
            let shown: Vec<String> = faces.iter().take(SHOWN).map(left).collect();
            let more = faces.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("by their looks: {}{more}", shown.join(", "))
        }
    }
}

/// Faces that a sentence names at most.
const SHOWN: usize = 5;

fn some(faces: usize) -> String {
    if faces == 1 { "1 face".to_owned() } else { format!("{faces} faces") }
}

/// Entries by number, the first few with what they say.
fn list(entries: &[u64], about: &[JournalEntry], names: &[(PersonId, String)]) -> String {
    let one = |number: &u64| match about.iter().find(|entry| entry.seq == *number) {
        Some(entry) => format!("{number} ({})", said(entry, &[], names)),
        None => number.to_string(),
    };
    let shown: Vec<String> = entries.iter().take(SHOWN).map(one).collect();
    let rest: Vec<String> = entries.iter().skip(SHOWN).map(ToString::to_string).collect();
    shown.into_iter().chain(rest).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(decision: Decision) -> String {
        sentence(&HistoryLine {
            in_effect: true,
            about: vec![entry(3, Decision::Named { person: PersonId(7), name: None, before: None })],
            names: Vec::new(),
            entry: entry(9, decision),
        })
    }

    fn entry(seq: u64, decision: Decision) -> JournalEntry {
        JournalEntry { seq, at: 0, known_by: Vec::new(), decision }
    }

    #[test]
    fn one_face_is_one() {
        let split = |faces| Decision::Split { from: PersonId(1), into: PersonId(2), faces };
        assert_eq!(told(split(vec![FaceId(7)])), "1 face of p1 is somebody else: p2");
        assert_eq!(told(split(vec![FaceId(7), FaceId(8)])), "2 faces of p1 are somebody else: p2");
    }

    #[test]
    fn what_is_undone_is_told_as_far_as_it_is_known() {
        let undone = |entries| told(Decision::Undone { entries });
        assert_eq!(undone(vec![3]), "undone: 3 (p7 has no name any more)");
        assert_eq!(undone(vec![4, 3]), "undone: 4, 3 (p7 has no name any more)");
        assert_eq!(told(Decision::Redone { entries: vec![1, 2, 4, 5, 6, 3] }), "redone: 1, 2, 4, 5, 6, 3");
    }
}
