//! A pack that is in use is installed anew: what runs takes over, what does not changes nothing, and a daemon whose chosen pack
//! was damaged says what to do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use vow_tests::programs::run;
use vow_tests::{Daemon, Home, TinyPack};

/// Longer than any start takes on a machine that works at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// The folder of a pack of one's own called `mine`.
fn mine(home: &Home, version: &str, detector: &[u8]) -> PathBuf {
    let tiny = TinyPack::default();
    let folder = tiny.write(&home.path().join("mine")).unwrap();
    let manifest = tiny.manifest().replace("drawn-scrfd", "mine");
    fs::write(
        folder.join("pack.toml"),
        manifest.replace("version = \"1\"", &format!("version = \"{version}\"")),
    )
    .unwrap();
    fs::write(folder.join("detector.onnx"), detector).unwrap();
    folder
}

fn good() -> Vec<u8> {
    TinyPack::default().detector_graph()
}

fn start(home: &Home) -> Daemon {
    let mut command = home.vowd_without_pack();
    command.arg(home.photos());
    home.start_as(command)
}

/// A daemon that runs version 1 of `mine`.
fn with_mine_in_use(home: &Home) -> Daemon {
    let daemon = start(home);
    install(&daemon, &mine(home, "1", &good()));
    daemon.json(["models", "use", "mine"]);
    daemon
}

fn install(daemon: &Daemon, folder: &Path) -> Value {
    daemon.json(["models".as_ref(), "install".as_ref(), folder.as_os_str()])
}

fn version(daemon: &Daemon) -> String {
    let packs = daemon.json(["models", "list"]);
    let mine = packs.as_array().unwrap().iter().find(|pack| pack["name"] == "mine").unwrap();
    assert_eq!(mine["state"], "in use");
    mine["version"].as_str().unwrap().to_owned()
}

#[test]
fn one_that_does_not_run_takes_no_ones_place() {
    let home = Home::new();
    let daemon = with_mine_in_use(&home);
    let garbage = mine(&home, "2", b"no graph");
    let refused = daemon.vow(["models".as_ref(), "install".as_ref(), garbage.as_os_str()]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    for word in ["`mine` does not run", "stays as it was", "detector"] {
        assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
    }
    assert_eq!(version(&daemon), "1");
    let left = fs::read_dir(home.data().join("packs")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: BTreeSet<_> = left.collect();
    assert_eq!(left, [".prepared", "mine"].map(Into::into).into(), "nothing else is left");
    assert!(daemon.stop().0.success());

    let daemon = start(&home);
    assert_eq!(daemon.wait_idle()["pack"], "mine");
    // Chosen for the next start, though this one was told to use another.
    assert!(daemon.stop().0.success());
    let mut command = home.vowd_without_pack();
    command.args(["--pack", "starter"]);
    let daemon = home.start_as(command);
    let refused = daemon.vow(["models".as_ref(), "install".as_ref(), garbage.as_os_str()]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(daemon.stop().0.success());
}

#[test]
fn one_that_runs_is_run() {
    let home = Home::new();
    let daemon = with_mine_in_use(&home);
    daemon.wait_idle();
    // Each start says how it went.
    let starts = || daemon.log().matches(" ready pack=").count();
    let before = starts();
    install(&daemon, &mine(&home, "2", &good()));
    let begun = Instant::now();
    while starts() == before || daemon.vow(["status"]).code != 0 {
        assert!(begun.elapsed() < PATIENCE, "it goes on with the old one; its log:\n{}", daemon.log());
        sleep(Duration::from_millis(25));
    }
    assert_eq!(daemon.status()["pack"], "mine");
    assert_eq!(version(&daemon), "2");
    assert!(daemon.stop().0.success());
}

#[test]
fn a_chosen_pack_that_was_damaged_is_told_with_the_way_out() {
    let home = Home::new();
    let daemon = with_mine_in_use(&home);
    assert!(daemon.stop().0.success());
    let choice = home.data().join("chosen-pack");
    let refused = || run(home.vowd_without_pack().arg("--once"));

    let folder = home.data().join("packs/mine");
    fs::write(folder.join("detector.onnx"), "no graph").unwrap();
    let damaged = refused();
    fs::remove_dir_all(&folder).unwrap();
    let missing = refused();
    for answer in [damaged, missing] {
        assert_eq!(answer.code, 1, "{}", answer.stderr);
        for word in ["`mine`", "--pack starter", "models install", choice.to_str().unwrap()] {
            assert!(answer.stderr.contains(word), "{word}: {}", answer.stderr);
        }
    }
    // Whoever named it knows where.
    let named = run(home.vowd_without_pack().args(["--once", "--pack", "mine"]));
    assert_eq!(named.code, 1);
    assert!(!named.stderr.contains("chosen-pack"), "{}", named.stderr);

    fs::remove_file(&choice).unwrap();
    let daemon = start(&home);
    assert_eq!(daemon.wait_idle()["pack"], "starter");
    assert!(daemon.stop().0.success());
}
