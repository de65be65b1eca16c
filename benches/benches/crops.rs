//! What it is worth to cut faces out of all of a photo's pixels instead of the detector's frame: portraits of known people
//! in photos of 12 megapixels, 24 to 60 pixels wide in the frame of 640, verified against one another. Needs the weights and
//! portraits of `../shared` beside the workspace; says so and ends without them.
//!
//! A run of the same arithmetic in Python with YuNet and MobileFaceNet gave, for 617 faces, a TPR at FPR 1e-3 of 0.911 from
//! all pixels and of 0.827 from the frame; for the 185 of 24 to 36 pixels 0.877 and 0.649.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench may panic: that is how it fails"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use image::imageops::{FilterType, overlay, resize};
use vow_infer::{FaceEngine, Models, ProviderChoice, Runtime, RuntimeChoice, Tuning};
use vow_tests::look::Random;
use vow_types::{
    Channels, DetectorSpec, EmbedderSpec, Embedding, Head, InputFormat, Lane, Orientation, Shift, Size, num,
};
use vow_vision::PictureView;

const PHOTO: Size = Size { width: 4000, height: 3000 };
const FRAME: Size = Size { width: 640, height: 480 };
/// Share of a portrait's side that is face.
const FACE: f32 = 190.0 / 250.0;
const PEOPLE: usize = 220;
const EACH: usize = 4;

/// A face as it was cut out both ways.
struct Cut {
    person: usize,
    /// Pixels in the frame.
    side: f32,
    from_photo: Embedding,
    from_frame: Embedding,
}

fn main() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let Ok(folder) = std::fs::read_dir(shared.join("photos/faces")) else {
        println!("skipped: there is no ../shared beside the workspace");
        return;
    };
    let engine = engine(&shared.join("models"));
    let mut people: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in folder.map(|entry| entry.unwrap().path()) {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        people.entry(stem.rsplit_once('_').unwrap().0.to_owned()).or_default().push(path);
    }
    let mut random = Random::new(11);
    let mut portraits: Vec<(usize, PathBuf)> = Vec::new();
    let several = people.into_values().filter(|paths| paths.len() > 1);
    for (person, mut paths) in several.step_by(5).take(PEOPLE).enumerate() {
        paths.sort();
        portraits.extend(paths.into_iter().take(EACH).map(|path| (person, path)));
    }
    portraits.sort_by_cached_key(|_| random.next());

    let mut cuts = Vec::new();
    for dozen in portraits.chunks_exact(12) {
        cuts.extend(photo(dozen, &engine, &mut random));
    }
    println!("{} of {} faces found; TPR at FPR 1e-3", cuts.len(), portraits.len() / 12 * 12);
    println!("face in the frame   faces   from the photo   from the frame");
    for (least, most) in [(24.0, 36.0), (36.0, 48.0), (48.0, 60.0), (24.0, 60.0)] {
        let some: Vec<&Cut> = cuts.iter().filter(|cut| (least..most).contains(&cut.side)).collect();
        let rate = |of: fn(&Cut) -> &Embedding| true_positives(&some, of);
        let (photo, frame) = (rate(|cut| &cut.from_photo), rate(|cut| &cut.from_frame));
        println!("{least:>3} to {most} pixels {:>10} {photo:>16.3} {frame:>16.3}", some.len());
    }
}

