//! Blocks: from the scan's bits to samples, at a scale. Groups of blocks one after another, to be looked at or stepped
//! over.

use vow_types::num::{i32_to_f32, index, to_u8};

use super::super::huffman::Stop;
use super::Scale;
use super::bits::{Bits, Place};
use super::idct::{inverse, prescale};
use super::plan::{Lane, Plan};

/// Column and row of each coefficient, in zigzag order (T.81, figure A.6).
const ZIGZAG: [(u8, u8); 64] = zigzag();

/// The middle of a sample's range.
const MIDDLE: f32 = 128.0;

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
struct Use {
    place: u8,
    factor: f32,
}

/// A component at a scale.
pub(super) struct Scaled<'p> {
    lane: &'p Lane,
    /// Samples of a block.
    pub(super) width: u8,
    pub(super) height: u8,
    /// Whether a sample covers two pixels at this scale still.
    pub(super) twice_across: bool,
    pub(super) twice_down: bool,
    uses: [Use; 64],
    /// The last coefficient, in zigzag order, that has a place.
    last: usize,
}

impl<'p> Scaled<'p> {
    pub(super) fn new(lane: &'p Lane, scale: Scale) -> Self {
        // Subsampled components are shrunk less, so that all come out alike; beyond 8 they have to be widened later.
        let side = |spread: u32| u8::try_from(u32::from(scale.samples()) * spread).unwrap_or(8).min(8);
        let (width, height) = (side(lane.spread.0), side(lane.spread.1));
        let (mut uses, mut last) = ([Use { place: u8::MAX, factor: 0.0 }; 64], 0);
        for (at, ((slot, (column, row)), step)) in uses.iter_mut().zip(ZIGZAG).zip(lane.steps).enumerate() {
            if column < width && row < height {
                let factor = f32::from(step) * prescale(width, column) * prescale(height, row);
                *slot = Use { place: row * width + column, factor };
                last = at;
            }
        }
        let twice = |spread: u32| u32::from(scale.samples()) * spread > 8;
        let (twice_across, twice_down) = (twice(lane.spread.0), twice(lane.spread.1));
        Self { lane, width, height, twice_across, twice_down, uses, last }
    }

    /// Samples in a row of this component's part of a group.
    pub(super) fn group_width(&self) -> usize {
        index(self.lane.across) * usize::from(self.width)
    }

    pub(super) fn group_height(&self) -> usize {
        index(self.lane.down) * usize::from(self.height)
    }

    /// The component's blocks of one group, into its strip from column `from` on.
    #[inline(always)]
    fn group(
        &self,
        prediction: &mut i32,
        bits: &mut Bits<'_>,
        strip: &mut [u8],
        stride: usize,
        from: usize,
    ) -> Result<(), Stop> {
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        for down in 0..index(self.lane.down) {
            for across in 0..index(self.lane.across) {
                let start = down * height * stride + from + across * width;
                let target = strip.get_mut(start..).ok_or(Stop::Broken)?;
                match (self.width, self.height) {
                    (1, 1) => self.block::<1, 1>(prediction, bits, target, stride),
                    (2, 2) => self.block::<2, 2>(prediction, bits, target, stride),
                    (4, 4) => self.block::<4, 4>(prediction, bits, target, stride),
                    (8, 8) => self.block::<8, 8>(prediction, bits, target, stride),
                    (2, 1) => self.block::<2, 1>(prediction, bits, target, stride),
                    (4, 2) => self.block::<4, 2>(prediction, bits, target, stride),
                    (8, 4) => self.block::<8, 4>(prediction, bits, target, stride),
                    (1, 2) => self.block::<1, 2>(prediction, bits, target, stride),
                    (2, 4) => self.block::<2, 4>(prediction, bits, target, stride),
                    (4, 8) => self.block::<4, 8>(prediction, bits, target, stride),
                    _ => Err(Stop::Broken),
                }?;
            }
        }
        Ok(())
    }

