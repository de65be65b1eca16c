//! Questions to humans, and reasons, in the words of the wire.

use vow_engine::{Explained, FaceView, FileView, NearFace, Question};
use vow_proto::v1;

use crate::{convert, history};

pub(crate) fn suggestion(question: Question) -> v1::Suggestion {
    let [face, other_face] = question.faces.map(shown);
    v1::Suggestion {
        person: Some(convert::person(question.a)),
        other: Some(convert::person(question.b)),
        face: Some(face),
        other_face: Some(other_face),
        is_face: question.is_face,
        in_doubt: question.in_doubt,
        score: question.score,
        merge_at: question.merge_at,
        chance: question.chance,
    }
}

fn shown((face, file): (FaceView, FileView)) -> v1::ShownFace {
    v1::ShownFace { face: Some(convert::face(face)), file: Some(convert::file(file)) }
}

pub(crate) fn explained(why: Explained, same_cosine: f32) -> v1::ExplainResponse {
    v1::ExplainResponse {
        face: Some(convert::face(why.face)),
        files: why.files.into_iter().map(convert::file).collect(),
        is_no_face: why.is_no_face,
        placement: why.placed.map(|placed| v1::Placement {
            strong: placed.strong,
            score: placed.score,
            threshold: placed.threshold,
        }),
        is_person_id: why.said.is.map(|person| person.to_string()).unwrap_or_default(),
        is_not_person_ids: why.said.is_not.iter().map(ToString::to_string).collect(),
        confirmed: why.confirmed.into_iter().map(near).collect(),
        nearest: why.nearest.into_iter().map(near).collect(),
        runner_up: why.runner_up.map(|other| v1::LooksLike {
            person_id: other.person.to_string(),
            person_name: other.name.unwrap_or_default(),
            score: other.score,
            barred: other.barred,
        }),
        decisions: why.decisions.into_iter().map(history::entry).collect(),
        same_cosine,
    }
}

fn near(near: NearFace) -> v1::NearFace {
    v1::NearFace {
        face_id: near.face.to_string(),
        cosine: near.cosine,
        person_id: near.person.to_string(),
        person_name: near.name.unwrap_or_default(),
        confirmed: near.confirmed,
    }
}
