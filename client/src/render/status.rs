//! How far the daemon is: the whole account, and one line of it.

use std::io::{self, Write as _};

use vow_proto::v1;

use super::{Output, compact, line, time, value};
use crate::hold::hold_text;
use crate::json::{printable, shown, state, status_json};

impl Output {
    pub(crate) fn status(&self, status: &v1::StatusResponse) -> io::Result<()> {
        if self.json {
            return value(&status_json(status));
        }
        let ignored = status.ignored.unwrap_or_default();
        let mut rows = vec![
            ("state", state(status).to_owned()),
            ("photos", format!("{} in {} files", status.photos, status.files)),
            ("faces", status.faces.to_string()),
            (
                "people",
                format!(
                    "{}, {} with a name (groups of any size: {})",
                    status.people, status.named, status.groups
                ),
            ),
            ("failures", status.failures.to_string()),
            ("pending", status.pending.to_string()),
            ("folders", status.folders.to_string()),
            (
                "inferred",
                format!(
                    "{} photos since the start, {} of them found turned; {} files read",
                    status.photos_inferred, status.photos_turned, status.files_read
                ),
            ),
            ("speed", format!("{:.1} photos/s", status.photos_per_s)),
            (
                "left out",
                format!(
                    "{} not pictures, {} hidden, {} system folders, {} special files",
                    ignored.not_a_picture, ignored.hidden, ignored.system_folder, ignored.special_file
                ),
            ),
            ("pack", status.pack.clone()),
            ("runtime", format!("{} ({})", status.runtime, status.runtime_why)),
            ("since", time(status.started)),
        ];
        rows.extend(status.hold.as_ref().map(|hold| ("held up", hold_text(hold))));
        let building =
            |waiting| format!("being built, {waiting} faces to go; until then all faces are compared");
        rows.extend(
            Some(status.index_waiting).filter(|faces| *faces > 0).map(|faces| ("index", building(faces))),
        );
        rows.extend(status.eta_s.map(|seconds| ("time left", format!("{seconds:.0} s"))));
        let mut out = io::stdout().lock();
        for (name, text) in rows {
            writeln!(out, "{name:<10} {text}")?;
        }
        for problem in &status.scan_problems {
            writeln!(out, "not seen   {}: {}", shown(&problem.path), printable(&problem.reason))?;
        }
        Ok(())
    }

    /// One step of `vow watch`.
    pub(crate) fn progress(&self, status: &v1::StatusResponse) -> io::Result<()> {
        if self.json { compact(&status_json(status)) } else { line(&progress_line(status)) }
    }
}

/// A sentence about progress.
pub(crate) fn progress_line(status: &v1::StatusResponse) -> String {
    let failed = if status.failures == 0 { String::new() } else { format!(", {} failed", status.failures) };
    let left = status.eta_s.map(|seconds| format!(", {seconds:.0} s left")).unwrap_or_default();
    let held = status.hold.as_ref().map(|hold| format!("; {}", hold_text(hold))).unwrap_or_default();
    format!(
        "{}: {} photos, {} faces, {} people{failed}, {} pending, {:.1} photos/s{left}{held}",
        state(status),
        status.photos,
        status.faces,
        status.people,
        status.pending,
        status.photos_per_s
    )
}
