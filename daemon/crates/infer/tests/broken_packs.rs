//! Packs that do not keep their word are refused at start, with words that name the network and what is wrong.
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

use std::error::Error;
use std::path::Path;

use common::onnx::{self, Dim, Graph};
use common::{SIDE, tiny};
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use vow_infer::{FaceEngine, InferError, Models, ProviderChoice, Runtime, RuntimeChoice, Tuning};
use vow_types::{Head, Lane};

/// The refusal of a pack, with all its causes.
fn refusal(models: Models) -> String {
    let runtime = Runtime::start(&RuntimeChoice::Tract, ProviderChoice::Auto, Path::new("unused")).unwrap();
    let error = FaceEngine::start(models, &runtime, &Tuning::new(2)).expect_err("the pack is refused");
    assert!(matches!(error, InferError::Pack { .. }), "{error:?}");
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn check_detector(graph: &Graph, expected: &[&str]) {
    check(Models { detector_graph: graph.bytes(), ..tiny(Head::Yunet) }, expected);
}

fn check_embedder(graph: &Graph, expected: &[&str]) {
    check(Models { embedder_graph: graph.bytes(), ..tiny(Head::Yunet) }, expected);
}

fn check(models: Models, expected: &[&str]) {
    let text = refusal(models);
    for part in expected {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}

fn open_yunet() -> Graph {
    onnx::yunet(Dim::Open("h"), Dim::Open("w"))
}

#[test]
fn what_is_no_graph() {
    let garbage = b"<html>404</html>".to_vec();
    check(
        Models { detector_graph: garbage.clone(), ..tiny(Head::Yunet) },
        &[
            "the detector of pack `tiny` cannot be used (`detector.file` in the pack.toml of /packs/tiny)",
            "not an ONNX graph",
            "install the pack again",
        ],
    );
    check(
        Models { embedder_graph: garbage, ..tiny(Head::Yunet) },
        &["the embedder of pack `tiny`", "`embedder.file`", "not an ONNX graph"],
    );
    check(
        Models { detector_graph: Vec::new(), ..tiny(Head::Yunet) },
        &["computes nothing", "install the pack again"],
    );
    let cut = open_yunet().bytes();
    check(
        Models { detector_graph: cut[..cut.len() / 2].to_vec(), ..tiny(Head::Yunet) },
        &["not an ONNX graph"],
    );
}

#[test]
fn another_head_than_the_pack_names() {
    let scrfd = onnx::scrfd(Dim::Open("?"));
    check_detector(&scrfd, &["\"s8\"", "expected for the head `yunet`: cls_8"]);
    let models = Models { detector_graph: open_yunet().bytes(), ..tiny(Head::Scrfd) };
    check(models, &["\"cls_8\"", "expected for the head `scrfd`: score_8"]);
    // Nine outputs, but not those of the head: seen in the first run.
    let mut models = tiny(Head::Scrfd);
    let mut graph = onnx::scrfd(Dim::Open("?"));
    graph.0.output.reverse();
    models.detector_graph = graph.bytes();
    check(models, &["the detector", "output cannot be read", "scores of stride 8"]);
}

#[test]
fn roles_exchanged() {
    let tiny = tiny(Head::Yunet);
    check(
        Models { detector_graph: tiny.embedder_graph.clone(), ..tiny.clone() },
        &["the detector", "[?, 3, 16, 16]"],
    );
    check(
        Models { embedder_graph: tiny.detector_graph.clone(), ..tiny },
        &["the embedder", "an embedder has one"],
    );
}

#[test]
fn inputs_that_cannot_be_fed() {
    let mut two = open_yunet();
    two.0.input.push(onnx::value("threshold", DataType::Float, &[Dim::Is(1)]));
    check_detector(&two, &["[\"input\", \"threshold\"]", "has one"]);

    let mut bytes = open_yunet();
    let planes = [Dim::Is(1), Dim::Is(3), Dim::Open("h"), Dim::Open("w")];
    bytes.0.input[0] = onnx::value("input", DataType::Int64, &planes);
    check_detector(&bytes, &["`input` takes int64", "32-bit floats or bytes"]);
    bytes.0.input[0] = onnx::value("input", DataType::Uint8, &planes);
    check_detector(&bytes, &["[1, 3, ?, ?]", "rows of RGB bytes"]);

    for dims in [
        vec![Dim::Is(1), Dim::Open("h"), Dim::Open("w"), Dim::Is(3)],
        vec![Dim::Is(4), Dim::Is(3), Dim::Open("h"), Dim::Open("w")],
        vec![Dim::Is(3), Dim::Open("h"), Dim::Open("w")],
    ] {
        let mut graph = open_yunet();
        graph.0.input[0] = onnx::value("input", DataType::Float, &dims);
        if dims.len() == 4 && matches!(dims[1], Dim::Open(_)) {
            // Channels last looks like an open number of channels; the first run shows it.
            assert!(
                refusal(Models { detector_graph: graph.bytes(), ..tiny(Head::Yunet) })
                    .contains("the detector")
            );
        } else {
            check_detector(&graph, &["one picture in three planes"]);
        }
    }

    check_detector(&onnx::yunet(Dim::Is(300), Dim::Is(300)), &["[1, 3, 300, 300]", "multiples of 32"]);
    check_embedder(&onnx::embedder(Dim::Open("n"), 20), &["[?, 3, 20, 20]", "[1 or open, 3, 16, 16]"]);
}

#[test]
fn vectors_of_another_length() {
    // Said by the graph.
    let mut stated = onnx::embedder(Dim::Is(1), i64::from(SIDE));
    stated.0.output.clear();
    stated.output("embedding", &[Dim::Is(1), Dim::Is(512)]);
    check_embedder(&stated, &["gives vectors of 512 numbers, the pack says 12"]);
    // Seen in the first run.
    let mut models = tiny(Head::Yunet);
    models.embedder.dimension = 128;
    check(models, &["the embedder", "gives vectors of 12 numbers, the pack says 128"]);
    let mut models = tiny(Head::Yunet);
    models.embedder.size = 0;
    check(models, &["the pack's crop"]);
}

/// They load and run, and no photo would ever show a face, or every face fail.
#[test]
fn networks_that_compute_nothing_of_use() {
    for (factor, found) in
        [(0.0, "nothing but zeros"), (f32::NAN, "not finite"), (f32::INFINITY, "not finite")]
    {
        let mut graph = onnx::embedder(Dim::Open("n"), i64::from(SIDE));
        let whole = graph.0.node.last_mut().unwrap();
        (whole.name, whole.output[0]) = ("make_whole".to_owned(), "whole".to_owned());
        graph.floats("factor", &[1], vec![factor]);
        graph.node("Mul", &["whole", "factor"], "embedding", &[]);
        check_embedder(&graph, &["the embedder of pack `tiny`", found, "install the pack again"]);
    }
    for tensor in ["cls_8_b", "bbox_32_b", "kps_16_w"] {
        let mut graph = open_yunet();
        let weights = graph.0.initializer.iter_mut().find(|weights| weights.name == tensor).unwrap();
        weights.float_data[0] = f32::NAN;
        check_detector(&graph, &["the detector of pack `tiny`", "not finite", "install the pack again"]);
    }
}

/// A network without biases makes nothing of black, and is none the worse for it.
#[test]
fn a_network_that_makes_zeros_of_black_is_good() {
    let runtime = Runtime::start(&RuntimeChoice::Tract, ProviderChoice::Auto, Path::new("unused")).unwrap();
    let engine = FaceEngine::start(tiny(Head::Yunet), &runtime, &Tuning::new(1)).unwrap();
    let black = vec![0; 3 * usize::try_from(SIDE * SIDE).unwrap()];
    assert_eq!(engine.embed(vec![black], Lane::Live).unwrap().value, [vec![0.0; 12]]);
}

#[test]
fn graphs_that_do_not_stand_alone() {
    let mut elsewhere = open_yunet();
    elsewhere.0.initializer[1].data_location = Some(DataLocation::External.into());
    check_detector(&elsewhere, &["keeps weights in another file (`cls_8_b`)", "single file"]);

    let mut nothing_makes = open_yunet();
    nothing_makes.0.node.retain(|node| node.output[0] != "kps_16");
    check_detector(&nothing_makes, &["nothing makes its output `kps_16`"]);

    let mut unknown = open_yunet();
    unknown.0.node[0].op_type = "Teleport".to_owned();
    check_detector(&unknown, &["the detector", "tract cannot load it", "Teleport"]);
}
