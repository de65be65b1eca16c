//! Files that are on this machine already: verified where they lie, or copied and verified.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::client::compare;
use crate::part::{CHUNK, check_space, len, sync_folder};
use crate::progress::Reporter;
use crate::{Cancel, Fault, FetchError, Fetched, Phase, Progress, Remote, Sum};

/// The size and sum of a file.
///
/// # Errors
/// When it cannot be read, is no regular file, or the work is cancelled.
pub fn sum_of(
    path: &Path,
    progress: &mut dyn FnMut(&Progress),
    cancel: &Cancel,
) -> Result<(u64, Sum), FetchError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (mut file, size) = open(&name, path)?;
    let mut pump = Pump::new(&name, path, Phase::Verifying, Some(size), progress, cancel);
    pump.run(&mut file, path, None)
}

/// Copies a file into `folder` under the name that `file` has, if it is the file that `file` speaks of.
///
/// # Errors
/// [`FetchError::Wrong`] when it is another file; nothing is left in `folder` then.
pub fn copy(
    from: &Path,
    file: &Remote,
    folder: &Path,
    progress: &mut dyn FnMut(&Progress),
    cancel: &Cancel,
) -> Result<Fetched, FetchError> {
    let name = file.file_name()?;
    let wrong = |fault| FetchError::Wrong { name: name.to_owned(), path: from.to_owned(), fault };
    let (mut source, size) = open(name, from)?;
    check_size(file.size, size).map_err(wrong)?;
    fs::create_dir_all(folder).map_err(FetchError::disk(folder))?;
    check_space(folder, size)?;
    let path = folder.join(name);
    let pump = &mut Pump::new(name, from, Phase::Fetching, Some(size), progress, cancel);
    let (size, sha256) = write(
        &path,
        |to| pump.run(&mut source, from, Some((to, &path))),
        |size, sum| check_size(file.size, size).and_then(|()| compare(file.sha256, sum)).map_err(wrong),
    )?;
    Ok(Fetched { path, size, sha256 })
}

/// A file that is in its place already, if it is the right one.
pub(crate) fn keep(
    file: &Remote,
    path: &Path,
    progress: &mut dyn FnMut(&Progress),
    cancel: &Cancel,
) -> Result<Fetched, FetchError> {
    let (size, sha256) = sum_of(path, progress, cancel)?;
    let checked = check_size(file.size, size).and_then(|()| compare(file.sha256, sha256));
    let wrong = |fault| FetchError::Wrong { name: file.name.clone(), path: path.to_owned(), fault };
    checked.map_err(wrong)?;
    Ok(Fetched { path: path.to_owned(), size, sha256 })
}

pub(crate) fn check_size(expected: Option<u64>, found: u64) -> Result<(), Fault> {
    match expected {
        Some(expected) if expected != found => Err(Fault::Size { expected, found }),
        _ => Ok(()),
    }
}

/// Opens a regular file. Asked before opening: a named pipe would keep us waiting for ever.
fn open(name: &str, path: &Path) -> Result<(File, u64), FetchError> {
    let facts = fs::metadata(path).map_err(FetchError::disk(path))?;
    if !facts.is_file() {
        let (name, path) = (name.to_owned(), path.to_owned());
        return Err(FetchError::Wrong { name, path, fault: Fault::NotAFile });
    }
    Ok((File::open(path).map_err(FetchError::disk(path))?, facts.len()))
}

/// Writes a new file with `fill`, and deletes it again unless it passes `check`.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<(u64, Sum), FetchError>,
    check: impl FnOnce(u64, Sum) -> Result<(), FetchError>,
) -> Result<(u64, Sum), FetchError> {
    // A new file, so that no link that lies there is followed.
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(path).map_err(FetchError::disk(path))?;
    let outcome = fill(&mut file).and_then(|(size, sum)| {
        check(size, sum)?;
        file.sync_all().map_err(FetchError::disk(path))?;
        sync_folder(path)?;
        Ok((size, sum))
    });
    if outcome.is_err() {
        // If even that fails, the error at hand says more.
        let _ = fs::remove_file(path);
    }
    outcome
}

/// Moves bytes, counts them, sums them up and says how far it is.
pub(crate) struct Pump<'a> {
    progress: Progress,
    reporter: Reporter<'a>,
    cancel: &'a Cancel,
    /// More bytes than this are refused.
    pub(crate) limit: u64,
}

impl<'a> Pump<'a> {
    pub(crate) fn new(
        name: &str,
        from: &Path,
        phase: Phase,
        total: Option<u64>,
        progress: &'a mut dyn FnMut(&Progress),
        cancel: &'a Cancel,
    ) -> Self {
        let source = from.display().to_string();
        let start = Progress { file: name.to_owned(), source, phase, done: 0, total };
        Self { progress: start, reporter: Reporter::new(progress), cancel, limit: u64::MAX }
    }

    /// Reads `from` (the file at `path`) to its end, into `to` where there is one.
    pub(crate) fn run(
        &mut self,
        from: &mut dyn Read,
        path: &Path,
        mut to: Option<(&mut File, &Path)>,
    ) -> Result<(u64, Sum), FetchError> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; CHUNK];
        loop {
            self.cancel.check()?;
            let read = from.read(&mut buffer).map_err(FetchError::disk(path))?;
            let chunk = buffer.get(..read).unwrap_or_default();
            if chunk.is_empty() {
                return Ok((self.progress.done, Sum::finish(hasher)));
            }
            hasher.update(chunk);
            self.progress.done += len(chunk);
            if self.progress.done > self.limit {
                let (name, path) = (self.progress.file.clone(), path.to_owned());
                return Err(FetchError::Wrong { name, path, fault: Fault::TooLarge { limit: self.limit } });
            }
            if let Some((file, target)) = &mut to {
                file.write_all(chunk).map_err(FetchError::disk(target))?;
            }
            self.reporter.tell(&self.progress);
        }
    }
}
