//! Our own decoder for what cameras and programs write: a Huffman-coded JPEG of 8 bits, grey or of three colours, whole or
//! in part, at 1/1, 1/2, 1/4 or 1/8 of its size. Sequential ones in one scan are [`single`]'s; progressive ones, and
//! sequential ones in several scans, are [`many`]'s.
//!
//! A whole picture has to be read bit by bit, whatever is wanted of it; but what is not wanted need not be worked out.
//! At 1/4 of the size, 60 of 64 coefficients of a block are stepped over, several at a time, by tables made for it
//! (`tables`). While it reads, it notes where it is every few groups of blocks; later a face is decoded at a larger scale
//! by reading only the groups that show it.
//!
//! It takes no file that anything speaks against, and hands back every file it stumbles over: then the other decoders,
//! and the rules in the parent module, have the last word.

mod bits;
mod blocks;
mod canvas;
mod component;
mod idct;
mod many;
mod plan;
mod single;
mod strip;
mod tables;

use std::collections::TryReserveError;

use vow_types::Size;

use super::frame::Grid;
use super::huffman::Stop;
use super::survey::Survey;
use blocks::Cursor;
pub use many::Held;
pub(super) use many::notes_of;
use many::{ManyScans, Memory};
use single::OneScan;
use strip::Wide;

/// Bytes that may be left over behind the last block. More of them, and something is wrong with the file.
const LEFT_OVER: usize = 64;

/// How much smaller a picture is decoded than it is coded, along each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scale {
    /// As coded.
    Full,
    /// 1/2.
    Half,
    /// 1/4.
    Quarter,
    /// 1/8.
    Eighth,
}

impl Scale {
    /// All of them, the smallest picture first.
    pub const ALL: [Self; 4] = [Self::Eighth, Self::Quarter, Self::Half, Self::Full];

    /// Samples that are left of eight.
    #[must_use]
    pub const fn samples(self) -> u8 {
        match self {
            Self::Full => 8,
            Self::Half => 4,
            Self::Quarter => 2,
            Self::Eighth => 1,
        }
    }

    /// Size of a picture at this scale. A last column or row that is only begun counts.
    #[must_use]
    pub fn of(self, coded: Size) -> Size {
        let side = |pixels: u32| self.side(pixels);
        Size { width: side(coded.width), height: side(coded.height) }
    }

    fn side(self, pixels: u32) -> u32 {
        pixels.div_ceil(8 / u32::from(self.samples()))
    }
}

/// A rectangle in pixels of the coded picture; `right` and `bottom` are behind its last ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) right: u32,
    pub(crate) bottom: u32,
}

/// The groups that show an area, and what they show: the area, widened to whole groups. `None` when it is empty or outside
/// of the picture.
fn shown(area: Area, size: Size, grid: Grid, group: Size) -> Option<(Area, Area)> {
    let groups = Area {
        left: area.left / group.width,
        top: area.top / group.height,
        right: area.right.div_ceil(group.width).min(grid.across),
        bottom: area.bottom.div_ceil(group.height).min(grid.down),
    };
    if groups.left >= groups.right || groups.top >= groups.bottom {
        return None;
    }
    let shown = Area {
        left: groups.left * group.width,
        top: groups.top * group.height,
        right: (groups.right * group.width).min(size.width),
        bottom: (groups.bottom * group.height).min(size.height),
    };
    Some((groups, shown))
}

/// Why a picture is handed back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Its data.
    #[error("the data ends early or contradicts itself ({0:?})")]
    Data(Stop),
    /// There is no memory for its coefficients.
    #[error("there is no memory for its coefficients")]
    Memory(#[from] TryReserveError),
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        Self::Data(stop)
    }
}

/// Whether a file is one that is decoded here, as far as its headers tell.
pub(super) fn is_taken(survey: &Survey) -> bool {
    plan::is_plain(survey) || many::is_many(survey)
}

/// A picture that is being decoded.
pub(crate) enum Picture<'a> {
    One(OneScan<'a>),
    Many(ManyScans<'a>),
}

/// Memory that is used again from one picture to the next.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    strips: [Vec<u8>; 3],
    wide: Wide,
    notes: Vec<Cursor>,
    memory: Memory,
}

impl<'a> Picture<'a> {
    /// Reads the headers; `None` for a file that is not for this decoder.
    pub(super) fn open(bytes: &'a [u8], survey: &Survey, space: &mut Workspace) -> Option<Self> {
        if survey.single_scan {
            OneScan::open(bytes, survey, space).map(Self::One)
        } else {
            ManyScans::open(bytes, survey).map(Self::Many)
        }
    }

    /// Gives its memory back.
    pub(crate) fn close(self, space: &mut Workspace) {
        match self {
            Self::One(scan) => scan.close(space),
            Self::Many(_) => space.memory.trim(),
        }
    }

    /// The whole picture, RGB8, into `pixels`.
    ///
    /// # Errors
    /// When not all of it is there, or something cannot be decoded. `pixels` then holds anything.
    pub(super) fn whole(
        &mut self,
        scale: Scale,
        space: &mut Workspace,
        pixels: &mut Vec<u8>,
    ) -> Result<Size, Refusal> {
        match self {
            Self::One(scan) => Ok(scan.whole(scale, space, pixels)?),
            Self::Many(scans) => scans.whole(scale, space, pixels),
        }
    }

    /// The groups that show `area`, RGB8, into `pixels`; and which area they are, which is larger as a rule.
    /// `None` when the area is empty or outside of the picture, or [`Self::whole`] did not go well before; and when what
    /// that had no need to read proves to be damaged.
    pub(crate) fn part(
        &mut self,
        area: Area,
        scale: Scale,
        space: &mut Workspace,
        pixels: &mut Vec<u8>,
    ) -> Option<(Size, Area)> {
        match self {
            Self::One(scan) => scan.part(area, scale, space, pixels),
            Self::Many(scans) => match scans.part(area, scale, space, pixels) {
                Ok(part) => part,
                Err(refusal) => {
                    tracing::debug!(%refusal, "a JPEG in several scans cannot be looked at closer");
                    None
                }
            },
        }
    }
}
