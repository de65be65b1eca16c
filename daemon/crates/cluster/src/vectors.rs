//! The two operations on vectors that grouping is made of: products and sums of faces and of groups of faces.

use vow_types::Embedding;

/// What a group points at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Vector<'a> {
    /// A single face: its embedding, wherever that lies.
    Face(&'a Embedding),
    /// The sum of several.
    Sum(&'a [f32]),
}

impl Vector<'_> {
    /// Scalar product; the same to the last bit, whichever of the two comes first.
    pub(crate) fn product(self, other: Self) -> f32 {
        match (self, other) {
            (Self::Face(a), Self::Face(b)) => a.cosine(b),
            (Self::Face(face), Self::Sum(sum)) | (Self::Sum(sum), Self::Face(face)) => face.product(sum),
            (Self::Sum(a), Self::Sum(b)) => dot(a, b),
        }
    }

    /// What is left of a sum without one of its parts.
    pub(crate) fn less(self, part: Self) -> Vec<f32> {
        let components = |of: Self| match of {
            Self::Face(face) => face.components().collect(),
            Self::Sum(sum) => sum.to_vec(),
        };
        let (mut left, part): (Vec<f32>, Vec<f32>) = (components(self), components(part));
        left.iter_mut().zip(part).for_each(|(left, part)| *left -= part);
        left
    }
}

/// Sum of products. Sixteen lanes, so that it becomes vector instructions; the result does not depend on which of the
/// two comes first.
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

/// How long a sum is.
pub(crate) fn length(sum: &[f32]) -> f32 {
    dot(sum, sum).sqrt()
}

/// `to += by`, component by component.
pub(crate) fn accumulate(to: &mut [f32], by: &[f32]) {
    for (t, b) in to.iter_mut().zip(by) {
        *t += b;
    }
}

/// Takes one part of a sum off it. Up to some thousand parts exactly, as sums of them are: components are multiples of 2^-14.
pub(crate) fn take_off(sum: &mut [f32], part: &Embedding) {
    for (sum, part) in sum.iter_mut().zip(part.components()) {
        *sum -= part;
    }
}
