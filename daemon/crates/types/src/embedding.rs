//! A face as a direction: an L2-normalised vector, held at the precision it is stored with. Many faces' vectors can lie in
//! one piece of memory, and whoever has a copy of an embedding has a share of that memory, not numbers of its own.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use half::f16;

use crate::num;

/// Why a vector is no embedding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// Zero, infinite or NaN: nothing to compare.
    #[error("the embedder's output has no direction (zero, infinite or not a number)")]
    NoDirection,
    /// Stored bytes that are not a row of half-precision numbers.
    #[error("{0} bytes are not a row of half-precision numbers")]
    Length(usize),
}

/// A unit vector. Its components are exactly representable in half precision (f16): that is how it is stored, and a
/// face must mean the same before and after a restart. Against the full vector the cosine is above 0.99999.
///
/// A clone shares the numbers. [`Self::together`] moves many into one piece of memory, which is there as long as one of
/// them is.
#[derive(Clone)]
pub struct Embedding {
    /// Vectors one after the other.
    block: Arc<[f32]>,
    /// Where in it this one begins, and its components.
    from: u32,
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
        Ok(Self::alone(raw.iter().map(|v| f16::from_f32(v / norm).to_f32()).collect()))
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
    /// When the length is odd or zero, or a number is not finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EmbeddingError> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        if pairs.is_empty() || !rest.is_empty() {
            return Err(EmbeddingError::Length(bytes.len()));
        }
        let values: Arc<[f32]> = pairs.iter().map(|pair| f16::from_le_bytes(*pair).to_f32()).collect();
        if values.iter().all(|v| v.is_finite()) {
            Ok(Self::alone(values))
        } else {
            Err(EmbeddingError::NoDirection)
        }
    }

    fn alone(block: Arc<[f32]>) -> Self {
        let length = num::len_u32(block.len());
        Self { block, from: 0, length }
    }

    /// Reads the [`Self::to_bytes`] of several embeddings of `length` components, one after the other, into one piece of
    /// memory (see [`Self::together`]).
    ///
    /// # Errors
    /// As [`Self::from_bytes`]; when the bytes are no whole number of embeddings, or more than 2^32 numbers.
    pub fn several_from_bytes(bytes: &[u8], length: usize) -> Result<Vec<Self>, EmbeddingError> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let each = u32::try_from(length).ok().filter(|each| *each > 0);
        let count = u32::try_from(pairs.len()).ok().filter(|_| rest.is_empty());
        let (Some(each), Some(count)) = (each, count) else {
            return Err(EmbeddingError::Length(bytes.len()));
        };
        if !count.is_multiple_of(each) {
            return Err(EmbeddingError::Length(bytes.len()));
        }
        let block: Arc<[f32]> = pairs.iter().map(|pair| f16::from_le_bytes(*pair).to_f32()).collect();
        if !block.iter().all(|value| value.is_finite()) {
            return Err(EmbeddingError::NoDirection);
        }
        let one = |number| Self { block: Arc::clone(&block), from: number * each, length: each };
        Ok((0..count / each).map(one).collect())
    }

    /// The same embeddings, their numbers in one piece of memory: without the allocator's part for each, and near one
    /// another. It is given back when the last of them goes, so they should be ones that stay. Those that end beyond the
    /// 2^32nd number stay where they are.
    #[must_use]
    pub fn together(all: &[Self]) -> Vec<Self> {
        let block: Arc<[f32]> = all.iter().flat_map(Self::as_slice).copied().collect();
        let mut from = 0u32;
        let mut place = |one: &Self| {
            let start = from;
            from = from.checked_add(one.length)?;
            Some(Self { block: Arc::clone(&block), from: start, length: one.length })
        };
        all.iter().map(|one| place(one).unwrap_or_else(|| one.clone())).collect()
    }

    /// Two bytes a component, f16, little endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.as_slice().iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect()
    }

    /// The components.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        self.block.get(self.range()).unwrap_or(&[])
    }

    fn range(&self) -> Range<usize> {
        let from = num::index(self.from);
        from..from + num::index(self.length)
    }

    /// Cosine of the angle to another embedding of the same pack, `-1.0..=1.0` up to rounding.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        dot(self.as_slice(), other.as_slice())
    }
}

