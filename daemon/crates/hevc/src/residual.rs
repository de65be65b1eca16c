//! The coefficients of a block: from bins to what the transform takes (H.265, 7.3.8.11, 9.3.4.2 and 8.6.4.2).

use heifer_hevc_dec::contexts::ctx;
use vow_types::num::index;

use crate::HevcError;
use crate::arithmetic::{AT_ONCE, Arithmetic, Contexts, entry};
use crate::scan::{SIGNIFICANT, SIGNIFICANT_4, Scan};

/// Of a block of 32 x 32.
pub(crate) const MOST: usize = 32 * 32;
/// More ones before a coefficient's rest than any that fits into 16 bits has.
const LONGEST: u32 = 20;
/// Contexts of light before those of colour.
const CHROMA_SIGNIFICANT: usize = 27;

/// What a block is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// Of its side: 2 to 5.
    pub(crate) log2: u32,
    /// Whether it is of a plane of colour.
    pub(crate) chroma: bool,
    pub(crate) scan: Scan,
    /// Whether it may say that it is not transformed.
    pub(crate) may_skip: bool,
    /// Whether a sign may be hidden in a sum.
    pub(crate) hides_signs: bool,
}

/// From the steps of the quantiser to coefficients (8.6.4.2).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps<'a> {
    /// For a weight of one.
    pub(crate) step: i64,
    /// Weight of each coefficient, rows of the block; empty where all weigh 16.
    pub(crate) weights: &'a [u8],
    /// Bits to be dropped.
    pub(crate) shift: u32,
}

impl Steps<'_> {
    #[inline(always)]
    fn coefficient(&self, level: i32, place: usize) -> i16 {
        let weight = if self.weights.is_empty() { 16 } else { entry(self.weights, place) };
        let scaled = i64::from(level) * self.step * i64::from(weight) + (1 << self.shift >> 1);
        let whole = (scaled >> self.shift).clamp(i64::from(i16::MIN), i64::from(i16::MAX));
        i16::try_from(whole).unwrap_or_default()
    }
}

/// Coefficients of a block: those that are not zero lie in the first [`columns`](Self::columns) of the first [`rows`](Self::rows).
pub(crate) struct Coefficients {
    /// Rows of the block's side; all zero between two blocks.
    pub(crate) values: Box<[i16; MOST]>,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// They are what is to be added, not yet transformed.
    pub(crate) skipped: bool,
}

impl Coefficients {
    pub(crate) fn new() -> Self {
        Self { values: Box::new([0; MOST]), columns: 0, rows: 0, skipped: false }
    }

    /// Reads those of a block, which has some.
    #[inline(never)]
    pub(crate) fn read(
        &mut self,
        arithmetic: &mut Arithmetic<'_>,
        contexts: &mut Contexts,
        block: Block,
        steps: Steps<'_>,
    ) -> Result<(), HevcError> {
        // One of its own: the compiler keeps it in registers then.
        let mut own = arithmetic.clone();
        let read = match (block.chroma, block.log2) {
            (false, 2) => self.pieces::<false, 2>(&mut own, contexts, block, steps),
            (false, 3) => self.pieces::<false, 3>(&mut own, contexts, block, steps),
            (false, 4) => self.pieces::<false, 4>(&mut own, contexts, block, steps),
            (false, _) => self.pieces::<false, 5>(&mut own, contexts, block, steps),
            (true, 2) => self.pieces::<true, 2>(&mut own, contexts, block, steps),
            (true, 3) => self.pieces::<true, 3>(&mut own, contexts, block, steps),
            (true, 4) => self.pieces::<true, 4>(&mut own, contexts, block, steps),
            (true, _) => self.pieces::<true, 5>(&mut own, contexts, block, steps),
        };
        *arithmetic = own;
        read
    }

