//! The bits of a scan, many at a time. Reads like [`super::super::huffman::Bits`], which counts and takes its time; this
//! one feeds a decoder.

use super::super::huffman::Stop;

/// Bits that [`Bits::fill`] leaves ready at least: two strides of 28, or a code (16), what follows it (15), and 25 more.
const READY: u32 = 56;
/// Bits that can be looked at as one number.
pub(super) const WIDEST: u32 = 32;

/// A place in a scan, from which it can be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// Offset of the first byte that is not among `held`.
    at: usize,
    /// Bits read and not yet used, from the highest down.
    held: u64,
    /// How many there are.
    count: u32,
    /// Of those, how many were made up because the data had ended. They are the last ones.
    lent: u32,
}

/// Reads bits of a scan, with stuffed zeros taken out. Behind the end of the data, or of a restart interval, come zeros;
/// [`Self::overdrawn`] says when they were used.
#[derive(Debug, Clone)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    place: Place,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], place: Place) -> Self {
        Self { data, place }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Makes sure that [`READY`] bits can be looked at. It does not ask first whether that is needed: nobody could foretell the
    /// answer, and the question costs what the work does.
    #[inline(always)]
    pub(super) fn fill(&mut self) {
        let Place { at, held, count, .. } = self.place;
        let eight = self.data.get(at..).and_then(|rest| rest.first_chunk::<8>());
        if let Some(word) = eight.map(|eight| u64::from_be_bytes(*eight)).filter(|word| !has_ff(*word)) {
            // Bits of a byte that is only begun are read again with its rest: they are the same ones.
            self.place.held = held | word >> count;
            self.place.at = at + vow_types::num::index((63 - count) >> 3);
            // The same remainder of 8, 56 or more.
            self.place.count = count | READY;
        } else {
            self.place = filled_slowly(self.data, self.place);
        }
    }

    /// The next `bits` bits, 1 to [`WIDEST`], as a number; they stay.
    #[inline(always)]
    pub(super) fn peek(&self, bits: u32) -> u32 {
        low(self.place.held >> (64 - bits))
    }

    /// Uses up bits that [`Self::fill`] made ready.
    #[inline(always)]
    pub(super) fn skip(&mut self, bits: u32) {
        self.place.held <<= bits;
        self.place.count -= bits;
    }

    /// The number that the `size` bits mean (T.81, F.2.2.1, EXTEND) that come after `code` bits, 0 to 15 and 0 to 16 of them;
    /// they stay. Of no bits it is 0.
    #[inline(always)]
    pub(super) fn number(&self, code: u32, size: u32) -> i32 {
        let ahead = self.place.held << code;
        let raw = low((ahead >> 1) >> (63 - size)).cast_signed();
        // Branchless: whether it is negative cannot be guessed.
        let negative = !(ahead.cast_signed() >> 63);
        raw - (low(negative.cast_unsigned()).cast_signed() & ((1 << size) - 1))
    }

    /// Whether bits were used that are not there.
    pub(super) fn overdrawn(&self) -> bool {
        self.place.count < self.place.lent
    }

    /// Whole bytes of this interval that nobody used; the marker behind them is found.
    fn unused(&mut self) -> u32 {
        self.place = filled_slowly(self.data, self.place);
        self.place.count.saturating_sub(self.place.lent) / 8
    }

    /// Leaves this interval, which must be used up, and enters the next, behind the restart marker of this number.
    ///
    /// # Errors
    /// When something else stands there.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), Stop> {
        let unused = self.unused();
        let rest = self.data.get(self.place.at..).unwrap_or_default();
        let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
        if unused > 0 || fill == 0 || rest.get(fill) != Some(&(0xd0 | number & 7)) {
            return Err(Stop::Broken);
        }
        self.place = Place { at: self.place.at + fill + 1, ..Place::default() };
        Ok(())
    }

    /// Bytes of the scan that were never looked at.
    pub(super) fn rest(&mut self) -> usize {
        let unused = self.unused();
        self.data.len().saturating_sub(self.place.at) + vow_types::num::index(unused)
    }
}

