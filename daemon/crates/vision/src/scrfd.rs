//! Reads the output of SCRFD (Guo et al. 2021, "Sample and Computation Redistribution for Efficient Face Detection",
//! arXiv:2105.04714) as InsightFace exports it. Which tensor is which is known to whoever runs the network.

use vow_types::{PxBox, PxPoint, Size};

use crate::found::points;
use crate::grid::Grid;
use crate::{Found, VisionError};

/// The levels of the published networks, in the order of their outputs.
pub const STRIDES: [u32; 3] = [8, 16, 32];

/// Anchors at every cell.
const ANCHORS: usize = 2;

/// The three tensors of one level, each with a row for every anchor: cells row by row, two anchors at each.
#[derive(Debug, Clone, Copy)]
pub struct Level<'a> {
    /// Pixels from one cell to the next.
    pub stride: u32,
    /// One number a row, `0.0..=1.0` (the sigmoid is in the network).
    pub scores: &'a [f32],
    /// Four numbers a row: left, top, right and bottom edge as distances from the cell's point, in strides.
    pub boxes: &'a [f32],
    /// Ten numbers a row: x and y of five landmarks as offsets from the cell's point, in strides.
    pub landmarks: &'a [f32],
}

/// All finds of one frame with a score of at least `threshold`, in the order of the tensors; doubles are still there
/// (see [`crate::suppress`]). A find with a number that is not finite, or with a box without area, is left out.
///
/// # Errors
/// When the frame cannot be divided by a stride, or a tensor has not the length that the frame asks for.
pub fn decode(levels: &[Level<'_>], shape: Size, threshold: f32) -> Result<Vec<Found>, VisionError> {
    let mut found = Vec::new();
    for level in levels {
        let grid = Grid::new(shape, level.stride)?;
        let scores = grid.rows_of::<1>("scores", level.scores, ANCHORS)?;
        let boxes = grid.rows_of::<4>("boxes", level.boxes, ANCHORS)?;
        let landmarks = grid.rows_of::<10>("landmarks", level.landmarks, ANCHORS)?;
        let stride = grid.stride();
        let anchors = scores.iter().zip(boxes).zip(landmarks).zip(grid.cells(ANCHORS));
        for ((([score], distances), offsets), (column, row)) in anchors {
            // Almost every anchor ends here. NaN is not above any threshold.
            if *score >= threshold {
                let at = PxPoint { x: column * stride, y: row * stride };
                let find = read(*score, distances, offsets, at, stride);
                found.extend(find.is_sound().then_some(find));
            }
        }
    }
    Ok(found)
}

/// One anchor's row of each tensor, in pixels.
fn read(
    score: f32,
    [left, top, right, bottom]: &[f32; 4],
    offsets: &[f32; 10],
    at: PxPoint,
    stride: f32,
) -> Found {
    let bbox = PxBox {
        left: at.x - left * stride,
        top: at.y - top * stride,
        right: at.x + right * stride,
        bottom: at.y + bottom * stride,
    };
    let landmarks = points(offsets, |x, y| PxPoint { x: at.x + x * stride, y: at.y + y * stride });
    Found { bbox, landmarks, score: score.min(1.0) }
}
