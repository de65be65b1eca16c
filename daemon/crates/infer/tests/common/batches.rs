//! Several pictures at once: on a processor nobody needs it, but the scheduler, the gathering and the splitting are those
//! of a GPU, and there every answer can be checked to the last bit.

use std::sync::Arc;

use vow_graph::{Picture, Recipe, prepare};
use vow_infer::{FaceEngine, Models, Runtime, Tuning};
use vow_types::{Head, Lane};
use vow_vision::{SHAPES, crop as cut, frame_within};

use super::onnx::{self, Dim};
use super::{SIDE, crop, framed, real, tiny};

/// Without a limit: what a batch takes is measured by how the process grows, and other tests grow it meanwhile.
fn tuning(batch: usize) -> Tuning {
    Tuning { batch: Some(batch), process_memory: Some(u64::MAX), ..Tuning::new(2) }
}

/// A pack whose graphs take any number of pictures, of planes or of bytes.
pub fn any_number(bytes: bool) -> Models {
    let (open, side) = (Dim::Open("any"), Dim::Is(i64::from(SIDE)));
    let detector = onnx::yunet_for(Dim::Open("batch"), open, open);
    let embedder = onnx::embedder(Dim::Open("batch"), i64::from(SIDE));
    let (detector, embedder) = if bytes {
        let batch = Dim::Open("batch");
        (detector.of_bytes(batch, open, open), embedder.of_bytes(batch, side, side))
    } else {
        (detector, embedder)
    };
    Models { detector_graph: detector.bytes(), embedder_graph: embedder.bytes(), ..tiny(Head::Yunet) }
}

/// Many askers with frames of several shapes: each gets the faces of its own frame, as if it had been alone.
pub fn company_changes_no_face(runtime: &Runtime) {
    for bytes in [false, true] {
        let alone = FaceEngine::start(any_number(bytes), runtime, &tuning(1)).unwrap();
        let together = FaceEngine::start(any_number(bytes), runtime, &tuning(8)).unwrap();
        assert_eq!(together.wants_in_flight(), 26, "three batches, and one for each thread");
        std::thread::scope(|scope| {
            for asker in 0..12usize {
                let (alone, together) = (&alone, &together);
                scope.spawn(move || {
                    let _photo = together.announce();
                    for n in 0..4usize {
                        let lane = if (asker + n) % 3 == 0 { Lane::Live } else { Lane::Backlog };
                        let brightness = u8::try_from(180 + 6 * asker + n).unwrap();
                        let frame = Arc::new(framed(SHAPES[n % 2], (asker, n), [brightness, 0, 0]));
                        let expected = alone.detect(Arc::clone(&frame), lane).unwrap().value;
                        assert_eq!(expected.len(), 1);
                        assert_eq!(together.detect(frame, lane).unwrap().value, expected, "{asker} {n}");
                    }
                });
            }
        });
    }
}

/// Frames of one photo, of several shapes, asked for together: each gets its own faces, in the order of the frames.
pub fn frames_are_asked_for_together(runtime: &Runtime) {
    for batch in [1, 8] {
        let engine = FaceEngine::start(any_number(true), runtime, &tuning(batch)).unwrap();
        let _photo = engine.announce();
        let frames: Vec<_> = (0..9usize)
            .map(|n| Arc::new(framed(SHAPES[n % 2], (n, 9 - n), [if n == 4 { 0 } else { 230 }, 0, 0])))
            .collect();
        let expected: Vec<_> =
            frames.iter().map(|frame| engine.detect(Arc::clone(frame), Lane::Live).unwrap().value).collect();
        assert_eq!(expected.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1, 1, 0, 1, 1, 1, 1]);
        assert_eq!(engine.detect_all(frames.clone(), Lane::Backlog).unwrap().value, expected, "{batch}");
        assert!(engine.detect_all(Vec::new(), Lane::Live).unwrap().value.is_empty());
        let odd = Arc::new(framed(vow_types::Size { width: 320, height: 320 }, (0, 0), [0; 3]));
        assert!(engine.detect_all(frames.into_iter().chain([odd]).collect(), Lane::Live).is_err());
    }
}

/// Faces of one photo and of several, in batches.
pub fn company_changes_no_vector(runtime: &Runtime) {
    for bytes in [false, true] {
        let alone = FaceEngine::start(any_number(bytes), runtime, &tuning(1)).unwrap();
        let together = FaceEngine::start(any_number(bytes), runtime, &tuning(8)).unwrap();
        let crops: Vec<Vec<u8>> =
            (0..37u8).map(|n| crop([[n, 2 * n, 3 * n], [255 - n, n, 7], [1, 2, n], [n, n, n]])).collect();
        let expected = alone.embed(crops.clone(), Lane::Live).unwrap().value;
        assert_eq!(together.embed(crops, Lane::Backlog).unwrap().value, expected);
    }
}

