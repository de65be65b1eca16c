//! The property: prepared and original give the same numbers, alone and in a batch, whatever way an exporter has pinned
//! the batch.

use vow_types::InputFormat;

use super::build::Build;
use super::run::{Input, Runtime, furthest, part, same_bits};
use super::{BGR, RGB, RGB_127, noise, planes, recipe};
use crate::node::{int, ints};
use crate::prepare::prepare;

/// Runs a made graph of `size` before and after: one by one, and three at once.
fn agree(what: &str, graph: &[u8], format: InputFormat, [height, width]: [usize; 2]) {
    let prepared = prepare(graph.to_vec(), &recipe(format));
    let did = prepared.did.unwrap_or_else(|why| panic!("{what}: {why}"));
    let length = height * width * 3;
    let pixels = noise(3 * length, 11);
    let pictures: Vec<&[u8]> = pixels.chunks(length).collect();
    for runtime in Runtime::all() {
        let (mut before, mut after) = (runtime.load(graph), runtime.load(&prepared.graph));
        let together = after.run([3, height, width], Input::Bytes(&pixels));
        for (number, picture) in pictures.iter().enumerate() {
            let original = before.run([1, height, width], Input::Planes(&planes(picture, format)));
            let alone = after.run([1, height, width], Input::Bytes(picture));
            assert_eq!(original.len(), alone.len(), "{what}");
            for ((original, alone), together) in original.iter().zip(&alone).zip(&together) {
                let part = part(together, 3, number);
                // tract chooses its kernels by the size of the whole batch, and multiplies where it should divide.
                let same = |a: &[f32], b: &[f32]| match runtime {
                    Runtime::OnnxRuntime => same_bits(a, b),
                    Runtime::Tract => furthest(a, b) < 1e-4,
                };
                assert!(same(&original.numbers, &alone.numbers), "{what} on {runtime:?} ({did}): alone");
                assert!(same(part, &alone.numbers), "{what} on {runtime:?} ({did}): picture {number} of 3");
            }
        }
    }
}

/// SCRFD as InsightFace exports it; the shape is a weight or a node's.
#[test]
fn heads_that_flatten_pictures_together() {
    for (opset, in_a_node) in [(9, false), (11, true), (13, false), (18, true), (21, false)] {
        let mut b = Build::new(opset, &[1, 3, 0, 0]);
        let trunk = b.conv("x", 3, 4);
        for k in [2, 8, 20] {
            let head = b.conv(&trunk, 4, k);
            let turned = b.op("Transpose", &[&head], vec![ints("perm", &[2, 3, 0, 1])]);
            let shape = if in_a_node { b.ints_in_a_node(&[-1, k / 2]) } else { b.ints(&[-1, k / 2]) };
            let flat = b.op("Reshape", &[&turned, &shape], Vec::new());
            // Scores are squeezed after they were flattened.
            let score = b.op("Sigmoid", &[&flat], Vec::new());
            b.output(&score, &[0, k / 2]);
        }
        agree(&format!("flattened heads, operator set {opset}"), &b.finish(), RGB, [32, 64]);
    }
}

/// The batch is named by a one.
#[test]
fn heads_with_a_one_for_the_batch() {
    for opset in [9, 11, 13, 21] {
        let mut b = Build::new(opset, &[1, 3, 0, 0]);
        let trunk = b.conv("x", 3, 6);
        let turned = b.op("Transpose", &[&trunk], vec![ints("perm", &[0, 2, 3, 1])]);
        // One constant for two nodes, of which both are rewritten.
        let shape = b.ints(&[1, -1, 3]);
        for _ in 0..2 {
            let flat = b.op("Reshape", &[&turned, &shape], Vec::new());
            b.output(&flat, &[1, 0, 3]);
        }
        agree(&format!("heads of one, operator set {opset}"), &b.finish(), BGR, [32, 32]);
    }
}

/// Rows are flattened without turning first, and the strides are joined behind one another.
#[test]
fn rows_joined_over_strides() {
    let mut b = Build::new(11, &[1, 3, 0, 0]);
    let fine = b.conv("x", 3, 4);
    let coarse = b.conv(&fine, 4, 4);
    let shape = b.ints(&[-1, 4]);
    let rows: Vec<String> = [&fine, &coarse]
        .into_iter()
        .map(|level| {
            let turned = b.op("Transpose", &[level], vec![ints("perm", &[0, 2, 3, 1])]);
            b.op("Reshape", &[&turned, &shape], Vec::new())
        })
        .collect();
    let all = b.op("Concat", &[&rows[0], &rows[1]], vec![int("axis", 0)]);
    b.output(&all, &[0, 4]);
    agree("rows joined", &b.finish(), RGB, [32, 64]);
}

