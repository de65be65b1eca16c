//! An ONNX Runtime for the data folder: its wheel from pip, from its address or from disk, and the few files of it that
//! are needed, unpacked to `runtime/NAME`; where it is asked for, NVIDIA's libraries below `runtime/NAME/nvidia`, where
//! `vow-infer` looks for them. Getting a wheel is the business of [`fetching`].

mod elf;
mod fetching;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vow_fetch::{Archive, Cancel, Member, Progress, Remote, Sum, sum_of, take_place};

use crate::DepotError;
use crate::depot::Prove;
use crate::wheels::{Part, Wheel};

/// Marks a folder of ours, which a later installation replaces.
const MARK: &str = "installed.toml";
/// What every wheel has.
const LIBRARY: &str = "libonnxruntime.so.";
/// What a wheel for NVIDIA cards has as well.
const FOR_CUDA: [&str; 2] = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];
const TERMS: [&str; 2] = ["onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"];

/// What is to be installed.
#[derive(Debug, Clone, Default)]
pub struct RuntimeOrder {
    /// The one that runs on NVIDIA cards.
    pub cuda: bool,
    /// With it the libraries of CUDA and cuDNN that it needs, for machines that have NVIDIA's driver alone.
    pub libraries: bool,
    /// A wheel that is here already; NVIDIA's, named as they were published, lie beside it.
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
    /// Whether NVIDIA's libraries came with it.
    #[serde(default)]
    pub libraries: bool,
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

    /// Installs one in place of what was installed before, if it runs.
    pub(crate) fn install(
        &self,
        order: &RuntimeOrder,
        prove: Prove<'_>,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<InstalledRuntime, DepotError> {
        let folder = self.downloads.join("wheels");
        let mut fetch = |wheel| fetching::fetch(wheel, &folder, progress, cancel);
        // All of them before anything is unpacked: what is missing is said while nothing has changed.
        let (path, sum) = match &order.from {
            Some(path) => (path.clone(), None),
            None => {
                let part = if order.cuda || order.libraries { Part::Cuda } else { Part::Plain };
                let none = DepotError::NoRuntime { arch: std::env::consts::ARCH, cuda: part == Part::Cuda };
                let wheel = Wheel::here(part).next().ok_or(none)?;
                (fetch(wheel)?, wheel.sum())
            }
        };
        let libraries = Wheel::here(Part::Libraries).filter(|_| order.libraries);
        let libraries: Vec<PathBuf> = match &order.from {
            Some(path) => libraries.map(|wheel| path.with_file_name(wheel.file)).collect(),
            None => libraries.map(fetch).collect::<Result<_, _>>()?,
        };
        let mut check = |path: &Path| {
            let (_, sum) = sum_of(path, progress, cancel)?;
            if Wheel::with(sum).is_none() && !order.unconfirmed {
                return Err(DepotError::UnknownWheel { path: path.to_owned(), sum });
            }
            Ok(sum)
        };
        if order.from.is_some() {
            libraries.iter().try_for_each(|path| check(path).map(drop))?;
        }
        let sum = sum.map_or_else(|| check(&path), Ok)?;
        let staging = self.downloads.join("runtime.new");
        clear(&staging)?;
        let unpacked = unpack((&path, sum), &libraries, &staging, progress, cancel).and_then(|unpacked| {
            // What is in it counts, not what it is called or known as.
            if (order.cuda || order.libraries) && !unpacked.cuda {
                return Err(DepotError::NotForCuda { path: path.clone() });
            }
            prove(&staging.join(&unpacked.library))
                .map_err(|source| DepotError::RuntimeDoesNotRun { path: path.clone(), source })?;
            Ok(unpacked)
        });
        if unpacked.is_err() {
            // Nobody asks for it again; the error at hand says more than one about the disk.
            let _ = clear(&staging);
        }
        let installed = self.place(&staging, unpacked?)?;
        clear(&folder)?;
        Ok(installed)
    }

    /// Gives the new one its place and deletes those that were installed earlier. The library in use may be among them: a
    /// process keeps what it has mapped.
    fn place(&self, staging: &Path, installed: InstalledRuntime) -> Result<InstalledRuntime, DepotError> {
        fs::create_dir_all(&self.runtime).map_err(disk(&self.runtime))?;
        let kind = if installed.cuda { "onnxruntime-gpu" } else { "onnxruntime" };
        let place = self.runtime.join(format!("{kind}-{}", installed.version));
        take_place(staging, &place)?;
        for other in fs::read_dir(&self.runtime).map_err(disk(&self.runtime))?.flatten() {
            if other.path() != place && read_mark(&other.path()).is_some() {
                clear(&other.path())?;
            }
        }
        Ok(InstalledRuntime { library: place.join(&installed.library), ..installed })
    }
}

