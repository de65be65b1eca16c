//! Reads the output of YuNet (Wu, Peng and Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector", Machine
//! Intelligence Research 20) as the OpenCV Zoo exports it. Which tensor is which is known to whoever runs the network.

use vow_types::{PxBox, PxPoint, Size};

use crate::found::points;
use crate::grid::Grid;
use crate::{Found, VisionError};

/// The levels of the published networks, in the order of their outputs.
pub const STRIDES: [u32; 3] = [8, 16, 32];

/// Priors at every cell.
const PRIORS: usize = 1;

/// The four tensors of one level, each with a row for every cell, cells row by row.
#[derive(Debug, Clone, Copy)]
pub struct Level<'a> {
    /// Pixels from one cell to the next.
    pub stride: u32,
    /// One number a row: how much it is a face, about `0.0..=1.0`.
    pub cls: &'a [f32],
    /// One number a row: how well the box fits, about `0.0..=1.0`.
    pub obj: &'a [f32],
    /// Four numbers a row: x and y of the box's centre from the cell's point in strides, logarithm of its width and
    /// height in strides.
    pub bbox: &'a [f32],
    /// Ten numbers a row: x and y of five landmarks as offsets from the cell's point, in strides.
    pub kps: &'a [f32],
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
        let cls = grid.rows_of::<1>("cls", level.cls, PRIORS)?;
        let obj = grid.rows_of::<1>("obj", level.obj, PRIORS)?;
        let bbox = grid.rows_of::<4>("bbox", level.bbox, PRIORS)?;
        let kps = grid.rows_of::<10>("kps", level.kps, PRIORS)?;
        let stride = grid.stride();
        let priors = cls.iter().zip(obj).zip(bbox.iter().zip(kps)).zip(grid.cells(PRIORS));
        for ((([cls], [obj]), (bbox, kps)), cell) in priors {
            // Clamped as OpenCV's FaceDetectorYN does. NaN stays NaN and is not above any threshold.
            let score = (cls.clamp(0.0, 1.0) * obj.clamp(0.0, 1.0)).sqrt();
            if score >= threshold {
                let find = read(score, bbox, kps, cell, stride);
                found.extend(find.is_sound().then_some(find));
            }
        }
    }
    Ok(found)
}

/// One prior's row of each tensor, in pixels.
fn read(score: f32, bbox: &[f32; 4], kps: &[f32; 10], (column, row): (f32, f32), stride: f32) -> Found {
    let [dx, dy, log_width, log_height] = bbox;
    let (x, y) = ((column + dx) * stride, (row + dy) * stride);
    let (half_width, half_height) = (log_width.exp() * stride / 2.0, log_height.exp() * stride / 2.0);
    Found {
        bbox: PxBox {
            left: x - half_width,
            top: y - half_height,
            right: x + half_width,
            bottom: y + half_height,
        },
        landmarks: points(kps, |x, y| PxPoint { x: (column + x) * stride, y: (row + y) * stride }),
        score,
    }
}
