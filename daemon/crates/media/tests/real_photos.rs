//! Real files, where they lie: none of them is taken for cut off, and each of their cut copies is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{open, shared_photos, try_open};
use vow_media::{Format, Limits, MediaError, inspect, is_picture_name, read};
use vow_types::{Failure, Orientation, Size};

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

#[test]
fn every_photo_is_read_whole() {
    let Some(folder) = shared_photos() else { return };
    let (mut good, mut refused, mut buffer) = (0, Vec::new(), Vec::new());
    for path in pictures(&folder) {
        read(&path, &Limits::default(), &mut buffer).unwrap();
        match try_open(&buffer) {
            Ok(_) => good += 1,
            Err(error) => {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                refused.push((name, Failure::new(error.stage(), &error).to_string()));
            }
        }
    }
    eprintln!("{good} photos read; refused: {refused:#?}");
    assert!(good > 100);
    for (name, reason) in refused {
        // One is damaged on purpose: a hole in the middle, and another file's end.
        assert!(name == "corrupted.jpg" && reason.contains("damaged"), "{name}: {reason}");
    }
}

#[test]
fn orientations_as_their_names_say() {
    let Some(folder) = shared_photos() else { return };
    for scene in ["Landscape", "Portrait"] {
        for tag in 0..=8u8 {
            let bytes = std::fs::read(folder.join(format!("orientation/{scene}_{tag}.jpg"))).unwrap();
            let header = inspect(&bytes, &Limits::default()).unwrap();
            assert_eq!(header.orientation.map_or(0, Orientation::to_exif), tag);
            let upright = header.orientation.unwrap_or_default().upright_size(header.coded);
            assert_eq!(upright.width > upright.height, scene == "Landscape", "{scene}_{tag}");
        }
    }
}

#[test]
fn heics_of_phones_are_their_tiles() {
    let Some(folder) = shared_photos() else { return };
    for (name, width, height, orientation) in [
        ("IMG_5195.heic", 2566, 3313, Orientation::Upright),
        ("iphone_13_pro_max.heic", 4032, 3024, Orientation::Turned90),
    ] {
        let bytes = std::fs::read(folder.join("formats").join(name)).unwrap();
        let header = inspect(&bytes, &Limits::default()).unwrap();
        assert_eq!((header.format, header.orientation), (Format::Heic, Some(orientation)), "{name}");
        assert_eq!(header.coded, Size { width, height });
        assert!(header.taken.is_some() && header.working < 4 << 20, "{name}: {header:?}");
    }
}

#[test]
fn cut_copies_are_refused() {
    let Some(folder) = shared_photos() else { return };
    let mut cuts = 0;
    for path in pictures(&folder) {
        // Of the thousands of alike portraits, some.
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "jpg" && extension != "heic")
            || name == "corrupted.jpg"
            || (path.parent().unwrap().ends_with("faces") && !name.starts_with('W'))
        {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let (_, whole) = open(&bytes);
        let lens = [1, 4, 8, 12, 15].map(|part| bytes.len() * part / 16);
        for len in lens.into_iter().chain([bytes.len() - 20, bytes.len() - 3]) {
            for filled in [false, true] {
                let mut cut = bytes[..len].to_vec();
                if filled {
                    cut.resize(bytes.len() + 4096, 0);
                }
                match try_open(&cut) {
                    Err(MediaError::Truncated { .. }) => cuts += 1,
                    // Zeros for a header are damage; and what lies behind the picture may be cut off.
                    Err(MediaError::Damaged { .. }) if filled => cuts += 1,
                    Ok(picture) => assert!(picture == whole, "{name} cut to {len}"),
                    Err(other) => panic!("{name} cut to {len}: {other}"),
                }
            }
        }
    }
    eprintln!("{cuts} cut copies refused");
}
