//! Why a file gives no picture: one variant per cause, each with what to do about it.
//!
//! [`crate::read`] knows the path and puts it into its errors; [`crate::inspect`] and [`crate::decode`] see bytes only,
//! so the path is added by whoever keeps the failure.

use std::io;
use std::path::PathBuf;

use vow_types::{Size, Stage};

use crate::Format;

/// A cause of somebody else's making, kept as the source of ours.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a photo could not be read or decoded.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The path shows nothing (any more).
    #[error("{} is gone: it was moved or deleted before it could be read", path.display())]
    Vanished {
        /// The file asked for.
        path: PathBuf,
    },
    /// The file or a folder above it may not be read by this user.
    #[error("{} may not be read: give the user that runs vowd read permission on it", path.display())]
    NoPermission {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder, a pipe, a socket or a device with the name of a picture. It was not opened.
    #[error("{} is {what}, not a file: only regular files are read", path.display())]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
        /// What it is instead, with its article.
        what: &'static str,
    },
    /// A file of zero bytes.
    #[error("{} is empty (0 bytes): the copy did not finish or failed, copy it again from its source", path.display())]
    Empty {
        /// The file asked for.
        path: PathBuf,
    },
    /// More bytes than [`crate::Limits::max_file_bytes`].
    #[error("{} has {size} bytes, the limit is {limit}: it is not read", path.display())]
    FileTooLarge {
        /// The file asked for.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// Somebody writes to the file: its size, time or inode moved while it was read.
    #[error("{} was changed while it was read: it is read again once it is quiet", path.display())]
    StillChanging {
        /// The file asked for.
        path: PathBuf,
    },
    /// Any other failure of the file system.
    #[error("{} cannot be read: check the disk or the network share it lies on", path.display())]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are of no picture format that is read.
    #[error("not a picture VowImager can read (found: {found}); supported are {}", Format::NAMES)]
    NotAPicture {
        /// What the bytes look like, with its article.
        found: &'static str,
    },
    /// A picture of a format that is known by name but not read yet.
    #[error("{format} pictures cannot be read yet: convert it to JPEG")]
    Unsupported {
        /// The name of the format, such as `HEIC`.
        format: &'static str,
    },
    /// A picture of a supported format in a rare coding of it.
    #[error("this kind of {format} cannot be read ({what}): save it again as an ordinary JPEG or PNG")]
    UnsupportedCoding {
        /// The format.
        format: Format,
        /// What is rare about this one.
        what: String,
    },
    /// A camera raw without a JPEG inside in which faces could be found. Sensor data are not developed here.
    #[error(
        "no preview large enough inside this {format} ({}, at least {least} pixels on the longer side are needed): let the \
         camera write a JPEG beside it, or a raw program put a larger preview into it",
        largest.map_or_else(
            || "there is none".to_owned(),
            |size| format!("the largest has {} x {} pixels", size.width, size.height)
        )
    )]
    NoPreview {
        /// The kind of raw.
        format: Format,
        /// The largest there is.
        largest: Option<Size>,
        /// Pixels that the longer side must have.
        least: u32,
    },
    /// The header announces more pixels than [`crate::Limits::max_pixels`]; nothing was allocated for them.
    #[error(
        "the header announces {} x {} pixels ({} in all), the limit is {limit}: it is not decoded",
        size.width, size.height, size.pixels()
    )]
    TooManyPixels {
        /// The size that the header announces.
        size: Size,
        /// The most pixels that are decoded.
        limit: u64,
    },
    /// The file ends before the picture does.
    #[error("truncated: {detail}; copy it again from its source")]
    Truncated {
        /// Where it ends.
        detail: String,
    },
    /// The bytes contradict their format.
    #[error("the {format} data is damaged: copy it again from its source")]
    Damaged {
        /// The format.
        format: Format,
        /// What the decoder met.
        source: Cause,
    },
    /// [`crate::decode`] was given the header of another picture.
    #[error(
        "the header given ({} x {} pixels) is not of this picture ({} x {}): inspect it again",
        expected.width, expected.height, found.width, found.height
    )]
    OtherPicture {
        /// The size in the header given.
        expected: Size,
        /// The size in the bytes given.
        found: Size,
    },
    /// A decoder's own mistake, met by this file. It was contained; other photos are not touched by it.
    #[error(
        "the {format} decoder failed on this file ({message}): save it again with another program, and report it"
    )]
    DecoderFault {
        /// The format.
        format: Format,
        /// The decoder's last words.
        message: String,
    },
}

impl MediaError {
    /// Where on its way the photo was: reading covers everything up to knowing what the file is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::Vanished { .. }
            | Self::NoPermission { .. }
            | Self::NotAFile { .. }
            | Self::Empty { .. }
            | Self::FileTooLarge { .. }
            | Self::StillChanging { .. }
            | Self::Read { .. }
            | Self::NotAPicture { .. }
            | Self::Unsupported { .. } => Stage::Read,
            Self::UnsupportedCoding { .. }
            | Self::NoPreview { .. }
            | Self::TooManyPixels { .. }
            | Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::OtherPicture { .. }
            | Self::DecoderFault { .. } => Stage::Decode,
        }
    }

    /// Whether the same file may well be readable a moment later, with nobody doing anything about it: it is being
    /// written, was just moved, or the system (network share, file handles, memory) had a bad moment.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Vanished { .. } | Self::StillChanging { .. } => true,
            Self::Read { source, .. } => passes(source),
            _ => false,
        }
    }

    /// The picture contradicts its format, in our own words.
    pub(crate) fn damaged(format: Format, what: &'static str) -> Self {
        Self::Damaged { format, source: what.into() }
    }

    /// The file ends too early.
    pub(crate) fn truncated(detail: impl Into<String>) -> Self {
        Self::Truncated { detail: detail.into() }
    }
}

/// Failures of the system's own state. A bad sector (EIO) is not among them: trying again only costs time there.
fn passes(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    use rustix::io::Errno;
    let handles_exhausted =
        [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
    handles_exhausted
        || matches!(
            error.kind(),
            Kind::Interrupted
                | Kind::WouldBlock
                | Kind::TimedOut
                | Kind::StaleNetworkFileHandle
                | Kind::HostUnreachable
                | Kind::NetworkUnreachable
                | Kind::NetworkDown
                | Kind::ConnectionReset
                | Kind::ConnectionAborted
                | Kind::NotConnected
                | Kind::ResourceBusy
                | Kind::OutOfMemory
        )
}
