//! Which crate may know which: the arrows of `ARCHITECTURE.md`, held against `cargo metadata`.
//!
//! What only tests need (dev-dependencies) is free. `deny.toml` holds the same fences for whatever comes in through
//! other people's crates.
#![allow(clippy::unwrap_used, clippy::panic, reason = "functions beside the tests are tests too")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

/// Every crate of the workspace with those of the workspace that it may depend on.
const ARROWS: [(&str, &[&str]); 23] = [
    ("vow-tables", &[]),
    ("vow-types", &["vow-tables"]),
    ("vow-proto", &[]),
    ("vow-fetch", &[]),
    ("vow-models", &["vow-types", "vow-fetch"]),
    ("vow-depot", &["vow-fetch", "vow-models"]),
    ("vow-watch", &["vow-types"]),
    ("vow-hevc", &["vow-types"]),
    ("vow-media", &["vow-hevc", "vow-types"]),
    ("vow-vision", &["vow-types"]),
    ("vow-graph", &["vow-types"]),
    ("vow-infer", &["vow-types", "vow-vision"]),
    ("vow-store", &["vow-tables", "vow-types"]),
    ("vow-index", &["vow-tables", "vow-types"]),
    ("vow-cluster", &["vow-tables", "vow-types"]),
    ("vow-machine", &["vow-types"]),
    ("vow-report", &["vow-proto"]),
    (
        "vow-engine",
        &[
            "vow-tables",
            "vow-types",
            "vow-models",
            "vow-watch",
            "vow-media",
            "vow-vision",
            "vow-graph",
            "vow-infer",
            "vow-store",
            "vow-index",
            "vow-cluster",
            "vow-machine",
        ],
    ),
    ("vow-serve", &["vow-types", "vow-proto", "vow-engine", "vow-depot"]),
    ("vowd", &["vow-types", "vow-machine", "vow-engine", "vow-serve", "vow-report", "vow-depot"]),
    ("vow", &["vow-proto", "vow-report"]),
    ("vow-tests", ANY),
    ("vow-benches", ANY),
];

/// Crates that nobody depends on may depend on all.
const ANY: &[&str] = &["*"];

/// Crates from outside with the only ones that may depend on them. A name stands for its family too: `tonic` for
/// `tonic-health`, `ort` for `ort-tract`.
const FENCES: [(&str, &[&str]); 11] = [
    ("redb", &["vow-store"]),
    ("ort", &["vow-infer"]),
    ("tract", &["vow-infer"]),
    ("hnsw_rs", &["vow-benches"]),
    ("memmap2", &["vow-index", "vow-tables"]),
    ("heifer-hevc-dec", &["vow-hevc"]),
    ("notify", &["vow-watch"]),
    ("ureq", &["vow-fetch"]),
    ("zip", &["vow-fetch", "vow-tests"]),
    ("nvml-wrapper", &["vow-machine"]),
    ("tonic", &["vow-proto", "vow-serve", "vow", "vow-tests"]),
];

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every arrow that is not allowed, in words.
fn trespasses(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let members: BTreeSet<&str> = packages.iter().map(|package| text(package, "name")).collect();
    let mut found = Vec::new();
    for package in packages {
        let name = text(package, "name");
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            found.push(format!("{name} has no place yet: say in this test what it may depend on"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = text(dependency, "name");
            if dependency["kind"] == "dev" {
                continue;
            }
            if members.contains(on) && *allowed != ANY && !allowed.contains(&on) {
                found.push(format!("{name} must not depend on {on}"));
            }
            for (fenced, within) in FENCES {
                let family = on.strip_prefix(fenced);
                if family.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
                    && !within.contains(&name)
                {
                    found.push(format!("{name} must not depend on {on}: only {} may", within.join(", ")));
                }
            }
        }
    }
    found
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

#[test]
fn no_arrow_points_where_it_must_not() {
    let found = trespasses(&metadata());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_crate_named_here_exists() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    for (name, _) in ARROWS {
        assert!(packages.iter().any(|package| text(package, "name") == name), "{name} is gone");
    }
}

#[test]
fn a_trespass_is_seen() {
    let package = |name: &str, on: &str, kind: Value| {
        let others =
            ["vow-store", "vow-index", "vow-types"].map(|name| json!({ "name": name, "dependencies": [] }));
        let package = json!({ "name": name, "dependencies": [{ "name": on, "kind": kind }] });
        json!({ "packages": ([&[package][..], &others].concat()) })
    };
    let found = |name: &str, on: &str, kind: Value| trespasses(&package(name, on, kind));
    assert_eq!(found("vow-cluster", "vow-store", Value::Null), ["vow-cluster must not depend on vow-store"]);
    assert_eq!(found("vow-cluster", "vow-store", json!("build")).len(), 1);
    assert_eq!(found("vow-cluster", "vow-store", json!("dev")), Vec::<String>::new());
    assert_eq!(found("vow-cluster", "vow-types", Value::Null), Vec::<String>::new());
    let redb = found("vow-engine", "redb", Value::Null);
    assert_eq!(redb, ["vow-engine must not depend on redb: only vow-store may"]);
    assert_eq!(found("vow-engine", "tonic-health", Value::Null).len(), 1);
    assert_eq!(found("vow-engine", "ordered-float", Value::Null), Vec::<String>::new());
    assert_eq!(found("vow-new", "serde", Value::Null).len(), 1);
}
