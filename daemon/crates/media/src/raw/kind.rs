//! Whose raw it is. Most are TIFF files by their first bytes; that they are raws is told by what their directories hold, and
//! never by the name of the file.

use super::tag;
use super::tiff::{Directory, Tiff};
use super::tree::Tree;

/// The camera raws in which a preview is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Raw {
    /// Adobe's, and of cameras that write it themselves.
    Dng,
    /// Canon, up to 2018.
    Cr2,
    /// Canon, since then.
    Cr3,
    /// Nikon, `NRW` too.
    Nef,
    /// Sony, `SR2` and `SRF` too.
    Arw,
    /// Olympus and OM System.
    Orf,
    /// Pentax.
    Pef,
    /// Panasonic, and Leicas made by it.
    Rw2,
    /// Fujifilm.
    Raf,
    /// Another maker's, of the same structure.
    Other,
}

impl Raw {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dng => "DNG",
            Self::Cr2 => "CR2",
            Self::Cr3 => "CR3",
            Self::Nef => "NEF",
            Self::Arw => "ARW",
            Self::Orf => "ORF",
            Self::Pef => "PEF",
            Self::Rw2 => "RW2",
            Self::Raf => "RAF",
            Self::Other => "camera raw",
        }
    }

    /// Of bytes that begin as a TIFF file; `None` for a TIFF that is an ordinary picture.
    pub(crate) fn of_tiff(file: &[u8]) -> Option<Self> {
        let (tiff, first) = Tiff::open(file, 0)?;
        let tree = Tree::of(tiff, first);
        let page = tree.directories.first()?;
        let maker = page.text(tag::MAKE).and_then(Self::of_maker);
        if page.get(tag::DNG_VERSION).is_some() {
            return Some(Self::Dng);
        }
        if tree.directories.iter().any(is_sensor_data) {
            return Some(maker.unwrap_or(Self::Other));
        }
        // A camera's file of which directories are missing, or whose first page is a JPEG in the old way, which no ordinary
        // picture of a camera is.
        maker.filter(|_| tree.cut || page.get(tag::JPEG_START).is_some())
    }

    fn of_maker(make: &[u8]) -> Option<Self> {
        const MAKERS: [(&[u8], Raw); 9] = [
            (b"NIKON", Raw::Nef),
            (b"SONY", Raw::Arw),
            (b"PENTAX", Raw::Pef),
            (b"ASAHI", Raw::Pef),
            (b"RICOH", Raw::Pef),
            (b"CANON", Raw::Cr2),
            (b"OLYMPUS", Raw::Orf),
            (b"OM DIGITAL", Raw::Orf),
            (b"PANASONIC", Raw::Rw2),
        ];
        let begins = |name: &[u8]| make.get(..name.len()).is_some_and(|own| own.eq_ignore_ascii_case(name));
        MAKERS.iter().find(|(name, _)| begins(name)).map(|(_, kind)| *kind)
    }
}

/// Whether a page is what a sensor saw: by its colours, or by a coding that is used for nothing else.
fn is_sensor_data(directory: &Directory<'_>) -> bool {
    const COLOUR_FILTERS: u32 = 32803;
    const LINEAR: u32 = 34892;
    // Sony, Kodak or Nikon packed, Samsung, Panasonic, Nikon, Pentax.
    const CODINGS: [u32; 7] = [32767, 32769, 32770, 34316, 34713, 65000, 65535];
    matches!(directory.number(tag::PHOTOMETRIC), Some(COLOUR_FILTERS | LINEAR))
        || directory.number(tag::COMPRESSION).is_some_and(|coding| CODINGS.contains(&coding))
}

/// Whether a page is a picture to look at: neither the sensor's data nor what goes with it.
pub(super) fn is_seen(directory: &Directory<'_>) -> bool {
    const MASK: u32 = 4;
    const DEPTHS: u32 = 8;
    let kind = directory.number(tag::SUBFILE_TYPE).unwrap_or(0);
    !is_sensor_data(directory) && kind & (MASK | DEPTHS) == 0
}
