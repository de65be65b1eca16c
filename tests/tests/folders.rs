//! Watched folders: added, removed, taken into a larger one, away and back. Through the real programs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use vow_tests::{Daemon, Home, Scene};

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

#[test]
fn every_folder_is_seen_once_whatever_links_lead_to_it() {
    let home = Home::new();
    let (photos, outside) = (home.photos(), home.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    for a in 0..12 {
        let folder = photos.join(a.to_string());
        fs::create_dir(&folder).unwrap();
        for b in 0..12 {
            symlink(photos.join(b.to_string()), folder.join(format!("to{b}"))).unwrap();
        }
    }
    Scene::new(900, 600, 1).with_row(&[1, 2]).save(photos.join("3/a.jpg"));
    Scene::new(900, 600, 2).with_row(&[3]).save(outside.join("b.jpg"));
    symlink(&outside, photos.join("first")).unwrap();
    symlink(&outside, photos.join("second")).unwrap();
    let daemon = home.start();
    let files = || daemon.json(["folder", "list"])[0]["files"].clone();
    daemon.wait_until("all is indexed", |status| status["photos"] == 2);
    assert_eq!(files(), 2, "each photo under one path");
    let seen_at = |name: &str| daemon.vow(["faces".as_ref(), photos.join(name).as_os_str()]).code == 0;
    assert!(seen_at("first/b.jpg") && !seen_at("second/b.jpg"));

    // What comes is heard of under that path, and a further link changes nothing.
    Scene::new(900, 600, 3).with_row(&[4]).save(outside.join("c.jpg"));
    daemon.wait_until("the new one is there", |status| status["photos"] == 3);
    symlink(&outside, photos.join("third")).unwrap();
    Scene::new(900, 600, 4).with_row(&[5]).save(photos.join("d.jpg"));
    daemon.wait_until("the next is there", |status| status["photos"] == 4);
    assert_eq!(files(), 4);

    // The way that was shown is gone, and another is left.
    fs::remove_file(photos.join("first")).unwrap();
    let status = daemon.wait_until("it is seen by the other", |status| {
        status["photos"] == 4 && seen_at("second/b.jpg") && !seen_at("first/b.jpg")
    });
    assert_eq!((files(), &status["photos_inferred"]), (4.into(), &4.into()), "{status}");
    Scene::new(900, 600, 5).with_row(&[6]).save(outside.join("e.jpg"));
    daemon.wait_until("that one is watched", |status| status["photos"] == 5);
    assert!(seen_at("second/e.jpg"));
}

#[test]
fn what_is_nobodys_photo_is_left_out() {
    let home = Home::new();
    Scene::new(900, 600, 1).with_row(&[1, 2]).save(home.photos().join("a.jpg"));
    fs::create_dir_all(home.data()).unwrap();
    Scene::new(900, 600, 2).with_row(&[3]).save(home.data().join("b.jpg"));
    symlink("/proc", home.photos().join("kernel")).unwrap();
    let mut command = home.vowd();
    command.arg(home.path());
    let daemon = home.start_as(command);
    let status = daemon.wait_until("the photo is indexed", |status| status["photos"] == 1);
    assert_eq!((&status["files"], &status["failures"]), (&1.into(), &0.into()), "{status}");
    assert_eq!(status["ignored"]["system_folder"], 2, "the daemon's own data and /proc: {status}");
    let refused = daemon.vow(["folder", "add", "/proc"]);
    assert!(refused.code != 0 && refused.stderr.contains("the kernel makes up"), "{}", refused.stderr);
}

/// More folders than are gone through between two looks at the status.
const FOREST: usize = 40_000;

/// A daemon that has begun to go through a folder of very many, unless it is through already.
fn in_a_forest(home: &Home, forest: &Path) -> Daemon {
    for n in 0..FOREST / 200 {
        (0..199).for_each(|tree| fs::create_dir_all(forest.join(format!("{n}/{tree}"))).unwrap());
    }
    let mut command = home.vowd();
    command.env("VOW_LOG", "info,vow_engine=debug,vow_watch=debug").arg(home.photos());
    let daemon = home.start_as(command);
    daemon.wait_idle();
    daemon.json(["folder".as_ref(), "add".as_ref(), forest.as_os_str()]);
    while daemon.status()["state"] != "scanning" && !is_through(&daemon.log(), forest) {}
    daemon
}

fn is_through(log: &str, forest: &Path) -> bool {
    log.lines().any(|line| line.contains("scanned") && line.contains(forest.to_str().unwrap()))
}

/// Neither walk went on to the end: not that of the watches, and not that of the scan.
fn assert_ended(log: &str, forest: &Path) {
    if is_through(log, forest) {
        println!("it was through before it could be ended");
        return;
    }
    let ended = log.lines().find(|line| line.contains("a scan was ended early")).unwrap();
    let folders = ended.split("folders=").nth(1).unwrap();
    let folders: usize = folders.split(' ').next().unwrap().trim().parse().unwrap();
    assert!(folders < FOREST, "{ended}");
    assert!(folders > 1 || log.contains("watching was ended early"), "{log}");
}

#[test]
fn a_scan_ends_when_its_folder_is_removed() {
    let home = Home::new();
    let forest = home.path().join("forest");
    let daemon = in_a_forest(&home, &forest);
    daemon.json(["folder".as_ref(), "remove".as_ref(), forest.as_os_str()]);
    Scene::new(900, 600, 1).with_row(&[1, 2]).save(home.photos().join("a.jpg"));
    daemon.wait_until("a photo elsewhere is indexed", |status| status["faces"] == 2);
    assert_ended(&daemon.log(), &forest);
}

#[test]
fn a_scan_ends_with_the_daemon() {
    let home = Home::new();
    let forest = home.path().join("forest");
    let (ended, log) = in_a_forest(&home, &forest).stop();
    assert!(ended.success(), "{log}");
    assert_ended(&log, &forest);
}
