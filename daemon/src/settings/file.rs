//! The configuration file: which keys there are, where it lies, reading it. What its values mean is `settings`'s.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::home;

/// The configuration file. A key that is not here is a mistake, not ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) folders: Option<Vec<PathBuf>>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) socket: Option<PathBuf>,
    pub(super) pack: Option<String>,
    pub(super) runtime: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) catalog: Option<PathBuf>,
    pub(super) threads: Option<u32>,
    pub(super) batch: Option<u32>,
    pub(super) gpu_memory_mb: Option<u32>,
    pub(super) unload_minutes: Option<u32>,
    pub(super) max_cpu: Option<u32>,
    pub(super) max_memory: Option<u32>,
    pub(super) nice: Option<u32>,
    pub(super) gpu_ceiling: Option<NumberOrWord>,
    pub(super) on_battery: Option<String>,
    pub(super) metrics: Option<String>,
    pub(super) gallery: Option<String>,
    pub(super) scan_minutes: Option<u32>,
    pub(super) log: Option<String>,
}

/// `gpu_ceiling = 80` and `gpu_ceiling = "off"` both read well.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum NumberOrWord {
    Number(u32),
    Word(String),
}

pub(super) fn read_file(
    given: Option<PathBuf>,
    env: &impl Fn(&str) -> Option<OsString>,
    mistakes: &mut Vec<String>,
) -> File {
    let Some(path) = given.or_else(|| default_config(env)) else { return File::default() };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            mistakes.push(format!("the configuration file {} cannot be read: {error}", path.display()));
            return File::default();
        }
    };
    match toml::from_str::<File>(&text) {
        Ok(file) => file.beside(path.parent()),
        Err(error) => {
            mistakes.push(format!("the configuration file {}: {error}", path.display()));
            File::default()
        }
    }
}

impl File {
    /// Paths in the file are meant from where the file lies.
    fn beside(self, dir: Option<&Path>) -> Self {
        let Some(dir) = dir else { return self };
        let join = |path: PathBuf| dir.join(path);
        Self {
            folders: self.folders.map(|folders| folders.into_iter().map(join).collect()),
            data_dir: self.data_dir.map(join),
            socket: self.socket.map(join),
            catalog: self.catalog.map(join),
            ..self
        }
    }
}

fn default_config(env: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let base = env("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home(env)?.join(".config")))?;
    Some(base.join("vowimager/vowd.toml")).filter(|path| path.exists())
}
