//! `vow watch`: the daemon's progress until everything is done; a bar on a terminal, lines otherwise.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};
use vow_proto::v1;
use vow_proto::v1::status_response::State;

use crate::call::{Daemon, Failure, next};
use crate::render::{Output, progress_line};

/// Follows until the daemon is idle.
pub(crate) async fn follow(daemon: &mut Daemon, out: &Output) -> Result<(), Failure> {
    let mut stream = daemon.watch_status().await?;
    let bar = (!out.is_json() && io::stderr().is_terminal()).then(bar);
    while let Some(status) = next(&mut stream).await? {
        match &bar {
            Some(bar) => draw(bar, &status),
            None => out.progress(&status)?,
        }
        match status.state() {
            State::Idle => {
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                    out.done(&progress_line(&status))?;
                }
                return Ok(());
            }
            State::Stopping => break,
            _ => {}
        }
    }
    Err(Failure::Refused(tonic::Status::unavailable("the daemon stopped before everything was done")))
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg} {bar:16.cyan/blue} {pos}/{len}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length().with_style(style.progress_chars("━╸ "))
}

fn draw(bar: &ProgressBar, status: &v1::StatusResponse) {
    let known = status.files + status.failures;
    bar.set_length(known + status.pending);
    bar.set_position(known);
    bar.set_message(progress_line(status));
    bar.tick();
}
