//! An ONNX Runtime for the data folder: its wheel from pip, from its address or from disk, and the few files of it that
//! are needed, unpacked to `runtime/NAME`.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use vow_fetch::{Archive, Cancel, FetchError, Fetcher, Phase, Progress, Remote, Sum, sum_of};

use crate::DepotError;
use crate::wheels::Wheel;

/// Marks a folder of ours, which a later installation replaces.
const MARK: &str = "installed.toml";
/// What every wheel has.
const LIBRARY: &str = "libonnxruntime.so.";
/// What a wheel for NVIDIA cards has as well.
const FOR_CUDA: [&str; 2] = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];
const TERMS: [&str; 2] = ["onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"];
/// pip is given up when nothing comes for this long.
const STALL: Duration = Duration::from_secs(180);

/// What is to be installed.
#[derive(Debug, Clone, Default)]
pub struct RuntimeOrder {
    /// The one that runs on NVIDIA cards.
    pub cuda: bool,
    /// A wheel that is here already.
    pub from: Option<PathBuf>,
    /// Take that wheel even if nobody here knows it.
    pub unconfirmed: bool,
}

/// A runtime in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRuntime {
    /// Its version.
    pub version: String,
    /// Whether it can run on NVIDIA cards.
    pub cuda: bool,
    /// The wheel it came in.
    pub wheel: String,
    /// That wheel's SHA-256.
    pub sha256: String,
    /// The library.
    #[serde(skip)]
    pub library: PathBuf,
}

/// The folders that matter.
pub(crate) struct Places {
    runtime: PathBuf,
    downloads: PathBuf,
}

impl Places {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { runtime: data_dir.join("runtime"), downloads: data_dir.join("downloads") }
    }

    /// The runtimes that were installed here, not those that somebody laid there by hand.
    pub(crate) fn installed(&self) -> Vec<InstalledRuntime> {
        let folders = fs::read_dir(&self.runtime).into_iter().flatten().flatten();
        folders.filter_map(|folder| read_mark(&folder.path())).collect()
    }

    /// Installs one in place of what was installed before.
    pub(crate) fn install(
        &self,
        order: &RuntimeOrder,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<InstalledRuntime, DepotError> {
        match &order.from {
            Some(path) => {
                let (_, sum) = sum_of(path, progress, cancel)?;
                if Wheel::with(sum).is_none() && !order.unconfirmed {
                    return Err(DepotError::UnknownWheel { path: path.clone(), sum });
                }
                self.unpack(path, sum, progress, cancel)
            }
            None => {
                let wheel = Wheel::here(order.cuda)
                    .ok_or(DepotError::NoRuntime { arch: std::env::consts::ARCH, cuda: order.cuda })?;
                let folder = self.downloads.join("wheels");
                let path = fetch(wheel, &folder, progress, cancel)?;
                let sum = wheel.sum().unwrap_or_else(|| Sum::of(b""));
                let installed = self.unpack(&path, sum, progress, cancel)?;
                clear(&folder)?;
                Ok(installed)
            }
        }
    }

    /// Unpacks what is needed of a verified wheel, and puts it in the place of the earlier ones.
    fn unpack(
        &self,
        wheel: &Path,
        sum: Sum,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<InstalledRuntime, DepotError> {
        let missing = |what| DepotError::NotAWheel { path: wheel.to_owned(), what };
        let mut archive = Archive::open(wheel)?;
        let members = archive.members().to_vec();
        let library = members
            .iter()
            .find(|member| member.name.contains("/capi/") && member.file_name().starts_with(LIBRARY))
            .ok_or_else(|| missing("libonnxruntime.so"))?;
        let version = library.file_name().strip_prefix(LIBRARY).unwrap_or_default().to_owned();
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(missing("libonnxruntime.so with a version"));
        }
        let beside = |name: &str| {
            let folder = library.name.strip_suffix(library.file_name()).unwrap_or_default();
            members.iter().find(|member| member.name == format!("{folder}{name}"))
        };
        let for_cuda: Vec<_> = FOR_CUDA.iter().filter_map(|name| beside(name)).collect();
        let cuda = for_cuda.len() == FOR_CUDA.len();
        let terms = members.iter().filter(|member| TERMS.contains(&member.name.as_str()));
        let mut wanted = vec![library];
        wanted.extend(for_cuda.into_iter().filter(|_| cuda));
        wanted.extend(terms);

        let staging = self.downloads.join("runtime.new");
        clear(&staging)?;
        for member in wanted {
            let name = member.file_name().to_owned();
            let file = Remote { name, urls: Vec::new(), size: Some(member.size), sha256: None };
            archive.unpack(member, &file, &staging, progress, cancel)?;
        }
        let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let installed = InstalledRuntime {
            library: PathBuf::from(library.file_name()),
            version: version.clone(),
            cuda,
            wheel: name,
            sha256: sum.to_string(),
        };
        let mark = staging.join(MARK);
        let text = toml::to_string(&installed)
            .map_err(|error| DepotError::Disk { path: mark.clone(), source: io::Error::other(error) })?;
        fs::write(&mark, text).map_err(disk(&mark))?;
        let kind = if cuda { "onnxruntime-gpu" } else { "onnxruntime" };
        self.place(&staging, &format!("{kind}-{version}"), installed)
    }

    /// Renames the new one to its place and deletes those that were installed earlier. The library in use may be among
    /// them: a process keeps what it has mapped.
    fn place(
        &self,
        staging: &Path,
        name: &str,
        installed: InstalledRuntime,
    ) -> Result<InstalledRuntime, DepotError> {
        fs::create_dir_all(&self.runtime).map_err(disk(&self.runtime))?;
        let (place, away) = (self.runtime.join(name), self.downloads.join("runtime.old"));
        clear(&away)?;
        if place.exists() {
            fs::rename(&place, &away).map_err(disk(&place))?;
        }
        fs::rename(staging, &place).map_err(disk(&place))?;
        fs::File::open(&self.runtime).and_then(|folder| folder.sync_all()).map_err(disk(&self.runtime))?;
        clear(&away)?;
        for other in fs::read_dir(&self.runtime).map_err(disk(&self.runtime))?.flatten() {
            if other.path() != place && read_mark(&other.path()).is_some() {
                clear(&other.path())?;
            }
        }
        Ok(InstalledRuntime { library: place.join(&installed.library), ..installed })
    }
}

/// What a folder of ours says of itself.
fn read_mark(folder: &Path) -> Option<InstalledRuntime> {
    let text = fs::read_to_string(folder.join(MARK)).ok()?;
    let installed: InstalledRuntime = toml::from_str(&text).ok()?;
    let library = folder.join(format!("{LIBRARY}{}", installed.version));
    Some(InstalledRuntime { library, ..installed })
}

/// The wheel, verified: by pip where there is one, so that its index and mirrors are used; else from its address.
fn fetch(
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

fn clear(path: &Path) -> Result<(), DepotError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(path)(error)),
        _ => Ok(()),
    }
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> DepotError {
    let path = path.to_owned();
    move |source| DepotError::Disk { path, source }
}

#[cfg(test)]
mod tests;
