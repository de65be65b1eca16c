//! The index beside `hnsw_rs`, the published graph for Rust, on 10,000 made-up faces of 128 components in groups, both with
//! settings near those compared in `vow-index`; recall is not measured here.
#![allow(clippy::unwrap_used, reason = "a bench may panic: that is how it fails")]

use std::sync::LazyLock;

use divan::{Bencher, black_box};
use hnsw_rs::prelude::{DistCosine, Hnsw};
use vow_index::FaceIndex;
use vow_types::{Embedding, FaceId};

const FACES: u32 = 10_000;
const GROUP: u32 = 20;

static LIBRARY: LazyLock<Vec<Embedding>> = LazyLock::new(|| {
    let mut state = 7u64;
    let mut step = move || {
        // xorshift64*, Vigna 2016
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let high = u16::try_from(state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 48).unwrap();
        f32::from(high) / 32_768.0 - 1.0
    };
    let mut library = Vec::new();
    for _ in 0..FACES / GROUP {
        let centre: Vec<f32> = (0..128).map(|_| step()).collect();
        for _ in 0..GROUP {
            let face: Vec<f32> = centre.iter().map(|at| at + 0.7 * step()).collect();
            library.push(Embedding::from_raw(&face).unwrap());
        }
    }
    library
});

fn faces() -> Vec<(FaceId, &'static Embedding)> {
    LIBRARY.iter().zip(0u64..).map(|(face, id)| (FaceId(id), face)).collect()
}

fn ours() -> FaceIndex {
    let index = FaceIndex::new(128, LIBRARY.len());
    index.add(&faces()).unwrap();
    index
}

/// The same as numbers, which is what the peer takes.
fn numbers() -> Vec<Vec<f32>> {
    LIBRARY.iter().map(|face| face.components().collect()).collect()
}

fn peer() -> Hnsw<'static, f32, DistCosine> {
    let index = Hnsw::new(24, LIBRARY.len(), 16, 200, DistCosine {});
    for (face, id) in numbers().iter().zip(0..) {
        index.insert((face, id));
    }
    index
}

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 3)]
fn build(bencher: Bencher<'_, '_>) {
    LazyLock::force(&LIBRARY);
    bencher.bench(ours);
}

#[divan::bench(sample_count = 3)]
fn build_peer_hnsw_rs(bencher: Bencher<'_, '_>) {
    LazyLock::force(&LIBRARY);
    bencher.bench(peer);
}

#[divan::bench]
fn search(bencher: Bencher<'_, '_>) {
    let index = ours();
    let mut of = LIBRARY.iter().cycle();
    bencher.bench_local(|| index.search(black_box(of.next().unwrap()), 32));
}

#[divan::bench]
fn search_peer_hnsw_rs(bencher: Bencher<'_, '_>) {
    let index = peer();
    let numbers = numbers();
    let mut of = numbers.iter().cycle();
    bencher.bench_local(|| index.search(black_box(of.next().unwrap()), 32, 128));
}
