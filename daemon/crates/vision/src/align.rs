//! Where a face must lie in a crop, and the turn, scale and shift that bring it there. Sampling is left to `crop`.

use vow_types::{EmbedderSpec, Landmarks, Orientation, RelPoint, Shift, Size};

use crate::error::UnusableLandmarks;

/// The template of ArcFace (Deng et al. 2019, arXiv:1801.07698) and of the embedders trained like it: where the five
/// landmarks lie in a crop of [`TEMPLATE_SIDE`] pixels a side. Whole numbers are pixel centres.
pub(crate) const TEMPLATE: [(f64, f64); 5] =
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)];

/// Side of the crop that [`TEMPLATE`] is given for.
pub(crate) const TEMPLATE_SIDE: f64 = 112.0;

/// How a face sits in a crop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seat {
    /// Side of the crop in pixels.
    pub side: u32,
    /// How far the face lies from its place in the ArcFace template.
    pub shift: Shift,
}

/// In the template's place.
impl From<u32> for Seat {
    fn from(side: u32) -> Self {
        Self { side, shift: Shift::default() }
    }
}

/// As the embedder wants it.
impl From<EmbedderSpec> for Seat {
    fn from(EmbedderSpec { size: side, shift, .. }: EmbedderSpec) -> Self {
        Self { side, shift }
    }
}

impl Seat {
    /// Where the five landmarks are to lie in the crop.
    fn places(self) -> [(f64, f64); 5] {
        let scale = f64::from(self.side) / TEMPLATE_SIDE;
        let (left, up) = (f64::from(self.shift.left), f64::from(self.shift.up));
        TEMPLATE.map(|(x, y)| ((x - left) * scale, (y - up) * scale))
    }
}

/// Landmarks that span less than this many pixels (root of the summed squares) are one point.
const LEAST_SPAN: f64 = 1e-3;

/// Correlation of landmarks and template below which no turn and scale brings them together; any face, in profile too,
/// is above 0.5.
const LEAST_CORRELATION: f64 = 0.05;

/// Farthest that a sampled point may lie from the picture's corner, in pixels: more than any side of a picture, and
/// small enough for the fixed point numbers of `crop`.
pub(crate) const FARTHEST: f64 = 4_194_304.0;

/// An affine map of the plane, as the image of the origin and of the two unit steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Affine {
    pub(crate) origin: (f64, f64),
    pub(crate) across: (f64, f64),
    pub(crate) down: (f64, f64),
}

impl Affine {
    pub(crate) fn point(self, (x, y): (f64, f64)) -> (f64, f64) {
        let (dx, dy) = self.step((x, y));
        (self.origin.0 + dx, self.origin.1 + dy)
    }

    /// A difference of two points.
    fn step(self, (x, y): (f64, f64)) -> (f64, f64) {
        (x * self.across.0 + y * self.down.0, x * self.across.1 + y * self.down.1)
    }

    /// First `self`, then `next`.
    fn then(self, next: Self) -> Self {
        Self { origin: next.point(self.origin), across: next.step(self.across), down: next.step(self.down) }
    }

    /// How much longer a step across becomes.
    pub(crate) fn scale(self) -> f64 {
        self.across.0.hypot(self.across.1)
    }
}

/// Where each pixel of an upright crop lies in the coded picture. On both sides whole numbers are
/// pixel centres, as for OpenCV's `warpAffine`.
///
/// A relative landmark times the picture's size is taken for such a coordinate too, without moving it by half a pixel.
/// That is what the pipelines do with which detectors and embedders are published (InsightFace, OpenCV), and faces of
/// 50 pixels are recognised better so than half a pixel beside it.
pub(crate) fn coded_from_crop(
    landmarks: &Landmarks,
    orientation: Orientation,
    coded: Size,
    seat: Seat,
) -> Result<Affine, UnusableLandmarks> {
    let upright = orientation.upright_size(coded);
    let map = upright_from_crop(landmarks, upright, seat)?.then(coded_from_upright(orientation, coded));
    let last = f64::from(seat.side);
    let inside = |(x, y): (f64, f64)| x.abs() < FARTHEST && y.abs() < FARTHEST;
    let corners = [(-1.0, -1.0), (last, -1.0), (-1.0, last), (last, last)];
    if corners.into_iter().all(|corner| inside(map.point(corner))) {
        Ok(map)
    } else {
        Err(UnusableLandmarks::TooFar)
    }
}

