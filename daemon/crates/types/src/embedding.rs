//! A face as a direction: an L2-normalised vector, held at the precision it is stored with. Many faces' vectors can lie in
//! one piece of memory, and whoever has a copy of an embedding has a share of that memory, not numbers of its own. The memory
//! may be somebody else's ([`Lent`]).
//!
//! Components are whole multiples of 2^-14: two bytes each, products of whole numbers that every processor multiplies
//! eight at a time without special instructions, and the same on any machine. A library of a million faces is that much
//! memory less, and less to wait for at each comparison.

mod lent;

use std::fmt;
use std::sync::Arc;

use half::f16;
use vow_tables::List;

use crate::num;
use lent::Block;
pub use lent::Lent;

/// What components are counted in: 2^-14. The step of half precision just below 1/8, where the components of 128 mostly are.
const STEPS: f32 = 16384.0;
/// The square of a unit vector's length in these steps.
const UNIT: i64 = 1 << 28;
/// By how much of it the squared length of a vector may differ that rounding made.
const OFF_BY: i64 = UNIT / 50;

/// Why a vector is no embedding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// Zero, infinite or NaN: nothing to compare.
    #[error("the embedder's output has no direction (zero, infinite or not a number)")]
    NoDirection,
    /// Stored bytes that are not a row of half-precision numbers.
    #[error("{0} bytes are not a row of half-precision numbers")]
    Length(usize),
    /// Stored numbers that are no unit vector.
    #[error("its length is not 1")]
    NotUnit,
}

/// A unit vector. Its components are multiples of 2^-14 and exactly representable in half precision (f16): that is how
/// it is stored, and a face must mean the same before and after a restart. Against the full vector the cosine is above 0.99999.
///
/// A clone shares the numbers. [`Self::together`] moves many into one piece of memory, which is there as long as one of
/// them is.
#[derive(Clone)]
pub struct Embedding {
    /// Vectors of one length, one after the other.
    block: Arc<Block>,
    /// The number of this one among them.
    number: u32,
    /// How many components it has.
    length: u32,
}

impl Embedding {
    /// Normalises an embedder's raw output (any length of vector).
    ///
    /// # Errors
    /// [`EmbeddingError::NoDirection`] when the vector is zero, infinite or not a number.
    pub fn from_raw(raw: &[f32]) -> Result<Self, EmbeddingError> {
        let norm = norm(raw);
        if !norm.is_finite() || norm <= f32::MIN_POSITIVE {
            return Err(EmbeddingError::NoDirection);
        }
        Ok(Self::alone(raw.iter().map(|v| steps(f16::from_f32(v / norm))).collect()))
    }

    /// One face seen several times, such as as it is and mirrored: the direction of the sum of the views' unit vectors.
    /// Each view has the same say, however long its vector. One view alone gives what [`Self::from_raw`] gives.
    ///
    /// # Errors
    /// [`EmbeddingError::NoDirection`] when a view has none, there is no view, or they cancel one another out.
    pub fn from_views(views: &[Vec<f32>]) -> Result<Self, EmbeddingError> {
        if let [only] = views {
            return Self::from_raw(only);
        }
        let mut sum: Vec<f32> = Vec::new();
        for view in views {
            let norm = norm(view);
            if !norm.is_finite() || norm <= f32::MIN_POSITIVE {
                return Err(EmbeddingError::NoDirection);
            }
            sum.resize(sum.len().max(view.len()), 0.0);
            sum.iter_mut().zip(view).for_each(|(sum, value)| *sum += value / norm);
        }
        Self::from_raw(&sum)
    }

