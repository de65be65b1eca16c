//! What forms change. Every change is a decision of the engine's, as those that come over gRPC: checked there, stored before
//! it is answered, and to be taken back with `vow undo`.

use vow_engine::types::{FaceId, PersonId};
use vow_engine::{Ask, Engine, EngineError};

use super::form::Form;
use super::reply::Reply;
use super::route::{Change, face, person};

/// Carries out a change and says where to look next.
pub(super) fn carry_out(engine: &Engine, change: Change, form: &Form) -> Result<Reply, EngineError> {
    match change {
        Change::Name(id) => name(engine, id, form),
        Change::Hide(id) => {
            let (id, hide) = (there(engine, id)?, form.says_yes("hidden"));
            engine.decide(Ask::Hide(id, hide))?;
            Ok(if hide { Reply::See("/".to_owned()) } else { see(id) })
        }
        Change::Merge(id) => {
            let into = there(engine, id)?;
            let other = form.get("other").and_then(person).ok_or_else(lacking)?;
            engine.decide(Ask::Merge { into, from: vec![there(engine, other)?], same_photo: false })?;
            Ok(see(into))
        }
        Change::Answer => answer(engine, form),
    }
}

fn lacking() -> EngineError {
    EngineError::Incomplete("the form lacks a part; open the page anew")
}

/// The person, or whom they were merged into.
fn there(engine: &Engine, id: PersonId) -> Result<PersonId, EngineError> {
    engine.find_person(&id.to_string())
}

fn see(id: PersonId) -> Reply {
    Reply::See(format!("/person/{id}"))
}

fn name(engine: &Engine, id: PersonId, form: &Form) -> Result<Reply, EngineError> {
    let id = there(engine, id)?;
    let (name, before) = form.get("name").zip(form.get("before")).ok_or_else(lacking)?;
    let now = engine.person(id)?.name.unwrap_or_default();
    // What somebody else said since the page was made is not to be lost unseen.
    if now != before && now != name.trim() {
        let whose =
            if now.is_empty() { "has no name any more".to_owned() } else { format!("is called {now}") };
        return Err(EngineError::Senseless(format!(
            "{id} {whose} by now: somebody else said so meanwhile, and nothing was changed; open the page anew"
        )));
    }
    engine.decide(Ask::Name(id, name.to_owned()))?;
    Ok(see(id))
}

/// The answer to a question: about two people, or about a person and a face.
fn answer(engine: &Engine, form: &Form) -> Result<Reply, EngineError> {
    let one = there(engine, form.get("person").and_then(person).ok_or_else(lacking)?)?;
    let about = match (form.get("face").and_then(face), form.get("other").and_then(person)) {
        (Some(face), None) => About::Face(face),
        (None, Some(other)) => About::Person(there(engine, other)?),
        _ => return Err(lacking()),
    };
    let at = form.count("at");
    let ask = match (form.get("answer"), about) {
        (Some("yes"), About::Face(face)) => Ask::Confirm(face, one),
        (Some("no"), About::Face(face)) => Ask::Reject(face, Some(one)),
        (Some("yes"), About::Person(other)) => Ask::Merge { into: one, from: vec![other], same_photo: false },
        (Some("no"), About::Person(other)) => Ask::Apart(one, other),
        (Some("skip"), _) => return Ok(Reply::See(format!("/questions?at={}", at.saturating_add(1)))),
        _ => return Err(lacking()),
    };
    engine.decide(ask)?;
    Ok(Reply::See(format!("/questions?at={at}")))
}

enum About {
    Face(FaceId),
    Person(PersonId),
}
