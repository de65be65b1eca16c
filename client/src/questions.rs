//! Questions to the human at the terminal (`suggestions`), and the daemon's reasons for where a face is (`explain`).

use std::io::{self, BufRead as _, Write as _};

use serde_json::{Map, Value, json};
use tonic::{Code, Status};
use vow_proto::v1;

use crate::call::{Daemon, Failure};
use crate::json::{self, face_json, file_json, optional, person_json, short};
use crate::render::{Output, called, counted, line, table, value, whose};
use crate::say::entry_json;

/// Lists open questions, each with the commands that answer it.
pub(crate) async fn list(daemon: &mut Daemon, limit: u32, out: &Output) -> Result<(), Failure> {
    let answer = daemon.people.list_suggestions(v1::ListSuggestionsRequest { limit }).await?.into_inner();
    if out.is_json() {
        let rows: Vec<Value> = answer.suggestions.iter().map(question_json).collect();
        return Ok(value(&json!({ "total": answer.total, "suggestions": rows }))?);
    }
    for question in &answer.suggestions {
        line(&question_text(question))?;
        let (yes, no) = commands(question);
        line(&format!("  yes: {yes}    no: {no}"))?;
    }
    let shown = u64::try_from(answer.suggestions.len()).unwrap_or(u64::MAX);
    match answer.total.saturating_sub(shown) {
        0 if shown == 0 => line("no question is open")?,
        0 => {}
        more => line(&format!("and {more} more; --limit shows more, --ask asks them one by one"))?,
    }
    Ok(())
}

/// Asks one question after the other, and passes the answers on.
pub(crate) async fn ask(daemon: &mut Daemon, limit: u32, out: &Output) -> Result<(), Failure> {
    let mut skipped: Vec<(String, String)> = Vec::new();
    for _ in 0..limit {
        // Asked anew each time: an answer may have made other questions needless.
        let request = v1::ListSuggestionsRequest { limit: 1000 };
        let answer = daemon.people.list_suggestions(request).await?.into_inner();
        let open = answer.suggestions.into_iter().find(|question| !skipped.contains(&subject(question)));
        let Some(question) = open else { break };
        line(&question_text(&question))?;
        let word = match read_answer()? {
            Reply::Yes => yes(&question),
            Reply::No => no(&question),
            Reply::Skip => {
                skipped.push(subject(&question));
                continue;
            }
            Reply::Quit => return Ok(()),
        };
        match crate::say::say(word, daemon, out).await {
            // Somebody else said something meanwhile, and this answer goes against it; other questions are as they were.
            Err(Failure::Refused(status)) if !is_about_the_daemon(&status) => {
                line(&format!("  not taken: {}", Failure::Refused(status)))?;
                skipped.push(subject(&question));
            }
            done => done?,
        }
    }
    Ok(line("that was all; `vow undo` takes the last answer back")?)
}

/// Whether every other question would end the same way.
fn is_about_the_daemon(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::Internal | Code::Unimplemented | Code::Cancelled | Code::Unknown
    )
}

enum Reply {
    Yes,
    No,
    Skip,
    Quit,
}

fn read_answer() -> io::Result<Reply> {
    loop {
        let mut out = io::stdout().lock();
        write!(out, "  the same person? [y]es, [n]o, [s]kip, [q]uit: ")?;
        out.flush()?;
        drop(out);
        let mut text = String::new();
        if io::stdin().lock().read_line(&mut text)? == 0 {
            return Ok(Reply::Quit);
        }
        match text.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(Reply::Yes),
            "n" | "no" => return Ok(Reply::No),
            "s" | "skip" | "" => return Ok(Reply::Skip),
            "q" | "quit" => return Ok(Reply::Quit),
            _ => {}
        }
    }
}

/// What a question is about: the faces that are shown.
fn subject(question: &v1::Suggestion) -> (String, String) {
    let id = |shown: &Option<v1::ShownFace>| {
        shown
            .as_ref()
            .and_then(|shown| shown.face.as_ref())
            .map(|face| face.face_id.clone())
            .unwrap_or_default()
    };
    (id(&question.face), id(&question.other_face))
}

