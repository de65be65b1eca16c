//! The user's pause on disk: a small file in the data folder, so that a pause holds over a restart and over a kill.
//!
//! It holds one line: `forever`, or the second since 1970 at which the pause is over. Deleting it ends the pause at the
//! next start.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A pause that the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    /// Seconds since 1970 at which it is over; `None`: when the user says so.
    pub(crate) until: Option<i64>,
}

/// Where it is kept.
#[derive(Debug, Clone)]
pub(crate) struct PauseFile(PathBuf);

impl PauseFile {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self(data_dir.join("paused"))
    }

    /// The pause that was asked for, if it is not over. A file that cannot be understood is a pause without end: to stand
    /// still is the harmless mistake, and `vow resume` mends it.
    pub(crate) fn read(&self, now: i64) -> Option<Pause> {
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %self.0.display(), %error, "paused: `vow resume` goes on");
                return Some(Pause { until: None });
            }
        };
        let pause = parse(&text).unwrap_or_else(|| {
            tracing::warn!(path = %self.0.display(), "not understood and taken for a pause: `vow resume` goes on");
            Pause { until: None }
        });
        pause.until.is_none_or(|until| until > now).then_some(pause)
    }

    /// Keeps a pause. It is on disk when this returns.
    pub(crate) fn write(&self, pause: Pause) -> io::Result<()> {
        let text = pause.until.map_or_else(|| "forever\n".to_owned(), |until| format!("{until}\n"));
        let fresh = self.0.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.0)?;
        self.sync_folder()
    }

    /// Forgets the pause. That is on disk when this returns.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.0) {
            Ok(()) => self.sync_folder(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.0.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

fn parse(text: &str) -> Option<Pause> {
    match text.trim() {
        "forever" => Some(Pause { until: None }),
        until => until.parse().ok().map(|until| Pause { until: Some(until) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_until_it_is_over_or_ended() {
        let dir = tempfile::tempdir().unwrap();
        let file = PauseFile::new(dir.path());
        assert_eq!(file.read(100), None);
        file.write(Pause { until: None }).unwrap();
        assert_eq!(file.read(100), Some(Pause { until: None }));
        file.write(Pause { until: Some(150) }).unwrap();
        assert_eq!((file.read(149), file.read(150)), (Some(Pause { until: Some(150) }), None));
        file.remove().unwrap();
        file.remove().unwrap();
        assert_eq!(file.read(100), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn what_is_not_understood_stands_still() {
        let dir = tempfile::tempdir().unwrap();
        let file = PauseFile::new(dir.path());
        for text in ["", "tomorrow", "1e9", "12 13"] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(file.read(0), Some(Pause { until: None }), "{text}");
        }
    }
}
