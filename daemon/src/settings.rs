//! From command line, environment and configuration file to settings. Every mistake is found before anything starts.
//!
//! A flag wins over the environment, the environment over the file, the file over the default.

mod file;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use vow_depot::{Catalog, InUse};
use vow_engine::{Config, ProviderChoice, RuntimeChoice};

use file::{NumberOrWord, read_file};

use crate::config::{Args, ReportForm};

/// Everything the daemon is started with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) engine: Config,
    /// The packs that can be installed.
    pub(crate) catalog: Catalog,
    /// Who named pack and runtime.
    pub(crate) in_use: InUse,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) socket: PathBuf,
    /// How `vow` is called so that it finds this daemon.
    pub(crate) client: String,
    pub(crate) once: bool,
    pub(crate) report: ReportForm,
    pub(crate) plot: Option<PathBuf>,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) gallery: GalleryPlace,
    pub(crate) log: String,
}

/// Where the gallery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GalleryPlace {
    /// At its usual place, or wherever there is room.
    Usual,
    /// There and nowhere else.
    At(SocketAddr),
    Off,
}

impl Settings {
    /// Puts the settings together; `env` gives the value of an environment variable.
    ///
    /// # Errors
    /// Every mistake, each a sentence.
    pub(crate) fn gather(args: Args, env: impl Fn(&str) -> Option<OsString>) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let env_path = |name: &str| env(name).map(PathBuf::from);
        let file = read_file(args.config.or_else(|| env_path("VOW_CONFIG")), &env, &mut mistakes);
        let mut text = |name: &str| {
            let value = env(name)?;
            value.into_string().map_err(|_| mistakes.push(format!("{name} is not valid UTF-8"))).ok()
        };
        let in_file = "the configuration file";
        let pack = from(args.pack, "--pack").or_else(|| from(text("VOW_PACK"), "VOW_PACK"));
        let pack = pack.or_else(|| from(file.pack, in_file));
        let runtime = from(args.runtime, "--runtime").or_else(|| from(text("VOW_RUNTIME"), "VOW_RUNTIME"));
        let runtime = runtime.or_else(|| from(file.runtime, in_file));
        let provider = args.provider.or_else(|| text("VOW_PROVIDER")).or(file.provider);
        let log = args.log.or_else(|| text("VOW_LOG")).or(file.log).unwrap_or_else(|| "info".to_owned());
        let threads = from(args.threads, "--threads").or_else(|| from(text("VOW_THREADS"), "VOW_THREADS"));
        let batch = from(args.batch, "--batch").or_else(|| from(text("VOW_BATCH"), "VOW_BATCH"));
        let gpu_memory = from(args.gpu_memory_mb, "--gpu-memory-mb")
            .or_else(|| from(text("VOW_GPU_MEMORY_MB"), "VOW_GPU_MEMORY_MB"));
        let max_cpu = from(args.max_cpu, "--max-cpu").or_else(|| from(text("VOW_MAX_CPU"), "VOW_MAX_CPU"));
        let memory =
            from(args.max_memory, "--max-memory").or_else(|| from(text("VOW_MAX_MEMORY"), "VOW_MAX_MEMORY"));
        let nice = from(args.nice, "--nice").or_else(|| from(text("VOW_NICE"), "VOW_NICE"));
        let ceiling = args.gpu_ceiling.or_else(|| text("VOW_GPU_CEILING"));
        let ceiling = ceiling.map(NumberOrWord::Word).or(file.gpu_ceiling);
        let on_battery = args.on_battery.or_else(|| text("VOW_ON_BATTERY")).or(file.on_battery);
        let metrics = args.metrics.or_else(|| text("VOW_METRICS")).or(file.metrics);
        let gallery = args.gallery.or_else(|| text("VOW_GALLERY")).or(file.gallery);

        let data_dir = args.data_dir.or_else(|| env_path("VOW_DATA_DIR")).or(file.data_dir);
        let data_dir = data_dir.or_else(|| default_data_dir(&env));
        if data_dir.is_none() {
            mistakes.push(
                "no place for the data: neither XDG_DATA_HOME nor HOME is set; give one with --data-dir DIR"
                    .to_owned(),
            );
        }
        let data_dir = data_dir.unwrap_or_default();
        let socket = args.socket.or_else(|| env_path("VOW_SOCKET")).or(file.socket);

