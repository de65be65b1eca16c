//! WebP as a list of RIFF chunks (RFC 9649): which of them are the picture, whether their sizes agree, and where the
//! EXIF block lies. Decoding is `raster`'s business.

use vow_types::num::index;
use vow_types::{ContentId, Size};

use crate::identity::Identity;
use crate::{Format, MediaError};

/// `RIFF`, length, `WEBP`.
const HEADER: usize = 12;
/// Position, size and timing of an animation's frame, before its own chunks.
const FRAME_HEADER: usize = 16;
/// `VP8X` flags: frames, transparency.
const ANIMATED: u8 = 0x02;
const ALPHA: u8 = 0x10;

/// Identity and EXIF block.
///
/// The picture is the coded data (`VP8 `, `VP8L`, `ALPH`, and for an animation its frames and canvas), and whether
/// transparency counts. `VP8X` itself is no part of a still picture: adding EXIF to a plain file creates it.
///
/// # Errors
/// [`MediaError::Truncated`] when the file ends before its picture does; [`MediaError::Damaged`] when the coded data
/// announces another size than the file: a decoder would allocate for the larger.
pub(crate) fn walk(bytes: &[u8]) -> Result<(ContentId, Option<&[u8]>), MediaError> {
    let mut identity = Identity::new(Format::WebP);
    let (mut exif, mut extended) = (None, None);
    let mut found = false;
    let mut alpha = false;
    for chunk in (Chunks { bytes: declared(bytes), at: HEADER }) {
        let Some((kind, body)) = chunk else {
            if found {
                break;
            }
            return Err(MediaError::truncated("the file ends inside of the WebP's picture data"));
        };
        match kind {
            b"VP8X" if extended.is_none() => {
                let header = Extended::parse(body).ok_or_else(|| damaged("its VP8X chunk is too short"))?;
                alpha = header.flags & ALPHA != 0;
                if header.flags & ANIMATED != 0 {
                    identity.part(b"VP8X", body.get(4..10).unwrap_or_default());
                }
                extended = Some(header);
            }
            b"VP8 " | b"VP8L" => {
                let (size, coded_alpha) =
                    coded_size(kind, body).ok_or_else(|| damaged("its frame has no header"))?;
                match &extended {
                    Some(header) if header.canvas != size => return Err(damaged("its two sizes contradict")),
                    Some(_) => {}
                    None => alpha = coded_alpha,
                }
                identity.part(kind, body);
                found = true;
            }
            b"ANMF" => {
                check_frame(body)?;
                identity.part(kind, body);
                found = true;
            }
            b"ALPH" | b"ANIM" => identity.part(kind, body),
            b"EXIF" => exif = exif.or(Some(body)),
            _ => {}
        }
    }
    if !found {
        return Err(damaged("it holds no picture data"));
    }
    identity.part(b"alfa", &[u8::from(alpha)]);
    Ok((identity.finish(), exif))
}

fn damaged(what: &'static str) -> MediaError {
    MediaError::damaged(Format::WebP, what)
}

/// The bytes that the RIFF header claims, as far as they are there: what follows is none of the file's business.
fn declared(bytes: &[u8]) -> &[u8] {
    let len = bytes.get(4..8).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes);
    bytes.get(..index(len).saturating_add(8)).unwrap_or(bytes)
}

/// A frame's data must have the size that the frame claims; what a frame covers of the canvas the decoder checks.
fn check_frame(body: &[u8]) -> Result<(), MediaError> {
    let claimed = body.get(6..12).and_then(size_less_one).ok_or_else(|| damaged("a frame is too short"))?;
    for (kind, data) in (Chunks { bytes: body, at: FRAME_HEADER }).flatten() {
        if matches!(kind, b"VP8 " | b"VP8L") && coded_size(kind, data).is_none_or(|(size, _)| size != claimed)
        {
            return Err(damaged("the sizes of a frame contradict"));
        }
    }
    Ok(())
}

struct Extended {
    flags: u8,
    canvas: Size,
}

impl Extended {
    fn parse(body: &[u8]) -> Option<Self> {
        Some(Self { flags: *body.first()?, canvas: size_less_one(body.get(4..10)?)? })
    }
}

