//! Reads one folder whole: its pictures are asked for size and time, in the order of their inodes, then its contents are
//! brought into the order that the bytes of all paths have.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Stat, statat};
use rustix::io::{Errno, retry_on_intr};

use crate::{Ignored, judge};

/// Something in a folder.
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) what: What,
}

impl Entry {
    /// Its place among the others: what is in a folder has the slash behind the folder's name.
    fn place(&self) -> impl Iterator<Item = &u8> {
        let slash: &[u8] = if matches!(self.what, What::Folder { .. }) { b"/" } else { b"" };
        self.name.as_bytes().iter().chain(slash)
    }
}

pub(super) enum What {
    Folder { linked: bool },
    Picture { size: u64, mtime_ns: i64, inode: u64 },
    Ignored(Ignored),
    Dangling,
    Circle,
    Unclear(io::Error),
    Vanished,
}

/// Reads a folder whole. An error comes with what was read before it.
pub(super) fn list(fd: OwnedFd, is_picture: &dyn Fn(&Path) -> bool) -> (Vec<Entry>, Option<Errno>) {
    let mut entries = Vec::new();
    let error = fill(fd, is_picture, &mut entries).err();
    entries.sort_unstable_by(|a, b| a.place().cmp(b.place()));
    (entries, error)
}

fn fill(fd: OwnedFd, is_picture: &dyn Fn(&Path) -> bool, entries: &mut Vec<Entry>) -> rustix::io::Result<()> {
    let mut dir = Dir::new(fd)?;
    let mut to_ask = Vec::new();
    let mut error = None;
    while let Some(entry) = dir.read() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(found) => {
                error = Some(found);
                break;
            }
        };
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let what = match (judge::by_name(name), entry.file_type()) {
            (Some(why), _) => What::Ignored(why),
            (None, FileType::Directory) => What::Folder { linked: false },
            (None, FileType::RegularFile) if !is_picture(Path::new(name)) => {
                What::Ignored(Ignored::NotAPicture)
            }
            (None, kind @ (FileType::RegularFile | FileType::Symlink | FileType::Unknown)) => {
                to_ask.push((entry.ino(), entries.len(), kind));
                What::Vanished // until it is asked for, below
            }
            (None, _) => What::Ignored(Ignored::SpecialFile),
        };
        entries.push(Entry { name: name.to_owned(), what });
    }
    to_ask.sort_unstable_by_key(|(inode, ..)| *inode);
    for (_, at, kind) in to_ask {
        if let Some(entry) = entries.get_mut(at) {
            entry.what = ask(&dir, &entry.name, kind, is_picture);
        }
    }
    error.map_or(Ok(()), Err)
}

/// What an entry is whose folder does not say all we need.
fn ask(dir: &Dir, name: &OsStr, kind: FileType, is_picture: &dyn Fn(&Path) -> bool) -> What {
    let stat_with = |flags| dir.fd().and_then(|fd| retry_on_intr(|| statat(fd, name, flags)));
    let itself = if kind == FileType::Symlink { None } else { Some(stat_with(AtFlags::SYMLINK_NOFOLLOW)) };
    match itself {
        Some(Ok(stat)) if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink => {
            from_stat(&stat, name, false, is_picture)
        }
        Some(Err(Errno::NOENT)) => What::Vanished,
        Some(Err(error)) => What::Unclear(error.into()),
        _ => match stat_with(AtFlags::empty()) {
            Ok(stat) => from_stat(&stat, name, true, is_picture),
            Err(Errno::LOOP) => What::Circle,
            // The link may have gone since the folder was read; then it points nowhere and is no problem.
            Err(Errno::NOENT | Errno::NOTDIR) => match stat_with(AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => What::Vanished,
                _ => What::Dangling,
            },
            Err(error) => What::Unclear(error.into()),
        },
    }
}

fn from_stat(stat: &Stat, name: &OsStr, linked: bool, is_picture: &dyn Fn(&Path) -> bool) -> What {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => What::Folder { linked },
        FileType::RegularFile if is_picture(Path::new(name)) => What::Picture {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            inode: stat.st_ino,
        },
        FileType::RegularFile => What::Ignored(Ignored::NotAPicture),
        _ => What::Ignored(Ignored::SpecialFile),
    }
}

/// Seconds and nanoseconds since 1970 in one number; beyond the years 1677 and 2262 its ends.
pub(crate) fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}
