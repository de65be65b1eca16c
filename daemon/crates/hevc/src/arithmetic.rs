//! The arithmetic decoder: from the bytes of a slice to yes or no (H.265, 9.3.4.3).
//!
//! The standard's 9 bits of `ivlOffset` lie at the upper end of a window of up to 57 bits, so that the data is fetched four bytes at a
//! time, and that bits of even odds are taken many at once: their value is a quotient by the range, whose reciprocals are a table.

use heifer_hevc_dec::cabac::{RANGE_TAB_LPS, TRANS_IDX_LPS};
use heifer_hevc_dec::contexts;
use vow_types::num::index;

/// Bits of even odds that are taken at once, at most; there are always as many in the window.
pub(crate) const AT_ONCE: u32 = 16;
/// Bits behind the point of [`RECIPROCALS`]: with so many, quotients of 25 bits by 9 are exact.
const FINE: u32 = 34;

/// The width of the less probable part, by state and the range's two bits behind its first.
#[allow(clippy::indexing_slicing, reason = "worked out while this is compiled, which would fail")]
const LESS: [u8; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = RANGE_TAB_LPS[at / 4][at % 4];
        at += 1;
    }
    table
};

/// The next of a context, by itself and whether the less probable came.
#[allow(clippy::indexing_slicing, reason = "worked out while this is compiled, which would fail")]
const NEXT: [u8; 256] = {
    let mut table = [0; 256];
    let (mut at, mut state) = (0, 0u8);
    while at < 64 {
        let more = if state < 62 { state + 1 } else { state };
        let less = TRANS_IDX_LPS[at];
        // Of a context by which 0 is likely, and of one by which 1 is. At even odds they change places.
        let (zero, one) = if state == 0 { (1, 0) } else { (0, 1) };
        table[at * 4] = more << 1;
        table[at * 4 + 1] = less << 1 | zero;
        table[at * 4 + 2] = more << 1 | 1;
        table[at * 4 + 3] = less << 1 | one;
        at += 1;
        state += 1;
    }
    table
};

/// One over each range of 256 to 511, rounded up.
#[allow(clippy::indexing_slicing, reason = "worked out while this is compiled, which would fail")]
const RECIPROCALS: [u64; 256] = {
    let mut table = [0; 256];
    let (mut at, mut range) = (0, 256u64);
    while at < 256 {
        table[at] = (1u64 << FINE).div_ceil(range);
        at += 1;
        range += 1;
    }
    table
};

/// Room for all contexts of a slice.
const CONTEXTS: usize = 256;
/// The contexts: of each its state, and in the last bit what is likely.
pub(crate) type Contexts = [u8; CONTEXTS];

/// As they are at the begin of a slice with this quantiser (9.3.2.2).
pub(crate) fn contexts(quantiser: i32) -> Contexts {
    let mut all = [0; CONTEXTS];
    for (to, model) in all.iter_mut().zip(contexts::Contexts::new(quantiser).models) {
        *to = (model.state & 63) << 1 | (model.mps & 1);
    }
    all
}

/// Reads a slice, or a row of one that is coded in rows.
#[derive(Debug, Clone)]
pub(crate) struct Arithmetic<'a> {
    data: &'a [u8],
    /// Bytes that were fetched; may lie behind the end, where zeros are.
    fetched: usize,
    /// 256 to 510.
    range: u32,
    /// `ivlOffset` and the bits behind it.
    window: u64,
    /// How many are behind it.
    spare: u32,
}

impl<'a> Arithmetic<'a> {
    /// From the begin of `data` (9.3.2.5).
    pub(crate) fn new(data: &'a [u8]) -> Self {
        let mut new = Self { data, fetched: 3, range: 510, window: 0, spare: 15 };
        for at in 0..3 {
            new.window = new.window << 8 | u64::from(entry(data, at));
        }
        new.fetch();
        new
    }

    /// So that there are [`AT_ONCE`] bits at least.
    #[inline(always)]
    fn fetch(&mut self) {
        if self.spare < AT_ONCE {
            self.window = self.window << 32 | u64::from(self.four());
            self.fetched += 4;
            self.spare += 32;
        }
    }

    #[inline(always)]
    fn four(&self) -> u32 {
        match self.data.get(self.fetched..).and_then(|rest| rest.first_chunk()) {
            Some(bytes) => u32::from_be_bytes(*bytes),
            None => self.last(),
        }
    }

    #[cold]
    fn last(&self) -> u32 {
        (0..4).fold(0, |all, at| all << 8 | u32::from(entry(self.data, self.fetched + at)))
    }