impl PartialEq for Embedding {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Embedding").field(&self.as_slice()).finish()
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unit_and_stable(raw in prop::collection::vec(-100.0f32..100.0, 1..200)) {
            prop_assume!(norm(&raw) > 1e-3);
            let e = Embedding::from_raw(&raw).unwrap();
            prop_assert!((e.cosine(&e) - 1.0).abs() < 2e-3);
            prop_assert_eq!(Embedding::from_bytes(&e.to_bytes()).unwrap(), e);
        }

        /// The mean lies between the views: nearer to each than they are to one another.
        #[test]
        fn views_are_averaged_whatever_their_length(
            a in prop::collection::vec(-1.0f32..1.0, 64), b in prop::collection::vec(-1.0f32..1.0, 64),
            scale in 0.01f32..100.0,
        ) {
            prop_assume!(norm(&a) > 0.1 && norm(&b) > 0.1);
            let (one, other) = (Embedding::from_raw(&a).unwrap(), Embedding::from_raw(&b).unwrap());
            prop_assert_eq!(&Embedding::from_views(std::slice::from_ref(&a)).unwrap(), &one);
            let cosine = one.cosine(&other);
            prop_assume!(cosine > -0.9);
            let mean = Embedding::from_views(&[a.iter().map(|v| v * scale).collect(), b]).unwrap();
            let half = ((1.0 + cosine) / 2.0).sqrt();
            prop_assert!((mean.cosine(&one) - half).abs() < 5e-3 && (mean.cosine(&other) - half).abs() < 5e-3);
        }

        #[test]
        fn together_they_are_the_same(all in prop::collection::vec(prop::collection::vec(-9.0f32..9.0, 1..9), 0..9)) {
            let all: Vec<Embedding> = all.iter().filter_map(|raw| Embedding::from_raw(raw).ok()).collect();
            let together = Embedding::together(&all);
            prop_assert_eq!(&together, &all);
            prop_assert_eq!(Embedding::together(&together[together.len() / 2..]), &all[all.len() / 2..]);
            let shared = |pair: &[Embedding]| Arc::ptr_eq(&pair[0].block, &pair[1].block);
            prop_assert!(together.windows(2).all(shared), "one piece of memory");
        }

        #[test]
        fn several_are_read_as_one_by_one(bytes in prop::collection::vec(any::<u8>(), 0..60), length in 0usize..6) {
            let one_by_one = || bytes.chunks(2 * length).map(Embedding::from_bytes).collect::<Result<Vec<_>, _>>();
            match Embedding::several_from_bytes(&bytes, length) {
                Ok(all) => prop_assert_eq!(Ok(all), one_by_one()),
                Err(EmbeddingError::Length(_)) => prop_assert!(length == 0 || bytes.len() % (2 * length) > 0),
                Err(EmbeddingError::NoDirection) => prop_assert_eq!(one_by_one(), Err(EmbeddingError::NoDirection)),
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Embedding::from_bytes(&bytes);
        }
    }

    #[test]
    fn half_precision_keeps_the_direction() {
        let raw: Vec<f32> = (0..512u16).map(|i| (f32::from(i) * 0.37).sin()).collect();
        let n = norm(&raw);
        let e = Embedding::from_raw(&raw).unwrap();
        let cosine = dot(&raw, e.as_slice()) / n / norm(e.as_slice());
        assert!(cosine > 0.999_99, "{cosine}");
    }

    #[test]
    fn nothing_has_no_direction() {
        for raw in [&[0.0f32; 8][..], &[f32::NAN, 1.0], &[f32::INFINITY, 1.0], &[]] {
            assert_eq!(Embedding::from_raw(raw), Err(EmbeddingError::NoDirection));
            assert_eq!(
                Embedding::from_views(&[raw.to_vec(), vec![1.0; 8]]),
                Err(EmbeddingError::NoDirection)
            );
        }
        assert_eq!(Embedding::from_views(&[]), Err(EmbeddingError::NoDirection));
        assert_eq!(
            Embedding::from_views(&[vec![1.0, 2.0], vec![-1.0, -2.0]]),
            Err(EmbeddingError::NoDirection)
        );
    }
}
