//! Prints the report of a run, for people or for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use vow_engine::Report;
use vow_engine::types::Stage;

use crate::config::ReportForm;

/// To standard output.
pub(crate) fn print(report: &Report, form: ReportForm) -> io::Result<()> {
    let text = match form {
        ReportForm::Json => serde_json::to_string_pretty(report).map_err(io::Error::from)? + "\n",
        ReportForm::Table => table(report),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn table(report: &Report) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<18} {value:>14}");
    };
    row("photos", report.photos.to_string());
    row("files", report.files.to_string());
    row("faces", report.faces.to_string());
    row("people", report.people.to_string());
    row("groups", report.groups.to_string());
    row("failures", report.failures.to_string());
    row("inferred now", report.photos_inferred.to_string());
    row("seconds", format!("{:.2}", report.wall_s));
    row("photos/s", format!("{:.2}", report.photos_per_s));
    if let Some(mib) = report.rss_peak_mb {
        row("peak memory, MiB", format!("{mib:.0}"));
    }
    if let Some(seconds) = report.cpu_s {
        row("CPU seconds", format!("{seconds:.2}"));
    }
    row("pack", report.pack.clone());
    row("runtime", report.runtime.clone());
    row("threads", report.threads.to_string());
    let total: f64 = Stage::ALL.iter().map(|stage| report.stages.get(*stage)).sum();
    let _ = writeln!(text, "\n{:<18} {:>14} {:>8} {:>14}", "stage", "busy seconds", "share", "waiting");
    for stage in Stage::ALL {
        let busy = report.stages.get(stage);
        let share = if total > 0.0 { busy / total * 100.0 } else { 0.0 };
        let waits = report.waits.get(stage);
        let _ = writeln!(text, "{:<18} {busy:>14.3} {share:>6.1} % {waits:>14.3}", stage.name());
    }
    text
}
