//! HEIC photos through the real programs: who is in them, under every name that phones and cameras give them, and what becomes of
//! one that is cut off.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;

use vow_tests::{Home, Scene};

/// [`scene`], coded by x265 through pillow-heif 1.8 with quality 50: our own encoders write no HEVC.
const DRAWN: &[u8] = include_bytes!("../data/two_people.heic");

fn scene() -> Scene {
    Scene { noise: 2, ..Scene::new(640, 448, 41) }.with(3, 50.0, 60.0, 150.0).with(9, 400.0, 100.0, 90.0)
}

#[test]
fn heics_are_photos_like_others() {
    let home = Home::new();
    let photos = home.photos();
    for name in ["IMG_1.HEIC", "copy.heif", "DSC_1.HIF"] {
        fs::write(photos.join(name), DRAWN).unwrap();
    }
    fs::write(photos.join("cut.heic"), &DRAWN[..DRAWN.len() / 2]).unwrap();
    scene().save(photos.join("same.jpg"));

    let daemon = home.start();
    let status = daemon.wait_idle();
    let counts = ["files", "photos", "photos_inferred", "faces", "groups", "failures"];
    let counts = counts.map(|key| status[key].as_u64().unwrap());
    assert_eq!(counts, [4, 2, 2, 4, 2, 1], "{status}");
    let reason = daemon.json(["failures"])[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("truncated") && reason.contains("HEIC"), "{reason}");

    let answer = daemon.json(["faces".as_ref(), photos.join("IMG_1.HEIC").as_os_str()]);
    assert_eq!((answer["width"].as_u64(), answer["height"].as_u64()), (Some(640), Some(448)), "{answer}");
    let side = |face: &serde_json::Value, at: usize| {
        face["box"][at].as_f64().unwrap().to_string().parse::<f32>().unwrap()
    };
    for marker in scene().markers {
        let over = |face| marker.iou([0, 1, 2, 3].map(|at| side(face, at))) > 0.7;
        assert!(answer["faces"].as_array().unwrap().iter().any(over), "no face over {marker:?}: {answer}");
    }
}
