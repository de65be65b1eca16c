use super::*;
use crate::testing::{coded_as, noise, picture, some_find};
use proptest::prelude::*;

fn size(width: u32, height: u32) -> Size {
    Size { width, height }
}

#[test]
fn less_room_leaves_the_rest_of_the_frame_black() {
    let pixels = vec![200; 30 * 20 * 3];
    let view = PictureView::new(size(30, 20), &pixels).unwrap();
    for (room, fitted) in [((24, 32), (21, 32)), ((16, 40), (16, 24)), ((90, 90), (43, 64))] {
        let (room, fitted) = (size(room.0, room.1), size(fitted.0, fitted.1));
        let framed = frame_within(view, Orientation::Turned90, size(64, 64), room).unwrap();
        assert_eq!((framed.shape, framed.fitted), (size(64, 64), fitted));
        for (pixel, at) in framed.pixels.as_chunks::<3>().0.iter().zip(0..) {
            let inside = at % 64 < fitted.width && at / 64 < fitted.height;
            assert_eq!(pixel[0] > 100, inside, "{room:?} {at}");
        }
    }
}

#[test]
fn a_part_is_framed_as_if_it_had_been_cut_out() {
    let size_ = size(90, 70);
    let pixels = noise(size_, 5);
    let view = PictureView::new(size_, &pixels).unwrap();
    let part = Part { left: 20, top: 11, size: size(41, 33) };
    let rows = pixels.chunks(270).skip(11).take(33);
    let cut: Vec<u8> = rows.flat_map(|row| row[60..183].to_vec()).collect();
    let alone = PictureView::new(part.size, &cut).unwrap();
    for orientation in [Orientation::Upright, Orientation::Turned90] {
        let framed = frame_part(view, part, orientation, size(64, 64)).unwrap();
        let expected = frame(alone, orientation, size(64, 64)).unwrap();
        assert_eq!(framed.fitted, expected.fitted);
        // At the edges of the part, what is beside it is looked at too.
        let within = |at: u32, side: u32| (4..side - 4).contains(&at);
        let Size { width, height } = framed.fitted;
        let inner = |at: u32| within(at % 64, width) && within(at / 64, height);
        let pairs = framed.pixels.as_chunks::<3>().0.iter().zip(expected.pixels.as_chunks::<3>().0);
        let pairs = pairs.zip(0..).filter(|(_, at)| inner(*at));
        let worst = pairs.map(|((a, b), _)| a[0].abs_diff(b[0])).max();
        assert!(worst <= Some(2), "{worst:?}");
    }
    for (left, top, width, height) in [(60, 0, 41, 33), (0, 60, 41, 33), (0, 0, 0, 9), (u32::MAX, 0, 9, 9)] {
        let outside = Part { left, top, size: size(width, height) };
        assert!(frame_part(view, outside, Orientation::Upright, size(64, 64)).is_err(), "{outside:?}");
    }
}

/// What was framed and is framed again, turned, is what would have been framed turned.
#[test]
fn a_frame_is_turned_without_the_picture() {
    for (size_, orientation) in
        [(size(90, 40), Orientation::Turned90), (size(33, 70), Orientation::Turned180)]
    {
        let pixels = noise(size_, 3);
        let view = PictureView::new(size_, &pixels).unwrap();
        let framed = frame(view, Orientation::Upright, size(64, 64)).unwrap();
        let small = framed.picture();
        let again =
            frame(PictureView::new(framed.fitted, &small).unwrap(), Orientation::Upright, size(64, 64))
                .unwrap();
        assert_eq!(again, framed, "framing what fits changes nothing");
        let turned =
            frame(PictureView::new(framed.fitted, &small).unwrap(), orientation, size(64, 64)).unwrap();
        let direct = frame(view, orientation, size(64, 64)).unwrap();
        assert_eq!(turned.fitted, direct.fitted);
        let worst = turned.pixels.iter().zip(&direct.pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(2), "{worst:?}");
    }
}

