//! Which format some bytes are in, by their first bytes and never by the name of the file.
//!
//! A file that is no picture is named for what it is, so that its owner understands without opening it: a web page
//! saved as `photo.jpg`, a copy that left nothing but zeros, a movie, an AVIF.

use std::fmt;
use std::path::Path;

use crate::{MediaError, Raw};

/// A picture format that is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// ITU-T T.81, baseline and progressive, Huffman coded, 8 bit.
    Jpeg,
    /// Portable Network Graphics.
    Png,
    /// WebP, lossy, lossless and the first frame of an animation.
    WebP,
    /// Tagged Image File Format, the first page.
    Tiff,
    /// Graphics Interchange Format, the first frame.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// High Efficiency Image File, coded with HEVC: what phones write.
    Heic,
    /// A camera raw, of which the JPEG preview inside is the picture.
    Raw(Raw),
}

impl Format {
    /// All names in one sentence, for messages.
    pub(crate) const NAMES: &'static str = "JPEG, PNG, WebP, TIFF, GIF, BMP, HEIC, and camera raws with a \
         preview inside (DNG, CR2, CR3, NEF, NRW, ARW, SR2, SRF, ORF, PEF, RW2 and RAF)";

    /// The usual name, such as `JPEG`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Heic => "HEIC",
            Self::Raw(kind) => kind.name(),
        }
    }

    /// Whether the picture is coded as a JPEG, in the file or as all of it.
    #[must_use]
    pub fn is_jpeg_coded(self) -> bool {
        matches!(self, Self::Jpeg | Self::Raw(_))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Extensions by which a file counts as a photo. AVIF is not decoded yet; it is listed so that its owner sees it among the
/// failures instead of missing it without a word.
const EXTENSIONS: [&str; 26] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "gif", "bmp", "heic", "heif", "hif", "avif",
    "dng", "cr2", "cr3", "nef", "nrw", "arw", "sr2", "srf", "orf", "pef", "rw2", "raf",
];

/// Whether a file of this name is looked at as a photo: by its extension, in any case.
#[must_use]
pub fn is_picture_name(path: &Path) -> bool {
    path.extension().is_some_and(|own| EXTENSIONS.iter().any(|known| own.eq_ignore_ascii_case(known)))
}

/// The format of these bytes.
///
/// # Errors
/// [`MediaError::Unsupported`] for a picture format that is known but not read, [`MediaError::NotAPicture`] for
/// anything else.
pub(crate) fn recognise(bytes: &[u8]) -> Result<Format, MediaError> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if starts(b"\xff\xd8\xff") {
        Ok(Format::Jpeg)
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        Ok(Format::Png)
    } else if starts(b"RIFF") && at(bytes, 8, b"WEBP") {
        Ok(Format::WebP)
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        Ok(Format::Gif)
    } else if is_bmp(bytes) {
        Ok(Format::Bmp)
    } else if let Some(kind) = raw(bytes) {
        Ok(Format::Raw(kind))
    } else if is_heif(bytes) {
        Ok(Format::Heic)
    } else if let Some(format) = unsupported(bytes) {
        Err(MediaError::Unsupported { format })
    } else if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].into_iter().any(|magic| starts(magic)) {
        Ok(Raw::of_tiff(bytes).map_or(Format::Tiff, Format::Raw))
    } else {
        Err(MediaError::NotAPicture { found: other(bytes) })
    }
}

/// Whether `magic` stands at this offset.
fn at(bytes: &[u8], offset: usize, magic: &[u8]) -> bool {
    bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic))
}

/// Two letters are too little: the size of the second header must be one that exists.
fn is_bmp(bytes: &[u8]) -> bool {
    let header = bytes.get(14..18).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
    bytes.starts_with(b"BM") && header.is_some_and(|size| [12, 16, 40, 52, 56, 64, 108, 124].contains(&size))
}

/// Camera raws that their first bytes tell.
fn raw(bytes: &[u8]) -> Option<Raw> {
    const MAGICS: [(usize, &[u8], Raw); 6] = [
        (0, b"FUJIFILMCCD-RAW", Raw::Raf),
        (0, b"IIU\0", Raw::Rw2),
        (0, b"IIRO", Raw::Orf),
        (0, b"IIRS", Raw::Orf),
        (0, b"MMOR", Raw::Orf),
        (8, b"CR\x02", Raw::Cr2),
    ];
    let by_magic =
        MAGICS.iter().find(|(offset, magic, _)| at(bytes, *offset, magic)).map(|(_, _, kind)| *kind);
    by_magic.or_else(|| brands(bytes)?.contains(b"crx ").then_some(Raw::Cr3))
}

/// Picture formats that are known by name only.
fn unsupported(bytes: &[u8]) -> Option<&'static str> {
    const MAGICS: [(usize, &[u8], &str); 8] = [
        (0, b"\xff\x0a", "JPEG XL"),
        (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
        (0, b"8BPS", "Photoshop (PSD)"),
        (0, b"gimp xcf", "GIMP (XCF)"),
        (0, b"\x76\x2f\x31\x01", "OpenEXR"),
        (0, b"\0\0\x01\0", "Windows icon (ICO)"),
    ];
    let by_magic =
        MAGICS.iter().find(|(offset, magic, _)| at(bytes, *offset, magic)).map(|(_, _, name)| *name);
    by_magic.or_else(|| has_brand(bytes, &[b"avif", b"avis"]).then_some("AVIF"))
}

/// Of HEIF files that do not say that they are AVIF. Those of brands for any coding tell in their list of items what it is.
fn is_heif(bytes: &[u8]) -> bool {
    const BRANDS: [&[u8; 4]; 11] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"miaf"];
    has_brand(bytes, &BRANDS) && !has_brand(bytes, &[b"avif", b"avis"])
}

