//! Judges a single path as a scan would: for hints. Reads no folder and opens nothing.

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::Errno;

use crate::error::Obstacle;
use crate::{Found, Ignored, Looked, Seen, judge, walk};

/// Judges one path as a scan of `root` would; for [`crate::Hint::Touched`]. `is_picture` gets the file name alone.
#[must_use]
pub fn look(root: &Path, path: &Path, is_picture: &dyn Fn(&Path) -> bool) -> Looked {
    let ignored = |why| Looked::Seen(Seen::Ignored { path: path.to_owned(), why });
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return without_metadata(root, path, error),
    };
    let name = Path::new(path.file_name().unwrap_or_default());
    let kind = metadata.file_type();
    if let Some(why) = judge::by_path(root, path) {
        ignored(why)
    } else if kind.is_dir() {
        Looked::Seen(Seen::Folder { path: path.to_owned(), linked: path.is_symlink() })
    } else if !kind.is_file() {
        ignored(Ignored::SpecialFile)
    } else if is_picture(name) {
        Looked::Seen(Seen::Picture(Found {
            path: path.to_owned(),
            size: metadata.size(),
            mtime_ns: walk::nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
        }))
    } else {
        ignored(Ignored::NotAPicture)
    }
}

fn without_metadata(root: &Path, path: &Path, source: io::Error) -> Looked {
    let problem = |obstacle: Obstacle| Looked::Seen(obstacle.seen());
    let path = path.to_owned();
    // Below a root that is not there nothing is gone. (A root that is an empty mount point cannot be told here.)
    if let Err(source) = root.metadata() {
        return problem(Obstacle::Offline { root: root.to_owned(), path, source });
    }
    let a_link = path.symlink_metadata().is_ok();
    if let (true, Some(why)) = (a_link, judge::by_path(root, &path)) {
        return Looked::Seen(Seen::Ignored { path, why });
    }
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory if a_link => problem(Obstacle::Dangling { path }),
        ErrorKind::NotFound | ErrorKind::NotADirectory => Looked::Gone,
        _ if Errno::from_io_error(&source) == Some(Errno::LOOP) => problem(Obstacle::Circle { path }),
        _ => problem(Obstacle::Entry { path, source }),
    }
}
