//! One person: the name and what can be said about them, their best faces, their photos, and who else is in those.

use vow_engine::types::PersonId;
use vow_engine::{Engine, EngineError, FaceView, PersonPhoto, PersonView, PhotoQuery};

use super::{At, Shown, called, counts, days, file_name, names, pages, tiles};
use crate::gallery::form::Form;
use crate::gallery::html::{Html, counted};

/// Faces, photos and companions that are shown.
const FACES: usize = 12;
const PHOTOS: usize = 48;
const COMPANIONS: usize = 12;

pub(in super::super) fn show(engine: &Engine, id: PersonId, query: &Form) -> Result<Shown, EngineError> {
    let found = engine.find_person(&id.to_string())?;
    if found != id {
        return Ok(Shown::See(format!("/person/{found}")));
    }
    let person = engine.person(id)?;
    let mut html = Html::default();
    html.raw("<p class=\"count\">").text(counts(&person));
    if let Some(days) = days(person.taken) {
        html.raw(", ").text(days);
    }
    html.raw("</p>\n");
    html.add(&name_form(engine, &person)?).add(&namesakes(engine, &person)?);
    html.raw("<h2>Best faces</h2>\n").add(&faces(&engine.faces_of_person(id, FACES)?, id));
    html.raw("<p class=\"row\"><a class=\"button\" href=\"/person/").text(id);
    html.raw("/faces\">Somebody else among them? Look at all faces</a> <a href=\"/history?person=").text(id);
    html.raw("\">What was said about this person</a></p>\n");
    let from = query.count("from");
    let photos_of = PhotoQuery { people: vec![id], ..PhotoQuery::default() };
    let (photos, total) = engine.photos(&photos_of, from, PHOTOS)?;
    html.raw("<h2>").text(counted(total, "photo")).raw("</h2>\n").add(&grid(&photos, id));
    html.add(&pages(&format!("/person/{id}"), "", from, PHOTOS, total));
    let companions = engine.companions(&[id], COMPANIONS)?;
    if !companions.is_empty() {
        html.raw("<h2>Who else is in these photos</h2>\n");
        let together = |photos| format!("{} together", counted(photos, "photo"));
        html.add(&tiles(companions.iter().map(|one| (&one.person, together(one.photos)))));
    }
    html.add(&hide_form(&person));
    Ok(Shown::sheet(called(&person), At::Elsewhere, html))
}

/// The name is sent with what it was when the page was made, so that nobody's word is lost unseen.
fn name_form(engine: &Engine, person: &PersonView) -> Result<Html, EngineError> {
    let name = person.name.as_deref().unwrap_or_default();
    let mut html = Html::default();
    html.raw("<form class=\"row\" method=\"post\" action=\"/person/").text(person.id).raw("/name\">");
    html.raw(
        "<label for=\"name\">Name</label> <input id=\"name\" name=\"name\" list=\"names\" maxlength=\"200\" ",
    );
    html.raw("autocomplete=\"off\" value=\"").text(name).raw("\">");
    html.raw("<input type=\"hidden\" name=\"before\" value=\"").text(name).raw("\">");
    html.raw("<button class=\"main\">Save the name</button></form>\n").add(&names(engine)?);
    Ok(html)
}

/// Whoever bears the same name is perhaps the same person.
fn namesakes(engine: &Engine, person: &PersonView) -> Result<Html, EngineError> {
    let mut html = Html::default();
    let Some(name) = &person.name else { return Ok(html) };
    let others = match engine.find_person(name) {
        Err(EngineError::AmbiguousPerson { candidates, .. }) => candidates,
        Ok(_) | Err(EngineError::UnknownPerson(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    for other in others.into_iter().filter(|other| *other != person.id) {
        html.raw("<form class=\"row\" method=\"post\" action=\"/person/").text(person.id).raw("/merge\">");
        html.raw("<span><a href=\"/person/")
            .text(other)
            .raw("\">")
            .text(other)
            .raw("</a> has this name too.</span>");
        html.raw("<input type=\"hidden\" name=\"other\" value=\"").text(other);
        html.raw("\"><button>They are one person</button></form>\n");
    }
    Ok(html)
}

fn hide_form(person: &PersonView) -> Html {
    let mut html = Html::default();
    html.raw("<h2>Not interested?</h2>\n<form class=\"row\" method=\"post\" action=\"/person/")
        .text(person.id);
    html.raw("/hide\"><input type=\"hidden\" name=\"hidden\" value=\"");
    if person.hidden {
        html.raw("no\"><button>List this person again</button></form>\n");
    } else {
        html.raw("yes\"><button>Hide this person</button> <span class=\"faint\">");
        html.raw("Nothing is deleted; the photos stay as they are.</span></form>\n");
    }
    html
}

fn faces(faces: &[FaceView], of: PersonId) -> Html {
    let mut html = Html::default();
    html.raw("<ul class=\"grid small\">\n");
    for face in faces {
        html.raw("<li><a href=\"/photo/").text(face.photo).raw("?of=").text(of);
        html.raw("\"><img src=\"/face/").text(face.id);
        html.raw("\" alt=\"Face ").text(face.id).raw(", opens its photo\" width=\"192\" height=\"192\" ");
        html.raw("loading=\"lazy\"></a></li>\n");
    }
    html.raw("</ul>\n");
    html
}

/// Photos as tiles: each once, by its first file.
fn grid(photos: &[PersonPhoto], of: PersonId) -> Html {
    let mut html = Html::default();
    html.raw("<ul class=\"grid\">\n");
    let mut last = None;
    for PersonPhoto { file, .. } in photos {
        // The files of a photo come one after the other.
        if last.replace(file.photo) == Some(file.photo) {
            continue;
        }
        html.raw("<li><a href=\"/photo/").text(file.photo).raw("?of=").text(of);
        html.raw("\"><img src=\"/small/").text(file.photo);
        html.raw("\" alt=\"\" width=\"320\" height=\"320\" loading=\"lazy\"><span class=\"count\"><bdi>");
        html.text(file_name(file)).raw("</bdi></span></a></li>\n");
    }
    html.raw("</ul>\n");
    html
}
