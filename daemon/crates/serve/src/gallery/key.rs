//! The gallery's key: made at the first start, kept in the data folder for its owner alone.
//!
//! The daemon's socket is nobody else's; a port on loopback is everybody's on this machine, and every web page's that a
//! browser here shows. So whoever asks must have read this file, or been told by who has.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Random bytes in a key; it is written with two letters for each.
const BYTES: usize = 32;

/// What whoever asks has to know. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key(String);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Where it is kept.
pub(super) fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("gallery-key")
}

impl Key {
    /// The key of a data folder. A new one where there is none, where it is damaged, and where others could read it.
    ///
    /// # Errors
    /// When it can be neither read nor made.
    pub(super) fn of(data_dir: &Path) -> io::Result<Self> {
        let path = place(data_dir);
        match Self::kept(&path) {
            Ok(Some(key)) => return Ok(key),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let key = Self::random()?;
        // Whole or not at all, and never for others to read.
        let fresh = path.with_extension("new");
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(key.0.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)?;
        Ok(key)
    }

    fn kept(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(1024).read_to_end(&mut bytes)?;
        let is_key = bytes.len() == 2 * BYTES && bytes.iter().all(u8::is_ascii_hexdigit);
        Ok(String::from_utf8(bytes).ok().filter(|_| is_key).map(Self))
    }

    fn random() -> io::Result<Self> {
        let mut bytes = [0; BYTES];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// As text, for the address and the cookie.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is the key. Takes as long for every text of its length, so that nobody finds it letter by letter.
    pub(super) fn is(&self, text: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), text.as_bytes());
        if own.len() != other.len() {
            return false;
        }
        let differ = own.iter().zip(other).fold(0, |differ, (a, b)| black_box(differ | (a ^ b)));
        differ == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_owners_alone_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::of(dir.path()).unwrap();
        assert_eq!(std::fs::metadata(place(dir.path())).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Key::of(dir.path()).unwrap(), key);
        assert_ne!(Key::of(tempfile::tempdir().unwrap().path()).unwrap(), key);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn one_that_is_damaged_or_was_open_to_others_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let first = Key::of(dir.path()).unwrap();
        std::fs::set_permissions(place(dir.path()), std::fs::Permissions::from_mode(0o644)).unwrap();
        let second = Key::of(dir.path()).unwrap();
        assert_ne!(first, second);
        for damaged in ["", "abc", &"g".repeat(64), &"a".repeat(65)] {
            std::fs::write(place(dir.path()), damaged).unwrap();
            let key = Key::of(dir.path()).unwrap();
            assert!(key.text().len() == 64 && key.text() != damaged);
        }
    }

    #[test]
    fn only_the_key_is_the_key() {
        let key = Key::random().unwrap();
        assert!(key.is(key.text()));
        for at in 0..64 {
            let mut other = key.text().as_bytes().to_vec();
            other[at] ^= 1;
            assert!(!key.is(std::str::from_utf8(&other).unwrap()), "{at}");
        }
        assert!(!key.is("") && !key.is(&key.text()[1..]) && !key.is(&format!("{}0", key.text())));
        assert_eq!(format!("{key:?}"), "Key(..)");
    }
}
