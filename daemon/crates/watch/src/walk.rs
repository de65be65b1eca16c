//! Goes through folders: one folder is read whole ([`list`]), then it is closed and its contents are visited in the order
//! that the bytes of all paths have. What to do with them is the caller's business.
//!
//! Own walk instead of `walkdir`: pictures are asked for relative to their open folder and in the order of their
//! inodes (on a cold disk that is one sweep instead of a seek a file), other files are not asked for at all, and
//! every folder is shown once ([`crate::once`]).

mod list;

use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::vec;

use rustix::fs::{Mode, OFlags, fstat, open};
use rustix::io::{Errno, retry_on_intr};

pub(crate) use self::list::nanoseconds;
use self::list::{Entry, What};
use crate::error::Obstacle;
use crate::once::{Id, Once, Reached};
use crate::{Found, Root, Seen, WatchError, judge};

/// A folder that has been read, with what is still to be visited.
struct Level {
    path: PathBuf,
    reached: Reached,
    entries: vec::IntoIter<Entry>,
}

/// Walks `folder`, which is `root` or below it, see [`crate::scan_below`]. A folder is told before it is read, so that
/// whoever watches it from then on misses nothing.
pub(crate) fn walk(
    root: &Path,
    folder: &Path,
    without: Option<&Path>,
    is_picture: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Seen) -> ControlFlow<()>,
) -> Result<Root, WatchError> {
    let offline = |source: Errno| WatchError::Offline { path: folder.to_owned(), source: source.into() };
    let (fd, id) = enter(folder).map_err(offline)?;
    let first = folder.to_owned();
    let mut whole = Root { device: id.0, leads_out: false };
    if let Some(why) = judge::by_path(root, folder) {
        let _ = visit(Seen::Ignored { path: first, why });
        return Ok(whole);
    }
    let begun = Once::begin(root, folder, without, (&fd, id));
    let (mut once, reached) =
        match begun.map_err(|source| WatchError::Offline { path: first.clone(), source })? {
            Ok(begun) => begun,
            Err(why) => {
                let _ = visit(Seen::Ignored { path: first, why });
                return Ok(whole);
            }
        };
    let linked = first.is_symlink();
    whole.leads_out = linked && reached.outside;
    if visit(Seen::Folder { path: first.clone(), linked }).is_break() {
        return Ok(whole);
    }
    let (level, error) = read(fd, first, reached, is_picture);
    if let Some(error) = error {
        return Err(offline(error));
    }
    let mut levels = vec![level];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.entries.next() else {
            levels.pop();
            continue;
        };
        let path = level.path.join(entry.name);
        let seen = match entry.what {
            What::Folder { linked } => match enter(&path) {
                Ok((fd, id)) => match once.reach(level.reached, &path, linked, (&fd, id)) {
                    Ok(reached) => {
                        whole.leads_out |= linked;
                        if visit(Seen::Folder { path: path.clone(), linked }).is_break() {
                            return Ok(whole);
                        }
                        let (level, error) = read(fd, path, reached, is_picture);
                        let unread = error.map(|error| unlisted(level.path.clone(), error));
                        levels.push(level);
                        match unread {
                            Some(obstacle) => obstacle.seen(),
                            None => continue,
                        }
                    }
                    Err(why) => Seen::Ignored { path, why },
                },
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
        if visit(seen).is_break() {
            return Ok(whole);
        }
    }
    // A disk that goes away while it is walked looks like folders that were emptied.
    match enter(folder).map_err(offline)? {
        (_, again) if again == id => Ok(whole),
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

fn enter(path: &Path) -> rustix::io::Result<(OwnedFd, Id)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let fd = retry_on_intr(|| open(path, flags, Mode::empty()))?;
    let stat = fstat(&fd)?;
    Ok((fd, (stat.st_dev, stat.st_ino)))
}

fn read(
    fd: OwnedFd,
    path: PathBuf,
    reached: Reached,
    is_picture: &dyn Fn(&Path) -> bool,
) -> (Level, Option<Errno>) {
    let (entries, error) = list::list(fd, is_picture);
    (Level { path, reached, entries: entries.into_iter() }, error)
}
