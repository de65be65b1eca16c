//! The chosen pack: one line in the data folder.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::DepotError;

/// Where the choice of `vow models use` is written down.
#[must_use]
pub fn choice_file(data_dir: &Path) -> PathBuf {
    data_dir.join("chosen-pack")
}

/// The pack that was chosen with `vow models use`; `None` when none ever was.
///
/// # Errors
/// When the choice is there but cannot be read.
pub fn chosen(data_dir: &Path) -> Result<Option<String>, DepotError> {
    let path = choice_file(data_dir);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DepotError::Choice { path, reason: error.to_string() }),
    };
    let name = text.trim();
    let plain = !name.is_empty() && name.len() <= 64 && !name.contains(['/', '\0', '\n']);
    if plain {
        Ok(Some(name.to_owned()))
    } else {
        Err(DepotError::Choice { path, reason: "it does not hold the name of a pack".to_owned() })
    }
}

/// Writes the choice; it is on disk when this returns.
pub(crate) fn choose(data_dir: &Path, name: &str) -> Result<(), DepotError> {
    let (path, fresh) = (choice_file(data_dir), data_dir.join("chosen-pack.new"));
    let write = || {
        let mut file = fs::File::create(&fresh)?;
        writeln!(file, "{name}")?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        fs::File::open(data_dir)?.sync_all()
    };
    write().map_err(|source| DepotError::Disk { path: path.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_kept_and_a_broken_one_told() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(chosen(dir.path()).unwrap(), None);
        choose(dir.path(), "opencv").unwrap();
        choose(dir.path(), "buffalo_l").unwrap();
        assert_eq!(chosen(dir.path()).unwrap().as_deref(), Some("buffalo_l"));
        for bad in ["", " \n", "../x", "a\nb"] {
            fs::write(choice_file(dir.path()), bad).unwrap();
            assert!(matches!(chosen(dir.path()), Err(DepotError::Choice { .. })), "{bad:?}");
        }
    }
}
