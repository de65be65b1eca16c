//! Prints the report of a run, for people or for programs, and draws it.

use std::io::{self, Write as _};
use std::path::Path;

use vow_serve::ReportResponse;

use crate::config::ReportForm;

/// To standard output.
pub(crate) fn print(report: &ReportResponse, form: ReportForm) -> io::Result<()> {
    let text = match form {
        ReportForm::Json => vow_report::json(report).map_err(io::Error::from)?,
        ReportForm::Table => vow_report::table(report),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// To an SVG file.
pub(crate) fn draw(report: &ReportResponse, path: &Path) -> io::Result<()> {
    std::fs::write(path, vow_report::plot(report))
}
