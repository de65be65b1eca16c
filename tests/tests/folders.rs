//! Watched folders: added, removed, taken into a larger one, away and back. Through the real programs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::path::Path;

use vow_tests::{Home, Scene};

#[test]
fn folders_are_added_listed_and_removed_and_come_back_without_inference() {
    let home = Home::new();
    let second = home.path().join("second");
    fs::create_dir(&second).unwrap();
    Scene::new(900, 600, 3).with_row(&[1, 2]).save(second.join("a.jpg"));
    let daemon = home.start();
    let added = daemon.json(["folder".as_ref(), "add".as_ref(), second.as_os_str()]);
    assert_eq!(added["added"], true);
    daemon.wait_until("the second folder is indexed", |status| status["faces"] == 2);
    assert_eq!(daemon.json(["folder".as_ref(), "add".as_ref(), second.as_os_str()])["added"], false);
    assert_eq!(daemon.json(["folder", "list"]).as_array().unwrap().len(), 2);
    let removed = daemon.json(["folder".as_ref(), "remove".as_ref(), second.as_os_str()]);
    assert_eq!(removed["photos_gone"], 1);
    assert_eq!(daemon.wait_idle()["faces"], 0);
    assert!(second.join("a.jpg").exists(), "nothing on disk is touched");
    daemon.json(["folder".as_ref(), "add".as_ref(), second.as_os_str()]);
    let status = daemon.wait_until("it is back", |status| status["faces"] == 2);
    assert_eq!(status["photos_inferred"], 1, "a hash, not an inference");
    let unknown = daemon.vow(["folder", "remove", "/no/such/folder"]);
    assert_eq!(unknown.code, 1, "{}", unknown.stderr);
}

#[test]
fn a_folder_takes_in_those_that_lie_in_it() {
    let home = Home::new();
    let year = home.photos().join("2026");
    let (party, hidden) = (year.join("party"), year.join(".hidden"));
    fs::create_dir_all(&party).unwrap();
    fs::create_dir_all(&hidden).unwrap();
    Scene::new(900, 600, 5).with_row(&[1, 2]).save(party.join("a.jpg"));
    fs::write(party.join("b.jpg"), "no picture").unwrap();
    Scene::new(900, 600, 6).with_row(&[1]).save(year.join("c.jpg"));
    let mut command = home.vowd();
    command.arg(&party).arg(&hidden);
    let daemon = home.start_as(command);
    daemon.wait_idle();
    let person = daemon.json(["people", "--min-faces", "1"])[0]["person_id"].as_str().unwrap().to_owned();
    daemon.json(["name", &person, "Ada"]);
    let add = |path: &Path| daemon.vow(["folder".as_ref(), "add".as_ref(), path.as_os_str()]);

    let refused = add(home.photos().as_path());
    assert_eq!(refused.code, 4, "what is hidden in it would be lost: {}", refused.stderr);
    assert!(refused.stderr.contains("vow folder remove"), "{}", refused.stderr);
    daemon.json(["folder".as_ref(), "remove".as_ref(), hidden.as_os_str()]);
    assert_eq!(add(&home.photos()).code, 0);
    let status = daemon.wait_until("all of it is indexed", |status| status["photos"] == 2);
    assert_eq!((&status["photos_inferred"], &status["failures"]), (&2.into(), &1.into()), "{status}");
    let folders = daemon.json(["folder", "list"]);
    assert_eq!((folders.as_array().unwrap().len(), &folders[0]["files"]), (1, &3.into()), "{folders}");
    assert!(!daemon.json(["photos", "Ada"]).as_array().unwrap().is_empty());

    // Changes in what was a folder of its own are still heard of.
    Scene::new(900, 600, 7).with_row(&[2]).save(party.join("d.jpg"));
    daemon.wait_until("the new photo is there", |status| status["photos"] == 3);
    drop(daemon);
    let again = home.start();
    assert_eq!(again.wait_idle()["photos_inferred"], 0);
    assert_eq!(again.json(["folder", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn an_offline_folder_keeps_its_photos() {
    let home = Home::new();
    Scene::new(900, 600, 4).with_row(&[1, 2]).save(home.photos().join("a.jpg"));
    let daemon = home.start();
    daemon.wait_idle();
    let away = home.path().join("away");
    fs::rename(home.photos(), &away).unwrap();
    daemon.json(["rescan"]);
    daemon.wait_until("the folder is offline", |_| daemon.json(["folder", "list"])[0]["online"] == false);
    assert_eq!(daemon.wait_idle()["faces"], 2, "a disk that is away takes no photo along");
    fs::rename(&away, home.photos()).unwrap();
    daemon.wait_until("it is back, without being asked to look", |_| {
        daemon.json(["folder", "list"])[0]["online"] == true
    });
    assert_eq!(daemon.wait_idle()["photos_inferred"], 1);
}
