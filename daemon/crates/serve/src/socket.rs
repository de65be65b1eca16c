//! The daemon's Unix socket: bound for its owner alone, taken over from a dead daemon, never from a live one.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Why the socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another daemon listens there.
    #[error("a daemon is listening on {path} already; stop it, or choose another socket with --socket")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{path} exists and is no socket; choose another path with --socket")]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("the socket {path} cannot be made{}", too_long(path))]
    Bind {
        /// The path.
        path: PathBuf,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
}

fn too_long(path: &Path) -> &'static str {
    // sockaddr_un holds 108 bytes on Linux, the closing zero among them.
    if path.as_os_str().len() > 107 {
        " (a socket's path has at most 107 bytes; give a shorter one with --socket)"
    } else {
        ""
    }
}

/// A bound socket and the path to remove in the end.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: Option<UnixListener>,
    path: PathBuf,
}

impl Bound {
    pub(crate) fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed = |source| SocketError::Bind { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.file_type().is_socket() => {
                return Err(SocketError::NotASocket { path: path.to_owned() });
            }
            Ok(_) => {
                if std::os::unix::net::UnixStream::connect(path).is_ok() {
                    return Err(SocketError::InUse { path: path.to_owned() });
                }
                std::fs::remove_file(path).map_err(failed)?;
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self { listener: Some(listener), path: path.to_owned() })
    }

    /// The listener; it can be taken once.
    pub(crate) fn listener(&mut self) -> Result<UnixListener, SocketError> {
        self.listener.take().ok_or_else(|| SocketError::InUse { path: self.path.clone() })
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // A socket that is gone already is as good.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_live_socket_is_left_alone_and_a_dead_one_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let first = Bound::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(Bound::bind(&path), Err(SocketError::InUse { .. })));
        std::mem::forget(first); // as after a kill, but that the descriptor must be closed for the socket to be dead
        drop(std::os::unix::net::UnixListener::bind(dir.path().join("dead")).unwrap());
        assert!(Bound::bind(&dir.path().join("dead")).is_ok());
    }

    #[tokio::test]
    async fn other_files_are_never_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("photo.jpg");
        std::fs::write(&path, b"precious").unwrap();
        assert!(matches!(Bound::bind(&path), Err(SocketError::NotASocket { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let error = Bound::bind(&dir.path().join("x".repeat(120))).unwrap_err();
        assert!(error.to_string().contains("107 bytes"), "{error}");
    }
}
