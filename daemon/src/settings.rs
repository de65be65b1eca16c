//! From command line, environment and configuration file to settings. Every mistake is found before anything starts.
//!
//! A flag wins over the environment, the environment over the file, the file over the default.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use vow_depot::{Catalog, InUse};
use vow_engine::{Config, ProviderChoice, RuntimeChoice};

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
    pub(crate) once: bool,
    pub(crate) report: ReportForm,
    pub(crate) plot: Option<PathBuf>,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) log: String,
}

/// The configuration file. A key that is not here is a mistake, not ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    folders: Option<Vec<PathBuf>>,
    data_dir: Option<PathBuf>,
    socket: Option<PathBuf>,
    pack: Option<String>,
    runtime: Option<String>,
    provider: Option<String>,
    catalog: Option<PathBuf>,
    threads: Option<u32>,
    batch: Option<u32>,
    gpu_memory_mb: Option<u32>,
    unload_minutes: Option<u32>,
    max_cpu: Option<u32>,
    max_memory: Option<u32>,
    nice: Option<u32>,
    gpu_ceiling: Option<NumberOrWord>,
    on_battery: Option<String>,
    metrics: Option<String>,
    scan_minutes: Option<u32>,
    log: Option<String>,
}

/// `gpu_ceiling = 80` and `gpu_ceiling = "off"` both read well.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum NumberOrWord {
    Number(u32),
    Word(String),
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
        let metrics = metrics.and_then(|text| match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Some(address),
            Ok(_) => {
                let why = "they are served on this machine only";
                mistakes
                    .push(format!("metrics: `{text}` is no loopback address such as 127.0.0.1:9464; {why}"));
                None
            }
            Err(_) => {
                mistakes.push(format!("metrics: `{text}` is no address and port such as 127.0.0.1:9464"));
                None
            }
        });
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
        let report = args.report.unwrap_or_default();
        Ok(Self {
            engine,
            catalog,
            in_use,
            folders,
            socket,
            once: args.once,
            report,
            plot: args.plot,
            metrics,
            log,
        })
    }
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

