//! A picture that is cut off is refused, wherever the cut is; one that only lacks its end mark is not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use common::{Jpeg, encode, open, scene, try_open};
use image::{DynamicImage, ImageFormat};
use vow_media::MediaError;
use vow_types::{Failure, Stage};

/// Where the entropy-coded data of the first scan begins.
fn first_scan(jpeg: &[u8]) -> usize {
    let at = jpeg.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
    at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]))
}

/// Either refused as cut off, or nothing is missing: the last byte may hold padding only.
fn refused(cut: &[u8], whole: &[u8], what: &str) {
    match try_open(cut) {
        Err(MediaError::Truncated { .. }) => {}
        Ok(picture) => assert!(picture == open(whole).1, "{what}: half a picture was accepted"),
        Err(other) => panic!("{what}: {other}"),
    }
}

#[test]
fn jpegs_cut_anywhere() {
    for kind in Jpeg::all() {
        let jpeg = kind.encode(&scene(83, 61));
        for len in 4..jpeg.len() - 2 {
            refused(&jpeg[..len], &jpeg, &format!("{kind:?} at {len} of {}", jpeg.len()));
        }
    }
}

/// Drawn for this test (a gradient and a rectangle, 40 x 24) and written by libjpeg-turbo with its usual ten scans, of
/// which five only add a bit to what is known: our own encoder has no such scans.
const REFINED: [&[u8]; 2] = [include_bytes!("data/refined.jpg"), include_bytes!("data/refined_restarts.jpg")];

#[test]
fn progressive_jpegs_with_refining_scans() {
    for jpeg in REFINED {
        let whole = open(jpeg).1;
        assert!(open(&jpeg[..jpeg.len() - 2]).1 == whole);
        for len in 4..jpeg.len() - 2 {
            refused(&jpeg[..len], jpeg, &format!("at {len} of {}", jpeg.len()));
        }
    }
}

#[test]
fn a_missing_end_mark_is_no_loss() {
    for kind in Jpeg::all() {
        for (width, height) in [(1, 1), (8, 8), (83, 61), (400, 20)] {
            let jpeg = kind.encode(&scene(width, height));
            let whole = open(&jpeg).1;
            for missing in 1..=2 {
                let (_, picture) = open(&jpeg[..jpeg.len() - missing]);
                assert!(picture == whole, "{kind:?}");
            }
        }
    }
}

/// Space that was reserved by a copy program and never written: zeros up to the full size.
#[test]
fn jpegs_with_zeros_for_an_end() {
    for kind in Jpeg::all() {
        let jpeg = kind.encode(&scene(160, 120));
        let start = first_scan(&jpeg);
        for len in (start + 10..jpeg.len() - 100).step_by(97) {
            let mut filled = jpeg[..len].to_vec();
            filled.resize(jpeg.len(), 0);
            refused(&filled, &jpeg, &format!("{kind:?} at {len}"));
        }
    }
}

/// Some repair tools put an end mark behind what is left. Then the decoder itself would notice nothing.
#[test]
fn sequential_jpegs_cut_and_closed_again() {
    let scene = scene(160, 120);
    let whole = Jpeg::default().encode(&scene);
    for len in (first_scan(&whole)..whole.len() * 9 / 10).step_by(23) {
        let closed = [&whole[..len], &[0xff, 0xd9]].concat();
        refused(&closed, &whole, &format!("at {len} of {}", whole.len()));
    }
}

#[test]
fn a_lost_restart_interval_is_damage() {
    let jpeg = Jpeg { restart: 3, ..Jpeg::default() }.encode(&scene(160, 120));
    let restarts: Vec<_> = jpeg
        .windows(2)
        .enumerate()
        .filter(|(_, two)| two[0] == 0xff && matches!(two[1], 0xd0..=0xd7))
        .map(|(at, _)| at)
        .collect();
    let (from, to) = (restarts[4], restarts[5]);
    let error = try_open(&[&jpeg[..from], &jpeg[to..]].concat()).unwrap_err();
    assert_eq!(error.stage(), Stage::Decode);
    let reason = Failure::new(error.stage(), &error).reason;
    assert!(reason.contains("truncated") || reason.contains("damaged"), "{reason}");
}

#[test]
fn the_message_says_how_much_is_there() {
    let jpeg = Jpeg::default().encode(&scene(320, 240));
    let middle = (first_scan(&jpeg) + jpeg.len()) / 2;
    let error = try_open(&jpeg[..middle]).unwrap_err().to_string();
    let percent: u32 = error.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!((20..80).contains(&percent) && error.contains("truncated"), "{error}");
}

#[test]
fn other_formats_cut_anywhere() {
    let scene = DynamicImage::ImageRgb8(scene(40, 30));
    for (format, magic) in [
        (ImageFormat::Png, 8),
        (ImageFormat::WebP, 13),
        (ImageFormat::Tiff, 4),
        (ImageFormat::Gif, 6),
        (ImageFormat::Bmp, 18),
    ] {
        let file = encode(&scene, format);
        for len in magic..file.len() {
            refused(&file[..len], &file, &format!("{format:?} at {len} of {}", file.len()));
        }
    }
}
