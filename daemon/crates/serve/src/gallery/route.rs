//! What the gallery's addresses mean.

use std::str::FromStr;

use vow_engine::PictureOf;
use vow_engine::types::{ContentId, FaceId, PersonId};

use crate::faces::{FACE_SIDE, PHOTO_SIDE};

/// Pixels of a face that is to be looked at closely.
const PORTRAIT_SIDE: u32 = 384;
/// Pixels of a photo among many.
const SMALL_SIDE: u32 = 320;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Style,
    Picture(PictureOf, u32),
    Show(Show),
}

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Show {
    People,
    Person(PersonId),
    /// All faces of a person, to sort out who is not.
    Faces(PersonId),
    Photo(ContentId),
    Questions,
    History,
    Search,
    /// Who is in a picture that is sent.
    Find,
}

/// What a form changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Name(PersonId),
    Hide(PersonId),
    /// Somebody else is this person.
    Merge(PersonId),
    /// Some of the person's faces are somebody else, or none.
    Faces(PersonId),
    /// What a face is.
    Face(FaceId),
    Answer,
    /// Decisions are undone, or count again.
    History,
}

impl Route {
    pub(super) fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let face = |id, side| Some(Self::Picture(PictureOf::Face(face(id)?), side));
        let photo = |id: &str, side| Some(Self::Picture(PictureOf::Photo(id.parse().ok()?), side));
        Some(match parts.as_slice() {
            [""] => Self::Show(Show::People),
            ["style.css"] => Self::Style,
            ["questions"] => Self::Show(Show::Questions),
            ["find"] => Self::Show(Show::Find),
            ["search"] => Self::Show(Show::Search),
            ["history"] => Self::Show(Show::History),
            ["person", id, "faces"] => Self::Show(Show::Faces(person(id)?)),
            ["person", id] => Self::Show(Show::Person(person(id)?)),
            ["photo", id] => Self::Show(Show::Photo(id.parse().ok()?)),
            ["face", id] => face(id, FACE_SIDE)?,
            ["portrait", id] => face(id, PORTRAIT_SIDE)?,
            ["small", id] => photo(id, SMALL_SIDE)?,
            ["large", id] => photo(id, PHOTO_SIDE)?,
            _ => return None,
        })
    }
}

impl Change {
    pub(super) fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        match parts.as_slice() {
            ["questions"] => Some(Self::Answer),
            ["history"] => Some(Self::History),
            ["face", id] => Some(Self::Face(face(id)?)),
            ["person", id, "faces"] => Some(Self::Faces(person(id)?)),
            ["person", id, "name"] => Some(Self::Name(person(id)?)),
            ["person", id, "hide"] => Some(Self::Hide(person(id)?)),
            ["person", id, "merge"] => Some(Self::Merge(person(id)?)),
            _ => None,
        }
    }
}

/// A person by id as it is written, `p7`.
pub(super) fn person(text: &str) -> Option<PersonId> {
    lettered('p', text)
}

/// A face by id as it is written, `f12`.
pub(super) fn face(text: &str) -> Option<FaceId> {
    lettered('f', text)
}

fn lettered<Id: FromStr>(letter: char, text: &str) -> Option<Id> {
    text.starts_with(letter).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_mean_what_they_say() {
        let photo = "ab".repeat(32);
        assert_eq!(Route::of("/"), Some(Route::Show(Show::People)));
        assert_eq!(Route::of("/person/p7"), Some(Route::Show(Show::Person(PersonId(7)))));
        assert_eq!(Route::of("/face/f12"), Some(Route::Picture(PictureOf::Face(FaceId(12)), 192)));
        let large = PictureOf::Photo(ContentId([0xab; 32]));
        assert_eq!(Route::of(&format!("/large/{photo}")), Some(Route::Picture(large, 1600)));
        assert_eq!(Change::of("/person/p7/name"), Some(Change::Name(PersonId(7))));
        assert_eq!(Change::of("/face/f12"), Some(Change::Face(FaceId(12))));
        assert_eq!(Route::of("/person/p7/faces"), Some(Route::Show(Show::Faces(PersonId(7)))));
        for nothing in [
            "",
            "//",
            "/person/",
            "/person/7",
            "/person/p",
            "/person/p7/",
            "/face/p7",
            "/photo/ab",
            "/large/../x",
            "/etc/passwd",
            "/person/p7/name",
        ] {
            assert_eq!(Route::of(nothing), None, "{nothing}");
        }
        for nothing in ["/", "/person/p7", "/person/p7/forget", "/person/x/name", "/questions/"] {
            assert_eq!(Change::of(nothing), None, "{nothing}");
        }
    }
}
