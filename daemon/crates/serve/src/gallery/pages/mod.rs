//! The gallery's pages, and what they share: the frame around them, people as tiles, ways to the pages before and after.

pub(super) mod faces;
pub(super) mod find;
pub(super) mod history;
pub(super) mod people;
pub(super) mod person;
pub(super) mod photo;
pub(super) mod questions;
pub(super) mod search;

use vow_engine::{Engine, EngineError, FileView, NameFilter, PersonOrder, PersonView};

use super::html::{Html, counted};
use super::reply::Reply;

/// Names that are offered while one is typed.
const NAMES: usize = 300;

/// The page that one is on, for the way there at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    People,
    Questions,
    History,
    Find,
    Elsewhere,
}

/// What is shown where a page is asked for.
#[derive(Debug)]
pub(super) enum Shown {
    Sheet(Sheet),
    /// Look there.
    See(String),
}

/// A page without what is around it.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) title: String,
    pub(super) at: At,
    pub(super) content: Html,
}

impl Shown {
    fn sheet(title: impl Into<String>, at: At, content: Html) -> Self {
        Self::Sheet(Sheet { title: title.into(), at, content })
    }

    /// The answer, with what is to be said first.
    pub(super) fn framed(self, first: &Html) -> Reply {
        match self {
            Self::Sheet(sheet) => Reply::Page(sheet.framed(first)),
            Self::See(to) => Reply::See(to),
        }
    }
}

impl Sheet {
    /// The whole page, with what is to be said first.
    pub(super) fn framed(self, first: &Html) -> Html {
        let Self { title, at, content } = self;
        let mut html = Html::default();
        html.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>")
            .text(&title);
        html.raw(" - VowImager</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        html.raw(
            "<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n<header>\n<nav class=\"row\">\n",
        );
        html.raw("<a href=\"/\"").raw(current(at == At::People)).raw(">People</a>\n");
        html.raw("<a href=\"/questions\"").raw(current(at == At::Questions)).raw(">Questions</a>\n");
        html.raw("<a href=\"/find\"").raw(current(at == At::Find)).raw(">By picture</a>\n");
        html.raw("<a href=\"/history\"").raw(current(at == At::History)).raw(">History</a>\n</nav>\n");
        html.raw("<form action=\"/search\" role=\"search\"><label>Name <input type=\"search\" name=\"q\"></label> ");
        html.raw("<button>Search</button></form>\n</header>\n<main>\n").add(first);
        html.raw("<h1><bdi>").text(title).raw("</bdi></h1>\n");
        html.add(&content).raw("</main>\n</body>\n</html>\n");
        html
    }
}

fn current(here: bool) -> &'static str {
    if here { " aria-current=\"page\"" } else { "" }
}

/// A page about what went wrong.
pub(super) fn trouble(text: &str) -> Html {
    let mut content = Html::default();
    content.raw("<p class=\"warn\">").text(text).raw("</p>\n<p><a href=\"/\">To all people</a></p>\n");
    Sheet { title: "That did not work".to_owned(), at: At::Elsewhere, content }.framed(&Html::default())
}

/// What a person is called on a page.
fn called(person: &PersonView) -> String {
    person.name.clone().unwrap_or_else(|| format!("No name yet ({})", person.id))
}

/// People as tiles. `count` says what stands below the name.
fn tiles<'a>(people: impl Iterator<Item = (&'a PersonView, String)>) -> Html {
    let mut html = Html::default();
    html.raw("<ul class=\"grid\">\n");
    for (person, count) in people {
        html.raw("<li><a href=\"/person/").text(person.id).raw("\">");
        if let Some(face) = person.cover {
            let whose = person.name.as_deref().unwrap_or("somebody without a name");
            html.raw("<img src=\"/face/").text(face).raw("\" alt=\"Face of ").text(whose);
            html.raw("\" width=\"192\" height=\"192\" loading=\"lazy\">");
        }
        match &person.name {
            Some(name) => html.raw("<span><bdi>").text(name).raw("</bdi></span>"),
            None => html.raw("<span class=\"faint\">no name yet</span>"),
        };
        html.raw("<span class=\"count\">").text(count).raw("</span></a></li>\n");
    }
    html.raw("</ul>\n");
    html
}

