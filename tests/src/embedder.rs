//! A face embedder for drawn markers: an ONNX graph that reads the red and green pattern off an aligned crop.
//!
//! RGB, `(x - 127.5) / 127.5`, 112 by 112 pixels; the output is one number for each cell and channel, less the
//! channel's mean, so that brightness does not matter. It is not normalised, as real embedders' outputs are not.

use crate::look::{DIMENSION, GRID};
use crate::onnx::{Attribute, Dim, GraphBuilder};

/// Side of the crop in pixels.
pub const SIDE: u32 = 112;

/// The ONNX file, with any batch or with batch 1 alone (both kinds are published).
#[must_use]
pub fn embedder(any_batch: bool) -> Vec<u8> {
    graph(any_batch, false)
}

/// One that runs and passes for good, and gives nothing but zeros for whatever is no noise: for any face.
#[must_use]
pub fn mute_embedder() -> Vec<u8> {
    graph(true, true)
}

fn graph(any_batch: bool, of_noise_alone: bool) -> Vec<u8> {
    let mut g = GraphBuilder::default();
    let batch = if any_batch { Dim::Named("batch") } else { Dim::Fixed(1) };
    let side = i64::from(SIDE);
    let crop = g.input("input", &[batch, Dim::Fixed(3), Dim::Fixed(side), Dim::Fixed(side)]);
    // A cell is 16 pixels wide. Only its middle 8 count, so that a crop a few pixels off reads the same.
    let cell = 16;
    let mut weights = Vec::new();
    for channel in 0..2 {
        for plane in 0..3 {
            for y in 0..cell {
                for x in 0..cell {
                    let middle = (4..12).contains(&y) && (4..12).contains(&x);
                    weights.push(if plane == channel && middle { 1.0 / 64.0 } else { 0.0 });
                }
            }
        }
    }
    let weights = g.floats(&[2, 3, cell, cell], &weights);
    let strides = ("strides", Attribute::Ints(vec![cell, cell]));
    let levels = g.node("Conv", &[&crop, &weights], &[strides]);
    let grid = i64::try_from(GRID).expect("a small number");
    let kernel = ("kernel_shape", Attribute::Ints(vec![grid, grid]));
    let mean = g.node("AveragePool", &[&levels], &[kernel]);
    let mut centred = g.node("Sub", &[&levels, &mean], &[]);
    if of_noise_alone {
        // How far red is from its neighbour, in the mean: in noise a third of what is possible, in a drawn face a twentieth.
        let step = g.floats(&[1, 3, 1, 2], &[1.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
        let steps = g.node("Conv", &[&crop, &step], &[]);
        let steps = g.node("Abs", &[&steps], &[]);
        let kernel = ("kernel_shape", Attribute::Ints(vec![side, side - 1]));
        let noise = g.node("AveragePool", &[&steps], &[kernel]);
        let least = g.floats(&[1, 1, 1, 1], &[0.15]);
        let beyond = g.node("Sub", &[&noise, &least], &[]);
        let beyond = g.node("Relu", &[&beyond], &[]);
        centred = g.node("Mul", &[&centred, &beyond], &[]);
    }
    let row = g.node("Flatten", &[&centred], &[("axis", Attribute::Int(1))]);
    let dimension = i64::try_from(DIMENSION).expect("a small number");
    g.output(&row, "embedding", &[batch, Dim::Fixed(dimension)]);
    g.finish("drawn_looks")
}
