//! Huffman tables made ready for speed: the next bits of the scan are an index, and the entry says what they are.

use super::super::huffman::{Stop, Table};
use super::bits::Bits;

/// Bits of index for one symbol at a time: nearly every code that occurs is shorter.
const ONE: u32 = 10;
/// Bits of index for skipping. 16 KiB a table: both of a photo fit the first cache.
const MANY: u32 = 13;

/// A code and what follows it: the bits of both together (5 bits, at most 16 + 15), how many of them follow (4 bits), the
/// upper half of the symbol (4 bits: zeros to skip before an AC coefficient, 0 for DC), whether it ends a block. 0 in a table
/// where the code is longer than the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Symbol(u16);

impl Symbol {
    fn new(value: u8, code: u32) -> Self {
        let (size, zeros) = (u32::from(value & 15), u32::from(value >> 4));
        // EOB: no zeros, no bits. In a sequential picture nothing else of size 0 but 15 zeros is said.
        let ends = size == 0 && zeros < 15;
        let packed = (code + size) | (size << 5) | (zeros << 9) | (u32::from(ends) << 13);
        Self(u16::try_from(packed).unwrap_or_default())
    }

    /// Of the code, 1 to 16, and of what follows it.
    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self.0 & 31)
    }

    /// Of the code.
    #[inline(always)]
    fn code(self) -> u32 {
        self.bits() - self.size()
    }

    /// Bits that follow the code.
    #[inline(always)]
    pub(super) fn size(self) -> u32 {
        u32::from(self.0 >> 5 & 15)
    }

    #[inline(always)]
    pub(super) fn zeros(self) -> u32 {
        u32::from(self.0 >> 9 & 15)
    }

    /// Whether it ends a block of a sequential picture (EOB).
    #[inline(always)]
    pub(super) fn ends(self) -> bool {
        self.0 >> 13 != 0
    }
}

/// A table, for single symbols.
pub(super) struct Codes {
    one: Box<[Symbol; 1 << ONE]>,
    table: Table,
}

impl Codes {
    pub(super) fn new(table: Table) -> Self {
        let mut one = Box::new([Symbol::default(); 1 << ONE]);
        for (entry, bits) in one.iter_mut().zip(0u32..) {
            if let Some((value, code)) = table.look_up(bits << (16 - ONE)).filter(|(_, code)| *code <= ONE) {
                *entry = Symbol::new(value, code);
            }
        }
        Self { one, table }
    }

    /// The next symbol and the number behind it, 0 where none is; the bits of both are used up.
    ///
    /// # Errors
    /// [`Stop::Broken`] when there is no such code.
    #[inline(always)]
    pub(super) fn next(&self, bits: &mut Bits<'_>) -> Result<(Symbol, i32), Stop> {
        bits.fill();
        let at = vow_types::num::index(bits.peek(ONE));
        let mut symbol = self.one.get(at).copied().unwrap_or_default();
        if symbol.0 == 0 {
            symbol = self.long(bits.peek(16))?;
        }
        let number = bits.number(symbol.code(), symbol.size());
        bits.skip(symbol.bits());
        Ok((symbol, number))
    }

    #[cold]
    #[inline(never)]
    fn long(&self, sixteen: u32) -> Result<Symbol, Stop> {
        let (value, code) = self.table.look_up(sixteen).ok_or(Stop::Broken)?;
        Ok(Symbol::new(value, code))
    }
}

/// Several symbols of a block at once, whose values nobody wants.
///
/// Bits used (5 bits, at most 13 + 15); coefficients stepped over (7 bits), and [`BLOCK`] more where the block ends: so one
/// comparison finds all that needs a closer look. [`UNKNOWN`]: one symbol at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stride(u16);

/// Coefficients of a block.
pub(super) const BLOCK: usize = 64;
/// No bits, more coefficients than there are.
const UNKNOWN: Stride = Stride(127 << 5);

impl Stride {
    fn new(bits: u32, steps: u32, ends: bool) -> Option<Self> {
        let packed = bits | steps << 5 | u32::from(ends) << 11;
        (bits < 1 << 5 && steps < 1 << 6).then(|| u16::try_from(packed).map(Self).ok())?
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self.0 & 31)
    }

    #[inline(always)]
    fn steps(self) -> usize {
        usize::from(self.0 >> 5)
    }
}

/// An AC table, for single symbols and for skipping.
pub(super) struct AcCodes {
    pub(super) codes: Codes,
    many: Box<[Stride; 1 << MANY]>,
}

impl AcCodes {
    pub(super) fn new(table: Table) -> Self {
        let codes = Codes::new(table);
        let mut many = Box::new([UNKNOWN; 1 << MANY]);
        for (entry, index) in many.iter_mut().zip(0u32..) {
            *entry = stride(&codes, index);
        }
        Self { codes, many }
    }

