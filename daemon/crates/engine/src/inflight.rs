//! Photos on their way to the store, so that two copies of one picture found at the same time cost one inference.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use vow_types::ContentId;

/// Who works on which photo. `W` is what a copy leaves behind until the photo is stored.
#[derive(Debug)]
pub(crate) struct Inflight<W> {
    photos: Mutex<HashMap<ContentId, Vec<W>>>,
}

impl<W> Default for Inflight<W> {
    fn default() -> Self {
        Self { photos: Mutex::new(HashMap::new()) }
    }
}

impl<W> Inflight<W> {
    /// Takes the photo on, or, when another worker has it, leaves `copy` with that one and returns `None`.
    pub(crate) fn claim(&self, photo: ContentId, copy: W) -> Option<W> {
        let mut photos = self.photos.lock().unwrap_or_else(PoisonError::into_inner);
        match photos.entry(photo) {
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                entry.get_mut().push(copy);
                None
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Vec::new());
                Some(copy)
            }
        }
    }

    /// The photo is stored, or given up: returns the copies that came meanwhile.
    pub(crate) fn release(&self, photo: &ContentId) -> Vec<W> {
        self.photos.lock().unwrap_or_else(PoisonError::into_inner).remove(photo).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_for_the_first() {
        let inflight = Inflight::default();
        let photo = ContentId([1; 32]);
        assert_eq!(inflight.claim(photo, "a"), Some("a"));
        assert_eq!(inflight.claim(photo, "b"), None);
        assert_eq!(inflight.release(&photo), ["b"]);
        assert_eq!(inflight.claim(photo, "c"), Some("c"));
    }
}