/// Batches that the memory has no room for are made smaller, and change no face.
pub fn batches_keep_to_the_memory(runtime: &Runtime) {
    let alone = FaceEngine::start(any_number(true), runtime, &tuning(1)).unwrap();
    let starved = Tuning { process_memory: Some(1), ..tuning(8) };
    // A thousand frames take 1.2 GB before they are worked on, and each thread prepares as many. Where nothing is said, work
    // has some hundred megabytes.
    let unsaid = Tuning { process_memory: None, ..tuning(1000) };
    for (tuning, most) in [(starved, 2), (unsaid, 3 * 128 + 2)] {
        let kept = FaceEngine::start(any_number(true), runtime, &tuning).unwrap();
        let in_flight = kept.wants_in_flight();
        assert!(in_flight <= most, "{in_flight} photos");
        assert_eq!(
            kept.threads(),
            if tuning.process_memory.is_some() { 1 } else { 2 },
            "what the report says"
        );
        assert!(
            in_flight == 2 || tuning.process_memory.is_none(),
            "nothing but one picture on one thread of two"
        );
        assert!(in_flight > 3 * 8 || tuning.process_memory.is_some(), "there is room for more than a few");
        std::thread::scope(|scope| {
            for asker in 0..12usize {
                let (alone, kept) = (&alone, &kept);
                scope.spawn(move || {
                    for n in 0..3usize {
                        let frame = Arc::new(framed(SHAPES[n % 2], (asker, n), [200, 0, 0]));
                        let expected = alone.detect(Arc::clone(&frame), Lane::Live).unwrap().value;
                        assert_eq!(kept.detect(frame, Lane::Backlog).unwrap().value, expected);
                    }
                    let crops: Vec<_> =
                        (0..9u8).map(|n| crop([[n, 3, 9], [7, n, 7], [1, 2, n], [n, n, n]])).collect();
                    let expected = alone.embed(crops.clone(), Lane::Live).unwrap().value;
                    assert_eq!(kept.embed(crops, Lane::Backlog).unwrap().value, expected);
                });
            }
        });
    }
}

/// A graph that says nothing of several pictures, or flattens them, gets one at a time.
pub fn a_flat_graph_is_run_one_by_one(runtime: &Runtime) {
    let engine = FaceEngine::start(tiny(Head::Scrfd), runtime, &tuning(8)).unwrap();
    assert_eq!(engine.wants_in_flight(), 3, "no batches of frames to fill");
    for n in 0..5 {
        let found = engine.detect(framed(SHAPES[1], (n, 3), [255; 3]), Lane::Backlog).unwrap().value;
        assert_eq!(found.len(), 1);
    }
}

/// Real weights: the vectors of a face alone and among others, to the last bit.
pub fn real_company_changes_no_vector(runtime: &Runtime) {
    let Some(photo) = real::six_people() else { return };
    let Some(models) = real::models(&real::DETECTORS[0], real::EMBEDDERS[0]) else { return };
    let alone = FaceEngine::start(models.clone(), runtime, &tuning(1)).unwrap();
    let seen = real::look(&alone, &photo, SHAPES[1]);
    let orientation = vow_types::Orientation::Upright;
    let cut = |face: &vow_types::Detection| cut(photo.view(), orientation, &face.landmarks, 112).unwrap();
    let crops: Vec<_> = seen.faces.iter().map(cut).cycle().take(16).collect();
    for batch in [2, 4, 16] {
        let together = FaceEngine::start(models.clone(), runtime, &tuning(batch)).unwrap();
        let vectors = together.embed(crops.clone(), Lane::Backlog).unwrap().value;
        for (n, (vector, expected)) in vectors.iter().zip(seen.embeddings.iter().cycle()).enumerate() {
            let bits = |vector: &[f32]| vector.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(vector), bits(expected), "face {n} in batches of {batch}");
        }
        println!("mobilefacenet in batches of {batch} on {}: equal to the bit", runtime.name());
    }
}

/// Real detectors whose graphs were prepared for batches: frames alone and among others, to the last bit.
pub fn real_company_changes_no_face(runtime: &Runtime) {
    let Some(photo) = real::six_people() else { return };
    for detector in &real::DETECTORS {
        let Some(mut models) = real::models(detector, real::EMBEDDERS[0]) else { return };
        let recipe = Recipe { input: models.detector.input, picture: Picture::Any };
        let prepared = prepare(models.detector_graph, &recipe);
        assert!(prepared.did.is_ok(), "{}: {:?}", detector.file, prepared.did);
        models.detector_graph = prepared.graph;
        let alone = FaceEngine::start(models.clone(), runtime, &tuning(1)).unwrap();
        let together = FaceEngine::start(models, runtime, &tuning(4)).unwrap();
        assert_eq!(together.wants_in_flight(), 14, "{}: batches of four", detector.file);
        let shape = *alone.shapes().last().unwrap();
        // Four frames of the same photo, each with less room than the one before.
        let frames: Vec<_> = (0..4u32)
            .map(|n| {
                let room = vow_types::Size { width: shape.width - 40 * n, ..shape };
                let upright = vow_types::Orientation::Upright;
                Arc::new(frame_within(photo.view(), upright, shape, room).unwrap())
            })
            .collect();
        let expected: Vec<_> =
            frames.iter().map(|frame| alone.detect(Arc::clone(frame), Lane::Live).unwrap().value).collect();
        std::thread::scope(|scope| {
            for (frame, expected) in frames.iter().zip(&expected) {
                let together = &together;
                scope.spawn(move || {
                    let _photo = together.announce();
                    assert_eq!(&together.detect(Arc::clone(frame), Lane::Backlog).unwrap().value, expected);
                });
            }
        });
        let found: Vec<usize> = expected.iter().map(Vec::len).collect();
        println!(
            "{} in batches of 4 on {}: {found:?} faces, equal to the bit",
            detector.file,
            runtime.name()
        );
    }
}
