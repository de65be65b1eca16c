//! A kill at any moment leaves a store that opens and goes on; what was answered for is never lost.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::time::Duration;

use vow_tests::{Home, Scene};

/// Enough photos that a kill falls into the middle of them.
fn many(home: &Home, photos: u32) {
    for photo in 0..photos {
        let cast = [photo % 5, 5 + photo % 3];
        Scene::new(640, 480, u64::from(photo))
            .with_row(&cast)
            .save(home.photos().join(format!("{photo:03}.jpg")));
    }
}

#[test]
fn killed_again_and_again_it_gets_there_and_loses_nothing() {
    let home = Home::new();
    many(&home, 40);
    let mut inferred = 0;
    let mut seen = 0;
    for round in 0u32..6 {
        let daemon = home.start();
        std::thread::sleep(Duration::from_millis(30 + 90 * u64::from(round)));
        let status = daemon.status();
        let photos = status["photos"].as_u64().unwrap();
        assert!(photos >= seen, "photos that were answered for are gone: {photos} < {seen}");
        seen = photos;
        inferred += status["photos_inferred"].as_u64().unwrap();
        daemon.kill();
    }
    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!((status["photos"].as_u64(), status["faces"].as_u64()), (Some(40), Some(80)), "{status}");
    assert_eq!((status["failures"].as_u64(), status["people"].as_u64()), (Some(0), Some(8)), "{status}");
    inferred += status["photos_inferred"].as_u64().unwrap();
    // A photo in hand at a kill is inferred again: at most a few a kill.
    assert!(inferred <= 40 + 6 * 64, "{inferred}");
    let export = daemon.vow(["export", "json"]).stdout;
    assert_eq!(export.lines().count(), 80, "each face once");
}

#[test]
fn a_name_that_was_answered_for_survives_a_kill() {
    let home = Home::new();
    many(&home, 12);
    let mut daemon = home.start();
    daemon.wait_idle();
    for round in 0..5 {
        let person = daemon.json(["people"])[round]["person_id"].as_str().unwrap().to_owned();
        let name = format!("{round} Somebody");
        daemon.json(["name", &person, &name]);
        daemon.kill(); // right after the answer
        daemon = home.start();
        daemon.wait_idle();
        assert_eq!(daemon.json(["person", &name])["person_id"], person.as_str());
    }
    assert_eq!(daemon.status()["photos_inferred"], 0);
}

#[test]
fn asked_to_stop_in_the_middle_it_stores_what_it_has_and_exits_0() {
    let home = Home::new();
    many(&home, 40);
    let daemon = home.start();
    daemon.wait_until("it has begun", |status| status["photos_inferred"].as_u64() > Some(2));
    let done = daemon.status()["photos"].as_u64().unwrap();
    let (ended, log) = daemon.stop();
    assert!(ended.success(), "{log}");
    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!(status["photos"], 40);
    assert!(
        status["photos_inferred"].as_u64().unwrap() <= 40 - done,
        "what was stored was not inferred again"
    );
}

#[test]
fn a_derived_index_that_was_damaged_is_built_anew() {
    let home = Home::new();
    many(&home, 6);
    let daemon = home.start();
    daemon.wait_idle();
    let before = daemon.json(["similar".as_ref(), home.photos().join("000.jpg").as_os_str()]);
    assert!(daemon.stop().0.success());
    let index = home.data().join("index");
    let mut damaged = 0;
    for entry in std::fs::read_dir(&index).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
            std::fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0, "there was a saved index");
    let daemon = home.start();
    daemon.wait_idle();
    assert_eq!(daemon.json(["similar".as_ref(), home.photos().join("000.jpg").as_os_str()]), before);
    std::fs::remove_dir_all(&index).ok();
}
