//! Candidate pairs that were let go of: whatever comes then goes as it does for faces that were restored.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a test may panic: that is how it fails; its counts are small"
)]

mod common;

use std::cell::Cell;
use std::collections::HashMap;

use common::{Exact, FIRST, Random, World, make, mix, params, partition, photo, spoken_of, word};
use proptest::prelude::*;
use vow_cluster::{Decided, Grouping, Move, Neighbours, Observation, Params, Said};
use vow_types::{Embedding, FaceId, PersonId};

/// Counts the questions.
struct Counted(Exact, Cell<usize>);

impl Neighbours for Counted {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        self.1.set(self.1.get() + 1);
        self.0.nearest(of, k)
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (any::<u64>(), 1usize..10, 20usize..120, 0.35f32..0.75, 0.0f32..0.4, 1usize..5).prop_map(
        |(seed, people, faces, cosine, weak, crowd)| World {
            seed,
            dimension: 64,
            people,
            faces,
            cosine,
            kinship: 0.4,
            weak,
            crowd,
        },
    )
}

/// One and the other did the same, and have the same people.
fn assert_same(did: [Vec<Move>; 2], one: &Grouping, other: &Grouping) {
    let [by_one, by_other] = did;
    assert_eq!(by_one, by_other);
    assert_eq!(partition(one), partition(other));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn it_goes_on_as_if_it_had_been_restored(
        world in worlds(), neighbours in 3usize..12, resplit_every in 1usize..30, share in 0.0f32..0.2, script: u64,
    ) {
        let params = Params { neighbours, resplit_every, keep_pairs: 0, room: 0, ..params() };
        let mut random = Random(script);
        let made = make(world);
        let truth: HashMap<FaceId, usize> = made.iter().map(|(face, person)| (face.face, *person)).collect();
        let mut faces = spoken_of(made, share, script);
        random.shuffle(&mut faces);
        let mut out = faces.split_off(faces.len() / 2);
        let mut held = faces;
        let mut index = Exact::of(&held);
        let mut one = Grouping::new(params, FIRST);
        one.add(held.clone(), &index);
        one.settle(&index, &|| false).unwrap();
        one.let_go_of_pairs();
        prop_assert!(one.is_settled());
        prop_assert_eq!(one.settle(&index, &|| false), Some(Vec::new()));

        let mut other = Grouping::new(params, one.next_person());
        for face in &held {
            other.restore(face.clone(), one.person_of(face.face));
        }
        for _ in 0..12 {
            match random.below(8) {
                0..3 if !out.is_empty() => {
                    let now = out.split_off(out.len().saturating_sub(1 + random.below(12)));
                    index.add(&now);
                    assert_same([&mut one, &mut other].map(|it| it.add(now.clone(), &index)), &one, &other);
                    held.extend(now);
                }
                3 if !held.is_empty() => {
                    random.shuffle(&mut held);
                    let now = held.split_off(held.len().saturating_sub(1 + random.below(6)));
                    let ids: Vec<FaceId> = now.iter().map(|face| face.face).collect();
                    index.remove(&ids);
                    assert_same([&mut one, &mut other].map(|it| it.remove(&ids)), &one, &other);
                }
                4..6 if !held.is_empty() => {
                    let mut decided = Decided::default();
                    for _ in 0..random.below(4) {
                        let at = random.below(held.len());
                        let face = &mut held[at];
                        let said = word(truth[&face.face], &mut random);
                        face.said = said.clone();
                        decided.said.push((face.face, said));
                    }
                    assert_same([&mut one, &mut other].map(|it| it.decide(&decided, &index)), &one, &other);
                }
                _ => {
                    let settle = |it: &mut Grouping| it.settle(&index, &|| false).unwrap();
                    assert_same([&mut one, &mut other].map(settle), &one, &other);
                    one.let_go_of_pairs();
                    other.let_go_of_pairs();
                }
            }
        }
    }
}

