//! People by a part of their name, whatever the case; those who are hidden are left out.

use vow_engine::{Engine, EngineError, NameFilter, PersonOrder};

use super::{At, Shown, counts, tiles};
use crate::gallery::form::Form;
use crate::gallery::html::Html;

/// People that are shown.
const SHOWN: usize = 200;

pub(in super::super) fn show(engine: &Engine, query: &Form) -> Result<Shown, EngineError> {
    let wanted = query.get("q").unwrap_or_default().trim();
    let part = wanted.to_lowercase();
    let (mut people, _) =
        engine.list_people(NameFilter::Named, PersonOrder::Name, false, 1, 0, usize::MAX)?;
    people.retain(|one| one.name.as_ref().is_some_and(|name| name.to_lowercase().contains(&part)));
    people.truncate(SHOWN);
    let mut html = Html::default();
    if people.is_empty() {
        html.raw("<p>Nobody has a name like that. <a href=\"/\">All people</a></p>\n");
    } else {
        html.add(&tiles(people.iter().map(|person| (person, counts(person)))));
    }
    let title = if wanted.is_empty() { "People with a name".to_owned() } else { format!("Search: {wanted}") };
    Ok(Shown::sheet(title, At::Elsewhere, html))
}
