//! Photos that a pack made nothing of: that is not the photo's fault for good. Another pack is asked, and the same one after a
//! start and when somebody wants it, once each time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::path::PathBuf;

use vow_tests::embedder::mute_embedder;
use vow_tests::{Home, Scene};

fn embedder(home: &Home) -> PathBuf {
    home.pack().join("embedder.onnx")
}

#[test]
fn what_a_pack_failed_at_is_tried_again_by_another_at_a_start_and_when_asked() {
    let home = Home::new();
    for seed in 0..2 {
        Scene::new(640, 480, seed).with_row(&[1, 2]).save(home.photos().join(format!("{seed}.jpg")));
    }
    let good = fs::read(embedder(&home)).unwrap();
    fs::write(embedder(&home), mute_embedder()).unwrap();
    let daemon = home.start();
    let status = daemon.wait_idle();
    let failures = daemon.json(["failures"]);
    assert_eq!((&status["failures"], &status["files_read"]), (&2.into(), &2.into()), "{failures}");
    assert_eq!(failures[0]["stage"], "embed", "{failures}");

    let asked = daemon.vow(["rescan"]);
    assert_eq!(asked.code, 0, "{}", asked.stderr);
    daemon.wait_until("both were read again", |status| status["files_read"] == 4);
    assert_eq!(daemon.wait_idle()["failures"], 2);
    assert_eq!(daemon.status()["files_read"], 4, "once, and not over and over");
    assert!(daemon.stop().0.success());

    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!((&status["failures"], &status["files_read"]), (&2.into(), &2.into()), "a start tries once");
    assert!(daemon.stop().0.success());

    fs::write(embedder(&home), good).unwrap();
    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!((&status["failures"], &status["faces"]), (&0.into(), &4.into()), "{status}");
    assert!(daemon.stop().0.success());
}
