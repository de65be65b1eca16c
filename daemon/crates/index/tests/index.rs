//! The index from outside: against a plain list, on crowded groups, with many threads, at its edges.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use vow_index::{FaceIndex, IndexError};
use vow_types::{Embedding, FaceId};

/// Numbers that look random and are the same in every run (xorshift64 by George Marsaglia).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f32 {
        f32::from(u16::try_from(self.next() >> 48).unwrap()) / 65536.0
    }

    /// Normal enough: the sum of twelve.
    fn bell(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }
}

/// Faces of people as an embedder of 128 components gives them: few with many photos, many with few, and two photos of
/// one person at a cosine of about `alike`.
fn crowd(count: usize, alike: f32) -> Vec<Embedding> {
    let mut dice = Dice(88_172_645_463_325_252);
    let spread = (1.0 / alike - 1.0).sqrt();
    let mut faces = Vec::new();
    let mut size = count / 20;
    while faces.len() < count {
        let person: Vec<f32> = (0..128).map(|_| dice.bell()).collect();
        for _ in 0..size.max(1) {
            let raw: Vec<f32> = person.iter().map(|value| value + spread * dice.bell()).collect();
            faces.push(Embedding::from_raw(&raw).unwrap());
        }
        size = size * 9 / 10;
    }
    faces.truncate(count);
    for at in (1..faces.len()).rev() {
        faces.swap(at, usize::try_from(dice.next() % (u64::try_from(at).unwrap() + 1)).unwrap());
    }
    faces
}

fn with_ids(faces: &[Embedding]) -> Vec<(FaceId, &Embedding)> {
    faces.iter().enumerate().map(|(n, face)| (FaceId(u64::try_from(n).unwrap()), face)).collect()
}

