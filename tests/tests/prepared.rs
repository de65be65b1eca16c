//! Prepared graphs of a running program: kept once, mended, and done without where they cannot be kept.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vow_tests::{Home, Scene};

fn home() -> Home {
    let home = Home::new();
    Scene::new(640, 480, 1).with_row(&[1, 2]).save(home.photos().join("1.jpg"));
    home
}

/// The files of a folder with their contents.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn found(report: &Value) -> (&Value, &Value) {
    (&report["photos"], &report["faces"])
}

#[test]
fn they_are_kept_in_the_data_folder_and_mended() {
    let home = home();
    let pack = files(&home.pack());
    let first = home.index_once();
    let kept = files(&home.data().join("packs/.prepared"));
    assert_eq!(kept.len(), 2, "detector and embedder: {:?}", kept.keys());
    assert_eq!(files(&home.pack()), pack, "the pack's own folder is as it was");

    // Cut short, as a power cut might leave it.
    let (path, whole) = kept.iter().next().unwrap();
    fs::write(path, &whole[..whole.len() / 2]).unwrap();
    fs::remove_file(home.data().join("vow.redb")).unwrap();
    let second = home.index_once();
    assert_eq!(found(&second), found(&first));
    assert_eq!(files(&home.data().join("packs/.prepared")), kept);
}

#[test]
fn where_they_cannot_be_kept_they_are_made_and_it_is_said_once() {
    let home = home();
    // A file in the way stops even a user whom permissions do not stop.
    fs::create_dir_all(home.data().join("packs")).unwrap();
    fs::write(home.data().join("packs/.prepared"), "").unwrap();
    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!(status["faces"], 2, "{status}");
    let log = daemon.log();
    assert_eq!(log.matches("cannot keep what was prepared").count(), 1, "{log}");
    assert!(!log.contains("is not understood"), "{log}");
}
