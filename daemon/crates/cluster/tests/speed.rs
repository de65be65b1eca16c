//! Figures, not tests: `cargo test -p vow-cluster --test speed -- --ignored --nocapture`. Nothing here can fail on time.
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
use std::time::{Duration, Instant};

use common::{Random, mix, params, photo};
use vow_cluster::{Decided, Grouping, Neighbours, Observation, Said};
use vow_types::{Embedding, FaceId, PersonId, num};

/// Exact neighbours, found by looking at the faces of the same person only; the time it takes is kept apart.
#[derive(Default)]
struct Ideal {
    person: HashMap<[i16; 6], usize>,
    faces: HashMap<usize, Vec<(FaceId, Embedding)>>,
    known: HashMap<[i16; 6], Vec<(FaceId, f32)>>,
    spent: Cell<Duration>,
}

/// As [`Embedding::cosine`], but built with the optimisation of this crate in every profile.
fn cosine(a: &Embedding, b: &Embedding) -> f32 {
    let mut sum = 0;
    for (x, y) in a.steps().as_chunks::<16>().0.iter().zip(b.steps().as_chunks::<16>().0) {
        sum += x.iter().zip(y).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum::<i32>();
    }
    num::i32_to_f32(sum) / 268_435_456.0
}

fn key(of: &Embedding) -> [i16; 6] {
    of.steps().first_chunk().copied().unwrap()
}

impl Ideal {
    fn add(&mut self, face: &Observation, person: usize) {
        self.person.insert(key(&face.embedding), person);
        self.faces.entry(person).or_default().push((face.face, face.embedding.clone()));
    }

    fn look(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        let faces = &self.faces[&self.person[&key(of)]];
        let mut all: Vec<(FaceId, f32)> = faces.iter().map(|(id, e)| (*id, cosine(e, of))).collect();
        let k = k.min(all.len());
        if k < all.len() {
            all.select_nth_unstable_by(k, |x, y| y.1.total_cmp(&x.1));
        }
        all.truncate(k);
        all
    }

    /// Looks up every face once, so that a later question costs nothing.
    fn learn(&mut self, faces: &[(Observation, usize)]) {
        self.known = faces.iter().map(|(o, _)| (key(&o.embedding), self.look(&o.embedding, 33))).collect();
    }
}

impl Neighbours for Ideal {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        let start = on_cpu();
        let found = self.known.get(&key(of)).cloned().unwrap_or_else(|| self.look(of, k));
        self.spent.set(self.spent.get() + (on_cpu() - start));
        found
    }
}

/// A library: person `r` is seen in proportion to `1 / (r + 1)` (or one person alone), faces 0.35 to 0.8 from the centre.
fn library(faces: usize, dimension: usize, people: usize) -> Vec<(Observation, usize)> {
    let mut random = Random(7);
    let centres: Vec<Vec<f32>> = (0..people).map(|_| random.direction(dimension)).collect();
    let weights: Vec<f64> = (0..people).map(|r| 1.0 / (r as f64 + 1.0)).collect();
    let total: f64 = weights.iter().sum();
    (0..faces)
        .map(|n| {
            let mut left = f64::from(random.unit()) * total;
            let person = weights
                .iter()
                .position(|w| {
                    left -= w;
                    left < 0.0
                })
                .unwrap_or(people - 1);
            let cosine = 0.35 + 0.45 * random.unit();
            let raw = mix(&centres[person], &random.direction(dimension), cosine);
            let embedding = Embedding::from_raw(&raw).unwrap();
            let strong = random.unit() > 0.1;
            (
                Observation {
                    face: FaceId(n as u64),
                    photo: photo(n as u64 / 2),
                    embedding,
                    strong,
                    said: Said::default(),
                },
                person,
            )
        })
        .collect()
}

/// Time this thread has been on a processor, so that what else the machine does is left out.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default())
}

/// A figure of `/proc/self/status` in bytes.
fn memory(what: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<usize>().unwrap_or_default() << 10
}

/// Neighbours that nobody had to hold in memory: the faces with the next few ids.
#[derive(Clone, Copy)]
struct Next(u64);

impl Neighbours for Next {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        let mixed = |mixed: u64, step: i16| mixed.rotate_left(9) ^ u64::from(step.cast_unsigned());
        let first = key(of).into_iter().fold(0, mixed).wrapping_mul(0x9E37_79B9) % self.0;
        (first..).map(|id| (FaceId(id % self.0), 0.3)).take(k).collect()
    }
}

