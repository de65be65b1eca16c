//! Turns a small picture upright, for all eight orientations. Scaling, and deciding what is small, is left to others.

use vow_types::num::index;
use vow_types::{Orientation, RelPoint, Size};

/// Coded rows that are read side by side while columns become rows: few enough that their cache lines stay.
const BAND: usize = 16;

/// Writes the coded picture (RGB8, `coded.width * coded.height * 3` bytes) upright into the top left corner of a frame
/// of RGB8 rows of `frame_width` pixels. What does not fit is left out; the rest of the frame stays as it is.
pub(crate) fn turn_into(
    coded_pixels: &[u8],
    coded: Size,
    orientation: Orientation,
    frame: &mut [u8],
    frame_width: u32,
) {
    let rows: Vec<&[[u8; 3]]> =
        coded_pixels.as_chunks::<3>().0.chunks_exact(index(coded.width.max(1))).collect();
    let upright = orientation.upright_size(coded);
    let frame_rows = frame.as_chunks_mut::<3>().0.chunks_exact_mut(index(frame_width.max(1)));
    let origin = orientation.to_coded(RelPoint { x: 0.0, y: 0.0 });
    let (from_right, from_bottom) = (origin.x > 0.5, origin.y > 0.5);
    let across = |at: usize| if from_right { index(coded.width).saturating_sub(at + 1) } else { at };
    let down = |at: usize| if from_bottom { index(coded.height).saturating_sub(at + 1) } else { at };

    if !orientation.swaps_sides() {
        for (y, target) in frame_rows.take(index(upright.height)).enumerate() {
            let Some(source) = rows.get(down(y)) else { continue };
            if from_right {
                target.iter_mut().zip(source.iter().rev()).for_each(|(to, from)| *to = *from);
            } else {
                target.iter_mut().zip(*source).for_each(|(to, from)| *to = *from);
            }
        }
        return;
    }
    // Upright columns are coded rows. A band of them at a time, so that each cache line that is read serves all
    // the upright rows that need it before it is pushed out.
    let mut frame_rows: Vec<&mut [[u8; 3]]> = frame_rows.take(index(upright.height)).collect();
    for first in (0..index(upright.width)).step_by(BAND) {
        let sources: Vec<&[[u8; 3]]> =
            (first..index(upright.width)).take(BAND).filter_map(|x| rows.get(down(x)).copied()).collect();
        for (y, target) in frame_rows.iter_mut().enumerate() {
            let column = across(y);
            let target = target.get_mut(first..).unwrap_or_default();
            for (to, source) in target.iter_mut().zip(&sources) {
                *to = source.get(column).copied().unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{coded_as, noise};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_orientation_is_undone(
            width in 1u32..50, height in 1u32..50, room in (0u32..20, 0u32..20), seed: u64,
        ) {
            let upright = Size { width, height };
            let pixels = noise(upright, seed);
            let (frame_width, frame_height) = (width + room.0, height + room.1);
            let mut expected = vec![[0; 3]; index(frame_width * frame_height)];
            let sources = pixels.as_chunks::<3>().0.chunks(index(width));
            for (row, source) in expected.chunks_mut(index(frame_width)).zip(sources) {
                row[..source.len()].copy_from_slice(source);
            }
            for orientation in Orientation::ALL {
                let (coded, turned) = coded_as(orientation, upright, &pixels);
                let mut frame = vec![0; index(frame_width * frame_height) * 3];
                turn_into(&turned, coded, orientation, &mut frame, frame_width);
                prop_assert!(frame == expected.as_flattened(), "{:?}", orientation);
            }
        }

        #[test]
        fn a_frame_that_is_too_small_takes_what_fits(
            side in 0u32..9, frame in (0u32..9, 0usize..300), exif in 1u32..9,
        ) {
            let coded = Size { width: side, height: 8 };
            let orientation = Orientation::from_exif(exif).unwrap();
            turn_into(&noise(coded, 3), coded, orientation, &mut vec![0; frame.1], frame.0);
        }
    }
}
