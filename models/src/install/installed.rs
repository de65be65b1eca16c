//! What is installed under a name, as far as its manifest and the names of its files tell. Whether the graphs are right is
//! `Pack::load`'s to say.

use std::fs;
use std::path::PathBuf;

use toml::Table;

use crate::manifest::Manifest;
use crate::pack::MANIFEST;

/// A pack in the data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its name, and its folder's.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence in short.
    pub licence: String,
    /// Length of its embeddings.
    pub dimension: u32,
    /// Its folder.
    pub path: PathBuf,
    /// Why it cannot be used, if so; the other fields but name and path mean nothing then.
    pub problem: Option<String>,
}

/// What a folder of packs holds under a name. The graphs are not read: that would take seconds.
pub(super) fn look(name: String, path: PathBuf) -> Installed {
    let manifest = fs::read_to_string(path.join(MANIFEST)).map_err(|error| format!("{MANIFEST}: {error}"));
    let read = manifest.and_then(|text| {
        let table: Table = text.parse().map_err(|error: toml::de::Error| format!("{MANIFEST}: {error}"))?;
        let (manifest, mistakes) = Manifest::read(&table);
        let files = [&manifest.detector_file.name, &manifest.embedder_file.name];
        let missing = files.into_iter().find(|file| !path.join(file).is_file());
        match (mistakes.first(), missing) {
            (Some(mistake), _) => Err(format!("{MANIFEST}: {mistake}")),
            (None, Some(file)) => Err(format!("{file} is missing")),
            (None, None) => Ok(manifest),
        }
    });
    match read {
        Ok(Manifest { version, licence, embedder, .. }) => {
            Installed { name, version, licence, dimension: embedder.dimension, path, problem: None }
        }
        Err(problem) => {
            let (version, licence) = (String::new(), String::new());
            Installed { name, version, licence, dimension: 0, path, problem: Some(problem) }
        }
    }
}
