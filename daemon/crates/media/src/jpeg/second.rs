//! The second decoder, jpeg-decoder: for the few pictures that zune-jpeg cannot decode or decodes wrongly.
//!
//! It is slower, and lenient about missing data: it only gets what is known to be whole.

use jpeg_decoder::{ColorTransform, Decoder, PixelFormat};
use vow_types::num::index;

use super::frame::{Colour, Frame};
use crate::guard::guarded;
use crate::{Format, MediaError};

/// RGB8 into `pixels`. `source` is a tidy file.
pub(super) fn decode(
    source: &[u8],
    frame: &Frame,
    colour: Colour,
    pixels: &mut Vec<u8>,
) -> Result<(), MediaError> {
    let format = Format::Jpeg;
    let (width, height) = (index(frame.size.width), index(frame.size.height));
    let decoded = guarded(|| {
        let mut decoder = Decoder::new(source);
        decoder.set_max_decoding_buffer_size(width * height * frame.components.len());
        decoder.set_color_transform(match colour {
            Colour::Grey => ColorTransform::Grayscale,
            Colour::Rgb => ColorTransform::RGB,
            Colour::YCbCr => ColorTransform::YCbCr,
            Colour::Cmyk | Colour::InvertedCmyk => ColorTransform::CMYK,
            Colour::InvertedYcck => ColorTransform::YCCK,
        });
        let samples = decoder.decode()?;
        Ok((samples, decoder.info()))
    });
    let (mut samples, info) = decoded
        .map_err(|message| MediaError::DecoderFault { format, message })?
        .map_err(|error: jpeg_decoder::Error| MediaError::Damaged { format, source: error.into() })?;
    let kind = info.filter(|info| (usize::from(info.width), usize::from(info.height)) == (width, height));
    match kind.map(|info| info.pixel_format) {
        Some(PixelFormat::L8) => *pixels = samples.iter().flat_map(|grey| [*grey; 3]).collect(),
        Some(PixelFormat::RGB24) => *pixels = samples,
        Some(PixelFormat::CMYK32) => {
            if colour == Colour::Cmyk {
                // It takes all CMYK for inverted, and turns it.
                samples.iter_mut().for_each(|sample| *sample = !*sample);
            }
            super::ink_to_light(&mut samples);
            *pixels = samples;
        }
        Some(PixelFormat::L16) | None => {
            return Err(MediaError::damaged(
                format,
                "the decoder finds another picture than the header says",
            ));
        }
    }
    if pixels.len() == width * height * 3 {
        Ok(())
    } else {
        Err(MediaError::damaged(format, "the decoder returns another number of pixels than the header says"))
    }
}
