//! Huffman tables made ready for speed: the next bits of the scan are an index, and the entry says what they are.

use super::super::huffman::{Stop, Table};
use super::bits::Bits;

/// Bits of index for one symbol at a time: nearly every code that occurs is shorter.
const ONE: u32 = 10;
/// Bits of index for skipping. 16 KiB a table: both of a photo fit the first cache.
const MANY: u32 = 13;

/// A code and what follows it: the bits of the code, how many bits follow, and the upper half of the symbol (zeros to
/// skip before an AC coefficient, 0 for DC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Symbol {
    /// 1 to 16; 0 in a table where the code is longer than the index.
    code: u8,
    pub(super) size: u8,
    pub(super) zeros: u8,
}

impl Symbol {
    fn new(value: u8, code: u8) -> Self {
        Self { code, size: value & 15, zeros: value >> 4 }
    }

    /// Ends a block (EOB): no zeros, no bits. In a sequential picture nothing else of size 0 but 15 zeros is said.
    #[inline(always)]
    pub(super) fn ends(self) -> bool {
        self.size == 0 && self.zeros < 15
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
                *entry = Symbol::new(value, u8::try_from(code).unwrap_or_default());
            }
        }
        Self { one, table }
    }

    /// The next symbol; the bits of its code are used up, those that follow it are ready.
    #[inline(always)]
    pub(super) fn next(&self, bits: &mut Bits<'_>) -> Result<Symbol, Stop> {
        bits.fill();
        let at = vow_types::num::index(bits.peek(ONE));
        let mut symbol = self.one.get(at).copied().unwrap_or_default();
        if symbol.code == 0 {
            symbol = self.long(bits)?;
        }
        bits.skip(symbol.code.into());
        Ok(symbol)
    }

    #[cold]
    #[inline(never)]
    fn long(&self, bits: &Bits<'_>) -> Result<Symbol, Stop> {
        let (value, code) = self.table.look_up(bits.peek(16)).ok_or(Stop::Broken)?;
        Ok(Symbol::new(value, u8::try_from(code).unwrap_or_default()))
    }
}

/// Several symbols of a block at once, whose values nobody wants.
///
/// Bits used (5 bits, at most 13 + 15), coefficients stepped over (6 bits), whether the block ended (1 bit). 0: one symbol
/// at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Stride(u16);

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
        usize::from(self.0 >> 5 & 63)
    }

    #[inline(always)]
    fn ends(self) -> bool {
        self.0 >> 11 != 0
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
        let mut many = Box::new([Stride::default(); 1 << MANY]);
        for (entry, index) in many.iter_mut().zip(0u32..) {
            *entry = stride(&codes, index);
        }
        Self { codes, many }
    }

    /// Reads on to the end of the block, from the coefficient `at` (in zigzag order, 1 to 64).
    ///
    /// # Errors
    /// [`Stop::Broken`] when a run reaches beyond the block, or there is no such code.
    #[inline(always)]
    pub(super) fn skip(&self, bits: &mut Bits<'_>, mut at: usize) -> Result<(), Stop> {
        while at < 64 {
            bits.fill();
            let stride = self.many.get(vow_types::num::index(bits.peek(MANY))).copied().unwrap_or_default();
            let next = at + stride.steps();
            // Where the block might be over by its length alone, what follows may be another block's.
            if stride.0 != 0 && next < 64 {
                bits.skip(stride.bits());
                if stride.ends() {
                    return Ok(());
                }
                at = next;
                continue;
            }
            let symbol = self.codes.next(bits)?;
            if symbol.ends() {
                return Ok(());
            }
            bits.skip(symbol.size.into());
            at += usize::from(symbol.zeros) + 1;
        }
        if at == 64 { Ok(()) } else { Err(Stop::Broken) }
    }
}

/// As many symbols as the index holds the codes of; the bits behind the last code may lie outside of it.
fn stride(codes: &Codes, index: u32) -> Stride {
    let (mut used, mut steps, mut best) = (0, 0, Stride::default());
    while used < MANY {
        // What is left of the index, at the top of 16 bits, zeros behind.
        let left = index << (16 - MANY + used) & 0xffff;
        let one = codes.one.get(vow_types::num::index(left >> (16 - ONE))).copied().unwrap_or_default();
        let symbol = if one.code > 0 {
            one
        } else {
            match codes.table.look_up(left) {
                Some((value, code)) => Symbol::new(value, u8::try_from(code).unwrap_or_default()),
                None => break,
            }
        };
        if used + u32::from(symbol.code) > MANY {
            break;
        }
        used += u32::from(symbol.code) + u32::from(symbol.size);
        if symbol.ends() {
            return Stride::new(used, steps, true).unwrap_or(best);
        }
        steps += u32::from(symbol.zeros) + 1;
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
        ) {
            let codes = AcCodes::new(table(values));
            let (mut skipped, mut read) =
                (Bits::new(&data, Place::default()), Bits::new(&data, Place::default()));
            let result = codes.skip(&mut skipped, from);
            let mut at = from;
            let expected = loop {
                if at >= 64 {
                    break if at == 64 { Ok(()) } else { Err(Stop::Broken) };
                }
                match codes.codes.next(&mut read) {
                    Err(stop) => break Err(stop),
                    Ok(symbol) if symbol.ends() => break Ok(()),
                    Ok(symbol) => {
                        read.skip(symbol.size.into());
                        at += usize::from(symbol.zeros) + 1;
                    }
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