/// What a held face takes: made as it is needed, so that nothing else is in memory.
fn footprint(faces: u64, dimension: usize, size: u64) {
    let mut random = Random(7);
    let mut grouping = Grouping::new(params(), PersonId(1));
    let before = memory("VmRSS:");
    for id in 0..faces {
        let embedding = Embedding::from_raw(&random.direction(dimension)).unwrap();
        let face = Observation {
            face: FaceId(id),
            photo: photo(id / 2),
            embedding,
            strong: true,
            said: Said::default(),
        };
        grouping.restore(face, Some(PersonId(id / size)));
    }
    let each = |bytes: usize| bytes.saturating_sub(before) / usize::try_from(faces).unwrap();
    let restored = each(memory("VmRSS:"));
    grouping.settle(&Next(faces), &|| false).unwrap();
    println!(
        "{dimension} d, groups of {size}: {restored} bytes/face restored; then all pairs known, nobody grouped: {} \
         bytes/face, at most {} while settling",
        each(memory("VmRSS:")),
        each(memory("VmHWM:")),
    );
}

/// Families of eight people with twenty faces each; every face is near to its kin.
struct Families {
    faces: Vec<Embedding>,
    number: HashMap<[i16; 6], usize>,
}

const FAMILY: usize = 160;

impl Families {
    fn new(size: usize, dimension: usize) -> Self {
        let mut random = Random(7);
        let mut faces = Vec::with_capacity(size);
        while faces.len() < size {
            let ancestor = random.direction(dimension);
            for _ in 0..8 {
                let person = mix(&ancestor, &random.direction(dimension), 0.4);
                for _ in 0..20 {
                    let raw = mix(&person, &random.direction(dimension), 0.62);
                    faces.push(Embedding::from_raw(&raw).unwrap());
                }
            }
        }
        faces.truncate(size);
        let number = faces.iter().enumerate().map(|(at, face)| (key(face), at)).collect();
        Self { faces, number }
    }
}

impl Neighbours for Families {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        let first = self.number[&key(of)] / FAMILY * FAMILY;
        let kin = self.faces.iter().enumerate().skip(first).take(FAMILY);
        let mut kin: Vec<(FaceId, f32)> =
            kin.map(|(at, face)| (FaceId(at as u64), cosine(face, of))).collect();
        kin.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        kin.truncate(k);
        kin
    }
}

/// What an exact pass takes at its height, where people come together from single faces; faces come in no order.
fn height(faces: usize, dimension: usize) {
    let families = Families::new(faces, dimension);
    let mut order: Vec<usize> = (0..faces).collect();
    Random(3).shuffle(&mut order);
    let mut grouping = Grouping::new(params(), PersonId(1));
    let before = memory("VmRSS:");
    for at in order {
        let face = Observation {
            face: FaceId(at as u64),
            photo: photo(at as u64),
            embedding: families.faces[at].clone(),
            strong: true,
            said: Said::default(),
        };
        grouping.restore(face, Some(PersonId(at as u64 / 20)));
    }
    let each = |bytes: usize| bytes.saturating_sub(before) / faces;
    let restored = each(memory("VmRSS:"));
    let begun = on_cpu();
    grouping.settle(&families, &|| false).unwrap();
    println!(
        "{faces} faces, {dimension} d, embeddings left out: {restored} bytes/face restored, at most {} while settling \
         ({:.1} s), {} people",
        each(memory("VmHWM:")),
        (on_cpu() - begun).as_secs_f64(),
        grouping.people().count(),
    );
}

fn settle(faces: usize, dimension: usize, people: usize) {
    let mut library = library(faces, dimension, people);
    let late = library.split_off(faces - 10);
    let mut index = Ideal::default();
    library.iter().for_each(|(face, person)| index.add(face, *person));
    index.learn(&library);
    let mut grouping = Grouping::new(params(), PersonId(1));
    for (face, _) in library {
        grouping.restore(face, None);
    }
    let once = |grouping: &mut Grouping, index: &Ideal| {
        index.spent.set(Duration::ZERO);
        let start = on_cpu();
        grouping.settle(index, &|| false).unwrap();
        let near = index.spent.get().as_secs_f64();
        format!("{:.2} s (+ {near:.2} s of neighbours)", (on_cpu() - start).as_secs_f64() - near)
    };
    let took = once(&mut grouping, &index);
    let largest = grouping.people().map(|p| grouping.members(p).count()).max().unwrap();
    println!(
        "settle {faces} faces, {dimension} d, {people} people: {took}, {} groups, largest {largest}",
        grouping.people().count(),
    );
    late.iter().for_each(|(face, person)| index.add(face, *person));
    grouping.add(late.into_iter().map(|(face, _)| face).collect(), &index);
    println!("  with ten faces more: {}", once(&mut grouping, &index));
}