/// The ids of the two people of a question.
fn pair(question: &v1::Suggestion) -> (String, String) {
    let id =
        |person: &Option<v1::Person>| person.as_ref().map(|one| one.person_id.clone()).unwrap_or_default();
    (id(&question.person), id(&question.other))
}

fn single(question: &v1::Suggestion) -> String {
    let face = question.other_face.as_ref().and_then(|shown| shown.face.as_ref());
    face.map(|face| face.face_id.clone()).unwrap_or_default()
}

fn yes(question: &v1::Suggestion) -> crate::say::Say {
    use crate::say::Say;
    let (person, other) = pair(question);
    if question.is_face {
        Say::Confirm { face: single(question), person }
    } else {
        Say::Merge { into: person, from: vec![other], same_photo: false }
    }
}

fn no(question: &v1::Suggestion) -> crate::say::Say {
    use crate::say::Say;
    let (person, other) = pair(question);
    if question.is_face {
        Say::Reject { face: single(question), person: Some(person), not_a_face: false }
    } else {
        Say::Apart { person, other }
    }
}

/// The same as commands.
fn commands(question: &v1::Suggestion) -> (String, String) {
    let ((person, other), face) = (pair(question), single(question));
    if question.is_face {
        (format!("vow confirm {face} {person}"), format!("vow reject {face} {person}"))
    } else {
        (format!("vow merge {person} {other}"), format!("vow apart {person} {other}"))
    }
}

fn question_text(question: &v1::Suggestion) -> String {
    let who = |person: &Option<v1::Person>| {
        let person = person.clone().unwrap_or_default();
        let name = if person.name.is_empty() { String::new() } else { format!("{} ", called(&person.name)) };
        format!("{name}{} ({})", person.person_id, counted(person.photos, "photo"))
    };
    let shown = |shown: &Option<v1::ShownFace>| {
        let shown = shown.clone().unwrap_or_default();
        let file = shown.file.map(|file| json::shown(&file.path)).unwrap_or_default();
        format!("{} in {file}", shown.face.unwrap_or_default().face_id)
    };
    let asked = if question.in_doubt {
        format!("is {} really {}?", single(question), who(&question.person))
    } else {
        format!("is {} also {}?", who(&question.person), who(&question.other))
    };
    format!(
        "{asked}  {:.0} % likely\n  {}\n  {}",
        question.chance * 100.0,
        shown(&question.face),
        shown(&question.other_face)
    )
}

fn question_json(question: &v1::Suggestion) -> Value {
    let shown = |shown: &Option<v1::ShownFace>| {
        let shown = shown.clone().unwrap_or_default();
        let mut object = face_json(&shown.face.unwrap_or_default());
        object.insert("file".into(), shown.file.as_ref().map_or(Value::Null, |file| file_json(file).into()));
        Value::from(object)
    };
    let person = |person: &Option<v1::Person>| person.as_ref().map_or_else(Map::new, person_json);
    let (yes, no) = commands(question);
    json!({
        "person": person(&question.person),
        "other": person(&question.other),
        "face": shown(&question.face),
        "other_face": shown(&question.other_face),
        "is_face": question.is_face,
        "in_doubt": question.in_doubt,
        "score": short(question.score),
        "merge_at": short(question.merge_at),
        "chance": short(question.chance),
        "yes": yes,
        "no": no,
    })
}

/// Says why a face is where it is.
pub(crate) async fn explain(daemon: &mut Daemon, face: String, out: &Output) -> Result<(), Failure> {
    let why = daemon.people.explain(v1::ExplainRequest { face_id: face }).await?.into_inner();
    Ok(if out.is_json() { value(&why_json(&why)) } else { why_text(&why) }?)
}

