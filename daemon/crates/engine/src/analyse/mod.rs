//! One photo's way from bytes to faces. Knows nothing of queues and stores.

mod look;
mod pixels;
mod point;

use std::sync::Arc;
use std::time::Duration;

use vow_infer::{FaceEngine, InferError};
use vow_media::{Buffers, Header, MediaError};
use vow_store::NewFace;
use vow_types::{
    Detection, EmbedderSpec, Embedding, EmbeddingError, Lane, Orientation, RelBox, RelPoint, Size, Stage,
    norm, num,
};
use vow_vision::{PictureView, Quality, Standing, VisionError};

use crate::budget::Budget;
use crate::progress::Progress;
use look::Eyes;
use pixels::{Cut, Opened, WORKING};

/// Two boxes that overlap by so much (intersection over union) are at one place.
pub(crate) const SAME_PLACE: f32 = 0.3;

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

/// Decodes, finds, aligns and embeds. `turn` is what an earlier look found about how the photo stands, `drawn` are the places
/// of faces that humans pointed out, relative to the coded picture: each has a face, whatever the detector says.
///
/// Where neither that nor the file says anything, and no face surely stands upright, the picture is turned by 90, 180 and
/// 270 degrees in its small frames and looked at again, once (see [`Standing`]): three times the detector's work more for
/// photos without faces and without a tag, and for the few whose faces are all unsure.
pub(crate) fn analyse(
    (bytes, header): (&[u8], &Header),
    (turn, drawn): (Option<Orientation>, &[RelBox]),
    (networks, lane): (&Networks, Lane),
    buffers: &mut Buffers,
    budget: &Arc<Budget>,
    progress: &Progress,
) -> Result<Analysed, AnalyseError> {
    let opened = pixels::open((bytes, header), buffers, &networks.faces, budget, progress)?;
    let Opened { photo, share, announced: _announced } = opened;
    let whole = photo.whole();
    let view = PictureView::new(whole.size, whole.pixels).map_err(AnalyseError::Frame)?;

    let known = header.orientation.or(turn);
    let eyes = Eyes { networks, coded: header.coded, lane, progress };
    let seen = eyes.see([view, view], known.unwrap_or_default())?;
    let better = match known {
        None if !networks.standing.is_sure(seen.surest) => eyes.turned(&seen)?,
        _ => None,
    };
    let turn = better.as_ref().map(|(turn, _)| *turn);
    let orientation = turn.or(known).unwrap_or_default();
    // What was found is relative to what was decoded, which is not always exactly the coded picture.
    let in_photo = |p: RelPoint| orientation.to_upright(whole.to_coded(orientation.to_coded(p)));
    let finds = better.map_or(seen.found, |(_, found)| found);
    let mut finds: Vec<Detection> = finds.into_iter().map(|face| face.mapped(in_photo)).collect();
    for area in drawn {
        let upright = area.mapped(|p| orientation.to_upright(p));
        if finds.iter().all(|face| !point::is_meant(face.bbox, upright)) {
            let face = point::point_out(whole, *area, orientation, &eyes)?;
            finds.push(face.mapped(|p| orientation.to_upright(p)));
        }
    }

    let faces = described((finds, orientation), header, (photo, share), (networks, lane), progress)?;
    Ok(Analysed { faces, turn })
}

/// The face at a place that a human pointed out, relative to the coded picture: from as many pixels as there are.
pub(crate) fn draw(
    (bytes, header): (&[u8], &Header),
    orientation: Orientation,
    area: RelBox,
    networks: &Networks,
    budget: &Arc<Budget>,
    progress: &Progress,
) -> Result<Option<NewFace>, AnalyseError> {
    let mut buffers = Buffers::default();
    let mut photo = vow_media::Decoding::new(bytes, header, &mut buffers);
    let most = crate::closeness::bytes(header, vow_media::Scale::Full).saturating_add(WORKING);
    let share = budget.take(crate::budget::Holds::Picture, most);
    photo.decode(vow_media::Scale::Full)?;
    let (lane, coded) = (Lane::Live, header.coded);
    let eyes = Eyes { networks, coded, lane, progress };
    let face = point::point_out(photo.whole(), area, orientation, &eyes)?;
    let finds = vec![face.mapped(|p| orientation.to_upright(p))];
    let faces = described((finds, orientation), header, (photo, share), (networks, lane), progress)?;
    Ok(faces.into_iter().next())
}

/// What the pack makes of finds, which are relative to the upright photo.
fn described(
    (finds, orientation): (Vec<Detection>, Orientation),
    header: &Header,
    (mut photo, mut share): (vow_media::Decoding<'_>, crate::budget::Share),
    (networks, lane): (&Networks, Lane),
    progress: &Progress,
) -> Result<Vec<NewFace>, AnalyseError> {
    let (mut found, mut crops) = (Vec::new(), Vec::new());
    for face in finds {
        let stands = (header.coded, orientation);
        match pixels::cut(&mut photo, stands, &face.landmarks, (networks, lane), progress) {
            Ok(Cut { crop, landmarks }) => {
                found.push(Detection { landmarks, ..face });
                crops.push(crop);
            }
            // Five points in one place are no face: the detector's mistake must not cost the photo.
            Err(AnalyseError::Crop(VisionError::Landmarks(error))) => {
                tracing::debug!(%error, "a find was dropped");
            }
            Err(error) => return Err(error),
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let upright = orientation.upright_size(header.coded);
    let qualities: Vec<Quality> = found
        .iter()
        .zip(&crops)
        .map(|(face, crop)| Quality::of(face, shorter_side(face.bbox, upright), crop))
        .collect();

    // While others embed, nobody waits for memory that this photo has no more use for.
    drop(photo);
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
    faces.collect()
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
