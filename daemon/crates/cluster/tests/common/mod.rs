//! People that were never photographed, and an index that looks at every face.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::HashMap;

use vow_cluster::{Grouping, Move, Neighbours, Observation, Params, Said};
use vow_types::{ContentId, Distances, Embedding, FaceId, PersonId};

/// The thresholds the tests run with, those of an ArcFace-like embedder.
pub(crate) fn params() -> Params {
    Params::new(Distances { same: 0.30, group: 0.50, people: None, neighbour: 0.28 })
}

/// A small generator (SplitMix64, Steele et al. 2014), so that a seed says everything.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// `0..below`.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(below.max(1)).unwrap()).unwrap()
    }

    /// `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f32 {
        f32::from(u16::try_from(self.next() >> 48).unwrap()) / 65536.0
    }

    /// A direction, all equally likely up to the shape of a sum of four uniform numbers.
    pub(crate) fn direction(&mut self, dimension: usize) -> Vec<f32> {
        let raw: Vec<f32> = (0..dimension).map(|_| (0..4).map(|_| self.unit() - 0.5).sum::<f32>()).collect();
        let norm = vow_types::norm(&raw).max(1e-6);
        raw.into_iter().map(|v| v / norm).collect()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// Mixes two directions so that two draws with the same `a` and independent `b` have about this cosine.
pub(crate) fn mix(a: &[f32], b: &[f32], cosine: f32) -> Vec<f32> {
    let (x, y) = (cosine.sqrt(), (1.0 - cosine).sqrt());
    a.iter().zip(b).map(|(a, b)| a * x + b * y).collect()
}

pub(crate) fn photo(number: u64) -> ContentId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    ContentId(bytes)
}

/// How the people of a test look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) dimension: usize,
    pub(crate) people: usize,
    pub(crate) faces: usize,
    /// Mean cosine within a person; each person draws its own around it.
    pub(crate) cosine: f32,
    /// Mean cosine of the centres of related people (every second one has a relative).
    pub(crate) kinship: f32,
    /// Share of weak faces.
    pub(crate) weak: f32,
    /// Faces per photo, at most.
    pub(crate) crowd: usize,
}

/// Faces with ids from 1 up and the true person of each.
pub(crate) fn make(world: World) -> Vec<(Observation, usize)> {
    let mut random = Random(world.seed);
    let mut centres: Vec<(Vec<f32>, f32)> = Vec::new();
    for person in 0..world.people {
        let own = random.direction(world.dimension);
        let centre = match person % 2 {
            1 => mix(&centres[person - 1].0, &own, world.kinship),
            _ => own,
        };
        centres.push((centre, (world.cosine + (random.unit() - 0.5) * 0.3).clamp(0.1, 0.95)));
    }
    let mut faces = Vec::new();
    let mut shot = 0;
    while faces.len() < world.faces {
        shot += 1;
        for _ in 0..=random.below(world.crowd) {
            // Squared, so that some people are seen much more often than others.
            let draw = random.unit();
            let person = ((0..world.people).filter(|p| (*p as f32) < draw * draw * world.people as f32))
                .count()
                .max(1)
                - 1;
            let (centre, cosine) = &centres[person];
            let weak = random.unit() < world.weak;
            let cosine = if weak { cosine * 0.7 } else { *cosine };
            let raw = mix(centre, &random.direction(world.dimension), cosine);
            faces.push((
                Observation {
                    face: FaceId(faces.len() as u64 + 1),
                    photo: photo(shot),
                    embedding: Embedding::from_raw(&raw).unwrap(),
                    strong: !weak,
                    said: Said::default(),
                },
                person,
            ));
        }
    }
    faces.truncate(world.faces);
    faces
}

/// The first id that grouping may give; humans in tests speak of people with lower ones.
pub(crate) const FIRST: PersonId = PersonId(100);

/// What a human may say: mostly what is true, and not always the same.
pub(crate) fn word(truth: usize, random: &mut Random) -> Said {
    let person = |random: &mut Random| {
        let wrong = random.below(10) == 0;
        PersonId(1 + if wrong { random.below(4) } else { truth.min(3) } as u64)
    };
    let is = (random.below(2) == 0).then(|| person(random));
    let is_not = (0..random.below(3)).map(|_| PersonId(1 + random.below(4) as u64)).collect();
    Said { is, is_not }
}

/// The same faces, a share of which humans spoke of.
pub(crate) fn spoken_of(faces: Vec<(Observation, usize)>, share: f32, seed: u64) -> Vec<Observation> {
    let mut random = Random(seed);
    let say = |(mut face, truth): (Observation, usize)| {
        if random.unit() < share {
            face.said = word(truth, &mut random);
        }
        face
    };
    faces.into_iter().map(say).collect()
}

/// Exact neighbours among the faces it was told of.
#[derive(Default, Clone)]
pub(crate) struct Exact(pub(crate) Vec<(FaceId, Embedding)>);

