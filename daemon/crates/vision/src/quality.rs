//! How much a face is worth as evidence of who it is: one number from 0 to 1 that is the product of five, each with a
//! meaning of its own, and of how clear it is to the embedder.
//!
//! What is done with it (who may found a person, which face is a cover) is decided by others. So is the length from which
//! on an embedder's output is full, which is another one for every network.
//!
//! Calibrated on 4,688 pictures of 170 people: portraits as they are, small, blurred, moved, darkened, half covered, or cut off
//! by an edge, found by YuNet and embedded by MobileFaceNet, three of four of whose good faces are longer than 13.6. Mean cosine
//! to the other portraits of the same person, and the share of strangers with a cosine above 0.28, by quality:
//!
//! | quality | 0 to 0.1 | to 0.2 | to 0.3 | to 0.4 | to 0.5 | to 0.6 | to 0.7 | to 0.8 | to 0.9 |
//! |---|---|---|---|---|---|---|---|---|---|
//! | cosine | 0.24 | 0.30 | 0.37 | 0.45 | 0.49 | 0.56 | 0.60 | 0.64 | 0.65 |
//! | strangers | 0.158 | 0.086 | 0.062 | 0.038 | 0.030 | 0.021 | 0.015 | 0.014 | 0.014 |
//!
//! Spearman's rank correlation of quality and cosine is 0.62; of clearness alone 0.57, of all but clearness 0.50, of the
//! detector's score alone 0.30. By length alone, strangers alike are 0.48 at 8 to 9, 0.22 at 9 to 10, 0.08 at 10 to 11 and 0.01
//! from 14 on. It is the same for the starter's embedder (version 5), which was never trained to tell by its length: 0.62
//! below 0.75 of the same, 0.27 to 0.83, 0.03 to 0.93, 0.01 from there on.
//!
//! What is cut off was calibrated on 2,620 portraits of 170 people, of which an edge takes up to half of the face. Mean cosine
//! to the whole portraits of the same person, the share of strangers with a cosine above 0.28 among faces cut as much, and the
//! share of the cosine that is left, beside that of a face as good as the squared visible part says:
//!
//! | visible | 1 | 0.97 to 1 | 0.9 to 0.97 | 0.8 to 0.9 | 0.7 to 0.8 | 0.6 to 0.7 | 0.5 to 0.6 |
//! |---|---|---|---|---|---|---|---|
//! | cosine | 0.66 | 0.64 | 0.61 | 0.55 | 0.44 | 0.36 | 0.31 |
//! | strangers | 0.011 | 0.015 | 0.014 | 0.034 | 0.070 | 0.077 | 0.154 |
//! | cosine, relative | 1 | 0.97 | 0.92 | 0.83 | 0.66 | 0.54 | 0.47 |
//! | by the table | 1 | 0.97 | 0.94 | 0.83 | 0.71 | 0.55 | 0.46 |

use vow_types::num::usize_to_f32;
use vow_types::{Detection, Orientation, Shift, Size};

use crate::align::{Affine, Seat, coded_from_crop};

/// Shorter side of a face's box, in pixels of the picture, from which more pixels do not help.
const ENOUGH_PX: f32 = 32.0;

/// Root mean square of the Laplacian of the brightness (0 to 255) from which more sharpness does not help.
const ENOUGH_SHARPNESS: f32 = 4.0;

/// Turned this far to a side, as [`pose`] measures it, a face is worth nothing.
const MOST_YAW: f32 = 0.8;

/// Where the nose is between eyes (0) and mouth (1) in the median upright face.
const LEVEL_NOSE: f32 = 0.55;

/// Nodding this far away from [`LEVEL_NOSE`], a face is worth nothing.
const MOST_PITCH: f32 = 0.6;

/// What makes a face good evidence, each `0.0..=1.0` and 1 at best. A number that is not finite counts as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// The detector's score.
    pub score: f32,
    /// The shorter side of the box in pixels of the picture that was cropped, full from 32.
    pub size: f32,
    /// Root mean square Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy") of the face's
    /// part of the crop, full from 4 of 255; low for blur, for few pixels and for darkness. What lies outside of the picture
    /// is left out: the edge of it is no sharpness.
    pub sharpness: f32,
    /// How much of the face's part of the crop the picture shows, squared; 1 for a face that no edge cuts off.
    pub visible: f32,
    /// 1 from the front, 0 where the nose covers an eye or leaves the face.
    pub pose: f32,
}