    /// One block (T.81, F.2.2), `W` x `H` samples.
    #[inline]
    fn block<const W: usize, const H: usize>(
        &self,
        prediction: &mut i32,
        bits: &mut Bits<'_>,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), Stop> {
        let mut block = [[0.0f32; W]; H];
        let mut level = i32_to_f32(difference(self.lane, prediction, bits)?);
        let [first, ..] = self.uses;
        level = level * first.factor + MIDDLE;
        let (mut at, mut even, mut ended) = (1, true, false);
        while at <= self.last {
            let symbol = self.lane.ac.codes.next(bits)?;
            if symbol.ends() {
                ended = true;
                break;
            }
            at += usize::from(symbol.zeros);
            if symbol.size > 0 {
                let value = bits.signed(symbol.size.into());
                let Use { place, factor } = self.uses.get(at).copied().ok_or(Stop::Broken)?;
                if let Some(slot) = block.as_flattened_mut().get_mut(usize::from(place)) {
                    *slot = i32_to_f32(value) * factor;
                    even = false;
                }
            }
            at += 1;
        }
        if !ended {
            self.lane.ac.skip(bits, at)?;
        }
        if even {
            for row in 0..H {
                *row_of::<W>(target, row * stride).ok_or(Stop::Broken)? = [to_u8(level); W];
            }
            return Ok(());
        }
        if let Some(slot) = block.as_flattened_mut().first_mut() {
            *slot = level;
        }
        inverse(&mut block);
        for (row, samples) in block.iter().enumerate() {
            *row_of::<W>(target, row * stride).ok_or(Stop::Broken)? = samples.map(to_u8);
        }
        Ok(())
    }
}

#[inline(always)]
fn row_of<const W: usize>(target: &mut [u8], from: usize) -> Option<&mut [u8; W]> {
    target.get_mut(from..)?.first_chunk_mut()
}

/// The DC coefficient of the next block, in quantisation steps.
#[inline(always)]
fn difference(lane: &Lane, prediction: &mut i32, bits: &mut Bits<'_>) -> Result<i32, Stop> {
    let symbol = lane.dc.next(bits)?;
    if symbol.size > 0 {
        *prediction = prediction.wrapping_add(bits.signed(symbol.size.into()));
    }
    Ok(*prediction)
}

/// A place between two groups, from which the scan can be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    place: Place,
    predictions: [i32; 3],
    /// Groups behind it.
    group: u32,
}

/// Reads groups one after another.
pub(super) struct Groups<'p> {
    plan: &'p Plan<'p>,
    bits: Bits<'p>,
    predictions: [i32; 3],
    group: u32,
}

impl<'p> Groups<'p> {
    pub(super) fn new(plan: &'p Plan<'p>, from: Cursor) -> Self {
        let Cursor { place, predictions, group } = from;
        Self { plan, bits: Bits::new(plan.data, place), predictions, group }
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor { place: self.bits.place(), predictions: self.predictions, group: self.group }
    }

    /// Between two restart intervals: the marker.
    #[inline(always)]
    fn begin(&mut self) -> Result<(), Stop> {
        let interval = self.plan.interval;
        if interval > 0 && self.group > 0 && self.group.is_multiple_of(interval) {
            let number = (self.group / interval).wrapping_sub(1).to_le_bytes();
            self.bits.restart(number[0])?;
            self.predictions = [0; 3];
        }
        self.group += 1;
        Ok(())
    }

    /// A group into the strips, from column `column` of groups on.
    #[inline(always)]
    pub(super) fn next(&mut self, lanes: &mut [(Scaled<'_>, Strip)], column: usize) -> Result<(), Stop> {
        self.begin()?;
        for ((scaled, strip), prediction) in lanes.iter_mut().zip(&mut self.predictions) {
            let from = column * scaled.group_width();
            scaled.group(prediction, &mut self.bits, &mut strip.samples, strip.stride, from)?;
        }
        self.check()
    }

    /// Steps over a group.
    pub(super) fn skip(&mut self) -> Result<(), Stop> {
        self.begin()?;
        for (lane, prediction) in self.plan.lanes.iter().zip(&mut self.predictions) {
            for _ in 0..lane.across * lane.down {
                difference(lane, prediction, &mut self.bits)?;
                lane.ac.skip(&mut self.bits, 1)?;
            }
        }
        self.check()
    }

    fn check(&self) -> Result<(), Stop> {
        if self.bits.overdrawn() { Err(Stop::End) } else { Ok(()) }
    }

    /// Bytes of the scan that were not used.
    pub(super) fn rest(mut self) -> usize {
        self.bits.rest()
    }
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
