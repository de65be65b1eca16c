//! What happens at once when humans speak, one rule a test, on people who look nothing like each other.
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

use common::{Exact, FIRST, Random, mix, params, partition, photo};
use vow_cluster::{Decided, Grouping, Move, Observation, Said};
use vow_types::{Embedding, FaceId, PersonId};

/// Three faces of each of two people, each in a photo of its own.
fn two_people() -> (Grouping, Exact) {
    let mut random = Random(3);
    let mut faces = Vec::new();
    for person in 0..2u64 {
        let centre = random.direction(64);
        for shot in 0..3u64 {
            let raw = mix(&centre, &random.direction(64), 0.9);
            let id = 3 * person + shot + 1;
            faces.push(Observation {
                face: FaceId(id),
                photo: photo(id),
                embedding: Embedding::from_raw(&raw).unwrap(),
                strong: true,
                said: Said::default(),
            });
        }
    }
    let index = Exact::of(&faces);
    let mut grouping = Grouping::new(params(), FIRST);
    grouping.add(faces, &index);
    grouping.settle(&index, &|| false).unwrap();
    (grouping, index)
}

fn is(person: PersonId) -> Said {
    Said { is: Some(person), is_not: Vec::new() }
}

fn who(grouping: &Grouping) -> Vec<PersonId> {
    (1..=6).map(|face| grouping.person_of(FaceId(face)).unwrap()).collect()
}

fn everyone(grouping: &Grouping) -> Vec<PersonId> {
    grouping.people().collect()
}

#[test]
fn a_merge_that_is_taken_back_leaves_everyone_as_they_were() {
    let (mut grouping, index) = two_people();
    let before = who(&grouping);
    let (a, b) = (before[0], before[3]);
    assert_ne!(a, b);
    let said = (1..=6).map(|face| (FaceId(face), is(a))).collect();
    let merged = Decided { said, joined: vec![(a, b)], ..Decided::default() };
    assert_eq!(grouping.decide(&merged, &index).len(), 3);
    grouping.settle(&index, &|| false).unwrap();
    assert_eq!(who(&grouping), [a; 6]);
    let undone = Decided {
        said: (1..=6).map(|face| (FaceId(face), Said::default())).collect(),
        joined: Vec::new(),
        again: (4..=6).map(FaceId).collect(),
        were: (4..=6).map(|face| (FaceId(face), b)).collect(),
    };
    grouping.decide(&undone, &index);
    assert_eq!(who(&grouping), before);
    grouping.settle(&index, &|| false).unwrap();
    assert_eq!(who(&grouping), before);
}

#[test]
fn a_face_that_hardly_is_its_person_is_in_doubt_until_a_human_says_so() {
    let (first, index) = two_people();
    let before = who(&first);
    // As a store may have it: a face of the second person with the first one.
    let mut grouping = Grouping::new(params(), FIRST);
    let mut random = Random(3);
    for person in 0..2u64 {
        let centre = random.direction(64);
        for shot in 0..3u64 {
            let raw = mix(&centre, &random.direction(64), 0.9);
            let id = 3 * person + shot + 1;
            let said = Said::default();
            let embedding = Embedding::from_raw(&raw).unwrap();
            let face = Observation { face: FaceId(id), photo: photo(id), embedding, strong: true, said };
            let whose = if id == 4 { before[0] } else { before[(id - 1) as usize] };
            grouping.restore(face, Some(whose));
        }
    }
    let doubts = grouping.doubts(&everyone(&grouping), 0.04);
    assert_eq!(
        doubts.iter().map(|doubt| (doubt.face, doubt.person)).collect::<Vec<_>>(),
        [(FaceId(4), before[0])]
    );
    assert!(doubts[0].score < params().merge_at && doubts[0].size == 4 && doubts[0].nearest < FaceId(4));
    grouping.decide(&Decided { said: vec![(FaceId(4), is(before[0]))], ..Decided::default() }, &index);
    assert_eq!(grouping.doubts(&everyone(&grouping), 0.04), []);
    assert_eq!(first.doubts(&everyone(&first), 0.04), [], "nobody else is in doubt");
}

/// One person whose every fiftieth face, from the first on, is seen from aside; the others are nearer to the middle.
fn often_seen(faces: impl Iterator<Item = u64>) -> Grouping {
    let mut grouping = Grouping::new(params(), FIRST);
    for id in faces {
        grouping.restore(seen_often(FaceId(id)), Some(FIRST));
    }
    grouping
}

fn seen_often(face: FaceId) -> Observation {
    let aside: f32 = if face.0 % 50 == 1 { 0.6 } else { 0.2 };
    let side = if face.0.is_multiple_of(2) { aside.sin() } else { -aside.sin() };
    let embedding = Embedding::from_raw(&[aside.cos(), side, 0.0]).unwrap();
    Observation { face, photo: photo(face.0), embedding, strong: true, said: Said::default() }
}

#[test]
fn somebody_is_known_by_the_clearest_2048_of_their_faces() {
    let all: Vec<FaceId> = (1..=2_048).map(FaceId).collect();
    assert_eq!(often_seen(1..=2_048).core(FIRST), all, "who is seen from aside is clearly them, too");
    let core = often_seen(1..=2_100).core(FIRST);
    assert_eq!(core.len(), 2_048);
    assert!(core.is_sorted(), "by id");
    // Fifty-two have to go: the forty-two from aside first.
    assert!(core.iter().all(|face| face.0 % 50 != 1), "{core:?}");
}

#[test]
fn whom_somebody_of_very_many_faces_is_known_by_depends_on_the_faces_alone() {
    let core = often_seen(1..9_000).core(FIRST);
    assert_eq!(core.len(), 2_048);
    assert_eq!(often_seen((1..9_000).rev()).core(FIRST), core);
    assert!(
        core.iter().all(|face| face.0 % 50 != 1),
        "those from aside are not among the clearest of any many"
    );
    assert!(core[0] < FaceId(1_000) && core[2_047] > FaceId(8_000), "of all times");
}

#[test]
fn a_face_less_of_very_many_leaves_the_others_where_they_are() {
    let mut random = Random(5);
    let centre = random.direction(32);
    let mut face = |id: u64| {
        let embedding = Embedding::from_raw(&mix(&centre, &random.direction(32), 0.85)).unwrap();
        Observation { face: FaceId(id), photo: photo(id), embedding, strong: true, said: Said::default() }
    };
    let all: Vec<Observation> = (1..=1_200).map(&mut face).collect();
    let (mut grouping, mut index) = (Grouping::new(params(), FIRST), Exact::of(&all));
    all.iter().for_each(|face| grouping.restore(face.clone(), Some(FIRST)));
    let nobody_moves = |moves: Option<Vec<Move>>| moves.is_some_and(|moves| moves.is_empty());
    assert!(nobody_moves(grouping.settle(&index, &|| false)), "one person, and every pair is known");
    let gone = [7, 1, 600].map(FaceId);
    for face in gone {
        index.remove(&[face]);
        assert!(grouping.remove(&[face]) == [Move { face, person: None }]);
    }
    assert_eq!(grouping.members(FIRST).count(), 1_197);
    assert!(nobody_moves(grouping.settle(&index, &|| false)));
    // As if they had never been there.
    let mut fresh = Grouping::new(params(), FIRST);
    all.iter().filter(|o| !gone.contains(&o.face)).for_each(|face| fresh.restore(face.clone(), None));
    fresh.settle(&index, &|| false).unwrap();
    assert!(partition(&grouping) == partition(&fresh));
    assert!(grouping.core(FIRST) == fresh.core(FIRST));
}
