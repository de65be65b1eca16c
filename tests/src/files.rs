//! Photos as files: encoding, EXIF, and pixels that are stored turned.
//!
//! EXIF is written by hand (Exif 2.32, TIFF 6.0), so that the tests do not check a library with itself.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ImageFormat, RgbImage, imageops};
use vow_types::Orientation;

use crate::draw::Scene;

/// Metadata of a JPEG file. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exif {
    /// Tag 0x0112.
    pub orientation: Option<Orientation>,
    /// Tag 0x9003, `YYYY:MM:DD HH:MM:SS` as the camera's clock showed it.
    pub taken: Option<String>,
}

/// The bytes of a file in this format: JPEG with quality 92 and full colour resolution, WebP without loss, GIF with
/// 256 colours.
///
/// # Panics
/// When the format cannot be written.
#[must_use]
pub fn encode(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    if format == ImageFormat::Jpeg {
        return jpeg(picture, 92);
    }
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("a format that can be written");
    file.into_inner()
}

/// A JPEG file without metadata; quality 1 to 100, full colour resolution.
///
/// # Panics
/// When the picture is larger than a JPEG can be (65,535 pixels on a side).
#[must_use]
pub fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let side = |n: u32| u16::try_from(n).expect("not larger than a JPEG can be");
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    encoder
        .encode(picture.as_raw(), side(picture.width()), side(picture.height()), jpeg_encoder::ColorType::Rgb)
        .expect("a picture that can be encoded");
    file
}

/// The pixels to store so that a viewer who honours `orientation` shows `upright`.
#[must_use]
pub fn turned(upright: &RgbImage, orientation: Orientation) -> RgbImage {
    match orientation {
        Orientation::Upright => upright.clone(),
        Orientation::Mirrored => imageops::flip_horizontal(upright),
        Orientation::Turned180 => imageops::rotate180(upright),
        Orientation::Flipped => imageops::flip_vertical(upright),
        Orientation::Transposed => imageops::flip_horizontal(&imageops::rotate90(upright)),
        Orientation::Turned90 => imageops::rotate270(upright),
        Orientation::Transversed => imageops::flip_vertical(&imageops::rotate90(upright)),
        Orientation::Turned270 => imageops::rotate90(upright),
    }
}

/// The same JPEG file with this metadata instead of what it had. The picture's bytes stay as they are.
///
/// # Panics
/// When `jpeg` is no JPEG file, or `taken` is not 19 characters long.
#[must_use]
pub fn with_exif(jpeg: &[u8], exif: &Exif) -> Vec<u8> {
    let mut file = jpeg[..2].to_vec();
    assert_eq!(file, [0xff, 0xd8], "a JPEG file");
    if *exif != Exif::default() {
        let block = exif_block(exif);
        file.extend([0xff, 0xe1]);
        file.extend(u16::try_from(block.len() + 2).expect("a short segment").to_be_bytes());
        file.extend(block);
    }
    let mut rest = &jpeg[2..];
    // Segments with a length, up to the start of the scan; from there on everything is taken as it is.
    while rest[1] != 0xda {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 2;
        let (segment, after) = rest.split_at(length);
        if !(segment[1] == 0xe1 && segment[4..].starts_with(b"Exif\0\0")) {
            file.extend(segment);
        }
        rest = after;
    }
    file.extend(rest);
    file
}

