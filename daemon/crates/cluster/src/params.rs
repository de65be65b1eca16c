//! The numbers grouping depends on, and where each comes from.

use vow_types::Distances;

/// What decides who is grouped with whom. [`Params::new`] takes what is calibrated per model pack and fills in the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Sum-link score at or above which two groups are one person. Calibrated per pack.
    pub merge_at: f32,
    /// Nearest neighbours asked for per face; only groups joined by such a pair are ever scored.
    pub neighbours: usize,
    /// Neighbours with a lower cosine are no candidates, `-1.0..=1.0`. Calibrated per pack.
    pub min_cosine: f32,
    /// How far a group's spread is forgiven, `0.0..=1.0`: 0 is average linkage, 1 the cosine of the two mean directions.
    /// 0.8 was the best of the values tried on 8,872 portraits (BCubed F 0.975).
    pub power: f32,
    /// After so many new faces, what they touched is merged again from single faces.
    pub resplit_every: usize,
    /// Groups whose score with a touched group lies within `margin` below `merge_at` are merged again with it: a few
    /// faces more or fewer can decide about them.
    pub margin: f32,
    /// A group is merged again only once it changed by this share of its faces (it, or a near group), so that a large
    /// group does not cost its whole size at every photo. Groups of up to `1 / resplit_share` faces always qualify.
    pub resplit_share: f32,
    /// A weak face joins a person at `merge_at + weak_extra`. A blurred or tiny face has a noisy direction that drifts
    /// towards a common "blur" direction, so that its cosine says less: it has to be higher to be worth as much.
    pub weak_extra: f32,
}

impl Params {
    /// The defaults around a pack's calibrated cosines: `group` becomes `merge_at`, `neighbour` `min_cosine`.
    #[must_use]
    pub fn new(distances: Distances) -> Self {
        Self {
            merge_at: distances.group,
            neighbours: 32,
            min_cosine: distances.neighbour,
            power: 0.8,
            resplit_every: 128,
            margin: 0.06,
            resplit_share: 1.0 / 64.0,
            weak_extra: 0.10,
        }
    }
}
