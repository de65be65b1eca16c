//! What is shown of a person: how many photos there are, the best face, and when the first and the last photo was taken. Of people
//! with many faces that is kept up to date face by face, as far as that can be: once an end itself has gone, all faces have
//! to be looked at for the next one.

use std::cmp::Reverse;
use std::sync::PoisonError;

use vow_types::{FaceId, PersonId};

use super::Roster;

/// Of people with more faces than these it is kept what their faces say of them.
pub(super) const MANY: usize = 256;

/// A person as the roster has them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) name: Option<String>,
    pub(crate) hidden: bool,
    pub(crate) faces: usize,
    pub(crate) photos: usize,
    /// The face that a human chose, otherwise the one of the best quality.
    pub(crate) cover: Option<FaceId>,
    /// Capture time of the first and the last photo that has one.
    pub(crate) taken: Option<(i64, i64)>,
}

/// The best face, and the ends of the time in which a person was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Ends {
    /// Its quality, and which it is.
    best: Option<(f32, FaceId)>,
    first: Option<Time>,
    last: Option<Time>,
}

/// A time, seconds since 1970, and how many faces are of that time: a burst's have one, and those of many scans.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Time {
    at: i64,
    faces: usize,
}

impl Ends {
    /// One face more.
    pub(super) fn take_in(&mut self, face: FaceId, quality: f32, taken: Option<i64>) {
        if self.best.is_none_or(|(best, id)| (quality, Reverse(face)) > (best, Reverse(id))) {
            self.best = Some((quality, face));
        }
        let Some(at) = taken else { return };
        let end = |end: &mut Option<Time>, is_beyond: fn(i64, i64) -> bool| match end {
            Some(time) if time.at == at => time.faces += 1,
            Some(time) if !is_beyond(at, time.at) => {}
            _ => *end = Some(Time { at, faces: 1 }),
        };
        end(&mut self.first, |at, first| at < first);
        end(&mut self.last, |at, last| at > last);
    }

    /// One of the faces less. False when an end has gone with it: they have to be found anew.
    pub(super) fn stand_without(&mut self, face: FaceId, taken: Option<i64>) -> bool {
        let mut stand = self.best.is_none_or(|(_, best)| best != face);
        for end in [&mut self.first, &mut self.last].into_iter().flatten() {
            if Some(end.at) == taken {
                end.faces = end.faces.saturating_sub(1);
                stand &= end.faces > 0;
            }
        }
        stand
    }

    /// The face of the best quality; of equal ones that with the lowest id.
    pub(super) fn best(&self) -> Option<FaceId> {
        self.best.map(|(_, face)| face)
    }

    /// When the first and the last photo with a time was taken.
    pub(super) fn taken(&self) -> Option<(i64, i64)> {
        Some((self.first?.at, self.last?.at))
    }
}

impl Roster {
    /// Somebody with faces or a name.
    pub(crate) fn person(&self, person: PersonId) -> Option<Known> {
        if !self.exists(person) {
            return None;
        }
        let faces = self.members(person).len();
        let ends = self.ends_of(person);
        Some(Known {
            name: self.name_of(person).map(str::to_owned),
            hidden: self.is_hidden(person),
            faces,
            photos: faces.saturating_sub(self.twice.get(&person).copied().unwrap_or_default()),
            cover: self.cover_of(person).or(ends.best()),
            taken: ends.taken(),
        })
    }

    /// What a person's faces say of them.
    fn ends_of(&self, person: PersonId) -> Ends {
        let members = self.members(person);
        let find = || {
            let mut ends = Ends::default();
            for face in members {
                let quality = self.quality_of(*face).unwrap_or_default();
                ends.take_in(*face, quality, self.taken_of(*face));
            }
            ends
        };
        if members.len() <= MANY {
            return find();
        }
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner).entry(person).or_insert_with(find)
    }

    /// A person's faces of the best quality, the best first.
    pub(crate) fn best_of(&self, person: PersonId, most: usize) -> Vec<FaceId> {
        let quality = |face: &FaceId| self.faces.get(*face).map_or(0.0, |member| member.quality);
        let mut faces: Vec<(f32, FaceId)> =
            self.members(person).iter().map(|face| (quality(face), *face)).collect();
        faces.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        faces.into_iter().take(most).map(|(_, face)| face).collect()
    }
}
