//! Cards: NVIDIA's, or what `VOW_CARD` names as settings do, where `VOW_ORT` names an ONNX Runtime for it and there is one, on the
//! real weights from the folder `shared` beside the workspace; where anything is missing, every test says so and passes. A card
//! rounds as it likes, so answers agree with the processor's to some digits, not to the bit.
//!
//! Without any card, OpenVINO on the processor goes the same ways: `VOW_CARD=openvino VOW_OPENVINO_DEVICE=CPU cargo test -p
//! vow-infer --features openvino --test card`, with the library out of the wheel `onnxruntime-openvino`.
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
use std::sync::Arc;

use common::real::{self, DETECTORS, EMBEDDERS, Photo, RealDetector, cosine};
use vow_graph::{Picture, Recipe, half, prepare};
use vow_infer::{FaceEngine, Models, Provider, ProviderChoice, Runtime, RuntimeChoice, Tuning};
use vow_types::{Detection, Lane, Orientation};
use vow_vision::{crop, frame};

/// Half precision moves a box by some tenths of a pixel of its frame; here in pixels of a photo of 1,280.
const FURTHEST_PX: f32 = 2.0;
const LEAST_COSINE: f32 = 0.9995;
const SCORES_DIFFER: f32 = 0.02;

fn runtime(provider: Provider) -> Option<Runtime> {
    let Some(path) = std::env::var_os("VOW_ORT") else {
        println!("skipped: VOW_ORT not set");
        return None;
    };
    let choice = RuntimeChoice::Library(PathBuf::from(path));
    let runtime = Runtime::start(&choice, ProviderChoice::Only(provider), Path::new("unused")).unwrap();
    if runtime.provider() != provider {
        println!("skipped: no {provider}: {:?}", runtime.info().providers_passed_over);
        return None;
    }
    Some(runtime)
}

/// What is taken for a card.
fn provider() -> Provider {
    let Ok(named) = std::env::var("VOW_CARD") else { return Provider::Cuda };
    match named.parse() {
        Ok(ProviderChoice::Only(provider)) if provider != Provider::Cpu => provider,
        other => panic!("VOW_CARD: {other:?}"),
    }
}

/// A card and the photo of six.
fn card() -> Option<(Runtime, Photo)> {
    runtime(provider()).zip(real::six_people())
}

/// As the daemon uses a pack: prepared for bytes and batches, and once more in half precision.
fn models(detector: &RealDetector) -> Option<Models> {
    let mut models = real::models(detector, EMBEDDERS[0])?;
    let feed = |graph: Vec<u8>, input, picture| {
        let prepared = prepare(graph, &Recipe { input, picture });
        assert!(prepared.did.is_ok(), "{}: {:?}", detector.file, prepared.did);
        prepared.graph
    };
    models.detector_graph = feed(models.detector_graph, models.detector.input, Picture::Any);
    models.embedder_graph = feed(models.embedder_graph, models.embedder.input, Picture::Square(112));
    models.detector_half = Some(half(&models.detector_graph).unwrap());
    models.embedder_half = Some(half(&models.embedder_graph).unwrap());
    Some(models)
}

/// Gives how far apart edges are at most, in pixels of the photo.
fn faces_agree(one: &[Detection], other: &[Detection], photo: &Photo, what: &str) -> f32 {
    assert_eq!(one.len(), other.len(), "{what}");
    let mut furthest = 0.0f32;
    for (a, b) in one.iter().zip(other) {
        let (p, q) = (a.bbox.to_px(photo.size), b.bbox.to_px(photo.size));
        for (p, q) in [(p.left, q.left), (p.top, q.top), (p.right, q.right), (p.bottom, q.bottom)] {
            furthest = furthest.max((p - q).abs());
        }
        assert!((a.score - b.score).abs() < SCORES_DIFFER, "{what}: {} and {}", a.score, b.score);
    }
    assert!(furthest < FURTHEST_PX, "{what}: {furthest} px");
    furthest
}

