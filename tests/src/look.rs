//! How an identity looks: the pattern of red and green that a marker bears on its blue square.
//!
//! The pattern is a grid of [`GRID`] by [`GRID`] cells, each with red high or low and green high or low. The patterns
//! of the first [`IDENTITIES`] identities are chosen so that no two have a cosine above [`ALIKE`]; the rule is fixed,
//! so identity 5 looks the same in every test, on every machine, for ever.

use std::sync::LazyLock;

/// Cells along each side of the pattern.
pub const GRID: usize = 7;
/// Components of the embedding: every cell's red, then every cell's green.
pub const DIMENSION: usize = 2 * GRID * GRID;
/// The part of a marker's side that bears the pattern; the rest is a frame around it. It is also what an aligned crop
/// shows.
pub const INNER: f32 = 0.875;
/// Identities there are.
pub const IDENTITIES: u32 = 256;
/// Greatest cosine between the patterns of two identities.
pub const ALIKE: f32 = 0.25;

/// Red and green where they are low and where they are high; blue is always full.
const LEVELS: [u8; 2] = [10, 110];

static LOOKS: LazyLock<Vec<Look>> = LazyLock::new(choose);

/// One identity's pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    red: [bool; GRID * GRID],
    green: [bool; GRID * GRID],
}

impl Look {
    /// The look of an identity below [`IDENTITIES`].
    ///
    /// # Panics
    /// When there is no such identity.
    #[must_use]
    pub fn of(identity: u32) -> &'static Self {
        let all: &'static [Self] = &LOOKS;
        usize::try_from(identity)
            .ok()
            .and_then(|at| all.get(at))
            .unwrap_or_else(|| panic!("identity {identity} is not below {IDENTITIES}"))
    }

    /// RGB at a point of the marker's square; both coordinates are `0.0..=1.0` from its left and top edge. The frame
    /// continues the outer cells, so that a crop a little off still sees the right colour.
    #[must_use]
    pub fn colour(&self, x: f32, y: f32) -> [u8; 3] {
        let at = cell(y) * GRID + cell(x);
        [LEVELS[usize::from(self.red[at])], LEVELS[usize::from(self.green[at])], 255]
    }

    /// What the embedder makes of it, up to its length: each channel's levels less their mean.
    #[must_use]
    pub fn vector(&self) -> [f32; DIMENSION] {
        let mut vector = [0.0; DIMENSION];
        for (half, levels) in vector.chunks_exact_mut(GRID * GRID).zip([&self.red, &self.green]) {
            for (value, high) in half.iter_mut().zip(levels) {
                *value = if *high { 1.0 } else { -1.0 };
            }
            let cells = f32::from(u8::try_from(half.len()).expect("49 cells"));
            let mean = half.iter().sum::<f32>() / cells;
            half.iter_mut().for_each(|value| *value -= mean);
        }
        vector
    }

    /// Cosine of two looks as the embedder sees them.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        cosine(&self.vector(), &other.vector())
    }
}

/// The cell that a fraction of the side falls into.
fn cell(fraction: f32) -> usize {
    let inner = (fraction - 0.5) / INNER + 0.5;
    let at = vow_types::num::floor_u32(inner * 7.0);
    usize::try_from(at).expect("a small number").min(GRID - 1)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Takes random patterns in a fixed order and keeps each that is unlike all kept before it.
fn choose() -> Vec<Look> {
    let mut random = Random::new(0x10_0c5);
    let mut kept: Vec<(Look, [f32; DIMENSION])> = Vec::new();
    while kept.len() < usize::try_from(IDENTITIES).expect("a small number") {
        let look = Look {
            red: std::array::from_fn(|_| random.next() >> 63 == 1),
            green: std::array::from_fn(|_| random.next() >> 63 == 1),
        };
        let vector = look.vector();
        if kept.iter().all(|(_, other)| cosine(&vector, other) <= ALIKE) {
            kept.push((look, vector));
        }
    }
    kept.into_iter().map(|(look, _)| look).collect()
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine, for noise and patterns.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Numbers that depend on the seed alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and nobody iterates over it")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: u32) -> u32 {
        let high = self.next() >> 32;
        u32::try_from((high * u64::from(bound)) >> 32).expect("below the bound")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_identities_are_alike() {
        for a in 0..IDENTITIES {
            for b in 0..a {
                let cosine = Look::of(a).cosine(Look::of(b));
                assert!(cosine <= ALIKE, "{a} and {b}: {cosine}");
            }
        }
    }

    #[test]
    fn every_marker_colour_is_a_marker_to_the_detector() {
        let [red, green, blue] = [LEVELS[1], LEVELS[1], 255];
        let excess = f32::from(blue) - f32::from(red.max(green));
        assert!(excess > crate::detector::MARKER_SURE + 20.0, "{excess}: too little room for noise");
    }

    #[test]
    fn the_random_numbers_are_those_published() {
        let mut random = Random::new(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
