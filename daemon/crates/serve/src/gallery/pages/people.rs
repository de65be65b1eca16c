//! Everyone: people with a name first, then the others by number of faces.

use vow_engine::{Engine, EngineError, NameFilter, PersonOrder};

use super::{At, Shown, counts, pages, tiles};
use crate::gallery::form::Form;
use crate::gallery::html::{Html, counted};
use crate::people::LEAST_FACES;

/// People on a page.
const SHOWN: usize = 60;

pub(in super::super) fn show(engine: &Engine, query: &Form) -> Result<Shown, EngineError> {
    let (from, hidden, all) = (query.count("from"), query.says_yes("hidden"), query.says_yes("all"));
    let least = if all { 1 } else { LEAST_FACES };
    let (people, total) =
        engine.list_people(NameFilter::Any, PersonOrder::Name, hidden, least, from, SHOWN)?;
    let mut html = Html::default();
    if people.is_empty() {
        html.add(&nobody(engine, hidden)?);
    } else {
        html.add(&tiles(people.iter().map(|person| (person, counts(person)))));
    }
    let rest = match (hidden, all) {
        (true, _) => "&amp;hidden=yes",
        (_, true) => "&amp;all=yes",
        _ => "",
    };
    html.add(&pages("/", rest, from, SHOWN, total));
    html.raw("<p class=\"row faint\">");
    if hidden || all {
        html.raw("<a href=\"/\">Back to people</a>");
    } else {
        html.raw("<a href=\"/?all=yes\">Also groups of one or two faces</a>");
        html.raw(" <a href=\"/?hidden=yes\">People who are hidden</a>");
    }
    html.raw("</p>\n");
    let title = if hidden { "People who are hidden" } else { "People" };
    Ok(Shown::sheet(title, At::People, html))
}

/// Why nobody is shown, and what helps.
fn nobody(engine: &Engine, hidden: bool) -> Result<Html, EngineError> {
    let mut html = Html::default();
    if hidden {
        html.raw("<p>Nobody is hidden.</p>\n");
        return Ok(html);
    }
    let status = engine.status()?;
    if status.folders == 0 {
        html.raw("<p>No folder is watched yet: <code>vow folder add DIR</code> adds one.</p>\n");
    } else if status.pending > 0 {
        let pending = usize::try_from(status.pending).unwrap_or(usize::MAX);
        html.raw("<p>Nobody yet: ").text(counted(pending, "file"));
        html.raw(" still to be looked at. Reload this page in a while.</p>\n");
    } else {
        html.raw("<p>Nobody here has been seen three times yet.</p>\n");
    }
    Ok(html)
}