/// Unpacks what is needed of verified wheels; the library's path is below `staging`.
fn unpack(
    (wheel, sum): (&Path, Sum),
    libraries: &[PathBuf],
    staging: &Path,
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

    for member in wanted {
        let name = member.file_name().to_owned();
        let file = Remote { name, urls: Vec::new(), size: Some(member.size), sha256: None };
        let fetched = archive.unpack(member, &file, staging, progress, cancel)?;
        if member.file_name().contains(".so") {
            for_this_machine(&fetched.path, wheel)?;
        }
    }
    for wheel in libraries {
        unpack_libraries(wheel, staging, progress, cancel)?;
    }
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let installed = InstalledRuntime {
        library: PathBuf::from(library.file_name()),
        version,
        cuda,
        libraries: !libraries.is_empty(),
        wheel: name,
        sha256: sum.to_string(),
    };
    let mark = staging.join(MARK);
    let text = toml::to_string(&installed)
        .map_err(|error| DepotError::Disk { path: mark.clone(), source: io::Error::other(error) })?;
    fs::write(&mark, text).map_err(disk(&mark))?;
    Ok(installed)
}

/// Refuses a library of another machine, or what is none.
fn for_this_machine(library: &Path, wheel: &Path) -> Result<(), DepotError> {
    match elf::kind(library)? {
        elf::Kind::NoLibrary => {
            Err(DepotError::NotAWheel { path: wheel.to_owned(), what: "shared libraries of a Linux system" })
        }
        elf::Kind::For(Some(found)) if found != std::env::consts::ARCH => {
            Err(DepotError::OtherMachine { path: wheel.to_owned(), found })
        }
        // One that nobody here has a name for may be this one: trying it will tell.
        elf::Kind::For(_) => Ok(()),
    }
}

/// What a folder of ours says of itself.
fn read_mark(folder: &Path) -> Option<InstalledRuntime> {
    let text = fs::read_to_string(folder.join(MARK)).ok()?;
    let installed: InstalledRuntime = toml::from_str(&text).ok()?;
    let library = folder.join(format!("{LIBRARY}{}", installed.version));
    Some(InstalledRuntime { library, ..installed })
}

/// The libraries in one of NVIDIA's wheels, and its terms, to where they lie in the wheel: `nvidia/cudnn/lib` and the like.
fn unpack_libraries(
    wheel: &Path,
    staging: &Path,
    progress: &mut dyn FnMut(&Progress),
    cancel: &Cancel,
) -> Result<(), DepotError> {
    let mut archive = Archive::open(wheel)?;
    let members = archive.members().to_vec();
    // A name that leads out of the archive's folder is none of its members.
    let is_library = |member: &&Member| {
        member.name.starts_with("nvidia/") && member.name.contains("/lib/") && member.name.contains(".so")
    };
    let mut libraries = members.iter().filter(is_library).peekable();
    if libraries.peek().is_none() {
        return Err(DepotError::NotAWheel { path: wheel.to_owned(), what: "library of NVIDIA" });
    }
    for member in libraries {
        let folder = Path::new(&member.name).parent().unwrap_or(Path::new(""));
        let file = Remote {
            name: member.file_name().to_owned(),
            urls: Vec::new(),
            size: Some(member.size),
            sha256: None,
        };
        let fetched = archive.unpack(member, &file, &staging.join(folder), progress, cancel)?;
        for_this_machine(&fetched.path, wheel)?;
    }
    let name = wheel.file_stem().unwrap_or_default().to_string_lossy();
    let package = name.split('-').next().unwrap_or_default();
    let terms =
        |member: &&Member| member.name.contains(".dist-info/") && member.file_name().starts_with("Licen");
    for member in members.iter().filter(terms) {
        let file = Remote {
            name: format!("LICENCE-{package}.txt"),
            urls: Vec::new(),
            size: Some(member.size),
            sha256: None,
        };
        archive.unpack(member, &file, &staging.join("nvidia"), progress, cancel)?;
    }
    Ok(())
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
