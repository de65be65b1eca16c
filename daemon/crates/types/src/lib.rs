//! The words every stage shares: ids, boxes, landmarks, orientation, embeddings, failures, and a table by face.
//!
//! This crate computes nothing but conversions between its own words. It knows nothing of files, runtimes, stores
//! or the wire, and depends on no other crate of the workspace but for where its tables lie (`vow-tables`).

mod embedding;
mod failure;
mod geometry;
mod ids;
mod lane;
pub mod num;
mod orientation;
mod pack;
mod per_face;
mod room;

pub use embedding::{Embedding, EmbeddingError, Lent, cosine, norm};
pub use failure::{Failure, Stage};
pub use geometry::{Landmarks, PxBox, PxPoint, RelBox, RelPoint, Size};
pub use ids::{ContentId, FaceId, FolderId, IdError, MaybePerson, PackId, PersonId};
pub use lane::Lane;
pub use orientation::Orientation;
pub use pack::{Channels, DetectorSpec, Distances, EmbedderSpec, Head, InputFormat, QualityGate, Shift};
pub use per_face::PerFace;
pub use room::room_for;

/// What a detector saw, relative to one picture: never pixels, so that it holds at every scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Bounding box, relative to the picture it was found in; may reach a little over the edge.
    pub bbox: RelBox,
    /// Left eye, right eye, nose tip, left and right mouth corner, as seen in the upright picture.
    pub landmarks: Landmarks,
    /// The detector's own score, `0.0..=1.0`.
    pub score: f32,
}

impl Detection {
    /// The same observation in another frame of the picture: every point goes through `map`.
    #[must_use]
    pub fn mapped(self, map: impl Fn(RelPoint) -> RelPoint) -> Self {
        Self { bbox: self.bbox.mapped(&map), landmarks: self.landmarks.mapped(&map), score: self.score }
    }
}
