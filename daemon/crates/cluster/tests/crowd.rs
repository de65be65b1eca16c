//! What is known of two people who are nearly one, beside their score.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test may panic: that is how it fails; its counts are small"
)]

mod common;

use std::collections::BTreeSet;

use common::{Exact, FIRST, World, make};
use proptest::prelude::*;
use vow_cluster::{Close, Grouping, Observation, Params};
use vow_types::{Distances, FaceId, PersonId};

/// Everybody's pairs are all known, so that what is best can be told from all.
fn all_pairs() -> Params {
    let distances = Distances { same: 0.3, group: 0.5, people: None, neighbour: -1.0 };
    Params { neighbours: 200, ..Params::new(distances) }
}

/// The mean of somebody's eight best scores with others than one.
fn around(grouping: &Grouping, person: PersonId, without: PersonId) -> f32 {
    let faces = |person| grouping.members(person).collect::<Vec<FaceId>>();
    let others = grouping.people().filter(|other| *other != person && *other != without);
    let mut scores: Vec<f32> =
        others.map(|other| grouping.score_of_sets(&faces(person), &faces(other)).unwrap()).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.truncate(8);
    scores.iter().sum::<f32>() / scores.len().max(1) as f32
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_crowd_is_how_near_the_eight_next_are(
        seed: u64, people in 2usize..30, faces in 4usize..90, cosine in 0.3f32..0.7,
    ) {
        let world =
            World { seed, dimension: 32, people, faces, cosine, kinship: 0.5, weak: 0.0, crowd: 1 };
        let seen: Vec<Observation> = make(world).into_iter().map(|(face, _)| face).collect();
        let index = Exact::of(&seen);
        let mut grouping = Grouping::new(all_pairs(), FIRST);
        grouping.add(seen.clone(), &index);
        grouping.settle(&index, &|| false).unwrap();
        let everyone: Vec<PersonId> = grouping.people().collect();
        for doubt in grouping.doubts(&everyone, 0.2) {
            let look = |id: FaceId| &seen.iter().find(|face| face.face == id).unwrap().embedding;
            let others = grouping.members(doubt.person).filter(|other| *other != doubt.face);
            let cosine = |other: FaceId| look(doubt.face).cosine(look(other));
            let best = others.max_by(|x, y| cosine(*x).total_cmp(&cosine(*y)).then(y.cmp(x)));
            prop_assert_eq!(Some(doubt.nearest), best);
        }
        for close in grouping.close_pairs(&everyone, 0.3) {
            let expected =
                f32::midpoint(around(&grouping, close.a, close.b), around(&grouping, close.b, close.a));
            let crowd = close.crowd.unwrap();
            prop_assert!((crowd - expected).abs() < 1e-4, "{crowd} is not {expected}: {close:?}");
        }
        // Some at a time, everything is found that is found of all; twice where both are asked about.
        let pairs = |of: &[PersonId], grouping: &mut Grouping| -> BTreeSet<(PersonId, PersonId, u32)> {
            let close = grouping.close_pairs(of, 0.3).into_iter();
            close.map(|close| (close.a, close.b, close.score.to_bits())).collect()
        };
        let doubts = |of: &[PersonId], grouping: &Grouping| -> BTreeSet<FaceId> {
            grouping.doubts(of, 0.2).into_iter().map(|doubt| doubt.face).collect()
        };
        let (some, others) = everyone.split_at(everyone.len() / 3);
        let (mut close, mut doubtful) = (pairs(some, &mut grouping), doubts(some, &grouping));
        close.extend(pairs(others, &mut grouping));
        doubtful.extend(doubts(others, &grouping));
        prop_assert_eq!(close, pairs(&everyone, &mut grouping));
        prop_assert_eq!(doubtful, doubts(&everyone, &grouping));
    }
}

#[test]
fn who_stands_in_a_crowd_or_was_seen_often_is_rather_somebody_else() {
    let close = |sizes, crowd| Close {
        a: PersonId(1),
        b: PersonId(2),
        score: 0.45,
        sizes,
        faces: (FaceId(1), FaceId(2)),
        crowd,
    };
    let beyond = |sizes, crowd| close(sizes, Some(crowd)).beyond_score(0.37);
    assert!(beyond((1, 1), 0.40) < beyond((1, 1), 0.37) && beyond((1, 1), 0.37) < beyond((1, 1), 0.34));
    assert!(beyond((9, 9), 0.37) < beyond((9, 1), 0.37));
    assert!(beyond((9, 1), 0.37) > beyond((1, 1), 0.37));
    assert_eq!(close((9, 9), None).beyond_score(0.37).to_bits(), 0);
}
