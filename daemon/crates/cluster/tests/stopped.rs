//! The exact pass when it is stopped: it goes on from there, asks about nobody twice without need, and ends as if nothing had
//! stopped it.
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

use common::{Caller, Exact, FIRST, Random, World, make, params, partition, word};
use proptest::prelude::*;
use vow_cluster::{Decided, Grouping, Neighbours, Observation, Params, Settling};
use vow_types::{Embedding, FaceId, PersonId};

/// Counts the questions.
struct Counted {
    near: Exact,
    asked: Cell<usize>,
}

impl Counted {
    fn of(faces: &[Observation]) -> Self {
        Self { near: Exact::of(faces), asked: Cell::new(0) }
    }
}

impl Neighbours for Counted {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        self.asked.set(self.asked.get() + 1);
        self.near.nearest(of, k)
    }
}

fn few() -> Params {
    Params { neighbours: 4, ..params() }
}

fn stored(faces: &[Observation], params: Params) -> Grouping {
    let mut grouping = Grouping::new(params, FIRST);
    faces.iter().for_each(|face| grouping.restore(face.clone(), None));
    grouping
}

fn settled(faces: &[Observation], params: Params) -> Grouping {
    let mut grouping = stored(faces, params);
    grouping.settle(&Exact::of(faces), &|| false).expect("nobody stops it");
    grouping
}

fn crowd(faces: usize) -> Vec<Observation> {
    let world =
        World { seed: 5, dimension: 64, people: 40, faces, cosine: 0.6, kinship: 0.4, weak: 0.2, crowd: 3 };
    make(world).into_iter().map(|(face, _)| face).collect()
}

/// After so many looks.
fn after(looks: usize) -> impl Fn() -> bool {
    let seen = Cell::new(0);
    move || {
        seen.set(seen.get() + 1);
        seen.get() > looks
    }
}

#[test]
fn nobody_is_asked_about_twice_when_nothing_changed() {
    let faces = crowd(400);
    let (mut grouping, index) = (stored(&faces, few()), Counted::of(&faces));
    let mut stops = 0;
    while grouping.settle(&index, &after(7)).is_none() {
        stops += 1;
        assert!(stops < 1_000, "it never comes to an end");
        if index.asked.get() == faces.len() {
            // Merging is not stopped: it begins anew every time.
            grouping.settle(&index, &|| false).unwrap();
        }
    }
    assert!(stops > 20, "{stops}");
    assert_eq!(index.asked.get(), faces.len());
    assert_eq!(partition(&grouping), partition(&settled(&faces, few())));
}

#[test]
fn a_face_more_or_less_costs_questions_about_those_around_it_only() {
    let faces = crowd(600);
    let (first, later) = faces.split_at(560);
    let (mut grouping, mut index) = (stored(first, few()), Counted::of(first));
    assert!(grouping.settle(&index, &after(260)).is_none());
    let known = index.asked.get();
    assert!(known > 500, "{known}");
    // A trickle, and as many looks each time as a pass without memory could do nothing with.
    for face in later {
        index.near.add(std::slice::from_ref(face));
        grouping.add(vec![face.clone()], &index);
        assert!(grouping.settle(&index, &after(10)).is_none() || face.face > FaceId(570));
    }
    let gone: Vec<FaceId> = first.iter().take(10).map(|face| face.face).collect();
    index.near.remove(&gone);
    grouping.remove(&gone);
    grouping.settle(&index, &|| false).unwrap();
    let left: Vec<Observation> = faces.iter().skip(10).cloned().collect();
    assert_eq!(partition(&grouping), partition(&settled(&left, few())));
    let more = index.asked.get() - 560;
    assert!(more < 50 * (4 * 4 + 1), "{more} questions for 50 faces");
}

/// What came since the last pass is all that the next one asks about.
#[test]
fn a_pass_begins_with_what_the_last_one_knew() {
    let faces = crowd(600);
    let (first, later) = faces.split_at(595);
    let (mut grouping, mut index) = (stored(first, few()), Counted::of(first));
    grouping.settle(&index, &|| false).unwrap();
    index.near.add(later);
    grouping.add(later.to_vec(), &index);
    index.asked.set(0);
    grouping.settle(&index, &|| false).unwrap();
    let asked = index.asked.get();
    assert!((1..100).contains(&asked), "{asked}");
    assert_eq!(partition(&grouping), partition(&settled(&faces, few())));

    // A human's word asks about nobody.
    index.asked.set(0);
    let said = word(0, &mut Random(1));
    grouping.decide(&Decided { said: vec![(FaceId(3), said)], ..Decided::default() }, &index);
    index.asked.set(0);
    grouping.settle(&index, &|| false).unwrap();
    assert_eq!(index.asked.get(), 0);
}

