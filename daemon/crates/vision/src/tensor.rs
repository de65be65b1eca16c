//! Fills a network's input from bytes. Batches are the caller's: a slice of `out` for each picture.

use vow_types::num::to_f32;
use vow_types::{Channels, InputFormat};

/// From RGB8 pixels, one after the other, to three planes of `(x - mean) / std` in the order that the network wants
/// (NCHW with N = 1).
///
/// `out` holds three planes of `out.len() / 3` numbers, one for each pixel. Where pixels are missing, `out` stays as it
/// is; pixels too many are not read.
pub fn fill_nchw(pixels: &[u8], input: InputFormat, out: &mut [f32]) {
    // A byte has 256 values, so each is computed once, exactly as the formula says.
    let mut table = [0.0f32; 256];
    for (value, byte) in table.iter_mut().zip(0u32..) {
        *value = (to_f32(byte) - input.mean) / input.std;
    }
    let (first, rest) = out.split_at_mut(out.len() / 3);
    let (second, rest) = rest.split_at_mut(first.len());
    let (third, _) = rest.split_at_mut(first.len());
    let (red, green, blue) = match input.channels {
        Channels::Rgb => (first, second, third),
        Channels::Bgr => (third, second, first),
    };
    let pixels = pixels.as_chunks::<3>().0;
    for ([r, g, b], ((red, green), blue)) in pixels.iter().zip(red.iter_mut().zip(green).zip(blue)) {
        *red = look_up(&table, *r);
        *green = look_up(&table, *g);
        *blue = look_up(&table, *b);
    }
}

/// A byte is always inside a table of 256, which the compiler sees too.
#[inline]
fn look_up(table: &[f32; 256], byte: u8) -> f32 {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn planes_hold_the_formula(pixels in prop::collection::vec(any::<[u8; 3]>(), 0..80), bgr: bool) {
            let channels = if bgr { Channels::Bgr } else { Channels::Rgb };
            let input = InputFormat { channels, mean: 127.5, std: 128.0 };
            let mut out = vec![f32::NAN; pixels.len() * 3];
            fill_nchw(pixels.as_flattened(), input, &mut out);
            for (at, pixel) in pixels.iter().enumerate() {
                for plane in 0..3 {
                    let byte = pixel[if bgr { 2 - plane } else { plane }];
                    let expected = (f32::from(byte) - 127.5) / 128.0;
                    prop_assert_eq!(out[plane * pixels.len() + at].to_bits(), expected.to_bits());
                }
            }
        }

        #[test]
        fn no_lengths_panic(bytes in 0usize..70, numbers in 0usize..70) {
            let input = InputFormat { channels: Channels::Rgb, mean: 0.0, std: 1.0 };
            fill_nchw(&vec![9; bytes], input, &mut vec![0.0; numbers]);
        }
    }
}
