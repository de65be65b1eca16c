//! The command line, as plain data. Touches nothing outside.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Indexes the faces in your photos, watches folders for new ones, and answers questions about who is in them.
///
/// With no option at all it keeps its data in $XDG_DATA_HOME/vowimager (or ~/.local/share/vowimager), uses the bundled
/// models and listens on a Unix socket there, on which `vow` speaks to it. Photos are only ever read.
#[derive(Debug, Parser)]
#[command(name = "vowd", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Folders to watch from now on, besides those watched before.
    #[arg(value_name = "FOLDER")]
    pub(crate) folders: Vec<PathBuf>,

    /// Index what is there, print a report and exit, instead of staying to watch and serve.
    #[arg(long)]
    pub(crate) once: bool,

    /// How the report of --once is printed.
    #[arg(long, value_enum, value_name = "FORM", requires = "once")]
    pub(crate) report: Option<ReportForm>,

    /// Also draw the run of --once over time, as SVG.
    #[arg(long, value_name = "FILE", requires = "once")]
    pub(crate) plot: Option<PathBuf>,

    /// Where the store, the index and installed packs lie [env: VOW_DATA_DIR].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// The Unix socket to listen on [default: vowd.sock in the data folder] [env: VOW_SOCKET].
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,

    /// The models: a folder with a pack.toml, or the name of an installed or bundled pack [default: the one that
    /// `vow models use` chose, or the built-in starter] [env: VOW_PACK].
    #[arg(long, value_name = "NAME|DIR")]
    pub(crate) pack: Option<String>,

    /// What runs the models: auto looks for an ONNX Runtime library (VOW_ORT, ORT_DYLIB_PATH, the data folder, the
    /// system) and falls back to the built-in tract [env: VOW_RUNTIME].
    #[arg(long, value_name = "auto|tract|LIBRARY")]
    pub(crate) runtime: Option<String>,

    /// What an ONNX Runtime library runs the models on: auto takes a GPU where one works and the processor otherwise
    /// [env: VOW_PROVIDER].
    #[arg(long, value_name = "auto|cpu|cuda|...")]
    pub(crate) provider: Option<String>,

    /// A catalog of packs of one's own, such as one with the addresses of a mirror: its packs are added to those that
    /// `vow models install` knows, and replace those of the same name [env: VOW_CATALOG].
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,

    /// Threads that run the models [default: one a core] [env: VOW_THREADS].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<String>,

    /// Pictures that a model takes at once, at most [default: 32 on a GPU, 1 on the processor] [env: VOW_BATCH].
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<String>,

    /// MiB of a GPU's memory for the models [default: as many as there are] [env: VOW_GPU_MEMORY_MB].
    #[arg(long, value_name = "MIB")]
    pub(crate) gpu_memory_mb: Option<String>,

    /// Percent of the processor's cores to be busy with photos at most [default: none: all may be, by as many photos at a time as
    /// keep the models busy] [env: VOW_MAX_CPU].
    #[arg(long, value_name = "PERCENT")]
    pub(crate) max_cpu: Option<String>,

    /// MiB of memory to stay below: what the models leave of it is for pictures on their way, 64 MiB at least; batches on a
    /// processor are made smaller for it [default: whatever the models take, and 512 MiB for pictures, or 16 for each of more than
    /// 32 that many cores or a card want at a time; 477 for all of it with batches on a processor] [env: VOW_MAX_MEMORY].
    #[arg(long, value_name = "MIB")]
    pub(crate) max_memory: Option<String>,

    /// How far the work on many photos steps back for other programs, on processor and disk: 0 not at all, 19 most
    /// [default: 10] [env: VOW_NICE].
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) nice: Option<String>,

    /// Stand still while the graphics card is hotter than this, until it has cooled by 5 °C [default: 87]
    /// [env: VOW_GPU_CEILING].
    #[arg(long, value_name = "CELSIUS|off")]
    pub(crate) gpu_ceiling: Option<String>,

    /// What to index while the machine runs on its battery: only photos that come in, or everything [default: live]
    /// [env: VOW_ON_BATTERY].
    #[arg(long, value_name = "live|all")]
    pub(crate) on_battery: Option<String>,

    /// Serve metrics for Prometheus on a loopback address, such as 127.0.0.1:9464, at /metrics [default: off]
    /// [env: VOW_METRICS].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) metrics: Option<String>,

    /// Where the gallery for a browser is served, a loopback address [default: 127.0.0.1:8693, or a free port where that is
    /// taken] [env: VOW_GALLERY].
    #[arg(long, value_name = "ADDRESS:PORT|off")]
    pub(crate) gallery: Option<String>,

    /// A TOML file with any of: folders, data_dir, socket, pack, runtime, provider, catalog, threads, batch, gpu_memory_mb,
    /// unload_minutes, max_cpu, max_memory, nice, gpu_ceiling, on_battery, metrics, gallery, scan_minutes,
    /// log
    /// [default: $XDG_CONFIG_HOME/vowimager/vowd.toml where there is one] [env: VOW_CONFIG].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// What to log to standard error: error, warn, info, debug, or directives such as vow_engine=debug
    /// [default: info] [env: VOW_LOG].
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ReportForm {
    /// For people.
    #[default]
    Table,
    /// For programs: one JSON object.
    Json,
}
