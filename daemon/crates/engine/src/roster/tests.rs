//! Faces and people in the roster, against what was put in.

use proptest::prelude::*;

use super::*;

fn shown(photo: ContentId) -> Shown {
    Shown { photo, taken: None, quality: 0.5 }
}

fn step(face: u64, person: Option<u64>) -> Move {
    Move { face: FaceId(face), person: person.map(PersonId) }
}

#[test]
fn faces_move_and_empty_people_go() {
    let mut roster = Roster::default();
    for face in 0..4 {
        roster.show(FaceId(face), shown(ContentId([0; 32])));
    }
    roster.apply(&[step(0, Some(1)), step(1, Some(1)), step(2, Some(1)), step(3, Some(2))]);
    assert_eq!(roster.census(), Census { faces: 4, groups: 2, people: 1, named: 0 });
    roster.apply(&[step(3, Some(1)), step(9, Some(7))]);
    assert_eq!(roster.census(), Census { faces: 4, groups: 1, people: 1, named: 0 });
    roster.hide(FaceId(3));
    assert_eq!(roster.members(PersonId(1)).len(), 3);
    assert_eq!(roster.person_of(FaceId(3)), None);
}

/// Faces that come and go, photo by photo and mixed, lie in the photo they were shown in, and places are used again.
#[test]
fn faces_know_their_photos() {
    let mut roster = Roster::default();
    let photo = |number: u64| ContentId([u8::try_from(number % 5).unwrap(); 32]);
    for round in 0..20 {
        for face in 0..40u64 {
            roster.show(FaceId(face), shown(photo(if round % 2 == 0 { face / 8 } else { face })));
            roster.show(FaceId(face), shown(photo(face + 1)));
        }
        for face in 0..40u64 {
            let expected = photo(if round % 2 == 0 { face / 8 } else { face });
            assert_eq!(roster.photo_of(FaceId(face)), Some(expected));
        }
        (0..40).rev().for_each(|face| roster.hide(FaceId(face)));
        assert_eq!(roster.photo_of(FaceId(0)), None);
    }
    assert!(roster.photos.len() <= 40, "{}", roster.photos.len());
    assert_eq!(roster.free.len(), roster.photos.len());
}

#[test]
fn a_person_is_summed_up() {
    let mut roster = Roster::default();
    let photo = |n: u8, taken| Shown { photo: ContentId([n; 32]), taken, quality: f32::from(n % 3) };
    roster.show(FaceId(1), photo(1, Some(50)));
    roster.show(FaceId(2), photo(2, None));
    roster.show(FaceId(3), photo(2, None));
    roster.show(FaceId(4), photo(5, Some(-7)));
    // Not one after the other: the photo is here twice.
    roster.show(FaceId(5), photo(1, Some(50)));
    assert_eq!(roster.person(PersonId(1)), None);
    roster.apply(&[1, 2, 4, 5].map(|face| step(face, Some(1))));
    let known = |faces, photos, cover, taken| Known {
        name: None,
        hidden: false,
        faces,
        photos,
        cover: Some(FaceId(cover)),
        taken,
    };
    assert_eq!(roster.person(PersonId(1)), Some(known(4, 3, 2, Some((-7, 50)))), "of equal ones the first");
    assert_eq!(roster.best_of(PersonId(1), 3), [2, 4, 1].map(FaceId));
    roster.date(FaceId(2), Some(60));
    roster.hide(FaceId(4));
    assert_eq!(roster.person(PersonId(1)), Some(known(3, 2, 2, Some((50, 60)))));
    let chosen = PersonRow {
        id: PersonId(1),
        name: Some("Ada".into()),
        hidden: true,
        cover: Some(FaceId(5)),
        created: 0,
    };
    roster.describe(&chosen);
    let chosen =
        Known { name: chosen.name, hidden: true, cover: chosen.cover, ..known(3, 2, 2, Some((50, 60))) };
    assert_eq!(roster.person(PersonId(1)), Some(chosen));
}

proptest! {
    #[test]
    fn everyone_has_the_faces_that_are_theirs(moves in prop::collection::vec((0u64..12, prop::option::of(0u64..4)), 0..200)) {
        let mut roster = Roster::default();
        let mut expected: HashMap<u64, Option<u64>> = HashMap::new();
        for (face, person) in moves {
            if person.is_none() && face % 3 == 0 {
                roster.hide(FaceId(face));
                expected.remove(&face);
                continue;
            }
            roster.show(FaceId(face), shown(ContentId([1; 32])));
            roster.apply(&[step(face, person)]);
            expected.insert(face, person);
            for person in 0..4 {
                let mut members: Vec<u64> = roster.members(PersonId(person)).iter().map(|face| face.0).collect();
                members.sort_unstable();
                let of = |(face, whose): (&u64, &Option<u64>)| (*whose == Some(person)).then_some(*face);
                let mut theirs: Vec<u64> = expected.iter().filter_map(of).collect();
                theirs.sort_unstable();
                prop_assert_eq!(members, theirs);
                prop_assert_eq!(roster.exists(PersonId(person)), !roster.members(PersonId(person)).is_empty());
            }
        }
    }
}

#[test]
fn a_name_outlives_the_last_face() {
    let mut roster = Roster::default();
    roster.show(FaceId(0), shown(ContentId([0; 32])));
    roster.apply(&[step(0, Some(1))]);
    let row = PersonRow { id: PersonId(1), name: Some("Ada".into()), hidden: false, cover: None, created: 0 };
    roster.describe(&row);
    roster.hide(FaceId(0));
    assert!(roster.exists(PersonId(1)));
    assert_eq!(roster.everyone(3), [PersonId(1)]);
}