/// As [`coded_from_crop`], but where in the upright picture.
pub(crate) fn upright_from_crop(
    landmarks: &Landmarks,
    upright: Size,
    seat: Seat,
) -> Result<Affine, UnusableLandmarks> {
    let (width, height) = (f64::from(upright.width), f64::from(upright.height));
    let points = landmarks.0.map(|p| (f64::from(p.x) * width, f64::from(p.y) * height));
    bringing(&points, &seat.places())
}

/// The inverse of the similarity (turn, scale, shift; no reflection) that brings `points` nearest to these places in the
/// sense of least squares. Umeyama 1991, "Least-squares estimation of transformation parameters between
/// two point patterns"; in the plane its solution is one quotient of complex numbers.
fn bringing(points: &[(f64, f64); 5], places: &[(f64, f64); 5]) -> Result<Affine, UnusableLandmarks> {
    if points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return Err(UnusableLandmarks::NotFinite);
    }
    let (from, to) = (centroid(points), centroid(places));
    // With s and d the points and their places about their centroids: sums of |s|^2, |d|^2 and conj(s) * d.
    let (mut ss, mut dd, mut re, mut im) = (0.0, 0.0, 0.0, 0.0);
    for (s, d) in points.iter().zip(places) {
        let (sx, sy) = (s.0 - from.0, s.1 - from.1);
        let (dx, dy) = (d.0 - to.0, d.1 - to.1);
        ss += sx * sx + sy * sy;
        dd += dx * dx + dy * dy;
        re += sx * dx + sy * dy;
        im += sx * dy - sy * dx;
    }
    let product = re.hypot(im);
    if ss.sqrt() < LEAST_SPAN || product < LEAST_CORRELATION * (ss * dd).sqrt() {
        return Err(UnusableLandmarks::NoExtent);
    }
    // The similarity is d = a * s with a = (re + i im) / ss; its inverse is s = d / a = d * conj(a) / |a|^2.
    let (cos, sin) = (re / product * (ss / product), -im / product * (ss / product));
    let map = Affine { origin: (0.0, 0.0), across: (cos, sin), down: (-sin, cos) };
    let moved = map.point(to);
    Ok(Affine { origin: (from.0 - moved.0, from.1 - moved.1), ..map })
}

fn centroid(points: &[(f64, f64); 5]) -> (f64, f64) {
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
    (x / 5.0, y / 5.0)
}

