//! `vow recluster`: what would be different if everyone were sorted out anew; and `vow people --stats`: how good the
//! grouping is, as far as answers tell.

mod difference;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tonic::Status;
use vow_proto::v1;
use vow_proto::v1::recluster_progress::Stage;
use vow_proto::v1::recluster_response::Step;

use crate::args::{Method, ReclusterArgs};
use crate::call::{Daemon, Failure, next};
use crate::json::{optional, short};
use crate::render::{Output, line, value};
use crate::say::decision_json;
use difference::difference_text;

pub(crate) async fn recluster(how: ReclusterArgs, daemon: &mut Daemon, out: &Output) -> Result<(), Failure> {
    let merge_at = match how.merge_at.as_deref() {
        None => None,
        Some("answers") => Some(proposed(daemon).await?),
        Some(text) => Some(text.parse::<f32>().map_err(|_| {
            Status::invalid_argument(format!("`{text}` is no score: give a number, or `answers`"))
        })?),
    };
    let method = match how.method {
        Method::Grow => v1::recluster_request::Method::Unspecified,
        Method::Dbscan => v1::recluster_request::Method::Dbscan,
    };
    let (eps, min_samples, apply) = (how.eps, how.min_samples, how.apply);
    let request = v1::ReclusterRequest { method: method.into(), merge_at, eps, min_samples, apply };
    let mut steps = daemon.people.recluster(request).await?.into_inner();
    let bar = Bar::new(out);
    let answer = loop {
        match next(&mut steps).await?.and_then(|answer| answer.step) {
            Some(Step::Progress(progress)) => bar.show(&progress),
            Some(Step::Difference(difference)) => break difference,
            None => {
                return Err(Status::unavailable("the daemon stopped before everyone was sorted out").into());
            }
        }
    };
    bar.clear();
    Ok(if out.is_json() { value(&difference_json(&answer)) } else { difference_text(&answer, apply) }?)
}

/// How far it is, on a terminal only. Whoever interrupts `vow` there calls it off: the daemon notices and stops.
struct Bar {
    bar: Option<ProgressBar>,
    known: ProgressStyle,
    unknown: ProgressStyle,
}

