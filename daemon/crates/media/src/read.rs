//! The only place where a photo's file is opened: read-only, whole, and only when nobody writes to it meanwhile.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use vow_types::num::len_u64;

use crate::{Limits, MediaError};

/// What an open file looked like. Two equal stamps of a path: nothing was written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970 (UTC).
    pub mtime_ns: i64,
    /// Number of the file within its file system.
    pub inode: u64,
}

impl Stamp {
    /// What is at a path now, links followed; `None` where nothing can be seen. For files that cannot be opened.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        Some(Self::of(&std::fs::metadata(path).ok()?))
    }

    fn of(metadata: &Metadata) -> Self {
        let mtime_ns = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        Self { size: metadata.size(), mtime_ns, inode: metadata.ino() }
    }
}

/// Reads a whole file into `buffer`, whose former content is dropped and whose memory is used again.
///
/// Symbolic links are followed. Whatever is not a regular file is refused without being opened, so that no pipe blocks
/// and no device is touched. Returns the stamp of what was read.
///
/// # Errors
/// Every [`MediaError`] of [`Stage::Read`](vow_types::Stage::Read) that names a path. On an error the content of
/// `buffer` is not specified.
pub fn read(path: &Path, limits: &Limits, buffer: &mut Vec<u8>) -> Result<Stamp, MediaError> {
    let failed = |source| failure(path, source);
    regular(path, std::fs::metadata(path).map_err(failed)?.file_type())?;
    // The path may show something else by now: not blocking, and looked at again once it is open.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut file =
        OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).map_err(failed)?;
    let before = file.metadata().map_err(failed)?;
    regular(path, before.file_type())?;
    let stamp = Stamp::of(&before);
    if stamp.size == 0 {
        return Err(MediaError::Empty { path: path.to_owned() });
    }
    if stamp.size > limits.max_file_bytes {
        return Err(MediaError::FileTooLarge {
            path: path.to_owned(),
            size: stamp.size,
            limit: limits.max_file_bytes,
        });
    }
    fill(&mut file, stamp.size, buffer).map_err(failed)?;
    let after = Stamp::of(&file.metadata().map_err(failed)?);
    if after != stamp || len_u64(buffer.len()) != stamp.size {
        return Err(MediaError::StillChanging { path: path.to_owned() });
    }
    Ok(stamp)
}

/// Reads up to one byte more than the file is said to hold: that byte shows that it grew.
fn fill(file: &mut File, size: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    let expected = usize::try_from(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
    // A few bytes of room, so that the read that finds the end needs no larger buffer.
    buffer.try_reserve_exact(expected.saturating_add(32)).map_err(|_| io::ErrorKind::OutOfMemory)?;
    file.take(size.saturating_add(1)).read_to_end(buffer).map(|_| ())
}

fn regular(path: &Path, kind: FileType) -> Result<(), MediaError> {
    let what = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(MediaError::NotAFile { path: path.to_owned(), what })
}

fn failure(path: &Path, source: io::Error) -> MediaError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => MediaError::Vanished { path },
        io::ErrorKind::PermissionDenied => MediaError::NoPermission { path, source },
        _ => MediaError::Read { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn read_fresh(path: &Path) -> Result<Stamp, MediaError> {
        read(path, &Limits::default(), &mut Vec::new())
    }

    #[test]
    fn the_whole_file_and_its_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jpg");
        std::fs::write(&path, b"hello").unwrap();
        let mut buffer = vec![9; 100];
        let stamp = read(&path, &Limits::default(), &mut buffer).unwrap();
        assert_eq!(buffer, b"hello");
        assert_eq!(stamp.size, 5);
        assert_eq!(stamp.inode, std::fs::metadata(&path).unwrap().ino());
        assert!(stamp.mtime_ns > 1_600_000_000_000_000_000);
    }

    #[test]
    fn a_link_is_followed_and_a_dangling_one_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("a"), dir.path().join("b.jpg"));
        std::fs::write(&file, b"x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read_fresh(&link).unwrap(), read_fresh(&file).unwrap());
        std::fs::remove_file(&file).unwrap();
        let error = read_fresh(&link).unwrap_err();
        assert!(matches!(error, MediaError::Vanished { .. }) && error.is_transient(), "{error}");
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("pipe.jpg");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .unwrap();
        let socket = dir.path().join("socket.jpg");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, name) in [
            (dir.path(), "a folder"),
            (&fifo, "a named pipe"),
            (&socket, "a socket"),
            (Path::new("/dev/null"), "a device"),
        ] {
            let error = read_fresh(path).unwrap_err();
            assert!(matches!(error, MediaError::NotAFile { what, .. } if what == name), "{error}");
            assert!(error.to_string().contains(name) && !error.is_transient());
        }
    }

    #[test]
    fn empty_and_too_large_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jpg");
        std::fs::write(&path, b"").unwrap();
        assert!(matches!(read_fresh(&path), Err(MediaError::Empty { .. })));
        // Sparse: nothing of it is ever read or allocated.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = read_fresh(&path).unwrap_err();
        assert!(matches!(error, MediaError::FileTooLarge { size, .. } if size == 1 << 40));
        assert!(
            error.to_string().contains("1099511627776") && error.to_string().contains("1073741824"),
            "{error}"
        );
    }

    #[test]
    fn without_permission() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jpg");
        std::fs::write(&path, b"x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser reads everything; then there is nothing to see here.
        if let Err(error) = read_fresh(&path) {
            assert!(matches!(error, MediaError::NoPermission { .. }), "{error}");
        }
    }

    #[test]
    fn a_file_that_grows_while_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jpg");
        std::fs::write(&path, vec![1; 1 << 20]).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut file = OpenOptions::new().append(true).open(&path).unwrap();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::io::Write::write_all(&mut file, &[2]).unwrap();
                }
            });
            let seen = (0..2000).map(|_| read_fresh(&path)).find_map(Result::err);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            let error = seen.expect("two thousand reads beside a writer, and none met it");
            assert!(matches!(error, MediaError::StillChanging { .. }) && error.is_transient(), "{error}");
        });
        assert!(read_fresh(&path).is_ok(), "quiet again");
    }

    #[test]
    fn only_passing_failures_are_tried_again() {
        let read = |errno: rustix::io::Errno| failure(Path::new("a.jpg"), errno.into());
        for errno in [rustix::io::Errno::STALE, rustix::io::Errno::MFILE, rustix::io::Errno::TIMEDOUT] {
            assert!(read(errno).is_transient(), "{errno}");
        }
        for errno in [rustix::io::Errno::IO, rustix::io::Errno::ACCESS, rustix::io::Errno::LOOP] {
            assert!(!read(errno).is_transient(), "{errno}");
        }
    }
}