    /// Reads on to the end of a block, or of a band that ends before the coefficient `end`, from the coefficient `at` (in zigzag
    /// order, 1 to 64); gives the symbol that ends it, where that may say more than this (EOBn of a progressive picture).
    ///
    /// # Errors
    /// [`Stop::Broken`] when a run reaches beyond it, or there is no such code.
    #[inline(always)]
    pub(super) fn skip(
        &self,
        bits: &mut Bits<'_>,
        mut at: usize,
        end: usize,
    ) -> Result<Option<Symbol>, Stop> {
        'on: while at < end {
            bits.fill();
            // Two of them use no more than that made ready.
            for _ in 0..2 {
                let index = vow_types::num::index(bits.peek(MANY));
                let stride = self.many.get(index).copied().unwrap_or(UNKNOWN);
                let next = at + stride.steps();
                if next < end {
                    bits.skip(stride.bits());
                    at = next;
                } else if stride != UNKNOWN && stride.steps() >= BLOCK && next < BLOCK + end {
                    bits.skip(stride.bits());
                    return Ok(None);
                } else {
                    // Where the block might be over by its length alone, what follows may be another block's.
                    let (symbol, _) = self.codes.next(bits)?;
                    if symbol.ends() {
                        return Ok(Some(symbol));
                    }
                    at += vow_types::num::index(symbol.zeros()) + 1;
                    continue 'on;
                }
            }
        }
        if at == end { Ok(None) } else { Err(Stop::Broken) }
    }
}

/// As many symbols as the index holds the codes of; the bits behind the last code may lie outside of it.
fn stride(codes: &Codes, index: u32) -> Stride {
    let (mut used, mut steps, mut best) = (0, 0, UNKNOWN);
    while used < MANY {
        // What is left of the index, at the top of 16 bits, zeros behind.
        let left = index << (16 - MANY + used) & 0xffff;
        let one = codes.one.get(vow_types::num::index(left >> (16 - ONE))).copied().unwrap_or_default();
        let symbol = if one.0 > 0 {
            one
        } else {
            match codes.long(left) {
                Ok(symbol) => symbol,
                Err(_) => break,
            }
        };
        if used + symbol.code() > MANY {
            break;
        }
        used += symbol.bits();
        if symbol.ends() {
            // Of a progressive picture, any other says how many blocks end.
            let plain = symbol.zeros() == 0;
            return Stride::new(used, steps, true).filter(|_| plain).unwrap_or(best);
        }
        steps += symbol.zeros() + 1;
        match Stride::new(used, steps, false) {
            Some(stride) => best = stride,
            None => break,
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::bits::Place;
    use super::*;
    use proptest::prelude::*;

    /// A table with codes of all lengths up to 16: 1, 01, 001 ... and, at the end, some of 16 bits.
    fn table(values: [u8; 20]) -> Table {
        let mut body = vec![0x10];
        body.extend_from_slice(&[1; 15]);
        body.push(1);
        body.extend_from_slice(&values[..16]);
        Table::parse_all(&body).unwrap().remove(0).2
    }

    proptest! {
        /// Skipping is reading without looking.
        #[test]
        fn skipping_ends_where_reading_does(
            values in any::<[u8; 20]>(), data in prop::collection::vec(0u8..255, 0..200), from in 1usize..64,
            end in 2usize..65,
        ) {
            let codes = AcCodes::new(table(values));
            let (mut skipped, mut read) =
                (Bits::new(&data, Place::default()), Bits::new(&data, Place::default()));
            let from = from.min(end);
            // EOB0, which says nothing more, may come or not.
            let more = |symbol: Option<Symbol>| symbol.map_or(0, Symbol::zeros);
            let result = codes.skip(&mut skipped, from, end).map(more);
            let mut at = from;
            let expected = loop {
                if at >= end {
                    break if at == end { Ok(0) } else { Err(Stop::Broken) };
                }
                match codes.codes.next(&mut read) {
                    Err(stop) => break Err(stop),
                    Ok((symbol, _)) if symbol.ends() => break Ok(symbol.zeros()),
                    Ok((symbol, _)) => at += vow_types::num::index(symbol.zeros()) + 1,
                }
            };
            prop_assert_eq!(result, expected);
            if result.is_ok() {
                for bits in [&mut skipped, &mut read] {
                    bits.fill();
                }
                prop_assert_eq!(skipped.overdrawn(), read.overdrawn());
                prop_assert!(skipped.overdrawn() || skipped.peek(30) == read.peek(30));
            }
        }
    }
}
