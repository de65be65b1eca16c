//! What the stages must know of a model pack: how a network wants its input and how its output is read.
//!
//! Where packs lie, how they are read and verified is the business of `vow-models`.

use serde::{Deserialize, Serialize};

/// How a detector codes its finds. Roles are stated by the pack, never guessed from tensor shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// SCRFD (Guo et al. 2021, arXiv:2105.04714): two anchors a cell, distances to the four edges.
    Scrfd,
    /// YuNet (Wu et al. 2023, libfacedetection): one prior a cell, `sqrt(cls * obj)`, exponential sizes.
    Yunet,
}

/// Order of the colour planes a network expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// From a byte `x` to what the network is fed: `(x - mean) / std`, planes in the order of `channels`, NCHW.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InputFormat {
    /// Order of the planes.
    pub channels: Channels,
    /// Subtracted from every byte.
    pub mean: f32,
    /// Divides the difference; never zero.
    pub std: f32,
}

/// A detector's contract.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DetectorSpec {
    /// How the output is read.
    pub head: Head,
    /// How the input is fed.
    pub input: InputFormat,
    /// Finds with a lower score are dropped, `0.0..=1.0`.
    pub threshold: f32,
    /// Of two finds that overlap by more (intersection over union), the weaker is dropped, `0.0..=1.0`.
    pub nms_iou: f32,
}

/// An embedder's contract.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EmbedderSpec {
    /// How the input is fed.
    pub input: InputFormat,
    /// Side of the aligned square crop in pixels (112 for the ArcFace template).
    pub size: u32,
    /// Components of the output vector.
    pub dimension: u32,
    /// Whether a face is embedded as it is and mirrored, and both are averaged: twice the work for fewer mistakes.
    pub mirror: bool,
    /// Every face is looked at again by the detector, enlarged, and aligned by the mean of what both looks say.
    pub refine: bool,
    /// Where faces lie in its crops.
    pub shift: Shift,
}

/// How far a face lies from its place in the ArcFace template, in pixels of a crop of 112 a side. Detectors place their
/// landmarks by rules of their own, and an embedder recognises best what it was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Shift {
    /// Towards the left edge of the crop.
    pub left: f32,
    /// Towards the upper edge.
    pub up: f32,
}

/// Cosines calibrated for one embedder, each `-1.0..=1.0`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Distances {
    /// Two faces at or above it are taken for the same person (false positive rate 1e-3).
    pub same: f32,
    /// Sum-link score at or above which two groups are one person.
    pub group: f32,
    /// Among how many people `group` was found to be best: more people are told apart at a higher score, fewer at a lower
    /// one. `None`: `group` holds for any number of people.
    pub people: Option<u32>,
    /// Pairs of faces below it are never looked at when grouping.
    pub neighbour: f32,
}

/// How good a face is, and which are good enough to found a person; weaker ones may only join one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QualityGate {
    /// Least shorter side of the face's box, in pixels of the detector's frame.
    pub min_face: f32,
    /// Least detector score.
    pub min_score: f32,
    /// Least quality, `0.0..=1.0`.
    pub min_quality: f32,
    /// Length of the embedder's output that three of four good faces reach, from which on one is as clear as can be. 0: the length plays no part;
    /// `None`: nobody measured it, and it is learned from the faces that come.
    pub full_norm: Option<f32>,
}
