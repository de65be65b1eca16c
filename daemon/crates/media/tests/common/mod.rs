//! Pictures of the tests' own making, in every format; and where the photos for development lie.
#![allow(dead_code, reason = "each test file uses its part of this")]

pub(crate) mod coder;
mod codes;
pub(crate) mod heif;
// The same as the end-to-end tests have.
#[path = "../../../../../tests/src/raw.rs"]
#[allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "written for another crate's tests"
)]
pub(crate) mod raw;
pub(crate) mod scaled;
#[path = "../../../../../tests/src/tiff.rs"]
#[allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "written for another crate's tests"
)]
pub(crate) mod tiff;

use std::io::Cursor;
use std::path::PathBuf;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use vow_media::{Header, Limits, MediaError, Picture, decode, inspect};

/// A colour gradient with a dark disc: smooth enough for any codec, and nowhere of one colour.
pub(crate) fn scene(width: u32, height: u32) -> RgbImage {
    let scale = |at: u32, of: u32| u8::try_from(at * 255 / of.max(1)).unwrap();
    RgbImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (i64::from(x) - i64::from(width / 2), i64::from(y) - i64::from(height / 3));
        if dx * dx + dy * dy < i64::from(width.min(height) / 4).pow(2) {
            Rgb([40, 30, scale(x, width)])
        } else {
            Rgb([scale(x, width), scale(y, height), 255 - scale(x, width) / 2])
        }
    })
}

/// The ways in which JPEGs are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jpeg {
    pub(crate) color: ColorType,
    pub(crate) sampling: SamplingFactor,
    pub(crate) progressive: bool,
    pub(crate) restart: u16,
    pub(crate) optimised: bool,
}

impl Default for Jpeg {
    fn default() -> Self {
        Self {
            color: ColorType::Rgb,
            sampling: SamplingFactor::F_2_2,
            progressive: false,
            restart: 0,
            optimised: false,
        }
    }
}

impl Jpeg {
    /// The kinds that cameras, phones, editors and web sites write.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for sampling in
            [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_1_2, SamplingFactor::F_2_2]
        {
            for (progressive, restart, optimised) in
                [(false, 0, false), (false, 0, true), (false, 3, false), (true, 0, true), (true, 4, false)]
            {
                all.push(Self { sampling, progressive, restart, optimised, ..Self::default() });
            }
        }
        for progressive in [false, true] {
            all.push(Self {
                color: ColorType::Luma,
                sampling: SamplingFactor::F_1_1,
                progressive,
                ..Self::default()
            });
        }
        all.push(Self { sampling: SamplingFactor::F_4_1, ..Self::default() });
        all
    }

    pub(crate) fn encode(self, scene: &RgbImage) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, 92);
        encoder.set_sampling_factor(self.sampling);
        encoder.set_progressive(self.progressive);
        if self.restart > 0 {
            encoder.set_restart_interval(self.restart);
        }
        encoder.set_optimized_huffman_tables(self.optimised);
        let (width, height) = (scene.width().try_into().unwrap(), scene.height().try_into().unwrap());
        let samples: Vec<u8> = match self.color {
            ColorType::Luma => DynamicImage::ImageRgb8(scene.clone()).into_luma8().into_raw(),
            // Ink without black. The encoder stores its complement, as Adobe does, and sets Adobe's mark.
            ColorType::Cmyk | ColorType::CmykAsYcck => {
                scene.pixels().flat_map(|Rgb([r, g, b])| [255 - r, 255 - g, 255 - b, 0]).collect()
            }
            _ => scene.as_raw().clone(),
        };
        encoder.encode(&samples, width, height, self.color).unwrap();
        out
    }
}

/// Any other format, by the `image` crate.
pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// An EXIF block: orientation, `DateTime` and, in its own directory, `DateTimeOriginal` with a zone.
pub(crate) fn exif(orientation: u16) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    let entry = |block: &mut Vec<u8>, tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        block.extend_from_slice(&tag.to_le_bytes());
        block.extend_from_slice(&kind.to_le_bytes());
        block.extend_from_slice(&count.to_le_bytes());
        block.extend_from_slice(&value);
    };
    block.extend_from_slice(&3u16.to_le_bytes());
    let [low, high] = orientation.to_le_bytes();
    entry(&mut block, 0x0112, 3, 1, [low, high, 0, 0]);
    entry(&mut block, 0x0132, 2, 20, 90u32.to_le_bytes());
    entry(&mut block, 0x8769, 4, 1, 50u32.to_le_bytes());
    block.extend_from_slice(&[0; 4]);
    assert_eq!(block.len(), 50);
    block.extend_from_slice(&2u16.to_le_bytes());
    entry(&mut block, 0x9003, 2, 20, 110u32.to_le_bytes());
    entry(&mut block, 0x9011, 2, 7, 130u32.to_le_bytes());
    block.extend_from_slice(&[0; 4]);
    block.resize(90, 0);
    block.extend_from_slice(b"2025:01:02 03:04:05\0");
    block.extend_from_slice(b"2024:06:01 14:03:59\0");
    block.extend_from_slice(b"+02:00\0");
    block
}

/// [`exif`]'s `DateTimeOriginal` in UTC.
pub(crate) const TAKEN: i64 = 1_717_250_639 - 7200;

/// The JPEG with a segment put behind SOI.
pub(crate) fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &len, body, &jpeg[2..]].concat()
}

/// The JPEG with this EXIF block.
pub(crate) fn with_exif(jpeg: &[u8], block: &[u8]) -> Vec<u8> {
    with_segment(jpeg, 0xe1, &[b"Exif\0\0", block].concat())
}

/// Header and picture of bytes that must be readable.
pub(crate) fn open(bytes: &[u8]) -> (Header, Picture) {
    let header = inspect(bytes, &Limits::default()).unwrap();
    let picture = decode(bytes, &header).unwrap();
    assert_eq!(picture.size, header.coded);
    assert_eq!(picture.pixels.len() as u64, header.coded.pixels() * 3);
    (header, picture)
}

/// What comes of any bytes, by both steps.
pub(crate) fn try_open(bytes: &[u8]) -> Result<Picture, MediaError> {
    decode(bytes, &inspect(bytes, &Limits::default())?)
}

/// Mean difference of two RGB8 pictures, in steps of 255.
pub(crate) fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

/// The photos for development, beside the repository; `None` where they are not.
pub(crate) fn shared_photos() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/photos"));
    if path.is_dir() {
        Some(path)
    } else {
        eprintln!("no photos for development beside the repository: nothing was checked on them");
        None
    }
}