/// From pixels of the upright picture to pixels of the coded one, whole numbers at pixel centres on both sides.
fn coded_from_upright(orientation: Orientation, coded: Size) -> Affine {
    let upright = orientation.upright_size(coded);
    let corner = |x: f32, y: f32| {
        let p = orientation.to_coded(RelPoint { x, y });
        (f64::from(p.x) * f64::from(coded.width), f64::from(p.y) * f64::from(coded.height))
    };
    // The corners of the unit square, whose images are exact, fix the map; its steps are one pixel along an axis.
    let (origin, right, bottom) = (corner(0.0, 0.0), corner(1.0, 0.0), corner(0.0, 1.0));
    let (width, height) = (f64::from(upright.width.max(1)), f64::from(upright.height.max(1)));
    let edges = Affine {
        origin,
        across: ((right.0 - origin.0) / width, (right.1 - origin.1) / width),
        down: ((bottom.0 - origin.0) / height, (bottom.1 - origin.1) / height),
    };
    let (x, y) = edges.point((0.5, 0.5));
    Affine { origin: (x - 0.5, y - 0.5), ..edges }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vow_types::num::narrow;

    fn near(a: (f64, f64), b: (f64, f64), tolerance: f64) -> bool {
        (a.0 - b.0).hypot(a.1 - b.1) < tolerance
    }

    proptest! {
        #[test]
        fn a_similarity_is_found_again(
            turn in 0.0f64..std::f64::consts::TAU, scale in 0.01f64..50.0, x in -3e3f64..3e3, y in -3e3f64..3e3,
        ) {
            let (sin, cos) = turn.sin_cos();
            let (re, im) = (scale * cos, scale * sin);
            let map = Affine { origin: (x, y), across: (re, im), down: (-im, re) };
            let found = bringing(&TEMPLATE.map(|p| map.point(p)), &TEMPLATE).unwrap();
            for p in [(0.0, 0.0), (112.0, 0.0), (0.0, 112.0), (56.0, 56.0)] {
                prop_assert!(near(found.point(p), map.point(p), 1e-6 * (1.0 + scale)));
            }
            prop_assert!((found.scale() - scale).abs() < 1e-9 * (1.0 + scale));
        }

        /// No turn, scale or shift nearby brings the points nearer to the template: it is the least-squares one.
        #[test]
        fn nothing_nearby_is_better(
            points in prop::array::uniform5((-50.0f64..50.0, -50.0f64..50.0)),
            step in prop::array::uniform4(-1e-3f64..1e-3),
        ) {
            let Ok(found) = bringing(&points, &TEMPLATE) else { return Ok(()) };
            let (re, im) = (found.across.0, found.across.1);
            let forward = Affine { origin: (0.0, 0.0), across: (re, -im), down: (im, re) };
            let norm = re * re + im * im;
            let distance = |change: [f64; 4]| -> f64 {
                points.iter().zip(TEMPLATE).map(|(p, t)| {
                    let p = (p.0 - found.origin.0, p.1 - found.origin.1);
                    let (x, y) = forward.point((p.0 / norm, p.1 / norm));
                    let (dx, dy) = (x * (1.0 + change[0]) - y * change[1] + change[2] - t.0,
                        y * (1.0 + change[0]) + x * change[1] + change[3] - t.1);
                    dx * dx + dy * dy
                }).sum()
            };
            prop_assert!(distance([0.0; 4]) <= distance(step) * (1.0 + 1e-9));
        }

        #[test]
        fn orientations_keep_pixel_centres(
            width in 1u32..5000, height in 1u32..5000, at in (0.0f32..1.0, 0.0f32..1.0),
        ) {
            let coded = Size { width, height };
            for orientation in Orientation::ALL {
                let upright = orientation.upright_size(coded);
                let (x, y) = (at.0 * narrow(f64::from(upright.width)), at.1 * narrow(f64::from(upright.height)));
                let got = coded_from_upright(orientation, coded).point((f64::from(x) - 0.5, f64::from(y) - 0.5));
                let expected = orientation.to_coded(vow_types::PxPoint { x, y }.to_rel(upright)).to_px(coded);
                let expected = (f64::from(expected.x) - 0.5, f64::from(expected.y) - 0.5);
                prop_assert!(near(got, expected, 2e-3), "{:?}: {:?} {:?}", orientation, got, expected);
            }
        }
    }

    /// The matrix that OpenCV and scikit-image are given by the usual pipelines, inverted.
    #[test]
    fn the_same_matrix_as_umeyama_by_svd() {
        let points = [(110.5, 90.25), (152.0, 84.0), (134.0, 112.5), (118.25, 136.0), (154.5, 131.0)];
        let [[a, b, x], [c, d, y]] =
            [[0.843_939, -0.100_266, -45.830_686], [0.100_266, 0.843_939, -34.986_022]];
        let found = bringing(&points, &TEMPLATE).unwrap();
        for p in points {
            let there = (a * p.0 + b * p.1 + x, c * p.0 + d * p.1 + y);
            assert!(near(found.point(there), p, 1e-3), "{p:?}");
        }
    }
}
