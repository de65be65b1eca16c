//! Where the files of a pack are taken from when they are at hand: a folder or a zip archive. Each file is verified as it
//! is taken; the network, and putting a pack in its place, are `install`'s.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vow_fetch::{Archive, Cancel, FetchError, Fetched, Progress};

use super::InstallError;
use crate::PackError;
use crate::catalog::{Entry, EntryFile};
use crate::pack::MANIFEST;

/// The largest `pack.toml` that is taken out of an archive.
const LARGEST_MANIFEST: u64 = 1 << 20;

/// Where the files of a pack are taken from.
pub(super) enum Origin {
    Folder(PathBuf),
    Archive(Archive),
}

/// Takes the files from a folder or archive, each verified.
pub(super) fn take(
    source: &mut Origin,
    pack: &str,
    files: &[EntryFile],
    staging: &Path,
    progress: &mut dyn FnMut(&Progress),
    cancel: &Cancel,
) -> Result<Vec<Fetched>, InstallError> {
    let mut taken = Vec::new();
    for file in files {
        let name = &file.remote.name;
        let member = file.member.as_ref().unwrap_or(name);
        taken.push(match source {
            Origin::Archive(archive) => {
                let member = archive.find(member)?;
                archive.unpack(&member, &file.remote, staging, progress, cancel)?
            }
            Origin::Folder(folder) => {
                let place = at_hand(folder, pack, file)
                    .ok_or_else(|| InstallError::NotThere { path: folder.clone(), what: member.clone() })?;
                vow_fetch::copy(&place, &file.remote, staging, progress, cancel)?
            }
        });
    }
    Ok(taken)
}

/// Where a file of a pack lies in a folder: as in its archive, bare, or in a folder called like the pack.
fn at_hand(folder: &Path, pack: &str, file: &EntryFile) -> Option<PathBuf> {
    let name = &file.remote.name;
    let member = file.member.as_ref().unwrap_or(name);
    let places = [folder.join(member), folder.join(name), folder.join(pack).join(name)];
    places.into_iter().find(|place| place.is_file())
}

/// A folder, or an archive; a folder that holds the archive of `entry`, and not all of its files, is as good as that archive.
pub(super) fn open_source(path: &Path, entry: Option<&Entry>) -> Result<Origin, InstallError> {
    let facts = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => InstallError::NoSource { path: path.to_owned() },
        _ => InstallError::Disk { path: path.to_owned(), source: error },
    })?;
    if !facts.is_dir() {
        return Archive::open(path).map(Origin::Archive).map_err(|error| match error {
            FetchError::Archive { path, why } => InstallError::NoPack { path, why },
            other => other.into(),
        });
    }
    let Some(entry) = entry else { return Ok(Origin::Folder(path.to_owned())) };
    let whole = entry.files.iter().all(|file| at_hand(path, &entry.name, file).is_some());
    let archive = entry.archive.as_ref().map(|archive| path.join(&archive.name));
    match archive.filter(|archive| !whole && archive.is_file()) {
        Some(archive) => Ok(Origin::Archive(Archive::open(&archive)?)),
        None => Ok(Origin::Folder(path.to_owned())),
    }
}

/// The text of the `pack.toml`, and the folder it lies in within its archive, with a slash behind.
pub(super) fn manifest_of(source: &mut Origin, path: &Path) -> Result<(String, String), InstallError> {
    let missing = || InstallError::NotThere { path: path.to_owned(), what: format!("a {MANIFEST}") };
    match source {
        Origin::Folder(folder) => {
            let path = folder.join(MANIFEST);
            let text = match fs::read_to_string(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
                other => other.map_err(|source| PackError::Unreadable { path, source })?,
            };
            Ok((text, String::new()))
        }
        Origin::Archive(archive) => {
            // The one that lies highest.
            let found = archive.members().iter().filter(|member| member.file_name() == MANIFEST);
            let member = found.min_by_key(|member| member.name.len()).cloned().ok_or_else(missing)?;
            let inside = member.name.strip_suffix(MANIFEST).unwrap_or_default().to_owned();
            Ok((archive.text(&member, LARGEST_MANIFEST)?, inside))
        }
    }
}
