//! DBSCAN as it is known, and to the last face as linfa does it with its own plain search.

use std::sync::Mutex;

use linfa_nn::LinearSearch;
use proptest::prelude::*;

use super::*;

fn at(degrees: f32) -> Embedding {
    let angle = degrees.to_radians();
    Embedding::from_raw(&[angle.cos(), angle.sin()]).unwrap()
}

fn clusters(faces: &[Embedding], params: DbscanParams) -> Vec<Option<usize>> {
    dbscan(&faces.iter().collect::<Vec<_>>(), params).unwrap()
}

/// What linfa alone makes of them: every question is answered by looking at everyone.
fn plain(faces: &[Embedding], params: DbscanParams) -> Vec<Option<usize>> {
    let numbers: Vec<f32> = faces.iter().flat_map(Embedding::components).collect();
    let rows = Array2::from_shape_vec((faces.len(), numbers.len() / faces.len()), numbers).unwrap();
    let plain = Dbscan::params_with(params.min_samples, L2Dist, LinearSearch);
    plain.tolerance(params.eps).transform(&rows).unwrap().to_vec()
}

/// Faces of people of very different sizes, some far apart and some that touch; many are nobody's.
fn crowd(count: usize, dimension: usize, seed: u64) -> Vec<Embedding> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).unwrap()) / 32_768.0 - 1.0
    };
    let people: Vec<Vec<f32>> = (0..9).map(|_| (0..dimension).map(|_| random()).collect()).collect();
    let face = |n: usize| {
        // The first has half of all faces, the next half of the rest.
        let person = &people[vow_types::num::index((n + 1).trailing_zeros().min(8))];
        let spread = if n.is_multiple_of(5) { 2.5 } else { 0.55 };
        let numbers: Vec<f32> = person.iter().map(|number| number + spread * random()).collect();
        Embedding::from_raw(&numbers).unwrap()
    };
    (0..count).map(face).collect()
}

#[test]
fn clusters_are_chains_of_neighbours_and_the_rest_is_noise() {
    // Distances: 2 sin(half the angle); 0.7 is 41 degrees.
    let faces = [0.0, 30.0, 60.0, 180.0, 200.0, 215.0, 270.0].map(at);
    let found = clusters(&faces, DbscanParams::default());
    assert_eq!(found[..3], [found[0]; 3]);
    assert_eq!(found[3..6], [found[3]; 3]);
    assert!(found[0].is_some() && found[3].is_some() && found[0] != found[3]);
    assert_eq!(found[6], None);
}

#[test]
fn parameters_that_make_no_sense_are_refused() {
    let face = at(0.0);
    for (eps, min_samples) in [(0.0, 3), (f32::NAN, 3), (2.5, 3), (0.7, 1)] {
        let params = DbscanParams { eps, min_samples };
        assert!(dbscan(&[&face], params).is_err(), "{eps} {min_samples}");
    }
    assert_eq!(clusters(&[], DbscanParams::default()), []);
}

/// A face between two clusters that is no core belongs to whichever reaches it first: to the same one either way.
#[test]
fn a_face_on_the_border_falls_to_the_same_side() {
    let degrees = [90.0, 0.0, 10.0, 20.0, 160.0, 170.0, 180.0, 56.0, 124.0, 300.0];
    let params = DbscanParams { eps: 0.6, min_samples: 4 };
    for turn in 0..degrees.len() {
        let mut order = degrees;
        order.rotate_left(turn);
        let faces = order.map(at);
        assert_eq!(clusters(&faces, params), plain(&faces, params), "{order:?}");
    }
}

/// More than one block of questions, and more than one part of the answers.
#[test]
fn a_crowd_is_sorted_out_as_linfa_does_it_alone() {
    let faces = crowd(2500, 24, 7);
    for (eps, min_samples) in [(0.7, 3), (0.5, 8), (0.9, 20), (0.2, 2), (2.0, 2)] {
        let params = DbscanParams { eps, min_samples };
        let found = clusters(&faces, params);
        assert_eq!(found, plain(&faces, params), "{eps} {min_samples}");
        if eps == 0.7 {
            let (most, noise) =
                (found.iter().flatten().max().unwrap(), found.iter().filter(|one| one.is_none()));
            assert!(*most >= 4 && noise.count() >= 100, "there is something to tell apart: {most}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_crowd_is_sorted_out_as_linfa_does_it_alone(
        count in 1usize..400, dimension in 1usize..20, seed in any::<u64>(), twins in 0usize..40,
        eps in 0.05f32..2.0, min_samples in 2usize..12,
    ) {
        let mut faces = crowd(count, dimension, seed);
        faces.extend(faces.clone().into_iter().take(twins));
        let params = DbscanParams { eps, min_samples };
        prop_assert_eq!(clusters(&faces, params), plain(&faces, params));
    }
}

#[test]
fn the_onlooker_sees_it_through_or_stops_it() {
    let faces = crowd(1000, 16, 3);
    let faces: Vec<&Embedding> = faces.iter().collect();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listening = Arc::clone(&told);
    let onlooker = move |done| {
        listening.lock().unwrap().push(done);
        true
    };
    dbscan_watched(&faces, DbscanParams::default(), onlooker).unwrap();
    let all = told.lock().unwrap().clone();
    assert!(all.is_sorted() && all.len() >= 5 && all.last() == Some(&1000), "{all:?}");

    told.lock().unwrap().clear();
    let listening = Arc::clone(&told);
    let onlooker = move |done| {
        listening.lock().unwrap().push(done);
        done < 200
    };
    assert_eq!(dbscan_watched(&faces, DbscanParams::default(), onlooker), Err(DbscanError::Stopped));
    assert_eq!(told.lock().unwrap().len(), 2, "nothing is worked out any more");
}