/// `Exif\0\0` and a little-endian TIFF structure with one or two directories.
fn exif_block(exif: &Exif) -> Vec<u8> {
    const SHORT: u16 = 3;
    const ASCII: u16 = 2;
    const LONG: u16 = 4;
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let directory = |entries: &[Vec<u8>]| {
        let count = u16::try_from(entries.len()).expect("two at most");
        [&count.to_le_bytes()[..], &entries.concat(), &0u32.to_le_bytes()].concat()
    };
    let orientation = exif.orientation.map(|o| entry(0x0112, SHORT, 1, u32::from(o.to_exif())));
    let entries = u32::from(orientation.is_some()) + u32::from(exif.taken.is_some());
    // Header, then a directory of 12 bytes an entry, its count and its end.
    let second = 8 + 2 + 12 * entries + 4;
    let pointer = exif.taken.is_some().then(|| entry(0x8769, LONG, 1, second));
    let first: Vec<Vec<u8>> = orientation.into_iter().chain(pointer).collect();
    let mut block = b"Exif\0\0II\x2a\0\x08\0\0\0".to_vec();
    block.extend(directory(&first));
    if let Some(taken) = &exif.taken {
        assert_eq!(taken.len(), 19, "YYYY:MM:DD HH:MM:SS");
        block.extend(directory(&[entry(0x9003, ASCII, 20, second + 2 + 12 + 4)]));
        block.extend(taken.bytes());
        block.push(0);
    }
    block
}

impl Scene {
    /// Draws it and writes it, in the format that the name's ending says; gives the path back.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        let format = ImageFormat::from_path(path).expect("an ending that names a format");
        fs::write(path, encode(&self.draw(), format)).expect("a folder that can be written to");
        path.to_owned()
    }

    /// Draws it and writes a JPEG with metadata, the pixels turned so that the upright picture is the scene.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn save_with(&self, path: impl AsRef<Path>, exif: &Exif) -> PathBuf {
        let path = path.as_ref();
        let stored = turned(&self.draw(), exif.orientation.unwrap_or_default());
        let file = with_exif(&encode(&stored, ImageFormat::Jpeg), exif);
        fs::write(path, file).expect("a folder that can be written to");
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vow_types::RelPoint;

    #[test]
    fn turned_pixels_stand_upright_again() {
        let upright = RgbImage::from_fn(6, 4, |x, y| {
            image::Rgb([u8::try_from(x).unwrap(), u8::try_from(y).unwrap(), 0])
        });
        for orientation in Orientation::ALL {
            let stored = turned(&upright, orientation);
            for (x, y, pixel) in stored.enumerate_pixels() {
                let centre = |n: u32, of: u32| (f64::from(n) + 0.5) / f64::from(of);
                #[expect(clippy::cast_possible_truncation, reason = "fractions of a tiny picture")]
                let place =
                    RelPoint { x: centre(x, stored.width()) as f32, y: centre(y, stored.height()) as f32 };
                let shown = orientation.to_upright(place);
                let [left, top, _] = pixel.0;
                let expected = ((f32::from(left) + 0.5) / 6.0, (f32::from(top) + 0.5) / 4.0);
                assert!((shown.x - expected.0).abs() < 1e-6, "{orientation:?} at {x} {y}");
                assert!((shown.y - expected.1).abs() < 1e-6, "{orientation:?} at {x} {y}");
            }
        }
    }

    #[test]
    fn metadata_comes_and_goes_without_touching_the_picture() {
        let plain = encode(&Scene::new(64, 48, 1).draw(), ImageFormat::Jpeg);
        let exif =
            Exif { orientation: Some(Orientation::Turned90), taken: Some("2026:05:30 18:00:01".to_owned()) };
        let tagged = with_exif(&plain, &exif);
        assert_ne!(tagged, plain);
        assert_eq!(with_exif(&tagged, &Exif::default()), plain);
        assert_eq!(with_exif(&with_exif(&plain, &Exif { taken: None, ..exif.clone() }), &exif), tagged);
    }

    /// Byte for byte, by hand: what a camera would have written.
    #[test]
    fn the_block_is_what_the_standard_says() {
        let exif = Exif { orientation: Some(Orientation::Turned270), taken: None };
        let expected = b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
        assert_eq!(exif_block(&exif), expected);
    }

    #[test]
    fn every_format_can_be_written_and_read_back() {
        let picture = Scene::new(80, 60, 2).with(1, 10.0, 10.0, 40.0).draw();
        for format in
            [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Gif]
        {
            let back = image::load_from_memory_with_format(&encode(&picture, format), format).unwrap();
            assert_eq!((back.width(), back.height()), (80, 60), "{format:?}");
        }
    }
}
