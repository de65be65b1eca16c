//! HEIC: a picture coded with HEVC (H.265) in the boxes of HEIF (ISO/IEC 23008-12), whole or as a grid of tiles. What
//! phones write.
//!
//! What the file says is read here: which items make up its picture ([`meta`], [`plan`]), how it stands, whether all of it is
//! there, what names it. Samples come from `vow-hevc`, one tile at a time ([`tile`]), and become RGB at once
//! ([`colour`]), so that no more than one tile is held besides the picture.
//!
//! - **It is not turned.** HEIF says with properties of its own (`irot`, `imir`) how a picture is turned for showing; they
//!   become the orientation that travels beside it. An EXIF orientation does not count in HEIF (it says how the camera was
//!   held, and the turning has been written down already), but where there are no such properties and EXIF says anything
//!   but upright, how the picture stands is not known.
//! - **What names it** are the coded data of its tiles with their parameter sets, how they are put together and cut, and
//!   which colours their numbers mean. Neither EXIF and XMP nor how it is turned, nor thumbnails, depth and gain maps, nor where in the
//!   file all that lies.
//! - **Is all of it there?** Every tile's data must lie within the file, must be whole units, and none of them may end with a
//!   zero, which no unit does: so zeros for an end are seen as well.
//! - **Transparency is not looked at**: a picture that has some shows what is coded beneath.
//!
//! Time is bounded by what was announced: a tile's parts must follow one another without an overlap, and tiles cover no more
//! than the picture and a rest of one tile at its edges.

mod colour;
mod meta;
mod plan;
mod tile;

use std::borrow::Cow;

use vow_types::num::{index, len_u64};
use vow_types::{ContentId, Orientation, Size};

use crate::guard::guarded;
use crate::identity::Identity;
use crate::metadata::{self, Metadata};
use crate::{Format, MediaError, jpeg};
use colour::Window;
use meta::Items;
use plan::Plan;

/// Bytes that decoding takes for each pixel of a tile: three planes of 16 bit with full colour, and once more while they are
/// filtered or cut, and what is known of each block.
const BYTES_A_PIXEL: u64 = 14;

/// What a file says about itself.
pub(crate) struct Inspected {
    pub(crate) size: Size,
    pub(crate) content: ContentId,
    pub(crate) metadata: Metadata,
    /// Most bytes that decoding holds besides the picture.
    pub(crate) working: u64,
}

/// Size, identity and metadata; no pixel is decoded.
///
/// # Errors
/// [`MediaError::Truncated`] where the file ends before its picture does, [`MediaError::UnsupportedCoding`] for what is in the same
/// boxes and is no picture of HEVC or none as cameras write them, [`MediaError::TooManyPixels`] for tiles that cover more.
pub(crate) fn inspect(bytes: &[u8], max_pixels: u64) -> Result<Inspected, MediaError> {
    let items = Items::read(bytes)?;
    let plan = Plan::of(&items)?;
    let covered = plan.covered()?;
    if covered.pixels() > max_pixels {
        return Err(MediaError::TooManyPixels { size: covered, limit: max_pixels });
    }
    let mut identity = Identity::new(Format::Heic);
    plan.name(&mut identity);
    let mut total = 0;
    for tile in &plan.tiles {
        identity.part(b"hvcC", tile.config);
        identity.begin(b"item");
        let pieces = items.pieces(tile.item)?;
        let len: u64 = pieces.iter().map(|piece| len_u64(piece.len())).sum();
        // Tiles that share their data could have a small file read for ever.
        total += len;
        if total > len_u64(bytes.len()) {
            return Err(damaged("its tiles overlap"));
        }
        for piece in &pieces {
            identity.add(piece);
        }
        identity.end(len);
        tile::check(tile.config, &joined(&pieces))?;
    }
    let exif = items.exif().map(|block| metadata::read(&block)).unwrap_or_default();
    let orientation = plan.orientation.or(exif.orientation.filter(|own| *own == Orientation::Upright));
    Ok(Inspected {
        size: plan.shown,
        content: identity.finish(),
        metadata: Metadata { orientation, taken: exif.taken },
        working: plan.tile.pixels().saturating_mul(BYTES_A_PIXEL),
    })
}

/// RGB8, rows from top to bottom, into `pixels`, whose memory is used again.
///
/// # Errors
/// When the picture is cut off or damaged, or of another size than `expected`. `pixels` then holds anything.
pub(crate) fn decode(bytes: &[u8], expected: Size, pixels: &mut Vec<u8>) -> Result<(), MediaError> {
    let items = Items::read(bytes)?;
    let plan = Plan::of(&items)?;
    if plan.shown != expected {
        return Err(MediaError::OtherPicture { expected, found: plan.shown });
    }
    jpeg::blank(pixels, index(expected.width) * index(expected.height) * 3);
    for (at, tile) in (0u32..).zip(&plan.tiles) {
        let pieces = items.pieces(tile.item)?;
        let data = joined(&pieces);
        let drawn = guarded(|| {
            let frame = tile::decode(tile.config, &data, plan.tile)?;
            let Some(window) = Window::of(&plan, at) else { return Ok(()) };
            colour::draw(&frame, tile.colours, window, pixels)
        });
        drawn.map_err(|message| MediaError::DecoderFault { format: Format::Heic, message })??;
    }
    Ok(())
}

/// Data that lies in one piece, as it nearly always does, is not copied.
fn joined<'a>(pieces: &[&'a [u8]]) -> Cow<'a, [u8]> {
    match pieces {
        [only] => Cow::Borrowed(only),
        _ => Cow::Owned(pieces.concat()),
    }
}

fn damaged(what: &'static str) -> MediaError {
    MediaError::damaged(Format::Heic, what)
}

fn uncommon(what: impl Into<String>) -> MediaError {
    MediaError::UnsupportedCoding { format: Format::Heic, what: what.into() }
}
