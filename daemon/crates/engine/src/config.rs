//! What an engine is started with. Reading files, flags and the environment is left to the binary.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use vow_infer::{Provider, ProviderChoice, RuntimeChoice, Tuning};
use vow_machine::View;
use vow_media::Limits;
use vow_types::num::len_u64;

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
    /// Cores to be busy with photos at most: as many threads at most run models, and as many take on photos, of which
    /// each works or waits for a model. A photo that comes in has a thread of its own besides. `None`: no such bound, and
    /// as many photos are taken on as keep the models busy.
    pub max_cores: Option<NonZeroUsize>,
    /// Bytes that the whole process should stay below: what models and people take is measured after loading, the rest
    /// is for photos on their way, from the reading of a file to the commit of its faces, at least [`LEAST_PICTURES`]: seven
    /// tenths for pictures, a fifth for files, a tenth for faces. `None`: [`MOST_PICTURES`], whatever the models take, and
    /// more where more photos are on their way at a time than fit into it (many cores, a graphics card's batches), up to a
    /// quarter of the machine's memory; but [`MOST_WITH_BATCHES`] for all of it where batches are asked for on a processor. Of each
    /// part some is kept for photos that come in just now, at most a third. A picture larger than what is left is decoded
    /// while no other of the backlog is. Batches on a processor are made smaller to keep to it, and then fewer threads run models.
    pub max_memory: Option<u64>,
    /// What a single file may ask for.
    pub limits: Limits,
    /// How often all folders are compared with the store, events or not.
    pub scan_every: Duration,
    /// Niceness of the threads that work on the backlog, 0 to 19; their I/O follows it.
    pub nice: u8,
    /// °C of the graphics card above which indexing stands still until it has cooled; `None`: it never does.
    pub gpu_ceiling: Option<u32>,
    /// Whether the backlog is worked on while the machine runs on its battery. New photos are in any case.
    pub backlog_on_battery: bool,
    /// Whether a pause that the user asked for before the start holds.
    pub obey_pause: bool,
    /// Where the machine's `/proc` and `/sys` are: `/`, but for tests.
    pub machine_root: PathBuf,
}

/// Bytes for decoded pictures where nothing else is said.
pub const MOST_PICTURES: u64 = 512 << 20;
/// Bytes for one photo on its way: a file of some 3 MB, and 12 megapixels decoded at half their size. With less, a card that takes
/// 32 at a time waits for photos whose threads wait for memory: an H100 and 16 cores were a third idle.
const A_PHOTO: u64 = 16 << 20;
/// Bytes that the whole process should stay below with batches on a processor, where nothing else is said: they gain nothing
/// there, and must not cost what a program may take that runs beside others.
pub const MOST_WITH_BATCHES: u64 = 500_000_000;
/// Bytes for decoded pictures, however little is left for them: one of most cameras' photos.
pub const LEAST_PICTURES: u64 = 64 << 20;

impl Config {
    /// As it can be followed on this machine: see [`Self::held_to`].
    pub(crate) fn on_this_machine(&self) -> Self {
        self.held_to(View::new(&self.machine_root).memory())
    }

    /// With [`Self::max_memory`] no larger than `there`, what the machine has or lets the process have. The log says so where
    /// that is less than was asked for: whoever relied on more would be ended by the kernel.
    fn held_to(&self, there: Option<u64>) -> Self {
        let mut config = self.clone();
        if let Some((asked, there)) = self.max_memory.zip(there).filter(|(asked, there)| asked > there) {
            let mib = |bytes: u64| bytes >> 20;
            tracing::warn!(
                asked_mib = mib(asked),
                there_mib = mib(there),
                "max_memory is more than this machine has or lets the daemon have, and is held to that"
            );
            config.max_memory = Some(there);
        }
        config
    }

    /// Threads that run models, and that look for faces side by side.
    pub(crate) fn cores(&self) -> NonZeroUsize {
        self.max_cores.map_or(self.threads, |most| most.min(self.threads))
    }

    /// Threads that take on photos, where `wanted` would keep the models busy.
    pub(crate) fn photo_threads(&self, wanted: usize) -> usize {
        self.max_cores.map_or(wanted, NonZeroUsize::get)
    }

    /// How the networks are run on such a provider. On a processor they keep to what the process should stay below with no photo
    /// on its way.
    pub(crate) fn tuning(&self, provider: Provider) -> Tuning {
        Tuning {
            batch: self.batch.map(NonZeroUsize::get),
            process_memory: self.most_memory(provider).map(|most| most.saturating_sub(LEAST_PICTURES)),
            device_memory: self.device_memory,
            idle_after: self.unload_after,
            ..Tuning::new(self.cores().get())
        }
    }

    /// Bytes that the whole process should stay below, where there is such a bound.
    fn most_memory(&self, provider: Provider) -> Option<u64> {
        let batches = self.batch.is_some_and(|batch| batch > NonZeroUsize::MIN) && provider == Provider::Cpu;
        self.max_memory.or(batches.then_some(MOST_WITH_BATCHES))
    }

