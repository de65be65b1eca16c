//! Real weights and a real photo, from the folder `shared` beside the workspace. Where it is missing the tests say so
//! and pass.

use std::path::PathBuf;

use vow_infer::{FaceEngine, Models, Runtime, Tuning};
use vow_types::{
    Channels, Detection, DetectorSpec, EmbedderSpec, Head, InputFormat, Lane, Orientation, Shift, Size, norm,
};
use vow_vision::{PictureView, choose_shape, crop, frame};
use zune_core::bytestream::ZCursor;
use zune_jpeg::JpegDecoder;

/// A detector's file, its head, its input, and how many of the photo's faces it has to see.
pub struct RealDetector {
    pub file: &'static str,
    pub head: Head,
    pub input: InputFormat,
}

pub const DETECTORS: [RealDetector; 3] = [
    RealDetector {
        file: "face_detection_yunet_2026may.onnx",
        head: Head::Yunet,
        input: InputFormat { channels: Channels::Bgr, mean: 0.0, std: 1.0 },
    },
    RealDetector {
        file: "scrfd_2.5g_bnkps.onnx",
        head: Head::Scrfd,
        input: InputFormat { channels: Channels::Rgb, mean: 127.5, std: 128.0 },
    },
    RealDetector {
        file: "scrfd_2.5g_bnkps_640.onnx",
        head: Head::Scrfd,
        input: InputFormat { channels: Channels::Rgb, mean: 127.5, std: 128.0 },
    },
];

/// Symbolic batch, and the same weights with a batch of one.
pub const EMBEDDERS: [&str; 2] = ["mobilefacenet.onnx", "mobilefacenet_b1.onnx"];

/// `None`, and a line that says so, where the file is not there.
fn shared(path: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared")).join(path);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: {} is not here", path.display());
    }
    bytes
}

pub fn models(detector: &RealDetector, embedder: &str) -> Option<Models> {
    Some(Models {
        detector: DetectorSpec { head: detector.head, input: detector.input, threshold: 0.5, nms_iou: 0.4 },
        detector_graph: shared(&format!("models/{}", detector.file))?,
        embedder: EmbedderSpec {
            input: InputFormat { channels: Channels::Rgb, mean: 127.5, std: 127.5 },
            size: 112,
            dimension: 128,
            mirror: false,
            refine: false,
            shift: Shift::default(),
        },
        embedder_graph: shared(&format!("models/{embedder}"))?,
        detector_half: None,
        embedder_half: None,
        known: None,
        learned: None,
        pack_name: detector.file.to_owned(),
        pack_place: "shared".to_owned(),
    })
}

/// A group photo with six faces.
pub struct Photo {
    pub size: Size,
    pixels: Vec<u8>,
}

pub fn six_people() -> Option<Photo> {
    let bytes = shared("photos/scenes/t1.jpg")?;
    let mut decoder = JpegDecoder::new(ZCursor::new(&bytes));
    let pixels = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    let size = Size { width: u32::try_from(width).unwrap(), height: u32::try_from(height).unwrap() };
    Some(Photo { size, pixels })
}

impl Photo {
    pub fn view(&self) -> PictureView<'_> {
        PictureView::new(self.size, &self.pixels).unwrap()
    }
}

/// What one engine makes of a photo: its faces from left to right, and their embeddings.
pub struct Seen {
    pub faces: Vec<Detection>,
    pub embeddings: Vec<Vec<f32>>,
}

pub fn look(engine: &FaceEngine, photo: &Photo, shape: Size) -> Seen {
    let framed = frame(photo.view(), Orientation::Upright, shape).unwrap();
    let mut faces = engine.detect(framed, Lane::Live).unwrap().value;
    faces.sort_by(|a, b| a.bbox.left.total_cmp(&b.bbox.left));
    let crops =
        faces.iter().map(|f| crop(photo.view(), Orientation::Upright, &f.landmarks, 112).unwrap()).collect();
    let embeddings = engine.embed(crops, Lane::Live).unwrap().value;
    Seen { faces, embeddings }
}

pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / norm(a) / norm(b)
}

/// Every detector sees the six, at every shape it takes; both files of the embedder give the same vectors.
pub fn the_six_are_found(runtime: &Runtime) {
    let Some(photo) = six_people() else { return };
    for detector in &DETECTORS {
        let mut by_embedder = Vec::new();
        for embedder in EMBEDDERS {
            let Some(models) = models(detector, embedder) else { return };
            let engine = FaceEngine::start(models, runtime, &Tuning::new(1)).unwrap();
            for shape in engine.shapes().to_vec() {
                let seen = look(&engine, &photo, shape);
                println!(
                    "{} on {}: {} faces at {}x{}",
                    detector.file,
                    runtime.name(),
                    seen.faces.len(),
                    shape.width,
                    shape.height
                );
                assert_eq!(seen.faces.len(), 6, "{} at {shape:?}", detector.file);
                assert!(seen.faces.iter().all(|face| (0.5..=1.0).contains(&face.score)));
            }
            let shape = choose_shape(photo.size, engine.shapes()).unwrap();
            by_embedder.push(look(&engine, &photo, shape));
        }
        let [open, fixed] = by_embedder.as_slice() else { panic!("two embedders") };
        for (n, (a, b)) in open.embeddings.iter().zip(&fixed.embeddings).enumerate() {
            assert!(cosine(a, b) > 0.999, "face {n}: {}", cosine(a, b));
        }
        for (n, a) in open.embeddings.iter().enumerate() {
            for (m, b) in open.embeddings.iter().enumerate().filter(|(m, _)| *m != n) {
                assert!(cosine(a, b) < 0.5, "faces {n} and {m} are two people: {}", cosine(a, b));
            }
        }
    }
}

/// Two runtimes see the same faces (half a pixel of the photo) and embed them alike.
pub fn runtimes_agree(one: &Runtime, other: &Runtime) {
    let Some(photo) = six_people() else { return };
    for detector in &DETECTORS {
        let engines = [one, other].map(|runtime| {
            models(detector, EMBEDDERS[0])
                .map(|models| FaceEngine::start(models, runtime, &Tuning::new(1)).unwrap())
        });
        let [Some(one), Some(other)] = engines else { return };
        let shared = one.shapes().iter().copied().filter(|shape| other.shapes().contains(shape));
        for shape in shared.chain([one.close_up()]) {
            let (a, b) = (look(&one, &photo, shape), look(&other, &photo, shape));
            assert_eq!(a.faces.len(), b.faces.len());
            let (mut furthest, mut least) = (0.0f32, 1.0f32);
            for (a, b) in a.faces.iter().zip(&b.faces) {
                let (p, q) = (a.bbox.to_px(photo.size), b.bbox.to_px(photo.size));
                for (p, q) in [(p.left, q.left), (p.top, q.top), (p.right, q.right), (p.bottom, q.bottom)] {
                    furthest = furthest.max((p - q).abs());
                }
                assert!((a.score - b.score).abs() < 1e-3);
            }
            for (a, b) in a.embeddings.iter().zip(&b.embeddings) {
                least = least.min(cosine(a, b));
            }
            println!(
                "{} at {}x{}: furthest {furthest} px, least cosine {least}",
                detector.file, shape.width, shape.height
            );
            assert!(
                furthest < 0.5 && least > 0.999,
                "{} at {shape:?}: {furthest} px, {least}",
                detector.file
            );
        }
    }
}
