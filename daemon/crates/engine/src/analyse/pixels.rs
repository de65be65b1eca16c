//! A photo's pixels, decoded as small as will do within the budget. How small that is, `closeness` says; cutting out its
//! faces is left to `cut`.

use std::sync::Arc;

use vow_infer::{Announced, FaceEngine};
use vow_media::{Buffers, Decoding, Header, Scale};
use vow_types::{Lane, Stage, num};

use super::AnalyseError;
use crate::budget::{Budget, Holds, Share};
use crate::closeness;
use crate::progress::Progress;

/// Bytes that a photo takes beside its pixels: the frames of both looks and of their turns; after those the faces that are
/// looked at closer at the same time, and the crops that are embedded together. However many faces there are, no more of them
/// are on their way at once (see `cut::ROUND` and `describe::TOGETHER`).
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
    (faces, lane): (&FaceEngine, Lane),
    budget: &Arc<Budget>,
    progress: &Progress,
) -> Result<Opened<'a>, AnalyseError> {
    let mut photo = Decoding::new(bytes, header, buffers);
    let mut scale = closeness::of_whole(header);
    loop {
        let most = closeness::bytes(header, scale).saturating_add(WORKING);
        let mut share = budget.take(Holds::Picture, most, lane)?;
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