    /// Reads [`Self::to_bytes`] back.
    ///
    /// # Errors
    /// When the length is odd or zero, a number is not finite, or they are no unit vector.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EmbeddingError> {
        let one = Self::several_from_bytes(bytes, bytes.len() / 2)?;
        one.into_iter().next().ok_or(EmbeddingError::Length(bytes.len()))
    }

    fn alone(steps: Box<[i16]>) -> Self {
        let length = num::len_u32(steps.len());
        Self { block: Arc::new(Block::Own(steps)), number: 0, length }
    }

    /// Reads the [`Self::to_bytes`] of several embeddings of `length` components, one after the other, into one piece of
    /// memory (see [`Self::together`]).
    ///
    /// # Errors
    /// As [`Self::from_bytes`]; when the bytes are no whole number of embeddings, or more than 2^32 of them.
    pub fn several_from_bytes(bytes: &[u8], length: usize) -> Result<Vec<Self>, EmbeddingError> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let each = u32::try_from(length).ok().filter(|each| *each > 0);
        let whole = rest.is_empty() && pairs.len().checked_rem(length) == Some(0);
        let count = u32::try_from(pairs.len().checked_div(length).unwrap_or_default()).ok();
        let (Some(each), Some(count)) = (each, count.filter(|_| whole)) else {
            return Err(EmbeddingError::Length(bytes.len()));
        };
        let halves = || pairs.iter().map(|pair| f16::from_le_bytes(*pair));
        if !halves().all(f16::is_finite) {
            return Err(EmbeddingError::NoDirection);
        }
        let block: Box<[i16]> = halves().map(steps).collect();
        if !block.chunks(length).all(Self::is_one) {
            return Err(EmbeddingError::NotUnit);
        }
        let block = Arc::new(Block::Own(block));
        let one = |number| Self { block: Arc::clone(&block), number, length: each };
        Ok((0..count).map(one).collect())
    }

    /// Whether numbers that somebody kept are an embedding's [`Self::steps`]. Products of such numbers fit 32 bits with room
    /// to spare; those of others might not.
    #[must_use]
    pub fn is_one(steps: &[i16]) -> bool {
        (squared(steps) - UNIT).abs() <= OFF_BY
    }

    /// The same embeddings, their numbers in one piece of memory: without the allocator's part for each, and near one
    /// another. It is given back when the last of them goes, so they should be ones that stay. Those that have not as many
    /// components as the first stay where they are. A piece of a mebibyte and more may lie in a file ([`vow_tables::place`]).
    #[must_use]
    pub fn together(all: &[Self]) -> Vec<Self> {
        let length = all.first().map_or(0, |first| first.length);
        let alike = || all.iter().filter(|one| one.length == length);
        let mut numbers = List::new();
        let mut each = alike().flat_map(Self::steps).copied();
        numbers.reach(alike().count().saturating_mul(num::index(length)), || each.next().unwrap_or_default());
        let block = Arc::new(Block::Together(numbers));
        let mut numbers = 0..;
        let mut place = |one: &Self| {
            let number = if one.length == length { numbers.next()? } else { return None };
            Some(Self { block: Arc::clone(&block), number, length })
        };
        all.iter().map(|one| place(one).unwrap_or_else(|| one.clone())).collect()
    }

    /// Two bytes a component, f16, little endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.components().flat_map(|value| f16::from_f32(value).to_le_bytes()).collect()
    }

    /// How many components it has.
    #[must_use]
    pub fn dimension(&self) -> usize {
        num::index(self.length)
    }

    /// The components, `-1.0..=1.0`.
    pub fn components(&self) -> impl ExactSizeIterator<Item = f32> + Clone + '_ {
        self.steps().iter().map(|step| f32::from(*step) / STEPS)
    }

    /// The components as whole numbers of steps of 2^-14, `-16384..=16384`.
    #[must_use]
    pub fn steps(&self) -> &[i16] {
        self.block.vector(self.number, self.length)
    }

    /// Cosine of the angle to another embedding of the same pack, `-1.0..=1.0` up to rounding.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        cosine(self.steps(), other.steps())
    }

    /// Scalar product with a vector of as many components, such as a sum of embeddings.
    #[must_use]
    pub fn product(&self, with: &[f32]) -> f32 {
        let (a16, a_rest) = self.steps().as_chunks::<16>();
        let (b16, b_rest) = with.as_chunks::<16>();
        let mut lanes = [0.0f32; 16];
        for (x, y) in a16.iter().zip(b16) {
            for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
                *lane += f32::from(*x) * y;
            }
        }
        let rest = a_rest.iter().zip(b_rest).map(|(x, y)| f32::from(*x) * y).sum::<f32>();
        (lanes.iter().sum::<f32>() + rest) / STEPS
    }

    /// Adds it to a vector of as many components.
    pub fn add_to(&self, sum: &mut [f32]) {
        for (sum, step) in sum.iter_mut().zip(self.steps()) {
            *sum += f32::from(*step) / STEPS;
        }
    }
}

/// [`Embedding::cosine`] of two that have these [`Embedding::steps`].
#[must_use]
pub fn cosine(a: &[i16], b: &[i16]) -> f32 {
    num::i32_to_f32(product(a, b)) / (STEPS * STEPS)
}

/// The nearest whole number of steps. Below 1/16 half precision is finer than they are, above it lies on them.
fn steps(value: f16) -> i16 {
    num::round_i16(value.to_f32() * STEPS)
}

/// Sum of products. In runs of 16, which compilers turn into the few instructions that multiply and add pairs. That of unit
/// vectors is at most [`UNIT`] and a little, and so is that of any part of them.
fn product(a: &[i16], b: &[i16]) -> i32 {
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    let mut sum = 0i32;
    for (x, y) in a16.iter().zip(b16) {
        sum += x.iter().zip(y).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum::<i32>();
    }
    sum + a_rest.iter().zip(b_rest).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum::<i32>()
}

/// The same of numbers that may be any, with themselves.
fn squared(steps: &[i16]) -> i64 {
    steps.iter().map(|step| i64::from(*step) * i64::from(*step)).sum()
}

impl PartialEq for Embedding {
    fn eq(&self, other: &Self) -> bool {
        self.steps() == other.steps()
    }
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Embedding").field(&self.components().collect::<Vec<_>>()).finish()
    }
}

/// Length of a vector before normalisation; an embedder's own word on how good the face is.
#[must_use]
pub fn norm(raw: &[f32]) -> f32 {
    dot(raw, raw).sqrt()
}

/// Sum of products, in sixteen lanes so that it becomes vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    let mut lanes = [0.0f32; 16];
    for (x, y) in a16.iter().zip(b16) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f32>()
}

#[cfg(test)]
mod tests;
