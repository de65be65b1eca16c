//! Standard error: the log, and on a terminal a progress bar below it. Standard output is left to reports.

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use vow_engine::{Engine, Hold, State, Status};

/// How often progress is logged where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The log and the bar.
pub(crate) struct Console {
    bars: MultiProgress,
    bar: ProgressBar,
    terminal: bool,
}

/// One line to standard error; if even that fails there is nobody to tell.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

impl Console {
    /// Starts logging with a filter that was checked before.
    pub(crate) fn start(filter: &str) -> Self {
        let terminal = io::stderr().is_terminal();
        let bars = MultiProgress::with_draw_target(if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        let bar = bars.add(ProgressBar::no_length());
        let style =
            ProgressStyle::with_template("{spinner} {msg} {wide_bar:.cyan/blue} {pos}/{len} {prefix}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸ "));
        // A second start in one process keeps the first one's log.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(filter).unwrap_or_default())
            .with_writer(AboveBar { bars: bars.clone(), terminal })
            .with_ansi(terminal && in_colour(std::env::var_os("NO_COLOR").as_deref()))
            .with_target(false)
            .try_init();
        Self { bars, bar, terminal }
    }

    /// Whether somebody sits in front of it, rather than a file or a journal that others may read.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
        // A terminal that is gone needs no clearing.
        let _ = self.bars.clear();
    }

    /// Shows progress while there is any; ends only when the engine does.
    pub(crate) async fn follow(&self, engine: &Engine) {
        let mut changes = engine.watch();
        let mut logged = tokio::time::Instant::now();
        loop {
            // A status that cannot be had now may be had at the next change; the engine itself reports the fault.
            if let Ok(status) = engine.status() {
                if self.terminal {
                    self.draw(&status);
                } else if status.state == State::Indexing && logged.elapsed() >= LOG_EVERY {
                    logged = tokio::time::Instant::now();
                    tracing::info!("{}, {} to go", message(&status), status.pending);
                }
            }
            tokio::time::sleep(crate::FRAME).await;
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn draw(&self, status: &Status) {
        if status.state == State::Idle {
            self.bar.set_length(0);
            self.bar.finish_and_clear();
            return;
        }
        if self.bar.is_finished() {
            self.bar.reset();
        }
        let known = status.files + status.failures;
        self.bar.set_length(known + status.pending);
        self.bar.set_position(known);
        self.bar.set_message(message(status));
        self.bar.set_prefix(status.eta_s.map(left).unwrap_or_default());
        self.bar.tick();
    }
}

/// Whoever sets NO_COLOR to anything wants none.
fn in_colour(no_color: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty)
}

fn message(status: &Status) -> String {
    match status.state {
        State::Scanning => "looking through the folders".to_owned(),
        State::Settling if status.index_waiting > 0 => {
            format!("building the index, {} faces to go", status.index_waiting)
        }
        State::Settling => "sorting people out".to_owned(),
        State::Stopping => "finishing".to_owned(),
        State::Paused => match status.hold {
            Some(Hold::Heat { celsius, ceiling }) => {
                format!("waiting for the graphics card to cool: it has {celsius} °C and may have {ceiling}")
            }
            Some(Hold::Battery { .. }) => "waiting for the mains: only new photos are indexed".to_owned(),
            Some(Hold::User { .. }) | None => "paused; `vow resume` goes on".to_owned(),
        },
        State::Indexing | State::Idle => {
            let failed = match status.failures {
                0 => String::new(),
                some => format!(", {some} failed"),
            };
            format!("{:.1} photos/s, {} faces{failed}", status.photos_per_s, status.faces)
        }
    }
}

/// Time left, coarse enough not to flicker.
fn left(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    format!("{} left", indicatif::HumanDuration(time))
}

/// Writes log lines above the bar.
#[derive(Clone)]
struct AboveBar {
    bars: MultiProgress,
    terminal: bool,
}

impl<'a> MakeWriter<'a> for AboveBar {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for AboveBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.terminal {
            self.bars.suspend(|| io::stderr().write_all(bytes))?;
        } else {
            io::stderr().write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_unless_somebody_wants_none() {
        assert!(in_colour(None) && in_colour(Some(OsStr::new(""))));
        assert!(!in_colour(Some(OsStr::new("1"))) && !in_colour(Some(OsStr::new("0"))));
    }
}