/// Two numbers of three bytes, each one less than what it means.
fn size_less_one(six: &[u8]) -> Option<Size> {
    let &[a, b, c, d, e, f] = six else { return None };
    let side = |low, middle, high| u32::from_le_bytes([low, middle, high, 0]) + 1;
    Some(Size { width: side(a, b, c), height: side(d, e, f) })
}

/// Size in the coded data itself (RFC 6386, 9.1; RFC 9649, 3.4), and whether it says that it is transparent.
fn coded_size(kind: &[u8; 4], body: &[u8]) -> Option<(Size, bool)> {
    if kind == b"VP8L" {
        let (signature, rest) = body.split_first()?;
        let bits = u32::from_le_bytes(*rest.first_chunk::<4>()?);
        let size = Size { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
        return (*signature == 0x2f).then_some((size, bits >> 28 & 1 != 0));
    }
    let &[w0, w1, h0, h1] = body.get(6..10)? else { return None };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((Size { width: side(w0, w1), height: side(h0, h1) }, false))
}

/// Chunks one after another: a name and a body, or `None` for a last one that the end of the file cuts off.
struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Option<(&'a [u8; 4], &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let cut = |chunks: &mut Self| {
            chunks.at = chunks.bytes.len();
            Some(None)
        };
        let Some((kind, tail)) = rest.split_first_chunk::<4>() else { return cut(self) };
        let Some((len, tail)) = tail.split_first_chunk::<4>() else { return cut(self) };
        let len = index(u32::from_le_bytes(*len));
        let Some(body) = tail.get(..len) else { return cut(self) };
        // Bodies of odd length are followed by one byte of padding.
        self.at += 8 + len + len % 2;
        Some(Some((kind, body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        for (kind, data) in chunks {
            body.extend_from_slice(*kind);
            body.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
            body.extend_from_slice(data);
            body.resize(body.len().next_multiple_of(2), 0);
        }
        [b"RIFF", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
    }

    const PLAIN: &[u8] = b"\0\0\0\x9d\x01\x2a\x02\0\x03\0data";
    const CANVAS: &[u8] = b"\x08\0\0\0\x01\0\0\x02\0\0";

    #[test]
    fn metadata_does_not_name_the_photo() {
        let plain = riff(&[(b"VP8 ", PLAIN)]);
        let tagged = riff(&[(b"VP8X", CANVAS), (b"ICCP", b"x"), (b"VP8 ", PLAIN), (b"EXIF", b"II*\0abc")]);
        let other = riff(&[(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x02\0\x03\0datb")]);
        let (id, exif) = walk(&plain).unwrap();
        assert_eq!(exif, None);
        assert_eq!(walk(&tagged).unwrap(), (id, Some(&b"II*\0abc"[..])));
        assert_ne!(walk(&other).unwrap().0, id);
    }

    #[test]
    fn contradicting_sizes_are_refused() {
        let big: &[u8] = b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3fdata";
        assert!(matches!(walk(&riff(&[(b"VP8X", CANVAS), (b"VP8 ", big)])), Err(MediaError::Damaged { .. })));
        let frame = [&b"\0\0\0\0\0\0\x01\0\0\x02\0\0\0\0\0\0VP8 \x0e\0\0\0"[..], big].concat();
        let animated: &[u8] = b"\x02\0\0\0\x01\0\0\x02\0\0";
        assert!(matches!(
            walk(&riff(&[(b"VP8X", animated), (b"ANMF", &frame)])),
            Err(MediaError::Damaged { .. })
        ));
    }

    #[test]
    fn a_cut_is_seen_unless_it_only_costs_metadata() {
        let whole = riff(&[(b"VP8X", CANVAS), (b"VP8 ", PLAIN), (b"EXIF", b"II*\0abc")]);
        let picture_end = whole.len() - 16;
        let id = walk(&whole).unwrap().0;
        for len in HEADER..whole.len() {
            match walk(&whole[..len]) {
                Ok((own, _)) => assert!(own == id && len >= picture_end, "{len}"),
                Err(_) => assert!(len < picture_end, "{len}"),
            }
        }
    }
}
