//! PNG, WebP, TIFF, GIF and BMP to RGB, by the decoders of the `image` crate.
//!
//! JPEG has its own module; what these files say about themselves (identity, EXIF) is read elsewhere.

use std::io::{self, Cursor};

use image::codecs::{
    bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder,
};
use image::{DynamicImage, ImageDecoder, ImageError};
use vow_types::Size;

use crate::guard::guarded;
use crate::{Format, MediaError};

/// What a decoder may allocate beside the picture itself: tables, profiles, a first frame larger than its canvas.
const WORKING_MEMORY: u64 = 64 << 20;
/// The widest pixel of any format is four `f32`; a decoder may hold the picture twice.
const BYTES_PER_PIXEL: u64 = 32;

/// The size that the header announces. Nothing is allocated for pixels.
///
/// # Errors
/// When the header is damaged, cut off, or of a coding that is not read.
pub(crate) fn size(bytes: &[u8], format: Format) -> Result<Size, MediaError> {
    let opened = guarded(|| open(bytes, format).map(|decoder| size_of(&decoder)));
    let size = opened
        .map_err(|message| MediaError::DecoderFault { format, message })?
        .map_err(|error| failure(format, error))?;
    if size.pixels() == 0 {
        return Err(MediaError::damaged(format, "the header announces no pixels at all"));
    }
    Ok(size)
}

/// RGB8, rows from top to bottom; transparent places show white.
///
/// # Errors
/// When the data is damaged, cut off, or of another size than `expected`.
pub(crate) fn decode(bytes: &[u8], format: Format, expected: Size) -> Result<Vec<u8>, MediaError> {
    let decoded = guarded(|| {
        let mut decoder = open(bytes, format).map_err(|error| failure(format, error))?;
        let found = size_of(&decoder);
        if found != expected {
            return Err(MediaError::OtherPicture { expected, found });
        }
        decoder.set_limits(limits(found.pixels())).map_err(|error| failure(format, error))?;
        DynamicImage::from_decoder(decoder).map(flatten).map_err(|error| failure(format, error))
    });
    decoded.map_err(|message| MediaError::DecoderFault { format, message })?
}

fn open(bytes: &[u8], format: Format) -> Result<Box<dyn ImageDecoder + '_>, ImageError> {
    let reader = Cursor::new(bytes);
    Ok(match format {
        // Its limit is on everything that belongs to the header, and it cannot be raised later on.
        Format::Png => Box::new(PngDecoder::with_limits(reader, limits(u64::from(u16::MAX)))?),
        Format::WebP => Box::new(WebPDecoder::new(reader)?),
        Format::Tiff => Box::new(TiffDecoder::new(reader)?),
        Format::Gif => Box::new(GifDecoder::new(reader)?),
        Format::Bmp => Box::new(BmpDecoder::new(reader)?),
        Format::Jpeg | Format::Heic | Format::Raw(_) => {
            return Err(ImageError::IoError(io::ErrorKind::Unsupported.into()));
        }
    })
}

fn size_of(decoder: &dyn ImageDecoder) -> Size {
    let (width, height) = decoder.dimensions();
    Size { width, height }
}

fn limits(pixels: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(pixels.saturating_mul(BYTES_PER_PIXEL).saturating_add(WORKING_MEMORY));
    limits
}

/// Everything to three bytes a pixel. What is eight bit already is rewritten in its own memory.
fn flatten(picture: DynamicImage) -> Vec<u8> {
    match picture {
        DynamicImage::ImageRgb8(rgb) => rgb.into_raw(),
        DynamicImage::ImageRgba8(rgba) => over_white(rgba.into_raw()),
        grey @ (DynamicImage::ImageLumaA8(_) | DynamicImage::ImageLumaA16(_)) => {
            over_white(grey.into_rgba8().into_raw())
        }
        deep @ (DynamicImage::ImageRgba16(_) | DynamicImage::ImageRgba32F(_)) => {
            over_white(deep.into_rgba8().into_raw())
        }
        opaque => opaque.into_rgb8().into_raw(),
    }
}

/// RGBA to RGB on a white ground, in place: the three bytes written never pass the four that are read.
fn over_white(mut pixels: Vec<u8>) -> Vec<u8> {
    let count = pixels.len() / 4;
    let (mut from, mut to) = (0, 0);
    for _ in 0..count {
        let Some(&[red, green, blue, alpha]) = pixels.get(from..from + 4) else { break };
        let rgb = [red, green, blue].map(|value| blend(value, alpha));
        if let Some(target) = pixels.get_mut(to..to + 3) {
            target.copy_from_slice(&rgb);
        }
        from += 4;
        to += 3;
    }
    pixels.truncate(to);
    pixels.shrink_to_fit();
    pixels
}

/// `(value * alpha + 255 * (255 - alpha)) / 255`, rounded.
fn blend(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    let sum = value * alpha + 255 * (255 - alpha) + 127;
    u8::try_from(sum / 255).unwrap_or(u8::MAX)
}

fn failure(format: Format, error: ImageError) -> MediaError {
    let ended = match &error {
        ImageError::IoError(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        ImageError::Decoding(error) => {
            let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
            matches!(cause, Some(gif::DecodingError::UnexpectedEof))
        }
        _ => false,
    };
    match error {
        _ if ended => MediaError::truncated(format!("the file ends inside of the {format}'s data")),
        ImageError::Unsupported(error) => MediaError::UnsupportedCoding { format, what: error.to_string() },
        other => MediaError::Damaged { format, source: other.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_shows_through() {
        let rgba = vec![10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128, 255, 255, 255, 7];
        assert_eq!(over_white(rgba), [10, 20, 30, 255, 255, 255, 127, 127, 127, 255, 255, 255]);
    }

    #[test]
    fn blending_is_exact_at_both_ends() {
        for value in 0..=255 {
            assert_eq!(blend(value, 255), value);
            assert_eq!(blend(value, 0), 255);
        }
    }
}