/// Whether one of the eight bytes is 0xff.
#[inline(always)]
fn has_ff(word: u64) -> bool {
    // A byte of `!word` is zero there (Hacker's Delight, 6-1).
    let zero_there = !word;
    zero_there.wrapping_sub(0x0101_0101_0101_0101) & !zero_there & 0x8080_8080_8080_8080 != 0
}

/// The lower half.
#[inline(always)]
const fn low(word: u64) -> u32 {
    (word & 0xffff_ffff) as u32
}

/// [`Bits::fill`], byte by byte. By value: a reader whose address nobody was given can live in registers.
#[cold]
#[inline(never)]
fn filled_slowly(data: &[u8], mut place: Place) -> Place {
    while place.count < READY {
        let byte = match data.get(place.at..).unwrap_or_default() {
            [0xff, 0, ..] => {
                place.at += 2;
                0xff
            }
            // A marker, or half of one at the end of the file.
            [0xff, ..] | [] => {
                place.lent += 8;
                0
            }
            [byte, ..] => {
                place.at += 1;
                *byte
            }
        };
        place.held |= u64::from(byte) << (56 - place.count);
        place.count += 8;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::super::super::huffman::Bits as Slow;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn signs() {
        for (size, bits, value) in
            [(1, 0u8, -1), (1, 0x80, 1), (3, 0, -7), (3, 0b0110_0000, -4), (3, 0b1000_0000, 4), (3, 0xe0, 7)]
        {
            let data = [bits, 0, 0];
            let mut reader = Bits::new(&data, Place::default());
            reader.fill();
            assert_eq!(reader.number(0, size), value);
            assert_eq!(reader.number(5, 0), 0);
        }
    }

    #[test]
    fn intervals_and_what_may_stand_between_them() {
        let data = b"\xa5\xff\xff\xd3\x0f\xff\xd4";
        let mut bits = Bits::new(data, Place::default());
        bits.fill();
        assert_eq!(bits.peek(8), 0xa5);
        assert_eq!(bits.clone().restart(3), Err(Stop::Broken), "a byte is unused");
        bits.skip(5);
        assert_eq!(bits.clone().restart(4), Err(Stop::Broken), "another number");
        bits.restart(3).unwrap();
        bits.fill();
        assert_eq!(bits.peek(16), 0x0f00);
        assert!(!bits.overdrawn());
        bits.skip(8);
        assert!(!bits.overdrawn());
        bits.skip(1);
        assert!(bits.overdrawn());
        assert_eq!(bits.restart(5), Err(Stop::Broken));
    }

    proptest! {
        /// EXTEND as T.81 draws it (figure F.12), behind any number of other bits.
        #[test]
        fn numbers_of_the_standard(bytes in any::<[u8; 8]>(), code in 0u32..17, size in 0u32..16) {
            let bytes = bytes.map(|byte| byte.min(0xfe));
            let (mut fast, mut slow) = (Bits::new(&bytes, Place::default()), Slow::new(&bytes));
            fast.fill();
            slow.take(code).unwrap();
            let raw = slow.take(size).unwrap().cast_signed();
            let expected = if size > 0 && raw < 1 << (size - 1) { raw + 1 - (1 << size) } else { raw };
            prop_assert_eq!(fast.number(code, size), expected);
        }

        /// Against the reader that takes one byte at a time, through stuffing, markers and the end.
        #[test]
        fn the_same_bits_as_one_by_one(
            bytes in prop::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(0xff), 1 => Just(0)], 0..60),
            takes in prop::collection::vec(1u32..16, 1..80),
        ) {
            let (mut fast, mut slow) = (Bits::new(&bytes, Place::default()), Slow::new(&bytes));
            for bits in takes {
                fast.fill();
                let value = fast.peek(bits);
                fast.skip(bits);
                match slow.take(bits) {
                    Ok(expected) => prop_assert_eq!((value, fast.overdrawn()), (expected, false)),
                    Err(_) => {
                        prop_assert!(fast.overdrawn());
                        break;
                    }
                }
                // From any place it goes on alike.
                fast = Bits::new(&bytes, fast.place());
            }
        }
    }
}