impl Quality {
    /// Of a face that is cut out and not embedded yet.
    ///
    /// `picture` is the size of the upright picture that `detection` is relative to. `crop` is what [`crate::crop`] returns
    /// for its landmarks and this shift, RGB8 and square; the sharpness is calibrated for a side of 112, and 0 for what is not square.
    #[must_use]
    pub fn of(detection: &Detection, picture: Size, crop: &[u8], shift: Shift) -> Self {
        let shown = Shown::of(detection, picture, crop, shift);
        Self {
            score: unit(detection.score),
            size: unit(detection.bbox.shorter_px(picture) / ENOUGH_PX),
            sharpness: unit(shown.as_ref().map_or(0.0, Shown::sharpness) / ENOUGH_SHARPNESS),
            visible: unit(shown.as_ref().map_or(0.0, Shown::visible).powi(2)),
            pose: unit(pose(detection)),
        }
    }

    /// All of it in one number, `0.0..=1.0`: the product.
    #[must_use]
    pub fn total(self) -> f32 {
        self.score * self.size * self.sharpness * self.visible * self.pose
    }
}

/// How clear a face is to the embedder, `0.0..=1.0`: what its quality is multiplied with. `norm` is the length of the embedder's
/// output and `full` a length that most good
/// faces have; 0 or less when the length says nothing, which makes everything clear.
///
/// Networks give long vectors to what they recognise (Meng et al. 2021, "MagFace", arXiv:2103.06627), whether they were trained
/// to or not. What has less than half of the full length is worth nothing.
#[must_use]
pub fn clearness(norm: f32, full: f32) -> f32 {
    if full > 0.0 { unit(2.0 * norm / full - 1.0) } else { 1.0 }
}

fn unit(value: f32) -> f32 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
}

/// From 1 for a face seen from the front down to 0 and below.
///
/// The nose tip is expressed in steps from eye to eye and from the eyes down to the mouth. Such coordinates stay the
/// same under every affine map, so that relative landmarks need no aspect ratio, and tilting the head changes nothing.
fn pose(detection: &Detection) -> f32 {
    let [left, right, nose, mouth_left, mouth_right] = detection.landmarks.0.map(|p| (p.x, p.y));
    let middle = |a: (f32, f32), b: (f32, f32)| ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
    let minus = |a: (f32, f32), b: (f32, f32)| (a.0 - b.0, a.1 - b.1);
    let cross = |a: (f32, f32), b: (f32, f32)| a.0 * b.1 - a.1 * b.0;
    let eyes = middle(left, right);
    let across = minus(right, left);
    let down = minus(middle(mouth_left, mouth_right), eyes);
    let nose = minus(nose, eyes);
    let area = cross(across, down);
    let (yaw, pitch) = (cross(nose, down) / area, cross(across, nose) / area);
    let off = |value: f32, most: f32| (1.0 - (value / most).powi(2)).max(0.0);
    // A mirrored or upside-down arrangement has a negative area: no face seen in a picture that stands upright.
    if area > 0.0 { off(yaw, MOST_YAW) * off(pitch - LEVEL_NOSE, MOST_PITCH) } else { 0.0 }
}

/// The face's part of a crop with one more pixel on every side, by rows: how bright it is, where the picture shows it.
struct Shown(Vec<Vec<Option<f32>>>);

impl Shown {
    /// `None` for what is not a square crop, and for landmarks that no crop comes of.
    fn of(detection: &Detection, picture: Size, crop: &[u8], shift: Shift) -> Option<Self> {
        let pixels = crop.as_chunks::<3>().0;
        let side = pixels.len().isqrt();
        if side < 14 || side * side * 3 != crop.len() {
            return None;
        }
        let seat = Seat { side: u32::try_from(side).ok()?, shift };
        let map = coded_from_crop(&detection.landmarks, Orientation::Upright, picture, seat).ok()?;
        // The face's part of the template: columns 24 to 88 and rows 24 to 100 of 112.
        let (first, last_column, last_row) = (side * 3 / 14 - 1, side * 11 / 14, side * 25 / 28);
        let rows = pixels.chunks_exact(side).enumerate().take(last_row + 1).skip(first);
        let bright = |[r, g, b]: [u8; 3]| (f32::from(r) + 2.0 * f32::from(g) + f32::from(b)) / 4.0;
        let rows = rows.map(|(y, row)| {
            let part = row.iter().enumerate().take(last_column + 1).skip(first);
            part.map(|(x, pixel)| is_inside(map, picture, (x, y)).then(|| bright(*pixel))).collect()
        });
        Some(Self(rows.collect()))
    }

