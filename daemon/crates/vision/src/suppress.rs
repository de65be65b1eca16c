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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{some_find, spoil};
    use proptest::prelude::*;

    fn iou(a: &Found, b: &Found) -> f32 {
        let unit = Size { width: 1, height: 1 };
        a.bbox.to_rel(unit).iou(b.bbox.to_rel(unit))
    }

    proptest! {
        #[test]
        fn survivors_stand_apart_and_the_dropped_lose_to_a_survivor(
            finds in prop::collection::vec(some_find(), 0..40), limit in 0.0f32..1.0,
        ) {
            let kept = suppress(finds.clone(), limit);
            prop_assert!(kept.is_sorted_by(|a, b| a.score >= b.score));
            for (at, find) in kept.iter().enumerate() {
                prop_assert!(finds.contains(find));
                prop_assert!(kept[..at].iter().all(|other| iou(find, other) <= limit));
            }
            for find in &finds {
                let beaten = |by: &Found| iou(find, by) > limit && by.score >= find.score;
                prop_assert!(kept.contains(find) || kept.iter().any(beaten));
            }
        }

        #[test]
        fn the_order_does_not_matter(
            mut finds in prop::collection::vec(some_find(), 1..30), turn: prop::sample::Index, tie: bool,
        ) {
            if tie {
                finds.iter_mut().for_each(|find| find.score = 0.75);
            }
            let expected = suppress(finds.clone(), 0.4);
            let at = turn.index(finds.len());
            finds.rotate_left(at);
            prop_assert_eq!(&suppress(finds.clone(), 0.4), &expected);
            finds.reverse();
            prop_assert_eq!(&suppress(finds, 0.4), &expected);
            prop_assert_eq!(&suppress(expected.clone(), 0.4), &expected);
        }

        #[test]
        fn broken_finds_are_dropped(find in some_find(), which: u8) {
            prop_assert_eq!(suppress(vec![spoil(find, f32::NAN, which), find], 0.4), vec![find]);
        }
    }
}
