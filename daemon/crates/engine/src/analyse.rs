//! One photo's way from bytes to faces. Knows nothing of queues and stores.

use std::sync::Arc;
use std::time::Duration;

use vow_infer::{FaceEngine, InferError};
use vow_media::{Format, Header, MediaError};
use vow_store::NewFace;
use vow_types::{
    Detection, EmbedderSpec, Embedding, EmbeddingError, Lane, Orientation, RelBox, Size, Stage, norm, num,
};
use vow_vision::{CLOSE_UP, Framed, PictureView, Quality, Standing, TURNS, VisionError};

use crate::budget::{Budget, Holds};
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

/// Bytes that a photo takes beside its pixels: the frames of both looks and of their turns, and the crops of a hundred faces.
const WORKING: u64 = 8 << 20;

/// Most bytes that pixels take while they are decoded. What is not a JPEG may come as four samples of 16 bit, of which the
/// three bytes are made.
fn while_decoding(header: &Header) -> u64 {
    let a_pixel = if header.format == Format::Jpeg { 3 } else { 11 };
    header.coded.pixels().saturating_mul(a_pixel)
}

/// What a photo is looked at with.
pub(crate) struct Networks {
    pub(crate) faces: FaceEngine,
    pub(crate) embedder: EmbedderSpec,
    /// What the detector's scores say of a face's turn.
    pub(crate) standing: Standing,
    /// Length of the embedder's output for a clear face.
    pub(crate) full_norm: Option<f32>,
}

/// What was found in a photo.
pub(crate) struct Analysed {
    /// Boxes and landmarks are relative to the coded picture.
    pub(crate) faces: Vec<NewFace>,
    /// How the picture stands, where its file does not say and its faces do.
    pub(crate) turn: Option<Orientation>,
}

/// Decodes, finds, aligns and embeds. `turn` is what an earlier look found about how the photo stands.
///
/// Where neither that nor the file says anything, and no face surely stands upright, the picture is turned by 90, 180 and
/// 270 degrees in its small frames and looked at again, once (see [`Standing`]): three times the detector's work more for
/// photos without faces and without a tag, and for the few whose faces are all unsure.
pub(crate) fn analyse(
    bytes: &[u8],
    header: &Header,
    turn: Option<Orientation>,
    (networks, lane): (&Networks, Lane),
    budget: &Arc<Budget>,
    progress: &Progress,
) -> Result<Analysed, AnalyseError> {
    let mut share = budget.take(Holds::Picture, while_decoding(header).saturating_add(WORKING));
    // Not before: batches wait a moment for photos that were announced, and need not for one that waits for memory.
    let _photo = networks.faces.announce();
    let picture = progress.timed(Stage::Decode, || vow_media::decode(bytes, header))?;
    share.shrink_to(num::len_u64(picture.pixels.len()).saturating_add(WORKING));
    let view = PictureView::new(picture.size, &picture.pixels).map_err(AnalyseError::Frame)?;

    let known = header.orientation.or(turn);
    let eyes = Eyes { networks, lane, progress };
    let coded = eyes.see([view, view], known.unwrap_or_default())?;
    let better = match known {
        None if !networks.standing.is_sure(coded.surest) => eyes.turned(&coded)?,
        _ => None,
    };
    let turn = better.as_ref().map(|(turn, _)| *turn);
    let orientation = turn.or(known).unwrap_or_default();
    let found = better.map_or(coded.found, |(_, found)| found);
    let (found, crops) = progress
        .timed(Stage::Align, || {
            let (mut kept, mut crops) = (Vec::new(), Vec::new());
            for face in found {
                match vow_vision::crop(view, orientation, &face.landmarks, networks.embedder.size) {
                    Ok(crop) => {
                        kept.push(face);
                        crops.push(crop);
                    }
                    // Five points in one place are no face: the detector's mistake must not cost the photo.
                    Err(VisionError::Landmarks(error)) => tracing::debug!(%error, "a find was dropped"),
                    Err(error) => return Err(error),
                }
            }
            Ok((kept, crops))
        })
        .map_err(AnalyseError::Crop)?;
    if found.is_empty() {
        return Ok(Analysed { faces: Vec::new(), turn });
    }
    let upright = orientation.upright_size(picture.size);
    let qualities: Vec<Quality> = found
        .iter()
        .zip(&crops)
        .map(|(face, crop)| Quality::of(face, shorter_side(face.bbox, upright), crop))
        .collect();

    // While others embed, nobody waits for memory that this photo has no more use for.
    drop(picture);
    share.shrink_to(WORKING);
    let views = embed(crops, (networks, lane), progress)?;
    let faces = found.into_iter().zip(views).zip(qualities).map(|((face, views), quality)| {
        let norm = views.iter().map(|view| norm(view)).sum::<f32>() / num::usize_to_f32(views.len().max(1));
        Ok(NewFace {
            detection: face.mapped(|p| orientation.to_coded(p)),
            quality: quality.embedded(norm, networks.full_norm).total(),
            norm,
            embedding: Embedding::from_views(&views)?,
        })
    });
    Ok(Analysed { faces: faces.collect::<Result<_, AnalyseError>>()?, turn })
}