fn grow(marks: &[usize], dimension: usize, people: usize) {
    let library = library(*marks.last().unwrap(), dimension, people);
    let mut index = Ideal::default();
    let mut grouping = Grouping::new(params(), PersonId(1));
    let (mut done, mut worst) = (0, Duration::ZERO);
    let mut last = (0, Duration::ZERO);
    let mut own = Duration::ZERO;
    for pair in library.chunks(2) {
        pair.iter().for_each(|(face, person)| index.add(face, *person));
        index.spent.set(Duration::ZERO);
        let start = on_cpu();
        grouping.add(pair.iter().map(|(face, _)| face.clone()).collect(), &index);
        let took = (on_cpu() - start) - index.spent.get();
        own += took;
        worst = worst.max(took);
        done += pair.len();
        if marks.contains(&done) {
            println!(
                "add up to {done} faces, {dimension} d, {people} people: {:.0} us a face, worst call {:.1} ms, {} groups",
                (own - last.1).as_secs_f64() * 1e6 / (done - last.0) as f64,
                worst.as_secs_f64() * 1e3,
                grouping.people().count(),
            );
            last = (done, own);
            worst = Duration::ZERO;
        }
    }
}

/// What humans say of somebody with so many faces: restored (no candidate pair is known), or sorted out before.
fn decide(faces: usize, dimension: usize, settled: bool) {
    let mut random = Random(7);
    let centre = random.direction(dimension);
    let observation = |id: usize| {
        let raw = mix(&centre, &random.direction(dimension), 0.6 + 0.2 * random.unit());
        let embedding = Embedding::from_raw(&raw).unwrap();
        let (face, strong) = (FaceId(id as u64), !id.is_multiple_of(10));
        Observation {
            face,
            photo: photo(id as u64 / 2 + 1_000_000 * (id as u64 % 2)),
            embedding,
            strong,
            said: Said::default(),
        }
    };
    let all: Vec<Observation> = (0..faces).map(observation).collect();
    let (index, who) = (Next(faces as u64), PersonId(1));
    let mut grouping = Grouping::new(params(), PersonId(1));
    all.iter().for_each(|face| grouping.restore(face.clone(), Some(who)));
    if settled {
        grouping.settle(&index, &|| false).unwrap();
    }
    let members = grouping.members(who).count();
    let mut report = format!("somebody of {members} faces, {dimension} d, settled {settled}; ms:");
    let mut timed = |what: &str, grouping: &mut Grouping, work: &dyn Fn(&mut Grouping) -> usize| {
        let start = Instant::now();
        let moved = work(grouping);
        report += &format!(" {what} {:.2} ({moved})", 1e3 * start.elapsed().as_secs_f64());
    };
    let word = |faces: &[usize], is: Option<PersonId>, is_not: &[PersonId]| {
        let said = Said { is, is_not: is_not.to_vec() };
        faces.iter().map(|at| (all[*at].face, said.clone())).collect::<Vec<_>>()
    };
    let decided = |said| Decided { said, ..Decided::default() };
    let tell = |said: Vec<(FaceId, Said)>| {
        move |grouping: &mut Grouping| grouping.decide(&decided(said.clone()), &index).len()
    };
    let core = grouping.core(who);
    timed("core", &mut grouping, &|grouping| grouping.core(who).len());
    let known: Vec<(FaceId, Said)> =
        core.iter().map(|face| (*face, Said { is: Some(who), is_not: Vec::new() })).collect();
    timed("known", &mut grouping, &tell(known));
    timed("confirm", &mut grouping, &tell(word(&[faces / 2 + 1], Some(who), &[])));
    timed("reject", &mut grouping, &tell(word(&[faces / 2 + 2], None, &[who])));
    let new = grouping.next_person();
    timed("split", &mut grouping, &tell(word(&[5, faces / 3 + 1, faces / 3 + 2], Some(new), &[])));
    timed("merge", &mut grouping, &|grouping| {
        let said = word(&[5, faces / 3 + 1, faces / 3 + 2], Some(who), &[]);
        grouping
            .decide(&Decided { said, joined: vec![(who, new)], ..Decided::default() }, &Next(faces as u64))
            .len()
    });
    timed("leave", &mut grouping, &|grouping| grouping.remove(&[all[faces / 4 + 1].face]).len());
    println!("{report}");
}

#[test]
#[ignore = "prints figures"]
fn figures_decide() {
    for settled in [false, true] {
        decide(4_000, 128, settled);
        decide(32_000, 128, settled);
    }
}

#[test]
#[ignore = "prints figures"]
fn figures_settle() {
    settle(10_000, 128, 200);
    settle(10_000, 512, 200);
    settle(10_000, 128, 1);
    settle(100_000, 128, 2_000);
}

#[test]
#[ignore = "prints figures"]
fn figures_add() {
    grow(&[1_000, 10_000], 512, 200);
    grow(&[1_000, 10_000], 128, 1);
    grow(&[1_000, 10_000, 100_000], 128, 2_000);
}

#[test]
#[ignore = "prints figures"]
fn figures_height() {
    height(200_000, 128);
}

#[test]
#[ignore = "prints figures"]
fn figures_memory() {
    footprint(200_000, 128, 10);
}
