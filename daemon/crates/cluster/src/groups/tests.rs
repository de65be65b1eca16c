//! Surroundings against what the candidate pairs say, after any sequence of merging and taking apart.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vow_types::{ContentId, Distances, Embedding};

use super::*;
use crate::{Observation, Said};

/// Above this many slots, a chosen number wraps around.
const FACES: u32 = 24;

#[derive(Debug, Clone)]
enum Step {
    Link(Slot, Slot),
    Merge(Slot, Slot),
    TakeApart(Slot),
    Part(Slot, Vec<Slot>),
    Replace(Slot),
    Visit(Slot, f32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let slot = || 0..FACES;
    let step = prop_oneof![
        6 => (slot(), slot()).prop_map(|(a, b)| Step::Link(a, b)),
        4 => (slot(), slot()).prop_map(|(a, b)| Step::Merge(a, b)),
        1 => slot().prop_map(Step::TakeApart),
        3 => (slot(), prop::collection::vec(slot(), 1..6)).prop_map(|(a, gone)| Step::Part(a, gone)),
        1 => slot().prop_map(Step::Replace),
        3 => (slot(), -0.5f32..1.0).prop_map(|(a, bar)| Step::Visit(a, bar)),
    ];
    prop::collection::vec(step, 1..200)
}

fn observation(id: u64) -> Observation {
    let angle = u16::try_from(id % 1000).map(f32::from).unwrap() * 0.7;
    let raw = [angle.sin(), angle.cos(), (angle * 0.3).sin(), 1.0];
    let embedding = Embedding::from_raw(&raw).unwrap();
    // Every eighth face is weak: known to the candidate pairs, and in no group.
    Observation {
        face: FaceId(id),
        photo: ContentId([0; 32]),
        embedding,
        strong: !id.is_multiple_of(8),
        said: Said::default(),
    }
}

/// What `visit` should show: every group with a candidate pair to this one, and its score.
fn around(
    group: Slot,
    groups: &Groups,
    (faces, edges): (&Faces, &Edges),
    params: &Params,
) -> Vec<(Slot, f32)> {
    let names: BTreeSet<Slot> = groups
        .members(group)
        .iter()
        .flat_map(|slot| edges.of(*slot))
        .filter_map(|slot| groups.of(slot))
        .filter(|name| *name != group)
        .collect();
    let own = groups.view(group, faces, params).unwrap();
    names
        .into_iter()
        .map(|name| (name, own.score(&groups.view(name, faces, params).unwrap(), params)))
        .collect()
}

proptest! {
    // What one face leaves behind shows only when the next ones come together in a certain order.
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn every_group_knows_who_is_around(steps in steps()) {
        let params = crate::Params::new(Distances { people: None, same: 0.3, group: 0.5, neighbour: 0.28 });
        let (mut faces, mut edges, mut groups) = (Faces::default(), Edges::default(), Groups::default());
        let mut next = 0;
        for _ in 0..FACES {
            let observation = observation(next);
            let strong = observation.strong;
            let slot = faces.insert(observation, None).unwrap();
            edges.grow(slot);
            groups.insert(slot, strong);
            next += 1;
        }
        for step in steps {
            groups.forget_sums();
            match step {
                Step::Link(a, b) => {
                    if a != b && edges.link(a, b) {
                        groups.note(a, b);
                        groups.note(b, a);
                    }
                }
                Step::Merge(a, b) => {
                    if let (Some(a), Some(b)) = (groups.of(a), groups.of(b)) && a != b {
                        let size = groups.members(a).len() + groups.members(b).len();
                        let (winner, loser) = groups.winner(a, b);
                        groups.merge(a, b, &faces, &edges, &params);
                        prop_assert_eq!(groups.members(winner).len(), size);
                        prop_assert!(groups.members(loser).is_empty());
                    }
                }
                Step::TakeApart(a) => {
                    if let Some(group) = groups.of(a) {
                        for slot in groups.take_apart(group, &edges) {
                            prop_assert_eq!(groups.members(slot), &[slot]);
                        }
                    }
                }
                Step::Part(a, gone) => {
                    let Some(group) = groups.of(a) else { continue };
                    let gone: HashSet<Slot> =
                        gone.into_iter().filter(|slot| groups.of(*slot) == Some(group)).collect();
                    let stay: BTreeSet<Slot> =
                        groups.members(group).iter().copied().filter(|slot| !gone.contains(slot)).collect();
                    let name = groups.part(group, &gone, &faces, &edges, &params);
                    for slot in &gone {
                        prop_assert_eq!(groups.members(*slot), &[*slot]);
                    }
                    prop_assert_eq!(name.is_none(), stay.is_empty());
                    let Some(name) = name else { continue };
                    prop_assert_eq!(groups.members(name).iter().copied().collect::<BTreeSet<_>>(), stay.clone());
                    prop_assert!(stay.iter().all(|slot| groups.of(*slot) == Some(name)));
                    // As if they had come together by themselves: so few are added up exactly.
                    let alone = crate::score::Sum::of(stay.iter().copied(), &faces, &params).unwrap();
                    let (view, alone) = (groups.view(name, &faces, &params).unwrap(), alone.view());
                    prop_assert_eq!(view.least, alone.least);
                    prop_assert!(stay.len() == 1 || view.score(&view, &params) == alone.score(&alone, &params));
                }
                Step::Replace(a) => {
                    if let Some(group) = groups.of(a) {
                        groups.take_apart(group, &edges);
                    }
                    groups.remove(a, &edges.forget(a));
                    faces.remove(a);
                    let observation = observation(next);
                    let strong = observation.strong;
                    prop_assert_eq!(faces.insert(observation, None), Some(a));
                    edges.grow(a);
                    groups.insert(a, strong);
                    next += 1;
                }
                Step::Visit(a, bar) => {
                    let Some(group) = groups.of(a) else { continue };
                    let expected = around(group, &groups, (&faces, &edges), &params);
                    let mut shown = Vec::new();
                    groups.visit(group, (&faces, &edges, &params), bar, |score, _, name| {
                        shown.push((name, score));
                        bar
                    });
                    shown.sort_by_key(|(name, _)| *name);
                    let names: BTreeSet<Slot> = shown.iter().map(|(name, _)| *name).collect();
                    prop_assert_eq!(names.len(), shown.len(), "a group was shown twice");
                    for (name, score) in &expected {
                        prop_assert!(*score < bar || names.contains(name), "{} was kept back at {}", name, score);
                    }
                    for pair in &shown {
                        prop_assert!(expected.contains(pair), "{:?} is not around", pair);
                    }
                }
            }
        }
        groups.tidy_all();
        prop_assert_eq!(groups.count(), (0..FACES).filter(|slot| groups.is_group(*slot)).count());
        for slot in 0..FACES {
            let Some(group) = groups.of(slot).filter(|group| *group == slot) else { continue };
            let expected = around(group, &groups, (&faces, &edges), &params);
            let mut shown = 0;
            groups.visit(group, (&faces, &edges, &params), f32::NEG_INFINITY, |_, _, _| { shown += 1; f32::NEG_INFINITY });
            prop_assert_eq!(shown, expected.len());
        }
    }
}
