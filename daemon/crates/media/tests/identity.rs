//! One picture, one name: whatever is written about it, and however its file is cut into segments and chunks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use common::{Jpeg, encode, exif, scene, with_exif, with_segment};
use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;
use vow_media::{Limits, inspect};
use vow_types::ContentId;

fn name(bytes: &[u8]) -> ContentId {
    inspect(bytes, &Limits::default()).unwrap().content
}

/// Offsets at which a segment may be put into a JPEG: before each marker segment, so also between two scans.
fn seams(jpeg: &[u8]) -> Vec<usize> {
    let (mut at, mut seams) = (2, Vec::new());
    while jpeg[at + 1] != 0xd9 {
        assert_eq!(jpeg[at], 0xff);
        seams.push(at);
        let is_scan = jpeg[at + 1] == 0xda;
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        while is_scan && (jpeg[at] != 0xff || matches!(jpeg[at + 1], 0 | 0xd0..=0xd7)) {
            at += 1;
        }
    }
    seams.push(at);
    seams
}

/// Every kind with every seam, which chance alone does not try: a decoder that reads ahead is easily misled by what stands
/// behind a scan.
#[test]
fn an_empty_segment_at_every_seam() {
    for jpeg in kinds() {
        let picture = common::open(&jpeg).1;
        for seam in seams(&jpeg) {
            for marker in [0xe0, 0xe1, 0xee, 0xfe] {
                let tagged = [&jpeg[..seam], &[0xff, marker, 0, 2], &jpeg[seam..]].concat();
                assert_eq!(name(&tagged), name(&jpeg));
                assert!(common::open(&tagged).1 == picture, "{marker:x} at {seam} of {}", jpeg.len());
            }
        }
        // No program writes tables behind the last scan, but they would not change it.
        let end = jpeg.len() - 2;
        assert!(common::open(&[&jpeg[..end], &[0xff, 0xc4, 0, 2], &jpeg[end..]].concat()).1 == picture);
    }
}

/// zune-jpeg read into the segment behind, and lost it.
#[test]
fn an_app0_segment_of_four_bytes_at_every_seam() {
    for jpeg in kinds() {
        let picture = common::open(&jpeg).1;
        for seam in seams(&jpeg) {
            let tagged = [&jpeg[..seam], &[0xff, 0xe0, 0, 6, 0, 0, 0, 0], &jpeg[seam..]].concat();
            assert_eq!(name(&tagged), name(&jpeg));
            assert!(common::open(&tagged).1 == picture, "at {seam} of {}", jpeg.len());
        }
    }
}

fn kinds() -> Vec<Vec<u8>> {
    Jpeg::all().into_iter().map(|kind| kind.encode(&scene(50, 40))).collect()
}

proptest! {
    #[test]
    fn a_segment_of_metadata_anywhere(
        kind in 0usize..1000,
        seam in 0usize..1000,
        marker in prop::sample::select(vec![0xe0u8, 0xe1, 0xe2, 0xe3, 0xe8, 0xec, 0xed, 0xee, 0xef, 0xfe]),
        body in prop::collection::vec(any::<u8>(), 0..600),
        fill in 0usize..4,
    ) {
        prop_assume!(!body.starts_with(b"Adobe") && !body.starts_with(b"AVI1"));
        let kinds = kinds();
        let jpeg = &kinds[kind % kinds.len()];
        let seams = seams(jpeg);
        let (before, behind) = jpeg.split_at(seams[seam % seams.len()]);
        let len = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
        let tagged = [before, &vec![0xff; fill], &[0xff, marker], &len, &body, behind].concat();
        prop_assert_eq!(name(&tagged), name(jpeg));
        // It is the same picture, too.
        prop_assert!(common::open(&tagged).1 == common::open(jpeg).1);
    }

    #[test]
    fn one_byte_of_the_picture(kind in 0usize..1000, at in 0usize..1_000_000, flip in 1u8..=255) {
        let kinds = kinds();
        let mut jpeg = kinds[kind % kinds.len()].clone();
        let start = jpeg.windows(2).position(|two| two == [0xff, 0xda]).unwrap() + 14;
        let at = start + at % (jpeg.len() - 2 - start);
        let name_before = name(&jpeg);
        // Neither make nor unmake a marker: then it would be another file, not another byte.
        prop_assume!(jpeg[at] != 0xff && jpeg[at] ^ flip != 0xff && jpeg[at - 1] != 0xff);
        jpeg[at] ^= flip;
        if let Ok(header) = inspect(&jpeg, &Limits::default()) {
            prop_assert_ne!(header.content, name_before);
        }
    }
}

