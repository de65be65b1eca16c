//! The rows of events.

use serde::{Deserialize, Serialize};
use vow_types::{ContentId, FaceId, Failure, PersonId, Stage};

use super::{Result, RowError, put, take};
use crate::events::{Event, Told};
use crate::path_bytes::{from_bytes as path_from, to_bytes as path_bytes};

const TABLE: &str = "events";

#[derive(Serialize, Deserialize)]
struct ToldWire<'a> {
    at: i64,
    #[serde(borrow)]
    event: EventWire<'a>,
}

/// The numbers of the choices, from 0 in this order, are what is on disk: append only.
#[derive(Serialize, Deserialize)]
enum EventWire<'a> {
    Shown {
        path: &'a [u8],
        photo: [u8; 32],
    },
    Gone {
        path: &'a [u8],
        photo: Option<[u8; 32]>,
    },
    Failed {
        path: &'a [u8],
        stage: &'a str,
        reason: &'a str,
    },
    /// Each face, whose it was, and whose it is; 0: nobody's, whose id nobody has.
    Assigned {
        faces: Vec<(u64, u64, u64)>,
    },
    Born {
        people: Vec<u64>,
    },
    Renamed {
        person: u64,
        name: Option<&'a str>,
        before: Option<&'a str>,
    },
    Ended {
        people: Vec<u64>,
    },
    Decided {
        entry: u64,
    },
}

pub(crate) fn put_event(at: i64, event: &Event) -> Result<Vec<u8>> {
    let numbers = |people: &[PersonId]| people.iter().map(|person| person.0).collect::<Vec<_>>();
    let whose = |person: Option<PersonId>| person.map_or(0, |person| person.0);
    let event = match event {
        Event::Shown { path, photo } => EventWire::Shown { path: path_bytes(path), photo: photo.0 },
        Event::Gone { path, photo } => {
            EventWire::Gone { path: path_bytes(path), photo: photo.map(|photo| photo.0) }
        }
        Event::Failed { path, failure } => {
            EventWire::Failed { path: path_bytes(path), stage: failure.stage.name(), reason: &failure.reason }
        }
        Event::Assigned { faces } => {
            let faces = faces.iter().map(|(face, from, to)| (face.0, whose(*from), whose(*to)));
            EventWire::Assigned { faces: faces.collect() }
        }
        Event::Born { people } => EventWire::Born { people: numbers(people) },
        Event::Renamed { person, name, before } => {
            EventWire::Renamed { person: person.0, name: name.as_deref(), before: before.as_deref() }
        }
        Event::Ended { people } => EventWire::Ended { people: numbers(people) },
        Event::Decided { entry } => EventWire::Decided { entry: *entry },
    };
    put(TABLE, &ToldWire { at, event })
}

pub(crate) fn take_event(number: u64, bytes: &[u8]) -> Result<Told> {
    let people = |numbers: Vec<u64>| numbers.into_iter().map(PersonId).collect::<Vec<_>>();
    let whose = |person: u64| Some(PersonId(person)).filter(|person| person.0 != 0);
    let ToldWire { at, event } = take(TABLE, bytes)?;
    let event = match event {
        EventWire::Shown { path, photo } => Event::Shown { path: path_from(path), photo: ContentId(photo) },
        EventWire::Gone { path, photo } => Event::Gone { path: path_from(path), photo: photo.map(ContentId) },
        EventWire::Failed { path, stage, reason } => {
            let unknown = |()| RowError { table: TABLE, why: format!("`{stage}` is no stage") };
            let stage: Stage = stage.parse().map_err(unknown)?;
            Event::Failed { path: path_from(path), failure: Failure { stage, reason: reason.to_owned() } }
        }
        EventWire::Assigned { faces } => {
            let faces = faces.into_iter().map(|(face, from, to)| (FaceId(face), whose(from), whose(to)));
            Event::Assigned { faces: faces.collect() }
        }
        EventWire::Born { people: born } => Event::Born { people: people(born) },
        EventWire::Renamed { person, name, before } => Event::Renamed {
            person: PersonId(person),
            name: name.map(str::to_owned),
            before: before.map(str::to_owned),
        },
        EventWire::Ended { people: ended } => Event::Ended { people: people(ended) },
        EventWire::Decided { entry } => Event::Decided { entry },
    };
    Ok(Told { number, at, event })
}
