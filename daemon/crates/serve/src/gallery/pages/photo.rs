//! One photo, with the faces in it framed and listed.

use vow_engine::types::{ContentId, PxBox};
use vow_engine::{Engine, EngineError, FaceView, FileView};

use super::{At, file_name, page};
use crate::gallery::html::{Html, counted};
use crate::gallery::reply::Reply;

pub(in super::super) fn show(engine: &Engine, id: ContentId) -> Result<Reply, EngineError> {
    let (files, faces) = engine.faces_of_photo(id)?;
    let first = files.first().ok_or(EngineError::NoFile(id))?;
    let mut html = Html::default();
    html.add(&framed(first, &faces));
    html.raw("<h2>").text(counted(faces.len(), "face")).raw("</h2>\n<ul class=\"grid small\">\n");
    for face in &faces {
        html.raw("<li>");
        if let Some(person) = face.person {
            html.raw("<a href=\"/person/").text(person).raw("\">");
        }
        html.raw("<img src=\"/face/").text(face.id).raw("\" alt=\"Face of ").text(whose(face));
        html.raw("\" width=\"192\" height=\"192\" loading=\"lazy\"><span><bdi>").text(whose(face));
        html.raw("</bdi></span><span class=\"count\">").text(face.id).raw("</span>");
        html.raw(if face.person.is_some() { "</a></li>\n" } else { "</li>\n" });
    }
    html.raw("</ul>\n<h2>").text(counted(files.len(), "file")).raw("</h2>\n<ul>\n");
    for file in &files {
        html.raw("<li><code>").text(file.path.display()).raw("</code></li>\n");
    }
    html.raw("</ul>\n");
    Ok(Reply::Page(page(&file_name(first), At::Elsewhere, &html)))
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

fn whose(face: &FaceView) -> &str {
    face.name.as_deref().unwrap_or("somebody without a name")
}
