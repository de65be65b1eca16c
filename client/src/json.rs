//! Answers as JSON values: the names of the keys are what programs rely on. Paths that are not UTF-8 come also as
//! hexadecimal bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use vow_proto::v1;
use vow_proto::v1::status_response::State;

use crate::hold::hold_json;

pub(crate) fn status_json(status: &v1::StatusResponse) -> Value {
    let ignored = status.ignored.unwrap_or_default();
    json!({
        "version": status.version,
        "state": state(status),
        "photos": status.photos,
        "files": status.files,
        "faces": status.faces,
        "people": status.people,
        "groups": status.groups,
        "named": status.named,
        "failures": status.failures,
        "pending": status.pending,
        "index_waiting": status.index_waiting,
        "folders": status.folders,
        "photos_inferred": status.photos_inferred,
        "photos_turned": status.photos_turned,
        "files_read": status.files_read,
        "photos_per_s": status.photos_per_s,
        "eta_s": status.eta_s,
        "hold": hold_json(status.hold.as_ref()),
        "ignored": {
            "not_a_picture": ignored.not_a_picture,
            "hidden": ignored.hidden,
            "system_folder": ignored.system_folder,
            "special_file": ignored.special_file,
        },
        "scan_problems": status.scan_problems.iter().map(failure_json).collect::<Vec<_>>(),
        "pack": status.pack,
        "pack_id": status.pack_id,
        "runtime": status.runtime,
        "runtime_why": status.runtime_why,
        "card": status.card.as_ref().map(card_json),
        "started": status.started,
        "last_event": status.last_event,
        "pid": status.pid,
    })
}

fn card_json(card: &v1::Card) -> Value {
    json!({ "provider": card.provider, "state": card_state(card), "reason": card.reason })
}

/// A card's state in a word.
fn card_state(card: &v1::Card) -> &'static str {
    match card.state() {
        v1::card::State::Asleep => "asleep",
        v1::card::State::Starting => "starting",
        v1::card::State::Ready => "ready",
        v1::card::State::Resting => "resting",
        v1::card::State::GivenUp => "given_up",
        v1::card::State::Unspecified => "unknown",
    }
}

pub(crate) fn folder_json(folder: &v1::Folder) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("folder_id".into(), folder.folder_id.clone().into());
    path_json(&mut object, "path", &folder.path);
    object.insert("online".into(), folder.online.into());
    object.insert("watched".into(), folder.watched.into());
    object.insert("files".into(), folder.files.into());
    object
}

pub(crate) fn person_json(person: &v1::Person) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("person_id".into(), person.person_id.clone().into());
    object.insert("name".into(), optional(&person.name));
    object.insert("photos".into(), person.photos.into());
    object.insert("faces".into(), person.faces.into());
    object.insert("cover_face_id".into(), optional(&person.cover_face_id));
    object.insert("first_taken".into(), person.first_taken.into());
    object.insert("last_taken".into(), person.last_taken.into());
    object.insert("hidden".into(), person.hidden.into());
    object
}

pub(crate) fn file_json(file: &v1::File) -> Map<String, Value> {
    let mut object = Map::new();
    path_json(&mut object, "file", &file.path);
    object.insert("photo_id".into(), file.photo_id.clone().into());
    object.insert("width".into(), file.width.into());
    object.insert("height".into(), file.height.into());
    object.insert("taken".into(), file.taken.into());
    object.insert("orientation".into(), file.orientation.into());
    object.insert("found_turned".into(), file.found_turned.into());
    object
}

pub(crate) fn face_json(face: &v1::Face) -> Map<String, Value> {
    let b = face.r#box.unwrap_or_default();
    let points: Vec<Value> = face.landmarks.iter().map(|p| json!([short(p.x), short(p.y)])).collect();
    let mut object = Map::new();
    object.insert("box".into(), json!([short(b.left), short(b.top), short(b.right), short(b.bottom)]));
    object.insert("face_id".into(), optional(&face.face_id));
    object.insert("person_id".into(), optional(&face.person_id));
    object.insert("person_name".into(), optional(&face.person_name));
    object.insert("score".into(), short(face.score));
    object.insert("quality".into(), short(face.quality));
    object.insert("landmarks".into(), points.into());
    object
}

pub(crate) fn failure_json(failure: &v1::FileFailure) -> Map<String, Value> {
    let mut object = Map::new();
    path_json(&mut object, "path", &failure.path);
    object.insert("stage".into(), failure.stage.clone().into());
    object.insert("reason".into(), failure.reason.clone().into());
    object.insert("tries".into(), failure.tries.into());
    object.insert("at".into(), failure.at.into());
    object
}

pub(crate) fn path_json(object: &mut Map<String, Value>, key: &str, path: &[u8]) {
    object.insert(key.to_owned(), lossy(path).into());
    if std::str::from_utf8(path).is_err() {
        let hex: String = path.iter().map(|byte| format!("{byte:02x}")).collect();
        object.insert(format!("{key}_hex"), hex.into());
    }
}

/// Empty means absent.
pub(crate) fn optional(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// A float with the few digits that it was computed with, not those of its conversion to double.
pub(crate) fn short(value: f32) -> Value {
    let digits = format!("{value:.4}");
    digits.parse::<f64>().map_or(Value::Null, Value::from)
}

pub(crate) fn state(status: &v1::StatusResponse) -> &'static str {
    match status.state() {
        State::Unspecified => "unknown",
        State::Starting => "starting",
        State::Scanning => "scanning",
        State::Indexing => "indexing",
        State::Settling => "settling",
        State::Idle => "idle",
        State::Stopping => "stopping",
        State::Paused => "paused",
    }
}

/// A path for people, on one line and without commands to their terminal.
pub(crate) fn shown(path: &[u8]) -> String {
    printable(&lossy(path))
}

/// Control characters as they are written in programs, and those that turn the direction of what follows: a file may be named by
/// anybody, and a name that moves the cursor, breaks the line or turns it round could show something that is not so.
pub(crate) fn printable(text: &str) -> String {
    let commands = |letter: char| {
        letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if commands(letter) { out.extend(letter.escape_default()) } else { out.push(letter) }
    }
    out
}

/// A path as text: what is not UTF-8 becomes replacement characters.
pub(crate) fn lossy(path: &[u8]) -> String {
    Path::new(OsStr::from_bytes(path)).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_utf8_is_kept_as_bytes() {
        let mut object = Map::new();
        path_json(&mut object, "file", b"a\xffb");
        assert_eq!(object["file"], "a\u{fffd}b");
        assert_eq!(object["file_hex"], "61ff62");
    }

    #[test]
    fn a_name_commands_no_terminal_and_breaks_no_line() {
        assert_eq!(shown(b"a\x1b[2Jb\nc\xc2\x9bd\x7f"), r"a\u{1b}[2Jb\nc\u{9b}d\u{7f}");
        assert_eq!(shown("gpj.\u{202e}exe".as_bytes()), r"gpj.\u{202e}exe");
        assert_eq!(shown("Zoë's 🎉 \\ photo.jpg".as_bytes()), "Zoë's 🎉 \\ photo.jpg");
    }

    #[test]
    fn floats_have_no_noise() {
        assert_eq!(short(0.1).to_string(), "0.1");
        assert_eq!(short(f32::NAN), Value::Null);
    }
}