/// Sizes that were computed while exporting, whole factors and others; and sizes computed while running.
#[test]
fn resizing_to_sizes_for_one_picture() {
    for (side, sizes) in [(64, [1, 4, 32, 32]), (64, [1, 4, 24, 24])] {
        let mut b = Build::new(11, &[1, 3, side, side]);
        let fine = b.conv("x", 3, 4);
        let coarse = b.conv(&fine, 4, 4);
        let (region, scales) = (b.floats(&[0], &[]), b.floats(&[0], &[]));
        let sizes = b.ints(&sizes);
        let mode = |name: &str, value: &'static str| crate::proto::AttributeProto {
            name: Some(name.to_owned()),
            s: Some(value.into()),
            r#type: Some(3),
            ..Default::default()
        };
        let modes = vec![
            mode("mode", "nearest"),
            mode("coordinate_transformation_mode", "asymmetric"),
            mode("nearest_mode", "floor"),
        ];
        let wide = b.op("Resize", &[&coarse, &region, &scales, &sizes], modes);
        b.output(&wide, &[1, 4, 0, 0]);
        agree("sizes", &b.finish(), RGB, [64, 64]);
    }
}

/// `view(x.shape[0], -1)` and `view(1, -1)`, with a product behind them.
#[test]
fn embedders() {
    for (opset, style) in [(9, 0), (11, 1), (13, 2), (13, 3), (21, 4)] {
        let mut b = Build::new(opset, &[i64::from(style == 4), 3, 8, 8]);
        let trunk = b.conv("x", 3, 5);
        let slope = b.weights(&[5, 1, 1]);
        let trunk = b.op("PRelu", &[&trunk, &slope], Vec::new());
        let scale = b.weights(&[5]);
        let variance = b.floats(&[5], &[0.5, 1.0, 2.0, 3.0, 0.25]);
        let trunk = b.op("BatchNormalization", &[&trunk, &scale, &scale, &scale, &variance], Vec::new());
        let flat = match style {
            0 => b.op("Flatten", &[&trunk], vec![int("axis", 1)]),
            1 => {
                let shape = b.ints(&[1, -1]);
                b.op("Reshape", &[&trunk, &shape], Vec::new())
            }
            2 => {
                let shape = b.ints(&[-1, 80]);
                b.op("Reshape", &[&trunk, &shape], Vec::new())
            }
            3 => {
                let shape = b.op("Shape", &[&trunk], Vec::new());
                let (zero, zeros, rest) = (b.scalar(0), b.ints(&[0]), b.ints(&[-1]));
                let count = b.op("Gather", &[&shape, &zero], vec![int("axis", 0)]);
                let count = b.op("Unsqueeze", &[&count, &zeros], Vec::new());
                let shape = b.op("Concat", &[&count, &rest], vec![int("axis", 0)]);
                b.op("Reshape", &[&trunk, &shape], Vec::new())
            }
            _ => {
                let shape = b.ints(&[1, 80]);
                b.op("Reshape", &[&trunk, &shape], Vec::new())
            }
        };
        let weights = b.weights(&[7, 80]);
        let bias = b.weights(&[7]);
        let vector = b.op("Gemm", &[&flat, &weights, &bias], vec![int("transB", 1)]);
        b.output(&vector, &[1, 7]);
        agree(&format!("embedder {style}"), &b.finish(), RGB_127, [8, 8]);
    }
}

/// Weights among the inputs, as before IR version 4.
#[test]
fn graphs_in_the_old_way() {
    let mut b = Build::new(9, &[1, 3, 8, 8]).in_the_old_way();
    let trunk = b.conv("x", 3, 4);
    let shape = b.ints(&[1, -1]);
    let flat = b.op("Reshape", &[&trunk, &shape], Vec::new());
    b.output(&flat, &[1, 64]);
    agree("old way", &b.finish(), RGB, [8, 8]);
}

/// What lies within pictures may stay there: padding, cutting, averaging, attention to channels.
#[test]
fn work_within_pictures() {
    let mut b = Build::new(13, &[1, 3, 0, 0]);
    let trunk = b.conv("x", 3, 4);
    let pads = b.ints(&[0, 0, 1, 0, 0, 0, 0, 1]);
    let padded = b.op("Pad", &[&trunk, &pads], Vec::new());
    let (start, end, axis) = (b.ints(&[1]), b.ints(&[i64::MAX]), b.ints(&[2]));
    let cut = b.op("Slice", &[&padded, &start, &end, &axis], Vec::new());
    let mean = b.op("GlobalAveragePool", &[&cut], Vec::new());
    let gate = b.op("Sigmoid", &[&mean], Vec::new());
    let gated = b.op("Mul", &[&cut, &gate], Vec::new());
    let shift = b.weights(&[1, 4, 1, 1]);
    let moved = b.op("Add", &[&shift, &gated], Vec::new());
    let sum = b.op("ReduceMean", &[&moved], vec![ints("axes", &[2, 3]), int("keepdims", 0)]);
    let norm = b.op("ReduceL2", &[&sum], vec![ints("axes", &[1])]);
    let unit = b.op("Div", &[&sum, &norm], Vec::new());
    b.output(&unit, &[1, 4]);
    b.output(&moved, &[1, 4, 0, 0]);
    agree("within pictures", &b.finish(), BGR, [32, 64]);
}
