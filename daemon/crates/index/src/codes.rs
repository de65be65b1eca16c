//! Coarse copies of unit vectors, a byte a component: what the graph is searched by. A search compares thousands of vectors
//! that lie anywhere in memory, and waiting for them is most of its time; these are half as long and lie in one row.
//!
//! Two vectors' coarse cosine is within some thousandths of the true one (128 components). Who needs the true one takes it from
//! the embeddings themselves. The arithmetic is on whole numbers: the same on any machine.

use vow_types::{Embedding, num, room_for};

/// The largest component of a vector as it is coded.
const MOST: f32 = 127.0;

/// The codes of many vectors of one length, by number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Codes {
    dimension: usize,
    numbers: Vec<i8>,
    /// What one is worth, by vector.
    worth: Vec<f32>,
}

/// One vector's code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code<'a> {
    numbers: &'a [i8],
    worth: f32,
}

impl Codes {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { dimension, numbers: Vec::new(), worth: Vec::new() }
    }

    /// The code of one vector by itself.
    pub(crate) fn of(vector: &Embedding) -> Self {
        let mut codes = Self::new(vector.dimension());
        codes.push(vector);
        codes
    }

    /// Makes room ahead for that many more, as far as there is memory.
    pub(crate) fn reserve(&mut self, vectors: usize) {
        let _ = self.numbers.try_reserve_exact(vectors.saturating_mul(self.dimension));
        let _ = self.worth.try_reserve_exact(vectors);
    }

    /// Codes the next vector.
    pub(crate) fn push(&mut self, vector: &Embedding) {
        let largest = vector.components().fold(0.0f32, |most, value| most.max(value.abs()));
        let per = if largest > 0.0 { MOST / largest } else { 0.0 };
        room_for(&mut self.numbers, self.dimension);
        room_for(&mut self.worth, 1);
        self.numbers.extend(vector.components().take(self.dimension).map(|value| num::round_i8(value * per)));
        self.worth.push(largest / MOST);
    }

    /// The code of a vector; that of a vector that there is none of is near to nothing.
    pub(crate) fn get(&self, number: u32) -> Code<'_> {
        let at = num::index(number);
        let from = at.saturating_mul(self.dimension);
        let numbers = self.numbers.get(from..from.saturating_add(self.dimension)).unwrap_or(&[]);
        Code { numbers, worth: self.worth.get(at).copied().unwrap_or_default() }
    }
}

impl Code<'_> {
    /// The coarse cosine.
    pub(crate) fn cosine(self, other: Self) -> f32 {
        num::i32_to_f32(product(self.numbers, other.numbers)) * self.worth * other.worth
    }
}

/// Sum of products. In runs of 16, which compilers turn into the few instructions that multiply and add pairs.
fn product(a: &[i8], b: &[i8]) -> i32 {
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    let mut sum = 0i32;
    for (x, y) in a16.iter().zip(b16) {
        sum += x.iter().zip(y).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum::<i32>();
    }
    sum + a_rest.iter().zip(b_rest).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum::<i32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_coarse_cosine_is_near_the_true_one(
            a in prop::collection::vec(-1.0f32..1.0, 200), b in prop::collection::vec(-1.0f32..1.0, 200), length in 1usize..200,
        ) {
            let (Ok(a), Ok(b)) = (Embedding::from_raw(&a[..length]), Embedding::from_raw(&b[..length])) else {
                return Ok(());
            };
            let (coded, other) = (Codes::of(&a), Codes::of(&b));
            let coarse = coded.get(0).cosine(other.get(0));
            prop_assert!((coarse - a.cosine(&b)).abs() < 0.02, "{coarse} for {}", a.cosine(&b));
            prop_assert!((coded.get(0).cosine(coded.get(0)) - 1.0).abs() < 0.02);
        }
    }

    #[test]
    fn what_there_is_none_of_is_near_to_nothing() {
        let codes = Codes::of(&Embedding::from_raw(&[0.6, 0.8]).unwrap());
        assert_eq!(codes.get(0).cosine(codes.get(1)), 0.0);
    }
}
