//! What both runtimes are asked alike: tiny graphs whose answers are known, and real weights where they exist.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses its own part of this")]

pub mod batches;
pub mod memory;
pub mod onnx;
pub mod real;

use std::sync::Arc;

use onnx::Dim;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vow_infer::{FaceEngine, InferError, Models, Runtime, Tuning};
use vow_types::{Channels, DetectorSpec, EmbedderSpec, Head, InputFormat, Lane, RelBox, Shift, Size};
use vow_vision::{Framed, SHAPES};

/// Side of the tiny embedder's crops.
pub const SIDE: u32 = 16;

pub const PLAIN_RGB: InputFormat = InputFormat { channels: Channels::Rgb, mean: 0.0, std: 1.0 };

/// A pack of a tiny detector and a tiny embedder.
pub fn tiny(head: Head) -> Models {
    let graph = match head {
        Head::Yunet => onnx::yunet(Dim::Open("height"), Dim::Open("width")),
        Head::Scrfd => onnx::scrfd(Dim::Open("?")),
    };
    Models {
        detector: DetectorSpec { head, input: PLAIN_RGB, threshold: 0.6, nms_iou: 0.4 },
        detector_graph: graph.bytes(),
        embedder: EmbedderSpec {
            input: PLAIN_RGB,
            size: SIDE,
            dimension: 12,
            mirror: false,
            refine: false,
            shift: Shift::default(),
        },
        embedder_graph: onnx::embedder(Dim::Open("batch"), i64::from(SIDE)).bytes(),
        detector_half: None,
        embedder_half: None,
        known: None,
        learned: None,
        pack_name: "tiny".to_owned(),
        pack_place: "/packs/tiny".to_owned(),
    }
}

/// Runs a test of this name alone, in a process of its own; whether this is that process.
pub fn alone(test: &str) -> bool {
    const ALONE: &str = "VOW_INFER_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let own = std::env::current_exe().unwrap();
    let status =
        std::process::Command::new(own).args(["--exact", test, "--nocapture"]).env(ALONE, "1").status();
    assert!(status.unwrap().success());
    false
}

pub fn size(width: u32, height: u32) -> Size {
    Size { width, height }
}

/// A black frame with one cell of 32 pixels in a colour.
pub fn framed(shape: Size, cell: (usize, usize), colour: [u8; 3]) -> Framed {
    let width = usize::try_from(shape.width).unwrap();
    let mut pixels = vec![0; width * usize::try_from(shape.height).unwrap() * 3];
    for row in 0..32 {
        for column in 0..32 {
            let at = ((cell.1 * 32 + row) * width + cell.0 * 32 + column) * 3;
            pixels[at..at + 3].copy_from_slice(&colour);
        }
    }
    Framed { shape, pixels, fitted: shape }
}

/// A crop whose four quarters have these colours, rows first.
pub fn crop(quarters: [[u8; 3]; 4]) -> Vec<u8> {
    let half = SIDE / 2;
    let colour = |row, column| quarters[usize::from(row >= half) * 2 + usize::from(column >= half)];
    (0..SIDE).flat_map(|row| (0..SIDE).flat_map(move |column| colour(row, column))).collect()
}

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-4
}

/// Every frame shape gives the face where it was put, with either head.
pub fn faces_are_found_where_they_are(runtime: &Runtime) {
    for head in [Head::Yunet, Head::Scrfd] {
        let engine = FaceEngine::start(tiny(head), runtime, &Tuning::new(1)).unwrap();
        assert_eq!(engine.shapes(), SHAPES);
        for shape in SHAPES {
            let found = engine.detect(framed(shape, (4, 7), [255, 0, 0]), Lane::Live).unwrap().value;
            let [face] = found.as_slice() else { panic!("{head:?} {shape:?}: {found:?}") };
            let bbox = face.bbox.to_px(shape);
            assert!(close(bbox.left, 128.0) && close(bbox.top, 224.0), "{head:?} {shape:?}: {bbox:?}");
            assert!(close(bbox.right, 160.0) && close(bbox.bottom, 256.0), "{head:?} {shape:?}: {bbox:?}");
            let nose = face.landmarks.0[2].to_px(shape);
            assert!(close(nose.x, 144.0) && close(nose.y, 240.0), "{head:?} {shape:?}: {nose:?}");
            assert!(close(face.score, 1.0), "{head:?} {shape:?}: {}", face.score);
        }
        let dark = engine.detect(framed(SHAPES[1], (0, 0), [100, 255, 255]), Lane::Live).unwrap().value;
        assert!(dark.is_empty(), "below the threshold, and the other planes do not count: {dark:?}");
    }
}

