//! A report, as `vow.v1.Admin` gives it, for people and programs: a table, JSON, and a plot over time as SVG.
//!
//! Pure text from plain data. Daemon and client print the same with it; where the numbers come from and where the text
//! goes is left to them.

mod plot;
mod scale;
mod table;

use vow_proto::v1::ReportResponse;

pub use plot::plot;
pub use table::table;

/// One JSON object, indented, with a line break at its end. The keys are the fields of `vow/v1/admin.proto`.
///
/// # Errors
/// Never for a report that a daemon made.
pub fn json(report: &ReportResponse) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}