    #[inline(always)]
    fn pieces<const CHROMA: bool, const LOG2: u32>(
        &mut self,
        bits: &mut Arithmetic<'_>,
        contexts: &mut Contexts,
        block: Block,
        steps: Steps<'_>,
    ) -> Result<(), HevcError> {
        self.skipped = block.may_skip && {
            let at = if CHROMA { ctx::TRANSFORM_SKIP_FLAG_CHROMA } else { ctx::TRANSFORM_SKIP_FLAG_LUMA };
            bits.bin(contexts, at) == 1
        };
        let (last_column, last_row) = last::<CHROMA, LOG2>(bits, contexts, block.scan);
        let (places, order) = (block.scan.places(), block.scan.pieces(LOG2));
        let piece_of_last = (last_row >> 2) << 4 | last_column >> 2;
        let place_of_last = (last_row & 3) << 2 | last_column & 3;
        let number = |table: &[u8], wanted: u32| table.iter().position(|place| u32::from(*place) == wanted);
        let found = number(order, piece_of_last).zip(number(places, place_of_last));
        let (first_piece, first_place) = found.ok_or(HevcError::Damaged("a block ends outside of itself"))?;

        (self.columns, self.rows) = (0, 0);
        // Bits of pieces that hold something, a row each.
        let mut held = [0u16; 9];
        // Whether the piece before ended with a coefficient of more than one.
        let mut large_before = false;
        for piece in (0..=first_piece).rev() {
            let at = index(entry(order, piece).into());
            let (column, row) = (at & 15, at >> 4);
            let right = u32::from(entry(&held, row) >> (column + 1) & 1);
            let below = u32::from(entry(&held, row + 1) >> column & 1);
            let is_between = piece > 0 && piece < first_piece;
            if is_between {
                let context = ctx::CODED_SUB_BLOCK_FLAG + index(right | below) + if CHROMA { 2 } else { 0 };
                if bits.bin(contexts, context) == 0 {
                    continue;
                }
            }
            if let Some(row) = held.get_mut(row) {
                *row |= 1 << column;
            }
            let around = significance::<CHROMA, LOG2>(right | below << 1, piece, block.scan);
            let last = (piece == first_piece).then_some(first_place);
            let There { numbers, count } =
                there::<CHROMA>(bits, contexts, (piece == 0, is_between), last, places, around);
            if count == 0 {
                continue;
            }
            // 9.3.4.2.6: in which quarter of the contexts.
            let quarter =
                if piece == 0 || CHROMA { 0 } else { 2 } + usize::from(last.is_none() && large_before);
            let levels = levels::<CHROMA>(bits, contexts, quarter, count, &mut large_before);
            let (newest, oldest) = (entry(&numbers, 0), entry(&numbers, count - 1));
            let levels = signed(bits, levels, count, block.hides_signs && newest.saturating_sub(oldest) > 3)?;
            for (level, number) in levels.iter().zip(numbers).take(count) {
                let place = usize::from(entry(places, usize::from(number)));
                let (x, y) = (column * 4 + (place & 3), row * 4 + (place >> 2));
                let at = y << LOG2 | x;
                if let Some(value) = self.values.get_mut(at) {
                    *value = steps.coefficient(*level, at);
                }
            }
            self.columns = self.columns.max(column * 4 + 4);
            self.rows = self.rows.max(row * 4 + 4);
        }
        Ok(())
    }
}

/// Coefficients of a piece, the last first: their numbers in its order.
struct There {
    numbers: [u8; 16],
    count: usize,
}

/// Which coefficients of a piece there are (9.3.4.2.5). `last` is the number of the block's last one where that is in this piece.
#[inline(always)]
fn there<const CHROMA: bool>(
    bits: &mut Arithmetic<'_>,
    contexts: &mut Contexts,
    (is_first, is_between): (bool, bool),
    last: Option<usize>,
    places: &[u8; 16],
    (table, base): (&[u8; 16], usize),
) -> There {
    let mut there = There { numbers: [0; 16], count: 0 };
    let mut note = |number: usize, is: u32| {
        if let Some(to) = there.numbers.get_mut(there.count) {
            *to = u8::try_from(number).unwrap_or_default();
        }
        // No branch: nobody could foresee it.
        there.count += index(is);
        there.count
    };
    let mut count = last.map_or(0, |last| note(last, 1));
    let above = last.unwrap_or(16);
    for number in (1..above).rev() {
        let place = usize::from(entry(places, number));
        let is = bits.bin(contexts, base + usize::from(entry(table, place)));
        count = note(number, is);
    }
    if above > 0 {
        // Not said of the first where a piece is known to hold something, and nothing else was there.
        let is_implied = is_between && count == 0;
        let context = if is_first {
            ctx::SIG_COEFF_FLAG + if CHROMA { CHROMA_SIGNIFICANT } else { 0 }
        } else {
            base + usize::from(entry(table, 0))
        };
        let is = if is_implied { 1 } else { bits.bin(contexts, context) };
        note(0, is);
    }
    there
}

/// What the flags of a piece's coefficients say of their size: 1, 2, or 3 and more.
struct Levels {
    levels: [i32; 16],
    /// Which one was the first above one.
    first_large: Option<usize>,
    /// Of how many it was said whether they are.
    spelled: usize,
}

/// 9.3.4.2.6 and 9.3.4.2.7.
#[inline(always)]
fn levels<const CHROMA: bool>(
    bits: &mut Arithmetic<'_>,
    contexts: &mut Contexts,
    quarter: usize,
    count: usize,
    large_before: &mut bool,
) -> Levels {
    let mut all = Levels { levels: [1; 16], first_large: None, spelled: count.min(8) };
    let base = ctx::COEFF_ABS_LEVEL_GREATER1_FLAG + quarter * 4 + if CHROMA { 16 } else { 0 };
    let mut seen = 1;
    for (number, level) in all.levels.iter_mut().enumerate().take(all.spelled) {
        if bits.bin(contexts, base + seen) == 1 {
            *level = 2;
            all.first_large = all.first_large.or(Some(number));
            seen = 0;
        } else if seen > 0 && seen < 3 {
            seen += 1;
        }
    }
    *large_before = seen == 0;
    if let Some(number) = all.first_large {
        let context = ctx::COEFF_ABS_LEVEL_GREATER2_FLAG + quarter + if CHROMA { 4 } else { 0 };
        let larger = bits.bin(contexts, context) == 1;
        if let Some(level) = all.levels.get_mut(number) {
            *level += i32::from(larger);
        }
    }
    all
}

