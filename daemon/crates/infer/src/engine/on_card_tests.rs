//! The way onto a card, with tract in its place.

use std::path::Path;
use std::sync::Mutex;

use vow_types::{Channels, DetectorSpec, EmbedderSpec, Head, InputFormat, Shift};

use super::*;
use crate::machine::Trials;
use crate::onnx::{self, Dim};
use crate::runtime::{ProviderChoice, RuntimeChoice};

const RGB: InputFormat = InputFormat { channels: Channels::Rgb, mean: 0.0, std: 1.0 };

fn on_card(detector_graph: Vec<u8>) -> (OnCard, Runtime, Arc<Mutex<Vec<Trials>>>) {
    let told = Arc::<Mutex<Vec<Trials>>>::default();
    let teller = Arc::clone(&told);
    let models = Models {
        detector: DetectorSpec { head: Head::Yunet, input: RGB, threshold: 0.6, nms_iou: 0.4 },
        detector_graph,
        detector_half: None,
        embedder: EmbedderSpec {
            input: RGB,
            size: 16,
            dimension: 12,
            mirror: false,
            refine: false,
            shift: Shift::default(),
        },
        embedder_graph: onnx::embedder(Dim::Open("n"), 16).bytes(),
        embedder_half: None,
        known: None,
        learned: Some(Arc::new(move |found| teller.lock().unwrap().push(found))),
        pack_name: "pack".to_owned(),
        pack_place: "nowhere".to_owned(),
    };
    let runtime = Runtime::start(&RuntimeChoice::Tract, ProviderChoice::Auto, Path::new("unused")).unwrap();
    let (tuning, rest) = (Tuning::new(1), Arc::default());
    (OnCard::new(models, runtime.clone(), tuning, rest), runtime, told)
}

#[test]
fn networks_get_there_as_often_as_asked_and_what_was_found_is_told() {
    let (mut on_card, runtime, told) = on_card(onnx::yunet(Dim::Open("h"), Dim::Open("w")).bytes());
    for times in 1..=2 {
        let crew = on_card.hire(&AtomicBool::new(false)).expect("it can be had");
        crew.warm_up().unwrap();
        assert_eq!(told.lock().unwrap().len(), times);
    }
    assert!(on_card.is_usable() && runtime.info().providers_passed_over.is_empty());
}

#[test]
fn whoever_is_closing_hires_nobody_and_gives_nothing_up() {
    let (mut on_card, runtime, told) = on_card(onnx::yunet(Dim::Open("h"), Dim::Open("w")).bytes());
    assert!(on_card.hire(&AtomicBool::new(true)).is_none());
    assert!(told.lock().unwrap().is_empty() && runtime.info().providers_passed_over.is_empty());
}

#[test]
fn what_cannot_be_loaded_there_is_given_up_and_said_why() {
    let (mut on_card, runtime, told) = on_card(b"no graph".to_vec());
    assert!(on_card.hire(&AtomicBool::new(false)).is_none());
    let passed_over = runtime.info().providers_passed_over;
    assert!(
        matches!(passed_over.as_slice(), [one] if one.reason.contains("the detector")),
        "{passed_over:?}"
    );
    assert!(told.lock().unwrap().is_empty());
}
