//! What can go wrong, sorted by what happens next.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::Sum;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It was told to end. What was fetched so far is kept and used by the next attempt.
    #[error("it was cancelled; what was fetched so far is kept")]
    Cancelled,
    /// The file has no address.
    #[error("there is no address to fetch {name} from; give the file with --from")]
    NoAddress {
        /// The file.
        name: String,
    },
    /// A name that would leave the folder.
    #[error("`{name}` cannot be the name of a file here: it must be a plain name without folders")]
    BadName {
        /// The name.
        name: String,
    },
    /// The environment names a proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] UnusableProxy),
    /// Every address failed: try later, look at the network, or take the file from elsewhere.
    #[error("{name} could not be had:{}\nOn a machine without a network, bring the file from elsewhere and name its place with --from", .tried.iter().map(|one| format!("\n  {one}")).collect::<String>())]
    Unreachable {
        /// The file.
        name: String,
        /// Each address and what came of it; never empty.
        tried: Vec<Tried>,
    },
    /// A file on this machine is not the one that was asked for.
    #[error("{} is not the {name} that was asked for: {fault}", .path.display())]
    Wrong {
        /// What was asked for.
        name: String,
        /// The file.
        path: PathBuf,
        /// How it differs.
        fault: Fault,
    },
    /// The disk is too full.
    #[error("{} has room for {free} bytes, {needed} are needed: free some and try again", .path.display())]
    NoSpace {
        /// The folder.
        path: PathBuf,
        /// Bytes that are still to be written.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A file or folder here cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Not an archive that can be read.
    #[error("{} cannot be unpacked: {why}", .path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The archive is fine but this member is missing or unsuitable.
    #[error("`{member}` in {}: {why}", .path.display())]
    Member {
        /// The archive.
        path: PathBuf,
        /// The member asked for.
        member: String,
        /// Why.
        why: String,
    },
}

impl FetchError {
    pub(crate) fn disk(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { path, source }
    }
}

/// A proxy that the environment names and that cannot be used. Going without it might be what it is there to prevent.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "{variable} is `{shown}`, which {why}: a proxy is named as http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ \
     before HOST where it asks for them; set it right where the daemon is started, or take it away there"
)]
pub struct UnusableProxy {
    /// The environment's variable.
    pub variable: &'static str,
    /// Its value without user and password.
    pub shown: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// An address and what came of it.
#[derive(Debug, thiserror::Error)]
#[error("{url}{}: {fault}", .via.as_ref().map(|proxy| format!(" (through the proxy {proxy})")).unwrap_or_default())]
pub struct Tried {
    /// Without user and password.
    pub url: String,
    /// The proxy that it was asked through, and who named that.
    pub via: Option<String>,
    /// What went wrong there.
    pub fault: Fault,
}

/// What is wrong with one source of a file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The server says no.
    #[error("the server answers {code}{}", meaning(*.code))]
    Status {
        /// The HTTP status.
        code: u16,
    },
    /// The server is busy and wants us to come back.
    #[error("the server is busy (it answers {code}{})", .after.map(|time| format!(" and asks to come back in {} s", time.as_secs())).unwrap_or_default())]
    Busy {
        /// The HTTP status: 429 or 503.
        code: u16,
        /// After how long, where it said so.
        after: Option<Duration>,
    },
    /// No byte came for too long, or too few.
    #[error("nothing came for {} s", .0.as_secs_f32())]
    Stalled(Duration),
    /// The connection could not be made, or broke.
    #[error("the connection failed: {0}")]
    Broken(String),
    /// The file ended before its time.
    #[error("it ended after {got} of {expected} bytes")]
    Short {
        /// Bytes that came.
        got: u64,
        /// Bytes that should have come.
        expected: u64,
    },
    /// The file has another size.
    #[error("it has {found} bytes, expected were {expected}: another file, or another version of it")]
    Size {
        /// Its size.
        expected: u64,
        /// The size of what is there.
        found: u64,
    },
    /// The file is larger than anything that is taken without knowing its size.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The bytes are not those that were asked for.
    #[error("its SHA-256 is {found}, expected was {expected}: damaged, or another version; it was not used")]
    Altered {
        /// The sum asked for.
        expected: Sum,
        /// The sum of what is there.
        found: Sum,
    },
    /// It is no regular file.
    #[error("it is no regular file")]
    NotAFile,
    /// The address cannot be used.
    #[error("the address cannot be used: {0}")]
    Address(String),
}

impl Fault {
    /// Whether the same source may do better in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Stalled(_) | Self::Broken(_) | Self::Short { .. } => true,
            Self::Status { code } => matches!(code, 408 | 425 | 500 | 502 | 504),
            Self::Size { .. }
            | Self::TooLarge { .. }
            | Self::Altered { .. }
            | Self::NotAFile
            | Self::Address(_) => false,
        }
    }
}

fn meaning(code: u16) -> &'static str {
    match code {
        401 | 403 => ": it does not let us have the file",
        404 | 410 => ": the file is not there",
        407 => ": the proxy wants a user and a password (HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT)",
        500..=599 => ": it has a fault of its own",
        _ => "",
    }
}
