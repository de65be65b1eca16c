//! One photo's way from bytes to faces. Knows nothing of queues and stores.

use std::time::{Duration, Instant};

use vow_infer::{FaceEngine, InferError};
use vow_media::{Buffers, Decoding, Header, MediaError, Scale, View};
use vow_store::NewFace;
use vow_types::{
    Detection, Embedding, EmbeddingError, Landmarks, Lane, Orientation, RelBox, RelPoint, Size, Stage, norm,
    num,
};
use vow_vision::{CLOSE_UP, PictureView, VisionError};

use crate::budget::{Budget, Share};
use crate::closeness;
use crate::progress::Progress;

/// Shorter side, in pixels of the close-up frame, from which on a face found there counts: smaller ones are what the
/// first look is for, and are seen better there.
const CLOSE_UP_FACE: f32 = 64.0;
/// Two finds that overlap by more (intersection over union) are one face.
const SAME_FACE: f32 = 0.4;

/// Why a photo has no faces to store. The stage is where it stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnalyseError {
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error("the picture could not be fitted into the detector's frame")]
    Frame(#[source] VisionError),
    #[error("the face could not be cut out")]
    Crop(#[source] VisionError),
    #[error("the detector failed")]
    Detect(#[source] InferError),
    #[error("the embedder failed")]
    Embed(#[source] InferError),
    #[error("a face gave no embedding")]
    Embedding(#[from] EmbeddingError),
    #[error("the pack's detector takes no frame at all; the pack is broken")]
    NoFrame,
    #[error("the embedder answered {got} of {asked} faces")]
    FacesLost { asked: usize, got: usize },
}

impl AnalyseError {
    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::Media(error) => error.stage(),
            Self::Frame(_) | Self::NoFrame => Stage::Resize,
            Self::Crop(_) => Stage::Align,
            Self::Detect(_) => Stage::Detect,
            Self::Embed(_) | Self::Embedding(_) | Self::FacesLost { .. } => Stage::Embed,
        }
    }
}

/// Decodes, finds, aligns and embeds. Boxes and landmarks come back relative to the coded picture.
pub(crate) fn analyse(
    bytes: &[u8],
    header: &Header,
    (faces, lane): (&FaceEngine, Lane),
    crop_side: u32,
    buffers: &mut Buffers,
    budget: &Budget,
    progress: &Progress,
) -> Result<Vec<NewFace>, AnalyseError> {
    let orientation = header.orientation;
    let (mut photo, _share) = decode(bytes, header, buffers, budget, progress)?;
    let whole = photo.whole();
    let view = PictureView::new(whole.size, whole.pixels).map_err(AnalyseError::Frame)?;
    let upright = orientation.upright_size(header.coded);

    let shape = vow_vision::choose_shape(upright, faces.shapes()).ok_or(AnalyseError::NoFrame)?;
    let look = |shape: Size, room: Size| {
        let framed = progress
            .timed(Stage::Resize, || vow_vision::frame_within(view, orientation, shape, room))
            .map_err(AnalyseError::Frame)?;
        let fitted = framed.fitted;
        let found = faces.detect(framed, lane).map_err(AnalyseError::Detect)?;
        count(progress, Stage::Detect, found.busy, found.waited);
        Ok::<_, AnalyseError>((found.value, fitted))
    };
    let (found, _) = look(shape, shape)?;
    let (mut large, small_fitted) = look(faces.close_up(), CLOSE_UP)?;
    large.retain(|face| shorter_side(face.bbox, small_fitted) >= CLOSE_UP_FACE);
    // What was found is relative to what was decoded, which is not always exactly the coded picture.
    let in_photo = |p: RelPoint| orientation.to_upright(whole.to_coded(orientation.to_coded(p)));
    let finds: Vec<Detection> = merged(found, large).into_iter().map(|face| face.mapped(in_photo)).collect();

    let (mut found, mut crops) = (Vec::new(), Vec::new());
    for face in finds {
        match crop(&mut photo, (header.coded, orientation), &face.landmarks, crop_side, progress) {
            Ok(crop) => {
                found.push(face);
                crops.push(crop);
            }
            // Five points in one place are no face: the detector's mistake must not cost the photo.
            Err(VisionError::Landmarks(error)) => tracing::debug!(%error, "a find was dropped"),
            Err(error) => return Err(AnalyseError::Crop(error)),
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let qualities: Vec<f32> = found
        .iter()
        .zip(&crops)
        .map(|(face, crop)| vow_vision::quality(face, shorter_side(face.bbox, upright), crop))
        .collect();

    let asked = crops.len();
    let raw = faces.embed(crops, lane).map_err(AnalyseError::Embed)?;
    count(progress, Stage::Embed, raw.busy, raw.waited);
    if raw.value.len() != asked {
        return Err(AnalyseError::FacesLost { asked, got: raw.value.len() });
    }
    found
        .into_iter()
        .zip(raw.value)
        .zip(qualities)
        .map(|((face, raw), quality)| {
            Ok(NewFace {
                detection: face.mapped(|p| orientation.to_coded(p)),
                quality,
                norm: norm(&raw),
                embedding: Embedding::from_raw(&raw)?,
            })
        })
        .collect()
}

/// The photo as small as will do, and its share of the budget.
fn decode<'a>(
    bytes: &'a [u8],
    header: &Header,
    buffers: &'a mut Buffers,
    budget: &'a Budget,
    progress: &Progress,
) -> Result<(Decoding<'a>, Share<'a>), AnalyseError> {
    let mut photo = Decoding::new(bytes, header, buffers);
    let scale = closeness::of_whole(header);
    let share = budget.take(closeness::bytes(header, scale));
    if progress.timed(Stage::Decode, || photo.decode(scale))? {
        return Ok((photo, share));
    }
    // A damaged file may prove to have its picture as coded only. That takes more memory; the first share is given back
    // before, so that nobody who holds one waits for another.
    drop(share);
    let share = budget.take(closeness::bytes(header, Scale::Full));
    progress.timed(Stage::Decode, || photo.decode(Scale::Full))?;
    Ok((photo, share))
}

/// An aligned face, from as many pixels as it needs if the photo has them. `landmarks` are relative to the photo as
/// `orientation` turns it upright.
fn crop(
    photo: &mut Decoding<'_>,
    (coded, orientation): (Size, Orientation),
    landmarks: &Landmarks,
    side: u32,
    progress: &Progress,
) -> Result<Vec<u8>, VisionError> {
    let reach = vow_vision::reach(coded, orientation, landmarks, side)?;
    if let Some(scale) = closeness::of_face(reach.density, photo.scale()) {
        let start = Instant::now();
        let close = photo.closer(reach.area, scale);
        progress.add_busy(Stage::Decode, start.elapsed());
        if let Some(view) = close {
            return progress.timed(Stage::Align, || crop_from(view, orientation, landmarks, side));
        }
    }
    progress.timed(Stage::Align, || crop_from(photo.whole(), orientation, landmarks, side))
}

fn crop_from(
    view: View<'_>,
    orientation: Orientation,
    landmarks: &Landmarks,
    side: u32,
) -> Result<Vec<u8>, VisionError> {
    let in_view = |p: RelPoint| orientation.to_upright(view.within(orientation.to_coded(p)));
    let landmarks = Landmarks(landmarks.0.map(in_view));
    vow_vision::crop(PictureView::new(view.size, view.pixels)?, orientation, &landmarks, side)
}

fn count(progress: &Progress, stage: Stage, busy: Duration, waited: Duration) {
    progress.add_busy(stage, busy);
    progress.add_waited(stage, waited);
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

/// Of a face's box, in pixels of the upright photo.
fn shorter_side(bbox: RelBox, upright: Size) -> f32 {
    (bbox.width() * num::to_f32(upright.width)).min(bbox.height() * num::to_f32(upright.height))
}

/// The shorter side of a stored face in pixels of the frame it was found in, for the quality gate. Everything here is the
/// same after a quarter turn, so the coded box and size serve.
pub(crate) fn side_in_frame(bbox: RelBox, coded: Size, shapes: &[Size]) -> f32 {
    let side = shorter_side(bbox, coded);
    let Some(shape) = vow_vision::choose_shape(coded, shapes) else { return side };
    let scale = (num::to_f32(shape.width) / num::to_f32(coded.width.max(1)))
        .min(num::to_f32(shape.height) / num::to_f32(coded.height.max(1)));
    side * scale
}

#[cfg(test)]
mod tests {
    use vow_types::{Landmarks, RelPoint};

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
}
