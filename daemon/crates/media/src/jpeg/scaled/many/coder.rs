//! The codes of one block in a scan: T.81, F.2.2 (sequential) and G.1.2 (progressive).

use super::super::super::huffman::Stop;
use super::super::bits::{Bits, WIDEST};
use super::super::tables::{AcCodes, BLOCK, Codes};
use super::script::{Defined, Pass};
use super::store::{Block, saturated};

/// Reads blocks of one scan.
pub(super) struct Coder<'p> {
    pub(super) bits: Bits<'p>,
    /// Blocks that are known to bring nothing new in the band (EOBRUN), at most 32,767.
    pub(super) run: u32,
}

impl Coder<'_> {
    /// The first coefficient's difference from the one before it, which is `prediction`, becomes `prediction`.
    #[inline(always)]
    fn difference(&mut self, codes: &Codes, prediction: &mut i32) -> Result<(), Stop> {
        let (symbol, difference) = codes.next(&mut self.bits)?;
        if symbol.zeros() > 0 {
            return Err(Stop::Broken);
        }
        *prediction = prediction.wrapping_add(difference);
        Ok(())
    }

    /// A whole block (F.2.2).
    #[inline]
    pub(super) fn sequential(
        &mut self,
        (dc, ac): (&Codes, &AcCodes),
        prediction: &mut i32,
        block: &mut Block<'_>,
    ) -> Result<(), Stop> {
        self.difference(dc, prediction)?;
        block.set(0, *prediction);
        // Behind the last one that is kept, the rest is stepped over.
        let behind = 64 - block.wanted().leading_zeros();
        let mut at = 1;
        while at < behind {
            let (symbol, value) = ac.codes.next(&mut self.bits)?;
            if symbol.ends() {
                return Ok(());
            }
            at += symbol.zeros();
            if symbol.size() > 0 {
                if at > 63 {
                    return Err(Stop::Broken);
                }
                block.set(at, value);
            }
            at += 1;
        }
        ac.skip(&mut self.bits, vow_types::num::index(at), BLOCK).map(drop)
    }

    /// The upper bits of a first coefficient (G.1.2.1).
    #[inline]
    pub(super) fn dc_first(
        &mut self,
        pass: &Pass<'_>,
        codes: &Codes,
        prediction: &mut i32,
        block: &mut Block<'_>,
    ) -> Result<(), Stop> {
        self.difference(codes, prediction)?;
        block.set(0, prediction.wrapping_shl(pass.low.into()));
        Ok(())
    }

    /// One bit more of a first coefficient.
    #[inline]
    pub(super) fn dc_more(&mut self, pass: &Pass<'_>, block: &mut Block<'_>) {
        let bit = self.take(1);
        if let (1, Some(slot)) = (bit, block.kept(0)) {
            *slot |= 1 << pass.low;
        }
    }

    /// The upper bits of a band (G.1.2.2).
    #[inline]
    pub(super) fn ac_first(
        &mut self,
        pass: &Pass<'_>,
        table: &Defined,
        block: &mut Block<'_>,
    ) -> Result<(), Stop> {
        let (mut at, last) = (u32::from(pass.first), u32::from(pass.last));
        // Behind the last one that is kept, the rest is stepped over, unless a later scan builds upon it.
        let upto = if block.nonzero.is_some() { 64 } else { 64 - block.wanted().leading_zeros() };
        let rest = (upto <= last).then(|| table.ac());
        let codes = rest.map_or_else(|| table.codes(), |ac| &ac.codes);
        while at <= last && at < upto {
            let (symbol, value) = codes.next(&mut self.bits)?;
            at += symbol.zeros();
            if symbol.size() > 0 {
                if at > last {
                    return Err(Stop::Broken);
                }
                block.set(at, value << pass.low);
            } else if symbol.zeros() < 15 {
                self.run = self.blocks(symbol.zeros()) - 1;
                return Ok(());
            }
            at += 1;
        }
        let Some(ac) = rest else { return if at == last + 1 { Ok(()) } else { Err(Stop::Broken) } };
        let end = ac.skip(&mut self.bits, vow_types::num::index(at), vow_types::num::index(last + 1))?;
        self.run = end.map_or(0, |symbol| self.blocks(symbol.zeros()) - 1);
        Ok(())
    }

    /// One bit more of a band (G.1.2.3): for every coefficient that is not zero, and a sign for each that ceases to be.
    #[inline]
    pub(super) fn ac_more(
        &mut self,
        pass: &Pass<'_>,
        codes: &Codes,
        block: &mut Block<'_>,
    ) -> Result<(), Stop> {
        let mut nonzero = block.nonzero.as_deref().copied().ok_or(Stop::Broken)?;
        // What of the band is still to come; what was nonzero before this scan.
        let (mut rest, before) = (pass.band(), nonzero);
        while self.run == 0 && rest != 0 {
            let (symbol, value) = codes.next(&mut self.bits)?;
            let value = match symbol.size() {
                0 if symbol.zeros() < 15 => {
                    self.run = self.blocks(symbol.zeros());
                    break;
                }
                0 | 1 => value << pass.low,
                _ => return Err(Stop::Broken),
            };
            // The zero that the value is for, or the last one that is stepped over.
            let mut zeros = rest & !before;
            for _ in 0..symbol.zeros() {
                zeros &= zeros.wrapping_sub(1);
            }
            if zeros == 0 {
                return Err(Stop::Broken);
            }
            let at = zeros.trailing_zeros();
            let upto = u64::MAX >> (63 - at);
            self.correct(pass, rest & before & upto, block);
            rest &= !upto;
            if value != 0 {
                block.set(at, value);
                nonzero |= 1 << at;
            }
        }
        if self.run > 0 {
            self.run -= 1;
            self.correct(pass, rest & before, block);
        }
        if let Some(slot) = &mut block.nonzero {
            **slot = nonzero;
        }
        Ok(())
    }

    /// A bit for each of these coefficients, from the lowest up.
    #[inline(always)]
    fn correct(&mut self, pass: &Pass<'_>, of: u64, block: &mut Block<'_>) {
        let mut count = of.count_ones();
        if count == 0 {
            return;
        }
        let mut wanted = of & block.wanted();
        let mut seen = 0;
        while count > 0 {
            let some = count.min(WIDEST);
            let raw = self.take(some);
            count -= some;
            // Their places among the bits just taken.
            while wanted != 0 {
                let at = wanted.trailing_zeros();
                let place = (of & !(u64::MAX << at)).count_ones() - seen;
                if place >= some {
                    break;
                }
                wanted &= wanted - 1;
                if let (1, Some(slot)) = (raw >> (some - 1 - place) & 1, block.kept(at)) {
                    let more = 1i32 << pass.low;
                    *slot = saturated(i32::from(*slot) + if *slot < 0 { -more } else { more });
                }
            }
            seen += some;
        }
    }

    /// How many blocks end here, this one among them (EOB0 to EOB14).
    #[inline(always)]
    fn blocks(&mut self, power: u32) -> u32 {
        let more = if power > 0 { self.take(power) } else { 0 };
        (1 << power) + more
    }

    /// The next bits, 1 to [`WIDEST`], as a number.
    #[inline(always)]
    fn take(&mut self, bits: u32) -> u32 {
        self.bits.fill();
        let value = self.bits.peek(bits);
        self.bits.skip(bits);
        value
    }
}
