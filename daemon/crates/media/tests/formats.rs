//! Every format and every kind of sample comes out as the RGB that went in, with its orientation and time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use common::{Jpeg, TAKEN, difference, encode, exif, open, scene, with_exif, with_segment};
use image::{DynamicImage, ImageFormat, Rgba};
use jpeg_encoder::{ColorType, SamplingFactor};
use vow_media::{Format, Limits, MediaError, Picture, decode, decode_into, inspect};
use vow_types::{Orientation, Size, Stage};

/// Sizes at which blocks, groups of blocks and upsampling have their edges.
const SIZES: [(u32, u32); 7] = [(1, 1), (7, 9), (16, 16), (17, 33), (64, 48), (100, 3), (203, 131)];

#[test]
fn jpegs_of_every_kind() {
    for kind in Jpeg::all() {
        for (width, height) in SIZES {
            let scene = scene(width, height);
            let (header, picture) = open(&kind.encode(&scene));
            assert_eq!(header.format, Format::Jpeg);
            assert_eq!(header.coded, Size { width, height });
            let expected = match kind.color {
                ColorType::Luma => {
                    DynamicImage::ImageRgb8(scene).into_luma8().pixels().flat_map(|p| [p.0[0]; 3]).collect()
                }
                _ => scene.into_raw(),
            };
            let difference = difference(&picture.pixels, &expected);
            // Tiny pictures with halved colour are nearly all edge.
            let most = if width.min(height) < 40 { 40.0 } else { 6.0 };
            assert!(difference < most, "{kind:?} {width} x {height}: {difference}");
        }
    }
}

#[test]
fn cmyk_jpegs_with_and_without_adobes_mark() {
    let scene = scene(120, 90);
    for color in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let jpeg = Jpeg { color, sampling: SamplingFactor::F_1_1, ..Jpeg::default() }.encode(&scene);
        let (_, picture) = open(&jpeg);
        let difference = difference(&picture.pixels, scene.as_raw());
        assert!(difference < 4.0, "{color:?}: {difference}");
    }
    // Without the mark the same samples are ink, so the picture is a negative with much black: all dark.
    let jpeg =
        Jpeg { color: ColorType::Cmyk, sampling: SamplingFactor::F_1_1, ..Jpeg::default() }.encode(&scene);
    let mark = jpeg.windows(4).position(|four| four == b"\xff\xee\0\x0e").unwrap();
    let (_, picture) = open(&[&jpeg[..mark], &jpeg[mark + 16..]].concat());
    assert!(picture.pixels.iter().all(|value| *value < 8));
}

#[test]
fn rgb_jpegs_by_adobes_mark() {
    let scene = scene(64, 64);
    // The encoder is told that these are YCbCr already, so that red, green and blue are stored as they are.
    let kind = Jpeg { color: ColorType::Ycbcr, sampling: SamplingFactor::F_1_1, ..Jpeg::default() };
    let (_, picture) = open(&with_segment(&kind.encode(&scene), 0xee, b"Adobe\0\x64\0\0\0\0\0"));
    assert!(difference(&picture.pixels, scene.as_raw()) < 3.0);
}

#[test]
fn lossless_formats_come_out_exactly() {
    let rgb = DynamicImage::ImageRgb8(scene(61, 47));
    let grey = DynamicImage::ImageLuma8(rgb.to_luma8());
    for (format, encoder) in [
        (Format::Png, ImageFormat::Png),
        (Format::WebP, ImageFormat::WebP),
        (Format::Tiff, ImageFormat::Tiff),
        (Format::Bmp, ImageFormat::Bmp),
    ] {
        for picture in [&rgb, &grey] {
            let picture = if format == Format::WebP { &rgb } else { picture };
            let (header, decoded) = open(&encode(picture, encoder));
            assert_eq!((header.format, header.orientation, header.taken), (format, None, None));
            assert_eq!(decoded.pixels, picture.to_rgb8().into_raw(), "{format}");
        }
    }
}

#[test]
fn sixteen_bits_become_eight() {
    let rgb = DynamicImage::ImageRgb8(scene(31, 17));
    for deep in [DynamicImage::ImageRgb16(rgb.to_rgb16()), DynamicImage::ImageRgba16(rgb.to_rgba16())] {
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            assert_eq!(open(&encode(&deep, format)).1.pixels, rgb.as_bytes(), "{format:?}");
        }
    }
    let grey = DynamicImage::ImageLuma16(rgb.to_luma16());
    assert_eq!(open(&encode(&grey, ImageFormat::Png)).1.pixels, grey.to_rgb8().into_raw());
}