fn counts(person: &PersonView) -> String {
    format!("{}, {}", counted(person.photos, "photo"), counted(person.faces, "face"))
}

/// The names there are, for inputs with `list="names"`.
fn names(engine: &Engine) -> Result<Html, EngineError> {
    let mut html = Html::default();
    html.raw("<datalist id=\"names\">");
    let (named, _) = engine.list_people(NameFilter::Named, PersonOrder::Name, false, 1, 0, NAMES)?;
    for name in named.iter().filter_map(|one| one.name.as_ref()) {
        html.raw("<option value=\"").text(name).raw("\"></option>");
    }
    html.raw("</datalist>\n");
    Ok(html)
}

/// The way to the rows before and after these, at `path` with the other parts of the query in `rest` (of this program).
fn pages(path: &str, rest: &'static str, from: usize, size: usize, total: usize) -> Html {
    let mut html = Html::default();
    let next = from.saturating_add(size);
    if from == 0 && next >= total {
        return html;
    }
    html.raw("<nav class=\"pages\" aria-label=\"Pages\">");
    let mut way = |start: usize, kind: &'static str| {
        html.raw("<a class=\"button\" href=\"").text(path).raw("?from=").text(start).raw(rest).raw(kind);
    };
    if from > 0 {
        way(from.saturating_sub(size), "\" rel=\"prev\">Before</a>");
    }
    if next < total {
        way(next, "\" rel=\"next\">More</a>");
    }
    let last = next.min(total);
    html.raw("<span class=\"faint\">").text(from.saturating_add(1).min(total)).raw(" to ").text(last);
    html.raw(" of ").text(total).raw("</span></nav>\n");
    html
}

/// A file by its own name, or its whole path where it has none.
fn file_name(file: &FileView) -> String {
    file.path.file_name().unwrap_or(file.path.as_os_str()).to_string_lossy().into_owned()
}

/// Seconds since 1970 by a pattern of `strftime`.
fn moment(seconds: i64, pattern: &str) -> String {
    let moment = jiff::Timestamp::from_second(seconds).map(|stamp| stamp.to_zoned(jiff::tz::TimeZone::UTC));
    moment.map_or_else(|_| seconds.to_string(), |moment| moment.strftime(pattern).to_string())
}

/// The days from the first photo to the last.
fn days(taken: Option<(i64, i64)>) -> Option<String> {
    let (first, last) = taken.map(|(first, last)| (moment(first, DAY), moment(last, DAY)))?;
    Some(if first == last { first } else { format!("{first} to {last}") })
}

const DAY: &str = "%Y-%m-%d";
const MINUTE: &str = "%Y-%m-%d %H:%M";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_lead_on_and_back_and_nowhere_else() {
        let way = |from, total| pages("/", "&amp;hidden=yes", from, 60, total).into_text();
        assert_eq!(way(0, 60), "");
        let first = way(0, 61);
        assert!(first.contains("href=\"/?from=60&amp;hidden=yes\" rel=\"next\"") && !first.contains("prev"));
        let middle = way(60, 200);
        assert!(
            middle.contains("from=0&") && middle.contains("from=120&") && middle.contains("61 to 120 of 200")
        );
        assert!(!way(180, 200).contains("next") && way(usize::MAX, 200).contains("prev"));
    }

    #[test]
    fn what_went_wrong_is_text() {
        let html = trouble("<b>\"no\"</b>").into_text();
        assert!(html.contains("&lt;b&gt;&quot;no&quot;&lt;/b&gt;") && !html.contains("<b>"));
    }

    #[test]
    fn days_are_days() {
        assert_eq!(days(None), None);
        assert_eq!(days(Some((0, 86_399))).as_deref(), Some("1970-01-01"));
        assert_eq!(days(Some((0, 86_400))).as_deref(), Some("1970-01-01 to 1970-01-02"));
        assert_eq!(moment(i64::MAX, DAY), i64::MAX.to_string());
    }
}