#[test]
fn exif_and_its_orientation_do_not_name_the_photo() {
    let jpeg = Jpeg::default().encode(&scene(40, 30));
    let names: Vec<_> = (1..=8).map(|orientation| name(&with_exif(&jpeg, &exif(orientation)))).collect();
    assert!(names.iter().all(|own| *own == name(&jpeg)));
}

#[test]
fn adobes_mark_changes_the_picture_and_so_its_name() {
    let jpeg = Jpeg::default().encode(&scene(40, 30));
    let marked = |transform: u8| {
        name(&with_segment(&jpeg, 0xee, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat()))
    };
    assert_ne!(marked(0), name(&jpeg));
    assert_ne!(marked(0), marked(1));
}

#[test]
fn what_follows_the_picture_does_not_name_it() {
    let jpeg = Jpeg::default().encode(&scene(40, 30));
    let second = Jpeg::default().encode(&scene(20, 20));
    assert_eq!(name(&[&jpeg[..], &second].concat()), name(&jpeg), "a second picture, as phones append it");
    assert_eq!(name(&jpeg[..jpeg.len() - 2]), name(&jpeg), "the end marker");
    assert_ne!(name(&jpeg[..jpeg.len() - 12]), name(&jpeg), "the end of the picture");
}

#[test]
fn quality_and_content_are_told_apart() {
    let names: std::collections::HashSet<_> =
        Jpeg::all().into_iter().map(|kind| name(&kind.encode(&scene(50, 40)))).collect();
    assert_eq!(names.len(), Jpeg::all().len());
}

/// A PNG rewritten chunk by chunk: texts and times added, the data in other portions. Checksums are not looked at here.
#[test]
fn chunks_that_only_describe_a_png() {
    let png = encode(&DynamicImage::ImageRgb8(scene(60, 50)), ImageFormat::Png);
    let mut out = png[..8].to_vec();
    let mut put = |kind: &[u8], body: &[u8]| {
        out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
        out.extend_from_slice(kind);
        out.extend_from_slice(body);
        out.extend_from_slice(&[0; 4]);
    };
    let mut at = 8;
    while at < png.len() {
        let len = usize::try_from(u32::from_be_bytes(png[at..at + 4].try_into().unwrap())).unwrap();
        let (kind, body) = (&png[at + 4..at + 8], &png[at + 8..at + 8 + len]);
        match kind {
            b"IHDR" => {
                put(kind, body);
                put(b"tEXt", b"Comment\0a keyword");
                put(b"eXIf", &exif(3));
            }
            b"IDAT" => body.chunks(100).for_each(|part| put(kind, part)),
            b"IEND" => {
                put(b"tIME", &[7, 0xe8, 1, 2, 3, 4, 5]);
                put(kind, body);
            }
            _ => put(kind, body),
        }
        at += 12 + len;
    }
    let identity = |bytes: &[u8]| name(bytes);
    assert_eq!(identity_without_decoder(&out), identity(&png));
    let other = encode(&DynamicImage::ImageRgb8(scene(60, 51)), ImageFormat::Png);
    assert_ne!(identity(&other), identity(&png));
}

/// The decoder checks sums of the header: give them.
fn identity_without_decoder(png: &[u8]) -> ContentId {
    let mut png = png.to_vec();
    let mut at = 8;
    while at + 12 <= png.len() {
        let len = usize::try_from(u32::from_be_bytes(png[at..at + 4].try_into().unwrap())).unwrap();
        let mut crc = !0u32;
        for byte in &png[at + 4..at + 8 + len] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 };
            }
        }
        png[at + 8 + len..at + 12 + len].copy_from_slice(&(!crc).to_be_bytes());
        at += 12 + len;
    }
    name(&png)
}

#[test]
fn formats_without_seams_are_named_by_their_file() {
    for format in [ImageFormat::Tiff, ImageFormat::Bmp] {
        let file = encode(&DynamicImage::ImageRgb8(scene(9, 9)), format);
        assert_eq!(name(&file), name(&file.clone()));
        let mut longer = file.clone();
        longer.push(0);
        assert_ne!(name(&longer), name(&file), "{format:?}");
    }
}
