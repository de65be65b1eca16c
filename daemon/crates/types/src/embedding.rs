//! A face as a direction: an L2-normalised vector, held at the precision it is stored with.

use half::f16;

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
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Box<[f32]>);

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
        Ok(Self(raw.iter().map(|v| f16::from_f32(v / norm).to_f32()).collect()))
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
        let values: Box<[f32]> = pairs.iter().map(|pair| f16::from_le_bytes(*pair).to_f32()).collect();
        if values.iter().all(|v| v.is_finite()) { Ok(Self(values)) } else { Err(EmbeddingError::NoDirection) }
    }

    /// Two bytes a component, f16, little endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect()
    }

    /// The components.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Cosine of the angle to another embedding of the same pack, `-1.0..=1.0` up to rounding.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        dot(&self.0, &other.0)
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
