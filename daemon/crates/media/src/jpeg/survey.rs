//! One walk over a JPEG file: everything that has to be known before it is decoded, except its pixels.

use vow_types::num::len_u64;

use super::frame::{Frame, Scan, adobe_transform, restart_interval};
use super::scaled::notes_of;
use super::walk::{End, Piece, Walk, marker};
use crate::{Format, MediaError};

/// What one walk over the file shows, beside its pieces.
pub(super) struct Survey {
    pub(super) frame: Frame,
    /// Adobe's colour transform, if it is one that exists.
    pub(super) adobe: Option<u8>,
    /// Offset behind the last piece, and behind the end-of-image marker if there is one.
    pub(super) len: usize,
    /// Something speaks against all of it being there: no end, restart markers missing, fewer bits than blocks.
    pub(super) doubtful: bool,
    /// A sequential picture in more than one scan. Whether all of it is there, zune-jpeg does not say.
    pub(super) scattered: bool,
    /// A sequential picture in one scan: what nearly every camera writes.
    pub(super) single_scan: bool,
    /// The same, without restarts.
    pub(super) plain_scan: bool,
    /// Bytes of entropy-coded data, of all scans together.
    pub(super) coded: usize,
    /// Bytes of notes that reading all of its scans block by block would leave.
    pub(super) notes: u64,
    /// Nothing in it makes a strict decoder stumble that is harmless.
    pub(super) tidy: bool,
}

impl Survey {
    /// Walks, and shows `each` piece on the way.
    ///
    /// # Errors
    /// When there is no picture data, or a frame header of a coding that is not read.
    pub(super) fn take<'a>(bytes: &'a [u8], mut each: impl FnMut(Piece<'a>)) -> Result<Self, MediaError> {
        let (mut frame, mut scan) = (None::<Frame>, None::<Scan>);
        let (mut adobe, mut interval, mut tidy, mut behind_scan) = (None, 0, true, false);
        let (mut scans, mut coded, mut restarts_missing, mut notes) = (0u32, 0usize, 0u64, 0u64);
        let mut walk = Walk::new(bytes);
        for piece in walk.by_ref() {
            each(piece);
            behind_scan = scans > 0;
            match piece {
                Piece::Segment { marker: code, body } if marker::is_frame(code) && frame.is_none() => {
                    frame = Some(Frame::parse(code, body)?);
                }
                Piece::Segment { marker: marker::SOS, body } => {
                    scan = frame.as_ref().and_then(|frame| Scan::parse(frame, body));
                }
                Piece::Segment { marker: marker::DRI, body } => interval = restart_interval(body),
                Piece::Segment { marker: code, body } if marker::is_metadata(code) => {
                    // Between scans, a strict decoder does not expect everything that may stand there.
                    tidy &= scans == 0;
                    // zune-jpeg 0.5 reads five bytes of an APP0 segment that has four.
                    tidy &= code != marker::APP0 || body.len() != 4;
                    if let (marker::APP14, Some(transform)) = (code, adobe_transform(body)) {
                        tidy &= transform <= 2;
                        adobe = Some(transform).filter(|transform| *transform <= 2).or(adobe);
                    }
                }
                Piece::Segment { .. } => {}
                Piece::Coded { data, restarts } => {
                    behind_scan = false;
                    coded += data.len();
                    if let (Some(frame), Some(scan)) = (&frame, &scan) {
                        notes += notes_of(frame, scan, scans);
                        restarts_missing += missing(scan.units(frame), interval, restarts);
                    }
                    scans += 1;
                }
            }
        }
        let (end, len) = walk.end();
        let Some(frame) = frame.filter(|_| scans > 0) else {
            return Err(match end {
                End::Missing => MediaError::truncated("the file ends inside of the JPEG's header"),
                End::Marked => MediaError::damaged(Format::Jpeg, "it holds no picture data"),
                End::Broken => MediaError::damaged(Format::Jpeg, "a header segment has an impossible length"),
            });
        };
        let tidy = tidy && !behind_scan && walk.strays == 0 && end == End::Marked;
        // Restart markers are counted; and the decoder looks for one more behind the last interval.
        let single_scan = scans == 1 && !frame.progressive;
        let plain_scan = single_scan && interval == 0;
        let scattered = scans > 1 && !frame.progressive;
        // Nothing is allocated for a huge picture that a few bytes announce.
        let too_little = len_u64(coded).saturating_mul(8) < frame.blocks();
        let doubtful = end != End::Marked || restarts_missing > 0 || too_little;
        Ok(Self { frame, adobe, len, doubtful, scattered, single_scan, plain_scan, coded, notes, tidy })
    }
}

/// Restart markers that a scan of so many groups lacks; one stands between each two intervals.
fn missing(units: u64, interval: u32, found: u32) -> u64 {
    if interval == 0 {
        return 0;
    }
    units.div_ceil(interval.into()).saturating_sub(1).saturating_sub(found.into())
}
