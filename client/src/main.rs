//! `vow`: asks a running `vowd` and shows the answers.
//!
//! `args` is the command line as plain data, `call` speaks gRPC, `render` and
//! `json` make tables or JSON of what came back. Nothing
//! is decided here about photos or people.

mod args;
mod call;
mod events;
mod export;
mod failure;
mod hold;
mod json;
mod packs;
mod picture;
mod questions;
mod refit;
mod render;
mod restore;
mod say;
mod verify;
mod watch;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command, ExportForm, FolderCommand};
use crate::call::{Daemon, Failure};
use crate::export::Way;
use crate::render::{Csv, Output};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") => {
            return end(&Failure::Usage(error.render().to_string().trim_end().to_owned()), true);
        }
        Err(error) => error.exit(),
    };
    let json = args.json;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(&Failure::System { what: "the asynchronous runtime", source: error }, json),
    };
    match runtime.block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has seen enough, as in `vow people | head`.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => end(&failure, json),
    }
}

fn end(failure: &Failure, json: bool) -> ExitCode {
    let text = if json {
        let (message, code) = (failure.to_string(), failure.exit_code());
        serde_json::json!({ "error": message, "kind": failure.kind(), "exit_code": code }).to_string()
    } else {
        // Line by line: a message may have several, and a file's name in it may hold anything.
        let text = failure.to_string();
        format!("vow: {}", text.split('\n').map(json::printable).collect::<Vec<_>>().join("\n"))
    };
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(failure.exit_code())
}

async fn run(args: Args) -> Result<(), Failure> {
    let out = Output::new(args.json);
    if let Command::Completions { shell } = args.command {
        return Ok(render::completions(shell)?);
    }
    let command = match args.command {
        Command::Models(command) => return packs::models(command, args.socket, &out).await,
        Command::Runtime(command) => return packs::runtime(command, args.socket, &out).await,
        Command::Restore(what) => return restore::restore(what, args.socket, &out).await,
        command => command,
    };
    let mut daemon = Daemon::connect(args.socket).await?;
    match command {
        Command::Status => out.status(&daemon.status().await?)?,
        Command::Watch => watch::follow(&mut daemon, &out).await?,
        Command::Events(args) => events::show(args, &mut daemon, &out).await?,
        Command::Rescan { path } => {
            daemon.rescan(path).await?;
            out.done("the folders are being compared with what is known")?;
        }
        Command::Folder(FolderCommand::Add { path }) => {
            let (folder, added) = daemon.add_folder(&path).await?;
            out.folder_added(&folder, added)?;
        }
        Command::Folder(FolderCommand::Remove { path }) => {
            let gone = daemon.remove_folder(&path).await?;
            out.folder_removed(&path, gone)?;
        }
        Command::Folder(FolderCommand::List) => out.folders(&daemon.folders().await?)?,
        Command::People { stats: true, .. } => refit::stats(&mut daemon, &out).await?,
        Command::People { named, unnamed, hidden, min_faces, by, stats: false } => {
            out.people(&daemon.people(named, unnamed, hidden, min_faces, by).await?)?;
            // Nobody should believe that this is everyone.
            if !(out.is_json() || named || hidden) {
                let smaller =
                    daemon.groups_from(1).await?.saturating_sub(daemon.groups_from(min_faces).await?);
                out.smaller_groups(smaller, min_faces)?;
            }
        }
        Command::Person { person } => out.person(&daemon.person(person).await?)?,
        Command::Photos(args) => {
            let print0 = args.print0;
            out.photos(&daemon.photos(args.which.request(args.by)).await?, print0)?;
        }
        Command::With { people, limit } => out.companions(&daemon.companions(people, limit).await?)?,
        Command::Faces { photo } => out.faces(&daemon.faces(&photo).await?)?,
        Command::Gallery => out.gallery(&daemon.gallery().await?)?,
        Command::Picture { of, file, size } => picture::save(&mut daemon, &of, &file, size, &out).await?,
        Command::Similar { photo, face, limit, min_cosine } => {
            out.similar(&daemon.similar(photo, face, limit, min_cosine).await?)?;
        }
        Command::Say(what) => say::say(what, &mut daemon, &out).await?,
        Command::Suggestions { limit, ask: false } => questions::list(&mut daemon, limit, &out).await?,
        Command::Suggestions { limit, ask: true } => questions::ask(&mut daemon, limit, &out).await?,
        Command::Recluster(how) => refit::recluster(how, &mut daemon, &out).await?,
        Command::Explain { face } => questions::explain(&mut daemon, face, &out).await?,
        Command::Failures { retry: true } => {
            let files = daemon.retry_failures().await?;
            out.retried(files)?;
        }
        Command::Failures { retry: false } => out.failures(&daemon.failures().await?)?,
        Command::Report { plot } => out.report(&daemon.report().await?, plot.as_deref())?,
        Command::Pause { time } => out.paused(&daemon.pause(time).await?)?,
        Command::Backup { file } => out.backed_up(&file, daemon.backup(&file).await?)?,
        Command::Verify { photos } => verify::verify(&mut daemon, photos, &out).await?,
        Command::Resume => out.resumed(&daemon.resume().await?)?,
        Command::Export(ExportForm::Json { embeddings }) => {
            let mut rows = daemon.export(embeddings).await?;
            while let Some(row) = call::next(&mut rows).await? {
                out.exported(&row)?;
            }
        }
        Command::Export(ExportForm::Csv) => {
            let (mut rows, mut table) = (daemon.export(false).await?, Csv::begin()?);
            while let Some(row) = call::next(&mut rows).await? {
                table.row(&row)?;
            }
            table.finish()?;
        }
        Command::Export(ExportForm::Links(to)) => export::hand_over(&mut daemon, to, Way::Link, &out).await?,
        Command::Export(ExportForm::Copies(to)) => {
            export::hand_over(&mut daemon, to, Way::Copy, &out).await?
        }
        Command::Completions { .. } | Command::Models(_) | Command::Runtime(_) | Command::Restore(_) => {}
    }
    Ok(())
}