#[test]
fn transparent_places_show_white() {
    let mut rgba = DynamicImage::ImageRgb8(scene(20, 20)).to_rgba8();
    rgba.put_pixel(3, 0, Rgba([10, 20, 30, 0]));
    rgba.put_pixel(4, 0, Rgba([0, 0, 0, 127]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        let (_, picture) = open(&encode(&DynamicImage::ImageRgba8(rgba.clone()), format));
        assert_eq!(picture.pixels[9..15], [255, 255, 255, 128, 128, 128], "{format:?}");
        assert_eq!(picture.pixels[15..18], rgba.get_pixel(5, 0).0[..3], "{format:?}");
    }
    let grey = DynamicImage::ImageRgba8(rgba).to_luma_alpha8();
    let (_, picture) = open(&encode(&DynamicImage::ImageLumaA8(grey), ImageFormat::Png));
    assert_eq!(picture.pixels[9..12], [255, 255, 255]);
}

#[test]
fn of_an_animation_the_first_frame() {
    let mut gif = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
    for value in [0u8, 200] {
        let frame = image::RgbaImage::from_pixel(9, 5, Rgba([value, 100, 50, 255]));
        encoder.encode_frame(image::Frame::new(frame)).unwrap();
    }
    drop(encoder);
    let (header, picture) = open(&gif);
    assert_eq!((header.format, header.coded), (Format::Gif, Size { width: 9, height: 5 }));
    assert!(difference(&picture.pixels[..3], &[0, 100, 50]) < 8.0, "{:?}", &picture.pixels[..3]);
}

#[test]
fn all_orientations_in_all_formats_that_carry_them() {
    let picture = DynamicImage::ImageRgb8(scene(24, 16));
    let jpeg = Jpeg::default().encode(&scene(24, 16));
    let png = encode(&picture, ImageFormat::Png);
    let webp = encode(&picture, ImageFormat::WebP);
    for orientation in Orientation::ALL {
        let block = exif(orientation.to_exif().into());
        let files = [
            with_exif(&jpeg, &block),
            png_with_chunk(&png, b"eXIf", &block),
            webp_with_exif(&webp, (24, 16), &block),
            webp_with_exif(&webp, (24, 16), &[b"Exif\0\0", &block[..]].concat()),
        ];
        for file in &files {
            let (header, _) = open(file);
            assert_eq!(header.orientation, Some(orientation), "{}", header.format);
            assert_eq!(header.taken, Some(TAKEN), "{}", header.format);
            assert_eq!(header.coded, Size { width: 24, height: 16 }, "not turned");
        }
        let tiff = tiff_with_orientation(&encode(&picture, ImageFormat::Tiff), orientation);
        assert_eq!(open(&tiff).0.orientation, Some(orientation));
    }
}

#[test]
fn broken_exif_is_no_error() {
    let jpeg = Jpeg::default().encode(&scene(24, 16));
    let block = exif(6);
    for len in 0..block.len() {
        let (header, _) = open(&with_exif(&jpeg, &block[..len]));
        // From where the orientation stands on, it is read even if the rest is not there.
        assert!(
            len < 22 || header.orientation == Some(Orientation::Turned90) || len < 50,
            "{len}: {header:?}"
        );
    }
    for wrong in [0, 9, 0xffff] {
        assert_eq!(open(&with_exif(&jpeg, &exif(wrong))).0.orientation, None);
    }
}

#[test]
fn memory_is_used_again_and_shows_nothing_of_before() {
    let (large, small) = (scene(300, 200), scene(40, 30));
    let mut pixels = Vec::new();
    for scene in [&large, &small, &large] {
        for bytes in
            [Jpeg::default().encode(scene), encode(&DynamicImage::ImageRgb8(scene.clone()), ImageFormat::Png)]
        {
            let header = inspect(&bytes, &Limits::default()).unwrap();
            decode_into(&bytes, &header, &mut pixels).unwrap();
            assert_eq!(
                Picture { size: header.coded, pixels: pixels.clone() },
                decode(&bytes, &header).unwrap()
            );
        }
    }
}

#[test]
fn a_header_of_another_picture_is_refused() {
    for (one, other) in [
        (Jpeg::default().encode(&scene(20, 10)), Jpeg::default().encode(&scene(10, 20))),
        (
            encode(&DynamicImage::ImageRgb8(scene(20, 10)), ImageFormat::Png),
            encode(&DynamicImage::ImageRgb8(scene(10, 20)), ImageFormat::Png),
        ),
    ] {
        let error = decode(&one, &inspect(&other, &Limits::default()).unwrap()).unwrap_err();
        assert!(
            matches!(error, MediaError::OtherPicture { .. }) && error.stage() == Stage::Decode,
            "{error}"
        );
    }
}

/// The PNG with a chunk behind its header. The checksum is right: the decoder checks it.
fn png_with_chunk(png: &[u8], kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = !0u32;
    for byte in kind.iter().chain(body) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 };
        }
    }
    let len = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&png[..33], &len, kind, body, &(!crc).to_be_bytes(), &png[33..]].concat()
}

/// The plain WebP as an extended one with EXIF.
fn webp_with_exif(webp: &[u8], (width, height): (u32, u32), block: &[u8]) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let mut body = [b"WEBPVP8X\x0a\0\0\0\x08\0\0\0", &side(width)[..], &side(height), &webp[12..]].concat();
    body.extend_from_slice(b"EXIF");
    body.extend_from_slice(&u32::try_from(block.len()).unwrap().to_le_bytes());
    body.extend_from_slice(block);
    body.resize(body.len().next_multiple_of(2), 0);
    [b"RIFF", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
}

/// The TIFF with one more entry in its first directory, which moves to the end of the file.
fn tiff_with_orientation(tiff: &[u8], orientation: Orientation) -> Vec<u8> {
    let read = |at: usize, len: usize| {
        tiff[at..at + len].iter().rev().fold(0usize, |value, byte| value << 8 | usize::from(*byte))
    };
    assert_eq!(&tiff[..4], b"II*\0");
    let directory = read(4, 4);
    let count = read(directory, 2);
    let mut entries: Vec<[u8; 12]> =
        tiff[directory + 2..][..count * 12].chunks_exact(12).map(|entry| entry.try_into().unwrap()).collect();
    entries.push([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation.to_exif(), 0, 0, 0]);
    entries.sort_by_key(|entry| u16::from_le_bytes([entry[0], entry[1]]));
    let mut out = tiff.to_vec();
    out.resize(out.len().next_multiple_of(2), 0);
    let moved = u32::try_from(out.len()).unwrap().to_le_bytes();
    out[4..8].copy_from_slice(&moved);
    out.extend_from_slice(&u16::try_from(entries.len()).unwrap().to_le_bytes());
    out.extend(entries.iter().flatten());
    out.extend_from_slice(&[0; 4]);
    out
}
