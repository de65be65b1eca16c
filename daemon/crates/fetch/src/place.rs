//! A folder that was put together takes its place, and that of the one before it, in one step.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::FetchError;
use crate::part::sync_folder;

/// Renames the folder `fresh` to `place` and deletes what was there: whoever looks sees the one or the other, also after a
/// kill. Both lie on one file system.
///
/// # Errors
/// When the disk refuses; what was there is there then.
pub fn take_place(fresh: &Path, place: &Path) -> Result<(), FetchError> {
    let flags = if place.exists() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    match renameat_with(CWD, fresh, CWD, place, flags) {
        // Some file systems of networks cannot.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => in_two_steps(fresh, place)?,
        moved => moved.map_err(|error| FetchError::disk(place)(error.into()))?,
    }
    sync_folder(place)?;
    // The earlier one, after an exchange.
    clear(fresh)
}

/// A kill between the steps leaves the earlier folder beside the new one.
fn in_two_steps(fresh: &Path, place: &Path) -> Result<(), FetchError> {
    let away = fresh.with_extension("old");
    clear(&away)?;
    if place.exists() {
        fs::rename(place, &away).map_err(FetchError::disk(place))?;
    }
    if let Err(error) = fs::rename(fresh, place) {
        if away.exists() {
            // Back to how it was; the first error says more than a second would.
            let _ = fs::rename(&away, place);
        }
        return Err(FetchError::disk(place)(error));
    }
    clear(&away)
}

fn clear(folder: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(FetchError::disk(folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Way = fn(&Path, &Path) -> Result<(), FetchError>;

    #[test]
    fn the_new_one_is_there_and_the_old_one_is_not() {
        for way in [take_place as Way, in_two_steps] {
            let dir = tempfile::tempdir().unwrap();
            let (fresh, place) = (dir.path().join("a.new"), dir.path().join("a"));
            for text in ["one", "two"] {
                fs::create_dir(&fresh).unwrap();
                fs::write(fresh.join("file"), text).unwrap();
                way(&fresh, &place).unwrap();
                assert_eq!(fs::read_to_string(place.join("file")).unwrap(), text);
                assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left");
            }
            assert!(way(&fresh, &place).is_err());
            assert_eq!(
                fs::read_to_string(place.join("file")).unwrap(),
                "two",
                "it stays where nothing comes"
            );
        }
    }
}