#[test]
fn it_sees_what_the_processor_sees() {
    let Some((card, photo)) = card() else { return };
    let processor = runtime(Provider::Cpu).unwrap();
    for detector in &DETECTORS {
        let Some(models) = models(detector) else { return };
        let start = |runtime| FaceEngine::start(models.clone(), runtime, &Tuning::new(2)).unwrap();
        let (here, there) = (start(&processor), start(&card));
        assert!(there.wait_for_card());
        assert_eq!(card.provider(), provider(), "it was given up: {:?}", card.info());
        for shape in there.shapes().to_vec() {
            let what = format!("{} at {}x{}", detector.file, shape.width, shape.height);
            let frame = frame(photo.view(), Orientation::Upright, shape).unwrap();
            let sorted = |engine: &FaceEngine| {
                let mut faces = engine.detect(frame.clone(), Lane::Live).unwrap().value;
                faces.sort_by(|a, b| a.bbox.left.total_cmp(&b.bbox.left));
                faces
            };
            let (seen_here, seen_there) = (sorted(&here), sorted(&there));
            let furthest = faces_agree(&seen_here, &seen_there, &photo, &what);
            // The same crops: what the landmarks' wandering changes is another matter.
            let cut =
                |face: &Detection| crop(photo.view(), Orientation::Upright, &face.landmarks, 112).unwrap();
            let crops: Vec<_> = seen_here.iter().map(cut).collect();
            let vectors =
                [&here, &there].map(|engine| engine.embed(crops.clone(), Lane::Live).unwrap().value);
            let least = vectors[0].iter().zip(&vectors[1]).map(|(a, b)| cosine(a, b)).fold(1.0, f32::min);
            println!("{what}: {} faces, {furthest} px, least cosine {least}", seen_here.len());
            assert!(least > LEAST_COSINE, "{what}: {least}");
        }
    }
}

#[test]
fn company_changes_hardly_anything() {
    let Some((card, photo)) = card() else { return };
    let Some(models) = models(&DETECTORS[1]) else { return };
    let start = |batch| {
        let tuning = Tuning { batch: Some(batch), ..Tuning::new(4) };
        FaceEngine::start(models.clone(), &card, &tuning).unwrap()
    };
    let (alone, together) = (start(1), start(32));
    assert!(alone.wait_for_card() && together.wait_for_card());
    assert_eq!(together.wants_in_flight(), 100, "batches of 32, four threads");
    check_many(&alone, &together, &photo);
}

/// The card's arena may hold less than a batch takes: batches are halved until they fit, and every picture is answered by
/// the card.
#[test]
fn too_little_memory_halves_batches() {
    let Some((card, photo)) = card() else { return };
    if provider() == Provider::OpenVino {
        return println!("skipped: OpenVINO knows no limit");
    }
    let Some(models) = models(&DETECTORS[1]) else { return };
    let start = |batch, device_memory| {
        let tuning = Tuning { batch: Some(batch), device_memory, ..Tuning::new(4) };
        FaceEngine::start(models.clone(), &card, &tuning).unwrap()
    };
    let alone = start(1, None);
    assert!(alone.wait_for_card());
    for mib in [1200, 600] {
        let starved = start(64, Some(mib << 20));
        assert!(starved.wait_for_card());
        assert_eq!(card.provider(), provider(), "{mib} MiB: it was given up: {:?}", card.info());
        check_many(&alone, &starved, &photo);
        assert!(starved.wait_for_card(), "{mib} MiB: the processor did it");
        assert_eq!(card.provider(), provider(), "{mib} MiB: it was given up: {:?}", card.info());
    }
}

/// Many askers with frames of both sizes and with crops get what they get alone.
fn check_many(alone: &FaceEngine, together: &FaceEngine, photo: &Photo) {
    let frames = [alone.shapes()[0], alone.close_up()]
        .map(|shape| Arc::new(frame(photo.view(), Orientation::Upright, shape).unwrap()));
    let expected = frames.clone().map(|frame| alone.detect(frame, Lane::Live).unwrap().value);
    let cut = |face: &Detection| crop(photo.view(), Orientation::Upright, &face.landmarks, 112).unwrap();
    let crops: Vec<_> = expected[0].iter().map(cut).collect();
    let vectors = alone.embed(crops.clone(), Lane::Live).unwrap().value;
    std::thread::scope(|scope| {
        for asker in 0..48usize {
            let (frames, expected, crops, vectors) = (&frames, &expected, &crops, &vectors);
            scope.spawn(move || {
                let _photo = together.announce();
                for n in 0..6 {
                    let which = (asker + n) % 2;
                    let found = together.detect(Arc::clone(&frames[which]), Lane::Backlog).unwrap().value;
                    faces_agree(&expected[which], &found, photo, "among others");
                    let answers = together.embed(crops.clone(), Lane::Backlog).unwrap().value;
                    for (answer, vector) in answers.iter().zip(vectors) {
                        assert!(cosine(answer, vector) > LEAST_COSINE, "{}", cosine(answer, vector));
                    }
                }
            });
        }
    });
}
