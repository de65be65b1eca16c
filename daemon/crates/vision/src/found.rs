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
