//! `vow verify` finds what is wrong with the store and with originals, says what to do, and changes nothing. Through the real
//! programs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::fs::{self, File};
use std::path::Path;

use serde_json::Value;
use vow_store::{Decision, Outcome, Store};
use vow_tests::{Daemon, Home};
use vow_types::{FaceId, PersonId};

/// The findings and the summary, and the exit code.
fn verify(daemon: &Daemon, args: &[&str]) -> (Vec<Value>, Value, i32) {
    let answer = daemon.vow(["--json", "verify"].iter().chain(args));
    let mut lines: Vec<Value> =
        answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().unwrap_or_else(|| panic!("{}", answer.stderr));
    (lines, summary, answer.code)
}

/// Writes other bytes into a file that keeps its size and time.
fn alter(path: &Path, alter: impl Fn(&mut Vec<u8>)) {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    alter(&mut bytes);
    fs::write(path, bytes).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_is_whole_is_fine() {
    let home = Home::new();
    home.draw_event(3);
    let daemon = home.start();
    daemon.wait_idle();
    let person = daemon.person_in(&home.photos().join("of 0/0.jpg"));
    daemon.json(["name", &person, "Ada"]);
    daemon.json(["undo"]);
    daemon.wait_idle();
    let last = daemon.status()["last_event"].clone();
    let (found, summary, code) = verify(&daemon, &["--photos"]);
    assert_eq!((found, code), (vec![], 0), "{summary}");
    assert_eq!((&summary["index_compared"], &summary["originals"]), (&true.into(), &9.into()), "{summary}");
    assert_eq!(daemon.status()["last_event"], last);
    let told = daemon.vow(["verify"]);
    assert!(told.code == 0 && told.stdout.starts_with("all fine: read "), "{told:?}");
}

#[test]
fn damage_is_found_where_it_is() {
    let home = Home::new();
    home.draw_event(2);
    let daemon = home.start();
    daemon.wait_idle();
    assert!(daemon.stop().0.success());
    // A bit that flipped in a picture, one that is no picture any more, and a word about a face that is not there.
    let photo = |name: &str| home.photos().join(name);
    alter(&photo("of 0/0.jpg"), |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    });
    alter(&photo("of 1/1.jpg"), |bytes| bytes.fill(7));
    {
        let store = Store::open(&home.data().join("vow.redb")).unwrap();
        let decision = Decision::Confirmed { face: FaceId(999), person: PersonId(1), before: None };
        store.decide(decision, Vec::new(), &Outcome::default(), 0).unwrap();
    }
    let daemon = home.start();
    daemon.wait_idle();

    let (found, summary, code) = verify(&daemon, &[]);
    assert_eq!((found.len(), code), (1, 1), "{found:?} {summary}");
    assert_eq!(
        (&found[0]["table"], &found[0]["row"]),
        (&"journal".into(), &"decision 1".into()),
        "{found:?}"
    );
    assert!(found[0]["what"].as_str().unwrap().contains("f999"), "{found:?}");

    let (found, summary, code) = verify(&daemon, &["--photos"]);
    assert_eq!((summary["findings"].as_u64(), code), (Some(3), 1), "{found:?}");
    let of = |name: &str| {
        let path = photo(name);
        let one = found.iter().find(|one| one["path"].as_str().is_some_and(|text| Path::new(text) == path));
        one.unwrap_or_else(|| panic!("{name}: {found:?}"))["finding"].clone()
    };
    assert_eq!((of("of 0/0.jpg"), of("of 1/1.jpg")), ("changed".into(), "unreadable".into()));
    let told = daemon.vow(["verify", "--photos"]);
    assert!(told.code == 1 && told.stdout.contains("the disk may be failing"), "{told:?}");
    assert!(told.stderr.contains("3 findings"), "{told:?}");
}

#[test]
fn a_folder_that_is_away_is_said_to_be() {
    let home = Home::new();
    home.draw_event(1);
    let daemon = home.start();
    daemon.wait_idle();
    fs::rename(home.photos(), home.path().join("elsewhere")).unwrap();
    daemon.vow(["rescan"]);
    let offline = |daemon: &Daemon| daemon.json(["folder", "list"])[0]["online"] == false;
    daemon.wait_until("it is noticed", |_| offline(&daemon));
    let (found, summary, code) = verify(&daemon, &["--photos"]);
    let kinds: Vec<&Value> = found.iter().map(|one| &one["finding"]).collect();
    assert_eq!((kinds, code), (vec![&Value::from("offline")], 1), "{summary}");
}
