//! When faces were taken, by day, for what depends on how people change over the years.

use std::cell::RefCell;
use std::collections::HashMap;

use vow_store::{Store, StoreError};
use vow_types::{ContentId, FaceId};

use crate::people::People;
use crate::query::taken_of;

const SECONDS: i64 = 86_400;

/// Looks up when a photo was taken, once for each. A failure to read is kept for [`Self::end`].
pub(crate) struct Days<'a> {
    store: &'a Store,
    people: &'a People,
    known: RefCell<HashMap<ContentId, Option<i32>>>,
    failure: RefCell<Option<StoreError>>,
}

impl<'a> Days<'a> {
    pub(crate) fn new(store: &'a Store, people: &'a People) -> Self {
        Self { store, people, known: RefCell::default(), failure: RefCell::default() }
    }

    /// In days since 1970; `None` where no file says, or the face is not shown.
    pub(crate) fn of(&self, face: FaceId) -> Option<i32> {
        let photo = self.people.read().photo_of(face)?;
        if let Some(day) = self.known.borrow().get(&photo) {
            return *day;
        }
        let day = match self.store.files_of(&photo) {
            Ok(files) => files
                .iter()
                .find_map(taken_of)
                .and_then(|seconds| i32::try_from(seconds.div_euclid(SECONDS)).ok()),
            Err(error) => {
                self.failure.borrow_mut().get_or_insert(error);
                None
            }
        };
        self.known.borrow_mut().insert(photo, day);
        day
    }

    /// # Errors
    /// The first failure to read the store.
    pub(crate) fn end(self) -> Result<(), StoreError> {
        self.failure.into_inner().map_or(Ok(()), Err)
    }
}