impl Exact {
    pub(crate) fn of<'a>(faces: impl IntoIterator<Item = &'a Observation>) -> Self {
        Self(faces.into_iter().map(|o| (o.face, o.embedding.clone())).collect())
    }

    pub(crate) fn add(&mut self, faces: &[Observation]) {
        self.0.extend(faces.iter().map(|o| (o.face, o.embedding.clone())));
    }

    pub(crate) fn remove(&mut self, faces: &[FaceId]) {
        self.0.retain(|(id, _)| !faces.contains(id));
    }
}

impl Neighbours for Exact {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        let mut all: Vec<(FaceId, f32)> = self.0.iter().map(|(id, e)| (*id, e.cosine(of))).collect();
        all.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
        all.truncate(k);
        all
    }
}

/// The groups as sets of faces, in a canonical order.
pub(crate) fn partition(grouping: &Grouping) -> Vec<Vec<FaceId>> {
    let mut groups: Vec<Vec<FaceId>> = grouping
        .people()
        .map(|person| {
            let mut faces: Vec<FaceId> = grouping.members(person).collect();
            faces.sort_unstable();
            faces
        })
        .collect();
    groups.sort();
    groups
}

/// What a caller knows, kept from the moves alone, with every rule that holds after every call.
#[derive(Default)]
pub(crate) struct Caller {
    pub(crate) known: HashMap<FaceId, PersonId>,
    pub(crate) photos: HashMap<FaceId, ContentId>,
    pub(crate) ended: Vec<PersonId>,
    /// What humans said, of faces that are held or not.
    pub(crate) said: HashMap<FaceId, Said>,
}

impl Caller {
    pub(crate) fn told(&mut self, faces: &[Observation], moves: &[Move], grouping: &Grouping) {
        self.photos.extend(faces.iter().map(|o| (o.face, o.photo)));
        self.said.extend(faces.iter().map(|o| (o.face, o.said.clone())));
        let before: Vec<PersonId> = self.known.values().copied().collect();
        for Move { face, person } in moves {
            match person {
                Some(person) => {
                    assert_ne!(self.known.insert(*face, *person), Some(*person), "a move that moves nothing");
                }
                None => {
                    assert!(self.known.remove(face).is_some(), "{face} left twice");
                    self.photos.remove(face);
                }
            }
        }
        // Who is somebody by a human's word comes back with their faces.
        let gone = |person: &PersonId| *person >= FIRST && !self.known.values().any(|p| p == person);
        self.ended.extend(before.into_iter().filter(gone));
        self.check(grouping);
    }

    pub(crate) fn check(&self, grouping: &Grouping) {
        assert_eq!(self.known.len(), self.photos.len(), "every face has a person");
        let mut by_person: HashMap<PersonId, Vec<FaceId>> = HashMap::new();
        for (face, person) in &self.known {
            assert_eq!(grouping.person_of(*face), Some(*person), "{face}");
            by_person.entry(*person).or_default().push(*face);
        }
        assert_eq!(grouping.people().count(), by_person.len());
        for person in grouping.people() {
            let mut members: Vec<FaceId> = grouping.members(person).collect();
            members.sort_unstable();
            let mut known = by_person.remove(&person).unwrap_or_default();
            known.sort_unstable();
            assert_eq!(members, known, "{person}");
            for face in &members {
                let said = self.said.get(face).cloned().unwrap_or_default();
                assert!(said.is.is_none_or(|is| is == person), "{face} is {:?}, not {person}", said.is);
                assert!(said.is.is_some() || !said.is_not.contains(&person), "{face} is not {person}");
            }
            let by_word = |face: &FaceId| self.said.get(face).is_some_and(|said| said.is == Some(person));
            members.retain(|face| !by_word(face));
            let mut photos: Vec<ContentId> = members.iter().map(|face| self.photos[face]).collect();
            let taken = self.known.iter().filter(|(face, p)| **p == person && by_word(face));
            let taken: Vec<ContentId> = taken.map(|(face, _)| self.photos[face]).collect();
            assert!(
                photos.iter().all(|photo| !taken.contains(photo)),
                "{person} holds two faces of one photo"
            );
            photos.sort_unstable();
            photos.dedup();
            assert_eq!(photos.len(), members.len(), "{person} holds two faces of one photo");
            assert!(!self.ended.contains(&person), "{person} came back");
        }
    }
}

/// The F measure over pairs of faces that are together.
pub(crate) fn pairwise_f<A: Eq + std::hash::Hash, B: Eq + std::hash::Hash>(
    both: impl Iterator<Item = (A, B)>,
) -> f64 {
    let (mut a, mut b, mut ab) = (HashMap::new(), HashMap::new(), HashMap::new());
    let both: Vec<(A, B)> = both.collect();
    for pair in &both {
        *a.entry(&pair.0).or_insert(0u64) += 1;
        *b.entry(&pair.1).or_insert(0u64) += 1;
        *ab.entry(pair).or_insert(0u64) += 1;
    }
    let pairs = |counts: &mut dyn Iterator<Item = u64>| counts.map(|n| n * (n - 1) / 2).sum::<u64>() as f64;
    let (a, b) = (pairs(&mut a.into_values()), pairs(&mut b.into_values()));
    2.0 * pairs(&mut ab.into_values()) / (a + b)
}
