//! Tests of `crop` against numbers that other programs computed, and across orientations.

use proptest::prelude::*;
use vow_types::num::narrow;
use vow_types::{Landmarks, Orientation, RelPoint, Shift, Size};

use crate::testing::{coded_as, noise, picture};
use crate::{PictureView, Seat, UnusableLandmarks, VisionError, crop, mirrored};

/// A face in a synthetic picture, and what comes of it elsewhere.
struct Case {
    size: (u32, u32),
    landmarks: [(f32, f32); 5],
    /// Colour at [`SPOTS`], computed with NumPy in `f64`: Umeyama by SVD, then bilinear samples, averaged over a grid
    /// of 4 x 4 for the last case. OpenCV 5.0.0, `warpAffine(picture, matrix, (112, 112))`, gives the same rounded to
    /// bytes for the first three (mean absolute difference 0.25 and less: the rounding).
    colours: [[f64; 3]; 8],
    /// Mean of each channel over the crop.
    means: [f64; 3],
}

/// Column and row of crop pixels.
const SPOTS: [(usize, usize); 8] =
    [(0, 0), (56, 56), (10, 100), (100, 10), (38, 52), (111, 111), (70, 92), (30, 75)];

const CASES: [Case; 4] = [
    // Tilted, wholly inside, 1.18 picture pixels a crop pixel.
    Case {
        size: (300, 260),
        landmarks: [(110.5, 90.25), (152.0, 84.0), (134.0, 112.5), (118.25, 136.0), (154.5, 131.0)],
        colours: [
            [10.75, 97.48, 64.12],
            [185.81, 210.89, 125.85],
            [213.14, 85.11, 55.2],
            [170.45, 14.13, 148.54],
            [254.92, 105.13, 215.93],
            [143.14, 3.75, 33.21],
            [41.51, 232.46, 129.05],
            [217.42, 46.37, 124.58],
        ],
        means: [140.109, 110.242, 127.157],
    },
    // Turned by 35 degrees, over the edge, 0.91 picture pixels a crop pixel.
    Case {
        size: (200, 180),
        landmarks: [(12.0, 40.0), (40.5, 22.5), (36.0, 47.0), (37.0, 66.5), (60.0, 52.0)],
        colours: [
            [0.0, 0.0, 0.0],
            [101.16, 104.66, 106.85],
            [20.12, 6.2, 112.34],
            [0.0, 0.0, 0.0],
            [134.35, 21.08, 91.16],
            [131.07, 68.89, 78.15],
            [25.24, 231.99, 9.41],
            [73.31, 30.88, 3.1],
        ],
        means: [53.308, 83.484, 62.841],
    },
    // A small face, 0.4 picture pixels a crop pixel.
    Case {
        size: (90, 80),
        landmarks: [(30.0, 30.0), (44.0, 30.5), (37.5, 38.0), (31.5, 46.0), (43.5, 46.25)],
        colours: [
            [190.29, 139.34, 212.97],
            [79.45, 50.47, 106.29],
            [99.08, 158.77, 52.69],
            [63.78, 54.66, 154.19],
            [103.97, 84.52, 119.7],
            [29.41, 36.82, 13.49],
            [34.28, 36.87, 42.78],
            [95.2, 109.38, 86.42],
        ],
        means: [81.237, 68.014, 104.748],
    },
    // A large face, 3.48 picture pixels a crop pixel: 4 x 4 samples.
    Case {
        size: (700, 640),
        landmarks: [(210.0, 220.0), (330.0, 228.0), (268.0, 295.0), (214.0, 360.0), (322.0, 368.0)],
        colours: [
            [69.86, 229.36, 4.12],
            [15.8, 9.01, 192.08],
            [190.6, 32.78, 73.22],
            [187.71, 76.49, 75.18],
            [203.36, 207.52, 213.45],
            [55.5, 198.69, 133.17],
            [109.21, 81.35, 204.57],
            [139.15, 27.15, 86.48],
        ],
        means: [130.221, 127.952, 127.457],
    },
];

fn relative(points: [(f32, f32); 5], (width, height): (f32, f32)) -> Landmarks {
    Landmarks(points.map(|(x, y)| RelPoint { x: x / width, y: y / height }))
}

fn case_landmarks(case: &Case) -> Landmarks {
    let (width, height) = case.size;
    relative(
        case.landmarks,
        (f32::from(u16::try_from(width).unwrap()), f32::from(u16::try_from(height).unwrap())),
    )
}

