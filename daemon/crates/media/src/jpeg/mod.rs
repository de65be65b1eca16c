//! JPEG: identity and header (`inspect`), pixels (`decode`) by zune-jpeg, and small pictures (`start`) by [`scaled`], our own.
//!
//! What [`scaled`] cannot decode to its last block, it leaves to the others; so what follows holds for every file.
//!
//! zune-jpeg decodes; it does not reliably say whether all of the picture was there. That is decided here:
//! - The file is walked. Without an end-of-image marker, with too few restart markers, or with the components of a
//!   sequential picture scattered over several scans, [`complete`] counts the blocks before anything is decoded.
//! - zune-jpeg runs in strict mode, in which it reports data that ends early or cannot be decoded.
//! - With an end-of-image marker in sight it pads short data with zeros even then; so of a picture of one plain scan it
//!   is given everything but that marker.
//! - Where it stumbles, [`complete`] has the last word on the file, and [`second`] decodes what is whole: pictures so
//!   small that the missing marker misleads it, rare sampling factors, and scattered components, which zune-jpeg 0.5
//!   puts into wrong places when they are subsampled.
//!
//! What is not noticed: a progressive picture that was cut off and then closed with an end-of-image marker; and, where it is
//! decoded small, damage in scans that only hold what is not wanted then.

mod complete;
mod frame;
mod huffman;
pub(crate) mod scaled;
mod second;
mod survey;
mod walk;

use std::borrow::Cow;

use vow_types::num::index;
use vow_types::{ContentId, Size};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use complete::Verdict;
use frame::{Colour, Frame};
use scaled::{Picture, Scale, Workspace};
use survey::Survey;
use walk::{End, Piece, Walk, marker};

use crate::guard::guarded;
use crate::identity::Identity;
use crate::{Format, MediaError};

/// What a file says about itself.
pub(crate) struct Inspected<'a> {
    pub(crate) size: Size,
    pub(crate) content: ContentId,
    pub(crate) exif: Option<&'a [u8]>,
    /// Whether [`start`] is likely to take it.
    pub(crate) scalable: bool,
    /// Of a picture in several scans.
    pub(crate) held: Option<scaled::Held>,
}

/// Size, identity and EXIF block; no pixel is decoded.
///
/// The identity covers every segment but APPn and COM, and the entropy-coded data as it stands. Of the application
/// segments only Adobe's colour transform counts: it changes the pixels. Bytes between segments, the end-of-image
/// marker and everything behind it do not count.
///
/// # Errors
/// When the header is cut off or damaged, or names a coding that is not read.
pub(crate) fn inspect(bytes: &[u8]) -> Result<Inspected<'_>, MediaError> {
    let mut identity = Identity::new(Format::Jpeg);
    let mut exif = None;
    let survey = Survey::take(bytes, |piece| match piece {
        Piece::Segment { marker: marker::APP1, body } if exif.is_none() && body.starts_with(b"Exif\0") => {
            exif = body.get(6..);
        }
        Piece::Segment { marker: code, .. } if marker::is_metadata(code) => {}
        Piece::Segment { marker: code, body } => identity.part(&[b's', b'e', b'g', code], body),
        Piece::Coded { data, .. } => identity.part(b"scan", data),
    })?;
    if let Some(transform) = survey.adobe {
        identity.part(b"adob", &[transform]);
    }
    let scalable = scaled::is_taken(&survey);
    let held = scaled::Held::of(&survey);
    Ok(Inspected { size: survey.frame.size, content: identity.finish(), exif, scalable, held })
}

/// What the beginning of a JPEG says of its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    /// It is of a coding that is decoded, and comes with the tables that decoding takes.
    Picture(Size),
    /// It is of another coding, or no JPEG.
    Other,
    /// The bytes end before that is said.
    Unsaid,
}

