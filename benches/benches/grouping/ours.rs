//! `vow-cluster` as the daemon runs it: faces come a transaction at a time, in some order, and are sorted out over
//! everything when all is quiet.

use vow_cluster::{Grouping, Neighbours, Observation, Params, Said};
use vow_index::FaceIndex;
use vow_tests::look::Random;
use vow_types::num::index;
use vow_types::{ContentId, Embedding, FaceId, PersonId};

use crate::clock::Begun;
use crate::faces::Face;
use crate::measure::Partition;
use crate::near::Brute;

/// Photos in a transaction of the daemon.
const TRANSACTION: usize = 64;

/// How neighbours are found.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum By {
    Index,
    Brute,
}

/// What grouping made of some faces.
pub(crate) struct Run {
    /// As they came in.
    pub(crate) grown: Partition,
    pub(crate) grown_s: f64,
    /// After the idle pass.
    pub(crate) settled: Partition,
    pub(crate) settled_s: f64,
}

/// The numbers below `len` in an order that depends on the seed alone.
pub(crate) fn shuffled(len: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_by_cached_key(|_| random.next());
    order
}

pub(crate) struct Indexed<'a>(pub(crate) &'a FaceIndex);

impl Neighbours for Indexed<'_> {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        self.0.search(of, k)
    }

    fn nearest_to_each(&self, of: &[&Embedding], k: usize) -> Vec<Vec<(FaceId, f32)>> {
        self.0.search_each(of, k)
    }
}

/// A face as grouping sees it, under the number it came in with.
pub(crate) fn observation(face: &Face, number: usize) -> Observation {
    let mut photo = [0; 32];
    photo[..8].copy_from_slice(&face.photo.to_le_bytes());
    Observation {
        face: id(number),
        photo: ContentId(photo),
        embedding: face.embedding.clone(),
        strong: face.strong,
        said: Said::default(),
    }
}

pub(crate) fn id(number: usize) -> FaceId {
    FaceId(u64::try_from(number).unwrap())
}

/// Groups faces that come in `order`.
pub(crate) fn run(faces: &[Face], order: &[usize], params: Params, by: By) -> Run {
    let dimension = faces[0].embedding.dimension();
    let (hnsw, brute) = (FaceIndex::new(dimension, faces.len()), Brute::default());
    let indexed = Indexed(&hnsw);
    let neighbours: &dyn Neighbours = if by == By::Index { &indexed } else { &brute };
    let mut grouping = Grouping::new(params, PersonId(1));
    let begun = Begun::now();
    let arrivals: Vec<(usize, usize)> = order.iter().copied().enumerate().collect();
    for transaction in arrivals.chunks(TRANSACTION) {
        let new: Vec<(FaceId, &Embedding)> =
            transaction.iter().map(|(number, face)| (id(*number), &faces[*face].embedding)).collect();
        match by {
            By::Index => hnsw.add(&new).unwrap(),
            By::Brute => new.iter().for_each(|(face, embedding)| brute.add(*face, embedding)),
        }
        let seen = transaction.iter().map(|(number, face)| observation(&faces[*face], *number)).collect();
        grouping.add(seen, neighbours);
    }
    let grown_s = begun.elapsed().as_secs_f64();
    let grown = partition(&grouping, order);
    let begun = Begun::now();
    while !grouping.settle_some(neighbours, &|_| false).unwrap().is_all {}
    Run { grown, grown_s, settled: partition(&grouping, order), settled_s: begun.elapsed().as_secs_f64() }
}

/// The exact pass alone.
pub(crate) fn settled(faces: &[Face], params: Params) -> Partition {
    let order: Vec<usize> = (0..faces.len()).collect();
    let brute = Brute::default();
    let mut grouping = Grouping::new(params, PersonId(1));
    for (number, face) in faces.iter().enumerate() {
        brute.add(id(number), &face.embedding);
        grouping.restore(observation(face, number), None);
    }
    grouping.settle(&brute, &|| false).unwrap();
    partition(&grouping, &order)
}

fn partition(grouping: &Grouping, order: &[usize]) -> Partition {
    let mut groups = vec![0; order.len()];
    for (number, face) in order.iter().enumerate() {
        let person = grouping.person_of(id(number)).unwrap();
        groups[*face] = index(u32::try_from(person.0).unwrap());
    }
    groups
}
