//! Non-maximum suppression: of several finds of one face, the surest stays.

use std::cmp::Ordering;

use vow_types::{RelBox, Size};

use crate::Found;

/// Keeps, from the surest to the least sure, every find whose box overlaps no kept one by more than `iou`
/// (intersection over union, `0.0..=1.0`). The answer does not depend on the order of `found`, not even where scores
/// are equal. Finds with a number that is not finite or a box without area are dropped.
#[must_use]
pub fn suppress(mut found: Vec<Found>, iou: f32) -> Vec<Found> {
    found.retain(Found::is_sound);
    found.sort_by(surest_first);
    let mut kept: Vec<(Found, RelBox)> = Vec::new();
    for find in found {
        // The ratio of two areas is the same in every unit, so pixels may stand in for relative numbers.
        let bbox = find.bbox.to_rel(Size { width: 1, height: 1 });
        if kept.iter().all(|(_, other)| bbox.iou(*other) <= iou) {
            kept.push((find, bbox));
        }
    }
    kept.into_iter().map(|(find, _)| find).collect()
}

/// By score, then by place: a total order over sound finds, equal only for finds that are the same.
fn surest_first(a: &Found, b: &Found) -> Ordering {
    let place = |f: &Found| {
        let points = f.landmarks.iter().flat_map(|p| [p.x, p.y]);
        [f.bbox.left, f.bbox.top, f.bbox.right, f.bbox.bottom].into_iter().chain(points).collect::<Vec<_>>()
    };
    b.score.total_cmp(&a.score).then_with(|| {
        let (a, b) = (place(a), place(b));
        a.iter().zip(&b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    })
}
