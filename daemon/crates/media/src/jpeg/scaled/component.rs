//! A component at a scale: which of its coefficients are used, and the samples that come of them. It reads no bits.

use vow_types::num::{i32_to_f32, index, to_u8};

use super::super::huffman::Stop;
use super::Scale;
use super::idct::{inverse, prescale};
use super::plan::Shape;

/// Column and row of each coefficient, in zigzag order (T.81, figure A.6).
const ZIGZAG: [(u8, u8); 64] = zigzag();

/// The middle of a sample's range.
pub(super) const MIDDLE: f32 = 128.0;

#[allow(
    clippy::indexing_slicing,
    reason = "worked out by the compiler, which refuses an index out of bounds"
)]
const fn zigzag() -> [(u8, u8); 64] {
    let mut order = [(0, 0); 64];
    let (mut column, mut row, mut at) = (0u8, 0u8, 0);
    while at < 64 {
        order[at] = (column, row);
        let up = (column + row).is_multiple_of(2);
        (column, row) = match (up, column, row) {
            (true, 7, _) => (7, row + 1),
            (true, _, 0) => (column + 1, 0),
            (true, _, _) => (column + 1, row - 1),
            (false, _, 7) => (column + 1, 7),
            (false, 0, _) => (0, row + 1),
            (false, _, _) => (column - 1, row + 1),
        };
        at += 1;
    }
    order
}

/// What is done with a coefficient: its place in the small block (none, where it is too high a frequency), and its
/// quantisation step with the transform's scale in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Use {
    pub(super) place: u8,
    pub(super) factor: f32,
}

/// Samples along a side of a block, 1 to 8, of a component of which one sample covers `spread` pixels. Subsampled components
/// are shrunk less, so that all come out alike; beyond 8 they have to be widened later.
pub(super) fn side(scale: Scale, spread: u32) -> u8 {
    u8::try_from(u32::from(scale.samples()) * spread).unwrap_or(8).min(8)
}

/// A component at a scale.
pub(super) struct Scaled<'p> {
    pub(super) shape: &'p Shape,
    /// Samples of a block.
    pub(super) width: u8,
    pub(super) height: u8,
    /// Whether a sample covers two pixels at this scale still.
    pub(super) twice_across: bool,
    pub(super) twice_down: bool,
    pub(super) uses: [Use; 64],
    /// The factors in the order of the places.
    factors: [f32; 64],
    /// The last coefficient, in zigzag order, that has a place.
    pub(super) last: usize,
}

impl<'p> Scaled<'p> {
    pub(super) fn new(shape: &'p Shape, scale: Scale) -> Self {
        let (width, height) = (side(scale, shape.spread.0), side(scale, shape.spread.1));
        let mut factors = [0.0; 64];
        let (mut uses, mut last) = ([Use { place: u8::MAX, factor: 0.0 }; 64], 0);
        for (at, ((slot, (column, row)), step)) in uses.iter_mut().zip(ZIGZAG).zip(shape.steps).enumerate() {
            if column < width && row < height {
                let factor = f32::from(step) * prescale(width, column) * prescale(height, row);
                *slot = Use { place: row * width + column, factor };
                if let Some(slot) = factors.get_mut(usize::from(row * width + column)) {
                    *slot = factor;
                }
                last = at;
            }
        }
        let twice = |spread: u32| u32::from(scale.samples()) * spread > 8;
        let (twice_across, twice_down) = (twice(shape.spread.0), twice(shape.spread.1));
        Self { shape, width, height, twice_across, twice_down, uses, factors, last }
    }

    /// Samples in a row of this component's part of a group.
    pub(super) fn group_width(&self) -> usize {
        index(self.shape.across) * usize::from(self.width)
    }

    pub(super) fn group_height(&self) -> usize {
        index(self.shape.down) * usize::from(self.height)
    }

    /// The samples of a block, from the coefficients that have a place, in the order of their places and in quantisation
    /// steps. `target` begins with the block's first sample, rows of it are `stride` apart.
    ///
    /// # Errors
    /// [`Stop::Broken`] when `target` is too short, which would be a mistake of the caller.
    #[inline]
    pub(super) fn show(&self, coefficients: &[i16], target: &mut [u8], stride: usize) -> Result<(), Stop> {
        match (self.width, self.height) {
            (1, 1) => self.show_as::<1, 1>(coefficients, target, stride),
            (2, 2) => self.show_as::<2, 2>(coefficients, target, stride),
            (4, 4) => self.show_as::<4, 4>(coefficients, target, stride),
            (8, 8) => self.show_as::<8, 8>(coefficients, target, stride),
            (2, 1) => self.show_as::<2, 1>(coefficients, target, stride),
            (4, 2) => self.show_as::<4, 2>(coefficients, target, stride),
            (8, 4) => self.show_as::<8, 4>(coefficients, target, stride),
            (1, 2) => self.show_as::<1, 2>(coefficients, target, stride),
            (2, 4) => self.show_as::<2, 4>(coefficients, target, stride),
            (4, 8) => self.show_as::<4, 8>(coefficients, target, stride),
            _ => Err(Stop::Broken),
        }
    }

    #[inline]
    fn show_as<const W: usize, const H: usize>(
        &self,
        coefficients: &[i16],
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), Stop> {
        let (first, others) = coefficients.split_first().ok_or(Stop::Broken)?;
        let [factor, ..] = self.factors;
        let level = i32_to_f32(i32::from(*first)) * factor + MIDDLE;
        if others.iter().all(|value| *value == 0) {
            return plain::<W, H>(level, target, stride);
        }
        let mut block = [[0.0f32; W]; H];
        for ((slot, value), factor) in block.as_flattened_mut().iter_mut().zip(coefficients).zip(self.factors)
        {
            *slot = i32_to_f32(i32::from(*value)) * factor;
        }
        finish(&mut block, level, target, stride)
    }
}

/// A block of one level.
#[inline(always)]
pub(super) fn plain<const W: usize, const H: usize>(
    level: f32,
    target: &mut [u8],
    stride: usize,
) -> Result<(), Stop> {
    for row in 0..H {
        *row_of::<W>(target, row * stride).ok_or(Stop::Broken)? = [to_u8(level); W];
    }
    Ok(())
}

/// A block of prescaled coefficients, of which `level` is the first.
#[inline(always)]
pub(super) fn finish<const W: usize, const H: usize>(
    block: &mut [[f32; W]; H],
    level: f32,
    target: &mut [u8],
    stride: usize,
) -> Result<(), Stop> {
    if let Some(slot) = block.as_flattened_mut().first_mut() {
        *slot = level;
    }
    inverse(block);
    for (row, samples) in block.iter().enumerate() {
        *row_of::<W>(target, row * stride).ok_or(Stop::Broken)? = samples.map(to_u8);
    }
    Ok(())
}

#[inline(always)]
fn row_of<const W: usize>(target: &mut [u8], from: usize) -> Option<&mut [u8; W]> {
    target.get_mut(from..)?.first_chunk_mut()
}

/// The samples of one component in a row of groups.
#[derive(Debug, Default)]
pub(super) struct Strip {
    pub(super) samples: Vec<u8>,
    /// Samples from one row to the next.
    pub(super) stride: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_of_the_standard() {
        let expected = [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (2, 0), (3, 0), (2, 1), (1, 2), (0, 3)];
        assert_eq!(ZIGZAG[..10], expected);
        assert_eq!(ZIGZAG[60..], [(7, 5), (7, 6), (6, 7), (7, 7)]);
        for column in 0..8 {
            for row in 0..8 {
                assert!(ZIGZAG.contains(&(column, row)));
            }
        }
    }
}
