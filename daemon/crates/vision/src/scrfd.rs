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
                // A sigmoid may round above 1.
                found.extend(find.is_sound().then_some(Found { score: score.min(1.0), ..find }));
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
    Found { bbox, landmarks, score }
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
        scores: Vec<f32>,
        boxes: Vec<f32>,
        landmarks: Vec<f32>,
    }

    /// Nothing found anywhere.
    fn empty() -> [Head; 3] {
        STRIDES.map(|stride| {
            let rows = usize::try_from((SHAPE.width / stride) * (SHAPE.height / stride) * 2).unwrap();
            Head {
                stride,
                scores: vec![0.0; rows],
                boxes: vec![1.0; rows * 4],
                landmarks: vec![0.0; rows * 10],
            }
        })
    }

    impl Head {
        /// Writes a find as the network would say it at one anchor.
        fn put(&mut self, anchor: usize, find: &Found) {
            let anchor = anchor % self.scores.len();
            let columns = usize::try_from(SHAPE.width / self.stride).unwrap();
            let stride = f32::from(u16::try_from(self.stride).unwrap());
            let place = |cell: usize| f32::from(u16::try_from(cell).unwrap()) * stride;
            let (x, y) = (place(anchor / 2 % columns), place(anchor / 2 / columns));
            let b = find.bbox;
            self.scores[anchor] = find.score;
            let distances = [x - b.left, y - b.top, b.right - x, b.bottom - y].map(|d| d / stride);
            self.boxes[anchor * 4..][..4].copy_from_slice(&distances);
            let offsets = find.landmarks.map(|p| [(p.x - x) / stride, (p.y - y) / stride]);
            self.landmarks[anchor * 10..][..10].copy_from_slice(offsets.as_flattened());
        }
    }

    fn decode_all(heads: &[Head], threshold: f32) -> Result<Vec<Found>, VisionError> {
        let levels: Vec<Level<'_>> = heads
            .iter()
            .map(|h| Level { stride: h.stride, scores: &h.scores, boxes: &h.boxes, landmarks: &h.landmarks })
            .collect();
        decode(&levels, SHAPE, threshold)
    }

    proptest! {
        #[test]
        fn reads_back_what_was_written(
            finds in some_finds(), at in prop::collection::vec((0usize..3, 0usize..192), 6),
        ) {
            let mut heads = empty();
            let mut expected = std::collections::BTreeMap::new();
            for (find, (level, anchor)) in finds.iter().zip(at) {
                heads[level].put(anchor, find);
                expected.insert((level, anchor % heads[level].scores.len()), *find);
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

    /// The score at the threshold counts, as in InsightFace; a sigmoid that rounds above 1 is 1.
    #[test]
    fn the_threshold_is_included() {
        let mut heads = empty();
        heads[2].scores.fill(0.5);
        assert_eq!(decode_all(&heads, 0.5).unwrap().len(), heads[2].scores.len());
        assert!(decode_all(&heads, 0.500_1).unwrap().is_empty());
        assert!(decode_all(&heads, f32::NAN).unwrap().is_empty());
        heads[2].scores.fill(1.000_1);
        assert!(decode_all(&heads, 0.5).unwrap().iter().all(|find| find.score <= 1.0));
    }

    #[test]
    fn tensors_of_another_length_are_refused_by_name() {
        let mut heads = empty();
        heads[1].boxes.pop();
        let error = decode_all(&heads, 0.5).unwrap_err();
        let expected = VisionError::HeadLength { tensor: "boxes", stride: 16, expected: 192, found: 191 };
        assert_eq!(error, expected);
        let level = Level { stride: 0, scores: &[], boxes: &[], landmarks: &[] };
        for stride in [0, 5, 64] {
            let error = decode(&[Level { stride, ..level }], SHAPE, 0.5).unwrap_err();
            assert_eq!(error, VisionError::Stride { shape: SHAPE, stride });
        }
        let flat = Size { width: 0, height: 64 };
        assert!(matches!(
            decode(&[Level { stride: 8, ..level }], flat, 0.5),
            Err(VisionError::Stride { .. })
        ));
    }
}
