//! The kit checked against the real stages: what is drawn is found where it was drawn and recognised, through the real
//! decoders, arithmetic and runtime. When the end-to-end tests fail and this one passes, the kit is not to blame.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "functions beside the tests are tests too"
)]

use std::path::Path;
use std::sync::LazyLock;

use image::RgbImage;
use vow_infer::{FaceEngine, Models, ProviderChoice, Runtime, RuntimeChoice, Tuning};
use vow_media::{Limits, decode, inspect};
use vow_models::Pack;
use vow_tests::look::{IDENTITIES, Look, Random};
use vow_tests::{Exif, ImageFormat, Marker, Scene, TinyPack, files};
use vow_types::num::to_f32;
use vow_types::{Detection, Embedding, Head, Lane, Orientation, Size};
use vow_vision::{PictureView, choose_shape, crop, frame};

/// One process has one runtime: the library that `VOW_ORT` names, otherwise the built-in one.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let choice = match std::env::var_os("VOW_ORT").filter(|library| !library.is_empty()) {
        Some(library) => RuntimeChoice::Library(library.into()),
        None => RuntimeChoice::Tract,
    };
    Runtime::start(&choice, ProviderChoice::Auto, Path::new("/nonexistent")).unwrap()
});

static SCRFD: LazyLock<FaceEngine> = LazyLock::new(|| engine(TinyPack::default()));
static YUNET: LazyLock<FaceEngine> =
    LazyLock::new(|| engine(TinyPack { head: Head::Yunet, any_batch: false, ..TinyPack::default() }));

fn engine(tiny: TinyPack) -> FaceEngine {
    let dir = tempfile::tempdir().unwrap();
    let pack = Pack::load(&tiny.write(dir.path()).unwrap()).unwrap();
    let models = Models {
        detector: pack.detector,
        detector_graph: pack.detector_graph,
        embedder: pack.embedder,
        embedder_graph: pack.embedder_graph,
        detector_half: None,
        embedder_half: None,
        known: None,
        learned: None,
        pack_name: pack.name,
        pack_place: pack.location.to_string(),
    };
    FaceEngine::start(models, &RUNTIME, &Tuning::new(1)).unwrap()
}

/// What the pack sees in a coded picture: boxes in pixels of the upright picture, and embeddings.
fn see(engine: &FaceEngine, coded: &RgbImage, orientation: Orientation) -> Vec<([f32; 4], Embedding)> {
    let size = Size { width: coded.width(), height: coded.height() };
    let picture = PictureView::new(size, coded.as_raw()).unwrap();
    let upright = orientation.upright_size(size);
    let shape = choose_shape(upright, engine.shapes()).unwrap();
    let found = engine.detect(frame(picture, orientation, shape).unwrap(), Lane::Live).unwrap().value;
    let cut = |face: &Detection| crop(picture, orientation, &face.landmarks, 112).unwrap();
    let embeddings = engine.embed(found.iter().map(cut).collect(), Lane::Live).unwrap().value;
    let boxes = found.iter().map(|face| {
        let b = face.bbox.to_px(upright);
        [b.left, b.top, b.right, b.bottom]
    });
    boxes.zip(embeddings.iter().map(|raw| Embedding::from_raw(raw).unwrap())).collect()
}

/// Through the file format and back, by the stage that reads users' photos.
fn through_file(bytes: &[u8]) -> (RgbImage, Orientation) {
    let header = inspect(bytes, &Limits::default()).unwrap();
    let picture = decode(bytes, &header).unwrap();
    let pixels = RgbImage::from_raw(picture.size.width, picture.size.height, picture.pixels).unwrap();
    (pixels, header.orientation.unwrap_or_default())
}

fn look_of(identity: u32) -> Embedding {
    Embedding::from_raw(&Look::of(identity).vector()).unwrap()
}

