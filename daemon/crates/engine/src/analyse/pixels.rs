//! A photo's pixels: decoded as small as will do within the budget, and its faces cut out, from a closer look where that
//! shows more; with a closer look at their landmarks where the pack wants it. How small and how close, `closeness` says.

use std::sync::Arc;
use std::time::Instant;

use vow_infer::{Announced, FaceEngine};
use vow_media::{Buffers, Decoding, Header, MediaError, Scale, View};
use vow_types::{Landmarks, Lane, Orientation, RelPoint, Size, Stage, num};
use vow_vision::{CLOSE_UP, Framed, PictureView};

use super::{AnalyseError, Networks};
use crate::budget::{Budget, Holds, Share};
use crate::closeness;
use crate::progress::Progress;

/// Bytes that a photo takes beside its pixels: the frames of both looks and of their turns, the crops of a hundred faces, and
/// one face looked at closer.
pub(super) const WORKING: u64 = 8 << 20;

/// A photo in memory.
pub(super) struct Opened<'a> {
    pub(super) photo: Decoding<'a>,
    /// Its part of the budget: its pixels, and [`WORKING`].
    pub(super) share: Share,
    pub(super) announced: Announced,
}

/// The photo as small as will do.
pub(super) fn open<'a>(
    (bytes, header): (&'a [u8], &Header),
    buffers: &'a mut Buffers,
    faces: &FaceEngine,
    budget: &Arc<Budget>,
    progress: &Progress,
) -> Result<Opened<'a>, MediaError> {
    let mut photo = Decoding::new(bytes, header, buffers);
    let mut scale = closeness::of_whole(header);
    loop {
        let most = closeness::bytes(header, scale).saturating_add(WORKING);
        let mut share = budget.take(Holds::Picture, most);
        // Not before: batches wait a moment for photos that were announced, and need not for one that waits for memory.
        let announced = faces.announce();
        if progress.timed(Stage::Decode, || photo.decode(scale))? {
            let kept =
                num::len_u64(photo.whole().pixels.len()).saturating_add(closeness::bytes_afterwards(header));
            share.shrink_to(kept.saturating_add(WORKING));
            return Ok(Opened { photo, share, announced });
        }
        // A damaged file may prove to have its picture as coded only. That takes more memory; this share is given back
        // before, so that nobody who holds one waits for another.
        scale = Scale::Full;
    }
}

/// A face cut out, and where its landmarks are.
pub(super) struct Cut {
    /// Aligned, RGB8.
    pub(super) crop: Vec<u8>,
    /// As they were given, or as a closer look at the face has it.
    pub(super) landmarks: Landmarks,
}

/// An aligned face, from as many pixels as it needs if the photo has them. `landmarks` are relative to the photo as
/// `orientation` turns it upright.
///
/// # Errors
/// When the landmarks are of no use, or the closer look fails.
pub(super) fn cut(
    photo: &mut Decoding<'_>,
    (coded, orientation): (Size, Orientation),
    landmarks: &Landmarks,
    (networks, lane): (&Networks, Lane),
    progress: &Progress,
) -> Result<Cut, AnalyseError> {
    let side = networks.embedder.size;
    let reach = vow_vision::reach(coded, orientation, landmarks, side).map_err(AnalyseError::Crop)?;
    let look = Look { orientation, networks, lane, progress };
    if let Some(scale) = closeness::of_face(reach.density, photo.scale()) {
        let start = Instant::now();
        let close = photo.closer(reach.area, scale);
        progress.add_busy(Stage::Decode, start.elapsed());
        if let Some(view) = close {
            return look.cut_from(view, landmarks);
        }
    }
    look.cut_from(photo.whole(), landmarks)
}

/// What a face is cut out with.
struct Look<'a> {
    orientation: Orientation,
    networks: &'a Networks,
    lane: Lane,
    progress: &'a Progress,
}

impl Look<'_> {
    fn cut_from(&self, view: View<'_>, landmarks: &Landmarks) -> Result<Cut, AnalyseError> {
        let orientation = self.orientation;
        let in_view = |p: RelPoint| orientation.to_upright(view.within(orientation.to_coded(p)));
        let in_photo = |p: RelPoint| orientation.to_upright(view.to_coded(orientation.to_coded(p)));
        let picture = PictureView::new(view.size, view.pixels).map_err(AnalyseError::Crop)?;
        let inside = Landmarks(landmarks.0.map(in_view));
        let refined = self.refined(picture, &inside)?;
        let side = self.networks.embedder.size;
        let align = || vow_vision::crop(picture, orientation, refined.as_ref().unwrap_or(&inside), side);
        let crop = self.progress.timed(Stage::Align, align).map_err(AnalyseError::Crop)?;
        let landmarks = refined.map_or(*landmarks, |refined| Landmarks(refined.0.map(in_photo)));
        Ok(Cut { crop, landmarks })
    }

    /// Where closer looks have the landmarks, which are relative to the upright picture; `None` where the pack does not
    /// want one, or its detector has no frame for it.
    fn refined(
        &self,
        picture: PictureView<'_>,
        landmarks: &Landmarks,
    ) -> Result<Option<Landmarks>, AnalyseError> {
        let faces = &self.networks.faces;
        if !self.networks.embedder.refine || faces.close_up() != CLOSE_UP {
            return Ok(None);
        }
        let looks = || vow_vision::closer_looks(picture, self.orientation, landmarks);
        let [plain, mirrored] = self.progress.timed(Stage::Align, looks).map_err(AnalyseError::Crop)?;
        let see = |frame: Framed| {
            let found = faces.detect(frame, self.lane).map_err(AnalyseError::Detect)?;
            super::count(self.progress, Stage::Detect, found.busy, found.waited);
            Ok::<_, AnalyseError>(found.value)
        };
        let (plain, mirrored) = (see(plain)?, see(mirrored)?);
        let upright = self.orientation.upright_size(picture.size);
        Ok(Some(vow_vision::refined(upright, landmarks, [&plain, &mirrored])))
    }
}
