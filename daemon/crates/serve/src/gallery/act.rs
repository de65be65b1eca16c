//! What forms change. Every change is a decision of the engine's, as those that come over gRPC: checked there, stored before
//! it is answered, and to be taken back on the page that comes after, in the history, or with `vow undo`.

use hyper::StatusCode;
use vow_engine::types::{ContentId, FaceId, PersonId};
use vow_engine::{Ask, Decision, Done, Engine, EngineError};

use super::form::Form;
use super::notice;
use super::pages;
use super::reply::Reply;
use super::route::{Change, face, person};

/// Carries out a change and says where to look next.
pub(super) fn carry_out(engine: &Engine, change: Change, form: &Form) -> Result<Reply, EngineError> {
    let mut said = Said { engine, entries: Vec::new() };
    match carried_out(&mut said, change, form) {
        Err(EngineError::Dependents { entry, dependents }) => {
            let page = pages::history::dependents(entry, &dependents, &notice::back(form));
            Ok(Reply::Failed(StatusCode::CONFLICT, page))
        }
        Err(error) if !said.entries.is_empty() => {
            let saved = said.entries.len();
            let text =
                format!("{error}. What was saved before that stays: the newest {saved} of the history");
            Ok(Reply::failed(StatusCode::CONFLICT, &text))
        }
        to => Ok(Reply::See(notice::after(&to?, &said.entries))),
    }
}

/// What is said on one form.
struct Said<'a> {
    engine: &'a Engine,
    /// Entries of the journal that came of it, and can be undone.
    entries: Vec<u64>,
}

impl Said<'_> {
    fn say(&mut self, ask: Ask) -> Result<Done, EngineError> {
        let done = self.engine.decide(ask)?;
        self.entries.extend(done.entry.as_ref().map(|entry| entry.seq));
        Ok(done)
    }
}

fn carried_out(said: &mut Said<'_>, change: Change, form: &Form) -> Result<String, EngineError> {
    match change {
        Change::Name(id) => name(said, id, form),
        Change::Hide(id) => {
            let (id, hide) = (there(said.engine, id)?, form.says_yes("hidden"));
            said.say(Ask::Hide(id, hide))?;
            Ok(if hide { "/".to_owned() } else { page_of(id) })
        }
        Change::Merge(id) => {
            let into = there(said.engine, id)?;
            let other = form.get("other").and_then(person).ok_or_else(lacking)?;
            said.say(Ask::Merge { into, from: vec![there(said.engine, other)?], same_photo: false })?;
            Ok(page_of(into))
        }
        Change::Faces(id) => faces(said, there(said.engine, id)?, form),
        Change::Face(face) => one_face(said, face, form),
        Change::Answer => answer(said, form),
        Change::History => history(said.engine, form),
    }
}

fn lacking() -> EngineError {
    EngineError::Incomplete("the form lacks a part; open the page anew")
}

/// The person, or whom they were merged into.
fn there(engine: &Engine, id: PersonId) -> Result<PersonId, EngineError> {
    engine.find_person(&id.to_string())
}

fn page_of(id: PersonId) -> String {
    format!("/person/{id}")
}

fn name(said: &mut Said<'_>, id: PersonId, form: &Form) -> Result<String, EngineError> {
    let id = there(said.engine, id)?;
    let (name, before) = form.get("name").zip(form.get("before")).ok_or_else(lacking)?;
    let now = said.engine.person(id)?.name.unwrap_or_default();
    // What somebody else said since the page was made is not to be lost unseen.
    if now != before && now != name.trim() {
        let whose =
            if now.is_empty() { "has no name any more".to_owned() } else { format!("is called {now}") };
        return Err(EngineError::Senseless(format!(
            "{id} {whose} by now: somebody else said so meanwhile, and nothing was changed; open the page anew"
        )));
    }
    said.say(Ask::Name(id, name.to_owned()))?;
    Ok(page_of(id))
}

/// Faces of a person that were marked are somebody else, or no faces.
fn faces(said: &mut Said<'_>, id: PersonId, form: &Form) -> Result<String, EngineError> {
    let faces: Vec<FaceId> = form.all("face").filter_map(face).collect();
    if faces.is_empty() {
        return Err(EngineError::Incomplete("no face is marked: go back and mark those that it is about"));
    }
    match form.get("do") {
        Some("are") => are(said, id, &faces, form.get("name").unwrap_or_default().trim())?,
        Some("none") => {
            for face in faces {
                said.say(Ask::NotAFace(face))?;
            }
        }
        _ => return Err(lacking()),
    }
    // Perhaps nobody is left there.
    let is_left = said.engine.find_person(&id.to_string()).is_ok();
    Ok(if is_left { format!("/person/{id}/faces?from={}", form.count("from")) } else { "/".to_owned() })
}