    /// Bytes for photos on their way in a process that holds `resident` bytes once everything is loaded, here, where `at_once` of
    /// them are wanted at a time; many are content with a quarter of the machine's memory, unless more is said.
    pub(crate) fn picture_budget(&self, resident: u64, provider: Provider, at_once: usize) -> u64 {
        let quarter = View::new(&self.machine_root).memory().map_or(u64::MAX, |there| there / 4);
        let unsaid = MOST_PICTURES.max(len_u64(at_once).saturating_mul(A_PHOTO).min(quarter));
        self.most_memory(provider).map_or(unsaid, |most| most.saturating_sub(resident).max(LEAST_PICTURES))
    }

    /// The defaults for a data folder: the bundled pack, any runtime, all cores, memory for the photos that are wanted at a
    /// time, and a backlog that steps back for everybody else.
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
            max_cores: None,
            max_memory: None,
            limits: Limits::default(),
            scan_every: Duration::from_secs(3600),
            nice: 10,
            gpu_ceiling: Some(87),
            backlog_on_battery: false,
            obey_pause: true,
            machine_root: PathBuf::from("/"),
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

    #[test]
    fn a_crew_of_no_more_than_the_cores_allowed() {
        let mut config = Config::new(PathBuf::from("data"));
        config.threads = NonZeroUsize::new(8).unwrap();
        assert_eq!((config.cores().get(), config.photo_threads(9)), (8, 9));
        config.max_cores = NonZeroUsize::new(3);
        assert_eq!((config.cores().get(), config.photo_threads(9)), (3, 3));
        config.threads = NonZeroUsize::MIN;
        assert_eq!((config.cores().get(), config.photo_threads(2)), (1, 3));
    }

    #[test]
    fn pictures_get_what_the_models_leave() {
        let machine = tempfile::tempdir().unwrap();
        std::fs::create_dir(machine.path().join("proc")).unwrap();
        let has = |kib: u64| {
            let text = format!("MemTotal: {kib} kB\nMemAvailable: {kib} kB\n");
            std::fs::write(machine.path().join("proc/meminfo"), text).unwrap();
        };
        let mut config = Config::new(PathBuf::from("data"));
        config.machine_root = machine.path().to_owned();
        has(16 << 20);
        assert_eq!(config.picture_budget(3 << 30, Provider::Cpu, 3), MOST_PICTURES);
        assert_eq!(
            config.picture_budget(3 << 30, Provider::Cuda, 112),
            112 << 24,
            "three batches, and a photo for each of 16 cores"
        );
        has(4 << 20);
        assert_eq!(
            config.picture_budget(3 << 30, Provider::Cuda, 112),
            1 << 30,
            "a quarter of a small machine"
        );
        has(1 << 20);
        assert_eq!(config.picture_budget(3 << 30, Provider::Cuda, 112), MOST_PICTURES);
        config.max_memory = Some(500 << 20);
        assert_eq!(config.picture_budget(200 << 20, Provider::Cpu, 3), 300 << 20);
        assert_eq!(config.picture_budget(499 << 20, Provider::Cuda, 3), LEAST_PICTURES);
        assert_eq!(config.picture_budget(3 << 30, Provider::Cpu, 3), LEAST_PICTURES);
    }

    #[test]
    fn no_more_memory_than_there_is() {
        let mut config = Config::new(PathBuf::from("data"));
        assert_eq!(config.held_to(Some(1 << 30)).max_memory, None, "nothing was asked for");
        config.max_memory = Some(4 << 30);
        assert_eq!(config.held_to(None).max_memory, Some(4 << 30), "nothing is known");
        assert_eq!(config.held_to(Some(8 << 30)).max_memory, Some(4 << 30));
        let held = config.held_to(Some(3 << 30));
        assert_eq!(held.max_memory, Some(3 << 30));
        assert_eq!(held.picture_budget(1 << 30, Provider::Cpu, 3), 2 << 30);
        assert_eq!(held.tuning(Provider::Cuda).process_memory, Some((3 << 30) - LEAST_PICTURES));
    }

    /// Nobody has to set anything for the process to stay small.
    #[test]
    fn batches_on_a_processor_keep_the_process_small() {
        let mut config = Config::new(PathBuf::from("data"));
        config.batch = NonZeroUsize::new(8);
        assert_eq!(config.picture_budget(200_000_000, Provider::Cpu, 3), MOST_WITH_BATCHES - 200_000_000);
        assert_eq!(config.picture_budget(200_000_000, Provider::Cuda, 3), MOST_PICTURES);
        assert_eq!(config.tuning(Provider::Cpu).process_memory, Some(MOST_WITH_BATCHES - LEAST_PICTURES));
        assert_eq!(config.tuning(Provider::Cuda).process_memory, None, "a card has its own");
        config.batch = NonZeroUsize::new(1);
        assert_eq!(config.tuning(Provider::Cpu).process_memory, None, "nothing was said");
        assert_eq!(config.picture_budget(200_000_000, Provider::Cpu, 3), MOST_PICTURES);

        config.batch = NonZeroUsize::new(8);
        config.max_memory = Some(2 << 30);
        assert_eq!(config.picture_budget(1 << 30, Provider::Cpu, 3), 1 << 30, "who says more gets more");
        assert_eq!(config.tuning(Provider::Cpu).process_memory, Some((2 << 30) - LEAST_PICTURES));
    }
}
