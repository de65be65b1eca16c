//! The numbers grouping depends on, and where each comes from.

use vow_types::Distances;
use vow_types::num::{narrow, usize_to_f32};

/// What decides who is grouped with whom. [`Params::new`] takes what is calibrated per model pack and fills in the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Sum-link score at or above which two groups are one person, among as many people as it was calibrated with.
    pub merge_at: f32,
    /// How many people that were; `None`: it holds for any number. See [`Params::merge_at_among`].
    pub calibrated_among: Option<u32>,
    /// Nearest neighbours asked for per face; only groups joined by such a pair are ever scored.
    pub neighbours: usize,
    /// Neighbours with a lower cosine are no candidates, `-1.0..=1.0`. Calibrated per pack.
    pub min_cosine: f32,
    /// How far a group's spread is forgiven, `0.0..=1.0`: 0 is average linkage, 1 the cosine of the two mean directions.
    /// Of 0.5 to 0.8, 0.6 and 0.7 were the best on 8,910 portraits, on all and on each half of the people.
    pub power: f32,
    /// How much it counts that two groups differ in size, `0.0..`: by so much times the difference of one over each number of faces,
    /// less a quarter, a pair scores more. So a single face scores up to three quarters of it more with a large group, and two groups
    /// of a size a quarter of it less. `power` forgives both of two large groups their spread, and only one where the other is a single
    /// face: one threshold for both is too low for the former or too high for the latter. Of 0 to 0.04 the best on portraits, in one and in up
    /// to 32 parts, on three albums, and on thirty made-up ones of either half of the people.
    pub uneven: f32,
    /// After so many new faces, what they touched is merged again from single faces.
    pub resplit_every: usize,
    /// Groups whose score with a touched group lies within `margin` below the threshold are merged again with it: a few
    /// faces more or fewer can decide about them.
    pub margin: f32,
    /// A group is merged again only once it changed by this share of its faces (it, or a near group), so that a large
    /// group does not cost its whole size at every photo. Groups of up to `1 / resplit_share` faces always qualify.
    pub resplit_share: f32,
    /// A group of more strong faces than these is merged again in idle moments alone: until then those that leave it leave the others
    /// together, and those that come to it join it. So a face costs no more where people have been seen tens of thousands of times.
    pub resplit_up_to: usize,
    /// Up to so many faces are sorted out all at once, and exactly; more in portions ([`crate::Grouping::settle_some`]).
    pub at_once: usize,
    /// Faces of a portion, those apart that their groups have more.
    pub portion: usize,
    /// Of more faces than these candidate pairs are forgotten once everybody is sorted out ([`crate::Grouping::let_go_of_pairs`]).
    /// Fewer are asked about again and again, in idle moments; of more the pairs would be most of what a face costs in memory.
    pub keep_pairs: usize,
    /// Bytes of memory for all faces, those of the index and what is shown of them included, and their candidate pairs; what tables take
    /// beyond [`vow_tables::MEMORY`] is in files and does not count. While faces come, pairs are forgotten when they take more than there is
    /// left: what is touched is then asked about again, and that is most of what a face costs.
    pub room: usize,
    /// A weak face joins a person at so much above the threshold. A blurred or tiny face has a noisy direction that drifts
    /// towards a common "blur" direction, so that its cosine says less: it has to be higher to be worth as much.
    pub weak_extra: f32,
}

/// How much the best threshold rises when there are twice as many people: every face has twice as many others it may be
/// taken for. Found on portraits of 30 to 3,897 people, with 2 to 28 faces each; it is people that count, not faces (4,026
/// faces of 281 people were best at 0.44, 4,454 of 1,948 at 0.49).
const PER_DOUBLING: f32 = 0.013;
/// Fewer people than these do not lower the threshold further: in small libraries many are relatives, who look alike.
const FEWEST: f32 = 128.0;
/// Nobody has measured more doublings above the calibration than these.
const MOST_DOUBLINGS: f32 = 4.0;
/// The threshold moves in steps, so that a person more or less changes nothing.
const STEP: f32 = 0.005;

impl Params {
    /// The defaults around a pack's calibrated cosines: `group` becomes `merge_at`, `neighbour` `min_cosine`.
    #[must_use]
    pub fn new(distances: Distances) -> Self {
        Self {
            merge_at: distances.group,
            calibrated_among: distances.people,
            neighbours: 32,
            min_cosine: distances.neighbour,
            power: 0.7,
            uneven: 0.04,
            resplit_every: 128,
            margin: 0.06,
            resplit_share: 1.0 / 64.0,
            resplit_up_to: 1_024,
            at_once: 200_000,
            portion: 512,
            keep_pairs: 50_000,
            room: 280_000_000,
            weak_extra: 0.10,
        }
    }

    /// The sum-link score at or above which two groups are one person when there are so many people.
    #[must_use]
    pub fn merge_at_among(&self, people: usize) -> f32 {
        let Some(calibrated) = self.calibrated_among else { return self.merge_at };
        let calibrated = narrow(f64::from(calibrated.max(1)));
        let doublings = (usize_to_f32(people).max(FEWEST) / calibrated.max(FEWEST)).log2();
        let rise = PER_DOUBLING * doublings.min(MOST_DOUBLINGS);
        self.merge_at + (rise / STEP).round() * STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_people_are_told_apart_at_a_higher_score() {
        let calibrated =
            Params::new(Distances { same: 0.3, group: 0.5, people: Some(4_096), neighbour: 0.28 });
        let close = |a: f32, b: f32| (a - b).abs() < 1e-5;
        assert!(close(calibrated.merge_at_among(4_096), 0.5));
        assert!(close(calibrated.merge_at_among(4_300), 0.5), "a few more change nothing");
        assert!(close(calibrated.merge_at_among(16_384), 0.525));
        assert!(close(calibrated.merge_at_among(1_024), 0.475));
        assert!(close(calibrated.merge_at_among(256), 0.45));
        assert!(close(calibrated.merge_at_among(128), 0.435));
        assert!(close(calibrated.merge_at_among(0), 0.435), "relatives");
        assert!(close(calibrated.merge_at_among(usize::MAX), 0.55));
        let fixed = Params { calibrated_among: None, ..calibrated };
        assert!(close(fixed.merge_at_among(2), 0.5) && close(fixed.merge_at_among(1 << 20), 0.5));
    }
}
