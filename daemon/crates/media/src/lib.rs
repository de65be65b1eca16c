//! From a photo's file to its pixels: reading, identity, EXIF and decoding.
//!
//! Bytes come in, RGB goes out. Every file is taken for hostile: nothing is allocated by a header that was not checked
//! against [`Limits`], and a decoder's panic is an error of that file.
//!
//! Leaves to others: turning upright and scaling (`vow-vision`), which files there are (`vow-watch`), and what a failure
//! means for the index (`vow-engine`). Knows nothing of stores, models or the wire.
//!
//! ```no_run
//! # fn main() -> Result<(), vow_media::MediaError> {
//! let limits = vow_media::Limits::default();
//! let mut buffer = Vec::new();
//! let stamp = vow_media::read(std::path::Path::new("photo.jpg"), &limits, &mut buffer)?;
//! let header = vow_media::inspect(&buffer, &limits)?;
//! let picture = vow_media::decode(&buffer, &header)?;
//! # Ok(()) }
//! ```
//!
//! [`decode`] gives everything as coded; [`Decoding`] gives as little as will do.

mod boxes;
mod decoding;
mod error;
mod format;
mod guard;
mod heic;
mod identity;
mod jpeg;
mod metadata;
mod png;
mod raster;
mod raw;
mod read;
mod webp;

use vow_types::{ContentId, Orientation, Size};

pub use decoding::{Buffers, Decoding, View};
pub use error::MediaError;
pub use format::{Format, is_picture_name};
pub use jpeg::scaled::{Held, Scale};
pub use raw::{Preview, Raw};
pub use read::{Stamp, read};

use identity::Identity;
use metadata::Metadata;

/// How large a file and a picture may be. Both defaults are far above what cameras write; they bound what one hostile
/// file can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a file that is read, 1 GiB by default.
    pub max_file_bytes: u64,
    /// Most pixels of a picture that is decoded, 300 million by default (900 MB as RGB8).
    pub max_pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_file_bytes: 1 << 30, max_pixels: 300_000_000 }
    }
}

/// What a file says about its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The format, by content.
    pub format: Format,
    /// Name of the picture: the same after renaming, copying, retagging or turning the EXIF orientation.
    pub content: ContentId,
    /// Pixels as coded, before the orientation is applied; at least 1 x 1. Of a raw those of its preview.
    pub coded: Size,
    /// How the coded picture is turned to stand upright; `None` where the file does not say.
    pub orientation: Option<Orientation>,
    /// When it was taken, seconds since 1970: EXIF `DateTimeOriginal`, else `DateTime`, with its time zone if that is
    /// known, else read as if it were UTC.
    pub taken: Option<i64>,
    /// Whether [`Decoding`] can show it smaller than coded, and parts of it. Files that turn out to be damaged cannot.
    pub scalable: bool,
    /// What decoding it holds besides its pixels, where that is worth counting: a JPEG in several scans.
    pub held: Option<Held>,
    /// Bytes that decoding takes besides the pixels, where their number does not tell: of a HEIC, whose tiles are decoded one
    /// by one. Otherwise 0.
    pub working: u64,
    /// Which bytes of the file are the picture, where not all of it is: of a raw.
    pub preview: Option<Preview>,
}

impl Header {
    /// The bytes of the picture within those of its file.
    fn picture<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        self.preview.map_or(file, |preview| preview.of(file))
    }
}

/// A decoded picture, as coded: not turned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width and height in pixels.
    pub size: Size,
    /// RGB8, `width * height * 3` bytes, rows from top to bottom.
    pub pixels: Vec<u8>,
}

/// Finds out what some bytes are: format, identity, size, EXIF. No pixel is decoded, and nothing is allocated for any.
///
/// # Errors
/// [`MediaError::NotAPicture`], [`MediaError::Unsupported`] and [`MediaError::UnsupportedCoding`] for what is not read,
/// [`MediaError::NoPreview`] for a raw that shows nothing without being developed,
/// [`MediaError::TooManyPixels`] above the limit, [`MediaError::Truncated`] and [`MediaError::Damaged`] when the file
/// cannot be a whole picture. Broken EXIF is no error.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Header, MediaError> {
    let format = format::recognise(bytes)?;
    let (mut scalable, mut held, mut preview, mut stated, mut working) = (false, None, None, None, 0);
    let (coded, content, exif) = match format {
        Format::Jpeg => {
            let jpeg = jpeg::inspect(bytes)?;
            (scalable, held) = (jpeg.scalable, jpeg.held);
            (jpeg.size, jpeg.content, jpeg.exif)
        }
        Format::Png => {
            let (content, exif) = png::walk(bytes)?;
            (raster::size(bytes, format)?, content, exif)
        }
        Format::WebP => {
            let (content, exif) = webp::walk(bytes)?;
            (raster::size(bytes, format)?, content, exif)
        }
        // A TIFF is an EXIF block with a picture in it.
        Format::Tiff => (raster::size(bytes, format)?, Identity::of_file(format, bytes), Some(bytes)),
        Format::Gif | Format::Bmp => (raster::size(bytes, format)?, Identity::of_file(format, bytes), None),
        Format::Heic => {
            let heic = heic::inspect(bytes, limits.max_pixels)?;
            (stated, working) = (Some(heic.metadata), heic.working);
            (heic.size, heic.content, None)
        }
        Format::Raw(kind) => {
            let raw = raw::inspect(bytes, kind)?;
            (scalable, held) = (raw.jpeg.scalable, raw.jpeg.held);
            (preview, stated) = (Some(raw.preview), Some(raw.metadata));
            (raw.jpeg.size, raw.content(), None)
        }
    };
    if coded.pixels() > limits.max_pixels {
        return Err(MediaError::TooManyPixels { size: coded, limit: limits.max_pixels });
    }
    let Metadata { orientation, taken } = stated.or_else(|| exif.map(metadata::read)).unwrap_or_default();
    Ok(Header { format, content, coded, orientation, taken, scalable, held, working, preview })
}

/// Decodes the picture that [`inspect`] described. Grey, CMYK, palettes and 16-bit samples become RGB8; transparent
/// places show white; of animations and multi-page files the first picture is taken. Colour profiles are not applied.
///
/// # Errors
/// [`MediaError::Truncated`] when not all of the picture is there: half a face is not indexed. [`MediaError::Damaged`]
/// when the data contradicts itself, [`MediaError::OtherPicture`] when `header` is not of these bytes.
pub fn decode(bytes: &[u8], header: &Header) -> Result<Picture, MediaError> {
    let mut pixels = Vec::new();
    decode_into(bytes, header, &mut pixels)?;
    Ok(Picture { size: header.coded, pixels })
}

/// [`decode`] into memory that was used before: for a JPEG of 12 megapixels a quarter of the time goes into fresh
/// memory otherwise. `pixels` becomes RGB8 of the size [`Header::coded`]; nothing of its former content remains.
///
/// # Errors
/// As [`decode`]; the content of `pixels` is then not specified.
pub fn decode_into(bytes: &[u8], header: &Header, pixels: &mut Vec<u8>) -> Result<(), MediaError> {
    match header.format {
        Format::Jpeg | Format::Raw(_) => jpeg::decode(header.picture(bytes), header.coded, pixels),
        Format::Heic => heic::decode(bytes, header.coded, pixels),
        other => raster::decode(bytes, other, header.coded).map(|decoded| *pixels = decoded),
    }
}
