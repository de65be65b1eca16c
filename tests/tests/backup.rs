//! Names outlive the store they were given in, when there is a backup of it. Through the real programs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;

use vow_tests::{Home, Scene};

#[test]
fn a_backup_in_place_of_a_lost_store_brings_everything_back() {
    let home = Home::new();
    Scene::new(900, 600, 1).with_row(&[0, 1]).save(home.photos().join("a.jpg"));
    let daemon = home.start();
    daemon.wait_idle();
    let person = daemon.json(["people", "--min-faces", "1"])[0]["person_id"].as_str().unwrap().to_owned();
    daemon.json(["name", &person, "Ada"]);

    let to = home.path().join("names.redb");
    let args = ["backup".as_ref(), to.as_os_str()];
    let made = daemon.json(args);
    assert_eq!(made["size"].as_u64().unwrap(), fs::metadata(&to).unwrap().len());
    let again = daemon.vow(args);
    assert_eq!(again.code, 4, "{}", again.stderr);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    daemon.json(["name", &person, "Eve"]);

    daemon.kill();
    fs::remove_dir_all(home.data()).unwrap();
    fs::create_dir(home.data()).unwrap();
    fs::rename(&to, home.data().join("vow.redb")).unwrap();
    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!((&status["photos_inferred"], &status["faces"]), (&0.into(), &2.into()), "{status}");
    assert_eq!(daemon.json(["person", "Ada"])["person_id"], person.as_str());
}
