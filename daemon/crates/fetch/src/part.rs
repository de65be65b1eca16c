//! The file while it grows: `NAME.part`, its running sum, and a note of where its bytes came from.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::progress::{Cancel, Reporter};
use crate::{FetchError, Fetched, Phase, Progress, Sum};

/// Bytes moved at once.
pub(crate) const CHUNK: usize = 256 << 10;

/// What is known of the bytes that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The address they came from.
    pub(crate) url: String,
    /// The server's strong validator for them (an ETag, or a Last-Modified).
    pub(crate) validator: Option<String>,
}

/// An unfinished file.
pub(crate) struct Part {
    path: PathBuf,
    /// Beside it: the address and the validator, one a line.
    note: PathBuf,
    target: PathBuf,
    file: File,
    hasher: Sha256,
    length: u64,
    origin: Option<Origin>,
}

impl Part {
    /// Opens `NAME.part` in `folder`, which is made when missing, and reads what is there already.
    pub(crate) fn open(
        folder: &Path,
        name: &str,
        reporter: &mut Reporter<'_>,
        cancel: &Cancel,
    ) -> Result<Self, FetchError> {
        fs::create_dir_all(folder).map_err(FetchError::disk(folder))?;
        let path = folder.join(format!("{name}.part"));
        let note = folder.join(format!("{name}.from"));
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(&path).map_err(FetchError::disk(&path))?;
        let origin = read_note(&note);
        let mut hasher = Sha256::new();
        let mut length = 0;
        let total = file.metadata().map_err(FetchError::disk(&path))?.len();
        let mut buffer = vec![0; CHUNK];
        while length < total {
            cancel.check()?;
            let read = file.read(&mut buffer).map_err(FetchError::disk(&path))?;
            if read == 0 {
                break;
            }
            let chunk = buffer.get(..read).unwrap_or_default();
            hasher.update(chunk);
            length += len(chunk);
            reporter.tell(&Progress {
                file: name.to_owned(),
                source: path.display().to_string(),
                phase: Phase::Verifying,
                done: length,
                total: Some(total),
            });
        }
        Ok(Self { path, note, target: folder.join(name), file, hasher, length, origin })
    }

    /// Bytes that are there.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Where they came from, if that was noted.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref().filter(|_| self.length > 0)
    }

    /// The sum of what is there.
    pub(crate) fn sum(&self) -> Sum {
        Sum::finish(self.hasher.clone())
    }

    /// Forgets what is there and begins anew.
    pub(crate) fn restart(&mut self) -> Result<(), FetchError> {
        if self.length > 0 {
            self.file.set_len(0).map_err(FetchError::disk(&self.path))?;
        }
        self.file.seek(SeekFrom::Start(0)).map_err(FetchError::disk(&self.path))?;
        self.hasher = Sha256::new();
        self.length = 0;
        self.origin = None;
        Ok(())
    }

    /// Notes where the bytes that follow come from.
    pub(crate) fn note(&mut self, origin: Origin) -> Result<(), FetchError> {
        if self.origin.as_ref() != Some(&origin) {
            let text = format!("{}\n{}\n", origin.url, origin.validator.as_deref().unwrap_or_default());
            fs::write(&self.note, text).map_err(FetchError::disk(&self.note))?;
            self.origin = Some(origin);
        }
        Ok(())
    }

    /// Adds bytes at the end.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(bytes).map_err(FetchError::disk(&self.path))?;
        self.hasher.update(bytes);
        self.length += len(bytes);
        Ok(())
    }

    /// Gives the file its name: every byte is on disk before, the name after.
    pub(crate) fn finish(self) -> Result<Fetched, FetchError> {
        self.file.sync_all().map_err(FetchError::disk(&self.path))?;
        fs::rename(&self.path, &self.target).map_err(FetchError::disk(&self.target))?;
        forget(&self.note)?;
        sync_folder(&self.target)?;
        Ok(Fetched { sha256: self.sum(), size: self.length, path: self.target })
    }

    /// Deletes what is there.
    pub(crate) fn discard(self) -> Result<(), FetchError> {
        forget(&self.note)?;
        forget(&self.path)
    }
}

/// A length in bytes.
pub(crate) fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn forget(path: &Path) -> Result<(), FetchError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FetchError::disk(path)(error)),
        _ => Ok(()),
    }
}

/// The note of an earlier attempt; one that cannot be read is as good as none.
fn read_note(path: &Path) -> Option<Origin> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    let url = lines.next().filter(|url| !url.is_empty())?.to_owned();
    let validator = lines.next().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Origin { url, validator })
}

/// Makes a rename last. A file system that cannot sync a folder has its own ways.
pub(crate) fn sync_folder(file: &Path) -> Result<(), FetchError> {
    let Some(folder) = file.parent() else { return Ok(()) };
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if error.kind() != io::ErrorKind::InvalidInput => Err(FetchError::disk(folder)(error)),
        _ => Ok(()),
    }
}

/// Refuses when `folder` has no room for `needed` more bytes. Where the system cannot say, writing will tell.
///
/// # Errors
/// [`FetchError::NoSpace`].
pub fn check_space(folder: &Path, needed: u64) -> Result<(), FetchError> {
    let Ok(facts) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    if needed > free {
        return Err(FetchError::NoSpace { path: folder.to_owned(), needed, free });
    }
    Ok(())
}
