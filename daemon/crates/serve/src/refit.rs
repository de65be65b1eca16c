//! Sorting everyone out anew, and how good the grouping is, in the words of the wire.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tonic::Status;
use vow_depot::Cancel;
use vow_engine::types::{PersonId, num};
use vow_engine::{
    Change, DbscanParams, Difference, Done, ENOUGH_ANSWERS, Method, Onlooker, PeopleStats, RefitStage,
    RefitStep,
};
use vow_proto::v1;
use vow_proto::v1::recluster_request::Method as Wire;
use vow_proto::v1::recluster_response::Step;

use crate::history;
use crate::steps::Teller;

pub(crate) fn method(request: &v1::ReclusterRequest) -> Result<Method, Status> {
    let v1::ReclusterRequest { merge_at, eps, min_samples, .. } = *request;
    match request.method() {
        Wire::Unspecified if eps.is_some() || min_samples.is_some() => {
            Err(Status::invalid_argument("eps and min_samples are dbscan's; choose it as the method"))
        }
        Wire::Unspecified => Ok(Method::Grow(merge_at)),
        Wire::Dbscan if merge_at.is_some() => {
            Err(Status::invalid_argument("dbscan knows no score to merge at; it has eps and min_samples"))
        }
        Wire::Dbscan => {
            let usual = DbscanParams::default();
            Ok(Method::Dbscan(DbscanParams {
                eps: eps.unwrap_or(usual.eps),
                min_samples: min_samples.map_or(usual.min_samples, num::index),
            }))
        }
    }
}

/// Tells at most so often how far it is, but of every new stage at once.
const OFTEN: Duration = Duration::from_millis(50);

/// Passes on how far it is, until it is called off.
pub(crate) fn onlooker(teller: Teller<v1::ReclusterResponse>, cancel: Cancel) -> Onlooker {
    let last = Mutex::new(None);
    Arc::new(move |step: RefitStep| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |(stage, when): (RefitStage, Instant)| stage != step.stage || when.elapsed() >= OFTEN;
        if last.is_none_or(is_due) {
            *last = Some((step.stage, Instant::now()));
            teller.tell(v1::ReclusterResponse { step: Some(Step::Progress(progress(step))) });
        }
        !cancel.is_cancelled()
    })
}

fn progress(step: RefitStep) -> v1::ReclusterProgress {
    use v1::recluster_progress::Stage;
    let stage = match step.stage {
        RefitStage::Reading => Stage::Reading,
        RefitStage::Density => Stage::Density,
        RefitStage::Comparing => Stage::Comparing,
        RefitStage::Merging => Stage::Merging,
        RefitStage::Applying => Stage::Applying,
    };
    let (done, total) = (num::len_u64(step.done), step.total.map(num::len_u64));
    v1::ReclusterProgress { stage: stage.into(), done, total }
}

pub(crate) fn difference(difference: Difference, done: Option<Done>) -> v1::ReclusterResponse {
    let difference = v1::ReclusterDifference {
        changes: difference.changes.into_iter().map(change).collect(),
        moved: num::len_u64(difference.moved),
        groups_before: num::len_u64(difference.before),
        groups_after: num::len_u64(difference.after),
        decision: done.map(history::done),
    };
    v1::ReclusterResponse { step: Some(Step::Difference(Box::new(difference))) }
}

fn change(change: Change) -> v1::PersonChange {
    let faces = |of: BTreeMap<PersonId, usize>| {
        let faces = |(person, faces): (PersonId, usize)| v1::FacesOf {
            person_id: person.to_string(),
            faces: num::len_u64(faces),
        };
        of.into_iter().map(faces).collect()
    };
    v1::PersonChange {
        person_id: change.person.to_string(),
        person_name: change.name.unwrap_or_default(),
        faces_before: num::len_u64(change.before),
        faces_after: num::len_u64(change.after),
        lost_to: faces(change.lost),
        gained_from: faces(change.gained),
    }
}

pub(crate) fn stats(stats: PeopleStats) -> v1::PeopleStatsResponse {
    let share = |[value, low, high]: [f32; 3]| v1::Share { value, low, high };
    v1::PeopleStatsResponse {
        decisions: num::len_u64(stats.decisions),
        answers: num::len_u64(stats.answers),
        precision: stats.precision.map(share),
        recall: stats.recall.map(share),
        questions: num::len_u64(stats.questions),
        expected_yes: stats.expected_yes,
        pack_merge_at: stats.pack_merge_at,
        merge_at: stats.merge_at,
        proposal: stats.proposal.map(|proposal| v1::Proposal {
            merge_at: proposal.merge_at,
            judged: num::len_u32(proposal.judged),
            wrong: num::len_u32(proposal.wrong),
            wrong_now: num::len_u32(proposal.wrong_now),
            helps: proposal.helps(),
        }),
        enough_answers: num::len_u32(ENOUGH_ANSWERS),
    }
}
