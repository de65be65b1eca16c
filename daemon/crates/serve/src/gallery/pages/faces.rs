//! All faces of a person, to point out those that are somebody else or none.

use vow_engine::types::PersonId;
use vow_engine::{Engine, EngineError};

use super::{At, Shown, called, names, pages};
use crate::gallery::form::Form;
use crate::gallery::html::{Html, counted};

/// Faces on a page.
const SHOWN: usize = 120;

pub(in super::super) fn show(engine: &Engine, id: PersonId, query: &Form) -> Result<Shown, EngineError> {
    let found = engine.find_person(&id.to_string())?;
    if found != id {
        return Ok(Shown::See(format!("/person/{found}/faces")));
    }
    let (person, from) = (engine.person(id)?, query.count("from"));
    let faces = engine.faces_of_person(id, from.saturating_add(SHOWN))?;
    let mut html = Html::default();
    html.raw("<p class=\"count\">").text(counted(person.faces, "face"));
    html.raw(", the best first. <a href=\"/person/").text(id).raw("\">Back to the person</a></p>\n");
    html.raw("<p>Mark the faces that are not this person, or not a face, and say what they are.</p>\n");
    html.raw("<form method=\"post\" action=\"/person/").text(id).raw("/faces\">\n");
    html.raw("<input type=\"hidden\" name=\"from\" value=\"")
        .text(from)
        .raw("\">\n<ul class=\"grid small\">\n");
    for face in faces.iter().skip(from) {
        html.raw("<li><label class=\"pick\"><input type=\"checkbox\" name=\"face\" value=\"").text(face.id);
        html.raw("\"><img src=\"/face/").text(face.id).raw("\" alt=\"Face ").text(face.id);
        html.raw(
            "\" width=\"192\" height=\"192\" loading=\"lazy\"></label><a class=\"plain\" href=\"/photo/",
        );
        html.text(face.photo).raw("?of=").text(id).raw("\">photo</a></li>\n");
    }
    html.raw("</ul>\n<div class=\"row stays\"><label>Who are they? <input name=\"name\" list=\"names\" ");
    html.raw("maxlength=\"200\" autocomplete=\"off\" placeholder=\"somebody else\"></label>");
    html.raw("<button class=\"main\" name=\"do\" value=\"are\">They are not ").text(called(&person));
    html.raw("</button><button name=\"do\" value=\"none\">They are no faces</button></div>\n</form>\n");
    html.add(&names(engine)?);
    html.add(&pages(&format!("/person/{id}/faces"), "", from, SHOWN, person.faces));
    Ok(Shown::sheet(format!("Faces of {}", called(&person)), At::Elsewhere, html))
}
