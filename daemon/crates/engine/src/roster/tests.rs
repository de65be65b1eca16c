//! Faces and people in the roster, against what was put in.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::summary::MANY;
use super::*;

fn shown(photo: ContentId) -> Shown {
    Shown { photo, taken: None, quality: 0.5 }
}

/// Shows a face beside all others of its photo that are visible.
fn show(roster: &mut Roster, face: u64, shown: Shown) {
    let others: Vec<FaceId> = roster.faces.iter().map(|(other, _)| other).collect();
    let others = others.into_iter().filter(|other| roster.photo_of(*other) == Some(shown.photo));
    let others: Vec<FaceId> = others.collect();
    roster.show(FaceId(face), shown, others.into_iter());
}

fn step(face: u64, person: Option<u64>) -> Move {
    Move { face: FaceId(face), person: person.map(PersonId) }
}

#[test]
fn faces_move_and_empty_people_go() {
    let mut roster = Roster::default();
    for face in 0..4 {
        show(&mut roster, face, shown(ContentId([0; 32])));
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
            show(&mut roster, face, shown(photo(if round % 2 == 0 { face / 8 } else { face })));
            show(&mut roster, face, shown(photo(face + 1)));
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
    show(&mut roster, 1, photo(1, Some(50)));
    show(&mut roster, 2, photo(2, None));
    show(&mut roster, 3, photo(2, None));
    show(&mut roster, 4, photo(5, Some(-7)));
    // Not one after the other.
    show(&mut roster, 5, photo(1, Some(50)));
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
            show(&mut roster, face, shown(ContentId([1; 32])));
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

/// Whatever is asked in between: what is kept of people with many faces is what all of their faces say.
#[derive(Debug, Clone)]
enum Step {
    Put(u64, Option<u64>),
    Hide(u64),
    Judge(u64, u8),
    Date(u64, Option<i64>),
    Ask(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let face = || 0u64..3 * MANY as u64;
    let step = prop_oneof![
        6 => (face(), prop::option::weighted(0.8, 0u64..2)).prop_map(|(face, person)| Step::Put(face, person)),
        2 => face().prop_map(Step::Hide),
        1 => (face(), 0u8..9).prop_map(|(face, quality)| Step::Judge(face, quality)),
        1 => (face(), prop::option::of(0i64..40)).prop_map(|(face, taken)| Step::Date(face, taken)),
        3 => (0u64..2).prop_map(Step::Ask),
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Against everything looked at anew.
    #[test]
    fn a_person_of_many_faces_is_summed_up_as_others_are(steps in steps()) {
        let mut roster = Roster::default();
        let photo = |face: u64| ContentId([u8::try_from(face % 251).unwrap(); 32]);
        // Of a face: whose it is, its quality, and of a photo its time.
        let mut faces: BTreeMap<u64, (Option<u64>, f32)> = BTreeMap::new();
        let mut taken: HashMap<ContentId, Option<i64>> = HashMap::new();
        for face in 0..3 * MANY as u64 {
            show(&mut roster, face, shown(photo(face)));
            roster.apply(&[step(face, Some(face % 3 / 2))]);
            faces.insert(face, (Some(face % 3 / 2), 0.5));
        }
        let beginning = [Step::Ask(0), Step::Ask(1)];
        for one in beginning.into_iter().chain(steps).chain([Step::Ask(0), Step::Ask(1)]) {
            match one {
                Step::Put(face, person) => {
                    let time = taken.get(&photo(face)).copied().flatten();
                    let known = Shown { taken: time, ..shown(photo(face)) };
                    show(&mut roster, face, known);
                    roster.apply(&[step(face, person)]);
                    faces.entry(face).or_insert((None, 0.5)).0 = person;
                }
                Step::Hide(face) => {
                    roster.hide(FaceId(face));
                    faces.remove(&face);
                }
                Step::Judge(face, quality) => {
                    roster.judge(FaceId(face), f32::from(quality));
                    faces.entry(face).and_modify(|face| face.1 = f32::from(quality));
                }
                Step::Date(face, time) => {
                    roster.date(FaceId(face), time);
                    if faces.contains_key(&face) {
                        taken.insert(photo(face), time);
                    }
                }
                Step::Ask(person) => {
                    let theirs = || faces.iter().filter(|(_, (whose, _))| *whose == Some(person));
                    let photos: HashSet<ContentId> = theirs().map(|(face, _)| photo(*face)).collect();
                    let times = || photos.iter().filter_map(|photo| taken.get(photo).copied().flatten());
                    let best = theirs().max_by(|a, b| a.1.1.total_cmp(&b.1.1).then(b.0.cmp(a.0)));
                    let known = best.map(|(best, _)| Known {
                        name: None,
                        hidden: false,
                        faces: theirs().count(),
                        photos: photos.len(),
                        cover: Some(FaceId(*best)),
                        taken: times().min().zip(times().max()),
                    });
                    prop_assert_eq!(roster.person(PersonId(person)), known);
                }
            }
        }
        prop_assert!(roster.twice.values().all(|twice| *twice > 0));
    }
}

#[test]
fn a_name_outlives_the_last_face() {
    let mut roster = Roster::default();
    show(&mut roster, 0, shown(ContentId([0; 32])));
    roster.apply(&[step(0, Some(1))]);
    let row = PersonRow { id: PersonId(1), name: Some("Ada".into()), hidden: false, cover: None, created: 0 };
    roster.describe(&row);
    roster.hide(FaceId(0));
    assert!(roster.exists(PersonId(1)));
    assert_eq!(roster.everyone(3), [PersonId(1)]);
}

/// What a million of them cost is what they are here.
#[test]
fn faces_and_photos_are_small() {
    assert_eq!((size_of::<Member>(), size_of::<Photo>()), (28, 40));
    for time in [None, Some(0), Some(-1), Some(i64::MAX)] {
        assert_eq!(MaybeTime::from(time).get(), time);
    }
}
