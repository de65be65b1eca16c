//! Why there is no answer, sorted by exit code.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use tonic::{Code, Status};

use crate::render::counted;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no place for the daemon's socket is known: HOME is not set; give it with --socket PATH")]
    NoSocket,
    #[error(
        "no daemon answers on {socket}: {reason}; start one with `vowd FOLDER`, or say where it is with --socket PATH"
    )]
    Unreachable { socket: PathBuf, reason: String },
    #[error("{}", told(.0))]
    Refused(Status),
    #[error(
        "the daemon went away before it had answered, or stands still; `vow status` says whether it is back, and its log may say why it went"
    )]
    Gone(#[source] Status),
    #[error("{what} could not be started")]
    System { what: &'static str, source: io::Error },
    #[error("the answer could not be written: {0}")]
    Output(#[from] io::Error),
    #[error("{path} could not be written: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Usage(String),
    #[error(
        "{} lies in the watched folder {folder}, where its photos would be found again; choose a place outside",
        dir.display()
    )]
    InWatched { dir: PathBuf, folder: String },
    #[error("{} did not come into {}; see above, mend it and run the same again", counted(*.photos, "photo"), dir.display())]
    NotHandedOver { photos: u64, dir: PathBuf },
    #[error(
        "no photo to hand over: none shows all of them, or none is left by the other options; --any takes photos of each, and `vow photos` with the same options shows which there are"
    )]
    NoPhoto,
    #[error("{}; see above", counted(*.0, "finding"))]
    Found(u64),
    #[error("the daemon's answer lacks its {0}; are `vow` and `vowd` of the same version?")]
    Incomplete(&'static str),
}

/// A status of the daemon's own comes without a cause. One that has a cause was made on this side, where the connection broke.
impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        if status.source().is_some() { Self::Gone(status) } else { Self::Refused(status) }
    }
}

fn told(status: &Status) -> String {
    if status.message().is_empty() {
        format!("the daemon answered: {}", status.code())
    } else {
        status.message().to_owned()
    }
}

impl Failure {
    /// 1 not found (or something found by `vow verify`), 2 wrong use, 3 not reachable, 4 refused (and everything else).
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::NoSocket | Self::Unreachable { .. } | Self::Gone(_) => 3,
            Self::Found(_) | Self::NoPhoto => 1,
            Self::Usage(_) | Self::InWatched { .. } => 2,
            Self::Refused(status) => match status.code() {
                Code::NotFound => 1,
                Code::InvalidArgument => 2,
                Code::Unavailable | Code::Cancelled => 3,
                _ => 4,
            },
            _ => 4,
        }
    }

    /// The same in a word, for programs.
    pub(crate) fn kind(&self) -> &'static str {
        match self.exit_code() {
            _ if matches!(self, Self::Found(_)) => "found",
            1 => "not-found",
            2 => "wrong-use",
            3 => "unreachable",
            _ => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_broke_is_no_refusal() {
        let broken = || Status::from_error(Box::new(io::Error::from(io::ErrorKind::BrokenPipe)));
        let gone = Failure::from(broken());
        assert_eq!((gone.exit_code(), gone.kind()), (3, "unreachable"));
        assert!(gone.to_string().contains("went away"), "{gone}");
        let refused = Failure::from(Status::unknown(broken().message()));
        assert_eq!((refused.exit_code(), refused.kind()), (4, "refused"));
    }
}
