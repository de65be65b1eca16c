//! What can be wrong with a pack, in words for the person who wrote it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::PackLocation;

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// There is no such folder.
    #[error("there is no pack folder {}: name a folder that holds a pack.toml", .path.display())]
    NoFolder {
        /// The folder asked for.
        path: PathBuf,
    },
    /// The manifest is not there or cannot be read.
    #[error("cannot read {}: {source}; a pack is a folder with a pack.toml beside the graphs it names", .path.display())]
    Unreadable {
        /// The manifest's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest is not TOML.
    #[error("the pack.toml of {location} is not TOML: {source}")]
    Syntax {
        /// The pack.
        location: PackLocation,
        /// Line, column and what was expected there.
        source: Box<toml::de::Error>,
    },
    /// Everything that is wrong with a pack, at once: keys and files.
    #[error("{} in the pack.toml of {location}:{}", count(.mistakes), lines(.mistakes))]
    Mistakes {
        /// The pack.
        location: PackLocation,
        /// Never empty; in the manifest's order, unknown keys after the known ones of their table.
        mistakes: Vec<Mistake>,
    },
}

/// One thing wrong with a pack. Keys are written with their table: `detector.head`.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// A key that means nothing, most often a slip of the pen.
    #[error("`{key}` is not known here; allowed are {allowed}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The keys of that table.
        allowed: String,
    },
    /// A key that must be there.
    #[error("`{key}` is missing; it must be {expected}")]
    Missing {
        /// The key.
        key: String,
        /// Its allowed values.
        expected: String,
    },
    /// A value of the wrong kind or outside its range.
    #[error("`{key}` is {found}; it must be {expected}")]
    Wrong {
        /// The key.
        key: String,
        /// What the manifest says.
        found: String,
        /// Its allowed values.
        expected: String,
    },
    /// A graph that is not where the manifest says.
    #[error("`{key}` names a file that is not there: {} (looked for at {})", .name, .looked_at.display())]
    FileMissing {
        /// The key.
        key: String,
        /// As the manifest writes it.
        name: String,
        /// Where that is.
        looked_at: PathBuf,
    },
    /// A graph that the bundle lacks.
    #[error("`{key}` names a file that is not built into this binary: {name}")]
    NotInBundle {
        /// The key.
        key: String,
        /// As the manifest writes it.
        name: String,
    },
    /// A graph that cannot be read.
    #[error("`{key}`: cannot read {}: {source}", .path.display())]
    FileUnreadable {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something that cannot be a graph: a folder, a device, empty, or larger than any ONNX file.
    #[error("`{key}`: {} {why}, so it is no ONNX graph", .path.display())]
    FileUnsuitable {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: &'static str,
    },
    /// A graph that is not the one the manifest speaks of.
    #[error("`{key}`: the file has the sha256 {found}, not {stated}: it is damaged or another version")]
    Altered {
        /// The key of the sum.
        key: String,
        /// What the manifest says.
        stated: String,
        /// What the file has.
        found: String,
    },
}

fn count(mistakes: &[Mistake]) -> String {
    match mistakes.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    }
}

fn lines(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(|mistake| format!("\n  {mistake}")).collect()
}

impl fmt::Display for PackLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bundled => f.write_str("the built-in pack"),
        }
    }
}