/// Every marker is found once, within 2 pixels, and looks like itself and like nobody else; nothing else is found.
fn check(what: &str, markers: &[Marker], seen: &[([f32; 4], Embedding)], scale: f32) {
    assert_eq!(seen.len(), markers.len(), "{what}: {markers:?}, seen {:?}", boxes(seen));
    for marker in markers {
        let edges = [marker.x, marker.y, marker.x + marker.side, marker.y + marker.side];
        let off = |found: &[f32; 4]| {
            found.iter().zip(edges).map(|(a, b)| (a - b).abs() / scale).fold(0.0, f32::max)
        };
        let (found, embedding) = seen.iter().min_by(|a, b| off(&a.0).total_cmp(&off(&b.0))).unwrap();
        assert!(off(found) < 2.0, "{what}: {marker:?} was seen at {found:?}");
        let own = embedding.cosine(&look_of(marker.identity));
        assert!(own > 0.9, "{what}: {marker:?} looks like itself by only {own}");
        for other in (0..IDENTITIES).filter(|other| *other != marker.identity) {
            let alike = embedding.cosine(&look_of(other));
            assert!(alike < 0.35, "{what}: {marker:?} looks like {other} by {alike}");
        }
    }
}

fn boxes(seen: &[([f32; 4], Embedding)]) -> Vec<[f32; 4]> {
    seen.iter().map(|(found, _)| *found).collect()
}

/// Markers of random sizes and places, well apart. `unit` is a pixel of the detector's frame in pixels of the photo.
fn random_scene(seed: u64, width: u32, height: u32, unit: f32) -> Scene {
    let mut random = Random::new(seed);
    let mut fraction = move || to_f32(random.below(1 << 16)) / 65536.0;
    let mut scene = Scene::new(width, height, seed);
    for _ in 0..60 {
        let side = (24.0 + 156.0 * fraction() * fraction()) * unit;
        let x = fraction() * (to_f32(width) - side - 2.0) + 1.0;
        let y = fraction() * (to_f32(height) - side - 2.0) + 1.0;
        let gap = 10.0 * unit;
        let apart = |other: &Marker| {
            x > other.x + other.side + gap
                || other.x > x + side + gap
                || y > other.y + other.side + gap
                || other.y > y + side + gap
        };
        if scene.markers.iter().all(apart) {
            let identity = u32::try_from(scene.markers.len()).unwrap() * 7 + 1;
            scene = scene.with(identity, x, y, side);
        }
    }
    scene
}

#[test]
fn markers_of_every_size_are_found_and_recognised_in_both_codings() {
    let mut drawn = 0;
    for (engine, name) in [(&SCRFD, "scrfd"), (&YUNET, "yunet")] {
        for seed in 0..6 {
            let scene = random_scene(seed, 640, 480, 1.0);
            let (picture, _) = through_file(&files::encode(&scene.draw(), ImageFormat::Jpeg));
            check(name, &scene.markers, &see(engine, &picture, Orientation::Upright), 1.0);
            drawn += scene.markers.len();
        }
    }
    println!("{drawn} markers, on {}", RUNTIME.name());
    assert!(drawn > 60, "{drawn}");
}

#[test]
fn scaled_photos_are_seen_the_same() {
    for (seed, width, height, unit) in
        [(21, 1280, 960, 2.0), (22, 1500, 2000, 3.125), (23, 1000, 1000, 1.5625), (24, 4000, 3000, 6.25)]
    {
        let scene = random_scene(seed, width, height, unit);
        let seen = see(&SCRFD, &scene.draw(), Orientation::Upright);
        check(&format!("{width}x{height}"), &scene.markers, &seen, unit);
    }
}

#[test]
fn turned_and_mirrored_photos_are_seen_upright() {
    let scene = random_scene(31, 640, 480, 1.0);
    for orientation in Orientation::ALL {
        let exif = Exif { orientation: Some(orientation), taken: None };
        let stored = files::encode(&files::turned(&scene.draw(), orientation), ImageFormat::Jpeg);
        let (picture, read) = through_file(&files::with_exif(&stored, &exif));
        assert_eq!(read, orientation);
        check(&format!("{orientation:?}"), &scene.markers, &see(&SCRFD, &picture, read), 1.0);
        if orientation != Orientation::Upright {
            // Were the tag ignored, the looks would be others: this is what makes the tests above mean something.
            for (_, embedding) in see(&SCRFD, &picture, Orientation::Upright) {
                let alike = scene.markers.iter().map(|marker| embedding.cosine(&look_of(marker.identity)));
                assert!(alike.fold(0.0, f32::max) < 0.6, "{orientation:?}");
            }
        }
    }
}

