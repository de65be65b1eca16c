//! Who is in a picture that is in no folder: a guest's selfie, say.

use vow_engine::types::PersonId;
use vow_engine::{Engine, EngineError, SimilarHit, Stranger};

use super::{At, Shown, counts, tiles};
use crate::gallery::html::{Html, counted};
use crate::gallery::upload::PICTURE;

/// Known faces that are looked at for each in the picture.
const LOOKED_AT: usize = 60;
/// People that are shown for each.
const SHOWN: usize = 6;

pub(in super::super) fn show() -> Shown {
    let mut html = Html::default();
    html.raw("<p>Choose a picture, a selfie for instance: who in it is known is shown, and leads to all of their photos. ");
    html.raw("Nothing of it is kept.</p>\n").add(&form());
    Shown::sheet("Find somebody by a picture", At::Find, html)
}

fn form() -> Html {
    let mut html = Html::default();
    html.raw("<form class=\"row\" method=\"post\" action=\"/find\" enctype=\"multipart/form-data\">");
    html.raw("<label>Picture <input type=\"file\" accept=\"image/*\" required name=\"").text(PICTURE);
    html.raw("\"></label><button class=\"main\">Find</button></form>\n");
    html
}

pub(in super::super) fn answer(engine: &Engine, picture: &[u8]) -> Result<Shown, EngineError> {
    let strangers = engine.similar_to_picture(picture, LOOKED_AT, -1.0)?;
    let mut html = Html::default();
    if strangers.is_empty() {
        html.raw("<p>There is no face in that picture.</p>\n");
    }
    for (number, stranger) in (1..).zip(&strangers) {
        if strangers.len() > 1 {
            html.raw("<h2>Face ").text(number).raw(", by size</h2>\n");
        }
        html.add(&who(engine, stranger)?);
    }
    html.raw("<h2>Another picture</h2>\n").add(&form());
    let title = if strangers.len() > 1 { counted(strangers.len(), "face") } else { "Who is it?".to_owned() };
    Ok(Shown::sheet(title, At::Find, html))
}

/// The people whom a face looks like, each once, by their face that is most alike.
fn who(engine: &Engine, stranger: &Stranger) -> Result<Html, EngineError> {
    let mut best: Vec<(PersonId, f32)> = Vec::new();
    for SimilarHit { face, cosine, .. } in &stranger.similar {
        if let Some(person) = face.person
            && best.len() < SHOWN
            && best.iter().all(|(other, _)| *other != person)
        {
            best.push((person, *cosine));
        }
    }
    let same = engine.same_cosine();
    let (likely, others): (Vec<_>, Vec<_>) = best.into_iter().partition(|(_, cosine)| *cosine >= same);
    let mut html = Html::default();
    if likely.is_empty() {
        html.raw("<p>Nobody who is known looks like that.</p>\n");
    }
    html.add(&row(engine, &likely)?);
    if !others.is_empty() {
        html.raw("<details><summary>Less alike</summary>").add(&row(engine, &others)?).raw("</details>\n");
    }
    Ok(html)
}

fn row(engine: &Engine, people: &[(PersonId, f32)]) -> Result<Html, EngineError> {
    if people.is_empty() {
        return Ok(Html::default());
    }
    let views = people.iter().map(|(person, cosine)| Ok((engine.person(*person)?, *cosine)));
    // Somebody may have been merged away a moment ago.
    let views = views.filter(|view| !matches!(view, Err(EngineError::UnknownPerson(_))));
    let views = views.collect::<Result<Vec<_>, EngineError>>()?;
    Ok(tiles(views.iter().map(|(view, cosine)| (view, format!("{cosine:.2} alike, {}", counts(view))))))
}
