//! Goes through folders: one folder is read whole, its pictures are asked for size and time, then it is closed and
//! its contents are visited in the order that the bytes of all paths have. What to do with them is the caller's business.
//!
//! Own walk instead of `walkdir`: pictures are asked for relative to their open folder and in the order of their
//! inodes (on a cold disk that is one sweep instead of a seek a file), other files are not asked for at all, and
//! circles of links are found by the numbers of the folders that are open above, without opening anything again.

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::vec;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, statat};
use rustix::io::{Errno, retry_on_intr};

use crate::error::Obstacle;
use crate::{Found, Ignored, Root, Seen, WatchError, judge};

/// One step of a walk.
pub(crate) enum Step {
    /// A folder that is about to be read; `linked` when the last name of the path is a link.
    Folder { path: PathBuf, linked: bool },
    /// Something in it.
    Seen(Seen),
}

/// A folder's identity, by which circles are known.
type Id = (u64, u64);

/// A folder that has been read, with what is still to be visited.
struct Level {
    path: PathBuf,
    entries: vec::IntoIter<Entry>,
}

struct Entry {
    name: OsString,
    what: What,
}

impl Entry {
    /// Its place among the others: what is in a folder has the slash behind the folder's name.
    fn place(&self) -> impl Iterator<Item = &u8> {
        let slash: &[u8] = if matches!(self.what, What::Folder { .. }) { b"/" } else { b"" };
        self.name.as_bytes().iter().chain(slash)
    }
}

enum What {
    Folder { linked: bool },
    Picture { size: u64, mtime_ns: i64, inode: u64 },
    Ignored(Ignored),
    Dangling,
    Circle,
    Unclear(io::Error),
    Vanished,
}

/// Walks `folder`, which is `root` or below it, see [`crate::scan_below`]. A folder is told before it is read, so that
/// whoever watches it from then on misses nothing.
pub(crate) fn walk(
    root: &Path,
    folder: &Path,
    is_picture: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Step) -> ControlFlow<()>,
) -> Result<Root, WatchError> {
    let offline = |source: Errno| WatchError::Offline { path: folder.to_owned(), source: source.into() };
    let (fd, id) = enter(folder).map_err(offline)?;
    let root_of_walk = Root { device: id.0 };
    if let Some(why) = judge::by_path(root, folder) {
        let _ = visit(Step::Seen(Seen::Ignored { path: folder.to_owned(), why }));
        return Ok(root_of_walk);
    }
    let mut open_ids = ids_above(root, folder);
    let first = PathBuf::from(folder);
    if open_ids.contains(&id) {
        let _ = visit(Step::Seen(Obstacle::Circle { path: first }.seen()));
        return Ok(root_of_walk);
    }
    if visit(Step::Folder { path: first.clone(), linked: true }).is_break() {
        return Ok(root_of_walk);
    }
    let (level, error) = read(fd, first, is_picture);
    if let Some(error) = error {
        return Err(offline(error));
    }
    open_ids.push(id);
    let mut levels = vec![level];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.entries.next() else {
            levels.pop();
            open_ids.pop();
            continue;
        };
        let path = level.path.join(entry.name);
        let seen = match entry.what {
            What::Folder { linked } => match enter(&path) {
                Ok((_, id)) if linked && open_ids.contains(&id) => Obstacle::Circle { path }.seen(),
                Ok((fd, id)) => {
                    if visit(Step::Folder { path: path.clone(), linked }).is_break() {
                        return Ok(root_of_walk);
                    }
                    let (level, error) = read(fd, path, is_picture);
                    let unread = error.map(|error| unlisted(level.path.clone(), error));
                    levels.push(level);
                    open_ids.push(id);
                    match unread {
                        Some(obstacle) => obstacle.seen(),
                        None => continue,
                    }
                }
                Err(Errno::NOENT | Errno::NOTDIR) => continue, // vanished since its folder was read
                Err(error) => unlisted(path, error).seen(),
            },
            What::Picture { size, mtime_ns, inode } => Seen::Picture(Found { path, size, mtime_ns, inode }),
            What::Ignored(why) => Seen::Ignored { path, why },
            What::Dangling => Obstacle::Dangling { path }.seen(),
            What::Circle => Obstacle::Circle { path }.seen(),
            What::Unclear(source) => Obstacle::Entry { path, source }.seen(),
            What::Vanished => continue,
        };
        if visit(Step::Seen(seen)).is_break() {
            return Ok(root_of_walk);
        }
    }
    // A disk that goes away while it is walked looks like folders that were emptied.
    match enter(folder).map_err(offline)? {
        (_, again) if again == id => Ok(root_of_walk),
        _ => Err(offline(Errno::STALE)),
    }
}

fn unlisted(path: PathBuf, error: Errno) -> Obstacle {
    if error == Errno::LOOP {
        Obstacle::Circle { path }
    } else {
        Obstacle::Folder { path, source: error.into() }
    }
}

/// The folders from `root` down to the one above `folder`, as far as they can be seen.
fn ids_above(root: &Path, folder: &Path) -> Vec<Id> {
    let above = folder.ancestors().skip(1).take_while(|one| one.starts_with(root));
    above.filter_map(|one| one.metadata().ok()).map(|found| (found.dev(), found.ino())).collect()
}

fn enter(path: &Path) -> rustix::io::Result<(OwnedFd, Id)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let fd = retry_on_intr(|| open(path, flags, Mode::empty()))?;
    let stat = fstat(&fd)?;
    Ok((fd, (stat.st_dev, stat.st_ino)))
}

/// Reads a folder whole. An error comes with what was read before it.
fn read(fd: OwnedFd, path: PathBuf, is_picture: &dyn Fn(&Path) -> bool) -> (Level, Option<Errno>) {
    let mut entries = Vec::new();
    let error = fill(fd, is_picture, &mut entries).err();
    entries.sort_unstable_by(|a, b| a.place().cmp(b.place()));
    (Level { path, entries: entries.into_iter() }, error)
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
