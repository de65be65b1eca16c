//! Sums that were taken on trust once and are held from then on: `packs/held.toml`, `"pack/file" = "sum"`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use vow_fetch::Sum;

use crate::InstallError;

/// The sums held in one data folder.
#[derive(Debug)]
pub(crate) struct Held {
    path: PathBuf,
    sums: Table,
}

impl Held {
    /// Those of a `packs` folder; it need not exist.
    pub(crate) fn read(packs: &Path) -> Result<Self, InstallError> {
        let path = packs.join("held.toml");
        let sums = match fs::read_to_string(&path) {
            Ok(text) => text.parse().map_err(|error: toml::de::Error| InstallError::Held {
                path: path.clone(),
                reason: error.to_string(),
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Table::new(),
            Err(source) => return Err(InstallError::Disk { path, source }),
        };
        Ok(Self { path, sums })
    }

    pub(crate) fn get(&self, pack: &str, file: &str) -> Option<Sum> {
        self.sums.get(&key(pack, file))?.as_str()?.parse().ok()
    }

    /// Holds a sum, on disk when this returns.
    pub(crate) fn hold(&mut self, pack: &str, file: &str, sum: Sum) -> Result<(), InstallError> {
        self.sums.insert(key(pack, file), Value::String(sum.to_string()));
        let fresh = self.path.with_extension("toml.new");
        fs::write(&fresh, self.sums.to_string())
            .and_then(|()| fs::File::open(&fresh)?.sync_all())
            .and_then(|()| fs::rename(&fresh, &self.path))
            .map_err(|source| InstallError::Disk { path: self.path.clone(), source })
    }
}

fn key(pack: &str, file: &str) -> String {
    format!("{pack}/{file}")
}
