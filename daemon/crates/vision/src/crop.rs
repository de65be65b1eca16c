//! Cuts a face out of the coded picture, upright and aligned, in one pass of sampling. Where to sample is computed in
//! `align`.

use vow_types::num::{floor_i32, index, narrow, to_f32, to_u8};
use vow_types::{Landmarks, Orientation, Size};

use crate::align::{Affine, coded_from_crop};
use crate::{PictureView, VisionError};

/// The largest side that can be asked for.
const MAX_SIDE: u32 = 1024;

/// Above this many picture pixels for one crop pixel, single samples would alias.
const SPARSE: f64 = 1.5;

/// Most samples along a side of one crop pixel. Beyond it the samples are farther apart than the pixels that each of
/// them reads, but 64 of them average that out.
const MAX_GRID: u32 = 8;

/// Fraction bits of a sampling coordinate; over a whole crop the error stays far below that of [`WEIGHT_BITS`].
const POINT_BITS: u32 = 24;

/// Fraction bits of a bilinear weight, as many as OpenCV takes: two of them and a byte fit 32 bits.
const WEIGHT_BITS: u32 = 11;

/// Bits of a sample that are dropped before samples are summed, so that a full grid of them fits 32 bits.
const DROPPED_BITS: u32 = 8;

/// An aligned face: RGB8, `size * size * 3` bytes, upright whatever the orientation of the coded picture.
///
/// `landmarks` are relative to the upright picture. They are brought to the ArcFace template, scaled from 112 to `size`,
/// by the least-squares similarity without reflection (Umeyama 1991). Samples are bilinear with pixel centres at whole
/// numbers, as OpenCV's `warpAffine` takes them, straight from the coded picture; where one crop pixel covers more than
/// 1.5 picture pixels, a grid of samples is averaged. Outside of the picture is black.
///
/// # Errors
/// When the picture has no pixels or not as many as its size says, `size` is 0 or above 1024, or the landmarks are not
/// finite, in one point, or millions of pixels away.
pub fn crop(
    picture: PictureView<'_>,
    orientation: Orientation,
    landmarks: &Landmarks,
    size: u32,
) -> Result<Vec<u8>, VisionError> {
    picture.check()?;
    if !(1..=MAX_SIDE).contains(&size) {
        return Err(VisionError::CropSize { size, max: MAX_SIDE });
    }
    let map = coded_from_crop(landmarks, orientation, picture.size, size)?;
    let grid = samples_along(map.scale());
    let walk = Walk::new(map, grid);
    let source = Source { pixels: picture.pixels, size: picture.size };
    let weight = 1.0 / to_f32(grid * grid) / to_f32(1 << (2 * WEIGHT_BITS - DROPPED_BITS));

    let side = index(size);
    let mut out = vec![0; side * side * 3];
    let mut sums = vec![[0u32; 3]; side];
    for (bytes, row) in out.chunks_exact_mut(side * 3).zip(0u32..) {
        sums.fill([0; 3]);
        for sub_row in row * grid..(row + 1) * grid {
            walk.row(sub_row, &mut sums, &source);
        }
        for (byte, sum) in bytes.iter_mut().zip(sums.as_flattened()) {
            *byte = to_u8(to_f32(*sum) * weight);
        }
    }
    Ok(out)
}

/// Samples along each side of a crop pixel that covers `scale` picture pixels.
fn samples_along(scale: f64) -> u32 {
    if scale <= SPARSE { 1 } else { (2..MAX_GRID).find(|n| f64::from(*n) >= scale).unwrap_or(MAX_GRID) }
}

/// A point or a step in the coded picture, x and y with [`POINT_BITS`] fraction bits.
type Fixed = (i64, i64);

/// The lines of samples over the coded picture. Whole numbers, so that flooring is a shift on every processor and all
/// eight orientations of a picture give the same samples.
struct Walk {
    first: Fixed,
    across: Fixed,
    down: Fixed,
    grid: u32,
}

impl Walk {
    fn new(map: Affine, grid: u32) -> Self {
        let n = f64::from(grid);
        // The grid's samples lie around the centre of each crop pixel.
        let before = 0.5 / n - 0.5;
        let first = fixed(map.point((before, before)));
        // Weights are then cut off, not rounded: half of their last place in advance does the same.
        let half = 1 << (POINT_BITS - WEIGHT_BITS - 1);
        Self {
            first: (first.0 + half, first.1 + half),
            across: fixed((map.across.0 / n, map.across.1 / n)),
            down: fixed((map.down.0 / n, map.down.1 / n)),
            grid,
        }
    }

