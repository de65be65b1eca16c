//! Graphs made by code and real ones, before and after, on the runtimes that are at hand.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a test's counts are small"
)]

mod batches;
mod build;
mod damage;
mod halves;
mod lossless;
mod real;
mod refused;
mod run;
mod shelf;

use vow_types::{Channels, InputFormat};

use crate::prepare::{Picture, Recipe};

/// As SCRFD wants its input.
const RGB: InputFormat = InputFormat { channels: Channels::Rgb, mean: 127.5, std: 128.0 };
/// As some embedders want it: no power of two.
const RGB_127: InputFormat = InputFormat { channels: Channels::Rgb, mean: 127.5, std: 127.5 };
/// As YuNet wants it.
const BGR: InputFormat = InputFormat { channels: Channels::Bgr, mean: 0.0, std: 1.0 };

fn recipe(input: InputFormat) -> Recipe {
    Recipe { input, picture: Picture::Any }
}

/// Bytes that look like nothing, the same in every run.
fn noise(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

/// What the daemon has fed so far: planes of `(x - mean) / std`.
fn planes(pixels: &[u8], format: InputFormat) -> Vec<f32> {
    let count = pixels.len() / 3;
    (0..3)
        .flat_map(|plane| {
            let plane = if format.channels == Channels::Bgr { 2 - plane } else { plane };
            (0..count).map(move |at| (f32::from(pixels[at * 3 + plane]) - format.mean) / format.std)
        })
        .collect()
}