/// Signs, and what levels have beyond their flags. A hidden sign is the last one's: that of the sum's evenness.
#[inline(always)]
fn signed(
    bits: &mut Arithmetic<'_>,
    Levels { mut levels, first_large, spelled }: Levels,
    count: usize,
    is_hidden: bool,
) -> Result<[i32; 16], HevcError> {
    let told = u32::try_from(count - usize::from(is_hidden)).unwrap_or_default();
    // The first sign in the highest of 16 bits.
    let signs = bits.even(told) << (16 - told);
    let (mut rice, mut sum) = (0, 0);
    for (number, level) in levels.iter_mut().enumerate().take(count) {
        // As large as flags could say.
        let full = match first_large {
            _ if number >= spelled => 1,
            Some(first) if first == number => 3,
            _ => 2,
        };
        if *level == full {
            *level += remaining(bits, rice)?;
            if *level > 3 << rice {
                rice = (rice + 1).min(4);
            }
        }
        sum += *level;
        let is_negative =
            if is_hidden && number + 1 == count { sum & 1 == 1 } else { signs >> (15 - number) & 1 == 1 };
        if is_negative {
            *level = -*level;
        }
    }
    Ok(levels)
}

/// Column and row of the last coefficient.
#[inline(always)]
fn last<const CHROMA: bool, const LOG2: u32>(
    bits: &mut Arithmetic<'_>,
    contexts: &mut Contexts,
    scan: Scan,
) -> (u32, u32) {
    let (offset, shift) =
        if CHROMA { (15, LOG2 - 2) } else { (3 * (LOG2 - 2) + ((LOG2 - 1) >> 2), (LOG2 + 1) >> 2) };
    let mut prefix = |base: usize| {
        let mut ones = 0;
        while ones < 2 * LOG2 - 1 && bits.bin(contexts, base + index(offset + (ones >> shift))) == 1 {
            ones += 1;
        }
        ones
    };
    let across = prefix(ctx::LAST_SIG_COEFF_X_PREFIX);
    let down = prefix(ctx::LAST_SIG_COEFF_Y_PREFIX);
    let mut whole = |prefix: u32| {
        if prefix < 4 {
            return prefix;
        }
        let more = (prefix >> 1) - 1;
        ((2 + (prefix & 1)) << more) + bits.even(more)
    };
    let (across, down) = (whole(across), whole(down));
    if scan == Scan::Vertical { (down, across) } else { (across, down) }
}

/// The contexts of a piece's coefficients: by place, from a base (9.3.4.2.5).
#[inline(always)]
fn significance<const CHROMA: bool, const LOG2: u32>(
    around: u32,
    piece: usize,
    scan: Scan,
) -> (&'static [u8; 16], usize) {
    let base = ctx::SIG_COEFF_FLAG;
    if LOG2 == 2 {
        return (&SIGNIFICANT_4, base + if CHROMA { CHROMA_SIGNIFICANT } else { 0 });
    }
    let table = SIGNIFICANT.get(index(around & 3)).unwrap_or(&SIGNIFICANT_4);
    let more = match (CHROMA, LOG2) {
        (true, 3) => CHROMA_SIGNIFICANT + 9,
        (true, _) => CHROMA_SIGNIFICANT + 12,
        (false, 3) => {
            if scan == Scan::Diagonal {
                9
            } else {
                15
            }
        }
        (false, _) => 21,
    };
    (table, base + more + if !CHROMA && piece > 0 { 3 } else { 0 })
}

/// What a level has beyond what its flags could say (9.3.3.11).
#[inline(always)]
fn remaining(bits: &mut Arithmetic<'_>, rice: u32) -> Result<i32, HevcError> {
    let ahead = bits.ahead(AT_ONCE);
    let ones = (ahead << (32 - AT_ONCE)).leading_ones();
    // All in one, as nearly always.
    let (length, value) = if ones < 4 {
        (ones + 1 + rice, ones << rice)
    } else {
        (2 * ones - 2 + rice, ((1 << (ones.min(LONGEST) - 3)) + 2) << rice)
    };
    let value = if length <= AT_ONCE {
        let all = ahead >> (AT_ONCE - length);
        bits.take(all, length);
        let tail = length - ones - 1;
        value + (all & ((1 << tail) - 1))
    } else {
        long(bits, rice)?
    };
    Ok(i32::try_from(value).unwrap_or(i32::MAX))
}

#[cold]
fn long(bits: &mut Arithmetic<'_>, rice: u32) -> Result<u32, HevcError> {
    let mut ones = 0;
    while bits.even(1) == 1 {
        ones += 1;
        if ones > LONGEST {
            return Err(HevcError::Damaged("a coefficient is too large"));
        }
    }
    let tail = if ones < 4 { rice } else { ones - 3 + rice };
    let high = tail.saturating_sub(8);
    let rest = bits.even(high) << (tail - high) | bits.even(tail - high);
    let start = if ones < 4 { ones } else { (1 << (ones - 3)) + 2 };
    Ok((start << rice) + rest)
}
