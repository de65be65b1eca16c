//! How near the incremental state stays to the exact one, on a library that is hard enough to disagree about.
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

use common::{Exact, Random, World, make, pairwise_f, params};
use vow_cluster::{Grouping, Neighbours, Observation, Params};
use vow_types::{Embedding, FaceId, PersonId};

fn people_of(grouping: &Grouping, faces: &[(Observation, usize)]) -> HashMap<FaceId, PersonId> {
    faces.iter().map(|(o, _)| (o.face, grouping.person_of(o.face).unwrap())).collect()
}

/// All faces as they come, three at a time.
fn grow(faces: &[(Observation, usize)], params: Params) -> (Grouping, Exact) {
    let (mut grouping, mut index) = (Grouping::new(params, PersonId(1)), Exact::default());
    for batch in faces.chunks(3) {
        let batch: Vec<Observation> = batch.iter().map(|(o, _)| o.clone()).collect();
        index.add(&batch);
        grouping.add(batch, &index);
    }
    (grouping, index)
}

fn agreement(params: Params, order: u64) -> (f64, f64) {
    let world = World {
        seed: 11,
        dimension: 96,
        people: 60,
        faces: 2_000,
        cosine: 0.65,
        kinship: 0.2,
        weak: 0.1,
        crowd: 3,
    };
    let mut faces = make(world);
    Random(order).shuffle(&mut faces);
    let (mut grouping, index) = grow(&faces, params);
    let grown = people_of(&grouping, &faces);
    grouping.settle(&index, &|| false).unwrap();
    let exact = people_of(&grouping, &faces);
    let with_exact = pairwise_f(faces.iter().map(|(o, _)| (grown[&o.face], exact[&o.face])));
    let with_truth = pairwise_f(faces.iter().map(|(o, person)| (exact[&o.face], *person)));
    (with_exact, with_truth)
}

#[test]
fn growing_stays_near_the_exact_grouping() {
    for order in 0..3 {
        let (with_exact, with_truth) = agreement(params(), order);
        let (never, _) = agreement(Params { resplit_every: usize::MAX, ..params() }, order);
        println!(
            "order {order}: {with_exact:.4} with the exact grouping ({never:.4} if nothing is ever merged again), \
             which has {with_truth:.4} with the truth"
        );
        assert!(with_exact > 0.975, "order {order}: {with_exact}");
        assert!(with_exact > never, "order {order}: merging again does not help");
    }
}

#[test]
fn the_threshold_fits_the_number_of_people_that_come_out() {
    let world = World {
        seed: 12,
        dimension: 64,
        people: 700,
        faces: 1_500,
        cosine: 0.55,
        kinship: 0.3,
        weak: 0.1,
        crowd: 3,
    };
    let mut faces = make(world);
    let params = Params { calibrated_among: Some(4_096), ..params() };
    let mut grown = Vec::new();
    for order in 0..2 {
        Random(order).shuffle(&mut faces);
        let (mut grouping, index) = grow(&faces, params);
        let before = people_of(&grouping, &faces);
        grouping.settle(&index, &|| false).unwrap();
        let merge_at = grouping.merge_at();
        assert_eq!(merge_at.to_bits(), params.merge_at_among(grouping.groups()).to_bits());
        assert!(merge_at < params.merge_at && merge_at > params.merge_at_among(0), "{merge_at}");

        let exact = people_of(&grouping, &faces);
        let like = pairwise_f(faces.iter().map(|(o, _)| (before[&o.face], exact[&o.face])));
        assert!(like > 0.985, "as they come: {like}");
        let fixed = Params { merge_at, calibrated_among: None, ..params };
        let mut same = Grouping::new(fixed, PersonId(1));
        for (face, _) in &faces {
            same.restore(face.clone(), None);
        }
        same.settle(&index, &|| false).unwrap();
        let fixed = people_of(&same, &faces);
        let like = pairwise_f(faces.iter().map(|(o, _)| (fixed[&o.face], exact[&o.face])));
        assert!((like - 1.0).abs() < f64::EPSILON, "with the same threshold from the start: {like}");
        grown.push(exact);
    }
    let like = pairwise_f(faces.iter().map(|(o, _)| (grown[0][&o.face], grown[1][&o.face])));
    assert!((like - 1.0).abs() < f64::EPSILON, "another order: {like}");
}

/// Whoever comes first after a start would have had all neighbours of everybody asked for.
#[test]
fn a_face_that_comes_after_a_start_does_not_make_everybody_merge_again() {
    struct Counting(Exact, Cell<usize>);
    impl Neighbours for Counting {
        fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
            self.1.set(self.1.get() + 1);
            self.0.nearest(of, k)
        }
    }
    let world = World {
        seed: 13,
        dimension: 96,
        people: 600,
        faces: 1_500,
        cosine: 0.7,
        kinship: 0.2,
        weak: 0.0,
        crowd: 1,
    };
    let mut faces = make(world);
    let (newest, _) = faces.pop().unwrap();
    let params = Params { calibrated_among: Some(4_096), resplit_every: 1, ..params() };
    let (mut before, index) = grow(&faces, params);
    before.settle(&index, &|| false).unwrap();
    assert!(before.merge_at() > params.merge_at_among(0), "the test needs more people than the fewest");
    let mut after = Grouping::new(params, PersonId(10_000));
    for (face, _) in &faces {
        after.restore(face.clone(), before.person_of(face.face));
    }
    let index = Counting(index, Cell::new(0));
    after.add(vec![newest], &index);
    assert!(index.1.get() < 200, "{} questions to the index", index.1.get());
}
