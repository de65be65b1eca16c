//! `vowd`: the VowImager daemon. Reads the configuration, opens the engine, serves, and shuts down in order.
//!
//! It wires and waits. Everything about photos is the engine's, everything about the wire that of `vow-serve`.

mod again;
mod config;
mod console;
mod gallery;
mod report;
mod settings;
mod signals;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use vow_depot::{Depot, InUse, Packs, STARTER};
use vow_engine::{Engine, EngineError};
use vow_serve::{Gallery, Listener, Metrics, ServeError};

use crate::config::Args;
use crate::console::Console;
use crate::settings::Settings;
use crate::signals::Signals;

/// Why the daemon ended other than by being told to.
#[derive(Debug, thiserror::Error)]
enum Fatal {
    #[error("the asynchronous runtime could not be started")]
    Tokio(#[source] std::io::Error),
    #[error("signals cannot be listened to")]
    Signals(#[source] std::io::Error),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(
        "the pack `{pack}`, which `vow models use` chose, does not load. Start with `vowd --pack starter`, install it again \
         (`vow models install`) and start as usual; or delete {} to go on with the built-in pack. Names stay either \
         way. What is wrong with it", .choice.display()
    )]
    Chosen {
        pack: String,
        choice: PathBuf,
        #[source]
        source: EngineError,
    },
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("the daemon could not begin anew after the switch; start it again")]
    Again(#[source] std::io::Error),
    #[error("the report could not be written")]
    Report(#[source] std::io::Error),
    #[error("the plot {path} could not be written")]
    Plot {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("a part of the daemon panicked; the log says where")]
    Panicked,
}

fn main() -> ExitCode {
    vow_engine::keep_little_memory();
    let args = Args::parse();
    let settings = match Settings::gather(args, |name| std::env::var_os(name)) {
        Ok(settings) => settings,
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| console::say(&format!("vowd: {mistake}")));
            return ExitCode::from(2);
        }
    };
    let console = Console::start(&settings.log);
    match start(&settings, &console) {
        Ok(code) => code,
        Err(error) => {
            console.clear();
            console::say(&format!("vowd: {}", chain(&error)));
            ExitCode::FAILURE
        }
    }
}

fn start(settings: &Settings, console: &Console) -> Result<ExitCode, Fatal> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Fatal::Tokio)?;
    let result = runtime.block_on(run(settings, console));
    // Requests that were cut off may still sit in blocking threads; they only read.
    runtime.shutdown_background();
    match result? {
        End::Exit(code) => Ok(code),
        End::Again => Err(Fatal::Again(again::again())),
    }
}

/// How the daemon ends.
enum End {
    Exit(ExitCode),
    /// It begins anew in the same process, with the pack and runtime that are chosen now.
    Again,
}

async fn run(settings: &Settings, console: &Console) -> Result<End, Fatal> {
    let mut signals = Signals::listen().map_err(Fatal::Signals)?;
    let engine = open(settings).await?;
    let outcome = if settings.once {
        once(settings, console, &engine, &mut signals).await.map(|()| false)
    } else {
        serve(settings, console, &engine, &mut signals).await
    };
    console.clear();
    let stopping = engine.clone();
    let stop = tokio::task::spawn_blocking(move || stopping.stop());
    tokio::select! {
        stopped = stop => stopped.map_err(|_| Fatal::Panicked)?,
        () = signals.next() => {
            tracing::warn!("asked twice to stop: not waiting for the photos in hand");
            return Ok(End::Exit(ExitCode::from(130)));
        }
    }
    let switch = outcome?;
    match engine.failure() {
        Some(error) => Err(error.into()),
        None if switch => Ok(End::Again),
        None => Ok(End::Exit(ExitCode::SUCCESS)),
    }
}

async fn open(settings: &Settings) -> Result<Engine, Fatal> {
    let (config, folders) = (settings.engine.clone(), settings.folders.clone());
    let opening = tokio::task::spawn_blocking(move || Engine::open(&config, &folders));
    opening.await.map_err(|_| Fatal::Panicked)?.map_err(|error| about_the_choice(settings, error))
}

/// Nobody who starts the daemon named a pack that was chosen: where it keeps the daemon from starting, the way out is told. Another
/// pack is not taken instead, since its faces would be others.
fn about_the_choice(settings: &Settings, source: EngineError) -> Fatal {
    let InUse { pack, pack_named_by, .. } = &settings.in_use;
    let choice = vow_depot::choice_file(&settings.engine.data_dir);
    if source.is_about_the_pack() && pack_named_by.is_none() && choice.exists() {
        return Fatal::Chosen { pack: pack.clone(), choice, source };
    }
    source.into()
}