#[test]
fn every_format_shows_the_same_people() {
    let scene = Scene::new(640, 448, 41).with(3, 50.0, 60.0, 150.0).with(9, 400.0, 100.0, 90.0);
    let picture = scene.draw();
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Gif,
    ] {
        let (back, orientation) = through_file(&files::encode(&picture, format));
        check(&format!("{format:?}"), &scene.markers, &see(&SCRFD, &back, orientation), 1.0);
    }
}

#[test]
fn poor_files_of_the_same_people_are_recognised() {
    let scene = Scene { noise: 16, ..Scene::new(640, 480, 51) }.with_row(&[10, 11, 12, 13]);
    for quality in [95, 80, 60] {
        let (picture, _) = through_file(&files::jpeg(&scene.draw(), quality));
        let seen = see(&YUNET, &picture, Orientation::Upright);
        check(&format!("quality {quality}"), &scene.markers, &seen, 1.0);
    }
}

#[test]
fn photos_without_markers_show_nobody() {
    for seed in 60..64 {
        let picture = Scene { noise: 20, ..Scene::new(900, 700, seed) }.draw();
        for engine in [&SCRFD, &YUNET] {
            assert_eq!(boxes(&see(engine, &picture, Orientation::Upright)), Vec::<[f32; 4]>::new(), "{seed}");
        }
    }
}

/// Camera photos without faces show no markers either, so they can be mixed in where they exist.
#[test]
fn camera_photos_show_nobody() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/photos/backgrounds"));
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("no camera photos at {}: nothing checked", folder.display());
        return;
    };
    let mut photos = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if inspect(&bytes, &Limits::default()).is_ok() {
            let (picture, orientation) = through_file(&bytes);
            let seen = see(&SCRFD, &picture, orientation);
            assert_eq!(boxes(&seen), Vec::<[f32; 4]>::new(), "{}", path.display());
            photos += 1;
        }
    }
    println!("{photos} camera photos, on {}", RUNTIME.name());
    assert!(photos > 0);
}

/// A crop is cut from the photo, not from the small frame in which the face was found: 20 pixels there are 80 here.
#[test]
fn small_faces_in_large_photos_are_recognised_better_from_all_of_their_pixels() {
    let mut scene = Scene::new(2560, 1920, 77);
    for (at, identity) in (0u16..12).zip(40..) {
        let (column, row) = (f32::from(at % 4), f32::from(at / 4));
        scene = scene.with(
            identity,
            203.0 + 611.0 * column + 3.7 * row,
            217.0 + 589.0 * row + 5.3 * column,
            80.0,
        );
    }
    let pixels = scene.draw();
    let large = Size { width: 2560, height: 1920 };
    let photo = PictureView::new(large, pixels.as_raw()).unwrap();
    let framed = frame(photo, Orientation::Upright, Size { width: 640, height: 480 }).unwrap();
    let small = framed.picture();
    let small = PictureView::new(framed.fitted, &small).unwrap();
    let found = SCRFD.detect(framed.clone(), Lane::Live).unwrap().value;
    assert_eq!(found.len(), scene.markers.len());
    let embed = |from: PictureView<'_>, face: &Detection| {
        let crop = crop(from, Orientation::Upright, &face.landmarks, 112).unwrap();
        Embedding::from_raw(&SCRFD.embed(vec![crop], Lane::Live).unwrap().value[0]).unwrap()
    };
    for face in &found {
        let b = face.bbox.to_px(large);
        let own =
            scene.markers.iter().find(|marker| marker.iou([b.left, b.top, b.right, b.bottom]) > 0.5).unwrap();
        let look = Embedding::from_raw(&vow_tests::look::Look::of(own.identity).vector()).unwrap();
        let (all, few) = (embed(photo, face).cosine(&look), embed(small, face).cosine(&look));
        assert!(1.0 - few > 5.0 * (1.0 - all).max(1e-4), "{all} from the photo, {few} from the frame");
    }
}
