//! The runtime that is loaded, where the environment variable `VOW_ORT` names one, on the processor; and that it agrees with
//! the one that is compiled in. What a card makes of it is in `card.rs`.
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

use std::path::{Path, PathBuf};

use common::{batches, real};
use vow_infer::{InferError, LibraryError, Provider, ProviderChoice, Runtime, RuntimeChoice};

/// `None`, and a line that says so, where there is no library.
fn runtime() -> Option<Runtime> {
    let Some(path) = std::env::var_os("VOW_ORT") else {
        println!("skipped: VOW_ORT not set");
        return None;
    };
    Some(
        Runtime::start(
            &RuntimeChoice::Library(PathBuf::from(path)),
            ProviderChoice::Only(Provider::Cpu),
            Path::new("unused"),
        )
        .unwrap(),
    )
}

#[test]
fn it_says_who_it_is_and_starts_only_once() {
    let Some(runtime) = runtime() else { return };
    let library = runtime.library().unwrap().to_owned();
    assert_eq!((runtime.name(), runtime.why()), ("onnxruntime", "named by the configuration"));
    assert!(runtime.version().starts_with("1."), "{}", runtime.version());

    let auto = Runtime::start(&RuntimeChoice::Auto, ProviderChoice::Auto, Path::new("unused")).unwrap();
    assert_eq!(auto.library(), Some(library.as_path()));

    // tract can be started beside it, another library cannot.
    assert_eq!(
        Runtime::start(&RuntimeChoice::Tract, ProviderChoice::Auto, Path::new("unused")).unwrap().name(),
        "tract"
    );
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("libonnxruntime.so");
    std::fs::write(&copy, "").unwrap();
    let error =
        Runtime::start(&RuntimeChoice::Library(copy), ProviderChoice::Auto, Path::new("unused")).unwrap_err();
    assert!(
        matches!(&error, InferError::Library { source: LibraryError::Other { running }, .. } if *running == library)
    );

    // A link to the same file is the same library.
    let link = folder.path().join("link.so");
    std::os::unix::fs::symlink(&library, &link).unwrap();
    Runtime::start(&RuntimeChoice::Library(link), ProviderChoice::Auto, Path::new("unused")).unwrap();
}

#[test]
fn faces_are_found_where_they_are() {
    runtime().iter().for_each(common::faces_are_found_where_they_are);
}

#[test]
fn input_is_fed_as_the_pack_says() {
    runtime().iter().for_each(common::input_is_fed_as_the_pack_says);
}

#[test]
fn detections_are_relative_to_the_picture() {
    runtime().iter().for_each(common::detections_are_relative_to_the_picture);
}

#[test]
fn company_changes_no_embedding() {
    runtime().iter().for_each(common::company_changes_no_embedding);
}

#[test]
fn nothing_to_embed_is_answered_at_once() {
    runtime().iter().for_each(common::nothing_to_embed_is_answered_at_once);
}

#[test]
fn misfits_are_refused() {
    runtime().iter().for_each(common::misfits_are_refused);
}

#[test]
fn askers_are_not_mixed_up() {
    runtime().iter().for_each(common::askers_are_not_mixed_up);
}

#[test]
fn damage_is_loaded_or_refused() {
    runtime().iter().for_each(common::damage_is_loaded_or_refused);
}

#[test]
fn bytes_are_fed_as_they_are() {
    runtime().iter().for_each(common::bytes_are_fed_as_they_are);
}

#[test]
fn a_fixed_graph_has_one_shape() {
    runtime().iter().for_each(common::a_fixed_graph_has_one_shape);
}

#[test]
fn real_detectors_find_the_six() {
    runtime().iter().for_each(real::the_six_are_found);
}

#[test]
fn both_runtimes_agree() {
    let Some(onnxruntime) = runtime() else { return };
    let tract = Runtime::start(&RuntimeChoice::Tract, ProviderChoice::Auto, Path::new("unused")).unwrap();
    real::runtimes_agree(&onnxruntime, &tract);
}

#[test]
fn frames_are_asked_for_together() {
    runtime().iter().for_each(batches::frames_are_asked_for_together);
}

#[test]
fn company_changes_no_face() {
    runtime().iter().for_each(batches::company_changes_no_face);
    runtime().iter().for_each(batches::real_company_changes_no_face);
}

#[test]
fn company_changes_no_vector() {
    runtime().iter().for_each(batches::company_changes_no_vector);
    runtime().iter().for_each(batches::real_company_changes_no_vector);
}

#[test]
fn a_flat_graph_is_run_one_by_one() {
    runtime().iter().for_each(batches::a_flat_graph_is_run_one_by_one);
}

#[test]
fn batches_keep_to_the_memory() {
    if runtime().is_some() && common::alone("batches_keep_to_the_memory") {
        runtime().iter().for_each(batches::batches_keep_to_the_memory);
    }
}

#[test]
fn idle_networks_give_their_memory_back() {
    if runtime().is_some() && common::alone("idle_networks_give_their_memory_back") {
        runtime().iter().for_each(common::memory::idle_networks_give_their_memory_back);
    }
}

/// The library of the tests knows the processor only, so this is what happens where a card is asked for and there is none.
#[test]
fn a_card_that_is_not_there_is_replaced_by_the_processor_and_said_to_be() {
    let Some(library) = std::env::var_os("VOW_ORT") else { return };
    let choice = ProviderChoice::Only(Provider::Cuda);
    let runtime =
        Runtime::start(&RuntimeChoice::Library(library.into()), choice, Path::new("unused")).unwrap();
    let info = runtime.info();
    println!("{info:?}");
    assert!(info.offered.iter().any(|name| name == "CPUExecutionProvider"), "{info:?}");
    if info.provider == Provider::Cuda {
        println!("skipped: there is a card");
        return;
    }
    assert_eq!((info.name, info.provider), ("onnxruntime", Provider::Cpu));
    let [cuda] = info.providers_passed_over.as_slice() else { panic!("{info:?}") };
    assert!(cuda.is_a_loss && cuda.provider == Provider::Cuda && !cuda.reason.is_empty(), "{cuda:?}");
    common::company_changes_no_embedding(&runtime);
}
