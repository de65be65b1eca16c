//! Somebody's photos in a folder of their own, as a photographer hands them over: through the real programs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::Value;
use vow_tests::{Daemon, Home, Scene};

fn export(daemon: &Daemon, way: &str, dir: &Path, rest: &[&str]) -> Value {
    let args = ["export", way].map(OsStr::new);
    daemon.json(args.into_iter().chain([dir.as_os_str()]).chain(rest.iter().map(OsStr::new)))
}

fn at(photos: &Value) -> (u64, u64, usize) {
    (
        photos["written"].as_u64().unwrap(),
        photos["present"].as_u64().unwrap(),
        photos["failed"].as_array().unwrap().len(),
    )
}

#[test]
fn a_guest_gets_every_photo_once_and_the_next_night_what_is_new() {
    let home = Home::new();
    let (first, second) = (home.photos().join("camera 1"), home.photos().join("camera 2"));
    fs::create_dir_all(&first).unwrap();
    fs::create_dir_all(&second).unwrap();
    Scene::new(900, 600, 1).with_row(&[0]).save(first.join("IMG_1.jpg"));
    Scene::new(900, 600, 2).with_row(&[0, 1]).save(second.join("IMG_1.jpg"));
    Scene::new(900, 600, 3).with_row(&[1]).save(second.join("IMG_2.jpg"));
    fs::copy(first.join("IMG_1.jpg"), first.join("A copy\nof it.jpg")).unwrap();
    let daemon = home.start();
    daemon.wait_idle();
    let faces = daemon.json(["faces".as_ref(), first.join("IMG_1.jpg").as_os_str()]);
    let guest = faces["faces"][0]["person_id"].as_str().unwrap();

    let out = home.path().join("for the guest");
    assert_eq!(at(&export(&daemon, "copies", &out, &[guest])), (2, 0, 0));
    let names = |dir: &Path| {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|one| one.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&out), ["A copy\nof it.jpg", "IMG_1.jpg"], "two photos, of which one has two files");
    assert_eq!(at(&export(&daemon, "copies", &out, &[guest])), (0, 2, 0));

    Scene::new(900, 600, 4).with_row(&[0]).save(second.join("A copy\nof it.jpg"));
    daemon.wait_until("the late photo is there", |status| status["photos"] == 4);
    assert_eq!(at(&export(&daemon, "copies", &out, &[guest])), (1, 2, 0));
    assert_eq!(names(&out), ["A copy\nof it (2).jpg", "A copy\nof it.jpg", "IMG_1.jpg"]);

    let links = home.path().join("links");
    assert_eq!(at(&export(&daemon, "links", &links, &[guest])), (3, 0, 0));
    assert!(fs::read_link(links.join("IMG_1.jpg")).unwrap().starts_with(home.photos()));

    let inside = home.photos().join("for the guest");
    let refused = daemon.vow(["export".as_ref(), "links".as_ref(), inside.as_os_str(), guest.as_ref()]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(!inside.exists());
    let nobody = home.path().join("nobody");
    let unknown = daemon.vow(["export".as_ref(), "copies".as_ref(), nobody.as_os_str(), "nobody".as_ref()]);
    assert_eq!(unknown.code, 1, "{}", unknown.stderr);
    assert!(!nobody.exists(), "no folder is made for somebody who is misspelt");
}
