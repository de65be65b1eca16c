//! Looking for faces: the two looks at a picture, and the looks at its turns where nobody says how it stands. Decoding and
//! what is made of the finds are left to the parent.

use std::sync::Arc;

use vow_types::{Detection, Lane, Orientation, Size, Stage, num};
use vow_vision::{CLOSE_UP, Framed, PictureView, TURNS, Tiles};

use super::{AnalyseError, Networks, count};
use crate::progress::Progress;

/// Shorter side, in pixels of the close-up frame, from which on a face found there counts: smaller ones are what the
/// first look is for, and are seen better there.
const CLOSE_UP_FACE: f32 = 64.0;
/// Two finds that overlap by more (intersection over union) are one face.
const SAME_FACE: f32 = 0.4;

/// From this share of the picture's shorter side on a face is large...
const LARGE: f32 = 0.4;
/// ...and of two large ones that overlap by more only one is there: two such faces would hide each other. Detectors see
/// faces that fill the picture a second time, half a face beside, and well below what is one face elsewhere.
const LARGE_FACES: f32 = 0.2;

/// Looks at a photo.
pub(super) struct Eyes<'a> {
    pub(super) networks: &'a Networks,
    /// Size of the photo as coded, whatever it was decoded at: it alone decides on the frame.
    pub(super) coded: Size,
    pub(super) lane: Lane,
    pub(super) progress: &'a Progress,
}

/// What one orientation shows.
pub(super) struct Seen {
    /// Relative to the picture in that orientation.
    pub(super) found: Vec<Detection>,
    /// Score of the surest find that stands upright.
    pub(super) surest: f32,
    /// What was looked at: all of it, and the close-up.
    frames: [Arc<Framed>; 2],
}

impl Seen {
    /// What was found; the frames are let go of.
    pub(super) fn into_found(self) -> Vec<Detection> {
        self.found
    }
}

