//! The same path on published weights and photos, where they lie in `../shared` beside the workspace; without them it says
//! so and passes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use vow_tests::{Exif, Home};
use vow_types::Orientation;

const PACKS: [(&str, &str, &str, &str, f32, f32); 3] = [
    ("yunet", "face_detection_yunet_2026may.onnx", "yunet", "bgr", 0.0, 1.0),
    ("scrfd, published export", "scrfd_2.5g_bnkps.onnx", "scrfd", "rgb", 127.5, 128.0),
    ("scrfd, fixed export", "scrfd_2.5g_bnkps_640.onnx", "scrfd", "rgb", 127.5, 128.0),
];

fn shared() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let found = shared.canonicalize().ok().filter(|shared| shared.join("models").is_dir());
    if found.is_none() {
        println!("skipped: there is no ../shared beside the workspace");
    }
    found
}

/// A home whose pack names the weights where they lie.
fn home(shared: &Path, (name, file, head, channels, mean, std): (&str, &str, &str, &str, f32, f32)) -> Home {
    let home = Home::new();
    let models = shared.join("models").display().to_string();
    let manifest = format!(
        "name = \"{name}\"\nversion = \"1\"\nlicence = \"see its source\"\n[detector]\nfile = \"{models}/{file}\"\n\
         head = \"{head}\"\nchannels = \"{channels}\"\nmean = {mean}\nstd = {std}\n[embedder]\n\
         file = \"{models}/mobilefacenet.onnx\"\nchannels = \"rgb\"\nmean = 127.5\nstd = 127.5\ndimension = 128\n"
    );
    fs::write(home.pack().join("pack.toml"), manifest).unwrap();
    home
}

fn export(home: &Home) -> BTreeMap<String, Vec<Value>> {
    let daemon = home.start();
    daemon.wait_idle();
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in daemon.vow(["export", "json", "--embeddings"]).stdout.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let path = PathBuf::from(row["file"].as_str().unwrap());
        files.entry(path.file_name().unwrap().to_str().unwrap().to_owned()).or_default().push(row);
    }
    files
}

fn corners(row: &Value) -> [f64; 4] {
    [0, 1, 2, 3].map(|at| row["box"][at].as_f64().unwrap())
}

fn cosine(a: &Value, b: &Value) -> f64 {
    let numbers = |row: &Value| -> Vec<f64> {
        row["embedding"].as_array().unwrap().iter().map(|one| one.as_f64().unwrap()).collect()
    };
    let (a, b) = (numbers(a), numbers(b));
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

#[test]
fn six_faces_in_the_group_photo_with_every_detector() {
    let Some(shared) = shared() else { return };
    for pack in PACKS {
        let home = home(&shared, pack);
        fs::copy(shared.join("photos/scenes/t1.jpg"), home.photos().join("t1.jpg")).unwrap();
        let faces = &export(&home)["t1.jpg"];
        assert_eq!(faces.len(), 6, "{}", pack.0);
        println!("{}: six faces", pack.0);
    }
}

#[test]
fn a_scene_turned_in_all_eight_ways_has_the_same_faces() {
    let Some(shared) = shared() else { return };
    let scene = decode(&shared.join("photos/scenes/t1.jpg"));
    let home = home(&shared, PACKS[0]);
    for orientation in Orientation::ALL {
        let exif = Exif { orientation: Some(orientation), taken: None };
        let turned = vow_tests::files::turned(&scene, orientation);
        let file = vow_tests::files::with_exif(&vow_tests::files::jpeg(&turned, 97), &exif);
        fs::write(home.photos().join(format!("{}.jpg", orientation.to_exif())), file).unwrap();
    }
    let files = export(&home);
    let upright = &files["1.jpg"];
    assert_eq!(upright.len(), 6);
    for (name, faces) in &files {
        assert_eq!(faces.len(), 6, "{name}");
        for face in upright {
            let close = |other: &&Value| {
                corners(face).iter().zip(corners(other)).all(|(a, b)| (a - b).abs() < 4.0)
                    && cosine(face, other) > 0.98
            };
            assert!(faces.iter().any(|other| close(&other)), "{name}: nothing at {:?}", corners(face));
        }
    }
}

#[test]
fn a_scene_without_a_tag_is_turned_by_its_faces() {
    let Some(shared) = shared() else { return };
    let scene = decode(&shared.join("photos/scenes/t1.jpg"));
    for pack in PACKS {
        let home = home(&shared, pack);
        for turn in [1, 3, 6, 8] {
            let turned = vow_tests::files::turned(&scene, Orientation::from_exif(turn).unwrap());
            fs::write(home.photos().join(format!("{turn}.jpg")), vow_tests::files::jpeg(&turned, 97))
                .unwrap();
        }
        let files = export(&home);
        let upright = &files["1.jpg"];
        for (name, faces) in &files {
            assert_eq!(faces.len(), 6, "{}: {name}", pack.0);
            for face in upright {
                let close = |other: &&Value| {
                    corners(face).iter().zip(corners(other)).all(|(a, b)| (a - b).abs() < 4.0)
                        && cosine(face, other) > 0.98
                };
                assert!(faces.iter().any(|other| close(&other)), "{}: {name}", pack.0);
            }
        }
        println!("{}: six faces each way", pack.0);
    }
}

#[test]
fn photos_without_faces_are_not_turned() {
    let Some(shared) = shared() else { return };
    // The slower detector sees every fourth of them.
    for (pack, step) in PACKS.iter().zip([1, 4]) {
        let home = home(&shared, *pack);
        for folder in ["photos/backgrounds", "photos/orientation"] {
            let mut paths: Vec<PathBuf> =
                fs::read_dir(shared.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            for path in paths.into_iter().step_by(step) {
                if path.extension().is_some_and(|ending| ending == "jpg") {
                    fs::copy(&path, home.photos().join(path.file_name().unwrap())).unwrap();
                }
            }
        }
        let daemon = home.start();
        let status = daemon.wait_idle();
        assert!(status["photos_inferred"].as_u64() > Some(10), "{status}");
        assert_eq!(status["photos_turned"], 0, "{}: {status}", pack.0);
        println!("{}: {} photos, none turned", pack.0, status["photos_inferred"]);
    }
}

/// Portraits of some people as they are, small, blurred and dark: the better half by quality is more like the portraits of
/// the same people than the worse half.
#[test]
fn quality_orders_faces_by_how_well_they_are_recognised() {
    let Some(shared) = shared() else { return };
    let mut people: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(shared.join("photos/faces")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        people.entry(stem.rsplit_once('_').unwrap().0.to_owned()).or_default().push(path);
    }
    let home = home(&shared, PACKS[0]);
    for (person, paths) in
        people.values_mut().filter(|paths| paths.len() >= 3).step_by(9).take(20).enumerate()
    {
        paths.sort();
        for (at, path) in paths.iter().take(3).enumerate() {
            let whole = decode(path);
            let small = image::imageops::thumbnail(&whole, 56, 56);
            let small = image::imageops::resize(&small, 250, 250, image::imageops::FilterType::Triangle);
            let mut dark = whole.clone();
            dark.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|level| level / 8));
            let blurred = image::imageops::blur(&whole, 4.0);
            for (kind, picture) in [("0", &whole), ("1", &small), ("2", &dark), ("3", &blurred)] {
                let name = format!("{person}_{at}_{kind}.jpg");
                fs::write(home.photos().join(name), vow_tests::files::jpeg(picture, 92)).unwrap();
            }
        }
    }
    let files = export(&home);
    // Of each face, the mean cosine to the other portraits of the same person as they are.
    let mut worth: Vec<(f64, f64)> = Vec::new();
    for (name, faces) in &files {
        let parts: Vec<&str> = name.split('_').collect();
        let others = (0..3).filter(|at| at.to_string() != parts[1]);
        let others: Vec<&Value> =
            others.filter_map(|at| files.get(&format!("{}_{at}_0.jpg", parts[0]))?.first()).collect();
        let (Some(face), false) = (faces.first(), others.is_empty()) else { continue };
        let mean = others.iter().map(|other| cosine(face, other)).sum::<f64>()
            / vow_types::num::usize_to_f64(others.len());
        worth.push((face["quality"].as_f64().unwrap(), mean));
    }
    worth.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mean = |some: &[(f64, f64)]| {
        some.iter().map(|one| one.1).sum::<f64>() / vow_types::num::usize_to_f64(some.len())
    };
    let (better, worse) = worth.split_at(worth.len() / 2);
    println!("{} faces: better half {:.3}, worse half {:.3}", worth.len(), mean(better), mean(worse));
    assert!(worth.len() > 120 && mean(better) > mean(worse) + 0.08);
}