    /// Adds one line of samples to the sums, `grid` samples to each.
    fn row(&self, row: u32, sums: &mut [[u32; 3]], source: &Source<'_>) {
        let row = i64::from(row);
        let mut at = (self.first.0 + row * self.down.0, self.first.1 + row * self.down.1);
        for sum in sums {
            for _ in 0..self.grid {
                let sample = source.sample(at);
                for (sum, value) in sum.iter_mut().zip(sample) {
                    *sum += value >> DROPPED_BITS;
                }
                at = (at.0 + self.across.0, at.1 + self.across.1);
            }
        }
    }
}

/// To fixed point, whole part and fraction apart so that neither loses a bit in `f32`.
fn fixed((x, y): (f64, f64)) -> Fixed {
    let one = |value: f64| {
        let whole = value.floor();
        let fraction = narrow((value - whole) * f64::from(1 << POINT_BITS));
        (i64::from(floor_i32(narrow(whole))) << POINT_BITS) + i64::from(floor_i32(fraction))
    };
    (one(x), one(y))
}

/// The picture that is sampled.
struct Source<'a> {
    pixels: &'a [u8],
    size: Size,
}

impl Source<'_> {
    /// The bilinear mean of the four pixels around a point, times `2^(2 * WEIGHT_BITS)`.
    #[inline]
    fn sample(&self, at: Fixed) -> [u32; 3] {
        let (x, y) = (at.0 >> POINT_BITS, at.1 >> POINT_BITS);
        let (right, bottom) = (weight(at.0), weight(at.1));
        let (left, top) = ((1 << WEIGHT_BITS) - right, (1 << WEIGHT_BITS) - bottom);
        let [upper, lower] = self.inside(x, y).unwrap_or_else(|| self.at_edge(x, y));
        let ([a0, a1, a2, b0, b1, b2], [c0, c1, c2, d0, d1, d2]) = (upper, lower);
        let mix = |a: u8, b: u8, c: u8, d: u8| {
            let upper = u32::from(a) * left + u32::from(b) * right;
            let lower = u32::from(c) * left + u32::from(d) * right;
            upper * top + lower * bottom
        };
        [mix(a0, b0, c0, d0), mix(a1, b1, c1, d1), mix(a2, b2, c2, d2)]
    }

    /// Two pixels at a point and the two below, where all four are in the picture.
    #[inline]
    fn inside(&self, x: i64, y: i64) -> Option<[[u8; 6]; 2]> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        if x >= self.size.width.saturating_sub(1) {
            return None;
        }
        let row = index(self.size.width) * 3;
        let at = index(y).checked_mul(row)?.checked_add(index(x) * 3)?;
        let upper = self.pixels.get(at..)?;
        Some([*upper.first_chunk()?, *upper.get(row..)?.first_chunk()?])
    }

    /// The same at an edge: what is not in the picture is black.
    #[cold]
    fn at_edge(&self, x: i64, y: i64) -> [[u8; 6]; 2] {
        [y, y + 1].map(|y| {
            let ([r, g, b], [s, h, c]) = (self.pixel(x, y), self.pixel(x + 1, y));
            [r, g, b, s, h, c]
        })
    }

    fn pixel(&self, x: i64, y: i64) -> [u8; 3] {
        let inside = |at: i64, side: u32| u32::try_from(at).ok().filter(|at| *at < side).map(index);
        let (Some(x), Some(y)) = (inside(x, self.size.width), inside(y, self.size.height)) else {
            return [0; 3];
        };
        let at = y * index(self.size.width) + x;
        self.pixels.as_chunks().0.get(at).copied().unwrap_or_default()
    }
}

/// The fraction of a coordinate as a bilinear weight of the farther pixel.
#[inline]
fn weight(coordinate: i64) -> u32 {
    let bits = (coordinate >> (POINT_BITS - WEIGHT_BITS)) & ((1 << WEIGHT_BITS) - 1);
    u32::try_from(bits).unwrap_or_default()
}