impl Eyes<'_> {
    /// Both looks at a picture, one for all faces and one for those that fill it. The views show the same picture, not
    /// turned; the second may be smaller.
    pub(super) fn see(
        &self,
        [wide, near]: [PictureView<'_>; 2],
        orientation: Orientation,
    ) -> Result<Seen, AnalyseError> {
        let faces = &self.networks.faces;
        let upright = orientation.upright_size(self.coded);
        let shape = vow_vision::choose_shape(upright, faces.shapes()).ok_or(AnalyseError::NoFrame)?;
        let wide = self.framed(wide, orientation, (shape, shape))?;
        let beside = vow_vision::room_beside(&wide).filter(|_| self.takes_one_size());
        let room = beside.map_or(CLOSE_UP, |room| room.within(CLOSE_UP));
        let near =
            self.framed(near, orientation, (if beside.is_some() { room } else { faces.close_up() }, room))?;
        let tiles = beside.and_then(|_| Tiles::of(shape, &[&wide, &near]));
        let (found, mut large) = match tiles {
            Some(tiles) => {
                let mut split = self.look_at_tiles(tiles)?.into_iter();
                (split.next().unwrap_or_default(), split.next().unwrap_or_default())
            }
            None => {
                let mut looks = self.look_at([&wide, &near].map(Arc::clone).to_vec())?.into_iter();
                (looks.next().unwrap_or_default(), looks.next().unwrap_or_default())
            }
        };
        large.retain(|face| face.bbox.shorter_px(near.fitted) >= CLOSE_UP_FACE);
        let found = without_ghosts(merged(found, large), upright);
        Ok(Seen { surest: vow_vision::surest_upright(&found, wide.fitted), found, frames: [wide, near] })
    }

    /// Whether the detector has no frame for a close-up: then one costs as much as a whole picture.
    fn takes_one_size(&self) -> bool {
        self.networks.faces.close_up() != CLOSE_UP
    }

    /// A picture in a frame of this shape, in no more room than this.
    fn framed(
        &self,
        picture: PictureView<'_>,
        orientation: Orientation,
        (shape, room): (Size, Size),
    ) -> Result<Arc<Framed>, AnalyseError> {
        let framed = self
            .progress
            .timed(Stage::Resize, || vow_vision::frame_within(picture, orientation, shape, room))
            .map_err(AnalyseError::Frame)?;
        Ok(Arc::new(framed))
    }

    /// What each of these frames shows. They are asked for together: whoever waits for one after the other waits twice, for a
    /// thread or for company in a batch.
    fn look_at(&self, frames: Vec<Arc<Framed>>) -> Result<Vec<Vec<Detection>>, AnalyseError> {
        let found = self.networks.faces.detect_all(frames, self.lane).map_err(AnalyseError::Detect)?;
        count(self.progress, Stage::Detect, found.busy, found.waited);
        Ok(found.value)
    }

    /// What each of the pictures in a frame shows.
    fn look_at_tiles(&self, mut tiles: Tiles) -> Result<Vec<Vec<Detection>>, AnalyseError> {
        let empty = Framed { shape: tiles.framed.shape, pixels: Vec::new(), fitted: tiles.framed.fitted };
        let framed = Arc::new(std::mem::replace(&mut tiles.framed, empty));
        Ok(tiles.split(self.look_at(vec![framed])?.pop().unwrap_or_default()))
    }

    /// The turn that makes a picture stand upright, and what is found in it then. The frames are turned, not the picture, which
    /// is what they were made of.
    pub(super) fn turned(
        &self,
        coded: &Seen,
        picture: PictureView<'_>,
    ) -> Result<Option<(Orientation, Vec<Detection>)>, AnalyseError> {
        let first = self.first_look(coded, picture)?;
        if first == Some(Orientation::Upright) {
            return Ok(None);
        }
        let turns: &[Orientation] = first.as_ref().map_or(&TURNS, std::slice::from_ref);
        let pixels = coded.frames.each_ref().map(|frame| frame.picture());
        let [wide, near] = &coded.frames;
        let [wide_pixels, near_pixels] = &pixels;
        let view = |size, pixels| PictureView::new(size, pixels).map_err(AnalyseError::Frame);
        let views = [view(wide.fitted, wide_pixels)?, view(near.fitted, near_pixels)?];
        let (mut looks, mut surest) = (Vec::new(), [0.0; TURNS.len()]);
        for (turn, surest) in TURNS.into_iter().zip(&mut surest).filter(|(turn, _)| turns.contains(turn)) {
            let seen = self.see(views, turn)?;
            *surest = seen.surest;
            looks.push((turn, seen.found));
        }
        let turn = first.or_else(|| self.networks.standing.turn(coded.surest, surest));
        Ok(turn.and_then(|turn| looks.into_iter().find(|(other, _)| *other == turn)))
    }

    /// How the picture stands by one find alone, seen from near in all four ways, if that tells: four small looks for most
    /// pictures, whose faces were merely small, instead of six large ones.
    fn first_look(
        &self,
        coded: &Seen,
        picture: PictureView<'_>,
    ) -> Result<Option<Orientation>, AnalyseError> {
        // Large and sure: what merely looks like a face in the background says nothing.
        let weight = |face: &Detection| face.score * face.bbox.shorter_px(picture.size);
        let Some(find) = coded.found.iter().max_by(|a, b| weight(a).total_cmp(&weight(b))) else {
            return Ok(None);
        };
        let near = vow_vision::around(picture.size, find.bbox);
        let turns = [Orientation::Upright, TURNS[0], TURNS[1], TURNS[2]];
        let mut frames = Vec::with_capacity(turns.len());
        for turn in turns {
            let framed = || vow_vision::frame_part(picture, near, turn, CLOSE_UP);
            let framed = self.progress.timed(Stage::Resize, framed).map_err(AnalyseError::Frame)?;
            frames.push(Arc::new(framed));
        }
        let one_size = self.networks.faces.close_up();
        let parts: Vec<&Framed> = frames.iter().map(AsRef::as_ref).collect();
        let looks = match Tiles::of(one_size, &parts).filter(|_| self.takes_one_size()) {
            Some(tiles) => self.look_at_tiles(tiles)?,
            None if self.takes_one_size() => return Ok(None),
            None => self.look_at(frames.clone())?,
        };
        let scores =
            looks.iter().zip(&frames).map(|(found, frame)| vow_vision::surest_upright(found, frame.fitted));
        let scores: Vec<f32> = scores.collect();
        let [as_coded, turned @ ..] = scores.as_slice() else { return Ok(None) };
        let (standing, as_coded) = (self.networks.standing, *as_coded);
        let Ok(turned) = <[f32; TURNS.len()]>::try_from(turned) else { return Ok(None) };
        if standing.stands(as_coded, turned) {
            return Ok(Some(Orientation::Upright));
        }
        Ok(standing.turn(as_coded, turned).filter(|_| turned.iter().any(|score| standing.is_sure(*score))))
    }
}

