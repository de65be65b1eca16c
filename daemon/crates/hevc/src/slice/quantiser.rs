//! How coarsely blocks are coded: the number of their quantiser, which follows from those around, and of which groups of blocks say how far
//! theirs is from that (H.265, 8.6.1 and 7.3.8.14).

use heifer_hevc_dec::contexts::ctx;

use super::Decoder;
use crate::HevcError;
use crate::arithmetic::entry;

/// The quantiser of colour by that of light, from 30 to 43 (table 8-10).
const CHROMA: [i32; 14] = [29, 30, 31, 32, 33, 33, 34, 34, 35, 35, 36, 36, 37, 37];
/// The quantiser's step while blocks are read (8.6.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantiser {
    /// As predicted for the blocks of a group.
    pub(super) predicted: i32,
    /// Of the last block.
    pub(super) now: i32,
    /// Whether the group has said its own.
    pub(super) said: bool,
}

impl Decoder<'_> {
    /// The quantiser by those on the left and above, within the same largest block, and by the one before (8.6.1).
    pub(super) fn quantiser_by_neighbours(&self, x: usize, y: usize) -> i32 {
        let inside = (1 << self.sps.log2_ctb_size) - 1;
        let before = self.quantiser.now;
        let left = if x & inside > 0 { i32::from(self.quantisers.at(x - 1, y)) } else { before };
        let above = if y & inside > 0 { i32::from(self.quantisers.at(x, y - 1)) } else { before };
        (left + above + 1) >> 1
    }

    /// The number of the quantiser of a plane (8.6.1).
    pub(super) fn number(&self, plane: usize, depth: u32) -> i32 {
        let extra = 6 * (i32::try_from(depth).unwrap_or_default() - 8);
        let Some(offset) = plane.checked_sub(1).and_then(|colour| self.head.offsets.get(colour)) else {
            return self.quantiser.now + extra;
        };
        let by_light = (self.quantiser.now + offset).clamp(-extra, 57);
        let number = match by_light {
            ..30 => by_light,
            30..44 => entry(&CHROMA, usize::try_from(by_light - 30).unwrap_or_default()),
            _ => by_light - 6,
        };
        number + extra
    }

    /// What a group says of its quantiser (7.3.8.14).
    pub(super) fn quantiser_of_group(&mut self) -> Result<(), HevcError> {
        let mut size = 0u32;
        while size < 5 && self.bin(ctx::CU_QP_DELTA_ABS + usize::from(size > 0)) {
            size += 1;
        }
        if size == 5 {
            let mut bits = 0;
            while self.bits.even(1) == 1 {
                size += 1 << bits;
                bits += 1;
                if bits > 7 {
                    return Err(HevcError::Damaged("a step is too large"));
                }
            }
            size += self.bits.even(bits);
        }
        let less = size > 0 && self.bits.even(1) == 1;
        let size = i32::try_from(size).unwrap_or_default();
        let change = if less { -size } else { size };
        let extra = 6 * (i32::from(self.sps.bit_depth_luma) - 8);
        if !(-(26 + extra / 2)..=25 + extra / 2).contains(&change) {
            return Err(HevcError::Damaged("a step is too large"));
        }
        self.quantiser.said = true;
        let number = (self.quantiser.predicted + change + 52 + 2 * extra) % (52 + extra) - extra;
        self.quantiser.predicted = number;
        self.quantiser.now = number;
        Ok(())
    }
}
