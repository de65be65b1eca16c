//! A graph's file, kept to load the network again: in memory at first, in a file without a name once it has been idle,
//! because published embedders have 170 megabytes. Nobody else can reach that file, so it needs no second check.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Below this it is not worth a file.
const WORTH_IT: usize = 1 << 20;

/// Where such files lie: on a disk, which the usual place for passing files often is not.
const FOLDER: &str = "/var/tmp";

pub(crate) struct Kept(Mutex<State>);

enum State {
    Here(Arc<[u8]>),
    /// Those who load at the same time share what the first of them has read.
    Away(File, Weak<[u8]>),
}

impl Kept {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Mutex::new(State::Here(bytes.into())))
    }

    /// The bytes; once they are away they are in memory only while somebody holds them.
    pub(crate) fn bytes(&self) -> io::Result<Arc<[u8]>> {
        // Replaced as a whole; an error while it is read leaves it as it was.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Here(bytes) => Ok(Arc::clone(bytes)),
            State::Away(file, shared) => {
                if let Some(bytes) = shared.upgrade() {
                    return Ok(bytes);
                }
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(0))?;
                file.read_to_end(&mut bytes)?;
                let bytes: Arc<[u8]> = bytes.into();
                *shared = Arc::downgrade(&bytes);
                Ok(bytes)
            }
        }
    }

    /// Puts the bytes away; where there is no place for them they stay.
    pub(crate) fn put_away(&self) {
        self.put_away_in(Path::new(FOLDER));
    }

    fn put_away_in(&self, folder: &Path) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State::Here(bytes) = &*state else { return };
        if bytes.len() < WORTH_IT {
            return;
        }
        let written = tempfile::tempfile_in(folder).and_then(|mut file| {
            file.write_all(bytes)?;
            Ok(file)
        });
        match written {
            Ok(file) => *state = State::Away(file, Arc::downgrade(bytes)),
            Err(error) => tracing::debug!(%error, "the graph of an idle network stays in memory"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_away(kept: &Kept) -> bool {
        matches!(*kept.0.lock().unwrap(), State::Away(..))
    }

    #[test]
    fn what_is_put_away_comes_back_as_often_as_it_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(WORTH_IT + 7).collect();
        let kept = Kept::new(bytes.clone());
        for _ in 0..3 {
            assert_eq!(*kept.bytes().unwrap(), bytes);
            kept.put_away_in(folder.path());
            assert!(is_away(&kept));
        }
        let (one, other) = (kept.bytes().unwrap(), kept.bytes().unwrap());
        assert!(Arc::ptr_eq(&one, &other), "read once");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
    }

    #[test]
    fn what_is_small_or_has_no_place_stays() {
        let small = Kept::new(vec![1; 100]);
        small.put_away_in(&std::env::temp_dir());
        let homeless = Kept::new(vec![2; WORTH_IT]);
        homeless.put_away_in(Path::new("/nowhere"));
        for (kept, length) in [(small, 100), (homeless, WORTH_IT)] {
            assert!(!is_away(&kept));
            assert_eq!(kept.bytes().unwrap().len(), length);
        }
    }
}
