//! `vow models` and `vow runtime`: installing with a progress bar, asking for consent, and waiting while the daemon
//! switches over.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tonic::Status;
use vow_proto::v1;
use vow_proto::v1::fetch_progress::Phase;
use vow_proto::v1::{install_pack_response, install_runtime_response};

use crate::args::{InstallArgs, ModelsCommand, RuntimeCommand};
use crate::call::{Daemon, Failure, absolute, next};
use crate::render::Output;

/// Longest wait for a daemon that switches over: it finishes its photos and loads large models.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// `vow models`.
pub(crate) async fn models(
    command: ModelsCommand,
    socket: Option<PathBuf>,
    out: &Output,
) -> Result<(), Failure> {
    let mut daemon = Daemon::connect(socket.clone()).await?;
    match command {
        ModelsCommand::List => Ok(out.packs(&daemon.packs().await?)?),
        ModelsCommand::Install(args) => {
            let (use_it, before) = (args.use_it, daemon.status().await?.start_id);
            let pack = install(&mut daemon, args, out).await?;
            out.pack_installed(&pack, use_it)?;
            if pack.in_use {
                // The daemon begins anew by itself, with what is installed now.
                wait(socket, out, |status| status.start_id != before).await?;
                if use_it { Ok(out.pack_used(&pack.name, true)?) } else { Ok(()) }
            } else if use_it {
                switch(&mut daemon, socket, &pack.name, out).await
            } else {
                Ok(())
            }
        }
        ModelsCommand::Use { pack } => switch(&mut daemon, socket, &pack, out).await,
        ModelsCommand::Remove { pack } => {
            daemon.remove_pack(pack.clone()).await?;
            Ok(out.pack_removed(&pack)?)
        }
    }
}

/// `vow runtime`.
pub(crate) async fn runtime(
    command: RuntimeCommand,
    socket: Option<PathBuf>,
    out: &Output,
) -> Result<(), Failure> {
    let mut daemon = Daemon::connect(socket.clone()).await?;
    match command {
        RuntimeCommand::Show => Ok(out.runtime(&daemon.runtime().await?)?),
        RuntimeCommand::Install { cuda, libraries, from, accept_unconfirmed } => {
            let before = daemon.status().await?;
            let from = from.map(|path| absolute(&path)).unwrap_or_default();
            let request = v1::InstallRuntimeRequest { cuda, libraries, from, accept_unconfirmed };
            let mut steps = daemon.install_runtime(request).await?;
            let bar = Bar::new(out);
            let done = loop {
                match next(&mut steps).await?.and_then(|answer| answer.step) {
                    Some(install_runtime_response::Step::Progress(progress)) => bar.show(&progress),
                    Some(install_runtime_response::Step::Done(done)) => break done,
                    None => return Err(stopped()),
                }
            };
            bar.clear();
            let mut now = None;
            if done.switching {
                let begun_anew = |status: &v1::StatusResponse| status.start_id != before.start_id;
                wait(socket.clone(), out, begun_anew).await?;
                now = Some(Daemon::connect(socket).await?.runtime().await?);
            }
            Ok(out.runtime_installed(&done, now.as_ref())?)
        }
    }
}

/// Installs; asks for consent first where it is needed, nobody gave it and somebody is there to be asked.
async fn install(daemon: &mut Daemon, args: InstallArgs, out: &Output) -> Result<v1::Pack, Failure> {
    let InstallArgs { pack, from, mut accept_licence, mut accept_unconfirmed, .. } = args;
    let (name, from) = match from {
        Some(from) => (pack, absolute(&from)),
        None if is_path(&pack) => (String::new(), absolute(Path::new(&pack))),
        None => (pack, Vec::new()),
    };
    if !out.is_json() && io::stdin().is_terminal() && io::stderr().is_terminal() {
        let packs = daemon.packs().await?.packs;
        if let Some(known) = packs.iter().find(|known| known.name == name) {
            if known.non_commercial && !accept_licence {
                accept_licence = ask(&format!(
                    "{} {}: {}\n\n{}\n{}\n\nDo you accept that?",
                    known.name, known.version, known.licence, known.notice, known.licence_url
                ))?;
            }
            if !known.unconfirmed.is_empty() && !accept_unconfirmed {
                let files = known.unconfirmed.join(" and ");
                accept_unconfirmed =
                    ask(&format!("Nobody has confirmed the SHA-256 of {files}. Install it?"))?;
            }
        }
    }
    let request = v1::InstallPackRequest { name, from, accept_licence, accept_unconfirmed };
    let mut steps = daemon.install_pack(request).await?;
    let bar = Bar::new(out);
    loop {
        match next(&mut steps).await?.and_then(|answer| answer.step) {
            Some(install_pack_response::Step::Progress(progress)) => bar.show(&progress),
            Some(install_pack_response::Step::Pack(pack)) => {
                bar.clear();
                return Ok(pack);
            }
            None => return Err(stopped()),
        }
    }
}

