//! What holds for any faces in any order: against exact neighbours, on people made up at random.
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

use std::collections::HashMap;

use common::{Caller, Exact, FIRST, Random, World, make, params, partition, spoken_of, word};
use proptest::prelude::*;
use vow_cluster::{Decided, Grouping, Observation, Params, Said};
use vow_types::{FaceId, PersonId};

fn worlds() -> impl Strategy<Value = World> {
    (any::<u64>(), 32usize..=128, 1usize..12, 1usize..140, 0.35f32..0.75, 0.2f32..0.6, 0.0f32..0.4, 1usize..6)
        .prop_map(|(seed, dimension, people, faces, cosine, kinship, weak, crowd)| World {
            seed,
            dimension,
            people,
            faces,
            cosine,
            kinship,
            weak,
            crowd,
        })
}

/// Few neighbours and frequent passes, so that a hundred faces exercise what a hundred thousand do.
fn some_params() -> impl Strategy<Value = Params> {
    (
        prop::sample::select(vec![4usize, 8, 32]),
        1usize..40,
        prop::sample::select(vec![0.0f32, 1.0 / 32.0, 0.5]),
        // With the last two the threshold stands 0.05 lower, and rises to above 0.5.
        prop::sample::select(vec![None, Some(4_096), Some(2)]),
        prop::sample::select(vec![0usize, 40, 50_000]),
    )
        .prop_map(|(neighbours, resplit_every, resplit_share, calibrated_among, keep_pairs)| Params {
            calibrated_among,
            keep_pairs,
            room: keep_pairs * 1_000,
            neighbours,
            resplit_every,
            resplit_share,
            ..params()
        })
}

fn faces_of(world: World) -> Vec<Observation> {
    make(world).into_iter().map(|(face, _)| face).collect()
}

fn settled(faces: &[Observation], params: Params) -> Grouping {
    let mut grouping = Grouping::new(params, FIRST);
    for face in faces {
        grouping.restore(face.clone(), None);
    }
    grouping.settle(&Exact::of(faces), &|| false).expect("nobody stops it");
    assert!(grouping.is_settled());
    grouping
}

/// When the index learns of a batch: before it is added, as it should, or as it comes.
#[derive(Clone, Copy, PartialEq)]
enum Index {
    First,
    Whenever,
}

