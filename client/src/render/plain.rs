//! The pieces that answers are made of: a line, a table, a time, a name, JSON. What an answer consists of is said elsewhere.

use std::io::{self, Write as _};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;
use vow_proto::v1;

use crate::json::printable;

pub(crate) fn face_table(faces: &[v1::Face]) -> io::Result<()> {
    let rows = faces.iter().map(|face| {
        vec![
            face.face_id.clone(),
            whose(face),
            place(face),
            format!("{:.3}", face.score),
            format!("{:.2}", face.quality),
        ]
    });
    table(&["face", "person", "box", "score", "quality"], &[3, 4], rows, "no face")
}

/// Where a face is: left, top, width and height.
pub(crate) fn place(face: &v1::Face) -> String {
    let b = face.r#box.unwrap_or_default();
    format!("{:.0},{:.0} {:.0}x{:.0}", b.left, b.top, b.right - b.left, b.bottom - b.top)
}

pub(crate) fn whose(face: &v1::Face) -> String {
    match (face.person_id.as_str(), face.person_name.as_str()) {
        ("", _) => "not grouped yet".to_owned(),
        (id, "") => id.to_owned(),
        (id, name) => format!("{} ({id})", called(name)),
    }
}

/// A name in a table: a whole sentence for a name must not push everything else out of sight.
pub(crate) fn called(name: &str) -> String {
    const MOST: usize = 40;
    let name = printable(name);
    match name.char_indices().nth(MOST) {
        None => name,
        Some(_) => name.chars().take(MOST - 1).chain(['…']).collect(),
    }
}

pub(super) fn span(person: &v1::Person) -> String {
    let day = |seconds: i64| time(seconds).chars().take(10).collect::<String>();
    match (person.first_taken.map(day), person.last_taken.map(day)) {
        (Some(first), Some(last)) if first == last => first,
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => String::new(),
    }
}

/// `1 face`, `2 faces`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Seconds since 1970 as date and time.
pub(crate) fn time(seconds: i64) -> String {
    let moment = jiff::Timestamp::from_second(seconds).map(|stamp| stamp.to_zoned(jiff::tz::TimeZone::UTC));
    moment.map_or_else(|_| seconds.to_string(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

pub(crate) fn table(
    head: &[&str],
    numbers: &[usize],
    rows: impl Iterator<Item = Vec<String>>,
    none: &str,
) -> io::Result<()> {
    match arranged(head, numbers, rows) {
        Some(text) => text.lines().try_for_each(line),
        None => line(none),
    }
}

/// A table with the columns `numbers` to the right; `None` without rows.
pub(crate) fn arranged(
    head: &[&str],
    numbers: &[usize],
    rows: impl Iterator<Item = Vec<String>>,
) -> Option<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    table.add_rows(rows);
    if table.row_count() == 0 {
        return None;
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if numbers.contains(&column.index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Some(table.trim_fmt())
}

pub(crate) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

pub(crate) fn value(value: &Value) -> io::Result<()> {
    line(&format!("{value:#}"))
}

pub(super) fn compact(value: &Value) -> io::Result<()> {
    line(&value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "face")), ["0 faces", "1 face", "2 faces"]);
    }

    #[test]
    fn a_long_name_leaves_room_for_the_rest() {
        assert_eq!(called("Zoë \u{202e}x"), r"Zoë \u{202e}x");
        let (fits, long) = ("é".repeat(40), "é".repeat(41));
        assert_eq!((called(&fits), called(&long)), (fits.clone(), "é".repeat(39) + "…"));
    }

    #[test]
    fn times_are_readable() {
        assert_eq!(time(1_780_272_000), "2026-06-01 00:00:00");
    }
}