/// Whether an ISO base media file names one of these kinds.
fn has_brand(bytes: &[u8], wanted: &[&[u8; 4]]) -> bool {
    brands(bytes).is_some_and(|own| own.iter().any(|brand| wanted.contains(&brand)))
}

/// ISO base media files name their kind in a list of brands (ISO/IEC 14496-12, 4.3; HEIF: ISO/IEC 23008-12).
fn brands(bytes: &[u8]) -> Option<&[[u8; 4]]> {
    if !at(bytes, 4, b"ftyp") {
        return None;
    }
    let size = bytes.get(..4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes)?;
    let end = vow_types::num::index(size).min(bytes.len()).min(256);
    Some(bytes.get(8..end)?.as_chunks::<4>().0)
}

/// What bytes that are no picture look like, with the article.
fn other(bytes: &[u8]) -> &'static str {
    const MAGICS: [(usize, &[u8], &str); 13] = [
        (0, b"%PDF", "a PDF document"),
        (0, b"PK\x03\x04", "a ZIP archive or office document"),
        (0, b"Rar!", "a RAR archive"),
        (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (0, b"\x1f\x8b", "gzip data"),
        (0, b"\x7fELF", "a program"),
        (0, b"MZ", "a Windows program"),
        (0, b"\0\x05\x16\x07", "the side file in which macOS keeps its own attributes"),
        (0, b"\0\x05\x16\0", "the side file in which macOS keeps its own attributes"),
        (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
        (8, b"AVI ", "an AVI video"),
        (4, b"ftyp", "an MP4 or QuickTime video"),
        (4, b"moov", "a QuickTime video"),
    ];
    if let Some((_, _, name)) = MAGICS.iter().find(|(offset, magic, _)| at(bytes, *offset, magic)) {
        return name;
    }
    if bytes.is_empty() {
        return "nothing: it has no bytes";
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return "nothing but zero bytes, as an interrupted copy leaves them";
    }
    let head = bytes.get(..512).unwrap_or(bytes);
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |tag: &[u8]| text.get(..tag.len()).is_some_and(|own| own.eq_ignore_ascii_case(tag));
    if begins(b"<!doctype html") || begins(b"<html") {
        "a web page (HTML)"
    } else if begins(b"<svg") || begins(b"<?xml") {
        "an SVG or XML document"
    } else if head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte >= 0x80)
        && std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true)
    {
        "text"
    } else {
        "unknown binary data"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(bytes: &[u8]) -> String {
        match recognise(bytes) {
            Ok(format) => format.name().to_owned(),
            Err(MediaError::Unsupported { format }) => format!("not yet: {format}"),
            Err(MediaError::NotAPicture { found }) => format!("no: {found}"),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn bytes_are_named() {
        for (bytes, name) in [
            (&b"\xff\xd8\xff\xe0"[..], "JPEG"),
            (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
            (b"RIFF\x04\0\0\0WEBP", "WebP"),
            (b"RIFF\x04\0\0\0AVI LIST", "no: an AVI video"),
            (b"II*\0\x08\0\0\0", "TIFF"),
            (b"MM\0*\0\0\0\x08", "TIFF"),
            (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
            (b"GIF89a\x01\0", "GIF"),
            (b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "BMP"),
            (b"BMW: a list of cars", "no: text"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x14ftypmif1\0\0\0\0mif1", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0avifmif1", "not yet: AVIF"),
            (b"\0\0\0\x14ftypisom\0\0\0\0mp42", "no: an MP4 or QuickTime video"),
            (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "CR3"),
            (b"\xff\x0a\x00", "not yet: JPEG XL"),
            (b"8BPS\0\x01", "not yet: Photoshop (PSD)"),
            (b"%PDF-1.7", "no: a PDF document"),
            (b"\n <!DOCTYPE HTML><title>404</title>", "no: a web page (HTML)"),
            (b"<?xml version='1.0'?><svg/>", "no: an SVG or XML document"),
            ("grüße, hier ist kein Bild".as_bytes(), "no: text"),
            (&[0; 64], "no: nothing but zero bytes, as an interrupted copy leaves them"),
            (b"\0\x05\x16\x07\0\x02", "no: the side file in which macOS keeps its own attributes"),
            (b"\x01\x02\x03\xff", "no: unknown binary data"),
            (b"", "no: nothing: it has no bytes"),
        ] {
            assert_eq!(name_of(bytes), name);
        }
    }

    #[test]
    fn a_cut_ftyp_box_is_no_panic() {
        for len in 0..24 {
            let _ = recognise(&b"\xff\xff\xff\xffftypmif1\0\0\0\0mif1heic"[..len]);
            let _ = recognise(&b"\0\0\0\x01ftypmif1\0\0\0\0mif1heic"[..len]);
        }
    }

    #[test]
    fn names_in_any_case() {
        for yes in [
            "a.jpg", "A.JPG", "x/y.JpEg", "b.jpe", "b.jfif", "c.tif", "d.HEIC", "e.avif", ".x.png",
            "f.a.webp", "g.NEF", "k.HIF", "h.cr3", "i.Dng", "j.RAF",
        ] {
            assert!(is_picture_name(Path::new(yes)), "{yes}");
        }
        for no in ["jpg", ".jpg", "a.jpg.xmp", "a.mp4", "a.nefs", "a.", "", "/"] {
            assert!(!is_picture_name(Path::new(no)), "{no}");
        }
    }

    #[test]
    fn a_name_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt;
        assert!(is_picture_name(Path::new(std::ffi::OsStr::from_bytes(b"\xff\xfe.jpg"))));
        assert!(!is_picture_name(Path::new(std::ffi::OsStr::from_bytes(b"a.jp\xff"))));
    }
}
