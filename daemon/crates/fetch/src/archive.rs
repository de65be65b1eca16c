//! Single members out of zip archives (wheels are zip archives too), each to a place that the caller names.
//!
//! Nothing is ever written where a member's name says: a name only finds a member. What a member unpacks to is counted
//! while it does, so a few bytes that claim to be few and become many end at the limit.

use std::fs::{self, File};
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::client::compare;
use crate::local::{Pump, check_size, write};
use crate::part::check_space;
use crate::{Cancel, Fault, FetchError, Fetched, Phase, Progress, Remote};

/// The largest member that is unpacked when its size is not known beforehand: no ONNX file is larger.
const LARGEST: u64 = 2 << 30;
/// An archive with more members than this is made to be one.
const MOST_MEMBERS: usize = 20_000;

/// An open zip archive.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
    members: Vec<Member>,
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name with folders, as the archive has it; never one that leads out of the archive.
    pub name: String,
    /// What it says that it unpacks to, in bytes.
    pub size: u64,
    index: usize,
}

impl Member {
    /// The last part of its name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

impl Archive {
    /// Opens an archive and reads its table of contents. Folders, links and members whose names lead out of the archive
    /// are not among its [`members`](Self::members).
    ///
    /// # Errors
    /// When it cannot be read or is no zip archive.
    pub fn open(path: &Path) -> Result<Self, FetchError> {
        let broken = |why: String| FetchError::Archive { path: path.to_owned(), why };
        let facts = fs::metadata(path).map_err(FetchError::disk(path))?;
        if !facts.is_file() {
            return Err(broken("it is no regular file".to_owned()));
        }
        let file = File::open(path).map_err(FetchError::disk(path))?;
        let zip = ZipArchive::new(BufReader::new(file))
            .map_err(|error| broken(format!("it is no zip archive, or not a whole one ({error})")))?;
        if zip.len() > MOST_MEMBERS {
            return Err(broken(format!("it has {} members; at most {MOST_MEMBERS} are read", zip.len())));
        }
        let mut archive = Self { path: path.to_owned(), zip, members: Vec::new() };
        for index in 0..archive.zip.len() {
            let entry = archive.zip.by_index_raw(index).map_err(|error| broken(error.to_string()))?;
            if entry.is_file() && !entry.is_symlink() && entry.enclosed_name().is_some() {
                let name = entry.name().to_owned();
                archive.members.push(Member { name, size: entry.size(), index });
            }
        }
        Ok(archive)
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files in it, in the archive's order.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of that name; else the only one whose name ends in the same file name, so that an archive that was
    /// packed again with another folder still serves.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn find(&self, name: &str) -> Result<Member, FetchError> {
        if let Some(exact) = self.members.iter().find(|member| member.name == name) {
            return Ok(exact.clone());
        }
        let last = name.rsplit('/').next().unwrap_or(name);
        let mut alike = self.members.iter().filter(|member| member.file_name() == last);
        match (alike.next(), alike.next()) {
            (Some(only), None) => Ok(only.clone()),
            (None, _) => Err(self.refuse(name, "it is not in the archive")),
            (Some(_), Some(_)) => Err(self.refuse(name, "the archive has several files of that name")),
        }
    }

    /// Unpacks a member to `folder` under the name that `file` has, if it is what `file` speaks of. The addresses of
    /// `file` do not matter here.
    ///
    /// # Errors
    /// [`FetchError::Wrong`] when it is another file; nothing is left in `folder` then.
    pub fn unpack(
        &mut self,
        member: &Member,
        file: &Remote,
        folder: &Path,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<Fetched, FetchError> {
        let name = file.file_name()?;
        let archive = self.path.clone();
        let inside = archive.join(&member.name);
        let wrong = |fault| FetchError::Wrong { name: name.to_owned(), path: inside.clone(), fault };
        check_size(file.size, member.size).map_err(wrong)?;
        if member.size > LARGEST {
            return Err(wrong(Fault::TooLarge { limit: LARGEST }));
        }
        fs::create_dir_all(folder).map_err(FetchError::disk(folder))?;
        check_space(folder, member.size)?;
        let refused = self.refuse(&member.name, "");
        let mut entry = self.zip.by_index(member.index).map_err(|error| match refused {
            FetchError::Member { path, member, .. } => {
                FetchError::Member { path, member, why: error.to_string() }
            }
            other => other,
        })?;
        let path = folder.join(name);
        let mut pump = Pump::new(name, &archive, Phase::Unpacking, Some(member.size), progress, cancel);
        pump.limit = member.size;
        let (size, sha256) = write(
            &path,
            |to| pump.run(&mut entry, &inside, Some((to, &path))),
            |size, sum| {
                check_size(Some(file.size.unwrap_or(member.size)), size)
                    .and_then(|()| compare(file.sha256, sum))
                    .map_err(wrong)
            },
        )?;
        Ok(Fetched { path, size, sha256 })
    }

    /// A small member as text.
    ///
    /// # Errors
    /// When it cannot be read, is larger than `most` bytes, or is not UTF-8.
    pub fn text(&mut self, member: &Member, most: u64) -> Result<String, FetchError> {
        let why = match self.zip.by_index(member.index) {
            Ok(entry) => {
                let mut text = String::new();
                match entry.take(most.saturating_add(1)).read_to_string(&mut text) {
                    Ok(read) if u64::try_from(read).unwrap_or(u64::MAX) <= most => return Ok(text),
                    Ok(_) => format!("it is larger than {most} bytes"),
                    Err(error) => error.to_string(),
                }
            }
            Err(error) => error.to_string(),
        };
        Err(self.refuse(&member.name, &why))
    }

    fn refuse(&self, member: &str, why: &str) -> FetchError {
        FetchError::Member { path: self.path.clone(), member: member.to_owned(), why: why.to_owned() }
    }
}
