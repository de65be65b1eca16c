//! What was said about people, newest first, with a way to take each of it back.

use vow_engine::{Decision, Engine, EngineError, HistoryLine};

use super::{At, MINUTE, Sheet, Shown, moment, pages};
use crate::gallery::form::Form;
use crate::gallery::html::Html;
use crate::gallery::route::person;
use crate::history::sentence;

/// Lines on a page.
const SHOWN: usize = 50;

pub(in super::super) fn show(engine: &Engine, query: &Form) -> Result<Shown, EngineError> {
    let from = query.count("from");
    let about = query.get("person").and_then(person);
    let about = about.map(|id| engine.find_person(&id.to_string())).transpose()?;
    let (lines, total) = engine.history(about, from, SHOWN)?;
    let mut html = Html::default();
    if let Some(id) = about {
        html.raw("<p>What is about <a href=\"/person/").text(id).raw("\">").text(id).raw("</a> only. ");
        html.raw("<a href=\"/history\">All of it</a></p>\n");
    }
    if total == 0 {
        html.raw("<p>Nothing was said yet: names, answers and whatever else you say stand here.</p>\n");
    }
    // The way back here, for the forms; the page is of this program, the person an id.
    let here = about.map_or_else(|| format!("/history?from={from}"), |id| format!("/history?person={id}"));
    html.raw("<ol class=\"history\">\n");
    for each in &lines {
        html.add(&line(each, &here));
    }
    html.raw("</ol>\n");
    if about.is_none() {
        html.add(&pages("/history", "", from, SHOWN, total));
    }
    Ok(Shown::sheet("History", At::History, html))
}

fn line(line: &HistoryLine, here: &str) -> Html {
    let mut html = Html::default();
    html.raw(if line.in_effect { "<li>" } else { "<li class=\"undone\">" });
    html.raw("<form class=\"row\" method=\"post\" action=\"/history\"><span class=\"count\">");
    html.text(moment(line.entry.at, MINUTE)).raw("</span> <span><bdi>").text(sentence(line)).raw("</bdi>");
    for (id, name) in &line.names {
        html.raw(" <a href=\"/person/").text(id).raw("\"><bdi>").text(name).raw("</bdi></a>");
    }
    html.raw("</span>");
    if is_said(&line.entry.decision) {
        let (field, what) = if line.in_effect { ("undo", "Undo") } else { ("redo", "Redo") };
        html.raw("<input type=\"hidden\" name=\"").text(field).raw("\" value=\"").text(line.entry.seq);
        html.raw("\"><input type=\"hidden\" name=\"back\" value=\"").text(here).raw("\"><button>");
        html.text(what).raw("</button>");
    }
    html.raw("</form></li>\n");
    html
}

/// Whether a human said it, so that it can be taken back for itself.
fn is_said(decision: &Decision) -> bool {
    !matches!(
        decision,
        Decision::Undone { .. } | Decision::Redone { .. } | Decision::Left { .. } | Decision::Carried { .. }
    )
}

/// What stands in the way of undoing an entry, and whether to go on all the same.
pub(in super::super) fn dependents(entry: u64, dependents: &[u64], back: &str) -> Html {
    let mut html = Html::default();
    let numbers: Vec<String> = dependents.iter().map(ToString::to_string).collect();
    html.raw("<p>What was said later builds on number ")
        .text(entry)
        .raw(" and makes no sense without it: number ");
    html.text(numbers.join(", ")).raw(". <a href=\"/history\">See the history</a></p>\n");
    html.raw("<form class=\"row\" method=\"post\" action=\"/history\"><input type=\"hidden\" name=\"undo\" value=\"");
    html.text(entry).raw("\"><input type=\"hidden\" name=\"dependents\" value=\"yes\">");
    html.raw("<input type=\"hidden\" name=\"back\" value=\"").text(back);
    html.raw("\"><button class=\"main\">Undo them all</button> <a href=\"").text(back);
    html.raw("\">Leave it</a></form>\n");
    let sheet = Sheet { title: "Undo more than that?".to_owned(), at: At::History, content: html };
    sheet.framed(&Html::default())
}
