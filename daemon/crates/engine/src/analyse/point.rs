//! A face that a human pointed out with a box: a closer look at that place, and, where the detector sees nothing there
//! either, five points where a face of that box usually has them.

use vow_media::View;
use vow_types::num::{floor_u32, index, to_f32};
use vow_types::{Detection, Landmarks, Orientation, RelBox, RelPoint, Size};
use vow_vision::PictureView;

use super::AnalyseError;
use super::look::Eyes;

/// A find that overlaps a box by so much (intersection over union) is what was pointed out.
const MEANT: f32 = super::SAME_PLACE;
/// How far around the box the closer look reaches, as a share of its sides: detectors want to see a whole head.
const AROUND: f32 = 0.75;
/// Where the five points of a face lie in a detector's box: means over the finds of SCRFD and YuNet on portraits.
const USUAL: [(f32, f32); 5] = [(0.31, 0.41), (0.69, 0.41), (0.50, 0.61), (0.35, 0.79), (0.65, 0.79)];

/// Whether two boxes are of one face.
pub(super) fn is_meant(one: RelBox, other: RelBox) -> bool {
    one.iou(other) >= MEANT
}

/// What is at the place that was pointed out. Both are relative to the coded picture, which `orientation` turns upright. A
/// find has the detector's score, what was only pointed out has 0.
pub(super) fn point_out(
    whole: View<'_>,
    area: RelBox,
    orientation: Orientation,
    eyes: &Eyes<'_>,
) -> Result<Detection, AnalyseError> {
    let found = match cut(whole, area) {
        Some((size, pixels, shown)) => {
            let picture = PictureView::new(size, &pixels).map_err(AnalyseError::Frame)?;
            let seen = eyes.see([picture, picture], orientation)?.found;
            let in_whole = |p: RelPoint| {
                let part = orientation.to_coded(p);
                RelPoint { x: shown.left + part.x * shown.width(), y: shown.top + part.y * shown.height() }
            };
            seen.into_iter().map(|face| face.mapped(in_whole)).collect()
        }
        None => Vec::new(),
    };
    let meant = found.into_iter().filter(|face| is_meant(face.bbox, area));
    let best = meant.max_by(|a, b| a.bbox.iou(area).total_cmp(&b.bbox.iou(area)));
    Ok(best.unwrap_or_else(|| usual(area, orientation)))
}

/// A face as it usually lies in a box.
fn usual(area: RelBox, orientation: Orientation) -> Detection {
    let upright = area.mapped(|p| orientation.to_upright(p));
    let point = |(x, y): (f32, f32)| {
        let (x, y) = (upright.left + x * upright.width(), upright.top + y * upright.height());
        orientation.to_coded(RelPoint { x, y })
    };
    Detection { bbox: area, landmarks: Landmarks(USUAL.map(point)), score: 0.0 }
}

/// The pixels around a box as a picture of their own, and what they show of the coded picture.
fn cut(whole: View<'_>, area: RelBox) -> Option<(Size, Vec<u8>, RelBox)> {
    let (across, down) = (area.width() * AROUND, area.height() * AROUND);
    let wide = RelBox {
        left: (area.left - across).max(0.0),
        top: (area.top - down).max(0.0),
        right: (area.right + across).min(1.0),
        bottom: (area.bottom + down).min(1.0),
    };
    let px = wide.to_px(whole.size);
    let (left, top) = (floor_u32(px.left), floor_u32(px.top));
    let width = floor_u32(px.right).min(whole.size.width).checked_sub(left).filter(|width| *width > 0)?;
    let height = floor_u32(px.bottom).min(whole.size.height).checked_sub(top).filter(|height| *height > 0)?;
    let mut pixels = Vec::with_capacity(index(width) * index(height) * 3);
    for row in top..top + height {
        let from = (index(row) * index(whole.size.width) + index(left)) * 3;
        pixels.extend_from_slice(whole.pixels.get(from..from + index(width) * 3)?);
    }
    let share = |pixels: u32, of: u32| to_f32(pixels) / to_f32(of.max(1));
    let shown = RelBox {
        left: share(left, whole.size.width),
        top: share(top, whole.size.height),
        right: share(left + width, whole.size.width),
        bottom: share(top + height, whole.size.height),
    };
    Some((Size { width, height }, pixels, shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_face_stands_upright_in_its_box_however_the_picture_is_coded() {
        let area = RelBox { left: 0.2, top: 0.4, right: 0.4, bottom: 0.8 };
        for orientation in (1..=8).filter_map(Orientation::from_exif) {
            let face = usual(area, orientation);
            let upright = face.mapped(|p| orientation.to_upright(p));
            let [left_eye, right_eye, nose, left_mouth, _] = upright.landmarks.0;
            assert!(left_eye.x < nose.x && nose.x < right_eye.x, "{orientation:?}");
            assert!(left_eye.y < nose.y && nose.y < left_mouth.y, "{orientation:?}");
            assert!(upright.bbox.left < left_eye.x && right_eye.x < upright.bbox.right);
        }
    }

    #[test]
    fn what_is_cut_out_lies_around_the_box() {
        let size = Size { width: 100, height: 50 };
        let pixels: Vec<u8> = (0..50u8).flat_map(|y| (0..100u8).flat_map(move |x| [x, y, 0])).collect();
        let whole =
            View { size, pixels: &pixels, shown: RelBox { left: 0.0, top: 0.0, right: 1.0, bottom: 1.0 } };
        let area = RelBox { left: 0.5, top: 0.5, right: 0.75, bottom: 0.75 };
        let (cut_size, cut_pixels, shown) = cut(whole, area).unwrap();
        assert_eq!((cut_size, cut_pixels[..2].to_vec()), (Size { width: 62, height: 31 }, vec![31, 15]));
        assert!((shown.left - 0.31).abs() < 1e-6 && (shown.bottom - 0.92).abs() < 1e-6);
        assert!(cut(whole, RelBox { left: 1.5, top: 0.0, right: 1.6, bottom: 0.1 }).is_none());
    }
}
