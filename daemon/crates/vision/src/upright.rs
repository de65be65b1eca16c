//! Which way up a picture is, told by the faces in it, for pictures whose file does not say. Looking is left to others.
//!
//! Detectors are trained on upright faces, but find turned ones too, a little less sure of them, and some (YuNet) then draw
//! the landmarks as if the face were upright. So a single find proves nothing, but the surest find of four looks, the
//! picture as it is coded and turned by 90, 180 and 270 degrees, tells: measured with YuNet on 150 portraits, 64 colour
//! photos and 4 scenes the surest face was the upright one in all of them; with SCRFD-2.5G in all of 60, 25 and 4. The sum
//! of all scores was wrong in 24 of YuNet's.

use vow_types::{Detection, Head, Orientation, RelBox, RelPoint, Size, num};

use crate::Part;

/// The turns that are tried, in this order.
pub const TURNS: [Orientation; 3] = [Orientation::Turned90, Orientation::Turned180, Orientation::Turned270];

/// How much surer the best of the looks must be than each of the others. (Smallest found: 1.03 with YuNet on 218 photos,
/// 1.14 with SCRFD-2.5G on 89.)
const CLEARLY: f32 = 1.02;

/// The same of a picture that is to stand as it is coded by one find alone.
const SURELY: f32 = 1.1;

/// Of what is looked at around a find, how many times its longer side one side has: a face then fills as much of a close-up
/// frame as detectors are surest of.
const AROUND: f32 = 2.5;

/// What scores mean that a detector gives to upright and to turned faces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// A picture with an upright face of this score stands upright: no turn need be tried.
    pub sure: f32,
    /// A turn without an upright face of this score is none.
    pub convincing: f32,
}

impl Standing {
    /// For the networks with this head, as published.
    ///
    /// Turned faces have scores of up to 0.91 (YuNet) and 0.77 (SCRFD-2.5G), upright ones above 0.91 and 0.69. The
    /// most that was found in 41 photos without faces, turned in all ways, was 0.63 and 0.51.
    #[must_use]
    pub fn of(head: Head) -> Self {
        match head {
            Head::Yunet => Self { sure: 0.92, convincing: 0.75 },
            Head::Scrfd => Self { sure: 0.8, convincing: 0.66 },
        }
    }

    /// Whether the picture as it is coded is taken to stand upright without a look at its turns. `best` is its
    /// [`surest_upright`].
    #[must_use]
    pub fn is_sure(self, best: f32) -> bool {
        best >= self.sure
    }

    /// Whether the picture clearly stands upright as it is coded: its surest upright face is convincing, and clearly surer than
    /// the surest of each turn.
    #[must_use]
    pub fn stands(self, coded: f32, turned: [f32; 3]) -> bool {
        coded >= self.convincing && turned.into_iter().all(|score| coded >= SURELY * score)
    }

    /// The turn that makes the picture stand upright, if one clearly does: its surest upright face is convincing, and
    /// clearly surer than the surest of the picture as it is coded and of each other turn. `turned` belongs to
    /// [`TURNS`].
    #[must_use]
    pub fn turn(self, coded: f32, turned: [f32; 3]) -> Option<Orientation> {
        let (turn, best) = TURNS.into_iter().zip(turned).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let others =
            TURNS.into_iter().zip(turned).filter(|(other, _)| *other != turn).map(|(_, score)| score);
        let clear = others.chain([coded]).all(|other| best >= CLEARLY * other);
        (best >= self.convincing && clear).then_some(turn)
    }
}

