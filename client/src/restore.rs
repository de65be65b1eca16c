//! `vow restore`: what is in the file, asked before anything happens, and a wait until the daemon has begun anew with it.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use serde_json::{Map, Value};
use vow_proto::v1;

use crate::call::{Daemon, Failure, absolute};
use crate::json::{path_json, printable, shown};
use crate::packs;
use crate::render::{Output, counted, line, time, value};

/// What `vow restore` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// What `vow backup` made, or a store that an earlier `vow restore` kept. It is copied and stays as it is.
    file: PathBuf,
    /// Do not ask first.
    #[arg(long, conflicts_with = "check")]
    yes: bool,
    /// Only look whether it is whole, and what is in it.
    #[arg(long)]
    check: bool,
}

pub(crate) async fn restore(args: RestoreArgs, socket: Option<PathBuf>, out: &Output) -> Result<(), Failure> {
    let RestoreArgs { file, yes, check } = args;
    let asked = !out.is_json() && io::stdin().is_terminal() && io::stderr().is_terminal();
    if !(yes || check || asked) {
        let why = "nothing is restored unasked: say --yes, or --check to see what is in the file";
        return Err(Failure::Usage(why.to_owned()));
    }
    let mut daemon = Daemon::connect(socket.clone()).await?;
    let before = daemon.status().await?.start_id;
    let request = |check_only| v1::RestoreRequest { path: absolute(&file), check_only };
    if !yes {
        let answer = daemon.admin.restore(request(true)).await?.into_inner();
        if check {
            return Ok(told(&answer, false, out)?);
        }
        told(&answer, false, out)?;
        if !confirmed(&answer)? {
            return Ok(line("nothing was changed")?);
        }
    }
    let answer = daemon.admin.restore(request(false)).await?.into_inner();
    packs::wait(socket, out, |status| status.start_id != before).await?;
    Ok(told(&answer, true, out)?)
}

fn confirmed(answer: &v1::RestoreResponse) -> io::Result<bool> {
    let mut error = io::stderr().lock();
    write!(
        error,
        "The daemon begins anew with this; what it knows now is kept in {}. Go on? [y/N] ",
        shown(&answer.kept)
    )?;
    error.flush()?;
    let mut said = String::new();
    io::stdin().read_line(&mut said)?;
    Ok(matches!(said.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn told(answer: &v1::RestoreResponse, restored: bool, out: &Output) -> io::Result<()> {
    if out.is_json() {
        let mut object = Map::new();
        object.insert("restored".into(), restored.into());
        object.insert("photos".into(), answer.photos.into());
        object.insert("faces".into(), answer.faces.into());
        object.insert("named".into(), answer.named.into());
        object.insert("decisions".into(), answer.decisions.into());
        object.insert("last_decision".into(), answer.last_decision.into());
        path_json(&mut object, "kept", &answer.kept);
        return value(&Value::from(object));
    }
    let last = answer.last_decision.map(|at| format!(", the last of {} UTC", time(at))).unwrap_or_default();
    let (photos, faces) = (counted(answer.photos, "photo"), counted(answer.faces, "face"));
    let (named, said) = (answer.named, counted(answer.decisions, "decision"));
    let people = if named == 1 { "1 person".to_owned() } else { format!("{named} people") };
    let holds = format!("{photos}, {faces}, {people} with a name, {said}{last}");
    if restored {
        line(&format!("restored: {holds}"))?;
        return line(&format!("what was known before is in {}", printable(&shown(&answer.kept))));
    }
    line(&format!("it is whole: {holds}"))
}
