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
            (
                "left out",
                format!(
                    "{} not pictures, {} hidden, {} system folders, {} special files",
                    ignored.not_a_picture, ignored.hidden, ignored.system_folder, ignored.special_file
                ),
            ),
            ("pack", status.pack.clone()),
            ("runtime", format!("{} ({})", status.runtime, status.runtime_why)),
        ];
        rows.extend(status.card.as_ref().map(|card| ("card", card_text(card))));
        rows.push(("since", time(status.started)));
        rows.extend(speed(status).map(|speed| ("speed", speed)));
        rows.extend(status.hold.as_ref().map(|hold| ("held up", hold_text(hold))));
        let building =
            |waiting| format!("being built, {waiting} faces to go; until then all faces are compared");
        rows.extend(
            Some(status.index_waiting).filter(|faces| *faces > 0).map(|faces| ("index", building(faces))),
        );
        rows.extend(status.eta_s.map(|seconds| ("time left", lasting(seconds))));
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

/// What the graphics card is doing, and who works meanwhile.
fn card_text(card: &v1::Card) -> String {
    use v1::card::State;
    let what = match card.state() {
        State::Asleep => "asleep: a few photos at a time are the processor's",
        State::Starting => "getting ready, the processor works meanwhile",
        State::Ready => "ready",
        State::Resting => "resting and tried again soon, the processor works meanwhile",
        State::GivenUp => "given up until the next start, the processor works",
        State::Unspecified => "unknown",
    };
    let why = card.reason.as_ref().map(|reason| format!(" ({})", printable(reason))).unwrap_or_default();
    format!("{}: {what}{why}", printable(&card.provider))
}

/// A sentence about progress.
pub(crate) fn progress_line(status: &v1::StatusResponse) -> String {
    let failed = if status.failures == 0 { String::new() } else { format!(", {} failed", status.failures) };
    let left = status.eta_s.map(|seconds| format!(", {} left", lasting(seconds))).unwrap_or_default();
    let held = status.hold.as_ref().map(|hold| format!("; {}", hold_text(hold))).unwrap_or_default();
    let speed = speed(status).map(|speed| format!(", {speed}")).unwrap_or_default();
    format!(
        "{}: {} photos, {} faces, {} people{failed}, {} pending{speed}{left}{held}",
        state(status),
        status.photos,
        status.faces,
        status.people,
        status.pending,
    )
}

/// How fast it goes, while there is something to do.
fn speed(status: &v1::StatusResponse) -> Option<String> {
    (status.pending > 0).then(|| format!("{:.1} photos/s", status.photos_per_s))
}

/// A time that something takes, by its two largest units.
fn lasting(seconds: f64) -> String {
    // A hundred years are enough, and whole minutes of them exact.
    let left = std::time::Duration::try_from_secs_f64(seconds.min(3e9)).unwrap_or_default().as_secs();
    let (minutes, hours, days) = (left / 60, left / 3600, left / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{left} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", left % 60),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_at_a_glance() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (59.9, "59 s"),
            (60.0, "1 min 0 s"),
            (3_725.0, "1 h 2 min"),
            (90_000.0, "1 d 1 h"),
            (-1.0, "0 s"),
        ] {
            assert_eq!(lasting(seconds), text);
        }
        assert_eq!(lasting(f64::INFINITY), "34722 d 5 h");
    }

    #[test]
    fn a_card_that_does_not_work_says_why() {
        let card = |state: v1::card::State, reason: Option<&str>| v1::Card {
            provider: "cuda".to_owned(),
            state: state.into(),
            reason: reason.map(str::to_owned),
        };
        assert_eq!(card_text(&card(v1::card::State::Ready, None)), "cuda: ready");
        let resting = card_text(&card(v1::card::State::Resting, Some("it is full")));
        assert!(resting.starts_with("cuda: resting") && resting.ends_with("(it is full)"), "{resting}");
    }

    #[test]
    fn an_idle_daemon_has_no_speed() {
        let status =
            |pending| v1::StatusResponse { pending, photos_per_s: 3.0, ..v1::StatusResponse::default() };
        assert!(progress_line(&status(1)).contains("3.0 photos/s"));
        assert!(!progress_line(&status(0)).contains("photos/s"));
    }
}
