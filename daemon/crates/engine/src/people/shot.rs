//! What all faces of a photo share. They come one after another, so that it is read from the store once a photo.

use vow_store::{FaceRow, StoreError};
use vow_types::{ContentId, Size};

use super::{Keeper, People};
use crate::query::taken_of;
use crate::roster::Shown;

/// A photo as its faces are to know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shot {
    /// Capture time, by the first of its files that says one.
    pub(super) taken: Option<i64>,
    /// Size of the coded picture.
    pub(super) coded: Option<Size>,
}

impl Shot {
    /// What a face of it is shown with.
    pub(super) fn shown(self, row: &FaceRow, people: &People) -> Shown {
        Shown { photo: row.photo, taken: self.taken, quality: people.quality(row) }
    }
}

/// The photo that was read last.
#[derive(Debug, Default)]
pub(super) struct Shots(Option<(ContentId, Shot)>);

impl Shots {
    /// The photo, by `read` unless it is the last one.
    fn of<E>(&mut self, photo: &ContentId, read: impl FnOnce() -> Result<Shot, E>) -> Result<Shot, E> {
        if let Some((_, shot)) = self.0.filter(|(last, _)| last == photo) {
            return Ok(shot);
        }
        let shot = read()?;
        self.0 = Some((*photo, shot));
        Ok(shot)
    }
}

impl Keeper {
    /// The photo of a face.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn shot(&self, photo: &ContentId, shots: &mut Shots) -> Result<Shot, StoreError> {
        shots.of(photo, || {
            let taken = self.store.files_of(photo)?.iter().find_map(taken_of);
            let coded = self.store.photo(photo)?.map(|photo| photo.coded);
            Ok(Shot { taken, coded })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_read_once_for_all_its_faces() {
        let (mut shots, mut read) = (Shots::default(), Vec::new());
        for n in [1, 1, 1, 2, 2, 1u8] {
            let shot = shots.of(&ContentId([n; 32]), || {
                read.push(n);
                Ok::<_, ()>(Shot { taken: Some(i64::from(n)), coded: None })
            });
            assert_eq!(shot, Ok(Shot { taken: Some(i64::from(n)), coded: None }));
        }
        assert_eq!(read, [1, 2, 1]);
        assert_eq!(shots.of(&ContentId([3; 32]), || Err("gone")), Err("gone"));
        let shot = Shot { taken: None, coded: None };
        assert_eq!(shots.of(&ContentId([3; 32]), || Ok::<_, ()>(shot)), Ok(shot), "a failure is not kept");
    }
}
