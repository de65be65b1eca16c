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
            if score >= threshold && cls.is_finite() && obj.is_finite() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{same_find, some_finds, spoil};
    use proptest::prelude::*;

    const SHAPE: Size = Size { width: 96, height: 64 };

    /// One level's tensors.
    #[derive(Debug, Clone)]
    struct Head {
        stride: u32,
        cls: Vec<f32>,
        obj: Vec<f32>,
        bbox: Vec<f32>,
        kps: Vec<f32>,
    }

    /// Nothing found anywhere.
    fn empty() -> [Head; 3] {
        STRIDES.map(|stride| {
            let rows = usize::try_from((SHAPE.width / stride) * (SHAPE.height / stride)).unwrap();
            let zeros = |n: usize| vec![0.0; rows * n];
            Head { stride, cls: zeros(1), obj: zeros(1), bbox: zeros(4), kps: zeros(10) }
        })
    }

    impl Head {
        /// Writes a find as the network would say it at one cell, the score split unevenly.
        fn put(&mut self, cell: usize, find: &Found) {
            let cell = cell % self.cls.len();
            let columns = usize::try_from(SHAPE.width / self.stride).unwrap();
            let stride = f32::from(u16::try_from(self.stride).unwrap());
            let number = |n: usize| f32::from(u16::try_from(n).unwrap());
            let (column, row) = (number(cell % columns), number(cell / columns));
            let b = find.bbox;
            self.cls[cell] = find.score;
            self.obj[cell] = find.score;
            self.bbox[cell * 4..][..4].copy_from_slice(&[
                (b.left + b.right) / 2.0 / stride - column,
                (b.top + b.bottom) / 2.0 / stride - row,
                ((b.right - b.left) / stride).ln(),
                ((b.bottom - b.top) / stride).ln(),
            ]);
            let offsets = find.landmarks.map(|p| [p.x / stride - column, p.y / stride - row]);
            self.kps[cell * 10..][..10].copy_from_slice(offsets.as_flattened());
        }
    }

    fn decode_all(heads: &[Head], threshold: f32) -> Result<Vec<Found>, VisionError> {
        let levels: Vec<Level<'_>> = heads
            .iter()
            .map(|h| Level { stride: h.stride, cls: &h.cls, obj: &h.obj, bbox: &h.bbox, kps: &h.kps })
            .collect();
        decode(&levels, SHAPE, threshold)
    }

    proptest! {
        #[test]
        fn reads_back_what_was_written(
            finds in some_finds(), at in prop::collection::vec((0usize..3, 0usize..96), 6),
        ) {
            let mut heads = empty();
            let mut expected = std::collections::BTreeMap::new();
            for (find, (level, cell)) in finds.iter().zip(at) {
                heads[level].put(cell, find);
                expected.insert((level, cell % heads[level].cls.len()), *find);
            }
            let found = decode_all(&heads, 0.5).unwrap();
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected.values()) {
                prop_assert!(same_find(found, expected), "{:?} {:?}", found, expected);
            }
        }

        #[test]
        fn broken_numbers_are_dropped(
            finds in some_finds(), which: u8,
            bad in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
        ) {
            let mut heads = empty();
            heads[0].put(17, &spoil(finds[0], bad, which));
            heads[1].put(3, &finds[0]);
            let found = decode_all(&heads, 0.5).unwrap();
            prop_assert_eq!(found.len(), 1);
            prop_assert!(same_find(&found[0], &finds[0]));
        }
    }

    /// The score is the geometric mean of two numbers that are first clamped to 0 and 1.
    #[test]
    fn the_score_is_the_root_of_two_clamped_numbers() {
        let mut heads = empty();
        for (cell, (cls, obj)) in
            [(0.64, 1.0), (4.0, 0.49), (-2.0, -2.0), (0.25, 1.0), (f32::NAN, 1.0)].into_iter().enumerate()
        {
            (heads[0].cls[cell], heads[0].obj[cell]) = (cls, obj);
        }
        let scores: Vec<f32> = decode_all(&heads, 0.5).unwrap().iter().map(|find| find.score).collect();
        assert_eq!(scores, [0.8, 0.7, 0.5]);
    }

    #[test]
    fn tensors_of_another_length_are_refused_by_name() {
        let mut heads = empty();
        heads[2].kps.push(0.0);
        let error = decode_all(&heads, 0.5).unwrap_err();
        assert_eq!(error, VisionError::HeadLength { tensor: "kps", stride: 32, expected: 60, found: 61 });
    }
}
