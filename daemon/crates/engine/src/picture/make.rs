//! From the bytes of a file to a picture to look at: decoded as small as will do, cut, scaled, turned upright, coded. Knows
//! nothing of the store.

use std::sync::Arc;

use jpeg_encoder::{ColorType, Encoder, EncodingError};
use vow_media::{Buffers, Decoding, Header, MediaError, Scale, View};
use vow_types::num::{floor_u32, index, round_u32, to_f32};
use vow_types::{Lane, Orientation, PxBox, RelBox, Size};
use vow_vision::{PictureView, VisionError};

use super::Jpeg;
use crate::budget::{Budget, Closed, Holds};
use crate::closeness;

/// Side of the square around a face, in longer sides of the face's box: hair, chin and a little of the surroundings.
const AROUND: f32 = 1.6;
/// Of the JPEGs that are made, of 100.
const QUALITY: u8 = 85;
/// Pixels by which a part may be decoded larger than asked for, each way: two whole groups of blocks.
const GROUPS: u32 = 64;

/// What a picture is to show, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Box of a face, relative to the coded picture; `None`: all of it.
    pub(super) place: Option<RelBox>,
    pub(super) orientation: Orientation,
    /// Pixels of the longer side, at most.
    pub(super) side: u32,
}

/// Why there is no picture of a file that could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PictureError {
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error("the picture could not be scaled")]
    Scaled(#[from] VisionError),
    #[error("the face lies outside of the picture")]
    Outside,
    #[error("the picture could not be written as JPEG")]
    Coded(#[from] EncodingError),
}

/// The picture. Waits for memory to decode in; somebody waits for it, so the backlog has none before.
pub(super) fn picture(
    bytes: &[u8],
    header: &Header,
    wanted: Wanted,
    budget: &Arc<Budget>,
) -> Result<Jpeg, PictureError> {
    let square = wanted.place.map(|place| around(place, header.coded));
    let longest = square.map_or(header.coded.width.max(header.coded.height), |square| square.side);
    let enough = |scale: &Scale| scale.of(Size { width: longest, height: 1 }).width >= wanted.side;
    let close = Scale::ALL.into_iter().find(enough).unwrap_or(Scale::Full);
    let mut whole = match square {
        _ if !header.scalable => Scale::Full,
        Some(_) => Scale::Eighth,
        None => close,
    };
    let mut buffers = Buffers::default();
    let mut photo = Decoding::new(bytes, header, &mut buffers);
    loop {
        let part = square.map_or(0, |square| square.bytes(close));
        let most = closeness::bytes(header, whole).saturating_add(closeness::bytes_afterwards(header));
        let frame = u64::from(wanted.side).saturating_mul(u64::from(wanted.side)).saturating_mul(9);
        let most = most.saturating_add(part).saturating_add(frame);
        let _share = budget.take(Holds::Picture, most, Lane::Live)?;
        if photo.decode(whole)? {
            let Some(square) = square else {
                let View { size, pixels, .. } = photo.whole();
                return coded(size, pixels, wanted);
            };
            if let Some((side, pixels)) = cut(&mut photo, square.area(header.coded), close) {
                return coded(Size { width: side, height: side }, &pixels, wanted);
            }
            if whole == Scale::Full {
                return Err(PictureError::Outside);
            }
        }
        // Such a file has its picture, or a part of it, only as coded.
        whole = Scale::Full;
    }
}

/// A square in pixels of the coded picture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Square {
    left: f32,
    top: f32,
    side: u32,
}

/// The square around a face: with a margin, moved into the picture where it would reach out of it.
fn around(place: RelBox, coded: Size) -> Square {
    let PxBox { left, top, right, bottom } = place.to_px(coded);
    let most = coded.width.min(coded.height).max(1);
    let side = round_u32((right - left).max(bottom - top) * AROUND).clamp(1, most);
    let start = |from: f32, to: f32, of: u32| {
        ((from + to - to_f32(side)) / 2.0).clamp(0.0, to_f32(of.saturating_sub(side)))
    };
    Square { left: start(left, right, coded.width), top: start(top, bottom, coded.height), side }
}

impl Square {
    fn area(self, coded: Size) -> RelBox {
        let side = to_f32(self.side);
        let (right, bottom) = (self.left + side, self.top + side);
        PxBox { left: self.left, top: self.top, right, bottom }.to_rel(coded)
    }

    /// Bytes that the part takes while it is decoded and cut.
    fn bytes(self, scale: Scale) -> u64 {
        let side = self.side.saturating_add(GROUPS);
        scale.of(Size { width: side, height: side }).pixels().saturating_mul(6)
    }
}

/// The pixels of a square of the photo, at this scale or a larger one; `None` where the file does not show it.
fn cut(photo: &mut Decoding<'_>, area: RelBox, scale: Scale) -> Option<(u32, Vec<u8>)> {
    if photo.scale().samples() >= scale.samples() {
        return square_of(photo.whole(), area);
    }
    square_of(photo.closer(area, scale)?, area)
}

fn square_of(view: View<'_>, area: RelBox) -> Option<(u32, Vec<u8>)> {
    let px = area.mapped(|p| view.within(p)).to_px(view.size);
    let Size { width, height } = view.size;
    let (left, top) = (floor_u32(px.left.max(0.0)), floor_u32(px.top.max(0.0)));
    let side = round_u32(px.right - px.left).max(1);
    let side = side.min(width.checked_sub(left)?).min(height.checked_sub(top)?);
    if side == 0 {
        return None;
    }
    let mut pixels = Vec::with_capacity(index(side) * index(side) * 3);
    for row in top..top + side {
        let from = (index(row) * index(width) + index(left)) * 3;
        pixels.extend_from_slice(view.pixels.get(from..from + index(side) * 3)?);
    }
    Some((side, pixels))
}

/// Scaled down to what is wanted, turned upright, and written as JPEG.
fn coded(size: Size, pixels: &[u8], wanted: Wanted) -> Result<Jpeg, PictureError> {
    let side = wanted.side.min(size.width.max(size.height));
    let room = Size { width: side, height: side };
    let framed = vow_vision::frame(PictureView::new(size, pixels)?, wanted.orientation, room)?;
    let size = framed.fitted;
    let small = framed.picture();
    // Sides of at most 4096 fit.
    let [width, height] = [size.width, size.height].map(|side| u16::try_from(side).unwrap_or(u16::MAX));
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, QUALITY).encode(&small, width, height, ColorType::Rgb)?;
    Ok(Jpeg { bytes: bytes.into(), size })
}

#[cfg(test)]
#[path = "make_tests.rs"]
mod tests;
