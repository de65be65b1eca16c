//! `vow verify`: is everything whole? A bar on a terminal, a line or a JSON object a finding, and an exit code that scripts
//! can go by.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value};
use tonic::Status;
use vow_proto::v1;
use vow_proto::v1::verify_finding::Kind;
use vow_proto::v1::verify_progress::Stage;
use vow_proto::v1::verify_response::Step;

use crate::call::{Daemon, Failure, next};
use crate::json::{optional, path_json, printable, shown};
use crate::render::{Output, counted, line};

/// Verifies; a [`Failure`] of its own says that something was found.
pub(crate) async fn verify(daemon: &mut Daemon, photos: bool, out: &Output) -> Result<(), Failure> {
    let mut steps = daemon.admin.verify(v1::VerifyRequest { originals: photos }).await?.into_inner();
    let bar = (!out.is_json() && io::stderr().is_terminal()).then(bar);
    let summary = loop {
        match next(&mut steps).await?.and_then(|answer| answer.step) {
            Some(Step::Progress(progress)) => bar.iter().for_each(|bar| draw(bar, &progress)),
            Some(Step::Finding(finding)) => {
                let told = if out.is_json() {
                    Value::from(finding_json(&finding)).to_string()
                } else {
                    text(&finding)
                };
                match &bar {
                    Some(bar) => bar.suspend(|| line(&told))?,
                    None => line(&told)?,
                }
            }
            Some(Step::Summary(summary)) => break summary,
            None => return Err(Status::unavailable("the daemon stopped before all was verified").into()),
        }
    };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if out.is_json() {
        line(&Value::from(summary_json(&summary)).to_string())?;
    } else {
        line(&conclusion(&summary))?;
    }
    if summary.findings == 0 { Ok(()) } else { Err(Failure::Found(summary.findings)) }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar:.cyan/blue} {human_pos}/{human_len} {eta}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ ");
    ProgressBar::no_length().with_style(style)
}

fn draw(bar: &ProgressBar, progress: &v1::VerifyProgress) {
    let message = match progress.stage() {
        Stage::Rows => "the store is read",
        Stage::Index => "faces are looked for in the index",
        Stage::Originals => "originals are read",
        Stage::Unspecified => "verifying",
    };
    if bar.message() != message {
        // Time left is reckoned from the stage's own beginning.
        bar.reset();
        bar.set_message(message);
    }
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}

fn text(finding: &v1::VerifyFinding) -> String {
    let place = match finding.kind() {
        Kind::Row => format!("store, table {}, {}", finding.table, printable(&finding.row)),
        Kind::Index if finding.row.is_empty() => "index".to_owned(),
        Kind::Index => format!("index, {}", finding.row),
        _ => shown(&finding.path),
    };
    format!("{place}: {}; {}", printable(&finding.what), finding.advice)
}

fn finding_json(finding: &v1::VerifyFinding) -> Map<String, Value> {
    let kind = match finding.kind() {
        Kind::Row => "row",
        Kind::Index => "index",
        Kind::Offline => "offline",
        Kind::Missing => "missing",
        Kind::Changed => "changed",
        Kind::Unreadable => "unreadable",
        Kind::Unspecified => "unknown",
    };
    let mut object = Map::new();
    object.insert("finding".into(), kind.into());
    object.insert("table".into(), optional(&finding.table));
    object.insert("row".into(), optional(&finding.row));
    if finding.path.is_empty() {
        object.insert("path".into(), Value::Null);
    } else {
        path_json(&mut object, "path", &finding.path);
    }
    object.insert("what".into(), finding.what.clone().into());
    object.insert("advice".into(), finding.advice.clone().into());
    object
}

fn summary_json(summary: &v1::VerifySummary) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("findings".into(), summary.findings.into());
    object.insert("rows".into(), summary.rows.into());
    object.insert("index_compared".into(), summary.index_compared.into());
    object.insert("originals".into(), summary.originals.into());
    object
}

fn conclusion(summary: &v1::VerifySummary) -> String {
    let mut read = vec![format!("{} of the store", counted(summary.rows, "row"))];
    if summary.index_compared {
        read.push("the index".to_owned());
    }
    read.extend(summary.originals.map(|originals| counted(originals, "original")));
    let fine =
        if summary.findings == 0 { "all fine".to_owned() } else { counted(summary.findings, "finding") };
    let index = if summary.index_compared {
        ""
    } else {
        "; the index was not compared, for photos or decisions came in meanwhile"
    };
    format!("{fine}: read {}{index}", read.join(", "))
}