fn decode(path: &Path) -> image::RgbImage {
    let bytes = fs::read(path).unwrap();
    let header = vow_media::inspect(&bytes, &vow_media::Limits::default()).unwrap();
    let picture = vow_media::decode(&bytes, &header).unwrap();
    image::RgbImage::from_raw(picture.size.width, picture.size.height, picture.pixels).unwrap()
}

#[test]
fn an_album_has_every_face_and_every_person_apart() {
    let Some(shared) = shared() else { return };
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("album");
    let made = Command::new("python3")
        .arg(shared.join("tools/make_album.py"))
        .arg(shared.join("photos/faces"))
        .arg(&album)
        .args(["--photos", "24", "--faces", "44", "--people", "9", "--jobs", "1"])
        .output();
    match made {
        Ok(made) if made.status.success() => {}
        _ => {
            println!("skipped: the album maker needs Python with NumPy and Pillow");
            return;
        }
    }
    let truth = fs::read_to_string(dir.path().join("album.truth.jsonl")).unwrap();
    for pack in &PACKS[..2] {
        let home = home(&shared, *pack);
        fs::remove_dir(home.photos()).unwrap();
        std::os::unix::fs::symlink(&album, home.photos()).unwrap();
        let files = export(&home);
        let (mut found, mut expected) = (0, 0);
        let mut owners: BTreeMap<&str, String> = BTreeMap::new();
        for line in truth.lines() {
            let photo: Value = serde_json::from_str(line).unwrap();
            let faces = files.get(photo["file"].as_str().unwrap()).map_or(&[][..], Vec::as_slice);
            for tile in photo["faces"].as_array().unwrap() {
                expected += 1;
                let side = |at: usize| tile["box"][at].as_f64().unwrap();
                let inside = |face: &&Value| {
                    let [left, top, right, bottom] = corners(face);
                    let (x, y) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
                    let (middle_x, middle_y) =
                        (f64::midpoint(side(0), side(2)), f64::midpoint(side(1), side(3)));
                    let reach = (side(2) - side(0)) / 4.0;
                    (x - middle_x).abs() < reach && (y - middle_y).abs() < reach
                };
                let Some(face) = faces.iter().find(inside) else { continue };
                found += 1;
                let person = face["person_id"].as_str().unwrap();
                let identity = tile["identity"].as_str().unwrap().to_owned();
                let owner = owners.entry(person).or_insert_with(|| identity.clone());
                assert_eq!(*owner, identity, "{person} holds two people");
            }
        }
        println!("{}: {found} of {expected} faces", pack.0);
        assert!(found + 1 >= expected, "{found} of {expected}");
    }
}