/// The order of the planes and the normalisation are the pack's.
pub fn input_is_fed_as_the_pack_says(runtime: &Runtime) {
    let mut models = tiny(Head::Yunet);
    models.detector.input = InputFormat { channels: Channels::Bgr, mean: -127.5, std: 2.0 };
    models.detector.threshold = 0.9;
    let engine = FaceEngine::start(models, runtime, &Tuning::new(1)).unwrap();
    // (255 + 127.5) / 2 is 0.75 of 255, where black is 0.25.
    assert!(engine.detect(framed(SHAPES[1], (1, 1), [255, 255, 255]), Lane::Live).unwrap().value.is_empty());

    let mut models = tiny(Head::Yunet);
    models.detector.input.channels = Channels::Bgr;
    let engine = FaceEngine::start(models, runtime, &Tuning::new(1)).unwrap();
    assert!(engine.detect(framed(SHAPES[1], (1, 1), [255, 0, 0]), Lane::Live).unwrap().value.is_empty());
    assert_eq!(engine.detect(framed(SHAPES[1], (1, 1), [0, 0, 255]), Lane::Live).unwrap().value.len(), 1);
}

/// A detection is relative to the picture, not to the frame around it.
pub fn detections_are_relative_to_the_picture(runtime: &Runtime) {
    let engine = FaceEngine::start(tiny(Head::Yunet), runtime, &Tuning::new(1)).unwrap();
    let mut framed = framed(size(640, 480), (10, 5), [255, 0, 0]);
    framed.fitted = size(640, 320);
    let found = Arc::new(framed);
    let found = engine.detect(Arc::clone(&found), Lane::Live).unwrap().value;
    let expected = RelBox { left: 0.5, top: 0.5, right: 0.55, bottom: 0.6 };
    assert!(found[0].bbox.iou(expected) > 0.999, "{found:?}");
}

/// The same face alone and among others, to the last bit; order is kept.
pub fn company_changes_no_embedding(runtime: &Runtime) {
    let engine = FaceEngine::start(tiny(Head::Yunet), runtime, &Tuning::new(2)).unwrap();
    let crops: Vec<Vec<u8>> =
        (0..20u8).map(|n| crop([[n, 2 * n, 3 * n], [255 - n, n, 7], [1, 2, n], [n, n, n]])).collect();
    let together = engine.embed(crops.clone(), Lane::Live).unwrap();
    assert_eq!(together.value.len(), 20);
    for (crop, among) in crops.into_iter().zip(&together.value) {
        let alone = engine.embed(vec![crop], Lane::Live).unwrap().value;
        assert_eq!(
            alone[0].iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
            among.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        );
    }
    // Planes one after the other, in each the quarters row by row.
    let expected = [3.0, 252.0, 1.0, 3.0, 6.0, 3.0, 2.0, 3.0, 9.0, 7.0, 3.0, 3.0];
    assert!(together.value[3].iter().zip(expected).all(|(a, b)| close(*a, b)), "{:?}", together.value[3]);
}

pub fn nothing_to_embed_is_answered_at_once(runtime: &Runtime) {
    let engine = FaceEngine::start(tiny(Head::Yunet), runtime, &Tuning::new(1)).unwrap();
    let nothing = engine.embed(Vec::new(), Lane::Live).unwrap();
    assert!(nothing.value.is_empty() && nothing.busy.is_zero() && nothing.waited.is_zero());
}

/// Pictures that do not fit are refused by size, and cost nothing else.
pub fn misfits_are_refused(runtime: &Runtime) {
    let engine = FaceEngine::start(tiny(Head::Yunet), runtime, &Tuning::new(1)).unwrap();
    let error = engine.detect(framed(size(320, 320), (0, 0), [0; 3]), Lane::Live).unwrap_err();
    assert!(matches!(error, InferError::Shape { .. }) && error.to_string().contains("640 x 448"), "{error}");

    let mut short = framed(SHAPES[0], (0, 0), [0; 3]);
    short.pixels.pop();
    let error = engine.detect(short, Lane::Live).unwrap_err();
    assert!(
        matches!(error, InferError::FrameLength { expected: 1_228_800, found: 1_228_799, .. }),
        "{error}"
    );

    let error = engine.embed(vec![crop([[0; 3]; 4]), vec![0; 7]], Lane::Live).unwrap_err();
    assert!(matches!(error, InferError::CropLength { number: 1, found: 7, .. }), "{error}");

    assert_eq!(engine.detect(framed(SHAPES[0], (3, 3), [255; 3]), Lane::Live).unwrap().value.len(), 1);
}

