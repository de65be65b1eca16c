//! A picture that is in no folder is looked at and compared, by the command line and in the gallery, and leaves nothing behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::path::PathBuf;

use image::ImageFormat;
use serde_json::Value;
use vow_tests::browser::Browser;
use vow_tests::files::{Exif, encode};
use vow_tests::{Daemon, Home, Scene};
use vow_types::Orientation;

/// Three people, and a picture of the second that lies elsewhere.
fn selfie() -> (Home, Daemon, PathBuf) {
    let home = Home::new();
    home.draw_event(3);
    let selfie = home.path().join("me.jpg");
    Scene::new(500, 400, 4711).with_row(&[1]).save(selfie.clone());
    let daemon = home.start_with_gallery();
    (home, daemon, selfie)
}

fn person_of(home: &Home, daemon: &Daemon, identity: u32) -> String {
    let photo = home.photos().join(format!("of {identity}/0.jpg"));
    daemon.person_in(&photo)
}

#[test]
fn a_selfie_finds_its_person_and_leaves_nothing_behind() {
    let (home, daemon, selfie) = selfie();
    let before = daemon.json(["status"]);
    let person = person_of(&home, &daemon, 1);
    let answer = daemon.json(["similar".as_ref(), selfie.as_os_str()]);
    let queries = answer["queries"].as_array().unwrap();
    assert_eq!(queries.len(), 1, "{answer}");
    let (face, similar) = (&queries[0]["face"], queries[0]["similar"].as_array().unwrap());
    assert_eq!((&face["face_id"], &face["person_id"]), (&Value::Null, &Value::Null));
    assert!(face["box"][2].as_f64().unwrap() <= 500.0 && face["quality"].as_f64().unwrap() > 0.0, "{face}");
    assert_eq!(similar.len(), 9);
    for hit in &similar[..3] {
        assert_eq!(hit["person_id"], person.as_str(), "{answer}");
        assert!(hit["cosine"].as_f64() >= answer["same_cosine"].as_f64());
    }
    let text = daemon.vow(["similar".as_ref(), selfie.as_os_str()]);
    assert!(text.code == 0 && text.stdout.contains(&format!("most likely {person}")), "{}", text.stdout);
    let one = daemon.json(["similar".as_ref(), selfie.as_os_str(), "--limit".as_ref(), "1".as_ref()]);
    assert_eq!(one["queries"][0]["similar"].as_array().unwrap().len(), 1);

    // A picture that stands on its side, as a telephone takes it.
    let turned = home.path().join("turned.jpg");
    let exif = Exif { orientation: Some(Orientation::Turned90), taken: None };
    Scene::new(500, 400, 4711).with_row(&[1]).save_with(turned.clone(), &exif);
    let answer = daemon.json(["similar".as_ref(), turned.as_os_str()]);
    assert_eq!(answer["queries"][0]["similar"][0]["person_id"], person.as_str(), "{answer}");

    // Of several the largest comes first.
    let two = Scene::new(800, 600, 4712).with(2, 40.0, 200.0, 90.0).with(1, 400.0, 100.0, 240.0);
    let answer = daemon.json(["similar".as_ref(), two.save(home.path().join("two.jpg")).as_os_str()]);
    let first = |number: usize| answer["queries"][number]["similar"][0]["person_id"].as_str().unwrap();
    assert_eq!((first(0), first(1)), (person.as_str(), person_of(&home, &daemon, 2).as_str()), "{answer}");

    let empty = home.path().join("empty.png");
    fs::write(&empty, encode(&Scene::new(320, 240, 1).draw(), ImageFormat::Png)).unwrap();
    let none = daemon.vow(["similar".as_ref(), empty.as_os_str()]);
    assert_eq!((none.code, none.stdout.trim()), (0, "there is no face in it"));
    for (name, bytes) in [("text.jpg", b"not a picture".to_vec()), ("cut.jpg", cut(&selfie))] {
        let path = home.path().join(name);
        fs::write(&path, bytes).unwrap();
        let refused = daemon.vow(["similar".as_ref(), path.as_os_str()]);
        assert!(
            refused.code != 0 && refused.stderr.contains("the picture cannot be looked at"),
            "{name}: {}",
            refused.stderr
        );
    }
    let nothing = daemon.vow(["similar".as_ref(), home.path().join("none.jpg").as_os_str()]);
    assert!(nothing.code == 1 && nothing.stderr.contains("there is no such file"), "{}", nothing.stderr);

    let after = daemon.json(["status"]);
    for count in ["photos", "files", "faces", "groups", "failures"] {
        assert_eq!(before[count], after[count], "{count}");
    }
    assert_eq!(daemon.json(["history"]), Value::Array(vec![]));
    assert!(daemon.stop().0.success());
}

/// The first bytes of a file: enough to say what it is, too few to show it.
fn cut(path: &PathBuf) -> Vec<u8> {
    let whole = fs::read(path).unwrap();
    whole[..whole.len() / 40].to_vec()
}

#[test]
fn the_gallery_finds_somebody_by_a_picture() {
    let (home, daemon, selfie) = selfie();
    let person = person_of(&home, &daemon, 1);
    let others = [0, 2].map(|identity| person_of(&home, &daemon, identity));
    let browser = Browser::open(&daemon);
    assert!(browser.page("/find").contains("enctype=\"multipart/form-data\""));
    let found = browser.post_picture("/find", "picture", &fs::read(&selfie).unwrap());
    let html = found.text();
    assert_eq!(found.status, 200, "{html}");
    let likely = html.split("Less alike").next().unwrap();
    assert!(likely.contains(&format!("href=\"/person/{person}\"")) && likely.contains(" alike, "), "{html}");
    assert!(others.iter().all(|other| !likely.contains(&format!("/person/{other}\""))), "{html}");

    let scene = encode(&Scene::new(320, 240, 1).draw(), ImageFormat::Png);
    assert!(
        browser.post_picture("/find", "picture", &scene).text().contains("There is no face in that picture")
    );
    for (picture, status) in [(b"not a picture".to_vec(), 400), (Vec::new(), 400), (cut(&selfie), 400)] {
        assert_eq!(browser.post_picture("/find", "picture", &picture).status, status);
    }
    assert_eq!(browser.post_picture("/find", "other", &scene).status, 400);
    assert_eq!(browser.post("/find", "picture=x").status, 415);
    let large = vec![0; (64 << 20) + 1];
    assert_eq!(browser.post_picture("/find", "picture", &large).status, 413);
    assert_eq!(daemon.json(["status"])["photos"], 9);
}
