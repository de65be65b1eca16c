//! What was said and told, and the numbers that are given out.

use super::walk::Look;
use crate::codec::{take_entry, take_event};
use crate::tables::{EVENTS, FACES, FOLDERS, JOURNAL, META, PEOPLE, meta};

pub(super) fn verify(look: &mut Look<'_>) {
    let (faces, counters) = (look.finder(FACES), look.finder(META));
    let next_person = counters.get(meta::NEXT_PERSON).ok().flatten().map_or(0, |next| next.value());
    look.rows("journal", JOURNAL, |number, bytes, found| {
        let name = format!("decision {number}");
        let Some(entry) = found.read(&name, take_entry(number, bytes)) else { return Ok(()) };
        let (people, mut spoken_of) = entry.decision.mentioned();
        spoken_of.extend(entry.known_by.iter().flat_map(|(_, faces)| faces));
        for face in spoken_of {
            found.must(faces.has(face.0)?, &name, || format!("it speaks of {face}, which is not there"));
        }
        for person in people.into_iter().filter(|person| person.0 >= next_person) {
            found.add(&name, format!("it speaks of {person}, whose id was never given out"));
        }
        Ok(())
    });
    let mut last = None;
    look.rows("events", EVENTS, |number, bytes, found| {
        found.read(number, take_event(number, bytes));
        let follows = last.is_none_or(|last: u64| last.checked_add(1) == Some(number));
        found.must(follows, number, || "events before it are missing".to_owned());
        last = Some(number);
        Ok(())
    });
    look.rows("meta", META, |name, next, found| {
        found.must(next > 0, name, || "it is 0: numbers begin at 1".to_owned());
        Ok(())
    });
    let highest = [
        (meta::NEXT_FOLDER, look.finder(FOLDERS).last()),
        (meta::NEXT_FACE, look.finder(FACES).last()),
        (meta::NEXT_PERSON, look.finder(PEOPLE).last()),
        (meta::NEXT_ENTRY, look.finder(JOURNAL).last()),
        (meta::NEXT_EVENT, Ok(last)),
    ];
    for (counter, used) in highest {
        // What cannot be read was found with its own table.
        let used = used.ok().flatten().unwrap_or_default();
        match counters.get(counter).ok().flatten().map(|next| next.value()) {
            None => look.add("meta", counter, "it is missing".to_owned()),
            Some(next) if next <= used => {
                look.add("meta", counter, format!("it is {next}, and {used} was given out already"));
            }
            Some(_) => {}
        }
    }
}
