//! What sorting everyone out anew would change, as a table that fits a terminal: to whom somebody loses faces and from
//! whom they gain some, those with most faces first and by name where there is one. All of it is in the JSON.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;

use vow_proto::v1;

use crate::render::{arranged, line};

const HEAD: [&str; 6] = ["id", "name", "faces", "then", "lost to", "gained from"];
/// Of a name: the rest would push the other columns out of sight...
const NAME: usize = 18;
/// ...and here several stand in one column...
const NAME_AMONG_OTHERS: usize = 12;
/// ...of so many characters.
const COLUMN: usize = 28;

pub(super) fn difference_text(answer: &v1::ReclusterDifference, apply: bool) -> io::Result<()> {
    let text = changes(answer).unwrap_or_else(|| "nobody would gain or lose a face".to_owned());
    text.lines().try_for_each(line)?;
    let (before, after) = (answer.groups_before, answer.groups_after);
    line(&format!("{} faces are somebody else; {before} groups, then {after}", answer.moved))?;
    match &answer.decision {
        Some(done) => {
            let number = done.entry.as_ref().map(|entry| entry.entry_id).unwrap_or_default();
            line(&format!("done (decision {number}); `vow undo {number}` takes it back"))?;
            done.notes.iter().try_for_each(|note| line(&format!("note: {note}")))
        }
        None if apply => line("there was nothing to do"),
        None => line("nothing was changed; --apply makes it so"),
    }
}

/// The table, people with a name first; `None` when nobody changes.
fn changes(answer: &v1::ReclusterDifference) -> Option<String> {
    let named = answer.changes.iter().filter(|change| !change.person_name.is_empty());
    let names: HashMap<&str, &str> =
        named.map(|change| (change.person_id.as_str(), change.person_name.as_str())).collect();
    let mut changes: Vec<&v1::PersonChange> = answer.changes.iter().collect();
    changes.sort_by_key(|change| change.person_name.is_empty());
    let rows = changes.into_iter().map(|change| {
        vec![
            change.person_id.clone(),
            shortened(&change.person_name, NAME),
            change.faces_before.to_string(),
            change.faces_after.to_string(),
            people(&change.lost_to, &names),
            people(&change.gained_from, &names),
        ]
    });
    arranged(&HEAD, &[2, 3], rows)
}

/// Who, with how many faces: as many people as there is room for, at least one, and how many more there are.
fn people(all: &[v1::FacesOf], names: &HashMap<&str, &str>) -> String {
    let mut all: Vec<&v1::FacesOf> = all.iter().collect();
    all.sort_by_key(|one| Reverse(one.faces));
    let parts: Vec<String> = all
        .iter()
        .map(|one| {
            let id = one.person_id.as_str();
            let who = names.get(id).map_or_else(|| id.to_owned(), |name| shortened(name, NAME_AMONG_OTHERS));
            format!("{who} ({})", one.faces)
        })
        .collect();
    let text = |shown: usize| {
        let mut text = parts.iter().take(shown).map(String::as_str).collect::<Vec<_>>().join(", ");
        match parts.len().saturating_sub(shown) {
            0 => {}
            more => text.push_str(&format!(", {more} more")),
        }
        text
    };
    let fits = |shown: &usize| text(*shown).chars().count() <= COLUMN;
    text((1..=parts.len()).rev().find(fits).unwrap_or(1))
}

/// At most so many characters.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(faces: u64, person: &str) -> v1::FacesOf {
        v1::FacesOf { person_id: person.to_owned(), faces }
    }

    fn change(
        (id, name): (&str, &str),
        (before, after): (u64, u64),
        lost_to: Vec<v1::FacesOf>,
        gained_from: Vec<v1::FacesOf>,
    ) -> v1::PersonChange {
        v1::PersonChange {
            person_id: id.to_owned(),
            person_name: name.to_owned(),
            faces_before: before,
            faces_after: after,
            lost_to,
            gained_from,
        }
    }

    fn shown(changes: Vec<v1::PersonChange>) -> Vec<String> {
        let answer = v1::ReclusterDifference { changes, ..v1::ReclusterDifference::default() };
        super::changes(&answer).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    #[test]
    fn people_with_a_name_come_first_and_are_called_by_it() {
        let table = shown(vec![
            change(("p9", ""), (12, 3), vec![of(2, "p40"), of(7, "p1")], vec![]),
            change(("p1", "Ada"), (120, 127), vec![], vec![of(7, "p9")]),
        ]);
        let expected = [
            "id  name  faces  then  lost to           gained from",
            "p1  Ada     120   127                    p9 (7)",
            "p9           12     3  Ada (7), p40 (2)",
        ];
        assert_eq!(table, expected);
    }

    #[test]
    fn whatever_comes_a_row_fits_a_terminal() {
        let name = "Wilhelmine Friederike Sophie of the mountains";
        let crowd = |from: u64| (0..40).map(|n| of(n * 1000, &format!("p{}", from + n))).collect::<Vec<_>>();
        let mut changes = vec![change(("p123456", name), (54_321, 12_345), crowd(123_440), crowd(200_000))];
        changes.extend((0..40).map(|n| change((&format!("p{}", 200_000 + n), name), (1, 1), vec![], vec![])));
        let table = shown(changes);
        let widest = table.iter().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= 100), "{widest:?}");
        let row = &table[1];
        assert!(row.contains("Wilhelmine Friede…"), "{row}");
        assert!(row.contains("p123479 (39000), 39 more"), "the largest, and how many more: {row}");
        assert!(row.contains("Wilhelmine… (39000), 39 more"), "{row}");
    }

    #[test]
    fn nobody_is_left_out_where_there_is_room() {
        let names = HashMap::from([("p1", "Ada")]);
        assert_eq!(people(&[], &names), "");
        assert_eq!(people(&[of(1, "p1")], &names), "Ada (1)");
        assert_eq!(people(&[of(1, "p1"), of(2, "p2"), of(3, "p3")], &names), "p3 (3), p2 (2), Ada (1)");
        assert_eq!(people(&[of(1, "p1"), of(20, "p22222"), of(3, "p33333")], &names), "p22222 (20), 2 more");
    }
}