/// Indexes until there is nothing left to do, then reports.
async fn once(
    settings: &Settings,
    console: &Console,
    engine: &Engine,
    signals: &mut Signals,
) -> Result<(), Fatal> {
    let interrupted = tokio::select! {
        () = idle_or_failed(engine) => false,
        () = signals.next() => true,
        () = console.follow(engine) => false,
    };
    console.clear();
    if interrupted {
        tracing::warn!("interrupted: the report is of what was done until now");
    }
    let report = vow_serve::report(engine)?;
    report::print(&report, settings.report).map_err(Fatal::Report)?;
    let Some(path) = &settings.plot else { return Ok(()) };
    report::draw(&report, path).map_err(|source| Fatal::Plot { path: path.clone(), source })
}

/// Serves until told to stop, or until the engine fails. Gives whether it is to begin anew.
async fn serve(
    settings: &Settings,
    console: &Console,
    engine: &Engine,
    signals: &mut Signals,
) -> Result<bool, Fatal> {
    let listener = Listener::bind(&settings.socket)?;
    let mut watched = tokio::task::JoinSet::new();
    if let Some(address) = settings.metrics {
        let metrics = Metrics::bind(address).await?;
        if let Ok(address) = metrics.address() {
            tracing::info!("metrics are at http://{address}/metrics");
        }
        watched.spawn(metrics.serve(engine.clone()));
    }
    let (switch, mut switched) = tokio::sync::watch::channel(false);
    // What is told to others must not depend on where this daemon runs.
    let data_dir = std::path::absolute(&settings.engine.data_dir);
    let data_dir = data_dir.unwrap_or_else(|_| settings.engine.data_dir.clone());
    let gallery = gallery::open(settings.gallery, &data_dir).await?;
    let packs = Packs::new(&data_dir, settings.catalog.clone());
    let switch = move || {
        switch.send_replace(true);
    };
    let depot = Depot::new(&data_dir, packs, settings.in_use.clone(), switch, trial::runtime(&data_dir));
    welcome(settings, engine)?;
    let url = gallery.as_ref().map(Gallery::url);
    if let Some(gallery) = gallery {
        gallery::tell(&gallery, &settings.client, console.is_terminal());
        watched.spawn(gallery.serve(engine.clone()));
    }
    let mut begin_anew = false;
    let shutdown = async {
        tokio::select! {
            _ = switched.wait_for(|switched| *switched) => {
                tracing::info!("switching over: finishing the photos in hand");
                begin_anew = true;
            }
            () = signals.next() => tracing::info!("stopping: finishing the photos in hand"),
            () = failed(engine) => {}
            () = console.follow(engine) => {}
        }
        console.clear();
    };
    vow_serve::run(listener, engine.clone(), depot, url, shutdown).await?;
    Ok(begin_anew)
}

fn welcome(settings: &Settings, engine: &Engine) -> Result<(), Fatal> {
    let status = engine.status()?;
    tracing::info!(
        pack = status.pack,
        runtime = status.runtime,
        why = status.runtime_why,
        photos = status.photos,
        faces = status.faces,
        "ready"
    );
    let vow = &settings.client;
    if settings.in_use.pack == STARTER {
        tracing::info!(
            "using the built-in starter pack: small and free, not the strongest; better: \
             `{vow} models install opencv --use` (free), or buffalo_l (not for commercial use)"
        );
    }
    if status.folders == 0 {
        tracing::info!("no folder is watched yet: `{vow} folder add DIR` adds one");
    } else {
        tracing::info!("ask with `{vow} people`");
    }
    Ok(())
}

async fn idle_or_failed(engine: &Engine) {
    let mut changes = engine.watch();
    while !engine.is_idle() && !engine.has_failed() {
        if changes.changed().await.is_err() {
            return;
        }
    }
}

async fn failed(engine: &Engine) {
    let mut changes = engine.watch();
    while !engine.has_failed() {
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Where the socket is when nobody says otherwise: in the data folder, so that two data folders never share one.
fn default_socket(data_dir: &Path) -> PathBuf {
    data_dir.join("vowd.sock")
}

/// How often a terminal is drawn anew.
const FRAME: Duration = Duration::from_millis(200);
