//! A known wheel, fetched: by pip, so that the index and the mirrors it is set up for are used, or else from the publisher's
//! address. What becomes of it is left to others.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vow_fetch::{Cancel, FetchError, Fetcher, Phase, Progress, check_space, sum_of};

use super::{clear, disk};
use crate::DepotError;
use crate::wheels::Wheel;

/// pip is given up when nothing comes for this long.
const STALL: Duration = Duration::from_secs(180);

/// The wheel, verified: by pip where there is one, so that its index and mirrors are used; else from its address.
pub(super) fn fetch(
    wheel: &'static Wheel,
    folder: &Path,
    progress: &mut dyn FnMut(&Progress),
    cancel: &Cancel,
) -> Result<PathBuf, DepotError> {
    let remote = wheel.remote();
    let path = folder.join(wheel.file);
    let right = |progress: &mut dyn FnMut(&Progress)| {
        path.is_file() && sum_of(&path, progress, cancel).is_ok_and(|(_, sum)| Some(sum) == wheel.sum())
    };
    if right(progress) {
        return Ok(path);
    }
    let first = match pip(wheel, folder, progress, cancel) {
        Ok(()) if right(progress) => return Ok(path),
        Ok(()) => "pip fetched another file than the one that is known".to_owned(),
        Err(error @ DepotError::Fetch(FetchError::Cancelled)) => return Err(error),
        Err(error) => error.to_string(),
    };
    tracing::info!(reason = first, "pip does not have it; asking the publisher's address");
    match Fetcher::default().fetch(&remote, folder, progress, cancel) {
        Ok(fetched) => Ok(fetched.path),
        Err(second @ FetchError::Unreachable { .. }) => {
            Err(DepotError::NoWheel { first, second: Box::new(second), requirement: wheel.requirement })
        }
        Err(error) => Err(error.into()),
    }
}

/// Has pip fetch the wheel into `folder`. Its temporary files lie below, which tells how far it is.
fn pip(
    wheel: &'static Wheel,
    folder: &Path,
    progress: &mut dyn FnMut(&Progress),
    cancel: &Cancel,
) -> Result<(), DepotError> {
    let requirement = wheel.requirement;
    let failed = |reason: String| DepotError::Pip { requirement, reason };
    let (temporary, log) = (folder.join("pip.tmp"), folder.join("pip.log"));
    clear(&temporary)?;
    fs::create_dir_all(&temporary).map_err(disk(&temporary))?;
    // It copies what it fetched.
    check_space(folder, wheel.size.saturating_mul(2))?;
    let errors = fs::File::create(&log).map_err(disk(&log))?;
    let command = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"])
        .args(["--platform", wheel.platform, "--dest"])
        .arg(folder)
        .arg(requirement)
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn();
    let mut child = Killed(command.map_err(|error| failed(format!("python3 cannot be started: {error}")))?);
    let mut grown = (0, Instant::now());
    let status = loop {
        if let Some(status) = child.0.try_wait().map_err(|error| failed(error.to_string()))? {
            break status;
        }
        if cancel.is_cancelled() {
            return Err(FetchError::Cancelled.into());
        }
        let done = size_of(&temporary, 4).min(wheel.size);
        if done != grown.0 {
            grown = (done, Instant::now());
        } else if grown.1.elapsed() > STALL {
            return Err(failed(format!("nothing came for {} s", STALL.as_secs())));
        }
        progress(&Progress {
            file: wheel.file.to_owned(),
            source: "pip".to_owned(),
            phase: Phase::Fetching,
            done,
            total: Some(wheel.size),
        });
        std::thread::sleep(Duration::from_millis(100));
    };
    if status.success() {
        return clear(&temporary);
    }
    let mut text = String::new();
    // What pip said may be cut short or lost; that it failed is known.
    let _ = fs::File::open(&log).and_then(|log| log.take(64 << 10).read_to_string(&mut text));
    let said = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it did not say why");
    Err(failed(said.to_owned()))
}

/// A child that does not outlive us.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Bytes in a folder that changes meanwhile.
fn size_of(folder: &Path, depth: u32) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(facts) if facts.is_file() => facts.len(),
        Ok(facts) if facts.is_dir() && depth > 0 => size_of(&entry.path(), depth - 1),
        _ => 0,
    });
    sizes.sum()
}
