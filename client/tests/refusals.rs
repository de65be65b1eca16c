//! The client without a daemon: exit codes and what it says. (That it is built for this test is also what puts `vow`
//! beside the end-to-end tests of the workspace.)
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::process::{Command, Output};

fn vow(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vow")).args(args).env_remove("VOW_SOCKET").output().unwrap()
}

#[test]
fn a_daemon_that_is_not_there_is_exit_code_3_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("none.sock");
    let output = vow(&["--socket", socket.to_str().unwrap(), "status"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("none.sock") && text.contains("vowd FOLDER"), "{text}");
}

#[test]
fn wrong_use_is_exit_code_2() {
    for args in [&["frobnicate"][..], &["photos"], &["similar"], &["people", "--min-faces", "0"]] {
        assert_eq!(vow(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn completions_need_no_daemon() {
    let output = vow(&["completions", "bash"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("_vow"));
}

#[test]
fn who_wants_json_gets_refusals_as_json_too() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("none.sock");
    for (args, kind, code) in [(&["status"][..], "unreachable", 3), (&["frobnicate"], "wrong-use", 2)] {
        let output = vow(&[&["--json", "--socket", socket.to_str().unwrap()], args].concat());
        let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(
            (error["kind"].as_str(), error["exit_code"].as_i64()),
            (Some(kind), Some(code)),
            "{error}"
        );
        assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
        assert_eq!(output.status.code(), Some(code.try_into().unwrap()));
    }
    let help = vow(&["--json", "--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("Usage"), "{help:?}");
}