/// A find with what is around it, as far as a picture of this size goes. `bbox` is relative to the picture, and what is outside
/// of it is nearest to its edge.
#[must_use]
pub fn around(picture: Size, bbox: RelBox) -> Part {
    let place = bbox.to_px(picture);
    let half = AROUND / 2.0 * (place.right - place.left).max(place.bottom - place.top);
    // From a whole pixel to another, at least one.
    let span = |from: f32, to: f32, side: u32| {
        let middle = f32::midpoint(from, to);
        let first = num::floor_u32((middle - half).max(0.0)).min(side.saturating_sub(1));
        let last = num::floor_u32((middle + half).ceil().max(0.0));
        (first, last.min(side).saturating_sub(first).max(1))
    };
    let (left, width) = span(place.left, place.right, picture.width);
    let (top, height) = span(place.top, place.bottom, picture.height);
    Part { left, top, size: Size { width, height } }
}

/// The best score of a face whose landmarks are the right way up: from the eyes to the mouth is down, within 45 degrees, and
/// the eye on the left is on the left. 0 where there is none. `upright` is the size of the picture the finds are relative
/// to.
#[must_use]
pub fn surest_upright(found: &[Detection], upright: Size) -> f32 {
    found.iter().filter(|face| is_upright(face, upright)).map(|face| face.score).fold(0.0, f32::max)
}