/// Looks at pictures.
struct Eyes<'a> {
    networks: &'a Networks,
    lane: Lane,
    progress: &'a Progress,
}

/// What one orientation shows.
struct Seen {
    /// Relative to the picture in that orientation.
    found: Vec<Detection>,
    /// Score of the surest find that stands upright.
    surest: f32,
    /// What was looked at: all of it, and the close-up.
    frames: [Arc<Framed>; 2],
}

impl Eyes<'_> {
    /// Both looks at a picture, one for all faces and one for those that fill it. The views show the same picture, not
    /// turned; the second may be smaller.
    fn see(
        &self,
        [wide, near]: [PictureView<'_>; 2],
        orientation: Orientation,
    ) -> Result<Seen, AnalyseError> {
        let faces = &self.networks.faces;
        let upright = orientation.upright_size(wide.size);
        let shape = vow_vision::choose_shape(upright, faces.shapes()).ok_or(AnalyseError::NoFrame)?;
        let (found, wide) = self.look(wide, orientation, shape, shape)?;
        let (mut large, near) = self.look(near, orientation, faces.close_up(), CLOSE_UP)?;
        large.retain(|face| shorter_side(face.bbox, near.fitted) >= CLOSE_UP_FACE);
        let found = merged(found, large);
        Ok(Seen { surest: vow_vision::surest_upright(&found, wide.fitted), found, frames: [wide, near] })
    }

    fn look(
        &self,
        picture: PictureView<'_>,
        orientation: Orientation,
        shape: Size,
        room: Size,
    ) -> Result<(Vec<Detection>, Arc<Framed>), AnalyseError> {
        let framed = self
            .progress
            .timed(Stage::Resize, || vow_vision::frame_within(picture, orientation, shape, room))
            .map_err(AnalyseError::Frame)?;
        let framed = Arc::new(framed);
        let found =
            self.networks.faces.detect(Arc::clone(&framed), self.lane).map_err(AnalyseError::Detect)?;
        count(self.progress, Stage::Detect, found.busy, found.waited);
        Ok((found.value, framed))
    }

    /// The turn that makes a picture stand upright, and what is found in it then. The frames are turned, not the picture.
    fn turned(&self, coded: &Seen) -> Result<Option<(Orientation, Vec<Detection>)>, AnalyseError> {
        let pixels = coded.frames.each_ref().map(|frame| frame.picture());
        let [wide, near] = &coded.frames;
        let [wide_pixels, near_pixels] = &pixels;
        let view = |size, pixels| PictureView::new(size, pixels).map_err(AnalyseError::Frame);
        let views = [view(wide.fitted, wide_pixels)?, view(near.fitted, near_pixels)?];
        let (mut looks, mut surest) = (Vec::new(), [0.0; TURNS.len()]);
        for (turn, surest) in TURNS.into_iter().zip(&mut surest) {
            let seen = self.see(views, turn)?;
            *surest = seen.surest;
            looks.push((turn, seen.found));
        }
        let turn = self.networks.standing.turn(coded.surest, surest);
        Ok(turn.and_then(|turn| looks.into_iter().find(|(other, _)| *other == turn)))
    }
}

/// The embedder's vectors of every crop: one, or that of the mirrored crop too where the pack asks for it.
fn embed(
    crops: Vec<Vec<u8>>,
    (networks, lane): (&Networks, Lane),
    progress: &Progress,
) -> Result<Vec<Vec<Vec<f32>>>, AnalyseError> {
    let embedder = networks.embedder;
    let views: Vec<Vec<u8>> = if embedder.mirror {
        let both = |crop: Vec<u8>| [vow_vision::mirrored(&crop, embedder.size), crop];
        crops.into_iter().flat_map(both).collect()
    } else {
        crops
    };
    let asked = views.len();
    let raw = networks.faces.embed(views, lane).map_err(AnalyseError::Embed)?;
    count(progress, Stage::Embed, raw.busy, raw.waited);
    if raw.value.len() != asked {
        return Err(AnalyseError::FacesLost { asked, got: raw.value.len() });
    }
    let each = if embedder.mirror { 2 } else { 1 };
    let mut vectors = raw.value.into_iter();
    Ok((0..asked / each).map(|_| vectors.by_ref().take(each).collect()).collect())
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
