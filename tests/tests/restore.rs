//! `vow restore` brings old names back and keeps the newer ones; a kill in the middle leaves one store or the other, whole.
//! Through the real programs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use vow_store::Store;
use vow_tests::programs::binary;
use vow_tests::{Answer, Daemon, Home};

/// A library with Ada, a backup of that, and then she is Eve.
fn renamed() -> (Home, Daemon, String, PathBuf) {
    let home = Home::new();
    home.draw_event(2);
    let daemon = home.start();
    daemon.wait_idle();
    let person = daemon.person_in(&home.photos().join("of 0/0.jpg"));
    daemon.json(["name", &person, "Ada"]);
    let backup = home.path().join("of monday");
    daemon.json(["backup".as_ref(), backup.as_os_str()]);
    daemon.json(["name", &person, "Eve"]);
    (home, daemon, person, backup)
}

fn restore(daemon: &Daemon, file: &Path, how: &str) -> Answer {
    daemon.vow(["--json".as_ref(), "restore".as_ref(), file.as_os_str(), OsStr::new(how)])
}

fn name(daemon: &Daemon, person: &str) -> String {
    daemon.json(["person", person])["name"].as_str().unwrap().to_owned()
}

#[test]
fn old_names_come_back_and_the_newer_ones_are_kept() {
    let (home, daemon, person, backup) = renamed();
    let last = daemon.status()["last_event"].as_u64().unwrap().to_string();
    let unasked = daemon.vow(["restore".as_ref(), backup.as_os_str()]);
    assert_eq!(unasked.code, 2, "{}", unasked.stderr);
    let looked = restore(&daemon, &backup, "--check").json();
    assert_eq!(
        (&looked["restored"], &looked["photos"], &looked["named"]),
        (&false.into(), &6.into(), &1.into())
    );
    assert_eq!(name(&daemon, &person), "Eve");

    let done = restore(&daemon, &backup, "--yes").json();
    assert_eq!(done["restored"], true, "{done}");
    let status = daemon.wait_idle();
    assert_eq!((name(&daemon, &person).as_str(), &status["pid"]), ("Ada", &daemon.pid().into()));
    assert_eq!(status["photos_inferred"], 0, "its faces are known");
    let followed = daemon.vow(["events", "--after", &last]);
    assert!(followed.code == 4 && followed.stderr.contains("another store"), "{followed:?}");
    assert_eq!(daemon.vow(["verify", "--photos"]).code, 0);

    let kept = PathBuf::from(done["kept"].as_str().unwrap());
    assert!(kept.starts_with(home.data()) && backup.is_file(), "{kept:?}");
    assert_eq!(restore(&daemon, &kept, "--yes").code, 0);
    daemon.wait_idle();
    assert_eq!(name(&daemon, &person), "Eve", "and back again");
}

#[test]
fn what_is_no_backup_is_refused_and_nothing_happens() {
    let (home, daemon, person, backup) = renamed();
    let bad = home.path().join("bad");
    let whole = fs::read(&backup).unwrap();
    for (bytes, why) in [(&b"Dear diary"[..], "holds something else"), (&whole[..whole.len() / 2], "damaged")]
    {
        fs::write(&bad, bytes).unwrap();
        let refused = restore(&daemon, &bad, "--yes");
        assert!(refused.code == 4 && refused.stderr.contains(why), "{refused:?}");
    }
    let own = restore(&daemon, &home.data().join("vow.redb"), "--yes");
    assert!(own.code == 4 && own.stderr.contains("has it open"), "{own:?}");
    assert_eq!(name(&daemon, &person), "Eve");
    let strays = fs::read_dir(home.data()).unwrap().map(|one| one.unwrap().file_name());
    assert_eq!(strays.filter(|name| name.to_string_lossy().contains("restore")).count(), 0);
}

#[test]
fn a_kill_in_the_middle_leaves_one_store_or_the_other_whole() {
    let (home, mut daemon, person, backup) = renamed();
    let mut ends = Vec::new();
    for round in 0u32..10 {
        let mut command = Command::new(binary("vow"));
        command.arg("--socket").arg(home.socket()).arg("restore").arg(&backup).arg("--yes");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut asking = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(8 * round * round)));
        daemon.kill();
        let _ = asking.kill();
        let _ = asking.wait();
        daemon = home.start();
        daemon.wait_idle();
        let called = name(&daemon, &person);
        assert!(called == "Ada" || called == "Eve", "{called}");
        assert_eq!(daemon.vow(["verify"]).code, 0, "{}", daemon.log());
        if called == "Ada" {
            daemon.json(["name", &person, "Eve"]);
        }
        ends.push(called);
    }
    assert!(daemon.stop().0.success());
    // Whatever was kept on the way is a whole store with the newer name.
    let mut kept = 0;
    for file in fs::read_dir(home.data()).unwrap().map(|one| one.unwrap().path()) {
        if file.to_string_lossy().contains(".before-restore-") {
            let store = Store::open(&file).unwrap();
            assert_eq!(store.people_named("Eve").unwrap().len(), 1, "{}", file.display());
            kept += 1;
        }
    }
    assert!(kept >= ends.iter().filter(|name| *name == "Ada").count(), "{kept} for {ends:?}");
}
