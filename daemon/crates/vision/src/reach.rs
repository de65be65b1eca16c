//! What a crop needs of a picture: which part of it, and how many of its pixels. Sampling is left to `crop`.

use vow_types::num::narrow;
use vow_types::{Landmarks, Orientation, RelBox, Size};

use crate::VisionError;
use crate::align::{Seat, coded_from_crop};

/// What a crop takes from a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Pixels of the picture, as coded, along one pixel of the crop. Below 1 the crop shows less than it could hold.
    pub density: f32,
    /// The part of the coded picture that is sampled, relative to it, with a crop pixel to spare on each side; it may reach
    /// outside.
    pub area: RelBox,
}

/// What a crop takes from a picture of this size; `landmarks` are relative to the upright one.
///
/// # Errors
/// When the landmarks are not finite, in one point, or millions of pixels away.
pub fn reach(
    coded: Size,
    orientation: Orientation,
    landmarks: &Landmarks,
    seat: impl Into<Seat>,
) -> Result<Reach, VisionError> {
    let seat = seat.into();
    let map = coded_from_crop(landmarks, orientation, coded, seat)?;
    let last = f64::from(seat.side);
    let corners = [(-1.0, -1.0), (last, -1.0), (-1.0, last), (last, last)].map(|corner| map.point(corner));
    let least = |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    // Whole numbers are pixel centres there; an edge lies half a pixel beside them.
    let relative = |px: f64, side: u32| narrow((px + 0.5) / f64::from(side.max(1)));
    let area = RelBox {
        left: relative(least(|p| p.0), coded.width),
        top: relative(least(|p| p.1), coded.height),
        right: relative(most(|p| p.0), coded.width),
        bottom: relative(most(|p| p.1), coded.height),
    };
    Ok(Reach { density: narrow(map.scale()), area })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::{TEMPLATE, TEMPLATE_SIDE};
    use vow_types::RelPoint;

    /// The template itself, two pixels a crop pixel, in the middle of a picture.
    fn face(orientation: Orientation, coded: Size) -> Landmarks {
        let upright = orientation.upright_size(coded);
        Landmarks(TEMPLATE.map(|(x, y)| RelPoint {
            x: narrow((2.0 * x + 100.0) / f64::from(upright.width)),
            y: narrow((2.0 * y + 60.0) / f64::from(upright.height)),
        }))
    }

    #[test]
    fn area_and_density_of_a_known_face() {
        let coded = Size { width: 800, height: 600 };
        for orientation in Orientation::ALL {
            let reach = reach(coded, orientation, &face(orientation, coded), 112).unwrap();
            assert!((reach.density - 2.0).abs() < 1e-3);
            let upright =
                reach.area.mapped(|p| orientation.to_upright(p)).to_px(orientation.upright_size(coded));
            let side = narrow(2.0 * TEMPLATE_SIDE);
            for (got, expected) in [
                (upright.left, 98.0),
                (upright.top, 58.0),
                (upright.right, 100.0 + side),
                (upright.bottom, 60.0 + side),
            ] {
                assert!((got - expected).abs() <= 1.0, "{orientation:?}: {upright:?}");
            }
        }
    }

    #[test]
    fn a_larger_crop_takes_the_same_part_in_more_pixels() {
        let coded = Size { width: 800, height: 600 };
        let face = face(Orientation::Upright, coded);
        let (small, large) = (
            reach(coded, Orientation::Upright, &face, 112).unwrap(),
            reach(coded, Orientation::Upright, &face, 224).unwrap(),
        );
        assert!((small.density - 2.0 * large.density).abs() < 1e-3);
        assert!(small.area.iou(large.area) > 0.97);
    }

    #[test]
    fn no_face_has_no_reach() {
        let point = Landmarks([RelPoint { x: 0.5, y: 0.5 }; 5]);
        let error = reach(Size { width: 8, height: 8 }, Orientation::Upright, &point, 112).unwrap_err();
        assert!(matches!(error, VisionError::Landmarks(_)));
    }
}
