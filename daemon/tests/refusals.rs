//! The binary refuses to start, clearly and before it touches anything. (That it is built for this test is also what puts
//! `vowd` beside the end-to-end tests of the workspace.)
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::path::Path;
use std::process::{Command, Output};

fn vowd(data_dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vowd"));
    for name in
        ["VOW_PACK", "VOW_SOCKET", "VOW_CONFIG", "VOW_RUNTIME", "VOW_THREADS", "VOW_MAX_MEMORY", "VOW_LOG"]
    {
        command.env_remove(name);
    }
    command.arg("--data-dir").arg(data_dir).args(args).output().unwrap()
}

fn refused(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_pack_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    refused(&vowd(&data, &["--once", "--pack", "no_such_pack"]), 1, &["no_such_pack", "--pack DIR"]);
    refused(&vowd(&data, &["--once", "--pack", "./no/such/pack"]), 1, &["no/such/pack"]);
    assert!(!data.exists(), "the data folder was touched");
}

#[test]
fn a_broken_pack() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let pack = dir.path().join("pack");
    std::fs::create_dir(&pack).unwrap();
    refused(&vowd(&data, &["--once", "--pack", pack.to_str().unwrap()]), 1, &["pack.toml"]);
    std::fs::write(pack.join("pack.toml"), "name = 3\n[detector]\nhead = \"magic\"").unwrap();
    refused(&vowd(&data, &["--once", "--pack", pack.to_str().unwrap()]), 1, &["name", "head", "scrfd"]);
    assert!(!data.exists(), "the data folder was touched");
}

#[test]
fn wrong_use() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["/no/such/folder", "--threads", "`0`"];
    refused(&vowd(dir.path(), &["--threads", "0", "/no/such/folder"]), 2, &words);
    refused(&vowd(dir.path(), &["--report", "json"]), 2, &["--once"]);
}

#[test]
fn help_and_version() {
    let dir = tempfile::tempdir().unwrap();
    for (flag, word) in [("--help", "--data-dir"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let output = vowd(dir.path(), &[flag]);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains(word));
    }
}