/// Looks no further than the first scan.
pub(crate) fn announced(bytes: &[u8]) -> Announced {
    if !bytes.starts_with(&[0xff, marker::SOI, 0xff]) {
        return Announced::Other;
    }
    let (mut size, mut codes, mut steps) = (None, false, false);
    let mut walk = Walk::new(bytes);
    for piece in walk.by_ref() {
        match piece {
            Piece::Segment { marker: marker::SOS, .. } => {
                return size.filter(|_| codes && steps).map_or(Announced::Other, Announced::Picture);
            }
            Piece::Segment { marker: marker::DHT, .. } => codes = true,
            Piece::Segment { marker: marker::DQT, .. } => steps = true,
            // The first counts, as when it is decoded.
            Piece::Segment { marker: code, body } if marker::is_frame(code) && size.is_none() => {
                match Frame::parse(code, body) {
                    Ok(frame) => size = Some(frame.size),
                    Err(_) => return Announced::Other,
                }
            }
            _ => {}
        }
    }
    if walk.end().0 == End::Missing { Announced::Unsaid } else { Announced::Other }
}

/// RGB8, rows from top to bottom, into `pixels`, whose memory is used again.
///
/// # Errors
/// When the picture is cut off or damaged, or of another size than `expected`. `pixels` then holds anything.
pub(crate) fn decode(bytes: &[u8], expected: Size, pixels: &mut Vec<u8>) -> Result<(), MediaError> {
    let survey = Survey::take(bytes, |_| {})?;
    if survey.frame.size != expected {
        return Err(MediaError::OtherPicture { expected, found: survey.frame.size });
    }
    if survey.doubtful || survey.scattered {
        whole(bytes)?;
    }
    let source = if survey.tidy {
        Cow::Borrowed(bytes.get(..survey.len).unwrap_or(bytes))
    } else {
        Cow::Owned(tidied(bytes, survey.adobe))
    };
    let colour = Colour::of(&survey.frame, survey.adobe);
    let mut failure = None;
    if !survey.scattered {
        let unmarked = source.strip_suffix(&[0xff, marker::EOI]).unwrap_or(&source);
        let given = if survey.plain_scan { unmarked } else { &source };
        match first(given, &survey.frame, colour, pixels) {
            Ok(()) => return Ok(()),
            Err(error) => failure = Some(error),
        }
        if !survey.doubtful {
            whole(bytes)?;
        }
    }
    tracing::debug!(?failure, "decoded by the second decoder");
    second::decode(&source, &survey.frame, colour, pixels).map_err(|error| failure.unwrap_or(error))
}

/// The whole picture at this scale, RGB8, into `pixels`, and what it takes to look closer. `None` for a file that only the
/// other decoders may judge.
///
/// # Errors
/// When the picture is of another size than `expected`.
pub(crate) fn start<'a>(
    bytes: &'a [u8],
    expected: Size,
    scale: Scale,
    space: &mut Workspace,
    pixels: &mut Vec<u8>,
) -> Result<Option<Picture<'a>>, MediaError> {
    let survey = Survey::take(bytes, |_| {})?;
    if survey.frame.size != expected {
        return Err(MediaError::OtherPicture { expected, found: survey.frame.size });
    }
    let Some(mut picture) = Picture::open(bytes, &survey, space) else { return Ok(None) };
    match picture.whole(scale, space, pixels) {
        Ok(_) => Ok(Some(picture)),
        Err(refusal) => {
            tracing::debug!(%refusal, "not decoded at a scale: left to the other decoders");
            Ok(None)
        }
    }
}

/// Refuses a picture of which not every block is there.
fn whole(bytes: &[u8]) -> Result<(), MediaError> {
    match complete::check(bytes) {
        Verdict::Whole => Ok(()),
        Verdict::Short { percent: Some(percent) } => {
            Err(MediaError::truncated(format!("only {percent} % of the JPEG's picture data is there")))
        }
        Verdict::Short { percent: None } => {
            Err(MediaError::truncated("the last scans of the progressive JPEG are missing"))
        }
        Verdict::Broken { percent } => {
            let place = percent.map_or_else(String::new, |percent| format!(" beyond its first {percent} %"));
            let source = format!("the picture data cannot be decoded{place}").into();
            Err(MediaError::Damaged { format: Format::Jpeg, source })
        }
    }
}

