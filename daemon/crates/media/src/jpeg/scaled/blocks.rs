//! Blocks: from the scan's bits to samples, at a scale. Groups of blocks one after another, to be looked at or stepped
//! over.

use vow_types::num::{i32_to_f32, index};

use super::super::huffman::Stop;
use super::bits::{Bits, Place};
use super::component::{MIDDLE, Scaled, Strip, Use, finish, plain};
use super::plan::{Lane, Plan};
use super::tables::BLOCK;

impl Scaled<'_> {
    /// The component's blocks of one group, into its strip from column `from` on.
    #[inline(always)]
    fn group(
        &self,
        lane: &Lane,
        prediction: &mut i32,
        bits: &mut Bits<'_>,
        strip: &mut [u8],
        stride: usize,
        from: usize,
    ) -> Result<(), Stop> {
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        for down in 0..index(self.shape.down) {
            for across in 0..index(self.shape.across) {
                let start = down * height * stride + from + across * width;
                let target = strip.get_mut(start..).ok_or(Stop::Broken)?;
                match (self.width, self.height) {
                    (1, 1) => self.block::<1, 1>(lane, prediction, bits, target, stride),
                    (2, 2) => self.block::<2, 2>(lane, prediction, bits, target, stride),
                    (4, 4) => self.block::<4, 4>(lane, prediction, bits, target, stride),
                    (8, 8) => self.block::<8, 8>(lane, prediction, bits, target, stride),
                    (2, 1) => self.block::<2, 1>(lane, prediction, bits, target, stride),
                    (4, 2) => self.block::<4, 2>(lane, prediction, bits, target, stride),
                    (8, 4) => self.block::<8, 4>(lane, prediction, bits, target, stride),
                    (1, 2) => self.block::<1, 2>(lane, prediction, bits, target, stride),
                    (2, 4) => self.block::<2, 4>(lane, prediction, bits, target, stride),
                    (4, 8) => self.block::<4, 8>(lane, prediction, bits, target, stride),
                    _ => Err(Stop::Broken),
                }?;
            }
        }
        Ok(())
    }

    /// One block, `W` x `H` samples.
    #[inline]
    fn block<const W: usize, const H: usize>(
        &self,
        lane: &Lane,
        prediction: &mut i32,
        bits: &mut Bits<'_>,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), Stop> {
        // A reader of its own, for as long as it takes: the compiler keeps it in registers then. (Taken and given back by value
        // it does not, and all of decoding takes a quarter longer.)
        let mut own = bits.clone();
        let result = self.read::<W, H>(lane, prediction, &mut own, target, stride);
        *bits = own;
        result
    }

    /// T.81, F.2.2.
    #[inline(always)]
    fn read<const W: usize, const H: usize>(
        &self,
        lane: &Lane,
        prediction: &mut i32,
        bits: &mut Bits<'_>,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), Stop> {
        let mut block = [[0.0f32; W]; H];
        let mut level = i32_to_f32(difference(lane, prediction, bits)?);
        let [first, ..] = self.uses;
        level = level * first.factor + MIDDLE;
        let (mut at, mut even, mut ended) = (1, true, false);
        while at <= self.last {
            let (symbol, value) = lane.ac.codes.next(bits)?;
            if symbol.ends() {
                ended = true;
                break;
            }
            at += index(symbol.zeros());
            if symbol.size() > 0 {
                let Use { place, factor } = self.uses.get(at).copied().ok_or(Stop::Broken)?;
                if let Some(slot) = block.as_flattened_mut().get_mut(usize::from(place)) {
                    *slot = i32_to_f32(value) * factor;
                    even = false;
                }
            }
            at += 1;
        }
        if !ended {
            lane.ac.skip(bits, at, BLOCK)?;
        }
        if even { plain::<W, H>(level, target, stride) } else { finish(&mut block, level, target, stride) }
    }
}

/// The DC coefficient of the next block, in quantisation steps.
#[inline(always)]
fn difference(lane: &Lane, prediction: &mut i32, bits: &mut Bits<'_>) -> Result<i32, Stop> {
    let (_, difference) = lane.dc.next(bits)?;
    *prediction = prediction.wrapping_add(difference);
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
        let plan = self.plan;
        for (((scaled, strip), lane), prediction) in
            lanes.iter_mut().zip(&plan.lanes).zip(&mut self.predictions)
        {
            let from = column * scaled.group_width();
            scaled.group(lane, prediction, &mut self.bits, &mut strip.samples, strip.stride, from)?;
        }
        self.check()
    }

    /// Steps over a group.
    pub(super) fn skip(&mut self) -> Result<(), Stop> {
        self.begin()?;
        for (lane, prediction) in self.plan.lanes.iter().zip(&mut self.predictions) {
            for _ in 0..lane.shape.across * lane.shape.down {
                difference(lane, prediction, &mut self.bits)?;
                lane.ac.skip(&mut self.bits, 1, BLOCK)?;
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
