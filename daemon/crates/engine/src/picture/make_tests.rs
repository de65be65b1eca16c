//! Pictures of a photo that is drawn here: a face whose four quarters have colours of their own, so that it is seen whether
//! it stands upright and is all there.

use proptest::prelude::*;
use vow_media::Limits;
use vow_types::RelPoint;

use super::*;

const GREY: [u8; 3] = [90, 90, 90];
const QUARTERS: [[u8; 3]; 4] = [[230, 20, 20], [20, 200, 20], [20, 20, 230], [230, 220, 20]];

/// Where the face is, relative to the upright photo.
const FACE: RelBox = RelBox { left: 0.6, top: 0.2, right: 0.7, bottom: 0.35 };

/// What the upright photo has at a place.
fn colour(p: RelPoint) -> [u8; 3] {
    if p.x < FACE.left || p.x >= FACE.right || p.y < FACE.top || p.y >= FACE.bottom {
        return GREY;
    }
    let right = usize::from(p.x >= (FACE.left + FACE.right) / 2.0);
    let below = usize::from(p.y >= (FACE.top + FACE.bottom) / 2.0);
    QUARTERS[2 * below + right]
}

/// The file of a photo whose upright size is this, coded in this way.
fn file(upright: Size, orientation: Orientation, progressive: bool) -> Vec<u8> {
    let coded = orientation.upright_size(upright);
    let mut pixels = Vec::new();
    for y in 0..coded.height {
        for x in 0..coded.width {
            let p = RelPoint {
                x: (to_f32(x) + 0.5) / to_f32(coded.width),
                y: (to_f32(y) + 0.5) / to_f32(coded.height),
            };
            pixels.extend(colour(orientation.to_upright(p)));
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    encoder.set_progressive(progressive);
    let side = |pixels: u32| u16::try_from(pixels).unwrap();
    encoder.encode(&pixels, side(coded.width), side(coded.height), ColorType::Rgb).unwrap();
    bytes
}

/// The picture, and its pixels.
fn made(bytes: &[u8], place: Option<RelBox>, orientation: Orientation, side: u32) -> (Size, Vec<u8>) {
    let limits = Limits::default();
    let header = vow_media::inspect(bytes, &limits).unwrap();
    let place = place.map(|place| place.mapped(|p| orientation.to_coded(p)));
    let jpeg = picture(bytes, &header, Wanted { place, orientation, side }, &Budget::new(64 << 20)).unwrap();
    let header = vow_media::inspect(&jpeg.bytes, &limits).unwrap();
    assert_eq!((header.coded, header.orientation), (jpeg.size, None), "it stands as it is");
    (jpeg.size, vow_media::decode(&jpeg.bytes, &header).unwrap().pixels)
}

fn at(size: Size, pixels: &[u8], x: f32, y: f32) -> [u8; 3] {
    let (x, y) = (floor_u32(x * to_f32(size.width)), floor_u32(y * to_f32(size.height)));
    pixels.as_chunks::<3>().0[index(y * size.width + x)]
}

fn alike(a: [u8; 3], b: [u8; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) < 40)
}

/// However it is coded and whatever scale it is decoded at: a square, upright, with the face in its middle.
#[test]
fn a_face_is_upright_and_in_the_middle() {
    for (upright, side) in [((480, 320), 64), ((1600, 1200), 64), ((1600, 1200), 256), ((1200, 1600), 192)] {
        let upright = Size { width: upright.0, height: upright.1 };
        for orientation in Orientation::ALL {
            let bytes = file(upright, orientation, orientation == Orientation::Turned90);
            let (size, pixels) = made(&bytes, Some(FACE), orientation, side);
            assert_eq!(size, Size { width: side, height: side }, "{upright:?} {orientation:?}");
            // The face takes its share of the square: the longer side of its box all but the margin.
            let box_ = FACE.to_px(upright);
            let (wide, high) = (box_.right - box_.left, box_.bottom - box_.top);
            let around = wide.max(high) * AROUND;
            let (wide, high) = (wide / around, high / around);
            for (quarter, (x, y)) in QUARTERS.iter().zip([(-0.3, -0.3), (0.3, -0.3), (-0.3, 0.3), (0.3, 0.3)])
            {
                let seen = at(size, &pixels, 0.5 + x * wide, 0.5 + y * high);
                assert!(alike(seen, *quarter), "{upright:?} {side} {orientation:?} {x} {y}: {seen:?}");
            }
            for (x, y) in [(0.05, 0.05), (0.95, 0.05), (0.05, 0.95), (0.95, 0.95)] {
                assert!(alike(at(size, &pixels, x, y), GREY), "{upright:?} {orientation:?}");
            }
        }
    }
}

#[test]
fn a_photo_is_upright_and_as_large_as_asked_for() {
    for orientation in Orientation::ALL {
        let bytes = file(Size { width: 800, height: 600 }, orientation, false);
        for (side, expected) in [(100, (100, 75)), (320, (320, 240)), (4096, (800, 600))] {
            let (size, pixels) = made(&bytes, None, orientation, side);
            assert_eq!((size.width, size.height), expected, "{orientation:?}: nothing is enlarged");
            for (x, y) in [(0.62, 0.24), (0.68, 0.24), (0.62, 0.32), (0.68, 0.32), (0.1, 0.9)] {
                assert!(alike(at(size, &pixels, x, y), colour(RelPoint { x, y })), "{orientation:?} {x} {y}");
            }
        }
    }
}

/// A face at the edge is moved into the picture rather than filled up with nothing.
#[test]
fn a_face_at_the_edge_is_shown_without_an_edge() {
    let bytes = file(Size { width: 400, height: 300 }, Orientation::Upright, false);
    for (left, top) in [(-0.02, -0.05), (0.9, 0.9), (0.2, -0.01), (-3.0, 7.0)] {
        let place = RelBox { left, top, right: left + 0.12, bottom: top + 0.12 };
        let (size, pixels) = made(&bytes, Some(place), Orientation::Upright, 64);
        assert_eq!(size, Size { width: 64, height: 64 });
        assert!(pixels.as_chunks::<3>().0.iter().all(|pixel| alike(*pixel, GREY)), "{left} {top}");
    }
}

#[test]
fn what_is_cut_off_is_an_error() {
    let bytes = file(Size { width: 1600, height: 1200 }, Orientation::Upright, false);
    let header = vow_media::inspect(&bytes, &Limits::default()).unwrap();
    let wanted = Wanted { place: Some(FACE), orientation: Orientation::Upright, side: 192 };
    let half = bytes.get(..bytes.len() / 2).unwrap();
    let error = picture(half, &header, wanted, &Budget::new(64 << 20)).unwrap_err();
    assert!(matches!(error, PictureError::Media(_)), "{error:?}");
}

proptest! {
    #[test]
    fn a_square_lies_in_the_picture(
        coded in (1u32..9000, 1u32..9000), x in -2.0f32..2.0, y in -2.0f32..2.0,
        w in 0.0f32..3.0, h in 0.0f32..3.0,
    ) {
        let coded = Size { width: coded.0, height: coded.1 };
        let square = around(RelBox { left: x, top: y, right: x + w, bottom: y + h }, coded);
        prop_assert!(square.side >= 1 && square.side <= coded.width.min(coded.height));
        prop_assert!(square.left >= 0.0 && square.left + to_f32(square.side) <= to_f32(coded.width) + 0.01);
        prop_assert!(square.top >= 0.0 && square.top + to_f32(square.side) <= to_f32(coded.height) + 0.01);
    }
}

#[test]
fn a_box_of_no_numbers_is_some_square() {
    let none = RelBox { left: f32::NAN, top: f32::NAN, right: f32::NAN, bottom: f32::NAN };
    let coded = Size { width: 40, height: 30 };
    let square = around(none, coded);
    assert!((1..=30).contains(&square.side));
    let pixels = vec![7; 40 * 30 * 3];
    let shown = RelBox { left: 0.0, top: 0.0, right: 1.0, bottom: 1.0 };
    assert!(square_of(View { size: coded, pixels: &pixels, shown }, square.area(coded)).is_some());
}