fn why_text(why: &v1::ExplainResponse) -> io::Result<()> {
    let face = why.face.clone().unwrap_or_default();
    line(&format!("{}: {}", face.face_id, if why.is_no_face { "no face".to_owned() } else { whose(&face) }))?;
    for file in &why.files {
        line(&format!("  in {}", json::shown(&file.path)))?;
    }
    if let Some(placed) = &why.placement {
        let kind =
            if placed.strong { "good enough to found a person" } else { "weak: it may only join a person" };
        line(&format!("  quality {:.2}, detector score {:.2}: {kind}", face.quality, face.score))?;
        match placed.score {
            Some(score) => {
                let than = if score >= placed.threshold { "at or above" } else { "below" };
                line(&format!(
                    "  score {score:.3} with the other faces of this person, {than} the threshold {:.3}",
                    placed.threshold
                ))?;
            }
            None => line(&format!(
                "  by itself; it would take a score of {:.3} to join somebody",
                placed.threshold
            ))?,
        }
    }
    if !why.is_person_id.is_empty() {
        line(&format!("  it is {} by a human's word, whatever it looks like", why.is_person_id))?;
    }
    if !why.is_not_person_ids.is_empty() {
        line(&format!("  it is not {} by a human's word", why.is_not_person_ids.join(", ")))?;
    }
    if let Some(other) = &why.runner_up {
        let name =
            if other.person_name.is_empty() { other.person_id.clone() } else { called(&other.person_name) };
        let barred = if other.barred { ", which a decision or the same photo rules out" } else { "" };
        line(&format!("  runner-up: {name}, score {:.3}{barred}", other.score))?;
    }
    for entry in &why.decisions {
        line(&format!("  decision {}: {}", entry.entry_id, entry.text))?;
    }
    if !why.confirmed.is_empty() {
        line("nearest faces of this person that a human confirmed:")?;
        near_table(&why.confirmed, why.same_cosine)?;
    }
    line("nearest faces:")?;
    near_table(&why.nearest, why.same_cosine)
}

fn near_table(near: &[v1::NearFace], same: f32) -> io::Result<()> {
    let rows = near.iter().map(|near| {
        let who =
            if near.person_name.is_empty() { near.person_id.clone() } else { called(&near.person_name) };
        let mark = if near.confirmed { "confirmed" } else { "" };
        let alike = if near.cosine >= same { "same" } else { "" };
        vec![format!("{:.3}", near.cosine), alike.to_owned(), near.face_id.clone(), who, mark.to_owned()]
    });
    table(&["cosine", "", "face", "person", ""], &[0], rows, "none")
}

fn why_json(why: &v1::ExplainResponse) -> Value {
    let near = |near: &v1::NearFace| {
        json!({
            "face_id": near.face_id,
            "cosine": short(near.cosine),
            "person_id": near.person_id,
            "person_name": optional(&near.person_name),
            "confirmed": near.confirmed,
        })
    };
    let placement = why.placement.as_ref().map(|placed| {
        json!({
            "strong": placed.strong,
            "score": placed.score.map(short),
            "threshold": short(placed.threshold),
        })
    });
    let runner_up = why.runner_up.as_ref().map(|other| {
        json!({
            "person_id": other.person_id,
            "person_name": optional(&other.person_name),
            "score": short(other.score),
            "barred": other.barred,
        })
    });
    json!({
        "face": why.face.as_ref().map(face_json),
        "files": why.files.iter().map(|file| Value::from(file_json(file))).collect::<Vec<_>>(),
        "is_no_face": why.is_no_face,
        "placement": placement,
        "is": optional(&why.is_person_id),
        "is_not": why.is_not_person_ids,
        "confirmed": why.confirmed.iter().map(near).collect::<Vec<_>>(),
        "nearest": why.nearest.iter().map(near).collect::<Vec<_>>(),
        "runner_up": runner_up,
        "same_cosine": short(why.same_cosine),
        "decisions": why.decisions.iter().map(|entry| Value::from(entry_json(entry))).collect::<Vec<_>>(),
    })
}
