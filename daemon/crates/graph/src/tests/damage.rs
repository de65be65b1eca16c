//! Whatever the bytes are, nothing panics.

use std::path::Path;

use proptest::prelude::*;

use super::build::Build;
use super::{BGR, RGB, recipe};
use crate::half;
use crate::node::ints;
use crate::prepare::{Picture, Recipe, prepare};

/// A small graph with most of the operators that are rewritten.
fn whole() -> Vec<u8> {
    let mut b = Build::new(13, &[1, 3, 32, 32]);
    let trunk = b.conv("x", 3, 4);
    let (pads, sizes) = (b.ints(&[0, 0, 1, 1, 0, 0, 1, 1]), b.ints(&[1, 4, 32, 32]));
    let padded = b.op("Pad", &[&trunk, &pads], Vec::new());
    let pooled = b.op("MaxPool", &[&padded], vec![ints("kernel_shape", &[3, 3])]);
    let wide = b.op("Resize", &[&pooled, "", "", &sizes], Vec::new());
    let turned = b.op("Transpose", &[&wide], vec![ints("perm", &[2, 3, 0, 1])]);
    let shape = b.ints(&[-1, 4]);
    let rows = b.op("Reshape", &[&turned, &shape], Vec::new());
    let rows = b.op("Sigmoid", &[&rows], Vec::new());
    b.output(&rows, &[0, 4]);
    b.finish()
}

fn use_all(bytes: &[u8]) {
    let prepared = prepare(bytes.to_vec(), &recipe(BGR));
    // What was prepared must be readable again, or it would be prepared at every start.
    if prepared.did.is_ok() {
        crate::model::Model::read(prepared.graph.clone().into()).unwrap();
    } else {
        assert_eq!(prepared.graph, bytes);
    }
    for graph in [bytes, &prepared.graph] {
        let _ = half(graph);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]
    #[test]
    fn damaged_graphs(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = whole();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        use_all(&bytes);
    }

    #[test]
    fn graphs_cut_short(at: prop::sample::Index) {
        let bytes = whole();
        use_all(&bytes[..at.index(bytes.len())]);
    }

    #[test]
    fn numbers_that_are_no_sizes(numbers in prop::collection::vec(prop_oneof![-3i64..40, any::<i64>()], 0..6), axis: i64, op in 0usize..12) {
        let mut b = Build::new(13, &[1, 3, 32, 32]);
        let list = b.ints(&numbers);
        let y = match op {
            0 => b.op("Reshape", &["x", &list], Vec::new()),
            1 => b.op("Transpose", &["x"], vec![ints("perm", &numbers)]),
            2 => b.op("Pad", &["x", &list], Vec::new()),
            3 => b.op("Slice", &["x", &list, &list, &list], Vec::new()),
            4 => b.op("Unsqueeze", &["x", &list], Vec::new()),
            5 => b.op("Squeeze", &["x", &list], Vec::new()),
            6 => b.op("MaxPool", &["x"], vec![ints("kernel_shape", &numbers), ints("strides", &numbers), ints("pads", &numbers)]),
            7 => b.op("ReduceMean", &["x"], vec![ints("axes", &numbers)]),
            8 => b.op("Concat", &["x", "x"], vec![crate::node::int("axis", axis)]),
            9 => b.op("Resize", &["x", "", "", &list], Vec::new()),
            10 => b.op("Gather", &["x", &list], vec![crate::node::int("axis", axis)]),
            _ => {
                let weights = b.weights(&[2, 3, 3, 3]);
                let sides = vec![ints("dilations", &numbers), ints("strides", &numbers), ints("pads", &numbers)];
                b.op("Conv", &["x", &weights], sides)
            }
        };
        b.output(&y, &[]);
        use_all(&b.finish());
    }
}

#[test]
fn the_starter_pack_cut_and_broken() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/starter/detector.onnx");
    let bytes = std::fs::read(path).unwrap();
    for step in 1..40 {
        let at = bytes.len() * step / 40;
        use_all(&bytes[..at]);
        let mut broken = bytes.clone();
        broken[at] ^= 0x5a;
        let recipe = Recipe { input: RGB, picture: Picture::Square(64) };
        let _ = prepare(broken, &recipe);
    }
}