impl Bar {
    fn new(out: &Output) -> Self {
        let style = |template| ProgressStyle::with_template(template).ok();
        let known = style("{msg} {wide_bar:.cyan/blue} {human_pos}/{human_len} {eta}");
        let known = known.unwrap_or_else(ProgressStyle::default_bar).progress_chars("━╸ ");
        let unknown = style("{msg} {spinner} {elapsed}").unwrap_or_else(ProgressStyle::default_spinner);
        let shown = !out.is_json() && io::stderr().is_terminal();
        let bar = shown.then(|| {
            let bar = ProgressBar::no_length().with_style(unknown.clone());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar, known, unknown }
    }

    fn show(&self, progress: &v1::ReclusterProgress) {
        let Some(bar) = &self.bar else { return };
        let message = stage(progress.stage());
        let is_new = bar.message() != message;
        if is_new {
            // Time left is reckoned from the stage's own beginning.
            bar.reset();
        }
        progress.total.into_iter().for_each(|total| bar.set_length(total));
        bar.set_position(progress.done);
        if is_new {
            bar.set_style(if progress.total.is_some() { self.known.clone() } else { self.unknown.clone() });
            bar.set_message(message);
        }
    }

    fn clear(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Reading => "faces are read",
        Stage::Density => "every face is compared with every other",
        Stage::Comparing => "faces are compared",
        Stage::Merging => "groups are merged",
        Stage::Applying => "the difference is told",
        Stage::Unspecified => "everyone is sorted out anew",
    }
}

/// The threshold that the answers speak for, if it helps on answers it was not found with.
async fn proposed(daemon: &mut Daemon) -> Result<f32, Failure> {
    let stats = daemon.people.people_stats(v1::PeopleStatsRequest {}).await?.into_inner();
    let refusal = match &stats.proposal {
        Some(proposal) if proposal.helps => return Ok(proposal.merge_at),
        Some(_) => {
            "your answers agree with the threshold in use: another one gets no more of them right".to_owned()
        }
        None => format!(
            "too few answers: {} so far, {} are needed; `vow suggestions --ask` asks",
            stats.answers, stats.enough_answers
        ),
    };
    Err(Status::failed_precondition(refusal).into())
}

fn difference_json(answer: &v1::ReclusterDifference) -> Value {
    let of = |faces: &[v1::FacesOf]| {
        faces.iter().map(|one| json!({ "person_id": one.person_id, "faces": one.faces })).collect::<Vec<_>>()
    };
    let changes = answer.changes.iter().map(|change| {
        json!({
            "person_id": change.person_id,
            "name": optional(&change.person_name),
            "faces_before": change.faces_before,
            "faces_after": change.faces_after,
            "lost_to": of(&change.lost_to),
            "gained_from": of(&change.gained_from),
        })
    });
    json!({
        "changes": changes.collect::<Vec<_>>(),
        "moved": answer.moved,
        "groups_before": answer.groups_before,
        "groups_after": answer.groups_after,
        "applied": answer.decision.as_ref().map(|done| decision_json(done, false)),
    })
}

pub(crate) async fn stats(daemon: &mut Daemon, out: &Output) -> Result<(), Failure> {
    let stats = daemon.people.people_stats(v1::PeopleStatsRequest {}).await?.into_inner();
    Ok(if out.is_json() { value(&stats_json(&stats)) } else { stats_text(&stats) }?)
}

fn stats_text(stats: &v1::PeopleStatsResponse) -> io::Result<()> {
    let share = |what: &str, share: Option<v1::Share>, none: &str| match share {
        Some(v1::Share { value, low, high }) => line(&format!(
            "{what}: {:.1} % (95 % interval {:.1} to {:.1})",
            value * 100.0,
            low * 100.0,
            high * 100.0
        )),
        None => line(&format!("{what}: not known: {none}")),
    };
    line(&format!(
        "{} decisions count, {} of them say of two whether they are one",
        stats.decisions, stats.answers
    ))?;
    share("faces with the right person", stats.precision, "nobody looked at faces yet")?;
    share("a person's faces found together", stats.recall, "nobody was named or merged yet")?;
    line(&format!("{} questions are open, {:.0} expected to be yes", stats.questions, stats.expected_yes))?;
    line(&format!(
        "groups are one from score {:.3} on (the pack's is {:.3})",
        stats.merge_at, stats.pack_merge_at
    ))?;
    match &stats.proposal {
        Some(proposal) => {
            line(&format!(
                "your answers speak for {:.3}: {} of {} answers wrong instead of {}, each judged by the others",
                proposal.merge_at, proposal.wrong, proposal.judged, proposal.wrong_now
            ))?;
            line(if proposal.helps {
                "`vow recluster --merge-at answers` shows what that would change"
            } else {
                "that is no more than chance: the score stays"
            })
        }
        None => line(&format!(
            "too few answers to judge that score: {} of {}",
            stats.answers, stats.enough_answers
        )),
    }
}

fn stats_json(stats: &v1::PeopleStatsResponse) -> Value {
    let share = |share: Option<v1::Share>| {
        share.map(|one| json!({ "value": short(one.value), "low": short(one.low), "high": short(one.high) }))
    };
    let proposal = stats.proposal.as_ref().map(|proposal| {
        json!({
            "merge_at": short(proposal.merge_at),
            "judged": proposal.judged,
            "wrong": proposal.wrong,
            "wrong_now": proposal.wrong_now,
            "helps": proposal.helps,
        })
    });
    json!({
        "decisions": stats.decisions,
        "answers": stats.answers,
        "precision": share(stats.precision),
        "recall": share(stats.recall),
        "questions": stats.questions,
        "expected_yes": short(stats.expected_yes),
        "pack_merge_at": short(stats.pack_merge_at),
        "merge_at": short(stats.merge_at),
        "proposal": proposal,
        "enough_answers": stats.enough_answers,
    })
}
