//! Pictures and finds for tests. Pictures are computed, so that other programs can compute the same.

use proptest::prelude::*;
use vow_types::num::{floor_u32, index, to_f32};
use vow_types::{Orientation, PxBox, PxPoint, RelPoint, Size};

use crate::Found;

/// Three slanted and curved waves, integers all the way. In NumPy, with `y, x = mgrid[0:h, 0:w]` and
/// `tri = lambda t: abs(255 - t % 510)`: `tri(3 * x + 2 * y)`, `tri(5 * x + 400 - y + 2 * h)` and
/// `tri(x * x // 64 + 4 * y)`.
pub(crate) fn picture(size: Size) -> Vec<u8> {
    let wave = |t: u32| u8::try_from((t % 510).abs_diff(255)).unwrap();
    let rows = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
    rows.flat_map(|(x, y)| {
        [wave(3 * x + 2 * y), wave(5 * x + 400 + 2 * size.height - y), wave(x * x / 64 + 4 * y)]
    })
    .collect()
}

/// Bytes without a pattern (xorshift).
pub(crate) fn noise(size: Size, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..size.pixels() * 3).map(|_| next()).collect()
}

/// The picture as a camera codes it that writes this orientation: pixel by pixel, by the definition of the tag.
pub(crate) fn coded_as(orientation: Orientation, upright: Size, pixels: &[u8]) -> (Size, Vec<u8>) {
    let coded = orientation.inverse().upright_size(upright);
    let at = |position: f32, side: u32| floor_u32(position * to_f32(side)).min(side - 1);
    let centres = (0..coded.height).flat_map(|y| (0..coded.width).map(move |x| (x, y)));
    let turned = centres.flat_map(|(x, y)| {
        let centre = RelPoint {
            x: (to_f32(x) + 0.5) / to_f32(coded.width),
            y: (to_f32(y) + 0.5) / to_f32(coded.height),
        };
        let p = orientation.to_upright(centre);
        let from = index(at(p.y, upright.height) * upright.width + at(p.x, upright.width)) * 3;
        pixels[from..from + 3].to_vec()
    });
    (coded, turned.collect())
}

/// A find in a frame of about 100 x 100 pixels, surer than 0.55.
pub(crate) fn some_find() -> impl Strategy<Value = Found> {
    let point = || (-10.0f32..110.0, -10.0f32..110.0).prop_map(|(x, y)| PxPoint { x, y });
    let bbox = (point(), 1.0f32..80.0, 1.0f32..80.0).prop_map(|(p, width, height)| PxBox {
        left: p.x,
        top: p.y,
        right: p.x + width,
        bottom: p.y + height,
    });
    let landmarks = [point(), point(), point(), point(), point()];
    (bbox, landmarks, 0.55f32..1.0).prop_map(|(bbox, landmarks, score)| Found { bbox, landmarks, score })
}

/// Six of them.
pub(crate) fn some_finds() -> impl Strategy<Value = Vec<Found>> {
    prop::collection::vec(some_find(), 6)
}

/// The find with one of its numbers replaced.
pub(crate) fn spoil(mut find: Found, bad: f32, which: u8) -> Found {
    let PxBox { left, top, right, bottom } = &mut find.bbox;
    let mut numbers = vec![&mut find.score, left, top, right, bottom];
    numbers.extend(find.landmarks.iter_mut().flat_map(|p| [&mut p.x, &mut p.y]));
    let at = usize::from(which) % numbers.len();
    *numbers[at] = bad;
    find
}

/// Equal up to the rounding of a decode.
pub(crate) fn same_find(a: &Found, b: &Found) -> bool {
    let numbers = |f: &Found| {
        let points = f.landmarks.iter().flat_map(|p| [p.x, p.y]).collect::<Vec<_>>();
        [&[f.score * 100.0, f.bbox.left, f.bbox.top, f.bbox.right, f.bbox.bottom], &points[..]].concat()
    };
    numbers(a).iter().zip(numbers(b)).all(|(a, b)| (a - b).abs() < 1e-3)
}
