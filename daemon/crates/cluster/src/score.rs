//! The sum-link score of two groups, and what it needs to know of each.

use vow_types::FaceId;
use vow_types::num::usize_to_f32;

use crate::Params;
use crate::faces::{Faces, Slot};
use crate::vectors::{Vector, length};

/// How much one over the numbers of faces of two groups differ where [`Params::uneven`] changes nothing: the same threshold then does for
/// scores with and without it.
const USUAL: f32 = 0.25;

/// What a score needs to know of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) sum: Vector<'a>,
    pub(crate) factor: f32,
    /// One over the number of faces.
    pub(crate) share: f32,
    pub(crate) least: FaceId,
}

impl View<'_> {
    /// The sum-link score of two groups: their mean cross cosine, divided by what each group's own spread (the length
    /// of its mean vector) explains of it, to the given power; a little more where their sizes differ, and less where they do not.
    /// Symmetric to the last bit.
    pub(crate) fn score(&self, other: &View<'_>, params: &Params) -> f32 {
        // S_A.S_B/(n_A n_B) / (|S_A|/n_A |S_B|/n_B)^p, sorted by group.
        self.sum.product(other.sum) * (self.factor * other.factor) + self.unevenness(other.share, params)
    }

    /// What the score with another group has more for their sizes, by one over its number of faces.
    pub(crate) fn unevenness(&self, share: f32, params: &Params) -> f32 {
        params.uneven * ((self.share - share).abs() - USUAL)
    }
}

/// Faces as the group they would be.
pub(crate) struct Sum {
    sum: Vec<f32>,
    factor: f32,
    share: f32,
    least: FaceId,
}

impl Sum {
    /// `None` of nothing.
    pub(crate) fn of(slots: impl Iterator<Item = Slot>, faces: &Faces, params: &Params) -> Option<Self> {
        let mut whole: Option<(Vec<f32>, usize, FaceId)> = None;
        for face in slots.filter_map(|slot| faces.get(slot)) {
            match &mut whole {
                None => whole = Some((face.embedding.components().collect(), 1, face.id)),
                Some((sum, count, least)) => {
                    face.embedding.add_to(sum);
                    *count = count.saturating_add(1);
                    *least = face.id.min(*least);
                }
            }
        }
        let (sum, count, least) = whole?;
        Some(Self { factor: factor(count, &sum, params), share: share(count), sum, least })
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { sum: Vector::Sum(&self.sum), factor: self.factor, share: self.share, least: self.least }
    }
}

/// `n^(p-1) / |S|^p`.
pub(crate) fn factor(faces: usize, sum: &[f32], params: &Params) -> f32 {
    let length = length(sum).max(f32::MIN_POSITIVE);
    usize_to_f32(faces).powf(params.power - 1.0) / length.powf(params.power)
}

/// One over the number of faces; of none, which no group has, as of one.
pub(crate) fn share(faces: usize) -> f32 {
    usize_to_f32(faces.max(1)).recip()
}

pub(crate) fn view_of_face(slot: Slot, faces: &Faces) -> Option<View<'_>> {
    let face = faces.get(slot)?;
    Some(View { sum: Vector::Face(&face.embedding), factor: 1.0, share: 1.0, least: face.id })
}
