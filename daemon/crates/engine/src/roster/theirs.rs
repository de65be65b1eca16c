//! The faces of a person. Most people of a large library are one face that nobody else resembles: these need no list.

use vow_types::{FaceId, room_for};

#[derive(Debug)]
pub(super) enum Theirs {
    One(FaceId),
    /// Any number but one, as a rule; in no order.
    Many(Vec<FaceId>),
}

impl Default for Theirs {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Theirs {
    pub(super) fn all(&self) -> &[FaceId] {
        match self {
            Self::One(face) => std::slice::from_ref(face),
            Self::Many(faces) => faces,
        }
    }

    pub(super) fn push(&mut self, face: FaceId) {
        match self {
            Self::Many(faces) if faces.is_empty() => *self = Self::One(face),
            Self::Many(faces) => {
                room_for(faces, 1);
                faces.push(face);
            }
            Self::One(first) => *self = Self::Many(vec![*first, face]),
        }
    }

    /// Takes out a face that is at this place, if it is; the last one takes its place.
    pub(super) fn remove(&mut self, face: FaceId, at: usize) {
        if self.all().get(at) != Some(&face) {
            return;
        }
        match self {
            Self::One(_) => *self = Self::default(),
            Self::Many(faces) => drop(faces.swap_remove(at)),
        }
    }
}