fn engine(models: &Path) -> FaceEngine {
    let read = |name: &str| std::fs::read(models.join(name)).unwrap();
    let models = Models {
        detector: DetectorSpec {
            head: Head::Yunet,
            input: InputFormat { channels: Channels::Bgr, mean: 0.0, std: 1.0 },
            threshold: 0.5,
            nms_iou: 0.4,
        },
        detector_graph: read("face_detection_yunet_2026may.onnx"),
        embedder: EmbedderSpec {
            input: InputFormat { channels: Channels::Rgb, mean: 127.5, std: 127.5 },
            size: 112,
            dimension: 128,
            mirror: false,
            refine: false,
            shift: Shift::default(),
        },
        embedder_graph: read("mobilefacenet.onnx"),
        detector_half: None,
        embedder_half: None,
        known: None,
        learned: None,
        pack_name: "bench".to_owned(),
        pack_place: "benches".to_owned(),
    };
    let choice =
        std::env::var_os("VOW_ORT").map_or(RuntimeChoice::Tract, |path| RuntimeChoice::Library(path.into()));
    let runtime = Runtime::start(&choice, ProviderChoice::Auto, Path::new("/nonexistent")).unwrap();
    FaceEngine::start(models, &runtime, &Tuning::new(1)).unwrap()
}

/// Twelve portraits in one photo, each at its own size and place.
fn photo(portraits: &[(usize, PathBuf)], engine: &FaceEngine, random: &mut Random) -> Vec<Cut> {
    let mut pixels = RgbImage::from_pixel(PHOTO.width, PHOTO.height, image::Rgb([118; 3]));
    let mut places = Vec::new();
    for ((person, path), at) in portraits.iter().zip(0u32..) {
        let bytes = std::fs::read(path).unwrap();
        let header = vow_media::inspect(&bytes, &vow_media::Limits::default()).unwrap();
        let portrait = vow_media::decode(&bytes, &header).unwrap();
        let portrait =
            RgbImage::from_raw(portrait.size.width, portrait.size.height, portrait.pixels).unwrap();
        let face = 24.0 + 36.0 * num::to_f32(random.below(1000)) / 1000.0;
        let side = num::round_u32(face * 6.25 / FACE);
        let (x, y) = (at % 4 * 1000 + random.below(1001 - side), at / 4 * 1000 + random.below(1001 - side));
        overlay(&mut pixels, &resize(&portrait, side, side, FilterType::CatmullRom), x.into(), y.into());
        places.push((*person, face, x + side / 2, y + side / 2, side));
    }
    let view = PictureView::new(PHOTO, pixels.as_raw()).unwrap();
    let framed = vow_vision::frame(view, Orientation::Upright, FRAME).unwrap();
    let small = framed.picture();
    let small = PictureView::new(framed.fitted, &small).unwrap();
    let found = engine.detect(framed.clone(), Lane::Backlog).unwrap().value;
    let mut cuts = Vec::new();
    for (person, side, x, y, reach) in places {
        let near = |face: &&vow_types::Detection| {
            let b = face.bbox.to_px(PHOTO);
            let off = (f32::midpoint(b.left, b.right) - num::to_f32(x))
                .hypot(f32::midpoint(b.top, b.bottom) - num::to_f32(y));
            off < num::to_f32(reach) / 4.0
        };
        let Some(face) = found.iter().find(near) else { continue };
        let crop = |from| vow_vision::crop(from, Orientation::Upright, &face.landmarks, 112).unwrap();
        let raw = engine.embed(vec![crop(view), crop(small)], Lane::Backlog).unwrap().value;
        let [from_photo, from_frame] = [0, 1].map(|at| Embedding::from_raw(&raw[at]).unwrap());
        cuts.push(Cut { person, side, from_photo, from_frame });
    }
    cuts
}

/// Share of pairs of one person above the cosine that one in a thousand pairs of two people reaches.
fn true_positives(cuts: &[&Cut], of: fn(&Cut) -> &Embedding) -> f64 {
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for (at, a) in cuts.iter().enumerate() {
        for b in &cuts[..at] {
            let cosine = of(a).cosine(of(b));
            if a.person == b.person { same.push(cosine) } else { other.push(cosine) }
        }
    }
    other.sort_by(|a, b| b.total_cmp(a));
    let bar = other.get(other.len() / 1000).copied().unwrap_or(1.0);
    let above = same.iter().filter(|cosine| **cosine > bar).count();
    num::u64_to_f64(num::len_u64(above)) / num::u64_to_f64(num::len_u64(same.len().max(1)))
}
