//! A photo that could not be indexed, as data: it belongs to its file and never stops the daemon.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where on its way a photo was, also the name under which time is counted in the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Listing folders.
    Scan,
    /// Reading the file and finding its identity.
    Read,
    /// From bytes to pixels.
    Decode,
    /// Fitting into the detector's frame.
    Resize,
    /// Finding faces.
    Detect,
    /// Cutting faces out upright.
    Align,
    /// From face to embedding.
    Embed,
    /// Writing to the store.
    Commit,
    /// Index and people.
    Cluster,
}

impl Stage {
    /// All stages in the order a photo meets them.
    pub const ALL: [Self; 9] = [
        Self::Scan,
        Self::Read,
        Self::Decode,
        Self::Resize,
        Self::Detect,
        Self::Align,
        Self::Embed,
        Self::Commit,
        Self::Cluster,
    ];

    /// Lower-case name, as in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Read => "read",
            Self::Decode => "decode",
            Self::Resize => "resize",
            Self::Detect => "detect",
            Self::Align => "align",
            Self::Embed => "embed",
            Self::Commit => "commit",
            Self::Cluster => "cluster",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stage {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|stage| stage.name() == text).ok_or(())
    }
}

/// Why a file's photo is not in the index: the stage, and a sentence with the cause and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where it failed.
    pub stage: Stage,
    /// The whole chain of causes, for a person to read.
    pub reason: String,
}

impl Failure {
    /// From an error and its sources, joined with `: `, leaving out a source that its parent already printed.
    #[must_use]
    pub fn new(stage: Stage, error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !reason.contains(&text) {
                reason.push_str(": ");
                reason.push_str(&text);
            }
            source = cause.source();
        }
        Self { stage, reason }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.reason)
    }
}
