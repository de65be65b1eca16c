//! A made-up library in a folder of its own, and chance that can be repeated.

use std::num::NonZeroUsize;
use std::path::Path;

use vow_cluster::Params;
use vow_store::{Change, FileRow, FileState, NewFace, PhotoRow};
use vow_types::{Detection, Distances, FolderId, Landmarks, QualityGate, RelBox, RelPoint, Size, num};

use super::*;

pub(super) const DIMENSION: u16 = 32;

/// A small generator (SplitMix64, Steele et al. 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, below: usize) -> usize {
        usize::try_from(self.next() % num::len_u64(below.max(1))).unwrap()
    }

    pub(super) fn unit(&mut self) -> f32 {
        f32::from(u16::try_from(self.next() >> 48).unwrap()) / 32_768.0 - 1.0
    }

    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        items.get(self.below(items.len())).copied()
    }
}

pub(super) fn look(identity: u64, random: &mut Random, noise: f32) -> Embedding {
    let mut own = Random(identity.wrapping_mul(77) + 5);
    let raw: Vec<f32> = (0..DIMENSION).map(|_| own.unit() + noise * random.unit()).collect();
    Embedding::from_raw(&raw).unwrap()
}

pub(super) fn face(identity: u64, random: &mut Random) -> NewFace {
    let bbox = RelBox { left: 0.1, top: 0.1, right: 0.4, bottom: 0.5 };
    let landmarks = Landmarks([RelPoint { x: 0.2, y: 0.2 }; 5]);
    // Every eighth is weak.
    let score = if random.below(8) == 0 { 0.4 } else { 0.9 };
    let detection = Detection { bbox, landmarks, score };
    NewFace { detection, quality: 0.5, norm: 14.0, embedding: look(identity, random, 0.9) }
}

pub(super) fn pack() -> PackFacts {
    PackFacts {
        id: PackId([1; 16]),
        dimension: u32::from(DIMENSION),
        params: Params::new(Distances { same: 0.3, group: 0.5, people: None, neighbour: 0.28 }),
        gate: QualityGate { min_face: 1.0, min_score: 0.6, min_quality: 0.0, full_norm: None },
        shapes: vec![Size { width: 640, height: 480 }],
    }
}

pub(super) const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// A library of photos with one to three of six people.
pub(super) fn library(store: &Store, seed: u64) {
    let mut random = Random(seed);
    let (folder, _) = store.add_folder(Path::new("/p"), 1, 0).unwrap();
    let changes = (0..30u8).map(|n| analysed(n, folder.id, &mut random)).collect();
    store.commit(changes).unwrap();
}

pub(super) fn analysed(n: u8, folder: FolderId, random: &mut Random) -> Change {
    let photo = ContentId([n; 32]);
    let state = FileState::Shows { photo, orientation: Default::default(), taken: None };
    let file = FileRow { path: format!("/p/{n}.jpg").into(), folder, size: 1, mtime_ns: 1, inode: 1, state };
    let coded = Size { width: 640, height: 480 };
    let photo = PhotoRow { content: photo, coded, format: "jpeg".to_owned(), first_seen: 0, turn: None };
    let first = random.below(6);
    let faces = (0..=random.below(3)).map(|at| face(num::len_u64((first + at) % 6), random)).collect();
    Change::Analysed { file, photo, pack: PackId([1; 16]), faces }
}

pub(super) struct Place {
    pub(super) dir: tempfile::TempDir,
}

impl Place {
    pub(super) fn new(seed: u64) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        library(&place.store(), seed);
        place
    }

    pub(super) fn store(&self) -> Store {
        Store::open(&self.dir.path().join("s.redb")).unwrap()
    }

    pub(super) fn keeper(&self) -> Keeper {
        Keeper::open(self.store(), Progress::new(), pack(), self.dir.path().join("index"), THREADS).unwrap()
    }
}

/// A keeper to whom any library is a large one.
pub(super) fn as_a_large_one(place: &Place, portion: usize) -> Keeper {
    let params = Params { at_once: 0, portion, keep_pairs: 0, room: 0, ..pack().params };
    let facts = PackFacts { params, ..pack() };
    Keeper::open(place.store(), Progress::new(), facts, place.dir.path().join("index"), THREADS).unwrap()
}