/// What a face is, from the page of its photo.
fn one_face(said: &mut Said<'_>, face: FaceId, form: &Form) -> Result<String, EngineError> {
    let id = there(said.engine, form.get("person").and_then(person).ok_or_else(lacking)?)?;
    let photo: ContentId = form.get("photo").and_then(|text| text.parse().ok()).ok_or_else(lacking)?;
    match form.get("do") {
        Some("are") => match form.get("name").unwrap_or_default().trim() {
            "" => return Err(EngineError::Incomplete("nobody is named: go back and write who it is")),
            name => are(said, id, &[face], name)?,
        },
        Some("not") => drop(said.say(Ask::Reject(face, Some(id)))?),
        Some("none") => drop(said.say(Ask::NotAFace(face))?),
        Some("cover") => drop(said.say(Ask::Cover(id, Some(face)))?),
        _ => return Err(lacking()),
    }
    let of = form.get("of").and_then(person);
    Ok(of.map_or_else(|| format!("/photo/{photo}"), |of| format!("/photo/{photo}?of={of}")))
}

/// These faces of a person are whoever bears the name, which may be somebody new; without a name, somebody else.
fn are(said: &mut Said<'_>, id: PersonId, faces: &[FaceId], name: &str) -> Result<(), EngineError> {
    let known = match said.engine.find_person(name) {
        _ if name.is_empty() => None,
        Ok(known) => Some(known),
        Err(EngineError::UnknownPerson(_)) => None,
        Err(error) => return Err(error),
    };
    if let Some(known) = known {
        for face in faces {
            said.say(Ask::Confirm(*face, known))?;
        }
        return Ok(());
    }
    let person = said.engine.person(id)?;
    let mut new = id;
    if person.name.is_some() || person.faces != faces.len() {
        let done = said.say(Ask::Split(id, faces.to_vec()))?;
        if let Some(Decision::Split { into, .. }) = done.entry.map(|entry| entry.decision) {
            new = into;
        }
    }
    if !name.is_empty() {
        said.say(Ask::Name(new, name.to_owned()))?;
    }
    Ok(())
}

/// The answer to a question: about two people, or about a person and a face.
fn answer(said: &mut Said<'_>, form: &Form) -> Result<String, EngineError> {
    let one = there(said.engine, form.get("person").and_then(person).ok_or_else(lacking)?)?;
    let about = match (form.get("face").and_then(face), form.get("other").and_then(person)) {
        (Some(face), None) => About::Face(face),
        (None, Some(other)) => About::Person(there(said.engine, other)?),
        _ => return Err(lacking()),
    };
    let at = form.count("at");
    let ask = match (form.get("answer"), about) {
        (Some("yes"), About::Face(face)) => Ask::Confirm(face, one),
        (Some("no"), About::Face(face)) => Ask::Reject(face, Some(one)),
        (Some("yes"), About::Person(other)) => Ask::Merge { into: one, from: vec![other], same_photo: false },
        (Some("no"), About::Person(other)) => Ask::Apart(one, other),
        (Some("skip"), _) => return Ok(format!("/questions?at={}", at.saturating_add(1))),
        _ => return Err(lacking()),
    };
    said.say(ask)?;
    Ok(format!("/questions?at={at}"))
}

enum About {
    Face(FaceId),
    Person(PersonId),
}

/// Entries of the history do not count any more, the newest first, or one does again.
fn history(engine: &Engine, form: &Form) -> Result<String, EngineError> {
    let numbers = |field| form.all(field).map(str::parse::<u64>).collect::<Result<Vec<_>, _>>();
    let (mut undo, redo) =
        numbers("undo").and_then(|undo| Ok((undo, numbers("redo")?))).map_err(|_| lacking())?;
    if undo.is_empty() && redo.is_empty() {
        return Err(lacking());
    }
    undo.sort_unstable_by(|a, b| b.cmp(a));
    for entry in undo {
        engine.decide(Ask::Undo { entry: Some(entry), dependents: form.says_yes("dependents") })?;
    }
    for entry in redo {
        engine.decide(Ask::Redo(Some(entry)))?;
    }
    Ok(notice::back(form))
}