/// What both looks saw: of two finds of one face the surer one.
fn merged(found: Vec<Detection>, large: Vec<Detection>) -> Vec<Detection> {
    let mut kept = found;
    for face in large {
        let twin = |other: &Detection| face.bbox.iou(other.bbox) > SAME_FACE;
        if kept.iter().any(|other| twin(other) && other.score >= face.score) {
            continue;
        }
        kept.retain(|other| !twin(other));
        kept.push(face);
    }
    kept
}

/// Of large finds that cannot both be there, the surest.
fn without_ghosts(mut found: Vec<Detection>, upright: Size) -> Vec<Detection> {
    let least = LARGE * num::to_f32(upright.width.min(upright.height));
    let is_large = |face: &Detection| face.bbox.shorter_px(upright) >= least;
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::with_capacity(found.len());
    for face in found {
        let hides = |other: &Detection| is_large(other) && face.bbox.iou(other.bbox) > LARGE_FACES;
        if !(is_large(&face) && kept.iter().any(hides)) {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use vow_types::{Landmarks, RelBox, RelPoint};

    use super::*;

    fn face(left: f32, side: f32, score: f32) -> Detection {
        let bbox = RelBox { left, top: 0.1, right: left + side, bottom: 0.1 + side };
        Detection { bbox, landmarks: Landmarks([RelPoint { x: left, y: 0.1 }; 5]), score }
    }

    #[test]
    fn of_two_finds_of_one_face_the_surer_stays() {
        let small = face(0.8, 0.1, 0.9);
        let both = merged(vec![small, face(0.1, 0.5, 0.6)], vec![face(0.11, 0.5, 0.8)]);
        assert_eq!(both, [small, face(0.11, 0.5, 0.8)]);
        let both = merged(vec![face(0.1, 0.5, 0.9)], vec![face(0.11, 0.5, 0.8)]);
        assert_eq!(both, [face(0.1, 0.5, 0.9)]);
        assert_eq!(merged(Vec::new(), vec![small]), [small]);
    }

    /// The starter's detector saw 4,090 faces too many in 8,911 portraits that fill their pictures.
    #[test]
    fn a_face_that_fills_the_picture_is_not_there_twice() {
        let upright = Size { width: 300, height: 300 };
        let (sure, beside) = (face(0.05, 0.6, 0.99), face(0.35, 0.6, 0.8));
        assert!(sure.bbox.iou(beside.bbox) > LARGE_FACES && sure.bbox.iou(beside.bbox) < SAME_FACE);
        assert_eq!(without_ghosts(vec![beside, sure], upright), [sure]);

        // Small faces stand close to one another in every group, and a child before its mother.
        let (small, near) = (face(0.1, 0.1, 0.9), face(0.15, 0.1, 0.8));
        assert!(small.bbox.iou(near.bbox) > LARGE_FACES);
        assert_eq!(without_ghosts(vec![small, near], upright), [small, near]);
        let child = face(0.1, 0.3, 0.8);
        assert!(sure.bbox.iou(child.bbox) > LARGE_FACES);
        assert_eq!(without_ghosts(vec![sure, child], upright), [sure, child]);
    }
}
