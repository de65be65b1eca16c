//! Who is who, and what they are called.

use vow_types::{FaceId, PersonId};

use super::walk::Look;
use crate::codec::take_person;
use crate::people::fold;
use crate::tables::{FACE_PERSON, FACES, NAMES, PEOPLE, PERSON_FACES};

pub(super) fn verify(look: &mut Look<'_>) {
    let (faces, people) = (look.finder(FACES), look.finder(PEOPLE));
    let mut assigned = 0_u64;
    look.rows("face_person", FACE_PERSON, |face, person, found| {
        assigned = assigned.saturating_add(1);
        let (face, person) = (FaceId(face), PersonId(person));
        found.must(faces.has(face.0)?, face, || format!("it is {person}'s, and there is no such face"));
        found.must(people.has(person.0)?, face, || {
            format!("it is {person}'s, and there is nobody of that id")
        });
        Ok(())
    });
    let (persons, mut pairs) = (look.finder(FACE_PERSON), 0_u64);
    look.pairs("person_faces", PERSON_FACES, |person, face, found| {
        let theirs = persons.get(face)?.is_some_and(|whose| whose.value() == person);
        pairs = pairs.saturating_add(u64::from(theirs));
        found.must(theirs, PersonId(person), || {
            format!("{} is listed with them and not theirs", FaceId(face))
        });
        Ok(())
    });
    look.as_many("person_faces", pairs, assigned);

    let (having, mut named) = (look.pair_finder(PERSON_FACES), 0_u64);
    look.rows("people", PEOPLE, |id, bytes, found| {
        let Some((row, decided)) = found.read(PersonId(id), take_person(id, bytes)) else { return Ok(()) };
        named = named.saturating_add(u64::from(row.name.is_some()));
        if let Some(cover) = row.cover {
            found.must(faces.has(cover.0)?, row.id, || format!("{cover} stands for them and is not there"));
        }
        found.must(decided || having.has(id)?, row.id, || "they have no face and no name".to_owned());
        Ok(())
    });
    let mut pairs = 0_u64;
    look.pairs("names", NAMES, |name, id, found| {
        let row = people.get(id)?.and_then(|bytes| take_person(id, bytes.value()).ok());
        let theirs = row.is_some_and(|(row, _)| row.name.is_some_and(|called| fold(&called) == name));
        pairs = pairs.saturating_add(u64::from(theirs));
        found.must(theirs, PersonId(id), || format!("they are found as `{name}` and not called so"));
        Ok(())
    });
    look.as_many("names", pairs, named);
}