    /// The share that the picture shows.
    fn visible(&self) -> f32 {
        let all = self.0.iter().flatten();
        usize_to_f32(all.clone().flatten().count()) / usize_to_f32(all.count().max(1))
    }

    /// Root mean square of the Laplacian of the brightness over eyes, nose and mouth, as far as the picture shows them.
    fn sharpness(&self) -> f32 {
        let (mut sum, mut count) = (0.0, 0);
        for band in self.0.windows(3) {
            let [above, row, below] = band else { continue };
            let sides = row.windows(3).zip(above.windows(3).zip(below.windows(3)));
            for (row, (above, below)) in sides {
                if let ([Some(left), Some(here), Some(right)], [_, Some(above), _], [_, Some(below), _]) =
                    (row, above, below)
                {
                    sum += (4.0 * here - left - right - above - below).powi(2);
                    count += 1;
                }
            }
        }
        (sum / usize_to_f32(count.max(1))).sqrt()
    }
}

/// Whether all that a pixel of the crop was sampled from lies inside of the picture.
fn is_inside(map: Affine, picture: Size, (column, row): (usize, usize)) -> bool {
    let (x, y) = map.point((usize_to_f32(column).into(), usize_to_f32(row).into()));
    let last = |side: u32| f64::from(side.saturating_sub(1));
    (0.0..=last(picture.width)).contains(&x) && (0.0..=last(picture.height)).contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PictureView;
    use crate::align::TEMPLATE;
    use crate::testing::{noise, picture};
    use proptest::prelude::*;
    use vow_types::num::{narrow, to_u8};
    use vow_types::{Landmarks, RelBox, RelPoint};

    const CROP: Size = Size { width: 112, height: 112 };

    /// Of the picture that [`face`] is in.
    const PICTURE: Size = Size { width: 400, height: 300 };

    /// Of a face of so many pixels.
    fn quality(detection: &Detection, face_px: u32, crop: &[u8]) -> f32 {
        let picture = Size { width: 4 * face_px, height: 3 * face_px };
        Quality::of(detection, picture, crop, Shift::default()).total()
    }

    fn face(nose: (f32, f32)) -> Detection {
        face_at((0.0, 0.0), nose)
    }

    /// The template, so many pixels away from the corner of [`PICTURE`]; the nose elsewhere in its own face.
    fn face_at(corner: (f32, f32), nose: (f32, f32)) -> Detection {
        let relative = |x: f32, y: f32| RelPoint { x: (x + corner.0) / 400.0, y: (y + corner.1) / 300.0 };
        let mut landmarks = TEMPLATE.map(|(x, y)| relative(narrow(x), narrow(y)));
        landmarks[2].x += nose.0 / 400.0;
        landmarks[2].y += nose.1 / 300.0;
        let bbox = RelBox { left: 0.05, top: 0.05, right: 0.3, bottom: 0.4 };
        Detection { bbox, landmarks: Landmarks(landmarks), score: 0.9 }
    }

    /// Mean over 5 x 5 pixels, by rows of the flat picture; good enough to be less sharp.
    fn blurred(pixels: &[u8]) -> Vec<u8> {
        let at = |i: usize| f32::from(pixels.get(i).copied().unwrap_or(0));
        (0..pixels.len()).map(|i| to_u8((0..5).map(|k| at(i + 3 * k)).sum::<f32>() / 5.0)).collect()
    }

    #[test]
    fn a_good_face_is_worth_its_score() {
        assert!((quality(&face((0.0, 2.0)), 200, &noise(CROP, 7)) - 0.9).abs() < 0.01);
    }

    #[test]
    fn fewer_pixels_blur_darkness_and_turning_away_are_worth_less() {
        let sharp = picture(CROP);
        let dark: Vec<u8> = sharp.iter().map(|v| v / 16).collect();
        let best = quality(&face((0.0, 0.0)), 100, &sharp);
        let worse = [
            quality(&face((0.0, 0.0)), 20, &sharp),
            quality(&face((0.0, 0.0)), 100, &blurred(&blurred(&sharp))),
            quality(&face((0.0, 0.0)), 100, &dark),
            quality(&face((12.0, 0.0)), 100, &sharp),
            quality(&face((-12.0, 0.0)), 100, &sharp),
            quality(&face((0.0, 12.0)), 100, &sharp),
        ];
        for (which, worse) in worse.into_iter().enumerate() {
            assert!(worse < best * 0.95, "{which}: {worse} is not less than {best}");
        }
    }

    #[test]
    fn a_face_cut_off_is_worth_less_and_the_edge_of_the_picture_is_no_sharpness() {
        let picture = picture(PICTURE);
        let view = PictureView::new(PICTURE, &picture).unwrap();
        let of = |corner| {
            let detection = face_at(corner, (0.0, 0.0));
            let crop = crate::crop(view, Orientation::Upright, &detection.landmarks, 112).unwrap();
            Quality::of(&detection, PICTURE, &crop, Shift::default())
        };
        assert!(of((100.0, 100.0)).visible >= 1.0);
        for (corner, least, most) in [
            ((-56.0, 100.0), 0.45, 0.55),
            ((400.0 - 56.0, 100.0), 0.45, 0.55),
            ((100.0, -62.0), 0.45, 0.55),
            ((100.0, 300.0 - 62.0), 0.45, 0.55),
            ((-200.0, 100.0), 0.0, 0.0),
        ] {
            let visible = of(corner).visible.sqrt();
            assert!((least..=most).contains(&visible), "{corner:?}: {visible}");
        }
        let flat = vec![200; picture.len()];
        let view = PictureView::new(PICTURE, &flat).unwrap();
        let detection = face_at((-56.0, 100.0), (0.0, 0.0));
        let crop = crate::crop(view, Orientation::Upright, &detection.landmarks, 112).unwrap();
        assert!(Quality::of(&detection, PICTURE, &crop, Shift::default()).sharpness <= 0.0);
    }

    #[test]
    fn a_short_vector_is_worth_less_where_a_full_one_is_known() {
        let clear = |norm, full, expected: f32| assert!((clearness(norm, full) - expected).abs() < 1e-6);
        clear(4.0, 0.0, 1.0);
        clear(8.0, 16.0, 0.0);
        clear(4.0, 16.0, 0.0);
        clear(12.0, 16.0, 0.5);
        clear(16.0, 16.0, 1.0);
        clear(20.0, 16.0, 1.0);
        clear(f32::NAN, 16.0, 0.0);
        clear(4.0, f32::NAN, 1.0);
    }

    #[test]
    fn the_pose_does_not_depend_on_aspect_or_tilt() {
        let turned = face((8.0, 3.0));
        let expected = pose(&turned);
        assert!((0.3..0.95).contains(&expected));
        let tilted = turned.mapped(|p| RelPoint { x: 0.8 * p.x - 0.3 * p.y, y: 0.5 * p.y + 0.2 * p.x });
        assert!((pose(&tilted) - expected).abs() < 1e-4);
        assert!(pose(&turned.mapped(|p| RelPoint { x: -p.x, y: p.y })) <= 0.0);
    }

    #[test]
    fn what_is_not_a_crop_is_worth_nothing() {
        for length in [0, 1, 3, 3 * 4, 112 * 112 * 3 - 1, 112 * 112 * 3 + 3] {
            assert!(quality(&face((0.0, 0.0)), 100, &vec![77; length]) <= 0.0);
        }
    }

    proptest! {
        #[test]
        fn always_from_0_to_1(
            numbers in prop::array::uniform10(any::<f32>()), score: f32, side in 0u32..40, seed: u64, norm: f32,
            full: f32, picture in prop::array::uniform2(0u32..5000),
        ) {
            let [x0, y0, x1, y1, x2, y2, x3, y3, x4, y4] = numbers;
            let points = [(x0, y0), (x1, y1), (x2, y2), (x3, y3), (x4, y4)];
            let landmarks = Landmarks(points.map(|(x, y)| RelPoint { x, y }));
            let detection = Detection { landmarks, score, ..face((0.0, 0.0)) };
            let crop = noise(Size { width: side, height: side }, seed);
            let picture = Size { width: picture[0], height: picture[1] };
            let quality = Quality::of(&detection, picture, &crop, Shift::default());
            let all = quality.total() * clearness(norm, full);
            prop_assert!((0.0..=1.0).contains(&all), "{:?}", quality);
        }
    }
}
