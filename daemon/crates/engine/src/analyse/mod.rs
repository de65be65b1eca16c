//! One photo's way from bytes to faces. Knows nothing of queues and stores.

mod cut;
mod describe;
mod look;
mod pixels;
mod point;

use std::sync::Arc;
use std::time::Duration;

use vow_infer::{FaceEngine, InferError};
use vow_media::{Buffers, Header, MediaError};
use vow_store::NewFace;
use vow_types::{
    Detection, EmbedderSpec, EmbeddingError, Lane, Orientation, RelBox, RelPoint, Size, Stage, num,
};
use vow_vision::{PictureView, Standing, VisionError};

use crate::budget::{Budget, Closed, Holds};
use crate::progress::Progress;
use describe::described;
use look::Eyes;
use pixels::{Opened, WORKING};

/// Two boxes that overlap by so much (intersection over union) are at one place.
pub(crate) const SAME_PLACE: f32 = 0.3;

/// Why a photo has no faces to store. The stage is where it stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnalyseError {
    #[error(transparent)]
    Closed(#[from] Closed),
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
            Self::Closed(_) => Stage::Decode,
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
}

impl Networks {
    /// Bytes of a face's crops.
    fn crop_bytes(&self) -> usize {
        let (side, views) = (num::index(self.embedder.size), if self.embedder.mirror { 2 } else { 1 });
        3 * side * side * views
    }
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
/// Where neither that nor the file says anything, and no face surely stands upright, one find is looked at from near in all four
/// ways; where that does not tell, the picture is turned by 90, 180 and 270 degrees in its small frames and looked at again, once
/// (see [`Standing`]): three times the detector's work more for photos without faces and without a tag.
pub(crate) fn analyse(
    (bytes, header): (&[u8], &Header),
    (turn, drawn): (Option<Orientation>, &[RelBox]),
    (networks, lane): (&Networks, Lane),
    buffers: &mut Buffers,
    budget: &Arc<Budget>,
    progress: &Progress,
) -> Result<Analysed, AnalyseError> {
    let opened = pixels::open((bytes, header), buffers, (&networks.faces, lane), budget, progress)?;
    let Opened { photo, share, announced: _announced } = opened;
    let whole = photo.whole();
    let view = PictureView::new(whole.size, whole.pixels).map_err(AnalyseError::Frame)?;

    let known = header.orientation.or(turn);
    let eyes = Eyes { networks, coded: header.coded, lane, progress };
    let seen = eyes.see([view, view], known.unwrap_or_default())?;
    let better = match known {
        None if !networks.standing.is_sure(seen.surest) => eyes.turned(&seen, view)?,
        _ => None,
    };
    let turn = better.as_ref().map(|(turn, _)| *turn);
    let orientation = turn.or(known).unwrap_or_default();
    // What was found is relative to what was decoded, which is not always exactly the coded picture.
    let in_photo = |p: RelPoint| orientation.to_upright(whole.to_coded(orientation.to_coded(p)));
    // The frames are of no more use, and their memory is the faces' from here on.
    let found = seen.into_found();
    let finds = better.map_or(found, |(_, found)| found);
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
    let (lane, coded) = (Lane::Live, header.coded);
    let share = budget.take(Holds::Picture, most, lane)?;
    photo.decode(vow_media::Scale::Full)?;
    let eyes = Eyes { networks, coded, lane, progress };
    let face = point::point_out(photo.whole(), area, orientation, &eyes)?;
    let finds = vec![face.mapped(|p| orientation.to_upright(p))];
    let faces = described((finds, orientation), header, (photo, share), (networks, lane), progress)?;
    Ok(faces.into_iter().next())
}

fn count(progress: &Progress, stage: Stage, busy: Duration, waited: Duration) {
    progress.add_busy(stage, busy);
    progress.add_waited(stage, waited);
}

/// The shorter side of a stored face in pixels of the frame it was found in, for the quality gate. Everything here is the
/// same after a quarter turn, so the coded box and size serve.
pub(crate) fn side_in_frame(bbox: RelBox, coded: Size, shapes: &[Size]) -> f32 {
    let side = bbox.shorter_px(coded);
    let Some(shape) = vow_vision::choose_shape(coded, shapes) else { return side };
    let scale = (num::to_f32(shape.width) / num::to_f32(coded.width.max(1)))
        .min(num::to_f32(shape.height) / num::to_f32(coded.height.max(1)));
    side * scale
}