/// Has the daemon use a pack and waits until it does.
async fn switch(
    daemon: &mut Daemon,
    socket: Option<PathBuf>,
    name: &str,
    out: &Output,
) -> Result<(), Failure> {
    let switching = daemon.use_pack(name.to_owned()).await?;
    if switching {
        wait(socket, out, |status| status.pack == name).await?;
    }
    Ok(out.pack_used(name, switching)?)
}

/// Waits for a daemon that begins anew; it does not answer for a moment.
pub(crate) async fn wait(
    socket: Option<PathBuf>,
    out: &Output,
    done: impl Fn(&v1::StatusResponse) -> bool,
) -> Result<v1::StatusResponse, Failure> {
    let spinner = (!out.is_json() && io::stderr().is_terminal())
        .then(|| ProgressBar::new_spinner().with_message("the daemon begins anew"));
    let begun = Instant::now();
    loop {
        let answer = match Daemon::connect(socket.clone()).await {
            Ok(mut daemon) => daemon.status().await,
            Err(failure) => Err(failure),
        };
        match answer {
            Ok(status) if done(&status) => {
                if let Some(spinner) = spinner {
                    spinner.finish_and_clear();
                }
                return Ok(status);
            }
            Err(failure) if begun.elapsed() > PATIENCE => return Err(failure),
            Ok(_) if begun.elapsed() > PATIENCE => {
                return Err(
                    Status::deadline_exceeded("the daemon did not begin anew; its log says why").into()
                );
            }
            _ => {}
        }
        if let Some(spinner) = &spinner {
            spinner.tick();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A pack of one's own, given by its place.
fn is_path(pack: &str) -> bool {
    pack.contains('/') || pack == "." || pack == ".." || pack.ends_with(".zip")
}

fn ask(question: &str) -> Result<bool, Failure> {
    let mut error = io::stderr().lock();
    write!(error, "{question} [y/N] ")?;
    error.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(true);
    }
    Err(Status::failed_precondition("not installed").into())
}

fn stopped() -> Failure {
    Status::unavailable("the daemon stopped before it was installed; what was fetched is kept").into()
}

/// A progress bar, on a terminal only.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn new(out: &Output) -> Self {
        let style = ProgressStyle::with_template(
            "{msg} {wide_bar:.cyan/blue} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        );
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ ");
        let shown = !out.is_json() && io::stderr().is_terminal();
        Self(shown.then(|| ProgressBar::no_length().with_style(style)))
    }

    fn show(&self, progress: &v1::FetchProgress) {
        let Some(bar) = &self.0 else { return };
        bar.set_length(progress.total.unwrap_or(progress.done));
        bar.set_position(progress.done);
        bar.set_message(match progress.phase() {
            Phase::Waiting => format!("{} (again in {:.0} s)", progress.file, progress.wait_s),
            Phase::Verifying => format!("{} (verifying)", progress.file),
            Phase::Unpacking => format!("{} (unpacking)", progress.file),
            Phase::Fetching | Phase::Unspecified => progress.file.clone(),
        });
        bar.tick();
    }

    fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_from_a_name() {
        for place in ["./mine", "a/b", "..", "mine.zip", "/x"] {
            assert!(is_path(place), "{place}");
        }
        for name in ["opencv", "buffalo_l", "a.b"] {
            assert!(!is_path(name), "{name}");
        }
    }
}