#[test]
fn few_are_kept_and_of_many_all_are_asked_about_again() {
    let world = World {
        seed: 5,
        dimension: 64,
        people: 40,
        faces: 300,
        cosine: 0.6,
        kinship: 0.4,
        weak: 0.2,
        crowd: 3,
    };
    let faces: Vec<Observation> = make(world).into_iter().map(|(face, _)| face).collect();
    let index = Counted(Exact::of(&faces), Cell::new(0));
    let (first, last) = faces.split_at(299);
    for (keep_pairs, most) in [(300, 100), (298, 301)] {
        let mut grouping = Grouping::new(Params { neighbours: 4, keep_pairs, ..params() }, FIRST);
        grouping.add(first.to_vec(), &index);
        grouping.settle(&index, &|| false).unwrap();
        grouping.let_go_of_pairs();
        index.1.set(0);
        grouping.add(last.to_vec(), &index);
        assert!(index.1.replace(0) < 100, "a face asks about those around it");
        grouping.settle(&index, &|| false).unwrap();
        let asked = index.1.get();
        assert!(asked <= most && (asked == 300) == (keep_pairs < 300), "{asked}");
    }
}

/// People with 25 faces each, and as many more of them.
fn people_and_more() -> (Vec<Observation>, Vec<Observation>) {
    let world = World {
        seed: 9,
        dimension: 64,
        people: 40,
        faces: 2_000,
        cosine: 0.7,
        kinship: 0.2,
        weak: 0.0,
        crowd: 1,
    };
    let mut faces: Vec<Observation> = make(world).into_iter().map(|(face, _)| face).collect();
    Random(4).shuffle(&mut faces);
    let more = faces.split_off(1_000);
    (faces, more)
}

/// A face cost 40 questions where nothing was known of those that were there: all of a group were asked about whenever it was
/// merged again.
#[test]
fn a_face_costs_a_few_questions_where_nothing_is_known() {
    let (held, more) = people_and_more();
    let everybody = [held.as_slice(), &more].concat();
    let index = Counted(Exact::of(&everybody), Cell::new(0));
    let params = Params { resplit_every: 16, room: 0, keep_pairs: 0, ..params() };
    let mut before = Grouping::new(params, FIRST);
    before.add(held.clone(), &index);
    let mut grouping = Grouping::new(params, before.next_person());
    for face in held {
        let person = before.person_of(face.face);
        grouping.restore(face, person);
    }
    index.1.set(0);
    for face in &more {
        grouping.add(vec![face.clone()], &index);
    }
    let each = index.1.get() as f32 / more.len() as f32;
    println!("{each} questions for a face");
    assert!((1.5..3.0).contains(&each), "{each}");
    let mut all = Grouping::new(params, FIRST);
    all.add(everybody, &index);
    let (found, expected) = (partition(&grouping), partition(&all));
    let others = found.iter().filter(|group| !expected.contains(*group)).count();
    assert!(others <= 1, "{others} groups are others until everybody is sorted out");
    grouping.settle(&index, &|| false).unwrap();
    assert_eq!(partition(&grouping), expected, "it does no harm");
}

/// Of more than 100,000 faces nothing was remembered, for memory that nothing else needed.
#[test]
fn what_there_is_room_for_is_remembered() {
    let (held, more) = people_and_more();
    let index = Counted(Exact::of(&[held.as_slice(), &more].concat()), Cell::new(0));
    let questions = |room: usize| {
        let mut grouping =
            Grouping::new(Params { resplit_every: 16, keep_pairs: 0, room, ..params() }, FIRST);
        index.1.set(0);
        for some in [&held, &more].into_iter().flat_map(|faces| faces.chunks(32)) {
            grouping.add(some.to_vec(), &index);
        }
        index.1.get()
    };
    assert_eq!(questions(2_000 * 680), 2_000, "one each");
    let (half, none) = (questions(2_000 * 470), questions(0));
    assert!(2_000 < half && half < none, "{half}, {none}");
}

/// Weak faces that a human said are somebody stay who they are when the one strong face that they were with goes, though nothing is
/// known of who is near to them.
#[test]
fn weak_faces_keep_the_person_a_human_said_they_are_when_the_strong_one_goes() {
    let mut random = Random(3);
    let centre = random.direction(64);
    let who = PersonId(7);
    let mut grouping = Grouping::new(params(), FIRST);
    for id in 1..=3 {
        let embedding = Embedding::from_raw(&mix(&centre, &random.direction(64), 0.8)).unwrap();
        let said = Said { is: Some(who), is_not: Vec::new() };
        let face = Observation { face: FaceId(id), photo: photo(id), embedding, strong: id == 1, said };
        grouping.restore(face, Some(who));
    }
    let moves = grouping.remove(&[FaceId(1)]);
    assert_eq!(moves, [Move { face: FaceId(1), person: None }]);
    assert_eq!([2, 3].map(|id| grouping.person_of(FaceId(id))), [Some(who); 2]);
}
