//! Verifying in the words of the wire: each finding with what it is, where, and what to do about it.

use std::time::{Duration, Instant};

use vow_depot::Cancel;
use vow_engine::{Engine, EngineError, Problem, Verified};
use vow_proto::v1;
use vow_proto::v1::verify_finding::Kind;
use vow_proto::v1::verify_progress::Stage;
use vow_proto::v1::verify_response::Step;

use crate::convert;
use crate::steps::Teller;

/// Tells at most so often how far it is.
const OFTEN: Duration = Duration::from_millis(100);

/// Verifies, and tells `teller` how far it is and what was found, until it is called off.
pub(crate) fn verify(
    engine: &Engine,
    originals: bool,
    teller: &Teller<v1::VerifyResponse>,
    cancel: &Cancel,
) -> Result<v1::VerifyResponse, EngineError> {
    let (mut last, mut rows) = (None::<Instant>, 0);
    let answer = |step| v1::VerifyResponse { step: Some(step) };
    let all = engine.verify(originals, &mut |step| {
        if let Verified::Rows(done, _) = step {
            rows = done;
        }
        match step {
            // Nothing that was found may be dropped; whoever reads it slowly is waited for.
            Verified::Found(problem) => teller.insist(answer(Step::Finding(finding(problem)))),
            step if last.is_none_or(|last| last.elapsed() >= OFTEN) => {
                last = Some(Instant::now());
                teller.tell(answer(Step::Progress(progress(&step))));
            }
            _ => {}
        }
        !cancel.is_cancelled()
    })?;
    Ok(answer(Step::Summary(v1::VerifySummary {
        rows,
        findings: all.problems,
        index_compared: all.index,
        originals: originals.then_some(all.originals),
    })))
}

fn progress(step: &Verified) -> v1::VerifyProgress {
    let (stage, done, total) = match *step {
        Verified::Rows(done, total) => (Stage::Rows, done, total),
        Verified::Faces(done) => (Stage::Index, done, done),
        Verified::Originals(done, total) => (Stage::Originals, done, total),
        Verified::Found(_) => (Stage::Unspecified, 0, 0),
    };
    v1::VerifyProgress { stage: stage.into(), done, total }
}

fn finding(problem: Problem) -> v1::VerifyFinding {
    const BACKUP: &str = "check the disk; `vow restore FILE` brings a backup back that was made before";
    const ANEW: &str =
        "stop vowd, remove the folder `index` in its data folder, and start it again: it is made anew";
    let about = |kind: Kind, what: &str, todo: &str| v1::VerifyFinding {
        kind: kind.into(),
        what: what.to_owned(),
        advice: todo.to_owned(),
        ..v1::VerifyFinding::default()
    };
    let of = |path: &std::path::Path, finding| v1::VerifyFinding { path: convert::bytes(path), ..finding };
    match problem {
        Problem::Row(row) => {
            let todo = if row.derived {
                "nothing that is known was lost, but answers may be wrong; `vow restore FILE` brings a backup back that was made before"
            } else {
                BACKUP
            };
            v1::VerifyFinding {
                table: row.table.to_owned(),
                row: row.row,
                ..about(Kind::Row, &row.what, todo)
            }
        }
        Problem::NotInIndex(face) => v1::VerifyFinding {
            row: face.to_string(),
            ..about(Kind::Index, "it is not in the index as it is stored: nobody finds it by its looks", ANEW)
        },
        Problem::TooManyInIndex(faces) => {
            about(Kind::Index, &format!("it has {faces} faces more than can be seen"), ANEW)
        }
        Problem::Offline(path) => of(
            &path,
            about(
                Kind::Offline,
                "this watched folder is offline, its originals were not read",
                "mount it and verify again",
            ),
        ),
        Problem::Missing(path) => of(
            &path,
            about(
                Kind::Missing,
                "it is gone",
                "`vow rescan` notices if that is meant; otherwise bring it back from a copy",
            ),
        ),
        Problem::Changed(path, true) => of(
            &path,
            about(Kind::Changed, "it was changed and not looked at since", "`vow rescan` looks at it anew"),
        ),
        Problem::Changed(path, false) => of(
            &path,
            about(
                Kind::Changed,
                "its picture is another one, though its size and time are what they were: the disk may be failing",
                "compare it with a copy; `touch` it if it is as you want it, and it is looked at anew",
            ),
        ),
        Problem::Unreadable(path, why) => of(
            &path,
            about(Kind::Unreadable, &why, "check the disk and permissions, or bring it back from a copy"),
        ),
    }
}