        let catalog = Catalog::builtin().and_then(|catalog| {
            match args.catalog.or_else(|| env_path("VOW_CATALOG")).or(file.catalog) {
                Some(own) => catalog.with(&own),
                None => Ok(catalog),
            }
        });
        let catalog = catalog.map_err(|error| mistakes.push(error.to_string())).ok();

        let mut engine = Config::new(data_dir.clone());
        let mut in_use = InUse::default();
        let pack = match pack {
            Some((pack, by)) => {
                in_use.pack_named_by = Some(by.to_owned());
                Some(pack)
            }
            None => vow_depot::chosen(&data_dir).unwrap_or_else(|error| {
                mistakes.push(error.to_string());
                None
            }),
        };
        in_use.pack = pack.unwrap_or_else(|| vow_depot::STARTER.to_owned());
        match in_use.pack.parse() {
            Ok(pack) => engine.pack = pack,
            Err(never) => match never {},
        }
        if let Some((runtime, by)) = runtime {
            match runtime.parse::<RuntimeChoice>() {
                Ok(RuntimeChoice::Auto) => {}
                Ok(runtime) => {
                    engine.runtime = runtime;
                    in_use.runtime_named_by = Some(by.to_owned());
                }
                Err(error) => mistakes.push(format!("runtime: {error}")),
            }
        }
        if let Some(provider) = provider {
            match provider.parse::<ProviderChoice>() {
                Ok(provider) => engine.provider = provider,
                Err(error) => mistakes.push(format!("provider: {error}")),
            }
        }
        if let Some(mib) = number(memory, "max_memory", file.max_memory, 16..=1 << 24, &mut mistakes) {
            engine.max_memory = Some(u64::from(mib) << 20);
        }
        let max_cpu = number(max_cpu, "max_cpu", file.max_cpu, 1..=100, &mut mistakes);
        if let Some(percent) = max_cpu.and_then(|percent| u8::try_from(percent).ok()) {
            engine.max_cores = Some(vow_machine::share_of(engine.threads, percent));
        }
        // What the runtime's own search looks at first.
        let variable = ["VOW_ORT", "ORT_DYLIB_PATH"].into_iter().find(|name| env(name).is_some());
        if in_use.runtime_named_by.is_none() {
            in_use.runtime_named_by = variable.map(str::to_owned);
        }
        if let Some(threads) = number(threads, "threads", file.threads, 1..=1024, &mut mistakes) {
            engine.threads =
                usize::try_from(threads).ok().and_then(NonZeroUsize::new).unwrap_or(engine.threads);
        }
        if let Some(batch) = number(batch, "batch", file.batch, 1..=1024, &mut mistakes) {
            engine.batch = usize::try_from(batch).ok().and_then(NonZeroUsize::new);
        }
        let gpu_mib = number(gpu_memory, "gpu_memory_mb", file.gpu_memory_mb, 64..=1 << 20, &mut mistakes);
        engine.device_memory = gpu_mib.map(|mib| u64::from(mib) << 20);
        let minutes = number(None, "unload_minutes", file.unload_minutes, 1..=525_600, &mut mistakes);
        if let Some(minutes) = minutes {
            engine.unload_after = Duration::from_secs(u64::from(minutes) * 60);
        }
        if let Some(nice) = number(nice, "nice", file.nice, 0..=19, &mut mistakes) {
            engine.nice = u8::try_from(nice).unwrap_or(engine.nice);
        }
        if let Some(given) = ceiling {
            match ceiling_of(&given) {
                Ok(ceiling) => engine.gpu_ceiling = ceiling,
                Err(mistake) => mistakes.push(mistake),
            }
        }
        match on_battery.as_deref() {
            None | Some("live") => {}
            Some("all") => engine.backlog_on_battery = true,
            Some(other) => mistakes.push(format!("on_battery: `{other}` is neither live nor all")),
        }
        let metrics = metrics.and_then(|text| loopback("metrics", &text, 9464, &mut mistakes));
        let gallery = match gallery.as_deref() {
            None => GalleryPlace::Usual,
            Some("off") => GalleryPlace::Off,
            Some(text) => {
                let port = vow_serve::Gallery::PORT;
                loopback("gallery", text, port, &mut mistakes).map_or(GalleryPlace::Off, GalleryPlace::At)
            }
        };
        // Whoever asks for one run means now, whatever was paused, and on whatever power.
        engine.obey_pause = !args.once;
        engine.backlog_on_battery |= args.once;
        if let Some(minutes) = number(None, "scan_minutes", file.scan_minutes, 1..=525_600, &mut mistakes) {
            engine.scan_every = Duration::from_secs(u64::from(minutes) * 60);
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log) {
            mistakes.push(format!("log: `{log}` is no filter: {error}"));
        }
        let mut folders = args.folders;
        folders.extend(file.folders.into_iter().flatten());
        for folder in &folders {
            match std::fs::metadata(folder) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => mistakes.push(format!("{} is not a folder", folder.display())),
                Err(error) => {
                    mistakes.push(format!("the folder {} cannot be used: {error}", folder.display()))
                }
            }
        }
        let Some(catalog) = catalog.filter(|_| mistakes.is_empty()) else { return Err(mistakes) };
        let socket = socket.unwrap_or_else(|| crate::default_socket(&data_dir));
        // Where nothing is said the client looks by itself; of our environment somebody else's shell knows nothing.
        let usual = default_data_dir(&env).map(|data_dir| crate::default_socket(&data_dir));
        let client = if usual.as_ref() == Some(&socket) {
            "vow".to_owned()
        } else {
            format!("vow --socket {}", socket.display())
        };
        let report = args.report.unwrap_or_default();
        Ok(Self {
            engine,
            catalog,
            in_use,
            folders,
            socket,
            client,
            once: args.once,
            report,
            plot: args.plot,
            metrics,
            gallery,
            log,
        })
    }
}

