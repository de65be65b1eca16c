//! One photo, with the faces in it framed and listed, what can be said about each, and the ways to the photos before and after
//! it where it is one of somebody's.

use vow_engine::types::{ContentId, PersonId, PxBox};
use vow_engine::{Engine, EngineError, FaceView, FileView, PhotoQuery};

use super::{At, MINUTE, Shown, called, file_name, moment, names};
use crate::gallery::form::Form;
use crate::gallery::html::{Html, counted};
use crate::gallery::route::person;

pub(in super::super) fn show(engine: &Engine, id: ContentId, query: &Form) -> Result<Shown, EngineError> {
    let (files, faces) = engine.faces_of_photo(id)?;
    let first = files.first().ok_or(EngineError::NoFile(id))?;
    let mut html = Html::default();
    // Whoever was merged away or sorted out meanwhile leads nowhere, and the photo is the same.
    let of = query.get("of").and_then(person).and_then(|of| engine.find_person(&of.to_string()).ok());
    if let Some(of) = of {
        html.add(&ways(engine, id, of)?);
    }
    if let Some(taken) = files.iter().find_map(|file| file.taken) {
        html.raw("<p class=\"count\">Taken ").text(moment(taken, MINUTE)).raw("</p>\n");
    }
    html.add(&framed(first, &faces));
    html.raw("<h2>").text(counted(faces.len(), "face")).raw("</h2>\n<ul class=\"grid\">\n");
    for face in &faces {
        html.raw("<li>").add(&shown(face));
        if let Some(person) = face.person {
            html.add(&forms(face, person, of));
        }
        html.raw("</li>\n");
    }
    html.raw("</ul>\n")
        .add(&names(engine)?)
        .raw("<h2>")
        .text(counted(files.len(), "file"))
        .raw("</h2>\n<ul>\n");
    for file in &files {
        html.raw("<li><code>").text(file.path.display()).raw("</code></li>\n");
    }
    html.raw("</ul>\n");
    Ok(Shown::sheet(file_name(first), At::Elsewhere, html))
}

/// To the photos of this person before and after this one, oldest first as on their page.
fn ways(engine: &Engine, id: ContentId, of: PersonId) -> Result<Html, EngineError> {
    let query = PhotoQuery { people: vec![of], ..PhotoQuery::default() };
    let (mut before, mut here, mut after) = (None, false, None);
    engine.each_photo(&query, &mut |photo| {
        let other = photo.file.photo;
        match (other == id, here) {
            (true, _) => here = true,
            (false, false) => before = Some(other),
            (false, true) => after = Some(other),
        }
        after.is_none()
    })?;
    let mut html = Html::default();
    html.raw("<nav class=\"pages\" aria-label=\"Photos\">");
    let mut way = |to: Option<ContentId>, what: &'static str| {
        if let Some(to) = to.filter(|_| here) {
            html.raw("<a class=\"button\" href=\"/photo/").text(to).raw("?of=").text(of).raw(what);
        }
    };
    way(before, "\" rel=\"prev\">Before</a>");
    way(after, "\" rel=\"next\">Next</a>");
    html.raw("<a href=\"/person/").text(of).raw("\"><bdi>").text(called(&engine.person(of)?));
    html.raw("</bdi></a></nav>\n");
    Ok(html)
}

/// The photo with a frame around each face; frames of people lead to them.
fn framed(file: &FileView, faces: &[FaceView]) -> Html {
    let mut html = Html::default();
    html.raw("<div class=\"photo\"><img src=\"/large/").text(file.photo).raw("\" alt=\"The photo ");
    html.text(file_name(file)).raw("\" width=\"").text(file.upright.width).raw("\" height=\"");
    html.text(file.upright.height).raw("\">\n<svg viewBox=\"0 0 ").text(file.upright.width).raw(" ");
    html.text(file.upright.height).raw("\" preserveAspectRatio=\"none\">\n");
    for face in faces {
        let PxBox { left, top, right, bottom } = face.bbox;
        if let Some(person) = face.person {
            html.raw("<a href=\"/person/").text(person).raw("\">");
        }
        html.raw("<rect x=\"")
            .text(left)
            .raw("\" y=\"")
            .text(top)
            .raw("\" width=\"")
            .text((right - left).max(0.0));
        html.raw("\" height=\"").text((bottom - top).max(0.0)).raw("\"><title>").text(whose(face));
        html.raw("</title></rect>").raw(if face.person.is_some() { "</a>\n" } else { "\n" });
    }
    html.raw("</svg></div>\n");
    html
}

fn shown(face: &FaceView) -> Html {
    let mut html = Html::default();
    if let Some(person) = face.person {
        html.raw("<a href=\"/person/").text(person).raw("\">");
    }
    html.raw("<img src=\"/face/").text(face.id).raw("\" alt=\"Face of ").text(whose(face));
    html.raw("\" width=\"192\" height=\"192\" loading=\"lazy\"><span><bdi>").text(whose(face));
    html.raw("</bdi></span><span class=\"count\">").text(face.id).raw("</span>");
    html.raw(if face.person.is_some() { "</a>" } else { "" });
    html
}

/// What can be said about a face that is taken for somebody.
fn forms(face: &FaceView, person: PersonId, of: Option<PersonId>) -> Html {
    let mut html = Html::default();
    html.raw("<details><summary>Change</summary><form method=\"post\" action=\"/face/")
        .text(face.id)
        .raw("\">");
    html.raw("<input type=\"hidden\" name=\"photo\" value=\"").text(face.photo);
    html.raw("\"><input type=\"hidden\" name=\"person\" value=\"").text(person).raw("\">");
    if let Some(of) = of {
        html.raw("<input type=\"hidden\" name=\"of\" value=\"").text(of).raw("\">");
    }
    html.raw("<label>Who is it? <input name=\"name\" list=\"names\" maxlength=\"200\" autocomplete=\"off\"></label>");
    html.raw("<button class=\"main\" name=\"do\" value=\"are\">Save</button>");
    let who = face.name.as_deref().unwrap_or("this person");
    html.raw("<button name=\"do\" value=\"not\">Not <bdi>").text(who).raw("</bdi></button>");
    html.raw("<button name=\"do\" value=\"none\">Not a face</button>");
    html.raw("<button name=\"do\" value=\"cover\">Show it for <bdi>").text(who).raw("</bdi></button>");
    html.raw("</form></details>");
    html
}

fn whose(face: &FaceView) -> &str {
    face.name.as_deref().unwrap_or("somebody without a name")
}