#[test]
fn common_photos_get_the_tightest_shape() {
    for (width, height, expected) in [
        (4000, 3000, (640, 480)),
        (4032, 3024, (640, 480)),
        (3000, 4000, (480, 640)),
        (6000, 4000, (640, 448)),
        (4000, 6000, (448, 640)),
        (5184, 3456, (640, 448)),
        (1920, 1080, (640, 384)),
        (1080, 1920, (384, 640)),
        (1080, 1080, (640, 640)),
        (12000, 2500, (640, 384)),
        (250, 250, (640, 640)),
        // A row too many does not make a square of it.
        (4000, 3001, (640, 480)),
    ] {
        let shape = choose_shape(size(width, height), &SHAPES);
        assert_eq!(shape, Some(size(expected.0, expected.1)), "{width} x {height}");
    }
    assert_eq!(choose_shape(size(10, 10), &[]), None);
    assert_eq!(choose_shape(size(0, 10), &SHAPES), None);
    assert_eq!(choose_shape(size(10, 10), &[size(0, 32), size(32, 32)]), Some(size(32, 32)));
}

#[test]
fn shapes_suit_the_detectors() {
    for shape in SHAPES {
        assert!(shape.width.is_multiple_of(32) && shape.height.is_multiple_of(32));
        assert!(SHAPES.contains(&size(shape.height, shape.width)));
    }
}

