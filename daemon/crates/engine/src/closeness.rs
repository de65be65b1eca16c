//! How large a photo is decoded: as small as detection allows, and each face again as large as its crop needs. Choices
//! only; decoding is `vow-media`'s business.

use vow_media::{Format, Header, Scale};
use vow_types::Size;

/// Long side that a picture has at least when faces are looked for, in pixels: one and a quarter of the longest detector
/// frame (640), so that scaling into the frame still has something to average.
const ENOUGH_TO_DETECT: u32 = 800;

/// Picture pixels that a crop pixel should cover at least.
const ENOUGH_TO_CROP: f32 = 1.0;

/// The scale at which the whole of a photo is decoded.
pub(crate) fn of_whole(header: &Header) -> Scale {
    let enough = |scale: &Scale| {
        let Size { width, height } = scale.of(header.coded);
        width.max(height) >= ENOUGH_TO_DETECT
    };
    if header.scalable { Scale::ALL.into_iter().find(enough).unwrap_or(Scale::Full) } else { Scale::Full }
}

/// The scale at which a face is decoded again, of which `density` pixels of the coded picture fall on a crop pixel;
/// `None` when the whole, which was decoded at `whole`, shows it well enough or there is nothing larger.
pub(crate) fn of_face(density: f32, whole: Scale) -> Option<Scale> {
    let shows = |scale: Scale| density * f32::from(scale.samples()) / 8.0;
    if whole == Scale::Full || shows(whole) >= ENOUGH_TO_CROP {
        return None;
    }
    Some(Scale::ALL.into_iter().find(|scale| shows(*scale) >= ENOUGH_TO_CROP).unwrap_or(Scale::Full))
}

/// Most bytes that the whole takes while it is decoded at this scale. What is not a JPEG may come as four samples of 16 bit,
/// of which the three bytes are made; a HEIC is decoded tile by tile; a JPEG in several scans comes together in memory before it has pixels.
pub(crate) fn bytes(header: &Header, scale: Scale) -> u64 {
    let is_plain = header.format.is_jpeg_coded() || header.format == Format::Heic;
    let a_pixel = if is_plain { 3 } else { 11 };
    let pixels = scale.of(header.coded).pixels().saturating_mul(a_pixel).saturating_add(header.working);
    pixels.saturating_add(header.held.map_or(0, |held| held.while_decoding(scale)))
}

/// Bytes that a decoded photo takes besides its pixels for as long as its faces may be looked at closer.
pub(crate) fn bytes_afterwards(header: &Header) -> u64 {
    header.held.map_or(0, |held| held.afterwards())
}

#[cfg(test)]
mod tests {
    use vow_media::Raw;
    use vow_types::ContentId;

    use super::*;

    fn header(width: u32, height: u32, scalable: bool) -> Header {
        let coded = Size { width, height };
        let content = ContentId([0; 32]);
        Header {
            format: Format::Jpeg,
            content,
            coded,
            orientation: None,
            taken: None,
            scalable,
            held: None,
            working: 0,
            preview: None,
        }
    }

    #[test]
    fn the_smallest_scale_that_shows_enough() {
        for (width, height, expected) in [
            (4000, 3000, Scale::Quarter),
            (3000, 4000, Scale::Quarter),
            (8000, 6000, Scale::Eighth),
            (3199, 2400, Scale::Quarter),
            (3196, 2400, Scale::Half),
            (1600, 1200, Scale::Half),
            (1598, 1200, Scale::Full),
            (640, 480, Scale::Full),
            (65_000, 16, Scale::Eighth),
        ] {
            assert_eq!(of_whole(&header(width, height, true)), expected, "{width} x {height}");
            assert_eq!(of_whole(&header(width, height, false)), Scale::Full);
        }
    }

    #[test]
    fn faces_are_looked_at_closer_only_where_that_shows_more() {
        for (density, whole, expected) in [
            (4.0, Scale::Quarter, None),
            (3.9, Scale::Quarter, Some(Scale::Half)),
            (2.0, Scale::Quarter, Some(Scale::Half)),
            (1.9, Scale::Quarter, Some(Scale::Full)),
            (0.5, Scale::Quarter, Some(Scale::Full)),
            (0.5, Scale::Full, None),
            (f32::NAN, Scale::Half, Some(Scale::Full)),
        ] {
            assert_eq!(of_face(density, whole), expected, "{density} {whole:?}");
        }
    }

    #[test]
    fn memory_follows_scale_and_format() {
        let header = header(4000, 3000, true);
        assert_eq!(bytes(&header, Scale::Full), 36_000_000);
        assert_eq!(bytes(&header, Scale::Quarter), 2_250_000);
        assert_eq!(bytes(&Header { format: Format::Png, ..header }, Scale::Full), 132_000_000);
        let tiled = Header { format: Format::Heic, working: 3_670_016, ..header };
        assert_eq!(bytes(&tiled, Scale::Full), 39_670_016);
        assert_eq!(bytes(&Header { format: Format::Raw(Raw::Nef), ..header }, Scale::Full), 36_000_000);
        assert_eq!(bytes_afterwards(&header), 0);
    }

    /// A picture in several scans comes together in memory: that is counted too.
    #[test]
    fn scans_that_come_together_are_counted() {
        let jpeg = include_bytes!("../../media/tests/data/refined.jpg");
        let header = vow_media::inspect(jpeg, &vow_media::Limits::default()).unwrap();
        let held = header.held.unwrap();
        for scale in Scale::ALL {
            let pixels = bytes(&Header { held: None, ..header }, scale);
            assert_eq!(bytes(&header, scale), pixels + held.while_decoding(scale));
        }
        assert!(
            bytes_afterwards(&header) > 0 && bytes_afterwards(&header) < held.while_decoding(Scale::Half)
        );
    }
}