#[test]
fn the_same_as_numpy_and_opencv_in_every_orientation() {
    for case in &CASES {
        let upright = Size { width: case.size.0, height: case.size.1 };
        for orientation in Orientation::ALL {
            let (size, pixels) = coded_as(orientation, upright, &picture(upright));
            let view = PictureView::new(size, &pixels).unwrap();
            let crop = crop(view, orientation, &case_landmarks(case), 112).unwrap();
            let crop = crop.as_chunks::<3>().0;
            for ((column, row), expected) in SPOTS.into_iter().zip(case.colours) {
                let got = crop[row * 112 + column];
                for (got, expected) in got.into_iter().zip(expected) {
                    assert!(
                        (f64::from(got) - expected).abs() < 0.75,
                        "{orientation:?} {upright:?} ({column}, {row}): {got} is not {expected}"
                    );
                }
            }
            for (channel, expected) in case.means.into_iter().enumerate() {
                let sum: u32 = crop.iter().map(|pixel| u32::from(pixel[channel])).sum();
                let mean = f64::from(sum) / (112.0 * 112.0);
                assert!(
                    (mean - expected).abs() < 0.03,
                    "{orientation:?} {upright:?}: mean {mean} is not {expected}"
                );
            }
        }
    }
}

fn view_of(size: Size, pixels: &[u8]) -> PictureView<'_> {
    PictureView::new(size, pixels).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn all_orientations_give_one_crop(
        width in 1u32..90, height in 1u32..90, seed: u64, side in 1u32..60,
        points in prop::array::uniform5((-0.5f32..1.5, -0.5f32..1.5)),
    ) {
        let upright = Size { width, height };
        let pixels = noise(upright, seed);
        let landmarks = relative(points, (1.0, 1.0));
        let Ok(expected) = crop(view_of(upright, &pixels), Orientation::Upright, &landmarks, side) else {
            return Ok(()); // the points span no face
        };
        for orientation in Orientation::ALL {
            let (size, coded) = coded_as(orientation, upright, &pixels);
            let got = crop(view_of(size, &coded), orientation, &landmarks, side).unwrap();
            let worst = got.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
            prop_assert!(worst <= Some(1), "{:?}: {:?}", orientation, worst);
        }
    }

    /// At twice the side two pixels are one of the template's.
    #[test]
    fn a_shift_moves_the_face_in_the_crop_and_changes_nothing_else(
        seed: u64, (left, up) in (-6i16..=6, -6i16..=6), times in 1u32..3, exif in 1u32..9,
        points in prop::array::uniform5((-0.05f32..0.05, -0.05f32..0.05)),
    ) {
        let size = Size { width: 90, height: 80 };
        let pixels = noise(size, seed);
        let usual = [(0.3, 0.3), (0.6, 0.3), (0.45, 0.5), (0.35, 0.7), (0.55, 0.7)];
        let mut face = usual;
        face.iter_mut().zip(points).for_each(|(place, off)| *place = (place.0 + off.0, place.1 + off.1));
        let landmarks = relative(face, (1.0, 1.0));
        let cut = |shift| {
            let seat = Seat { side: 112 * times, shift };
            crop(view_of(size, &pixels), Orientation::from_exif(exif).unwrap(), &landmarks, seat).unwrap()
        };
        let (before, after) = (cut(Shift::default()), cut(Shift { left: left.into(), up: up.into() }));
        let (side, [left, up]) = (isize::try_from(112 * times).unwrap(), [left, up].map(isize::from));
        let pixel = |crop: &[u8], x: isize, y: isize| -> Option<[u8; 3]> {
            let inside = (0..side).contains(&x) && (0..side).contains(&y);
            inside.then(|| crop.as_chunks().0[usize::try_from(y * side + x).unwrap()])
        };
        let times = isize::try_from(times).unwrap();
        for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))) {
            let Some(was) = pixel(&before, x + left * times, y + up * times) else { continue };
            let is = pixel(&after, x, y).unwrap();
            prop_assert!(was.iter().zip(is).all(|(a, b)| a.abs_diff(b) <= 1), "{x} {y}: {was:?} {is:?}");
        }
    }

    #[test]
    fn no_landmarks_panic_or_take_long(
        points in prop::array::uniform5((any::<f32>(), any::<f32>())), exif in 1u32..9, side in 0u32..60,
    ) {
        let size = Size { width: 7, height: 5 };
        let pixels = noise(size, 1);
        let orientation = Orientation::from_exif(exif).unwrap();
        let crop = crop(view_of(size, &pixels), orientation, &relative(points, (1.0, 1.0)), side);
        if let Ok(crop) = crop {
            prop_assert_eq!(crop.len(), usize::try_from(side * side * 3).unwrap());
        }
    }
}

