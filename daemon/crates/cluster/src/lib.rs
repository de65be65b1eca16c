//! Who belongs together: the incremental grouping of faces into people ("sum-link").
//!
//! Arithmetic on embeddings held in memory. It leaves finding neighbours to the index (through [`Neighbours`]), what
//! is durable to the store (through the [`Move`]s it returns), and names to people.
//!
//! A group of faces keeps the sum `S` of its `n` unit vectors. Two groups score their mean cross cosine, relative to
//! how tight each of them is: `S_A·S_B / (n_A n_B) / (|S_A|/n_A · |S_B|/n_B)^p`, and a little for how much their sizes differ
//! ([`Params::uneven`]). Pairs of groups with at least one pair of
//! faces that are near neighbours are candidates; the best is merged, as long as it reaches the threshold. A merge that
//! would bring two faces of one photo together is left out. Weak faces have no part in this: each joins the person it
//! scores highest with, at a stricter threshold, or stays alone.
//!
//! What humans said ([`Said`]) comes before all arithmetic: faces that are one person by their word are one group from the
//! start, even two of one photo; groups that are different people by their word, or hold a face that is not that person,
//! are never merged. A face that is not somebody finds its place after all others, so that it takes nobody along.
//!
//! [`Grouping::add`] does this for what is new, and from time to time again for what that touched;
//! [`Grouping::settle`], for idle times, does it for everything, and [`Grouping::settle_some`] where there is too much for that at once.

mod again;
mod around;
mod budget;
mod calibration;
mod close;
mod dbscan;
mod decide;
mod edges;
mod faces;
mod grouping;
mod groups;
mod ledger;
mod merge;
mod pace;
mod pages;
mod params;
mod people;
mod round;
mod score;
mod survey;
mod tell;
mod vectors;
mod weak;
mod years;

pub use again::Settling;
pub use calibration::{Calibration, ENOUGH_ANSWERS, Proposal, Verdict, propose, share};
pub use close::{Close, Doubt, Placed, RunnerUp};
pub use dbscan::{DbscanError, DbscanParams, dbscan, dbscan_watched};
pub use decide::Decided;
pub use grouping::Grouping;
pub use params::Params;
pub use round::Sorted;
pub use years::are_years_apart;

use vow_types::{ContentId, Embedding, FaceId, PersonId};

/// A face as grouping sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Its id; also breaks ties, the lower first.
    pub face: FaceId,
    /// The photo it was seen in: two faces of one photo are one person only by a human's word.
    pub photo: ContentId,
    /// Where it points.
    pub embedding: Embedding,
    /// Whether it is good enough to found a person. A face that is not (tiny, blurred, low score) may only join one.
    pub strong: bool,
    /// What humans said about it.
    pub said: Said,
}

/// What humans said about a face, which no arithmetic overrules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// It is this person.
    pub is: Option<PersonId>,
    /// It is none of these.
    pub is_not: Vec<PersonId>,
}

/// Finds faces that look alike. Implemented over the index.
pub trait Neighbours {
    /// Up to `k` faces with the largest cosine to `of`, best first, each with that cosine (`-1.0..=1.0`). The face
    /// `of` belongs to may be among them; faces that grouping does not hold are passed over.
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)>;

    /// The same for each of several, in their order.
    fn nearest_to_each(&self, of: &[&Embedding], k: usize) -> Vec<Vec<(FaceId, f32)>> {
        of.iter().map(|of| self.nearest(of, k)).collect()
    }

    /// How many of several are looked for side by side.
    fn side_by_side(&self) -> usize {
        1
    }
}

/// A face that now belongs to another person than the caller was last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The face.
    pub face: FaceId,
    /// Its person now. Every face has one, a group of one too; `None` only when the face was removed.
    pub person: Option<PersonId>,
}