proptest! {
    #[test]
    fn the_chosen_shape_makes_it_largest(width in 1u32..20000, height in 1u32..20000) {
        let upright = size(width, height);
        let chosen = choose_shape(upright, &SHAPES).unwrap();
        let best = fit(upright, chosen).pixels();
        prop_assert!(SHAPES.iter().all(|shape| fit(upright, *shape).pixels() <= best));
    }

    #[test]
    fn fitted_touches_two_edges_and_keeps_the_ratio(
        picture in (1u32..40000, 1u32..40000), shape in (1u32..700, 1u32..700),
    ) {
        let (picture, shape) = (size(picture.0, picture.1), size(shape.0, shape.1));
        let fitted = fit(picture, shape);
        prop_assert!(fitted.pixels() > 0 && fitted.width <= shape.width && fitted.height <= shape.height);
        prop_assert!(fitted.width == shape.width || fitted.height == shape.height);
        let scale = (f64::from(shape.width) / f64::from(picture.width))
            .min(f64::from(shape.height) / f64::from(picture.height));
        let off = |side: u32, fitted: u32| (f64::from(side) * scale).max(1.0) - f64::from(fitted);
        prop_assert!(off(picture.width, fitted.width).abs() <= 0.5 + 1e-9);
        prop_assert!(off(picture.height, fitted.height).abs() <= 0.5 + 1e-9);
    }

    #[test]
    fn finds_come_out_relative_to_the_picture(find in some_find(), width in 1u32..300, height in 1u32..300) {
        let framed = Framed { shape: size(300, 300), pixels: Vec::new(), fitted: size(width, height) };
        let detection = framed.detection(&find);
        let back = detection.bbox.to_px(framed.fitted);
        prop_assert!((back.left - find.bbox.left).abs() < 1e-3 && (back.bottom - find.bbox.bottom).abs() < 1e-3);
        for (point, landmark) in find.landmarks.iter().zip(detection.landmarks.0) {
            let back = landmark.to_px(framed.fitted);
            prop_assert!((back.x - point.x).abs() < 1e-3 && (back.y - point.y).abs() < 1e-3);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Scaling runs over the coded picture, rows and columns in another order, each rounded to bytes: "nearly".
    #[test]
    fn all_orientations_give_nearly_one_frame(
        width in 1u32..150, height in 1u32..150, seed: u64,
        shape in prop::sample::select(vec![(64, 64), (96, 64), (32, 96)]),
    ) {
        let (upright, shape) = (size(width, height), size(shape.0, shape.1));
        let pixels = noise(upright, seed);
        let expected =
            frame(PictureView::new(upright, &pixels).unwrap(), Orientation::Upright, shape).unwrap();
        for orientation in Orientation::ALL {
            let (coded, turned) = coded_as(orientation, upright, &pixels);
            let got = frame(PictureView::new(coded, &turned).unwrap(), orientation, shape).unwrap();
            prop_assert_eq!(got.fitted, expected.fitted);
            prop_assert_eq!(got.pixels.len(), expected.pixels.len());
            let worst = got.pixels.iter().zip(&expected.pixels).map(|(a, b)| a.abs_diff(*b)).max();
            prop_assert!(worst <= Some(2), "{:?}: {:?}", orientation, worst);
        }
    }
}

#[test]
fn what_is_not_picture_is_black_and_what_is_has_its_colour() {
    for (width, height) in [(400, 100), (100, 400), (7, 3), (1, 1), (3000, 1)] {
        let upright = size(width, height);
        let pixels = vec![200; index(width * height) * 3];
        let framed =
            frame(PictureView::new(upright, &pixels).unwrap(), Orientation::Upright, size(64, 64)).unwrap();
        for (row, y) in framed.pixels.as_chunks::<3>().0.chunks(64).zip(0..) {
            for (pixel, x) in row.iter().zip(0..) {
                let inside = x < framed.fitted.width && y < framed.fitted.height;
                assert_eq!(*pixel, if inside { [200; 3] } else { [0; 3] });
            }
        }
    }
}

/// A point keeps its place: dots of the picture are found again where `to_relative` says.
#[test]
fn relative_places_survive_scaling() {
    for (width, height) in [(97, 61), (1283, 857)] {
        let upright = size(width, height);
        let mut pixels = vec![0; index(width * height) * 3];
        let spot = (width / 3, height / 4);
        let radius = width / 20;
        for (row, y) in pixels.as_chunks_mut::<3>().0.chunks_mut(index(width)).zip(0u32..) {
            for (pixel, x) in row.iter_mut().zip(0u32..) {
                let inside = x.abs_diff(spot.0).pow(2) + y.abs_diff(spot.1).pow(2) <= radius * radius;
                *pixel = if inside { [255; 3] } else { [0; 3] };
            }
        }
        let view = PictureView::new(upright, &pixels).unwrap();
        let framed = frame(view, Orientation::Upright, size(320, 320)).unwrap();
        let (mut sum, mut x_sum, mut y_sum) = (0.0f32, 0.0f32, 0.0f32);
        for (row, y) in framed.pixels.as_chunks::<3>().0.chunks(320).zip(0u16..) {
            for ([value, ..], x) in row.iter().zip(0u16..) {
                let value = f32::from(*value);
                sum += value;
                x_sum += value * (f32::from(x) + 0.5);
                y_sum += value * (f32::from(y) + 0.5);
            }
        }
        let place = framed.to_relative(PxPoint { x: x_sum / sum, y: y_sum / sum }).to_px(upright);
        let centre = (vow_types::num::to_f32(spot.0) + 0.5, vow_types::num::to_f32(spot.1) + 0.5);
        assert!(
            (place.x - centre.0).abs() < 0.05 && (place.y - centre.1).abs() < 0.05,
            "{place:?} {centre:?}"
        );
    }
}

#[test]
fn impossible_frames_and_pictures_are_refused() {
    let upright = size(30, 20);
    let pixels = picture(upright);
    let view = PictureView::new(upright, &pixels).unwrap();
    let shape = size(0, 64);
    assert_eq!(frame(view, Orientation::Upright, shape).unwrap_err(), VisionError::EmptyFrame { shape });
    let short = PictureView { size: upright, pixels: &pixels[3..] };
    let error = frame(short, Orientation::Upright, size(64, 64)).unwrap_err();
    assert!(matches!(error, VisionError::PictureLength { .. }));
}
