//! The packs of one data folder: which are there, bringing one in, taking one out.
//!
//! What comes from the network lies in `downloads/NAME` until its pack has its place, so that whoever tries again begins where the
//! last attempt ended. A pack is put together beside its place, as `packs/.NAME.new`, and verified as a whole ([`Staged`]), which is
//! when whoever runs packs can still refuse it. It gets its place by one rename: it is there and right, or not there. That last
//! step is in [`place`].

mod error;
mod installed;
mod origin;
mod place;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use vow_fetch::{Archive, Cancel, FetchError, Fetched, Fetcher, Progress, Remote, Sum};

pub use error::InstallError;
pub use installed::Installed;
use installed::look;
use origin::{Origin, manifest_of, open_source, take};
pub use place::Staged;

use crate::catalog::{Catalog, Entry, EntryFile, STARTER};
use crate::held::Held;
use crate::manifest::Manifest;
use crate::names::is_pack_name;
use crate::pack::MANIFEST;
use crate::{Pack, PackError, PackLocation};

/// What somebody agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consent {
    /// The licence of a pack that is not for commercial use.
    pub licence: bool,
    /// Files whose sums nobody has confirmed.
    pub unconfirmed: bool,
}

/// The packs of one data folder. One installation at a time: that is for the caller to see to.
#[derive(Debug)]
pub struct Packs {
    catalog: Catalog,
    packs: PathBuf,
    downloads: PathBuf,
    fetcher: Fetcher,
}

impl Packs {
    /// Those of the data folder, which need not exist yet.
    #[must_use]
    pub fn new(data_dir: &Path, catalog: Catalog) -> Self {
        let (packs, downloads) = (data_dir.join("packs"), data_dir.join("downloads"));
        Self { catalog, packs, downloads, fetcher: Fetcher::default() }
    }

