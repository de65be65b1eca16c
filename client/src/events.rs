//! `vow events`: what happened and what happens, a line or a JSON object an event.

use serde_json::{Map, Value, json};
use tonic::Status;
use vow_proto::v1;
use vow_proto::v1::subscribe_response::Event;

use crate::call::{Daemon, Failure, next};
use crate::json::{optional, path_json, printable, shown};
use crate::render::{Output, counted, line, time};
use crate::say::entry_json;

/// What `vow events` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct EventsArgs {
    /// Those after the event with this number, each once [default: all that are kept, the last 100,000; with --follow
    /// those from now on].
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// Stay, and show what happens as it happens.
    #[arg(long)]
    follow: bool,
}

pub(crate) async fn show(args: EventsArgs, daemon: &mut Daemon, out: &Output) -> Result<(), Failure> {
    let EventsArgs { mut after, follow } = args;
    if follow && after.is_none() {
        after = Some(daemon.status().await?.last_event);
    }
    let request = v1::SubscribeRequest { after, until_now: !follow };
    let mut events = daemon.events.subscribe(request).await?.into_inner();
    while let Some(told) = next(&mut events).await? {
        if out.is_json() {
            line(&Value::from(event_json(&told)).to_string())?;
        } else {
            line(&format!("{}  {}  {}", told.number, time(told.at), text(&told)))?;
        }
    }
    if follow {
        return Err(Status::unavailable("the daemon stopped; go on with --after and the last number").into());
    }
    Ok(())
}

fn event_json(told: &v1::SubscribeResponse) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("number".into(), told.number.into());
    object.insert("at".into(), told.at.into());
    let event = match &told.event {
        Some(Event::PhotoIndexed(photo)) => {
            path_json(&mut object, "path", &photo.path);
            object.insert("photo_id".into(), photo.photo_id.clone().into());
            object.insert("faces".into(), photo.faces.into());
            "photo-indexed"
        }
        Some(Event::PhotoGone(photo)) => {
            path_json(&mut object, "path", &photo.path);
            object.insert("photo_id".into(), optional(&photo.photo_id));
            "photo-gone"
        }
        Some(Event::PhotoFailed(photo)) => {
            path_json(&mut object, "path", &photo.path);
            object.insert("stage".into(), photo.stage.clone().into());
            object.insert("reason".into(), photo.reason.clone().into());
            "photo-failed"
        }
        Some(Event::PeopleCreated(people)) => {
            object.insert("person_ids".into(), people.person_ids.clone().into());
            "people-created"
        }
        Some(Event::FacesAssigned(assigned)) => {
            let face = |face: &v1::MovedFace| {
                json!({
                    "face_id": face.face_id,
                    "from_person_id": optional(&face.from_person_id),
                    "to_person_id": optional(&face.to_person_id),
                })
            };
            object.insert("faces".into(), assigned.faces.iter().map(face).collect());
            "faces-assigned"
        }
        Some(Event::PersonRenamed(person)) => {
            object.insert("person_id".into(), person.person_id.clone().into());
            object.insert("name".into(), optional(&person.name));
            object.insert("before".into(), optional(&person.before));
            "person-renamed"
        }
        Some(Event::PeopleVanished(people)) => {
            object.insert("person_ids".into(), people.person_ids.clone().into());
            "people-vanished"
        }
        Some(Event::Decision(entry)) => {
            object.insert("decision".into(), entry_json(entry).into());
            "decision"
        }
        None => "unknown",
    };
    object.insert("event".into(), event.into());
    object
}

/// People and faces that a line names at most.
const SHOWN: usize = 5;

fn text(told: &v1::SubscribeResponse) -> String {
    match &told.event {
        Some(Event::PhotoIndexed(photo)) => {
            let faces = photo.faces.map_or("to be looked at".to_owned(), |faces| counted(faces, "face"));
            format!("{}: {faces}", shown(&photo.path))
        }
        Some(Event::PhotoGone(photo)) => format!("{} is gone", shown(&photo.path)),
        Some(Event::PhotoFailed(photo)) => {
            format!("{} failed: {}: {}", shown(&photo.path), photo.stage, printable(&photo.reason))
        }
        Some(Event::PeopleCreated(people)) => format!("new: {}", some(&people.person_ids, String::clone)),
        Some(Event::FacesAssigned(assigned)) => some(&assigned.faces, moved),
        Some(Event::PersonRenamed(person)) => {
            let v1::PersonRenamed { person_id, name, before } = person;
            let before = if before.is_empty() { String::new() } else { format!(" (was {before})") };
            match name.as_str() {
                "" => format!("{person_id} has no name any more{before}"),
                name => format!("{person_id} is {name}{before}"),
            }
        }
        Some(Event::PeopleVanished(people)) => {
            format!("no more: {}", some(&people.person_ids, String::clone))
        }
        Some(Event::Decision(entry)) => format!("said: {}  (decision {})", entry.text, entry.entry_id),
        None => "something that this version of vow does not know".to_owned(),
    }
}

fn moved(face: &v1::MovedFace) -> String {
    let v1::MovedFace { face_id, from_person_id: from, to_person_id: to } = face;
    let to = if to.is_empty() { "nobody's" } else { to };
    if from.is_empty() { format!("{face_id} is {to}") } else { format!("{face_id} is {to} (was {from})") }
}

fn some<T>(all: &[T], one: impl Fn(&T) -> String) -> String {
    let shown = all.iter().take(SHOWN).map(one).collect::<Vec<_>>().join(", ");
    let more = all.len().saturating_sub(SHOWN);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(event: Event) -> v1::SubscribeResponse {
        v1::SubscribeResponse { number: 7, at: 0, event: Some(event) }
    }

    #[test]
    fn every_event_is_a_line_and_an_object() {
        let face = |n: u32, from: &str| v1::MovedFace {
            face_id: format!("f{n}"),
            from_person_id: from.to_owned(),
            to_person_id: "p1".to_owned(),
        };
        let events = [
            (
                Event::PhotoIndexed(v1::PhotoIndexed {
                    path: b"/a\n".to_vec(),
                    faces: Some(1),
                    ..Default::default()
                }),
                r"/a\n: 1 face",
                "photo-indexed",
            ),
            (
                Event::FacesAssigned(v1::FacesAssigned { faces: vec![face(1, ""), face(2, "p2")] }),
                "f1 is p1, f2 is p1 (was p2)",
                "faces-assigned",
            ),
            (
                Event::PeopleCreated(v1::PeopleCreated {
                    person_ids: (1..8).map(|n| format!("p{n}")).collect(),
                }),
                "new: p1, p2, p3, p4, p5 and 2 more",
                "people-created",
            ),
            (
                Event::PersonRenamed(v1::PersonRenamed {
                    person_id: "p1".to_owned(),
                    before: "Ada".to_owned(),
                    ..Default::default()
                }),
                "p1 has no name any more (was Ada)",
                "person-renamed",
            ),
        ];
        for (event, said, kind) in events {
            let told = told(event);
            assert_eq!(text(&told), said);
            let object = event_json(&told);
            assert_eq!((&object["event"], &object["number"]), (&json!(kind), &json!(7)));
        }
    }
}
