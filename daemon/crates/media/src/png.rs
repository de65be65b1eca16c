//! PNG as a list of chunks (ISO/IEC 15948): which of them are the picture, and where the EXIF block lies.
//! Decoding is `raster`'s business.

use vow_types::ContentId;
use vow_types::num::{index, len_u64};

use crate::identity::Identity;
use crate::{Format, MediaError};

/// The eight bytes before the first chunk.
const SIGNATURE: usize = 8;

/// Identity and EXIF block (`eXIf`).
///
/// The picture is every critical chunk (capital first letter: `IHDR`, `PLTE`, `IDAT`) and `tRNS`. Texts, times, EXIF,
/// colour profiles and the frames of an animation after the first do not change the pixels that are decoded. How the
/// data is cut into `IDAT` chunks does not change the identity.
///
/// # Errors
/// [`MediaError::Truncated`] when the file ends before the last `IDAT` does.
pub(crate) fn walk(bytes: &[u8]) -> Result<(ContentId, Option<&[u8]>), MediaError> {
    let mut identity = Identity::new(Format::Png);
    let (mut exif, mut data_len) = (None, None::<u64>);
    let mut at = SIGNATURE;
    loop {
        let Some((kind, body, next)) = chunk(bytes, at) else {
            // Only the end mark or a comment behind the picture is missing: the picture is whole.
            let starts_in_data = bytes.get(at + 4..at + 8) == Some(b"IDAT");
            if data_len.is_some() && !starts_in_data {
                break;
            }
            return Err(MediaError::truncated("the file ends inside of the PNG's picture data"));
        };
        at = next;
        if kind == b"IDAT" {
            if data_len.is_none() {
                identity.begin(b"IDAT");
            }
            identity.add(body);
            data_len = Some(data_len.unwrap_or(0) + len_u64(body.len()));
            continue;
        }
        match kind {
            b"IEND" => break,
            b"eXIf" => exif = exif.or(Some(body)),
            // After the data nothing can change it any more.
            _ if data_len.is_some() => {}
            b"tRNS" => identity.part(kind, body),
            [first, ..] if first.is_ascii_uppercase() => identity.part(kind, body),
            _ => {}
        }
    }
    let Some(len) = data_len else {
        return Err(MediaError::damaged(Format::Png, "it holds no picture data (no IDAT chunk)"));
    };
    identity.end(len);
    Ok((identity.finish(), exif))
}

/// Name and body of the chunk at this offset, and the offset behind its checksum.
fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8; 4], &[u8], usize)> {
    let (len, rest) = bytes.get(at..)?.split_first_chunk::<4>()?;
    let len = index(u32::from_be_bytes(*len));
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let body = rest.get(..len)?;
    Some((kind, body, at + 12 + len))
}
