//! The eight EXIF orientations: how a coded picture is turned and mirrored to stand upright.

use serde::{Deserialize, Serialize};

use crate::{RelPoint, Size};

/// EXIF tag 0x0112 (TIFF 6.0 and Exif 2.32, "Orientation"). The number is the tag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Orientation {
    /// 1: as coded.
    #[default]
    Upright,
    /// 2: mirrored left to right.
    Mirrored,
    /// 3: half a turn.
    Turned180,
    /// 4: mirrored top to bottom.
    Flipped,
    /// 5: mirrored along the main diagonal.
    Transposed,
    /// 6: to be turned a quarter clockwise.
    Turned90,
    /// 7: mirrored along the other diagonal.
    Transversed,
    /// 8: to be turned a quarter anticlockwise.
    Turned270,
}

impl Orientation {
    /// All eight, in the order of the tag's values 1 to 8.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::Mirrored,
        Self::Turned180,
        Self::Flipped,
        Self::Transposed,
        Self::Turned90,
        Self::Transversed,
        Self::Turned270,
    ];

    /// From the tag's value; anything but 1 to 8 means "not known" and gives `None`.
    #[must_use]
    pub fn from_exif(value: u32) -> Option<Self> {
        let at = usize::try_from(value.checked_sub(1)?).ok()?;
        Self::ALL.get(at).copied()
    }

    /// The tag's value, 1 to 8.
    #[must_use]
    pub fn to_exif(self) -> u8 {
        match self {
            Self::Upright => 1,
            Self::Mirrored => 2,
            Self::Turned180 => 3,
            Self::Flipped => 4,
            Self::Transposed => 5,
            Self::Turned90 => 6,
            Self::Transversed => 7,
            Self::Turned270 => 8,
        }
    }

    /// Whether width and height change places.
    #[must_use]
    pub fn swaps_sides(self) -> bool {
        matches!(self, Self::Transposed | Self::Turned90 | Self::Transversed | Self::Turned270)
    }

    /// The upright size of a picture coded with this size.
    #[must_use]
    pub fn upright_size(self, coded: Size) -> Size {
        if self.swaps_sides() { Size { width: coded.height, height: coded.width } } else { coded }
    }

    /// Where a point of the coded picture lies in the upright one. Both relative.
    #[must_use]
    pub fn to_upright(self, p: RelPoint) -> RelPoint {
        let (x, y) = (p.x, p.y);
        let (x, y) = match self {
            Self::Upright => (x, y),
            Self::Mirrored => (1.0 - x, y),
            Self::Turned180 => (1.0 - x, 1.0 - y),
            Self::Flipped => (x, 1.0 - y),
            Self::Transposed => (y, x),
            Self::Turned90 => (1.0 - y, x),
            Self::Transversed => (1.0 - y, 1.0 - x),
            Self::Turned270 => (y, 1.0 - x),
        };
        RelPoint { x, y }
    }

    /// Where a point of the upright picture lies in the coded one. Both relative.
    #[must_use]
    pub fn to_coded(self, p: RelPoint) -> RelPoint {
        self.inverse().to_upright(p)
    }

    /// The orientation that takes the upright picture back to the coded one.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::Turned90 => Self::Turned270,
            Self::Turned270 => Self::Turned90,
            own => own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn there_and_back(x in 0.0f32..1.0, y in 0.0f32..1.0) {
            for o in Orientation::ALL {
                let p = o.to_coded(o.to_upright(RelPoint { x, y }));
                prop_assert!((p.x - x).abs() < 1e-6 && (p.y - y).abs() < 1e-6, "{o:?}");
            }
        }
    }

    #[test]
    fn tag_values() {
        for (o, n) in Orientation::ALL.into_iter().zip(1u32..) {
            assert_eq!(Orientation::from_exif(n), Some(o));
            assert_eq!(u32::from(o.to_exif()), n);
        }
        for n in [0, 9, u32::MAX] {
            assert_eq!(Orientation::from_exif(n), None);
        }
    }

    /// Exif 2.32, 4.6.4 A: value 6 means "the 0th row is the visual right-hand side, the 0th column the visual top".
    #[test]
    fn value_6_puts_the_first_row_on_the_right_and_the_first_column_on_top() {
        let top_left = Orientation::Turned90.to_upright(RelPoint { x: 0.0, y: 0.0 });
        assert_eq!((top_left.x, top_left.y), (1.0, 0.0));
        let top_right = Orientation::Turned90.to_upright(RelPoint { x: 1.0, y: 0.0 });
        assert_eq!((top_right.x, top_right.y), (1.0, 1.0));
    }
}