    /// A bin by a context (9.3.4.3.2), 0 or 1.
    #[inline(always)]
    pub(crate) fn bin(&mut self, contexts: &mut Contexts, at: usize) -> u32 {
        let Some(context) = contexts.get_mut(at & (CONTEXTS - 1)) else { return 0 };
        let state = usize::from(*context);
        let part = index(self.range >> 6) & 3;
        let less = u32::from(entry(&LESS, (state & 126) << 1 | part));
        let likely = self.range - less;
        let border = u64::from(likely) << self.spare;
        let unlikely = self.window >= border;
        *context = entry(&NEXT, (state & 127) << 1 | usize::from(unlikely));
        let (range, window) = if unlikely { (less, self.window - border) } else { (likely, self.window) };
        // To nine bits again: a likely one loses one at most.
        let short = range.leading_zeros() - 23;
        self.range = range << short;
        self.window = window;
        self.spare -= short;
        self.fetch();
        u32::from((state & 1 == 1) ^ unlikely)
    }

    /// Bins of even odds, up to [`AT_ONCE`] (9.3.4.3.4); the first is the highest.
    #[inline(always)]
    pub(crate) fn even(&mut self, bins: u32) -> u32 {
        let all = self.ahead(bins);
        self.take(all, bins);
        all
    }

    /// The next bins of even odds, none of which is taken.
    #[inline(always)]
    pub(crate) fn ahead(&self, bins: u32) -> u32 {
        let value = self.window >> (self.spare - bins);
        low((value * entry(&RECIPROCALS, index(self.range & 255))) >> FINE)
    }

    /// Takes so many bins, which are these.
    #[inline(always)]
    pub(crate) fn take(&mut self, all: u32, bins: u32) {
        self.spare -= bins;
        self.window -= u64::from(all * self.range) << self.spare;
        self.fetch();
    }

    /// Whether something ends here (9.3.4.3.5).
    pub(crate) fn ends(&mut self) -> bool {
        self.range -= 2;
        if self.window >= u64::from(self.range) << self.spare {
            return true;
        }
        if self.range < 256 {
            self.range <<= 1;
            self.spare -= 1;
            self.fetch();
        }
        false
    }

    /// Whether more was read than there is.
    pub(crate) fn is_beyond(&self) -> bool {
        self.taken() > self.data.len() * 8
    }

    /// What follows once something ended: from the next whole byte on.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.data.get(self.taken().div_ceil(8)..).unwrap_or_default()
    }

    /// Bits that the standard's decoder would have read.
    fn taken(&self) -> usize {
        self.fetched * 8 - index(self.spare)
    }
}

/// An entry of a table, which is long enough.
#[inline(always)]
pub(crate) fn entry<T: Copy + Default>(table: &[T], at: usize) -> T {
    table.get(at).copied().unwrap_or_default()
}

/// The lower half.
#[inline(always)]
fn low(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use heifer_hevc_dec::cabac::{ArithmeticDecoder, ContextModel};
    use proptest::prelude::*;

    use super::*;

    /// What to ask for next.
    #[derive(Debug, Clone, Copy)]
    enum Ask {
        Bin(usize),
        Even(u32),
        Ends,
    }

    fn asks() -> impl Strategy<Value = Vec<Ask>> {
        let ask = prop_oneof![
            6 => (0usize..8).prop_map(Ask::Bin),
            3 => (0..=AT_ONCE).prop_map(Ask::Even),
            1 => Just(Ask::Ends),
        ];
        prop::collection::vec(ask, 0..400)
    }

    proptest! {
        #[test]
        fn bins_are_those_of_the_peer(
            data in prop::collection::vec(any::<u8>(), 2..120),
            states in prop::array::uniform8((0u8..63, 0u8..2)),
            asks in asks(),
        ) {
            let Ok(mut peer) = ArithmeticDecoder::new(&data) else { return Ok(()) };
            let mut ours = Arithmetic::new(&data);
            let mut contexts = [0; CONTEXTS];
            let mut models = states.map(|(state, mps)| ContextModel { state, mps });
            for (to, (state, mps)) in contexts.iter_mut().zip(states) {
                *to = state << 1 | mps;
            }
            for ask in asks {
                match ask {
                    Ask::Bin(at) => prop_assert_eq!(ours.bin(&mut contexts, at), u32::from(peer.decode(&mut models[at]))),
                    Ask::Even(bins) => prop_assert_eq!(ours.even(bins), peer.decode_bypass_bits(bins)),
                    Ask::Ends => {
                        let ends = ours.ends();
                        prop_assert_eq!(ends, peer.decode_terminate() == 1);
                        if ends {
                            let rest = data.get(peer.aligned_position_after_terminate()..).unwrap_or_default();
                            prop_assert_eq!(ours.rest(), rest);
                            break;
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn reciprocals_are_exact() {
        for range in 256..512u64 {
            let by = RECIPROCALS[usize::try_from(range - 256).unwrap()];
            for quotient in [1, 2, 255, 256, 257, 32_767, 65_535] {
                for value in [quotient * range - 1, quotient * range, (quotient + 1) * range - 1] {
                    assert_eq!((value * by) >> FINE, value / range, "{value} / {range}");
                }
            }
        }
    }
}
