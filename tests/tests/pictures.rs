//! Pictures of faces and photos, through the real programs: the right face, upright, as large as asked for; and why there is none.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::path::Path;

use serde_json::Value;
use vow_tests::browser::Browser;
use vow_tests::look::{GRID, INNER, Look};
use vow_tests::{Exif, Home, Scene};
use vow_types::num::{floor_u32, index, to_f32};
use vow_types::{Orientation, Size};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The pixels of a JPEG.
fn decoded(jpeg: &[u8]) -> (Size, Vec<[u8; 3]>) {
    let header = vow_media::inspect(jpeg, &vow_media::Limits::default()).unwrap();
    let pixels = vow_media::decode(jpeg, &header).unwrap().pixels;
    (header.coded, pixels.as_chunks::<3>().0.to_vec())
}

/// How much of an identity's look a picture of a face shows: the share of cells that are as that look has them. The marker
/// is in the middle; around it is a margin.
fn shows(jpeg: &[u8], identity: u32) -> f32 {
    let (size, pixels) = decoded(jpeg);
    let marker = to_f32(size.width) / 1.6;
    let (mut right, mut all) = (0.0, 0.0);
    for row in 0..GRID {
        for column in 0..GRID {
            let place = |at: usize| {
                let inner = (f32::from(u8::try_from(at).unwrap()) + 0.5) / 7.0;
                0.5 + (inner - 0.5) * INNER
            };
            let (x, y) = (place(column), place(row));
            let px = |part: f32| floor_u32(to_f32(size.width) / 2.0 + (part - 0.5) * marker);
            let seen = pixels[index(px(y) * size.width + px(x))];
            let expected = Look::of(identity).colour(x, y);
            for channel in 0..2 {
                all += 1.0;
                right += if (seen[channel] > 60) == (expected[channel] > 60) { 1.0 } else { 0.0 };
            }
        }
    }
    right / all
}

#[test]
fn pictures_show_the_right_face_upright() {
    let home = Home::new();
    let scene = Scene::new(1600, 1200, 7).with(0, 200.0, 300.0, 300.0).with(1, 1000.0, 500.0, 300.0);
    scene.save(home.photos().join("both.jpg"));
    for orientation in [Orientation::Turned90, Orientation::Transposed] {
        let exif = Exif { orientation: Some(orientation), taken: None };
        let scene = Scene::new(640, 480, 100 + u64::from(orientation.to_exif())).with_row(&[2]);
        scene.save_with(home.photos().join(format!("turned {}.jpg", orientation.to_exif())), &exif);
    }
    let daemon = home.start_with_gallery();
    let browser = Browser::open(&daemon);
    let both = home.photos().join("both.jpg");
    let faces = daemon.json(["faces".as_ref(), both.as_os_str()]);
    for (at, identity) in [(0, 0), (1, 1)] {
        let id = text(&faces["faces"][at]["face_id"]);
        for (path, side) in [("face", 192), ("portrait", 384)] {
            let picture = browser.get(&format!("/{path}/{id}"));
            assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/jpeg")));
            assert_eq!(decoded(&picture.body).0, Size { width: side, height: side });
            let (own, other) = (shows(&picture.body, identity), shows(&picture.body, 1 - identity));
            assert!(own > 0.95 && other < 0.8, "{identity}: {own} {other}");
        }
    }
    for orientation in [Orientation::Turned90, Orientation::Transposed] {
        let photo = home.photos().join(format!("turned {}.jpg", orientation.to_exif()));
        let faces = daemon.json(["faces".as_ref(), photo.as_os_str()]);
        let file = home.path().join(format!("face {}.jpg", orientation.to_exif()));
        let id = text(&faces["faces"][0]["face_id"]);
        let saved = daemon.json(["picture".as_ref(), id.as_ref(), file.as_os_str()]);
        let jpeg = fs::read(&file).unwrap();
        let size = decoded(&jpeg).0;
        assert_eq!((&saved["width"], &saved["height"]), (&size.width.into(), &size.height.into()));
        assert!(shows(&jpeg, 2) > 0.95, "{orientation:?}");
    }
    let photo = text(&faces["photo_id"]);
    let large = browser.get(&format!("/large/{photo}"));
    assert_eq!(decoded(&large.body).0, Size { width: 1600, height: 1200 });
    let small = browser.get(&format!("/small/{photo}"));
    assert_eq!(decoded(&small.body).0, Size { width: 320, height: 240 });
    let (size, pixels) = decoded(&large.body);
    let drawn = scene.draw();
    for (x, y) in [(350, 450), (1150, 650), (50, 50), (800, 100), (1550, 1150)] {
        let (seen, meant) = (pixels[index(y * size.width + x)], drawn.get_pixel(x, y).0);
        assert!(seen.iter().zip(meant).all(|(a, b)| a.abs_diff(b) < 60), "{x} {y}: {seen:?} {meant:?}");
    }
    let html = browser.page(&format!("/photo/{photo}"));
    assert!(
        html.contains("viewBox=\"0 0 1600 1200\"") && html.contains("both.jpg") && html.contains("2 faces")
    );
    assert_eq!(html.matches("<rect ").count(), 2);
}

#[test]
fn a_picture_that_cannot_be_had_says_why() {
    let home = Home::new();
    home.draw_event(1);
    let daemon = home.start_with_gallery();
    let photo = home.photos().join("of 0/0.jpg");
    let faces = daemon.json(["faces".as_ref(), photo.as_os_str()]);
    let face = text(&faces["faces"][0]["face_id"]);
    let file = home.path().join("new.jpg");
    let picture = |of: &str, to: &Path, more: &[&str]| {
        let args = [&["picture", of, to.to_str().unwrap()][..], more].concat();
        daemon.vow(args)
    };
    assert_eq!(picture(&face, &file, &["--size", "64"]).code, 0);
    assert_eq!(decoded(&fs::read(&file).unwrap()).0, Size { width: 64, height: 64 });
    let again = picture(&face, &file, &[]);
    assert!(again.code == 4 && again.stderr.contains("new.jpg"), "nothing is overwritten: {}", again.stderr);
    assert_eq!(picture(&face, &home.path().join("x"), &["--size", "5000"]).code, 2);
    assert_eq!(picture("f999", &home.path().join("x"), &[]).code, 1);
    let of_photo = home.path().join("whole.jpg");
    assert_eq!(picture(photo.to_str().unwrap(), &of_photo, &[]).code, 0);
    assert_eq!(decoded(&fs::read(&of_photo).unwrap()).0, Size { width: 640, height: 480 });

    // A disk that is away, then a photo that is gone for good.
    let away = home.path().join("away");
    fs::rename(home.photos(), &away).unwrap();
    let offline = picture(&face, &home.path().join("x"), &["--size", "100"]);
    assert!(offline.code == 4 && offline.stderr.contains("is offline; mount it"), "{}", offline.stderr);
    assert!(offline.stderr.contains("0.jpg"), "which file: {}", offline.stderr);
    fs::rename(&away, home.photos()).unwrap();
    fs::remove_file(&photo).unwrap();
    daemon.vow(["rescan"]);
    daemon.wait_until("the photo is gone", |status| status["photos"] == 2);
    let gone = picture(&face, &home.path().join("x"), &[]);
    assert!(gone.code == 1 && gone.stderr.contains("no file shows the photo"), "{gone:?}");
    let browser = Browser::open(&daemon);
    assert_eq!(browser.get(&format!("/face/{face}")).status, 404);
    assert!(!home.path().join("x").exists(), "no file without a picture");
}