fn is_upright(face: &Detection, upright: Size) -> bool {
    let px = |p: RelPoint| (p.x * num::to_f32(upright.width), p.y * num::to_f32(upright.height));
    let [left, right, _, mouth_left, mouth_right] = face.landmarks.0.map(px);
    let middle = |a: (f32, f32), b: (f32, f32)| (f32::midpoint(a.0, b.0), f32::midpoint(a.1, b.1));
    let (eyes, mouth) = (middle(left, right), middle(mouth_left, mouth_right));
    let down = (mouth.0 - eyes.0, mouth.1 - eyes.1);
    let across = (right.0 - left.0, right.1 - left.1);
    down.1 > down.0.abs() && across.0 * down.1 - across.1 * down.0 > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::TEMPLATE;
    use proptest::prelude::*;
    use vow_types::num::narrow;
    use vow_types::{Landmarks, RelBox};

    const SIZE: Size = Size { width: 640, height: 320 };
    const HEADS: [Head; 2] = [Head::Yunet, Head::Scrfd];

    /// A face in the middle of the picture, turned clockwise.
    fn face(degrees: f64, score: f32) -> Detection {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let points = TEMPLATE.map(|(x, y)| {
            let (x, y) = (x - 56.0, y - 70.0);
            RelPoint {
                x: narrow((320.0 + x * cos - y * sin) / 640.0),
                y: narrow((160.0 + x * sin + y * cos) / 320.0),
            }
        });
        let bbox = RelBox { left: 0.4, top: 0.3, right: 0.6, bottom: 0.7 };
        Detection { bbox, landmarks: Landmarks(points), score }
    }

    proptest! {
        #[test]
        fn a_picture_stands_or_is_turned_or_nothing_is_clear(coded in 0.0f32..1.0, turned in prop::array::uniform3(0.0f32..1.0)) {
            for head in HEADS {
                let standing = Standing::of(head);
                let (stands, turn) = (standing.stands(coded, turned), standing.turn(coded, turned));
                prop_assert!(!stands || turn.is_none());
                prop_assert!(!stands || turned.iter().all(|score| coded > *score));
            }
        }
    }

    #[test]
    fn what_is_around_a_find_lies_in_the_picture() {
        let corners = |left, top, right, bottom| {
            let part = around(Size { width: 40, height: 30 }, RelBox { left, top, right, bottom });
            ((part.left, part.top), (part.left + part.size.width - 1, part.top + part.size.height - 1))
        };
        assert_eq!(corners(0.45, 0.4, 0.55, 0.6), ((12, 7), (27, 22)), "6 px high: 15 px each way");
        assert_eq!(corners(0.0, 0.0, 0.1, 0.1), ((0, 0), (6, 6)));
        assert_eq!(corners(0.2, 0.1, 0.9, 0.9), ((0, 0), (39, 29)));
        assert_eq!(corners(5.0, -7.0, 6.0, -6.0), ((39, 0), (39, 0)));
        assert_eq!(corners(f32::NAN, f32::NAN, f32::NAN, f32::NAN), ((0, 0), (0, 0)));
    }

    #[test]
    fn a_face_is_upright_within_45_degrees_and_not_mirrored() {
        for degrees in [0.0, 40.0, -40.0] {
            assert_eq!(surest_upright(&[face(degrees, 0.7)], SIZE).to_bits(), 0.7f32.to_bits(), "{degrees}");
        }
        for degrees in [50.0, -50.0, 90.0, 180.0, 270.0] {
            assert!(surest_upright(&[face(degrees, 0.7)], SIZE) <= 0.0, "{degrees}");
        }
        let mirrored = face(0.0, 0.7).mapped(|p| RelPoint { x: 1.0 - p.x, y: p.y });
        assert!(surest_upright(&[mirrored], SIZE) <= 0.0);
        let both = [face(90.0, 0.9), face(10.0, 0.6), face(-5.0, 0.8)];
        assert_eq!(surest_upright(&both, SIZE).to_bits(), 0.8f32.to_bits());
        assert!(surest_upright(&[], SIZE) <= 0.0);
    }

    /// As measured: turned faces that YuNet takes for upright, and false finds in photos without faces.
    #[test]
    fn a_wrong_turn_does_not_win_on_a_false_find() {
        let yunet = Standing::of(Head::Yunet);
        assert!(!yunet.is_sure(0.91));
        assert_eq!(yunet.turn(0.91, [0.78, 0.95, 0.81]), Some(Orientation::Turned180));
        assert_eq!(yunet.turn(0.0, [0.0, 0.63, 0.0]), None, "a false find");
        assert_eq!(yunet.turn(0.60, [0.0, 0.63, 0.0]), None);
        assert_eq!(yunet.turn(0.90, [0.91, 0.0, 0.0]), None, "no turn is clearly better than none");
        assert_eq!(yunet.turn(0.0, [0.90, 0.91, 0.0]), None, "two turns are equally good");
        let scrfd = Standing::of(Head::Scrfd);
        assert_eq!(scrfd.turn(0.0, [0.0, 0.51, 0.0]), None, "a false find");
        assert_eq!(scrfd.turn(0.55, [0.0, 0.0, 0.72]), Some(Orientation::Turned270));
        assert!(scrfd.is_sure(0.85) && !scrfd.is_sure(0.77));
    }

    proptest! {
        /// Whatever the scores: a turn that wins is convincing and the best of all four looks, and the same is found
        /// when looks change places with their scores.
        #[test]
        fn who_wins_is_convincing_and_best(coded in 0.0f32..1.0, turned in prop::array::uniform3(0.0f32..1.0)) {
            for head in HEADS {
                let standing = Standing::of(head);
                let [a, b, c] = turned;
                let found = standing.turn(coded, turned);
                let swapped = standing.turn(coded, [c, b, a]);
                match found {
                    Some(turn) => {
                        let at = TURNS.iter().position(|one| *one == turn).unwrap();
                        prop_assert!(turned[at] >= standing.convincing && turned[at] > coded);
                        prop_assert!((0..3).all(|other| other == at || turned[other] < turned[at]));
                        prop_assert_eq!(swapped, Some(TURNS[2 - at]));
                    }
                    None => prop_assert_eq!(swapped, None),
                }
            }
        }

        #[test]
        fn no_numbers_panic(numbers in prop::array::uniform10(any::<f32>()), score: f32) {
            let [x0, y0, x1, y1, x2, y2, x3, y3, x4, y4] = numbers;
            let points = [(x0, y0), (x1, y1), (x2, y2), (x3, y3), (x4, y4)];
            let landmarks = Landmarks(points.map(|(x, y)| RelPoint { x, y }));
            let best = surest_upright(&[Detection { landmarks, score, ..face(0.0, 0.5) }], SIZE);
            let _ = Standing::of(Head::Yunet).turn(best, [best; 3]);
        }
    }
}
