//! Files that lie: nothing panics, nothing is allocated by a header alone, and every message names the matter.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use common::{Jpeg, encode, scene, try_open};
use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;
use vow_media::{Limits, MediaError, inspect};
use vow_types::Stage;

/// Small files of every kind, to be broken.
fn files() -> Vec<Vec<u8>> {
    let rgb = DynamicImage::ImageRgb8(scene(29, 23));
    let rgba = DynamicImage::ImageRgba8(rgb.to_rgba8());
    let mut files: Vec<_> = Jpeg::all().into_iter().map(|kind| kind.encode(&scene(29, 23))).collect();
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Gif, ImageFormat::Bmp]
    {
        files.push(encode(&rgb, format));
        files.push(encode(&rgba, format));
    }
    files
}

/// A decoder that panicked was contained, but is still worth knowing of: the tests are quiet about it, the error is not.
fn survives(bytes: &[u8]) {
    let _ = try_open(bytes);
}

proptest! {
    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes);
    }

    #[test]
    fn random_bytes_behind_a_magic(magic in 0usize..6, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let magics: [&[u8]; 6] = [
            b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", b"RIFF\xff\0\0\0WEBPVP8", b"II*\0\x08\0\0\0",
            b"GIF89a\x09\0\x05\0", b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
        ];
        survives(&[magics[magic], &bytes].concat());
    }

    #[test]
    fn bits_flipped(file in 0usize..1000, flips in prop::collection::vec((0usize..1_000_000, 0u8..8), 1..6)) {
        let files = files();
        let mut bytes = files[file % files.len()].clone();
        for (at, bit) in flips {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        survives(&bytes);
    }

    #[test]
    fn pieces_moved(file in 0usize..1000, from in 0usize..1_000_000, to in 0usize..1_000_000, len in 1usize..60) {
        let files = files();
        let mut bytes = files[file % files.len()].clone();
        let len = len.min(bytes.len() / 2);
        let (from, to) = (from % (bytes.len() - len), to % (bytes.len() - len));
        bytes.copy_within(from..from + len, to);
        survives(&bytes);
    }
}

fn jpeg_announcing(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = Jpeg::default().encode(&scene(16, 16));
    let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

#[test]
fn a_giant_header_is_refused_by_name() {
    let mut bmp = encode(&DynamicImage::ImageRgb8(scene(4, 4)), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000u32.to_le_bytes());
    let mut gif = encode(&DynamicImage::ImageRgb8(scene(4, 4)), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0x60, 0xea, 0x60, 0xea]);
    for file in [jpeg_announcing(60_000, 60_000), bmp, gif] {
        let error = inspect(&file, &Limits::default()).unwrap_err();
        assert_eq!(error.stage(), Stage::Decode);
        let text = error.to_string();
        assert!(text.contains("60000 x 60000") && text.contains("300000000"), "{text}");
    }
}

#[test]
fn the_limit_is_the_callers() {
    let jpeg = Jpeg::default().encode(&scene(40, 30));
    assert!(inspect(&jpeg, &Limits { max_pixels: 1200, ..Limits::default() }).is_ok());
    let error = inspect(&jpeg, &Limits { max_pixels: 1199, ..Limits::default() }).unwrap_err();
    assert!(matches!(error, MediaError::TooManyPixels { limit: 1199, .. }));
}

/// Within the limit, but with the data of a postage stamp: refused for what it lacks, before its memory is filled.
#[test]
fn a_large_header_over_little_data() {
    assert!(matches!(try_open(&jpeg_announcing(15_000, 15_000)), Err(MediaError::Truncated { .. })));
    assert!(matches!(try_open(&jpeg_announcing(16, 65_000)), Err(MediaError::Truncated { .. })));
}

#[test]
fn what_is_no_picture_is_named() {
    for (bytes, word) in [
        (&b"<!DOCTYPE html><html>404</html>"[..], "web page"),
        (b"%PDF-1.4", "PDF"),
        (&[0; 4096], "zero bytes"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "AVIF"),
    ] {
        let error = inspect(bytes, &Limits::default()).unwrap_err();
        assert!(error.to_string().contains(word) && error.stage() == Stage::Read, "{error}");
        assert!(!error.is_transient());
    }
}
