//! The runtime that is compiled in: tiny graphs with known answers, and real weights where they exist.
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

use std::path::Path;

use common::onnx::{self, Dim};
use common::{crop, framed, real, tiny};
use vow_infer::{CardState, FaceEngine, Models, Provider, ProviderChoice, Runtime, RuntimeChoice, Tuning};
use vow_types::{Head, Lane};
use vow_vision::SHAPES;

fn runtime() -> Runtime {
    Runtime::start(&RuntimeChoice::Tract, ProviderChoice::Auto, Path::new("unused")).unwrap()
}

#[test]
fn it_says_who_it_is() {
    let runtime = runtime();
    assert_eq!((runtime.name(), runtime.library()), ("tract", None));
    assert!(runtime.version().starts_with("0.") && runtime.passed_over().is_empty());
}

#[test]
fn a_card_that_was_asked_for_and_is_not_there_is_told_of() {
    let start = |provider| {
        let runtime = Runtime::start(&RuntimeChoice::Tract, provider, Path::new("unused")).unwrap();
        FaceEngine::start(tiny(Head::Yunet), &runtime, &Tuning::new(1)).unwrap().card()
    };
    assert_eq!(start(ProviderChoice::Auto), None);
    let Some((Provider::Cuda, CardState::GivenUp(why))) = start(ProviderChoice::Only(Provider::Cuda)) else {
        panic!("it is missing");
    };
    assert!(why.contains("cuda"), "{why}");
}

#[test]
fn faces_are_found_where_they_are() {
    common::faces_are_found_where_they_are(&runtime());
}

#[test]
fn input_is_fed_as_the_pack_says() {
    common::input_is_fed_as_the_pack_says(&runtime());
}

#[test]
fn detections_are_relative_to_the_picture() {
    common::detections_are_relative_to_the_picture(&runtime());
}

#[test]
fn company_changes_no_embedding() {
    common::company_changes_no_embedding(&runtime());
}

#[test]
fn nothing_to_embed_is_answered_at_once() {
    common::nothing_to_embed_is_answered_at_once(&runtime());
}

#[test]
fn misfits_are_refused() {
    common::misfits_are_refused(&runtime());
}

#[test]
fn askers_are_not_mixed_up() {
    common::askers_are_not_mixed_up(&runtime());
}

#[test]
fn damage_is_loaded_or_refused() {
    common::damage_is_loaded_or_refused(&runtime());
}

#[test]
fn bytes_are_fed_as_they_are() {
    common::bytes_are_fed_as_they_are(&runtime());
}

#[test]
fn a_fixed_graph_has_one_shape() {
    common::a_fixed_graph_has_one_shape(&runtime());
}

/// Exporters before IR version 4 list the weights among the inputs.
#[test]
fn weights_among_the_inputs_are_no_inputs() {
    let mut graph = onnx::yunet(Dim::Open("h"), Dim::Open("w"));
    let weights = graph.0.initializer.iter().filter(|tensor| !tensor.float_data.is_empty());
    let listed: Vec<_> = weights
        .map(|tensor| {
            let dims: Vec<Dim> = tensor.dims.iter().map(|dim| Dim::Is(*dim)).collect();
            onnx::value(&tensor.name, tract_onnx::pb::tensor_proto::DataType::Float, &dims)
        })
        .collect();
    graph.0.input.extend(listed);
    let models = Models { detector_graph: graph.bytes(), ..tiny(Head::Yunet) };
    let engine = FaceEngine::start(models, &runtime(), &Tuning::new(1)).unwrap();
    assert_eq!(engine.detect(framed(SHAPES[0], (0, 0), [255; 3]), Lane::Live).unwrap().value.len(), 1);
}

/// Counts the threads of this process that belong to engines.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("vow-infer")).count()
}

/// Runs alone in a process of its own, because other tests start threads too.
#[test]
fn the_last_handle_ends_the_threads() {
    if !common::alone("the_last_handle_ends_the_threads") {
        return;
    }
    let engine = FaceEngine::start(tiny(Head::Yunet), &runtime(), &Tuning::new(3)).unwrap();
    assert_eq!(threads(), 3);
    let other = engine.clone();
    drop(engine);
    assert_eq!(threads(), 3);
    other.embed(vec![crop([[1; 3]; 4])], Lane::Live).unwrap();
    drop(other);
    assert_eq!(threads(), 0);

    // A pack that is refused after the threads have started leaves none behind either.
    let mut models = tiny(Head::Yunet);
    models.embedder.dimension = 13;
    assert!(FaceEngine::start(models, &runtime(), &Tuning::new(2)).is_err());
    assert_eq!(threads(), 0);
}

/// tract is slow at depthwise convolutions over tall frames; a square is offered instead.
#[test]
fn tall_frames_are_left_out_where_they_are_slow() {
    let mut graph = onnx::yunet(Dim::Open("h"), Dim::Open("w"));
    graph.depthwise("input", "blurred");
    for node in graph.0.node.iter_mut().filter(|node| node.op_type == "AveragePool") {
        node.input[0] = "blurred".to_owned();
    }
    let models = Models { detector_graph: graph.bytes(), ..tiny(Head::Yunet) };
    let engine = FaceEngine::start(models, &runtime(), &Tuning::new(1)).unwrap();
    assert_eq!(engine.shapes(), SHAPES.into_iter().filter(|s| s.height <= s.width).collect::<Vec<_>>());
    assert_eq!(engine.detect(framed(SHAPES[0], (2, 9), [255; 3]), Lane::Live).unwrap().value.len(), 1);
}

#[test]
fn real_detectors_find_the_six() {
    real::the_six_are_found(&runtime());
}

#[test]
fn a_batch_is_run_one_by_one() {
    common::batches::company_changes_no_vector(&runtime());
    common::batches::a_flat_graph_is_run_one_by_one(&runtime());
}

#[test]
fn idle_networks_give_their_memory_back() {
    if common::alone("idle_networks_give_their_memory_back") {
        common::memory::idle_networks_give_their_memory_back(&runtime());
    }
}