#[test]
fn landmarks_without_a_face_are_refused() {
    let size = Size { width: 50, height: 50 };
    let pixels = picture(size);
    let refuse = |points: [(f32, f32); 5]| {
        let landmarks = relative(points, (1.0, 1.0));
        crop(view_of(size, &pixels), Orientation::Upright, &landmarks, 112).map(|_| ()).unwrap_err()
    };
    let face = [(0.3, 0.3), (0.6, 0.3), (0.45, 0.5), (0.35, 0.7), (0.55, 0.7)];
    assert_eq!(refuse([(0.5, 0.5); 5]), UnusableLandmarks::NoExtent.into());
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut points = face;
        points[2].1 = bad;
        assert_eq!(refuse(points), UnusableLandmarks::NotFinite.into());
    }
    assert_eq!(refuse(face.map(|(x, y)| (x * 1e30, y * 1e30))), UnusableLandmarks::TooFar.into());
    assert_eq!(refuse(face.map(|(x, y)| (x + 1e6, y))), UnusableLandmarks::TooFar.into());
    // Mirrored, and stretched just so that turning it either way is as good: no similarity comes near.
    let mirrored = crate::align::TEMPLATE.map(|(x, y)| (narrow((56.0 - x) * 1.581_65), narrow(y - 72.0)));
    assert_eq!(refuse(mirrored), UnusableLandmarks::NoExtent.into());
}

#[test]
fn a_face_beside_the_picture_is_black() {
    let size = Size { width: 50, height: 50 };
    let pixels = vec![255; 50 * 50 * 3];
    let face = [(7.3, 0.3), (7.6, 0.3), (7.45, 0.5), (7.35, 0.7), (7.55, 0.7)];
    let crop = crop(view_of(size, &pixels), Orientation::Turned90, &relative(face, (1.0, 1.0)), 112).unwrap();
    assert!(crop.iter().all(|byte| *byte == 0));
}

#[test]
fn impossible_sizes_and_pictures_are_refused() {
    let size = Size { width: 50, height: 50 };
    let pixels = picture(size);
    let face = relative([(0.3, 0.3), (0.6, 0.3), (0.45, 0.5), (0.35, 0.7), (0.55, 0.7)], (1.0, 1.0));
    for side in [0, 1025, u32::MAX] {
        let error = crop(view_of(size, &pixels), Orientation::Upright, &face, side).unwrap_err();
        assert!(matches!(error, VisionError::CropSize { size, .. } if size == side));
    }
    let short = PictureView { size, pixels: &pixels[1..] };
    assert!(matches!(crop(short, Orientation::Upright, &face, 112), Err(VisionError::PictureLength { .. })));
}

/// One pixel stripes and a face four times as large as the crop: single samples would show stripes or flat colour
/// depending on where they fall, the mean of the picture is what a viewer sees.
#[test]
fn fine_patterns_do_not_alias() {
    let size = Size { width: 600, height: 600 };
    let pixels: Vec<u8> = (0..600 * 600).flat_map(|i| [if i % 2 == 0 { 255 } else { 0 }; 3]).collect();
    let face = crate::align::TEMPLATE.map(|(x, y)| {
        let near = |v: f64| narrow(v * 4.02 + 70.0);
        (near(x), near(y))
    });
    let crop =
        crop(view_of(size, &pixels), Orientation::Upright, &relative(face, (600.0, 600.0)), 112).unwrap();
    assert!(
        crop.iter().all(|byte| (100..156).contains(byte)),
        "{:?}",
        crop.iter().min().zip(crop.iter().max())
    );
}

#[test]
fn a_mirrored_crop_has_left_and_right_exchanged() {
    let rows = [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]];
    let turned = [[4, 5, 6, 1, 2, 3], [10, 11, 12, 7, 8, 9]];
    assert_eq!(mirrored(rows.as_flattened(), 2), turned.as_flattened());
    let crop = noise(Size { width: 31, height: 31 }, 5);
    assert_eq!(mirrored(&mirrored(&crop, 31), 31), crop);
    assert_eq!(mirrored(&[], 112), [0; 0]);
    assert_eq!(mirrored(&[1, 2, 3, 4], 0), [1, 2, 3, 4]);
}