/// What a search should give: every shown face, best first, equal ones by id.
fn exact(shown: &[(FaceId, &Embedding)], of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
    let mut all: Vec<(FaceId, f32)> = shown.iter().map(|(face, one)| (*face, of.cosine(one))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(k);
    all
}

fn recall(index: &FaceIndex, shown: &[(FaceId, &Embedding)], k: usize) -> f64 {
    let (mut hits, mut wanted) = (0u32, 0u32);
    for (_, of) in shown.iter().step_by((shown.len() / 200).max(1)) {
        let found: HashSet<FaceId> = index.search(of, k).into_iter().map(|(face, _)| face).collect();
        for (face, _) in exact(shown, of, k) {
            wanted += 1;
            hits += u32::from(found.contains(&face));
        }
    }
    f64::from(hits) / f64::from(wanted)
}

#[test]
fn crowded_groups_are_found() {
    for alike in [0.55, 0.9] {
        let embeddings = crowd(6000, alike);
        let faces = with_ids(&embeddings);
        let index = FaceIndex::new(128, faces.len());
        for part in faces.chunks(1000) {
            index.add(part).unwrap();
        }
        let all = recall(&index, &faces, 32);
        // Every tenth hidden, and all of one person with most photos: what is left is found as before.
        let group: HashSet<FaceId> =
            exact(&faces, &embeddings[0], 300).into_iter().map(|one| one.0).collect();
        let (hidden, shown): (Vec<_>, Vec<_>) =
            faces.iter().copied().partition(|(face, _)| face.0 % 10 == 0 || group.contains(face));
        index.hide(&hidden.iter().map(|one| one.0).collect::<Vec<_>>());
        let some = recall(&index, &shown, 32);
        println!("alike {alike}: recall {all:.4}, with hidden faces {some:.4}");
        assert!(all >= 0.98 && some >= 0.98, "{all} {some}");
        assert_eq!(index.len(), shown.len());
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(Vec<(u64, u8)>),
    /// The same, but left for later.
    Put(Vec<(u64, u8)>),
    Link(usize),
    Anew,
    Save,
    /// What was linked comes back from its file, the others are put in again.
    Load,
    Hide(Vec<u64>),
    Search(u8, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::collection::vec((0..80u64, 0..50u8), 0..20).prop_map(Step::Add),
        2 => prop::collection::vec((0..80u64, 0..50u8), 0..20).prop_map(Step::Put),
        1 => (0..20usize).prop_map(Step::Link),
        1 => Just(Step::Anew),
        1 => Just(Step::Save),
        1 => Just(Step::Load),
        1 => prop::collection::vec(0..80u64, 0..20).prop_map(Step::Hide),
        2 => (0..50u8, 0..100usize).prop_map(|(of, k)| Step::Search(of, k)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    /// While everything fits into one view the index is exact: the same as a list, whatever is added, hidden, added
    /// again and searched for, with faces that have the same vector.
    #[test]
    fn a_small_index_is_a_list(steps in prop::collection::vec(step(), 0..30)) {
        let mut dice = Dice(1);
        let vectors: Vec<Embedding> = (0..50)
            .map(|_| Embedding::from_raw(&[dice.bell(), dice.bell(), dice.bell(), dice.bell()]).unwrap())
            .collect();
        let home = tempfile::TempDir::new().unwrap();
        let mut index = FaceIndex::new(4, 0);
        let mut model: BTreeMap<FaceId, (usize, bool)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Anew => {
                    index = index.without_hidden();
                    model.retain(|_, one| one.1);
                }
                Step::Save => index.save(home.path(), b"").unwrap(),
                Step::Load => {
                    index.save(home.path(), b"").unwrap();
                    let before = index.waiting();
                    index = FaceIndex::load(home.path(), b"").unwrap().unwrap();
                    prop_assert_eq!(index.waiting(), before);
                }
                Step::Link(most) => {
                    let before = index.waiting();
                    prop_assert_eq!(index.link(most), before.saturating_sub(most));
                    prop_assert_eq!(index.waiting(), before.saturating_sub(most));
                }
                Step::Add(ref faces) | Step::Put(ref faces) => {
                    let faces: Vec<_> = faces.iter().map(|(id, of)| (FaceId(*id), usize::from(*of))).collect();
                    let list = faces.iter().map(|(id, of)| (*id, &vectors[*of])).collect::<Vec<_>>();
                    if matches!(step, Step::Put(_)) {
                        index.put(&list).unwrap();
                    } else {
                        index.add(&list).unwrap();
                        prop_assert_eq!(index.waiting(), 0);
                    }
                    faces.iter().for_each(|(id, of)| model.entry(*id).or_insert((*of, true)).1 = true);
                }
                Step::Hide(faces) => {
                    let faces: Vec<FaceId> = faces.into_iter().map(FaceId).collect();
                    index.hide(&faces);
                    for face in faces {
                        model.entry(face).and_modify(|one| one.1 = false);
                    }
                }
                Step::Search(of, k) => {
                    let shown: Vec<(FaceId, &Embedding)> =
                        model.iter().filter(|(_, one)| one.1).map(|(id, one)| (*id, &vectors[one.0])).collect();
                    let of = &vectors[usize::from(of)];
                    prop_assert_eq!(index.search(of, k), exact(&shown, of, k));
                }
            }
            let shown = model.values().filter(|one| one.1).count();
            prop_assert_eq!(index.len(), shown);
            prop_assert_eq!(index.crowded(), (model.len() - shown) * 5 > model.len());
            for id in (0..80).map(FaceId) {
                prop_assert_eq!(index.contains(id), model.get(&id).is_some_and(|one| one.1));
                prop_assert_eq!(index.embedding(id), model.get(&id).map(|one| vectors[one.0].clone()));
            }
        }
    }
}

#[test]
fn many_equal_faces_are_all_found() {
    let embeddings = crowd(500, 0.55);
    let mut faces = with_ids(&embeddings);
    let first = embeddings[0].clone();
    faces.extend((1000..2000).map(|id| (FaceId(id), &first)));
    let index = FaceIndex::new(128, 0);
    index.add(&faces).unwrap();
    assert_eq!(index.search(&first, 1500).iter().filter(|one| one.0.0 >= 1000).count(), 1000);
    assert_eq!(index.search(&first, 50), exact(&faces, &first, 50));
    assert!(recall(&index, &faces, 32) > 0.99);
}

/// While places are still to be found nothing is missing, and a snapshot has everything: those that wait still do.
#[test]
fn an_index_that_is_being_built_is_exact_and_half_of_it_can_be_saved() {
    let embeddings = crowd(3000, 0.55);
    let faces = with_ids(&embeddings);
    let index = FaceIndex::new(128, 0);
    index.put(&faces).unwrap();
    let is_exact = |index: &FaceIndex| {
        faces.iter().step_by(101).all(|(_, of)| index.search(of, 40) == exact(&faces, of, 40))
    };
    assert!(index.waiting() == 3000 && index.len() == 3000 && is_exact(&index));
    assert_eq!(index.link(1300), 1700);
    assert!(is_exact(&index));

    let home = tempfile::TempDir::new().unwrap();
    index.save(home.path(), b"").unwrap();
    let half = FaceIndex::load(home.path(), b"").unwrap().unwrap();
    assert_eq!((half.len(), half.waiting()), (3000, 1700));
    half.put(&faces).unwrap();
    assert_eq!((half.len(), half.waiting()), (3000, 1700));
    assert!(is_exact(&half));

    for index in [index, half] {
        assert_eq!(index.link(usize::MAX), 0);
        assert!(recall(&index, &faces, 32) > 0.98);
    }
}

#[test]
fn several_are_looked_for_as_one_is() {
    let embeddings = crowd(700, 0.7);
    let (in_it, others) = embeddings.split_at(600);
    let index = FaceIndex::new(128, 0);
    index.add(&with_ids(in_it)).unwrap();
    let short = Embedding::from_raw(&[1.0; 16]).unwrap();
    let of: Vec<&Embedding> = others.iter().chain([&short]).chain(in_it).collect();
    let each: Vec<_> = of.iter().map(|of| index.search(of, 9)).collect();
    let mut index = index;
    for threads in [1, 2, 3, 16, 1_000] {
        index = index.with_threads(NonZeroUsize::new(threads).unwrap());
        assert_eq!(index.search_each(&of, 9), each);
        assert_eq!(index.search_each(&of[..2], 9), each[..2]);
        assert!(index.search_each(&[], 9).is_empty());
    }
    assert_eq!(index.without_hidden().threads().get(), 1_000);
}

#[test]
fn searching_goes_on_while_others_add() {
    let embeddings = crowd(1500, 0.7);
    let faces = with_ids(&embeddings);
    let index = FaceIndex::new(128, 0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let adders: Vec<_> = faces
            .chunks(500)
            .map(|part| {
                let index = &index;
                scope.spawn(move || {
                    for few in part.chunks(50) {
                        index.add(few).unwrap();
                        assert!(few.iter().all(|(face, one)| index.search(one, 1)[0].0 == *face));
                    }
                })
            })
            .collect();
        let searchers: Vec<_> = (0..2)
            .map(|n| {
                let (index, faces, done) = (&index, &faces, &done);
                scope.spawn(move || {
                    while !done.load(Ordering::SeqCst) {
                        for (_, of) in faces.iter().skip(n * 100).step_by(97) {
                            let found = index.search(of, 20);
                            assert!(found.iter().all(|(face, cosine)| {
                                *cosine == of.cosine(faces[usize::try_from(face.0).unwrap()].1)
                            }));
                        }
                        index.hide(&[FaceId(9999)]);
                    }
                })
            })
            .collect();
        adders.into_iter().for_each(|one| one.join().unwrap());
        done.store(true, Ordering::SeqCst);
        searchers.into_iter().for_each(|one| one.join().unwrap());
    });
    assert_eq!(index.len(), faces.len());
    assert!(recall(&index, &faces, 32) > 0.98);
}

#[test]
fn edges() {
    fn shared<T: Send + Sync>() {}
    shared::<FaceIndex>();
    let of = |raw: &[f32]| Embedding::from_raw(raw).unwrap();
    let index = FaceIndex::new(2, usize::MAX);
    assert_eq!(index.search(&of(&[1.0, 0.0]), 5), []);
    assert!(index.is_empty() && !index.crowded());
    let (a, b, c) = (of(&[1.0, 0.0]), of(&[0.0, 1.0]), of(&[1.0, 0.0, 0.0]));
    let error = index.add(&[(FaceId(1), &a), (FaceId(2), &c)]).unwrap_err();
    assert!(matches!(error, IndexError::Dimension { face: FaceId(2), found: 3, expected: 2 }));
    assert!(index.is_empty(), "none of them was added");
    index.add(&[(FaceId(1), &a), (FaceId(2), &b), (FaceId(1), &b)]).unwrap();
    assert_eq!(index.search(&a, usize::MAX), [(FaceId(1), 1.0), (FaceId(2), 0.0)]);
    assert_eq!(index.search(&a, 0), []);
    assert_eq!(index.search(&c, 5), []);
    index.hide(&[FaceId(1), FaceId(2)]);
    assert_eq!(index.search(&a, 5), []);
    assert!(index.crowded() && index.is_empty());
    assert!(format!("{index:?}").contains("hidden: 2"));
}

/// What a large library costs, for a person to read:
/// `cargo test --release -p vow-index --test index -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn figures() {
    let embeddings = crowd(100_000, 0.55);
    let faces = with_ids(&embeddings);
    let searched = |what: &str, index: &FaceIndex| {
        let started = std::time::Instant::now();
        faces.iter().step_by(100).for_each(|(_, of)| assert_eq!(index.search(of, 32).len(), 32));
        println!("a search{what}: {:?}", started.elapsed() / 1000);
    };
    let index = FaceIndex::new(128, faces.len());
    faces.chunks(1024).for_each(|some| index.put(some).unwrap());
    searched(" that compares all", &index);
    let started = std::time::Instant::now();
    index.link(usize::MAX);
    println!("built in {:?}", started.elapsed());
    searched("", &index);
    println!("recall: {:.4}", recall(&index, &faces, 32));
    let home = tempfile::TempDir::new().unwrap();
    let started = std::time::Instant::now();
    index.save(home.path(), b"").unwrap();
    println!("saved in {:?}", started.elapsed());
    searched(" in the file", &index);
    let started = std::time::Instant::now();
    let loaded = FaceIndex::load(home.path(), b"").unwrap().unwrap();
    println!("loaded in {:?}", started.elapsed());
    searched(" of the loaded", &loaded);
}
