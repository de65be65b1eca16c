//! Half precision: close to full precision, and full where it has to be.

use std::path::Path;

use super::build::Build;
use super::real;
use super::run::{Input, Runtime, part};
use super::{RGB, noise, recipe};
use crate::half::half;
use crate::node::{element, int, ints};
use crate::prepare::prepare;
use crate::proto::{ModelProto, NodeProto};
use prost::Message as _;

fn nodes(graph: &[u8]) -> Vec<NodeProto> {
    ModelProto::decode(graph).unwrap().graph.unwrap().node
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn real_embedders_stay_what_they_are() {
    if !Runtime::all().contains(&Runtime::OnnxRuntime) {
        return;
    }
    for real in real::all() {
        let (Some(original), (recipe, [height, width])) = (real.read(), real.fed()) else { continue };
        let full = prepare(original, &recipe).graph;
        let halved = half(&full).unwrap();
        assert!(halved.len() <= full.len() + 4096, "{} and {}", halved.len(), full.len());
        let pixels = noise(2 * height * width * 3, 1);
        let run = |graph| Runtime::OnnxRuntime.load(graph).run([2, height, width], Input::Bytes(&pixels));
        let (full, halved) = (run(&full), run(&halved));
        let mut least = 1f64;
        for (full, halved) in full.iter().zip(&halved) {
            assert_eq!(full.dims, halved.dims);
            for picture in 0..2 {
                least = least.min(cosine(part(full, 2, picture), part(halved, 2, picture)));
            }
        }
        println!("{}: least cosine {least:.7}", real.name());
        assert!(least > 0.9995, "{}: {least}", real.name());
    }
}

/// The front, a resize's factors and a sum over the picture stay in full; every arrow has the type its ends need.
#[test]
fn edges_and_sums_stay_in_full() {
    let mut b = Build::new(13, &[1, 3, 0, 0]);
    let trunk = b.conv("x", 3, 4);
    let trunk = b.op("Relu", &[&trunk], Vec::new());
    let scales = b.floats(&[4], &[1.0, 1.0, 2.0, 2.0]);
    let wide = b.op("Resize", &[&trunk, "", &scales], Vec::new());
    let mean = b.op("GlobalAveragePool", &[&wide], Vec::new());
    let weights = b.weights(&[4, 4, 1, 1]);
    let gate = b.op("Conv", &[&mean, &weights], Vec::new());
    let gated = b.op("Mul", &[&wide, &gate], Vec::new());
    b.output(&gated, &[1, 4, 0, 0]);
    b.output(&mean, &[1, 4, 1, 1]);
    let full = prepare(b.finish(), &recipe(RGB));
    full.did.unwrap();
    let halved = half(&full.graph).unwrap();
    let names: Vec<String> = nodes(&halved).iter().map(|node| node.op().to_owned()).collect();
    let expected = [
        "Cast",
        "Transpose",
        "Sub",
        "Mul",
        "Cast",
        "Conv",
        "Relu",
        "Resize",
        "Cast",
        "GlobalAveragePool",
        "Cast",
        "Conv",
        "Mul",
        "Cast",
    ];
    assert_eq!(names, expected);
    for runtime in Runtime::all() {
        let pixels = noise(32 * 32 * 3, 2);
        let run = |graph| runtime.load(graph).run([1, 32, 32], Input::Bytes(&pixels));
        let full = run(&full.graph);
        // tract has no half precision for every operator.
        if runtime == Runtime::OnnxRuntime {
            for (full, halved) in full.iter().zip(&run(&halved)) {
                assert!(cosine(&full.numbers, &halved.numbers) > 0.9999);
            }
        }
    }
}

#[test]
fn what_does_not_fit_stays_in_full() {
    let with = |weight: f32, variance: f32| {
        let mut b = Build::new(13, &[1, 3, 8, 8]);
        let kernel = b.floats(&[1, 3, 1, 1], &[weight, 1.0, 1.0]);
        let y = b.op("Conv", &["x", &kernel], Vec::new());
        let (one, variance) = (b.floats(&[1], &[1.0]), b.floats(&[1], &[variance]));
        let y = b.op("BatchNormalization", &[&y, &one, &one, &one, &variance], Vec::new());
        b.output(&y, &[1, 1, 8, 8]);
        half(&b.finish())
            .map(|graph| nodes(&graph).iter().map(|node| node.op().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(with(1.0, 1.0).unwrap(), ["Cast", "Conv", "BatchNormalization", "Cast"]);
    assert_eq!(with(1.0, 1e-6).unwrap(), ["Cast", "Conv", "Cast", "BatchNormalization"]);
    assert!(with(1e6, 1.0).unwrap_err().to_string().contains("nothing in it gains"));
}

/// Weights that are stored in half precision and cast are used as they are stored.
#[test]
fn stored_halves_are_not_made_again() {
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/starter/embedder.onnx");
    let graph = std::fs::read(starter).unwrap();
    let halved = half(&graph).unwrap();
    let to_full = nodes(&halved)
        .iter()
        .filter(|n| n.op() == "Cast" && n.int("to") == Some(i64::from(element::FLOAT)))
        .count();
    assert_eq!(to_full, 1, "only the output is cast back");
}

/// A bound of a `Clip` is a constant of its kind, and before operator set 12 there is no half-precision `Clip` on a GPU.
#[test]
fn clip_follows_its_operator_set() {
    for (opset, halves) in [(11, false), (12, true)] {
        let mut b = Build::new(opset, &[1, 3, 8, 8]);
        let y = b.conv("x", 3, 2);
        let (low, high) = (b.floats(&[], &[0.0]), b.floats(&[], &[f32::MAX]));
        let y = b.op("Clip", &[&y, &low, &high], Vec::new());
        let y = b.op("MaxPool", &[&y], vec![ints("kernel_shape", &[2, 2]), int("ceil_mode", 0)]);
        b.output(&y, &[1, 2, 3, 3]);
        let names: Vec<String> =
            nodes(&half(&b.finish()).unwrap()).iter().map(|n| n.op().to_owned()).collect();
        let expected: &[&str] = if halves {
            &["Cast", "Conv", "Clip", "MaxPool", "Cast"]
        } else {
            &["Cast", "Conv", "Cast", "Clip", "MaxPool"]
        };
        assert_eq!(names, expected, "operator set {opset}");
    }
}