/// Adds in batches of random size, in the given order.
fn add_in_batches(
    grouping: &mut Grouping,
    (index, when): (&mut Exact, Index),
    caller: &mut Caller,
    faces: &[Observation],
    random: &mut Random,
) {
    let mut rest = faces;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(1 + random.below(rest.len().min(30)));
        let first = when == Index::First || random.below(2) == 0;
        if first {
            index.add(now);
        }
        let moves = grouping.add(now.to_vec(), index);
        if !first {
            index.add(now);
        }
        caller.told(now, &moves, grouping);
        rest = later;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn settled_groups_depend_on_the_faces_and_what_was_said_only(
        world in worlds(), params in some_params(), order: u64, share in 0.0f32..0.4,
    ) {
        let faces = spoken_of(make(world), share, order);
        let mut shuffled = faces.clone();
        let mut random = Random(order);
        random.shuffle(&mut shuffled);
        let at_once = settled(&faces, params);

        let mut grouping = Grouping::new(params, FIRST);
        let (mut index, mut caller) = (Exact::default(), Caller::default());
        add_in_batches(&mut grouping, (&mut index, Index::Whenever), &mut caller, &shuffled, &mut random);
        let moves = grouping.settle(&index, &|| false).unwrap();
        caller.told(&[], &moves, &grouping);
        prop_assert_eq!(partition(&grouping), partition(&at_once));
        prop_assert_eq!(grouping.settle(&index, &|| false), Some(Vec::new()));
    }

    /// Any sequence of calls; after each, the moves tell the whole truth and no rule is broken (see [`Caller`]).
    #[test]
    fn the_caller_is_told_everything(world in worlds(), params in some_params(), script: u64) {
        let faces = faces_of(world);
        let mut random = Random(script);
        let mut grouping = Grouping::new(params, FIRST);
        let (mut index, mut caller) = (Exact::default(), Caller::default());
        let (mut out, mut held): (Vec<Observation>, Vec<Observation>) = (faces, Vec::new());
        for _ in 0..30 {
            match random.below(10) {
                0..5 if !out.is_empty() => {
                    random.shuffle(&mut out);
                    let now = out.split_off(out.len().saturating_sub(1 + random.below(25)));
                    add_in_batches(&mut grouping, (&mut index, Index::Whenever), &mut caller, &now, &mut random);
                    held.extend(now);
                }
                5..8 if !held.is_empty() => {
                    random.shuffle(&mut held);
                    let now = held.split_off(held.len().saturating_sub(1 + random.below(12)));
                    let ids: Vec<FaceId> = now.iter().map(|o| o.face).collect();
                    index.remove(&ids);
                    let moves = grouping.remove(&ids);
                    caller.told(&[], &moves, &grouping);
                    out.extend(now);
                }
                8 => {
                    let people: Vec<PersonId> = grouping.people().collect();
                    if let Some(person) = people.get(random.below(people.len())) {
                        grouping.name(*person, random.below(3) > 0);
                    }
                }
                _ => {
                    let moves = grouping.settle(&index, &|| false).unwrap();
                    caller.told(&[], &moves, &grouping);
                    grouping.let_go_of_pairs();
                }
            }
        }
        let moves = grouping.settle(&index, &|| false).unwrap();
        caller.told(&[], &moves, &grouping);
        held.sort_by_key(|o| o.face);
        prop_assert_eq!(partition(&grouping), partition(&settled(&held, params)));
        let all: Vec<FaceId> = held.iter().map(|o| o.face).collect();
        let moves = grouping.remove(&all);
        caller.told(&[], &moves, &grouping);
        prop_assert_eq!(grouping.people().count(), 0);
    }

    #[test]
    fn stopping_changes_nothing(world in worlds(), params in some_params(), patience in 0usize..40) {
        let faces = faces_of(world);
        let index = Exact::of(&faces);
        let mut grouping = Grouping::new(params, FIRST);
        let mut caller = Caller::default();
        let moves = grouping.add(faces.clone(), &index);
        caller.told(&faces, &moves, &grouping);
        let looks = std::cell::Cell::new(0);
        let stop = || { looks.set(looks.get() + 1); looks.get() > patience };
        match grouping.settle(&index, &stop) {
            Some(moves) => caller.told(&[], &moves, &grouping),
            None => {
                prop_assert!(!grouping.is_settled());
                caller.check(&grouping);
                let moves = grouping.settle(&index, &|| false).unwrap();
                caller.told(&[], &moves, &grouping);
            }
        }
        prop_assert_eq!(partition(&grouping), partition(&settled(&faces, params)));
    }

    #[test]
    fn a_restart_keeps_people_and_their_ids(world in worlds(), params in some_params(), order: u64) {
        let faces = faces_of(world);
        let (mut first, index) = (settled(&faces, params), Exact::of(&faces));
        let known: HashMap<FaceId, PersonId> =
            faces.iter().map(|o| (o.face, first.person_of(o.face).unwrap())).collect();
        let mut random = Random(order);
        let mut stored = faces.clone();
        random.shuffle(&mut stored);
        let mut again = Grouping::new(params, FIRST);
        for face in &stored {
            again.restore(face.clone(), Some(known[&face.face]));
        }
        prop_assert_eq!(partition(&again), partition(&first));
        prop_assert_eq!(again.settle(&index, &|| false), Some(Vec::new()));
        prop_assert_eq!(partition(&again), partition(&first));

        // And goes on like the one that was never stopped.
        let gone: Vec<FaceId> = stored.iter().take(stored.len() / 3).map(|o| o.face).collect();
        let mut fewer = index.clone();
        fewer.remove(&gone);
        first.remove(&gone);
        again.remove(&gone);
        first.settle(&fewer, &|| false).unwrap();
        again.settle(&fewer, &|| false).unwrap();
        prop_assert_eq!(partition(&again), partition(&first));
    }

    /// Restored without any settling, then used at once: its neighbours are asked for as they are needed.
    #[test]
    fn restored_faces_take_part_at_once(world in worlds(), params in some_params(), order: u64) {
        let mut faces = faces_of(world);
        let mut random = Random(order);
        random.shuffle(&mut faces);
        let (old, new) = faces.split_at(faces.len() / 2);
        let first = settled(old, params);
        let (mut index, mut caller) = (Exact::of(old), Caller::default());
        let mut grouping = Grouping::new(params, FIRST);
        for face in old {
            let person = first.person_of(face.face).filter(|_| random.below(8) > 0);
            grouping.restore(face.clone(), person);
            caller.photos.insert(face.face, face.photo);
            if let Some(person) = person {
                caller.known.insert(face.face, person);
            }
        }
        let moves = grouping.add(Vec::new(), &index);
        caller.told(&[], &moves, &grouping);
        let gone: Vec<FaceId> = old.iter().take(old.len() / 4).map(|o| o.face).collect();
        index.remove(&gone);
        let moves = grouping.remove(&gone);
        caller.told(&[], &moves, &grouping);
        add_in_batches(&mut grouping, (&mut index, Index::Whenever), &mut caller, new, &mut random);
    }

    /// Humans speak while faces come and go; after every call what they said holds (see [`Caller`]), and in the end it is as
    /// if all had been known from the beginning.
    #[test]
    fn what_humans_say_holds(world in worlds(), params in some_params(), script: u64) {
        let faces = make(world);
        let truth: HashMap<FaceId, usize> = faces.iter().map(|(o, person)| (o.face, *person)).collect();
        let mut random = Random(script);
        let mut grouping = Grouping::new(params, FIRST);
        let (mut index, mut caller) = (Exact::default(), Caller::default());
        let mut out: Vec<Observation> = faces.into_iter().map(|(o, _)| o).collect();
        let mut held: Vec<Observation> = Vec::new();
        for _ in 0..30 {
            match random.below(10) {
                0..4 if !out.is_empty() => {
                    random.shuffle(&mut out);
                    let now = out.split_off(out.len().saturating_sub(1 + random.below(25)));
                    add_in_batches(&mut grouping, (&mut index, Index::Whenever), &mut caller, &now, &mut random);
                    held.extend(now);
                }
                4 if !held.is_empty() => {
                    random.shuffle(&mut held);
                    let now = held.split_off(held.len().saturating_sub(1 + random.below(12)));
                    let ids: Vec<FaceId> = now.iter().map(|o| o.face).collect();
                    index.remove(&ids);
                    let moves = grouping.remove(&ids);
                    caller.told(&[], &moves, &grouping);
                    out.extend(now);
                }
                5..8 if !held.is_empty() => {
                    // Of faces that are held and of others.
                    let mut decided = Decided::default();
                    for _ in 0..random.below(5) {
                        let out_of = if out.is_empty() || random.below(8) > 0 { &mut held } else { &mut out };
                        let at = random.below(out_of.len());
                        let said = word(truth[&out_of[at].face], &mut random);
                        out_of[at].said = said.clone();
                        decided.said.push((out_of[at].face, said));
                    }
                    decided.again.extend((0..random.below(3)).map(|_| held[random.below(held.len())].face));
                    caller.said.extend(decided.said.iter().cloned());
                    let moves = grouping.decide(&decided, &index);
                    caller.told(&[], &moves, &grouping);
                }
                8 => {
                    // Two people are one: nobody is the second any more.
                    let (into, from) = (PersonId(1 + random.below(4) as u64), PersonId(1 + random.below(4) as u64));
                    let mut decided = Decided { joined: vec![(into, from)], ..Decided::default() };
                    for face in held.iter_mut().chain(&mut out).filter(|_| into != from) {
                        let said = &mut face.said;
                        if said.is == Some(from) || said.is_not.contains(&from) {
                            said.is = said.is.map(|is| if is == from { into } else { is });
                            said.is_not.iter_mut().filter(|not| **not == from).for_each(|not| *not = into);
                            decided.said.push((face.face, said.clone()));
                        }
                    }
                    caller.said.extend(decided.said.iter().cloned());
                    if into != from {
                        let moves = grouping.decide(&decided, &index);
                        caller.told(&[], &moves, &grouping);
                    }
                }
                _ => {
                    let moves = grouping.settle(&index, &|| false).unwrap();
                    caller.told(&[], &moves, &grouping);
                    grouping.let_go_of_pairs();
                }
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

    /// Whatever else comes, who is somebody by a human's word has that id, and so has the group they are in.
    #[test]
    fn decided_people_keep_their_ids(world in worlds(), params in some_params(), order: u64) {
        let faces = make(world);
        let mut random = Random(order);
        let (mut index, mut caller) = (Exact::default(), Caller::default());
        let mut grouping = Grouping::new(params, FIRST);
        let (known, new) = faces.split_at(faces.len() / 2);
        let plain = |faces: &[(Observation, usize)]| faces.iter().map(|(o, _)| o.clone()).collect::<Vec<_>>();
        add_in_batches(&mut grouping, (&mut index, Index::First), &mut caller, &plain(known), &mut random);
        // Someone gives a name to everyone there is.
        let people: Vec<PersonId> = grouping.people().collect();
        let mut cores = Vec::new();
        for person in people {
            let core = grouping.core(person);
            prop_assert!(!core.is_empty());
            let said = |face: &FaceId| (*face, Said { is: Some(person), is_not: Vec::new() });
            let decided = Decided { said: core.iter().map(said).collect(), ..Decided::default() };
            caller.said.extend(decided.said.iter().cloned());
            prop_assert_eq!(grouping.decide(&decided, &index), Vec::new(), "a name moves nobody");
            cores.push((person, core));
        }
        add_in_batches(&mut grouping, (&mut index, Index::First), &mut caller, &plain(new), &mut random);
        let moves = grouping.settle(&index, &|| false).unwrap();
        caller.told(&[], &moves, &grouping);
        for (person, core) in cores {
            for face in core {
                prop_assert_eq!(grouping.person_of(face), Some(person));
            }
        }
    }

    /// People who are far apart keep their ids whatever else of them arrives.
    #[test]
    fn ids_are_stable(seed: u64, people in 1usize..8, order: u64) {
        let world = World { seed, dimension: 128, people, faces: 120, cosine: 0.85, kinship: 0.0, weak: 0.1, crowd: 1 };
        let mut faces = make(world);
        let mut random = Random(order);
        random.shuffle(&mut faces);
        let truth: HashMap<FaceId, usize> = faces.iter().map(|(o, person)| (o.face, *person)).collect();
        let faces: Vec<Observation> = faces.into_iter().map(|(o, _)| o).collect();
        let (known, new) = faces.split_at(60);
        let (mut index, mut caller) = (Exact::default(), Caller::default());
        let mut grouping = Grouping::new(params(), FIRST);
        add_in_batches(&mut grouping, (&mut index, Index::First), &mut caller, known, &mut random);
        let before = caller.known.clone();
        add_in_batches(&mut grouping, (&mut index, Index::First), &mut caller, new, &mut random);
        let moves = grouping.settle(&index, &|| false).unwrap();
        caller.told(&[], &moves, &grouping);
        let strong: Vec<&Observation> = faces.iter().filter(|o| o.strong).collect();
        for a in &strong {
            if let Some(person) = before.get(&a.face) {
                prop_assert_eq!(caller.known[&a.face], *person);
            }
            for b in &strong {
                let together = caller.known[&a.face] == caller.known[&b.face];
                prop_assert_eq!(together, truth[&a.face] == truth[&b.face]);
            }
        }
    }
}
