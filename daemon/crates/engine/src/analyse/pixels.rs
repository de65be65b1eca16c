//! A photo's pixels: decoded as small as will do within the budget, and its faces cut out, from a closer look where that
//! shows more. How small and how close, `closeness` says.

use std::sync::Arc;
use std::time::Instant;

use vow_infer::{Announced, FaceEngine};
use vow_media::{Buffers, Decoding, Header, MediaError, Scale, View};
use vow_types::{Landmarks, Orientation, RelPoint, Size, Stage, num};
use vow_vision::{PictureView, VisionError};

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
            share.shrink_to(num::len_u64(photo.whole().pixels.len()).saturating_add(WORKING));
            return Ok(Opened { photo, share, announced });
        }
        // A damaged file may prove to have its picture as coded only. That takes more memory; this share is given back
        // before, so that nobody who holds one waits for another.
        scale = Scale::Full;
    }
}

/// An aligned face, from as many pixels as it needs if the photo has them. `landmarks` are relative to the photo as
/// `orientation` turns it upright.
pub(super) fn crop(
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