/// An address that nobody but this machine reaches.
fn loopback(key: &str, text: &str, usual: u16, mistakes: &mut Vec<String>) -> Option<SocketAddr> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return Some(address),
        Ok(_) => mistakes.push(format!(
            "{key}: `{text}` is no loopback address such as 127.0.0.1:{usual}; it is served on this machine only"
        )),
        Err(_) => {
            mistakes.push(format!("{key}: `{text}` is no address and port such as 127.0.0.1:{usual}"))
        }
    }
    None
}

/// A temperature ceiling, or none.
fn ceiling_of(given: &NumberOrWord) -> Result<Option<u32>, String> {
    let text = match given {
        NumberOrWord::Number(number) => number.to_string(),
        NumberOrWord::Word(word) => word.trim().to_owned(),
    };
    match text.parse::<u32>() {
        Ok(celsius) if (40..=120).contains(&celsius) => Ok(Some(celsius)),
        _ if text == "off" => Ok(None),
        _ => Err(format!("gpu_ceiling: `{text}` is neither off nor a whole number of °C from 40 to 120")),
    }
}

/// A value with the name of where it was given.
type Given = Option<(String, &'static str)>;

fn from(value: Option<String>, source: &'static str) -> Given {
    value.map(|value| (value, source))
}

fn number(
    given: Given,
    key: &str,
    file: Option<u32>,
    allowed: std::ops::RangeInclusive<u32>,
    mistakes: &mut Vec<String>,
) -> Option<u32> {
    let (text, source) = match (given, file) {
        (Some((text, source)), _) => (text, source),
        (None, Some(value)) => (value.to_string(), key),
        (None, None) => return None,
    };
    match text.trim().parse::<u32>() {
        Ok(value) if allowed.contains(&value) => Some(value),
        _ => {
            let (least, most) = (allowed.start(), allowed.end());
            mistakes.push(format!("{source}: `{text}` is not a whole number from {least} to {most}"));
            None
        }
    }
}

fn default_data_dir(env: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let base = env("XDG_DATA_HOME").map(PathBuf::from).or_else(|| Some(home(env)?.join(".local/share")))?;
    Some(base.join("vowimager"))
}

fn home(env: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    env("HOME").map(PathBuf::from)
}

#[cfg(test)]
mod tests;
