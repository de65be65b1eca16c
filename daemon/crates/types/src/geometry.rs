//! Points and boxes, relative and in pixels, as types that cannot be mixed up.
//!
//! *Relative* means: `0.0..=1.0` from the left (x) or top (y) edge of one picture to the other. Which picture (coded or
//! upright) is said where the value is used.

use serde::{Deserialize, Serialize};

use crate::num::to_f32;

/// Width and height in pixels; both are at least 1 in every picture that was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Size {
    /// Pixels in all; cannot overflow.
    #[must_use]
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The same, no wider and no higher than `most`.
    #[must_use]
    pub fn within(self, most: Self) -> Self {
        Self { width: self.width.min(most.width), height: self.height.min(most.height) }
    }
}

/// A point relative to a picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RelPoint {
    /// From the left edge, 0 to 1.
    pub x: f32,
    /// From the top edge, 0 to 1.
    pub y: f32,
}

/// A point in pixels. Pixel centres lie at half numbers: the first pixel covers `0.0..1.0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PxPoint {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
}

impl RelPoint {
    /// In pixels of a picture of this size.
    #[must_use]
    pub fn to_px(self, size: Size) -> PxPoint {
        PxPoint { x: self.x * to_f32(size.width), y: self.y * to_f32(size.height) }
    }
}

impl PxPoint {
    /// Relative to a picture of this size.
    #[must_use]
    pub fn to_rel(self, size: Size) -> RelPoint {
        RelPoint { x: self.x / to_f32(size.width.max(1)), y: self.y / to_f32(size.height.max(1)) }
    }
}

/// A box relative to a picture; `left <= right` and `top <= bottom`. A face at the edge may reach outside `0..=1`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RelBox {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Bottom edge.
    pub bottom: f32,
}

/// A box in pixels, edges as in [`RelBox`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PxBox {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Bottom edge.
    pub bottom: f32,
}

impl RelBox {
    /// In pixels of a picture of this size.
    #[must_use]
    pub fn to_px(self, size: Size) -> PxBox {
        let (w, h) = (to_f32(size.width), to_f32(size.height));
        PxBox { left: self.left * w, top: self.top * h, right: self.right * w, bottom: self.bottom * h }
    }

    /// The box around two opposite corners after `map`, which may turn or mirror.
    #[must_use]
    pub fn mapped(self, map: impl Fn(RelPoint) -> RelPoint) -> Self {
        let a = map(RelPoint { x: self.left, y: self.top });
        let b = map(RelPoint { x: self.right, y: self.bottom });
        Self { left: a.x.min(b.x), top: a.y.min(b.y), right: a.x.max(b.x), bottom: a.y.max(b.y) }
    }

    /// Right minus left, never negative.
    #[must_use]
    pub fn width(self) -> f32 {
        (self.right - self.left).max(0.0)
    }

    /// Bottom minus top, never negative.
    #[must_use]
    pub fn height(self) -> f32 {
        (self.bottom - self.top).max(0.0)
    }

    /// The shorter side in pixels of a picture of this size.
    #[must_use]
    pub fn shorter_px(self, size: Size) -> f32 {
        (self.width() * to_f32(size.width)).min(self.height() * to_f32(size.height))
    }

    /// Intersection over union, `0.0..=1.0`; boxes without area give 0.
    #[must_use]
    pub fn iou(self, other: Self) -> f32 {
        let w = self.right.min(other.right) - self.left.max(other.left);
        let h = self.bottom.min(other.bottom) - self.top.max(other.top);
        let both = w.max(0.0) * h.max(0.0);
        let union = self.width() * self.height() + other.width() * other.height() - both;
        if union > 0.0 { both / union } else { 0.0 }
    }
}

impl PxBox {
    /// Relative to a picture of this size.
    #[must_use]
    pub fn to_rel(self, size: Size) -> RelBox {
        let (w, h) = (to_f32(size.width.max(1)), to_f32(size.height.max(1)));
        RelBox { left: self.left / w, top: self.top / h, right: self.right / w, bottom: self.bottom / h }
    }
}

/// Five points of a face: the eye on the left of the upright picture, the eye on its right, nose tip, left and right
/// corner of the mouth (left and right as the viewer sees them).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Landmarks(pub [RelPoint; 5]);

impl Landmarks {
    /// Every point through `map`.
    #[must_use]
    pub fn mapped(self, map: impl Fn(RelPoint) -> RelPoint) -> Self {
        Self(self.0.map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn some_box() -> impl Strategy<Value = RelBox> {
        (0.0f32..1.0, 0.0f32..1.0, 0.01f32..1.0, 0.01f32..1.0).prop_map(|(x, y, w, h)| RelBox {
            left: x,
            top: y,
            right: x + w,
            bottom: y + h,
        })
    }

    proptest! {
        #[test]
        fn iou_is_symmetric_bounded_and_one_with_itself(a in some_box(), b in some_box()) {
            prop_assert!((a.iou(b) - b.iou(a)).abs() < 1e-5);
            prop_assert!((0.0..=1.0001).contains(&a.iou(b)));
            prop_assert!((a.iou(a) - 1.0).abs() < 1e-4);
        }

        #[test]
        fn pixels_and_back(a in some_box(), width in 1u32..9000, height in 1u32..9000) {
            let size = Size { width, height };
            let back = a.to_px(size).to_rel(size);
            prop_assert!((back.left - a.left).abs() < 1e-5 && (back.bottom - a.bottom).abs() < 1e-5);
        }
    }

    #[test]
    fn apart_boxes_share_nothing() {
        let a = RelBox { left: 0.0, top: 0.0, right: 0.1, bottom: 0.1 };
        let b = RelBox { left: 0.5, top: 0.5, right: 0.6, bottom: 0.6 };
        assert_eq!(a.iou(b).to_bits(), 0.0f32.to_bits());
    }
}
