//! One question at a time, the most useful first: are these two the same person?

use vow_engine::{Engine, EngineError, FaceView, FileView, PersonView, Question};

use super::{At, Shown, counts, file_name};
use crate::gallery::form::Form;
use crate::gallery::html::{Html, counted};

/// Questions that can be skipped in a row.
const MOST_SKIPPED: usize = 1000;

pub(in super::super) fn show(engine: &Engine, query: &Form) -> Result<Shown, EngineError> {
    let at = query.count("at").min(MOST_SKIPPED);
    let (questions, total) = engine.questions(at.saturating_add(1))?;
    let mut html = Html::default();
    match questions.get(at) {
        Some(question) => {
            html.raw("<p class=\"count\">").text(counted(total, "open question"));
            if at > 0 {
                html.raw(", ").text(at).raw(" skipped");
            }
            html.raw("</p>\n").add(&asked(question, at));
        }
        None if questions.is_empty() => {
            html.raw(
                "<p>No question is open. New ones come up when photos have come in and all is quiet.</p>\n",
            );
        }
        None => {
            html.raw(
                "<p>That was all. <a href=\"/questions\">Look again at those that you skipped</a></p>\n",
            );
        }
    }
    Ok(Shown::sheet("Questions", At::Questions, html))
}

fn asked(question: &Question, at: usize) -> Html {
    let [(face, file), (other_face, other_file)] = &question.faces;
    let mut html = Html::default();
    html.raw("<p>");
    if question.in_doubt {
        html.raw("Is the second really ").add(&who(&question.a)).raw("?");
    } else {
        html.raw("Is ").add(&who(&question.a)).raw(" also ").add(&who(&question.b)).raw("?");
    }
    html.raw(" <span class=\"faint\">").text(format!("{:.0} % likely", question.chance * 100.0));
    html.raw("</span></p>\n<div class=\"two\">\n");
    html.add(&shown(face, file, &question.a)).add(&shown(other_face, other_file, &question.b));
    html.raw("</div>\n<form class=\"row\" method=\"post\" action=\"/questions\">");
    html.raw("<input type=\"hidden\" name=\"person\" value=\"").text(question.a.id).raw("\">");
    if question.is_face {
        html.raw("<input type=\"hidden\" name=\"face\" value=\"").text(other_face.id).raw("\">");
    } else {
        html.raw("<input type=\"hidden\" name=\"other\" value=\"").text(question.b.id).raw("\">");
    }
    html.raw("<input type=\"hidden\" name=\"at\" value=\"").text(at).raw("\">");
    html.raw("<button class=\"main\" name=\"answer\" value=\"yes\">Yes, the same</button>");
    html.raw("<button name=\"answer\" value=\"no\">No, somebody else</button>");
    html.raw("<button name=\"answer\" value=\"skip\">Skip</button></form>\n");
    html
}

fn who(person: &PersonView) -> Html {
    let mut html = Html::default();
    html.raw("<a href=\"/person/").text(person.id).raw("\"><bdi>");
    match &person.name {
        Some(name) => html.text(name),
        None => html.text(person.id),
    };
    html.raw("</bdi></a> (").text(counts(person)).raw(")");
    html
}

fn shown(face: &FaceView, file: &FileView, person: &PersonView) -> Html {
    let mut html = Html::default();
    html.raw("<figure><a href=\"/photo/").text(face.photo).raw("\"><img src=\"/portrait/").text(face.id);
    html.raw("\" alt=\"Face of ").text(person.name.clone().unwrap_or_else(|| person.id.to_string()));
    html.raw(", opens its photo\" width=\"384\" height=\"384\"></a><figcaption class=\"count\"><bdi>");
    html.text(file_name(file)).raw("</bdi></figcaption></figure>\n");
    html
}