/// Many askers at once each get their own faces.
pub fn askers_are_not_mixed_up(runtime: &Runtime) {
    let engine = FaceEngine::start(tiny(Head::Scrfd), runtime, &Tuning::new(3)).unwrap();
    std::thread::scope(|scope| {
        for (asker, shape) in SHAPES.into_iter().enumerate().take(6) {
            let engine = engine.clone();
            scope.spawn(move || {
                for n in 0..4 {
                    let found = engine.detect(framed(shape, (asker, n), [255; 3]), Lane::Live).unwrap().value;
                    let bbox = found[0].bbox.to_px(shape);
                    let expected = (
                        f32::from(u8::try_from(asker).unwrap()) * 32.0,
                        f32::from(u8::try_from(n).unwrap()) * 32.0,
                    );
                    assert!(
                        close(bbox.left, expected.0) && close(bbox.top, expected.1),
                        "{asker} {n}: {bbox:?}"
                    );
                }
            });
        }
    });
}

/// Whatever happens to a few bytes of a file, it is loaded or refused; the process lives on.
pub fn damage_is_loaded_or_refused(runtime: &Runtime) {
    let whole = onnx::yunet(Dim::Is(96), Dim::Is(160)).bytes();
    let damage = prop::collection::vec((0..whole.len(), any::<u8>()), 1..4);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(128) });
    let outcome = runner.run(&damage, |damage| {
        let mut detector_graph = whole.clone();
        for (at, byte) in damage {
            detector_graph[at] = byte;
        }
        let started =
            FaceEngine::start(Models { detector_graph, ..tiny(Head::Yunet) }, runtime, &Tuning::new(1));
        prop_assert!(matches!(started, Ok(_) | Err(InferError::Pack { .. })), "{started:?}");
        Ok(())
    });
    outcome.unwrap();
}

/// A graph of fixed size offers that size only.
pub fn a_fixed_graph_has_one_shape(runtime: &Runtime) {
    let models =
        Models { detector_graph: onnx::yunet(Dim::Is(96), Dim::Is(160)).bytes(), ..tiny(Head::Yunet) };
    let engine = FaceEngine::start(models, runtime, &Tuning::new(1)).unwrap();
    assert_eq!(engine.shapes(), [size(160, 96)]);
    assert_eq!(engine.detect(framed(size(160, 96), (4, 2), [255; 3]), Lane::Live).unwrap().value.len(), 1);
}

/// Graphs that take rows of bytes give what those that take planes give.
pub fn bytes_are_fed_as_they_are(runtime: &Runtime) {
    let (open, side) = (Dim::Open("any"), Dim::Is(i64::from(SIDE)));
    for head in [Head::Yunet, Head::Scrfd] {
        let mut models = tiny(head);
        let detector = match head {
            Head::Yunet => onnx::yunet(open, open),
            Head::Scrfd => onnx::scrfd(open),
        };
        models.detector_graph = detector.of_bytes(Dim::Is(1), open, open).bytes();
        models.embedder_graph = onnx::embedder(open, i64::from(SIDE)).of_bytes(open, side, side).bytes();
        let (planes, bytes) = (tiny(head), models);
        let [planes, bytes] =
            [planes, bytes].map(|models| FaceEngine::start(models, runtime, &Tuning::new(1)).unwrap());
        for shape in planes.shapes() {
            let frame = Arc::new(framed(*shape, (3, 5), [255, 7, 9]));
            let seen =
                [&planes, &bytes].map(|engine| engine.detect(Arc::clone(&frame), Lane::Live).unwrap().value);
            assert_eq!(seen[0].len(), 1);
            assert_eq!(seen[0], seen[1], "{head:?} {shape:?}");
        }
        let crops = || vec![crop([[1, 2, 3], [4, 5, 6], [7, 8, 9], [250, 251, 252]])];
        let vectors = [&planes, &bytes].map(|engine| engine.embed(crops(), Lane::Live).unwrap().value);
        assert_eq!(vectors[0], vectors[1]);
    }
}
