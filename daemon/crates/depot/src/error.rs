//! Why something was not installed, chosen or removed: sorted by what happens next.

use std::io;
use std::path::PathBuf;

use vow_fetch::{FetchError, Sum};
use vow_models::InstallError;

use crate::depot::Cause;

/// Errors of the depot.
#[derive(Debug, thiserror::Error)]
pub enum DepotError {
    /// A pack could not be installed or removed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// A file could not be had, or is not the right one.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Something else is being installed: try again when that is done.
    #[error("something else is being installed just now; try again when that is done")]
    Busy,
    /// The daemon was told which pack to use when it was started.
    #[error(
        "{by} names the pack that this daemon uses; take that away and start the daemon again, then `vow models use {name}` can choose"
    )]
    Named {
        /// Who did.
        by: String,
        /// The pack that was to be used.
        name: String,
    },
    /// The pack is in use, or chosen for the next start.
    #[error("the pack `{0}` is in use; choose another one first with `vow models use`")]
    InUse(String),
    /// A pack that is to be used cannot be.
    #[error("the pack `{name}` cannot be used: {problem}; install it again with `vow models install {name}`")]
    Broken {
        /// The pack.
        name: String,
        /// Why.
        problem: String,
    },
    /// A pack that is used, or is to be used, does not run.
    #[error("the pack `{name}` does not run, so everything stays as it was")]
    DoesNotRun {
        /// The pack.
        name: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The stored choice cannot be read.
    #[error("{}: {reason}; delete it to use the built-in pack, or name a pack with --pack", .path.display())]
    Choice {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no ONNX Runtime to fetch for this machine.
    #[error("no ONNX Runtime{} is known for {arch}; the built-in tract is used, or a library named with --runtime", if *.cuda { " with CUDA" } else { "" })]
    NoRuntime {
        /// The machine's kind.
        arch: &'static str,
        /// Whether one with CUDA was asked for.
        cuda: bool,
    },
    /// A wheel that nobody here knows.
    #[error("{} is none of the wheels that this version knows (its SHA-256 is {sum}); --accept-unconfirmed installs it all the same", .path.display())]
    UnknownWheel {
        /// The file.
        path: PathBuf,
        /// Its sum.
        sum: Sum,
    },
    /// An archive that is not the wheel it should be.
    #[error("{} holds no {what}: it is not the wheel for Linux that was expected", .path.display())]
    NotAWheel {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
    /// A wheel for another machine.
    #[error("{} is for {found}, and this machine is {}: take the wheel whose name ends in {1}.whl", .path.display(), std::env::consts::ARCH)]
    OtherMachine {
        /// The file.
        path: PathBuf,
        /// The machine it is for.
        found: &'static str,
    },
    /// The wheel for the processor where that for NVIDIA cards was asked for.
    #[error("{} runs on the processor alone, and the one for NVIDIA cards was asked for: take a wheel of onnxruntime-gpu, or leave --cuda and --libraries away", .path.display())]
    NotForCuda {
        /// The file.
        path: PathBuf,
    },
    /// An ONNX Runtime that does not work on this machine.
    #[error("the ONNX Runtime of {} does not run here, so everything stays as it was", .path.display())]
    RuntimeDoesNotRun {
        /// The wheel.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// pip was asked and failed.
    #[error("pip could not fetch {requirement}: {reason}")]
    Pip {
        /// What it was asked for.
        requirement: &'static str,
        /// Its own words.
        reason: String,
    },
    /// Neither pip nor the address had it.
    #[error(
        "{first}\n{second}\nOn a machine with a network, `python3 -m pip download --no-deps --python-version 3.12 --only-binary=:all: {requirement}` fetches the wheel; then `vow runtime install --from WHEEL`"
    )]
    NoWheel {
        /// What pip said, or that there is none.
        first: String,
        /// What came of the address.
        second: Box<FetchError>,
        /// What pip would be asked for.
        requirement: &'static str,
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
