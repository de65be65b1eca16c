//! A face as a detector reports it, in pixels of its frame, before it is said relative to a photo.

use vow_types::{PxBox, PxPoint};

/// One find of a detector, all coordinates in pixels of the detector's frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Bounding box; may reach over the edge of the frame.
    pub bbox: PxBox,
    /// The eye on the left, the eye on the right, nose tip, left and right corner of the mouth, as the viewer sees
    /// them.
    pub landmarks: [PxPoint; 5],
    /// `0.0..=1.0`.
    pub score: f32,
}

impl Found {
    /// Whether every number is finite and the box has an area.
    pub(crate) fn is_sound(&self) -> bool {
        let PxBox { left, top, right, bottom } = self.bbox;
        self.score.is_finite()
            && [left, top, right, bottom].iter().all(|v| v.is_finite())
            && self.landmarks.iter().all(|p| p.x.is_finite() && p.y.is_finite())
            && left < right
            && top < bottom
    }
}

/// Five landmarks from ten numbers, x before y.
pub(crate) fn points(numbers: &[f32; 10], place: impl Fn(f32, f32) -> PxPoint) -> [PxPoint; 5] {
    let [x0, y0, x1, y1, x2, y2, x3, y3, x4, y4] = *numbers;
    [place(x0, y0), place(x1, y1), place(x2, y2), place(x3, y3), place(x4, y4)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{some_find, spoil};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_box_without_area_or_a_broken_number_is_not_sound(find in some_find(), which: u8) {
            prop_assert!(find.is_sound());
            let PxBox { left, top, right, bottom } = find.bbox;
            for bbox in [
                PxBox { right: left, ..find.bbox },
                PxBox { bottom: top, ..find.bbox },
                PxBox { left: right, right: left, ..find.bbox },
                PxBox { top: bottom, bottom: top, ..find.bbox },
            ] {
                let flat = Found { bbox, ..find };
                prop_assert!(!flat.is_sound());
            }
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                prop_assert!(!spoil(find, bad, which).is_sound());
            }
        }
    }
}