/// It never goes back, and comes near to its end.
#[test]
fn how_far_it_is_is_told() {
    let faces = crowd(2_000);
    let index = Exact::of(&faces);
    for calibrated_among in [None, Some(2)] {
        let mut grouping = stored(&faces, Params { calibrated_among, ..params() });
        let steps = std::cell::RefCell::new(Vec::new());
        let watch = |step| {
            steps.borrow_mut().push(step);
            false
        };
        grouping.settle_watched(&index, &watch).unwrap();
        let (mut asked, mut merged) = (Vec::new(), Vec::new());
        for step in steps.into_inner() {
            match step {
                Settling::Asking { done, of } => {
                    assert!(merged.is_empty(), "all of that comes first");
                    asked.push((done, of));
                }
                Settling::Merging { done, of } => merged.push((done, of)),
            }
        }
        assert_eq!((asked.len(), asked.last()), (1_000, Some(&(1_998, 2_000))));
        assert!(merged.last().is_some_and(|(done, of)| done * 100 >= of * 95), "{merged:?}");
        for steps in [asked, merged] {
            let back = |pair: &[(usize, usize)]| pair[0].0 * pair[1].1 > pair[1].0 * pair[0].1;
            assert!(!steps.windows(2).any(back), "{steps:?}");
            assert!(steps.iter().all(|(done, of)| done <= of), "{steps:?}");
        }
    }
}

/// Where most answers would not stand, all are asked for anew.
#[test]
fn a_flood_begins_anew() {
    let faces = crowd(600);
    let (first, later) = faces.split_at(200);
    let (mut grouping, mut index) = (stored(first, few()), Counted::of(first));
    assert!(grouping.settle(&index, &after(60)).is_none());
    index.near.add(later);
    grouping.add(later.to_vec(), &index);
    index.asked.set(0);
    grouping.settle(&index, &|| false).unwrap();
    assert_eq!(index.asked.get(), faces.len());
    assert_eq!(partition(&grouping), partition(&settled(&faces, few())));
}

fn worlds() -> impl Strategy<Value = World> {
    (any::<u64>(), 1usize..12, 1usize..140, 0.35f32..0.75, 0.2f32..0.6, 0.0f32..0.6, 1usize..6).prop_map(
        |(seed, people, faces, cosine, kinship, weak, crowd)| World {
            seed,
            dimension: 48,
            people,
            faces,
            cosine,
            kinship,
            weak,
            crowd,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Faces come and leave, and humans speak, while an exact pass is stopped again and again; in the end all is as if
    /// there had been one.
    #[test]
    fn a_pass_that_is_stopped_goes_on(world in worlds(), neighbours in prop::sample::select(vec![2usize, 4, 8]), script: u64) {
        let params = Params { neighbours, ..params() };
        let mut random = Random(script);
        let faces = make(World { faces: world.faces + 60, ..world });
        let truth: HashMap<FaceId, usize> = faces.iter().map(|(o, person)| (o.face, *person)).collect();
        let (mut index, mut caller) = (Exact::default(), Caller::default());
        let mut grouping = Grouping::new(params, FIRST);
        let mut out: Vec<Observation> = faces.into_iter().map(|(o, _)| o).collect();
        let mut held: Vec<Observation> = Vec::new();
        random.shuffle(&mut out);
        for round in 0..8 {
            let few = if round == 0 { out.len() * 3 / 4 } else { random.below(4).min(out.len()) };
            let now = out.split_off(out.len() - few);
            index.add(&now);
            let moves = grouping.add(now.clone(), &index);
            caller.told(&now, &moves, &grouping);
            held.extend(now);
            random.shuffle(&mut held);
            let leave = held.split_off(held.len() - random.below(3).min(held.len()));
            let ids: Vec<FaceId> = leave.iter().map(|o| o.face).collect();
            index.remove(&ids);
            let moves = grouping.remove(&ids);
            caller.told(&[], &moves, &grouping);
            out.extend(leave);
            random.shuffle(&mut out);
            if let Some((face, truth)) = held.get(random.below(held.len())).map(|o| (o.face, truth[&o.face])) {
                let said = word(truth, &mut random);
                held.iter_mut().filter(|o| o.face == face).for_each(|o| o.said = said.clone());
                caller.said.insert(face, said.clone());
                let decided = Decided { said: vec![(face, said)], ..Decided::default() };
                let moves = grouping.decide(&decided, &index);
                caller.told(&[], &moves, &grouping);
            }
            for _ in 0..1 + random.below(3) {
                if let Some(moves) = grouping.settle(&index, &after(random.below(40))) {
                    caller.told(&[], &moves, &grouping);
                }
                caller.check(&grouping);
            }
        }
        let moves = grouping.settle(&index, &|| false).unwrap();
        caller.told(&[], &moves, &grouping);
        held.sort_by_key(|o| o.face);
        // Who is nobody by a human's word any more is known by those who were them: that depends on what came before.
        let by_word = |person: &PersonId| held.iter().any(|o| o.said.is == Some(*person));
        if held.iter().flat_map(|o| &o.said.is_not).all(by_word) {
            prop_assert_eq!(partition(&grouping), partition(&settled(&held, params)));
        }
    }
}
