//! People who change over the years: asked about, never merged for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test may panic: that is how it fails; its counts are small"
)]

mod common;

use common::{Exact, Random, mix, params, photo};
use vow_cluster::{Grouping, Observation, Said, are_years_apart};
use vow_types::{Embedding, FaceId, PersonId};

const YEAR: i32 = 365;

/// Somebody seen four times a year who turns from one direction to another within ten years, with ids from `first` up, the
/// days they were seen on, and a break after five years long enough for two groups.
fn growing_up(random: &mut Random, first: u64) -> Vec<(Observation, i32)> {
    let (child, adult) = (random.direction(96), random.direction(96));
    let shots = (0..40u16).filter(|shot| !(16..24).contains(shot));
    let seen = shots.map(|shot| {
        let age = f32::from(shot) / 40.0;
        let turn = 1.9 * age;
        let looks: Vec<f32> =
            child.iter().zip(&adult).map(|(c, a)| c * turn.cos() + a * turn.sin()).collect();
        let raw = mix(&looks, &random.direction(96), 0.75);
        let id = first + u64::from(shot);
        let embedding = Embedding::from_raw(&raw).unwrap();
        let face = FaceId(id);
        (
            Observation { face, photo: photo(id), embedding, strong: true, said: Said::default() },
            i32::from(shot) * YEAR / 4,
        )
    });
    seen.collect()
}

fn settled(faces: &[(Observation, i32)]) -> Grouping {
    let known: Vec<Observation> = faces.iter().map(|(face, _)| face.clone()).collect();
    let index = Exact::of(&known);
    let mut grouping = Grouping::new(params(), PersonId(1));
    grouping.add(known, &index);
    grouping.settle(&index, &|| false).unwrap();
    grouping
}

#[test]
fn a_child_who_grew_up_is_asked_about_where_the_years_meet() {
    let mut asked = 0;
    for seed in 0..8 {
        let faces = growing_up(&mut Random(seed), 1);
        let mut grouping = settled(&faces);
        let groups = grouping.people().count();
        assert!(groups > 1, "the test needs somebody who falls apart");
        let day = |face: FaceId| faces.iter().find(|(o, _)| o.face == face).map(|(_, day)| *day);
        let everyone: Vec<_> = grouping.people().collect();
        let plain = grouping.close_pairs(&everyone, 0.04).len();
        let close = grouping.close_across_years(&everyone, 0.04, &day);
        for pair in &close {
            assert!(pair.score >= params().merge_at - 0.04, "{pair:?}");
            assert_ne!(pair.a, pair.b);
            assert_eq!(grouping.person_of(pair.faces.0), Some(pair.a));
            assert_eq!(grouping.person_of(pair.faces.1), Some(pair.b));
        }
        println!("seed {seed}: {groups} groups, {plain} close, {} across years", close.len());
        asked += close.len();
        assert_eq!(grouping.people().count(), groups, "nobody is merged for it");
        assert_eq!(grouping.close_pairs(&everyone, 0.04).len(), plain);
        // Without dates, or all of one day, there is nothing to go by.
        assert_eq!(grouping.close_across_years(&everyone, 0.04, &|_| None), []);
        assert_eq!(grouping.close_across_years(&everyone, 0.04, &|_| Some(7)), []);
        let ids = |person| grouping.members(person).collect::<Vec<FaceId>>();
        for pair in &close {
            assert!(are_years_apart(&ids(pair.a), &ids(pair.b), &day));
        }
        assert!(!are_years_apart(&ids(PersonId(1)), &ids(PersonId(1)), &day));
    }
    assert!(asked >= 4, "{asked} questions about eight people");
}
