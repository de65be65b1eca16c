//! What a human says about people: `name`, `merge`, `split`, `confirm`, `reject`, `apart`, `hide`, `unhide`, `cover`, `undo`,
//! `redo`, and `history`. Each answers with what changed.

use std::io;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Map, Value, json};
use tonic::Response;
use vow_proto::v1;
use vow_proto::v1::history_entry::Kind;

use crate::call::{Daemon, Failure, as_given};
use crate::json::{optional, person_json};
use crate::render::{Output, called, counted, line, table, time, value};

/// PERSON is an id such as p7, or a name.
#[derive(Debug, Subcommand)]
pub(crate) enum Say {
    /// Give a person a name; an empty one takes it away.
    Name {
        /// An id such as p7, or the present name.
        person: String,
        /// The name.
        name: String,
    },
    /// Several people are one.
    Merge {
        /// Who stays: an id or a name.
        into: String,
        /// Who is taken in; their ids lead to the one who stays from then on.
        #[arg(required = true)]
        from: Vec<String>,
        /// Even where one photo shows several of them: a mirror, a collage.
        #[arg(long)]
        same_photo: bool,
    },
    /// Some faces of a person are somebody else.
    Split {
        /// An id or a name.
        person: String,
        /// Face ids such as f12.
        #[arg(required = true)]
        faces: Vec<String>,
    },
    /// A face is this person, whatever it looks like.
    Confirm {
        /// A face id such as f12.
        face: String,
        /// An id or a name.
        person: String,
    },
    /// A face is not this person, for good.
    Reject {
        /// A face id such as f12.
        face: String,
        /// An id or a name [default: whoever the face is taken for].
        person: Option<String>,
        /// It is no face at all: leave it out of everything.
        #[arg(long, conflicts_with = "person")]
        not_a_face: bool,
    },
    /// Point out a face that was not found.
    Draw {
        /// An indexed file.
        photo: PathBuf,
        /// Where it is in pixels of the upright photo, from the photo's left and top edge: LEFT,TOP,RIGHT,BOTTOM, or as `vow faces`
        /// has it: "LEFT,TOP WIDTHxHEIGHT".
        #[arg(value_parser = edges)]
        place: Place,
        /// Who it is: an id or a name.
        person: Option<String>,
    },
    /// Two people who look alike are two people.
    Apart {
        /// An id or a name.
        person: String,
        /// The other.
        other: String,
    },
    /// Leave a person out of the list.
    Hide {
        /// An id or a name.
        person: String,
    },
    /// List a person again.
    Unhide {
        /// An id or a name.
        person: String,
    },
    /// Choose the face that stands for a person.
    Cover {
        /// An id or a name.
        person: String,
        /// A face of theirs [default: whichever is best].
        face: Option<String>,
    },
    /// Take a decision back, however old.
    Undo {
        /// Its number in the history [default: the last one that counts].
        entry: Option<u64>,
        /// Also those that make no sense without it.
        #[arg(long)]
        with_dependents: bool,
    },
    /// Let a decision that was undone count again.
    Redo {
        /// Its number in the history [default: what was undone last].
        entry: Option<u64>,
    },
    /// What was said, newest first.
    History {
        /// Only about this person.
        person: Option<String>,
        /// Lines at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
}

/// The edges of a box: left, top, right, bottom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place([f32; 4]);

fn edges(text: &str) -> Result<Place, String> {
    let numbers = |text: &str, between: char| -> Option<Vec<f32>> {
        text.split(between).map(|part| part.trim().parse().ok()).collect()
    };
    let place = match text.trim().split_once(' ') {
        Some((corner, size)) if size.contains('x') => {
            match (numbers(corner, ',').as_deref(), numbers(size, 'x').as_deref()) {
                (Some([left, top]), Some([width, height])) => Some([*left, *top, left + width, top + height]),
                _ => None,
            }
        }
        _ => numbers(text, ',').and_then(|numbers| <[f32; 4]>::try_from(numbers).ok()),
    };
    let [left, top, right, bottom] =
        place.ok_or("expected LEFT,TOP,RIGHT,BOTTOM such as 120,80,180,150, or \"120,80 60x70\"")?;
    if right > left && bottom > top {
        Ok(Place([left, top, right, bottom]))
    } else {
        Err("the right edge must lie right of the left one, and the bottom below the top: LEFT,TOP,RIGHT,BOTTOM, or \
             \"LEFT,TOP WIDTHxHEIGHT\""
            .to_owned())
    }
}

pub(crate) async fn say(what: Say, daemon: &mut Daemon, out: &Output) -> Result<(), Failure> {
    let people = &mut daemon.people;
    let is_name = matches!(what, Say::Name { .. });
    let answer = match what {
        Say::Name { person, name } => people.name_person(v1::NamePersonRequest { person, name }).await,
        Say::Merge { into, from, same_photo } => {
            people.merge_people(v1::MergePeopleRequest { into, from, same_photo }).await
        }
        Say::Split { person, faces } => {
            people.split_person(v1::SplitPersonRequest { person, face_ids: faces }).await
        }
        Say::Confirm { face, person } => {
            people.confirm_face(v1::ConfirmFaceRequest { face_id: face, person }).await
        }
        Say::Reject { face, not_a_face: true, .. } => {
            people.reject_non_face(v1::RejectNonFaceRequest { face_id: face }).await
        }
        Say::Reject { face, person, not_a_face: false } => {
            let person = person.unwrap_or_default();
            people.reject_face(v1::RejectFaceRequest { face_id: face, person }).await
        }
        Say::Draw { photo, place: Place([left, top, right, bottom]), person } => {
            let (path, r#box) = (as_given(&photo), Some(v1::Box { left, top, right, bottom }));
            people.draw_face(v1::DrawFaceRequest { path, r#box, person: person.unwrap_or_default() }).await
        }
        Say::Apart { person, other } => people.keep_apart(v1::KeepApartRequest { person, other }).await,
        Say::Hide { person } => people.hide_person(v1::HidePersonRequest { person, hidden: true }).await,
        Say::Unhide { person } => people.hide_person(v1::HidePersonRequest { person, hidden: false }).await,
        Say::Cover { person, face } => {
            let face_id = face.unwrap_or_default();
            people.set_cover(v1::SetCoverRequest { person, face_id }).await
        }
        Say::Undo { entry, with_dependents } => {
            let entry_id = entry.unwrap_or_default();
            people.undo(v1::UndoRequest { entry_id, with_dependents }).await
        }
        Say::Redo { entry } => people.redo(v1::RedoRequest { entry_id: entry.unwrap_or_default() }).await,
        Say::History { person, limit } => {
            let request = v1::HistoryRequest {
                person: person.unwrap_or_default(),
                page_size: limit,
                page_token: String::new(),
            };
            let answer = people.history(request).await?.into_inner();
            return Ok(history(&answer, out)?);
        }
    };
    Ok(decided(&answer.map(Response::into_inner)?, is_name, out)?)
}

fn decided(answer: &v1::DecisionResponse, is_name: bool, out: &Output) -> io::Result<()> {
    if out.is_json() {
        return value(&decision_json(answer, is_name).into());
    }
    match &answer.entry {
        Some(entry) => line(&format!("{}  (decision {})", entry.text, entry.entry_id))?,
        None => line("it was so already; nothing changed")?,
    }
    let whose = |id: &str| if id.is_empty() { "nobody".to_owned() } else { id.to_owned() };
    // A merge may move thousands.
    for face in answer.moved.iter().take(SHOWN) {
        let (from, to) = (whose(&face.from_person_id), whose(&face.to_person_id));
        line(&format!("  {} was {from}, is {to}", face.face_id))?;
    }
    if answer.moved.len() > SHOWN {
        line(&format!("  and {} more faces", answer.moved.len() - SHOWN))?;
    }
    for person in &answer.people {
        let name = if person.name.is_empty() { "(no name)".to_owned() } else { called(&person.name) };
        let (faces, photos) = (counted(person.faces, "face"), counted(person.photos, "photo"));
        line(&format!("{} {name}: {faces} in {photos}", person.person_id))?;
    }
    answer.notes.iter().try_for_each(|note| line(&format!("note: {note}")))
}

/// Faces that are shown at most.
const SHOWN: usize = 20;

pub(crate) fn decision_json(answer: &v1::DecisionResponse, is_name: bool) -> Map<String, Value> {
    // Naming answers with the person itself.
    let mut object = match (is_name, answer.people.first()) {
        (true, Some(person)) => person_json(person),
        _ => Map::new(),
    };
    if is_name {
        let before = answer.entry.as_ref().map(|entry| entry.before.clone()).unwrap_or_default();
        object.insert("before".into(), optional(&before));
    }
    object.insert(
        "decision".into(),
        answer.entry.as_ref().map_or(Value::Null, |entry| entry_json(entry).into()),
    );
    let moved = answer.moved.iter().map(|face| {
        json!({
            "face_id": face.face_id,
            "from_person_id": optional(&face.from_person_id),
            "to_person_id": optional(&face.to_person_id),
        })
    });
    object.insert("moved".into(), moved.collect());
    object.insert("people".into(), answer.people.iter().map(|one| Value::from(person_json(one))).collect());
    object.insert("notes".into(), answer.notes.clone().into());
    object
}

pub(crate) fn entry_json(entry: &v1::HistoryEntry) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".into(), entry.entry_id.into());
    object.insert("at".into(), entry.at.into());
    object.insert("kind".into(), kind(entry).into());
    object.insert("in_effect".into(), entry.in_effect.into());
    object.insert("person_id".into(), optional(&entry.person_id));
    object.insert("other_person_ids".into(), entry.other_person_ids.clone().into());
    object.insert("face_ids".into(), entry.face_ids.clone().into());
    object.insert("name".into(), optional(&entry.name));
    object.insert("before".into(), optional(&entry.before));
    object.insert("entry_ids".into(), entry.entry_ids.clone().into());
    object.insert("text".into(), entry.text.clone().into());
    object
}

fn kind(entry: &v1::HistoryEntry) -> &'static str {
    match entry.kind() {
        Kind::Unspecified => "unknown",
        Kind::Named => "named",
        Kind::Merged => "merged",
        Kind::Split => "split",
        Kind::Confirmed => "confirmed",
        Kind::Rejected => "rejected",
        Kind::NotAFace => "not-a-face",
        Kind::Hidden => "hidden",
        Kind::Shown => "shown",
        Kind::Cover => "cover",
        Kind::Apart => "apart",
        Kind::Undone => "undone",
        Kind::Redone => "redone",
        Kind::Left => "left",
        Kind::Refitted => "refitted",
        Kind::Carried => "carried",
        Kind::Drawn => "drawn",
    }
}

fn history(answer: &v1::HistoryResponse, out: &Output) -> io::Result<()> {
    if out.is_json() {
        return value(&answer.entries.iter().map(|entry| Value::from(entry_json(entry))).collect());
    }
    let rows = answer.entries.iter().map(|entry| {
        let state = if entry.in_effect { "" } else { "undone" };
        vec![entry.entry_id.to_string(), time(entry.at), entry.text.clone(), state.to_owned()]
    });
    table(&["id", "when (UTC)", "what", ""], &[0], rows, "nothing was said yet; `vow name` is a beginning")?;
    let more = answer.total.saturating_sub(u64::try_from(answer.entries.len()).unwrap_or(u64::MAX));
    if more > 0 { line(&format!("and {more} earlier ones; --limit shows more")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_by_its_edges_or_as_faces_are_listed() {
        for text in ["120,80,180,150", " 120, 80, 180, 150 ", "120,80 60x70"] {
            assert_eq!(edges(text).unwrap().0, [120.0, 80.0, 180.0, 150.0], "{text}");
        }
        for text in
            ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2 3", "1,2 3x", "120,80,60,70", "5,5,5,9", "1,2 0x4"]
        {
            assert!(edges(text).is_err(), "{text}");
        }
    }
}
