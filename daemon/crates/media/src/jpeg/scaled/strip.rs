//! Rows of samples of one to three components to rows of RGB8.

use super::super::frame::Colour;
use super::component::{Scaled, Strip};

/// Rows that were widened for a component whose samples cover two pixels.
#[derive(Debug, Default)]
pub(super) struct Wide {
    rows: [Vec<u8>; 3],
}

/// Writes rows of a strip: `pixels` holds whole rows of `width` RGB8 pixels, as many as are wanted.
pub(super) fn to_rgb(
    lanes: &[(Scaled<'_>, Strip)],
    colour: Colour,
    width: usize,
    pixels: &mut [u8],
    wide: &mut Wide,
) {
    for (y, row) in pixels.chunks_exact_mut(width.max(1) * 3).enumerate() {
        let row = row.as_chunks_mut::<3>().0;
        let mut samples = lanes.iter().zip(&mut wide.rows).map(|((scaled, strip), wide)| {
            let from = strip.stride * if scaled.twice_down { y / 2 } else { y };
            let line = strip.samples.get(from..).unwrap_or_default();
            if scaled.twice_across {
                widened(line.get(..strip.stride).unwrap_or(line), wide, width)
            } else {
                line
            }
        });
        match (samples.next(), samples.next(), samples.next()) {
            (Some(y), Some(cb), Some(cr)) if colour == Colour::YCbCr => {
                for ((pixel, y), (cb, cr)) in row.iter_mut().zip(y).zip(cb.iter().zip(cr)) {
                    *pixel = rgb(*y, *cb, *cr);
                }
            }
            (Some(r), Some(g), Some(b)) => {
                for ((pixel, r), (g, b)) in row.iter_mut().zip(r).zip(g.iter().zip(b)) {
                    *pixel = [*r, *g, *b];
                }
            }
            (Some(grey), ..) => row.iter_mut().zip(grey).for_each(|(pixel, grey)| *pixel = [*grey; 3]),
            _ => {}
        }
    }
}

/// Each sample twice, three parts of the nearer and one of the farther neighbour ("fancy upsampling").
fn widened<'w>(line: &[u8], wide: &'w mut Vec<u8>, width: usize) -> &'w [u8] {
    wide.clear();
    wide.reserve(line.len() * 2);
    let mut before = line.first().copied().unwrap_or_default();
    let after = line.iter().skip(1).chain(line.last());
    for (sample, after) in line.iter().zip(after) {
        let mix = |near: u8, far: u8, round: u16| {
            u8::try_from((3 * u16::from(near) + u16::from(far) + round) >> 2).unwrap_or(u8::MAX)
        };
        wide.extend([mix(*sample, before, 1), mix(*sample, *after, 2)]);
        before = *sample;
    }
    wide.get(..width).unwrap_or(wide)
}

/// JFIF's YCbCr (ITU-R BT.601, full range).
#[inline(always)]
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    // Fourteen fraction bits.
    let y = (i32::from(y) << 14) + (1 << 13);
    let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
    let byte = |value: i32| u8::try_from((value >> 14).clamp(0, 255)).unwrap_or_default();
    [byte(y + 22_970 * cr), byte(y - 5_638 * cb - 11_700 * cr), byte(y + 29_032 * cb)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_the_standard() {
        for (ycc, expected) in [
            ([0, 128, 128], [0, 0, 0]),
            ([255, 128, 128], [255, 255, 255]),
            ([76, 85, 255], [254, 0, 0]),
            ([150, 44, 21], [0, 255, 1]),
            ([29, 255, 107], [0, 0, 254]),
        ] {
            let [y, cb, cr] = ycc;
            for (got, expected) in rgb(y, cb, cr).into_iter().zip(expected) {
                assert!(got.abs_diff(expected) <= 1, "{ycc:?}");
            }
        }
    }

    #[test]
    fn samples_are_widened_towards_their_neighbours() {
        assert_eq!(widened(&[0, 100], &mut Vec::new(), 4), [0, 25, 75, 100]);
        assert_eq!(widened(&[7], &mut Vec::new(), 1), [7]);
        assert!(widened(&[], &mut Vec::new(), 4).is_empty());
    }
}
