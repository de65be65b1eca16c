//! Camera raws through the real programs: who is in them, upright, and what is written into them later.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use vow_tests::files::{jpeg, turned};
use vow_tests::{Home, Marker, RawFile, Scene};
use vow_types::Orientation;

/// Kinds that the kit can write.
const KINDS: usize = 9;

/// The same two people, each time before another background.
fn scene(seed: usize) -> Scene {
    let seed = seed.try_into().unwrap();
    Scene::new(800, 600, seed).with(1, 80.0, 120.0, 220.0).with(2, 480.0, 200.0, 180.0)
}

/// The preview of one that stands as the tag `turn` says.
fn preview(at: usize, turn: Orientation) -> Vec<u8> {
    jpeg(&turned(&scene(at).draw(), turn), 92)
}

/// The raw of this kind around a preview, and where it was put.
fn write(home: &Home, at: usize, large: &[u8], turn: Orientation, xmp: &[u8]) -> PathBuf {
    let small = jpeg(&Scene::new(160, 120, 99).draw(), 80);
    let taken = format!("2026:06:0{} 12:00:00", at + 1);
    let raw = RawFile { large, small: &small, orientation: turn.to_exif(), taken: &taken, xmp };
    let mut kinds = raw.all();
    assert_eq!(kinds.len(), KINDS);
    let (ending, bytes) = kinds.swap_remove(at);
    let path = home.photos().join(format!("IMG_{at}.{}", ending.to_uppercase()));
    fs::write(&path, bytes).unwrap();
    path
}

/// The person whose face lies over this marker.
fn person(answer: &Value, marker: &Marker) -> String {
    let side =
        |face: &Value, at: usize| face["box"][at].as_f64().unwrap().to_string().parse::<f32>().unwrap();
    let faces = answer["faces"].as_array().unwrap();
    let over = faces.iter().find(|face| marker.iou([0, 1, 2, 3].map(|at| side(face, at))) > 0.7);
    over.unwrap_or_else(|| panic!("no face over {marker:?}: {answer}"))["person_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn raws_of_every_maker_are_photos() {
    let home = Home::new();
    // One for each way to stand, and one more.
    let turn = |at: usize| Orientation::ALL[at % Orientation::ALL.len()];
    let paths: Vec<_> =
        (0..KINDS).map(|at| write(&home, at, &preview(at, turn(at)), turn(at), b"")).collect();
    // What only has a thumbnail is named, and nobody is looked for in it.
    let thumbnail = jpeg(&Scene::new(400, 300, 7).with_row(&[5]).draw(), 90);
    let poor = write(&home, 0, &thumbnail, Orientation::Upright, b"").with_extension("poor.dng");
    fs::rename(&paths[0], &poor).unwrap();
    write(&home, 0, &preview(0, turn(0)), turn(0), b"");

    let daemon = home.start();
    let status = daemon.wait_idle();
    let counts = ["files", "photos", "faces", "failures"].map(|key| status[key].as_u64().unwrap());
    assert_eq!(counts, [9, 9, 18, 1], "{status}");
    let failures = daemon.json(["failures"]);
    assert!(failures[0]["path"].as_str().unwrap().ends_with("IMG_0.poor.dng"), "{failures}");
    assert!(
        failures[0]["reason"].as_str().unwrap().contains("no preview large enough inside this DNG"),
        "{failures}"
    );

    let mut seen = Vec::new();
    for path in &paths {
        let answer = daemon.json(["faces".as_ref(), path.as_os_str()]);
        assert_eq!((answer["width"].as_u64(), answer["height"].as_u64()), (Some(800), Some(600)), "{answer}");
        seen.push(scene(0).markers.iter().map(|marker| person(&answer, marker)).collect::<Vec<_>>());
    }
    assert!(seen.iter().all(|pair| *pair == seen[0]) && seen[0][0] != seen[0][1], "{seen:?}");

    // Their dates are those of the raws.
    let span = daemon.json(["photos", &seen[0][0], "--since", "2026-06-02", "--until", "2026-06-05"]);
    assert_eq!(span.as_array().unwrap().len(), 4, "{span}");
}

#[test]
fn what_is_written_into_a_raw_infers_nothing() {
    let home = Home::new();
    let previews: Vec<_> = (0..KINDS).map(|at| preview(at, Orientation::Upright)).collect();
    for (at, preview) in previews.iter().enumerate() {
        write(&home, at, preview, Orientation::Upright, b"");
    }
    let daemon = home.start();
    assert_eq!(daemon.wait_idle()["photos_inferred"], KINDS);
    assert!(daemon.stop().0.success());

    // Keywords in each, and each is said to lie on its side.
    let keywords = [b'k'; 3000];
    let paths: Vec<_> = previews
        .iter()
        .enumerate()
        .map(|(at, preview)| write(&home, at, preview, Orientation::Turned90, &keywords))
        .collect();
    let daemon = home.start();
    let status = daemon.wait_idle();
    let counts = ["photos_inferred", "files_read", "photos"].map(|key| status[key].as_u64().unwrap());
    assert_eq!(counts, [0, 9, 9], "{status}");
    for path in paths {
        let answer = daemon.json(["faces".as_ref(), path.as_os_str()]);
        let size = (answer["width"].as_u64(), answer["height"].as_u64());
        assert_eq!(
            (size, answer["faces"].as_array().unwrap().len()),
            ((Some(600), Some(800)), 2),
            "{answer}"
        );
    }
}
