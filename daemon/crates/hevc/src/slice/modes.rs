//! In which way a block is predicted, as its data says it: by what its neighbours make likely, or otherwise.

use heifer_hevc_dec::contexts::ctx;
use vow_types::num::index;

use super::Decoder;
use crate::arithmetic::entry;
use crate::predict::{ACROSS, DOWN, MEAN, PLANAR};

impl Decoder<'_> {
    /// How a block's light is predicted (8.4.2): as one of the three likeliest by its neighbours, or otherwise.
    pub(super) fn mode(&mut self, x: usize, y: usize, foreseen: bool) -> u8 {
        let left = if x > 0 { self.modes.at(x - 1, y) } else { MEAN };
        let inside = (1 << self.sps.log2_ctb_size) - 1;
        let above = if y & inside > 0 { self.modes.at(x, y - 1) } else { MEAN };
        let mut likely = if left == above {
            if left < 2 { [PLANAR, MEAN, DOWN] } else { [left, 2 + (left + 29) % 32, 2 + (left - 1) % 32] }
        } else {
            let third = [PLANAR, MEAN, DOWN].into_iter().find(|mode| *mode != left && *mode != above);
            [left, above, third.unwrap_or(DOWN)]
        };
        if foreseen {
            // 0, 10 or 11.
            let number = if self.bits.even(1) == 0 { 0 } else { 1 + index(self.bits.even(1)) };
            return entry(&likely, number);
        }
        likely.sort_unstable();
        let mode = u8::try_from(self.bits.even(5)).unwrap_or_default();
        likely.into_iter().fold(mode, |mode, likely| mode + u8::from(mode >= likely))
    }

    /// 8.4.3.
    pub(super) fn chroma_mode(&mut self, luma: u8) -> u8 {
        if !self.bin(ctx::INTRA_CHROMA_PRED_MODE) {
            return luma;
        }
        let mode = match self.bits.even(2) {
            0 => PLANAR,
            1 => DOWN,
            2 => ACROSS,
            _ => MEAN,
        };
        if mode == luma { 34 } else { mode }
    }
}