    /// What can be installed by name.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Where the pack of that name lies, or would.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        self.packs.join(name)
    }

    /// What is installed, by name. A folder that cannot be used is listed with the reason.
    ///
    /// # Errors
    /// When the folder of packs cannot be read.
    pub fn installed(&self) -> Result<Vec<Installed>, InstallError> {
        let entries = match fs::read_dir(&self.packs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(disk(&self.packs)(error)),
        };
        let mut installed = Vec::new();
        for entry in entries {
            let path = entry.map_err(disk(&self.packs))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && is_pack_name(&name) {
                installed.push(look(name, path));
            }
        }
        installed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(installed)
    }

    /// Puts a pack of the catalog together: from the network, or from a folder or zip archive that holds its files. One that
    /// is there already stays as it is until this one gets its [`place`](Self::place).
    ///
    /// # Errors
    /// Everything that [`InstallError`] says but `NotInstalled`.
    pub fn stage(
        &self,
        name: &str,
        from: Option<&Path>,
        consent: Consent,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<Staged, InstallError> {
        let Some(entry) = self.catalog.get(name) else { return Err(self.unknown(name)) };
        if entry.bundled {
            return Err(InstallError::Bundled);
        }
        if entry.non_commercial && !consent.licence {
            let (name, notice) = (entry.name.clone(), entry.notice.clone());
            return Err(InstallError::Licence { name, notice, url: entry.licence_url.clone() });
        }
        let held = Held::read(&self.packs)?;
        let mut files = entry.files.clone();
        for file in files.iter_mut().filter(|file| !file.confirmed) {
            if let Some(sum) = held.get(name, &file.remote.name) {
                (file.remote.sha256, file.confirmed) = (Some(sum), true);
            }
        }
        let open: Vec<String> =
            files.iter().filter(|file| !file.confirmed).map(|file| file.remote.name.clone()).collect();
        if !open.is_empty() && !consent.unconfirmed {
            return Err(InstallError::Unconfirmed { name: name.to_owned(), files: open });
        }
        self.put_together(name, |staging| {
            let fetched = match from {
                None => self.download(entry, &files, staging, progress, cancel)?,
                Some(path) => {
                    take(&mut open_source(path, Some(entry))?, name, &files, staging, progress, cancel)?
                }
            };
            let mut manifest = entry.manifest.clone();
            for (file, fetched) in files.iter().zip(&fetched) {
                record(&mut manifest, &file.remote.name, &file.remote.name, fetched);
            }
            let on_trust = files.iter().zip(&fetched).filter(|(file, _)| !file.confirmed);
            let on_trust =
                on_trust.map(|(file, fetched)| (file.remote.name.clone(), fetched.sha256)).collect();
            complete(staging, &manifest, &terms(entry))?;
            Ok(on_trust)
        })
    }

    /// Puts a pack of one's own together, from a folder or zip archive with a `pack.toml`.
    ///
    /// # Errors
    /// As [`Self::stage`].
    pub fn stage_own(
        &self,
        from: &Path,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<Staged, InstallError> {
        let mut source = open_source(from, None)?;
        let (text, inside) = manifest_of(&mut source, from)?;
        let location = || PackLocation::Folder(from.to_owned());
        let mut table: Table = text
            .parse()
            .map_err(|error| PackError::Syntax { location: location(), source: Box::new(error) })?;
        let (manifest, mistakes) = Manifest::read(&table);
        if !mistakes.is_empty() {
            return Err(PackError::Mistakes { location: location(), mistakes }.into());
        }
        let name = manifest.name;
        let refuse = |why| InstallError::BadName { name: name.clone(), why };
        if !is_pack_name(&name) {
            return Err(refuse("a name is 1 to 64 letters, digits, points, dashes and underlines"));
        }
        if self.catalog.get(&name).is_some() {
            return Err(refuse("that is the name of a pack in the catalog"));
        }
        let mut files = Vec::new();
        for (role, file) in
            [("detector.onnx", manifest.detector_file), ("embedder.onnx", manifest.embedder_file)]
        {
            let sha256 = file.sha256.as_deref().and_then(|text| text.parse().ok());
            let remote = Remote { name: role.to_owned(), urls: Vec::new(), size: None, sha256 };
            let member = Some(format!("{inside}{}", file.name));
            files.push((file.name, EntryFile { remote, member, confirmed: true }));
        }
        let wanted: Vec<EntryFile> = files.iter().map(|(_, file)| file.clone()).collect();
        self.put_together(&name, |staging| {
            let fetched = take(&mut source, &name, &wanted, staging, progress, cancel)?;
            // Both roles may name the same file, so each is recorded in its own table.
            for (((_, file), fetched), role) in files.iter().zip(&fetched).zip(["detector", "embedder"]) {
                if let Some(Value::Table(table)) = table.get_mut(role) {
                    table.insert("file".to_owned(), Value::String(file.remote.name.clone()));
                    table.insert("sha256".to_owned(), Value::String(fetched.sha256.to_string()));
                }
            }
            let source = manifest.source.map(|text| format!("Source: {text}\n")).unwrap_or_default();
            let terms = format!("{name} {}\nLicence: {}\n{source}", manifest.version, manifest.licence);
            complete(staging, &table, &terms)?;
            Ok(Vec::new())
        })
    }

    /// Deletes an installed pack. What it found in photos stays in the store.
    ///
    /// # Errors
    /// When it is not installed or cannot be deleted.
    pub fn remove(&self, name: &str) -> Result<(), InstallError> {
        let path = self.folder(name);
        if !is_pack_name(name) || !path.is_dir() {
            let bundled = name == STARTER;
            return Err(if bundled {
                InstallError::Bundled
            } else {
                InstallError::NotInstalled(name.to_owned())
            });
        }
        // Away at once, deleted afterwards: nobody sees half a pack.
        let away = self.packs.join(format!(".{name}.old"));
        clear(&away)?;
        fs::rename(&path, &away).map_err(disk(&path))?;
        clear(&away)
    }

    fn unknown(&self, name: &str) -> InstallError {
        let known = self.catalog.entries().iter().map(|entry| entry.name.clone()).collect();
        InstallError::Unknown { name: name.to_owned(), known }
    }

    /// Puts a pack together in an empty folder: on the file system of its place, and no pack is called like that. `fill` gives
    /// the sums that are taken on trust. Nothing is left of what fails.
    fn put_together(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<Vec<(String, Sum)>, InstallError>,
    ) -> Result<Staged, InstallError> {
        let folder = self.packs.join(format!(".{name}.new"));
        clear(&folder)?;
        fs::create_dir_all(&folder).map_err(disk(&folder))?;
        match fill(&folder) {
            Ok(on_trust) => Ok(Staged { name: name.to_owned(), folder, on_trust }),
            Err(error) => {
                // The error at hand says more than one about that would.
                let _ = clear(&folder);
                Err(error)
            }
        }
    }

    /// Where what comes from the network for a pack is kept.
    fn fetched(&self, name: &str) -> PathBuf {
        self.downloads.join(name)
    }

    /// The publisher's archive first; when it cannot be had, file by file from the mirrors.
    fn download(
        &self,
        entry: &Entry,
        files: &[EntryFile],
        staging: &Path,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<Vec<Fetched>, InstallError> {
        // Kept apart by pack: two packs may call different files the same.
        let folder = self.fetched(&entry.name);
        let mut first = None;
        if let Some(remote) = &entry.archive {
            match self.fetcher.fetch(remote, &folder, progress, cancel) {
                Ok(fetched) => {
                    let mut source = Origin::Archive(Archive::open(&fetched.path)?);
                    return take(&mut source, &entry.name, files, staging, progress, cancel);
                }
                Err(error @ FetchError::Unreachable { .. }) => {
                    if files.iter().any(|file| file.remote.urls.is_empty()) {
                        return Err(error.into());
                    }
                    first = Some(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut fetched = Vec::new();
        for file in files {
            match self.fetcher.fetch(&file.remote, &folder, progress, cancel) {
                Ok(one) => fetched.push(one),
                Err(FetchError::Unreachable { name, mut tried }) => {
                    if let Some(FetchError::Unreachable { tried: earlier, .. }) = first {
                        tried.splice(0..0, earlier);
                    }
                    return Err(FetchError::Unreachable { name, tried }.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        // Not before all are there: what is in `staging` is gone when one cannot be had.
        for (one, file) in fetched.iter_mut().zip(files) {
            let path = staging.join(&file.remote.name);
            match fs::rename(&one.path, &path) {
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    *one = vow_fetch::copy(&one.path, &file.remote, staging, progress, cancel)?;
                }
                moved => {
                    moved.map_err(disk(&path))?;
                    one.path = path;
                }
            }
        }
        Ok(fetched)
    }
}

/// Writes what is not a graph beside the graphs, and verifies the whole.
fn complete(folder: &Path, manifest: &Table, terms: &str) -> Result<(), InstallError> {
    for (file, text) in [(MANIFEST, manifest.to_string()), ("LICENCE.txt", terms.to_owned())] {
        let path = folder.join(file);
        fs::write(&path, text).and_then(|()| fs::File::open(&path)?.sync_all()).map_err(disk(&path))?;
    }
    Pack::load(folder)?;
    Ok(())
}

/// Notes in the manifest which file this is now, and its sum.
fn record(manifest: &mut Table, named: &str, name: &str, fetched: &Fetched) {
    for role in ["detector", "embedder"] {
        if let Some(Value::Table(table)) = manifest.get_mut(role)
            && table.get("file").and_then(Value::as_str) == Some(named)
        {
            table.insert("file".to_owned(), Value::String(name.to_owned()));
            table.insert("sha256".to_owned(), Value::String(fetched.sha256.to_string()));
        }
    }
}

fn terms(entry: &Entry) -> String {
    let url = entry.licence_url.as_deref().unwrap_or_default();
    format!("{} {}\nLicence: {}\n{url}\n\n{}\n", entry.name, entry.version, entry.licence, entry.notice)
}

/// Deletes a folder with all that is in it, if it is there.
fn clear(path: &Path) -> Result<(), InstallError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(path)(error)),
        _ => Ok(()),
    }
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    let path = path.to_owned();
    move |source| InstallError::Disk { path, source }
}

#[cfg(test)]
mod tests;