/// The same picture without what makes a strict decoder stumble: metadata, bytes between segments, segments behind the
/// last scan, a missing end.
fn tidied(bytes: &[u8], adobe: Option<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 20);
    out.extend_from_slice(&[0xff, marker::SOI]);
    if let Some(transform) = adobe {
        out.extend_from_slice(b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0");
        out.push(transform);
    }
    let mut picture_end = out.len();
    for piece in Walk::new(bytes) {
        match piece {
            // APP0 may say "AVI1": then the Huffman tables of the standard are to be used.
            Piece::Segment { marker: marker::APP0, body } if body.starts_with(b"AVI1\0") => {
                put(&mut out, marker::APP0, body);
            }
            Piece::Segment { marker: code, .. } if marker::is_metadata(code) => {}
            Piece::Segment { marker: code, body } => put(&mut out, code, body),
            Piece::Coded { data, .. } => {
                out.extend_from_slice(data);
                picture_end = out.len();
            }
        }
    }
    // A decoder that reads ahead may take a segment behind the last scan for the end of that scan.
    out.truncate(picture_end);
    out.extend_from_slice(&[0xff, marker::EOI]);
    out
}

/// A segment with its marker and length.
fn put(out: &mut Vec<u8>, code: u8, body: &[u8]) {
    let len = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
    out.extend_from_slice(&[0xff, code]);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(body);
}

/// RGB8 into `pixels` by zune-jpeg.
fn first(source: &[u8], frame: &Frame, colour: Colour, pixels: &mut Vec<u8>) -> Result<(), MediaError> {
    let format = Format::Jpeg;
    // It takes all CMYK for inverted.
    let ink = colour == Colour::Cmyk;
    let (space, channels) = if ink { (ColorSpace::CMYK, 4) } else { (ColorSpace::RGB, 3) };
    let side = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(side)
        .set_max_height(side)
        .jpeg_set_out_colorspace(space);
    let len = index(frame.size.width) * index(frame.size.height) * channels;
    let decoded = guarded(|| {
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(source), options);
        decoder.decode_headers()?;
        if decoder.output_buffer_size() != Some(len) {
            return Err(DecodeErrors::FormatStatic(
                "the decoder finds another size than the frame header says",
            ));
        }
        blank(pixels, len);
        decoder.decode_into(pixels)
    });
    decoded
        .map_err(|message| MediaError::DecoderFault { format, message })?
        .map_err(|error| MediaError::Damaged { format, source: error.into() })?;
    if ink {
        ink_to_light(pixels);
    }
    Ok(())
}

/// So many zeros. Memory that is there already is cleared: were a decoder ever to leave a row out, the row must not show
/// the photo before this one. That is still several times cheaper than asking the system for fresh memory.
pub(crate) fn blank(pixels: &mut Vec<u8>, len: usize) {
    if pixels.capacity() < len {
        *pixels = vec![0; len];
    } else {
        pixels.clear();
        pixels.resize(len, 0);
    }
}

/// CMYK to RGB, in place: `(255 - ink) * (255 - black) / 255`, rounded.
fn ink_to_light(pixels: &mut Vec<u8>) {
    let count = pixels.len() / 4;
    for pixel in 0..count {
        let Some(&[cyan, magenta, yellow, black]) = pixels.get(pixel * 4..pixel * 4 + 4) else { break };
        let light = u32::from(255 - black);
        let rgb = [cyan, magenta, yellow]
            .map(|ink| u8::try_from((u32::from(255 - ink) * light + 127) / 255).unwrap_or(u8::MAX));
        if let Some(target) = pixels.get_mut(pixel * 3..pixel * 3 + 3) {
            target.copy_from_slice(&rgb);
        }
    }
    pixels.truncate(count * 3);
}
