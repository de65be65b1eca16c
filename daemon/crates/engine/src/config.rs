//! What an engine is started with. Reading files, flags and the environment is left to the binary.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use vow_infer::{ProviderChoice, RuntimeChoice};
use vow_media::Limits;

/// Which model pack to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackChoice {
    /// A folder with a `pack.toml`.
    Folder(PathBuf),
    /// A pack by name: a folder of that name below `packs/` in the data folder, or the one that is bundled.
    Named(String),
}

impl FromStr for PackChoice {
    type Err = std::convert::Infallible;

    /// A text with a path separator, or `.` or `..`, is a folder; anything else a name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_path = text.contains(std::path::MAIN_SEPARATOR) || text == "." || text == "..";
        Ok(if is_path { Self::Folder(PathBuf::from(text)) } else { Self::Named(text.to_owned()) })
    }
}

/// Settings of one engine.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the store, the index, installed packs and runtimes lie. Created when missing.
    pub data_dir: PathBuf,
    /// The models.
    pub pack: PackChoice,
    /// What runs them.
    pub runtime: RuntimeChoice,
    /// What they run on.
    pub provider: ProviderChoice,
    /// Threads that run models, one photo each; as many as cores is best on a CPU.
    pub threads: NonZeroUsize,
    /// Pictures that a model takes at once, at most; `None` for what suits the provider.
    pub batch: Option<NonZeroUsize>,
    /// Bytes of a GPU's memory for the models; `None` for as many as there are.
    pub device_memory: Option<u64>,
    /// Models that have not been needed for so long are unloaded until they are.
    pub unload_after: Duration,
    /// Bytes of decoded pictures held at once, over all threads. A larger picture is decoded alone.
    pub memory: u64,
    /// What a single file may ask for.
    pub limits: Limits,
    /// How often all folders are compared with the store, events or not.
    pub scan_every: Duration,
}

impl Config {
    /// The defaults for a data folder: the bundled pack, any runtime, all cores, 512 MiB of pictures in flight.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            pack: PackChoice::Named("starter".to_owned()),
            runtime: RuntimeChoice::Auto,
            provider: ProviderChoice::Auto,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            batch: None,
            device_memory: None,
            unload_after: Duration::from_secs(300),
            memory: 512 << 20,
            limits: Limits::default(),
            scan_every: Duration::from_secs(3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_makes_a_path() {
        let choice = |text: &str| text.parse::<PackChoice>().unwrap();
        assert_eq!(choice("buffalo_l"), PackChoice::Named("buffalo_l".into()));
        assert_eq!(choice("./buffalo_l"), PackChoice::Folder("./buffalo_l".into()));
        assert_eq!(choice(".."), PackChoice::Folder("..".into()));
    }
}
