//! Why a pack was not installed or removed. Messages only: what leads to them is `install`'s.

use std::io;
use std::path::PathBuf;

use vow_fetch::FetchError;

use crate::PackError;
use crate::catalog::{CatalogError, STARTER};

/// Why a pack was not installed or removed, sorted by what to do next.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Nobody knows that pack.
    #[error("no pack is called `{name}`; there are {}. A pack of your own is installed from its folder or zip archive: `vow models install PATH`", .known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// Those that are known.
        known: Vec<String>,
    },
    /// There is nothing to do for the pack that is built in.
    #[error("`{STARTER}` is built in: it is always there, and cannot be installed or removed")]
    Bundled,
    /// The licence has to be accepted first.
    #[error("the pack `{name}` may not be used commercially:\n{notice}\n{}\nInstall it with --accept-licence if you accept that", .url.as_deref().unwrap_or_default())]
    Licence {
        /// The pack.
        name: String,
        /// What the licence asks for.
        notice: String,
        /// Where it is to be read.
        url: Option<String>,
    },
    /// Somebody has to take the files on trust first.
    #[error("nobody has confirmed the SHA-256 of {} in the pack `{name}`; --accept-unconfirmed takes the file as it comes, and holds its sum from then on", .files.join(" and "))]
    Unconfirmed {
        /// The pack.
        name: String,
        /// The files.
        files: Vec<String>,
    },
    /// A pack of one's own cannot be called that.
    #[error("a pack cannot be called `{name}`: {why}; change `name` in its pack.toml")]
    BadName {
        /// The name.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// There is nothing at the path given.
    #[error("there is no {}; give a folder or a zip archive that holds a pack", .path.display())]
    NoSource {
        /// The path.
        path: PathBuf,
    },
    /// The file given is no archive.
    #[error("{} is no pack: a pack is given as a folder or as a zip archive of its files; {why}", .path.display())]
    NoPack {
        /// The file.
        path: PathBuf,
        /// What is wrong with it as an archive.
        why: String,
    },
    /// The folder or archive given does not hold the pack.
    #[error("{} does not hold {what}", .path.display())]
    NotThere {
        /// The folder or archive.
        path: PathBuf,
        /// What it should hold.
        what: String,
    },
    /// A pack that is to be removed is not there.
    #[error("the pack `{0}` is not installed; `vow models list` shows what is")]
    NotInstalled(String),
    /// A file could not be had, or is not the right one.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Its files are no pack.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The catalog cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The sums held from earlier cannot be read.
    #[error("{}: {reason}; mend or delete it", .path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