fn read_file(
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

fn default_data_dir(env: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let base = env("XDG_DATA_HOME").map(PathBuf::from).or_else(|| Some(home(env)?.join(".local/share")))?;
    Some(base.join("vowimager"))
}

fn home(env: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    env("HOME").map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn gather(args: &[&str], env: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let args = Args::parse_from(std::iter::once("vowd").chain(args.iter().copied()));
        let lookup = |name: &str| {
            let fixed = [("HOME", "/nowhere")];
            env.iter().chain(&fixed).find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        Settings::gather(args, lookup)
    }

    #[test]
    fn nothing_to_configure_on_a_first_start() {
        let settings = gather(&[], &[]).unwrap();
        assert_eq!(settings.engine.data_dir, Path::new("/nowhere/.local/share/vowimager"));
        assert_eq!(settings.socket, Path::new("/nowhere/.local/share/vowimager/vowd.sock"));
        assert!(!settings.once && settings.folders.is_empty());
    }

    #[test]
    fn flags_win_over_environment_over_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("vowd.toml");
        std::fs::write(&file, "threads = 5\nbatch = 8\ngpu_memory_mb = 2048\nunload_minutes = 2\nmax_memory = 64\nsocket = \"s\"\nscan_minutes = 7").unwrap();
        let file = file.to_str().unwrap();
        let env = [("VOW_THREADS", "4"), ("VOW_CONFIG", file)];
        let settings = gather(&["--threads", "3", "--provider", "cuda"], &env).unwrap();
        assert_eq!(settings.engine.provider.to_string(), "cuda");
        assert_eq!(settings.engine.threads.get(), 3);
        assert_eq!(gather(&[], &env).unwrap().engine.threads.get(), 4);
        assert_eq!(gather(&["--config", file], &[]).unwrap().engine.threads.get(), 5);
        assert_eq!(settings.engine.max_memory, Some(64 << 20));
        assert_eq!(settings.engine.batch.map(NonZeroUsize::get), Some(8));
        assert_eq!(settings.engine.device_memory, Some(2 << 30));
        assert_eq!(settings.engine.unload_after, Duration::from_secs(120));
        assert_eq!(settings.socket, dir.path().join("s"));
        assert_eq!(settings.engine.scan_every, Duration::from_secs(420));
    }

    #[test]
    fn every_mistake_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("vowd.toml");
        std::fs::write(&file, "max_memory = 1").unwrap();
        let env = [("VOW_THREADS", "many"), ("VOW_PROVIDER", "gpu"), ("VOW_CONFIG", file.to_str().unwrap())];
        let mistakes = gather(&["/no/such/folder", "--log", "a=b=c"], &env).unwrap_err();
        for expected in
            ["VOW_THREADS: `many`", "provider: `gpu`", "max_memory: `1`", "/no/such/folder", "log: `a=b=c`"]
        {
            assert!(mistakes.iter().any(|mistake| mistake.contains(expected)), "{expected}: {mistakes:?}");
        }
    }

    #[test]
    fn a_good_neighbour_as_much_as_asked_for() {
        let defaults = gather(&[], &[]).unwrap();
        let engine = &defaults.engine;
        assert_eq!((engine.nice, engine.gpu_ceiling, engine.backlog_on_battery), (10, Some(87), false));
        assert!(defaults.metrics.is_none() && engine.max_cores.is_none() && engine.obey_pause);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("vowd.toml");
        let text = "max_cpu = 1\nnice = 19\ngpu_ceiling = 70\non_battery = \"all\"\nmetrics = \"[::1]:9464\"";
        std::fs::write(&file, text).unwrap();
        let settings = gather(&["--config", file.to_str().unwrap()], &[]).unwrap();
        let engine = &settings.engine;
        assert_eq!((engine.nice, engine.gpu_ceiling, engine.backlog_on_battery), (19, Some(70), true));
        assert_eq!(engine.max_cores, Some(NonZeroUsize::MIN));
        assert_eq!(settings.metrics, Some("[::1]:9464".parse().unwrap()));
        let off = gather(&["--gpu-ceiling", "off", "--threads", "3", "--max-cpu", "100"], &[]).unwrap();
        assert_eq!((off.engine.gpu_ceiling, off.engine.threads.get()), (None, 3));
        assert_eq!(off.engine.max_cores, Some(Config::new(PathBuf::new()).threads), "of the machine's cores");
        let once = gather(&["--once"], &[]).unwrap().engine;
        assert!(once.backlog_on_battery && !once.obey_pause);
    }

    #[test]
    fn neighbourly_mistakes() {
        let args = ["--max-cpu", "0", "--nice", "-5", "--gpu-ceiling", "hot", "--on-battery", "never"];
        let mistakes = gather(&[&args[..], &["--metrics", "0.0.0.0:9464"]].concat(), &[]).unwrap_err();
        for word in
            ["--max-cpu: `0`", "--nice: `-5`", "gpu_ceiling: `hot`", "on_battery: `never`", "loopback"]
        {
            assert!(mistakes.iter().any(|mistake| mistake.contains(word)), "{word}: {mistakes:?}");
        }
    }

    #[test]
    fn the_chosen_pack_counts_when_nobody_names_one() {
        let dir = tempfile::tempdir().unwrap();
        let data = ["--data-dir", dir.path().to_str().unwrap()];
        let settings = gather(&data, &[]).unwrap();
        assert_eq!((settings.in_use.pack.as_str(), settings.in_use.pack_named_by), ("starter", None));
        std::fs::write(dir.path().join("chosen-pack"), "mine\n").unwrap();
        let settings = gather(&data, &[]).unwrap();
        assert_eq!(settings.engine.pack, "mine".parse().unwrap());
        let settings = gather(&data, &[("VOW_PACK", "other")]).unwrap();
        assert_eq!(settings.engine.pack, "other".parse().unwrap());
        assert_eq!(settings.in_use.pack_named_by.as_deref(), Some("VOW_PACK"));
        std::fs::write(dir.path().join("chosen-pack"), "").unwrap();
        assert!(gather(&data, &[]).unwrap_err()[0].contains("chosen-pack"));
    }

    #[test]
    fn an_own_catalog_is_read_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let (file, own) = (dir.path().join("vowd.toml"), dir.path().join("own.toml"));
        std::fs::write(&file, "catalog = \"own.toml\"").unwrap();
        std::fs::write(&own, "format = 1").unwrap();
        let env = [("VOW_CONFIG", file.to_str().unwrap())];
        assert!(gather(&[], &env).unwrap().catalog.get("opencv").is_some());
        std::fs::write(&own, "format = 9").unwrap();
        let mistakes = gather(&[], &env).unwrap_err();
        assert!(mistakes[0].contains("own.toml") && mistakes[0].contains("format"), "{mistakes:?}");
    }

    #[test]
    fn an_unknown_key_is_a_mistake() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("vowd.toml");
        std::fs::write(&file, "thread = 5").unwrap();
        let mistakes = gather(&["--config", file.to_str().unwrap()], &[]).unwrap_err();
        assert!(mistakes[0].contains("thread"), "{mistakes:?}");
    }
}
