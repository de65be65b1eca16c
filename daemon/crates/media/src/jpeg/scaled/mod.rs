//! Our own decoder for what nearly every camera writes: a sequential JPEG in one scan, whole or in part, at 1/1, 1/2, 1/4
//! or 1/8 of its size.
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
mod idct;
mod plan;
mod strip;
mod tables;

use vow_types::Size;
use vow_types::num::index;

use super::huffman::Stop;
use super::survey::Survey;
use blocks::{Cursor, Groups, Scaled, Strip};
use plan::Plan;
use strip::Wide;

pub(super) use plan::is_plain;

/// Groups from one note to the next.
const NOTE_EVERY: u32 = 16;
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

/// A picture that is being decoded: its tables, and where its groups begin.
pub(crate) struct Scan<'a> {
    plan: Plan<'a>,
    notes: Vec<Cursor>,
}

/// Memory that is used again from one picture to the next.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    strips: [Vec<u8>; 3],
    wide: Wide,
    notes: Vec<Cursor>,
}

impl<'a> Scan<'a> {
    /// Reads the headers; `None` for a file that is not for this decoder.
    pub(super) fn open(bytes: &'a [u8], survey: &Survey, space: &mut Workspace) -> Option<Self> {
        if !is_plain(survey) {
            return None;
        }
        let mut notes = std::mem::take(&mut space.notes);
        notes.clear();
        Some(Self { plan: Plan::read(bytes, survey)?, notes })
    }

    /// Gives its memory back.
    pub(crate) fn close(self, space: &mut Workspace) {
        space.notes = self.notes;
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
    ) -> Result<Size, Stop> {
        let plan = &self.plan;
        let size = scale.of(plan.size);
        let mut lanes = lanes(plan, scale, space, plan.grid.across);
        let mut band = Band::new(plan, scale, size, pixels);
        self.notes.clear();
        let mut groups = Groups::new(plan, Cursor::default());
        for row in 0..plan.grid.down {
            for column in 0..plan.grid.across {
                if column.is_multiple_of(NOTE_EVERY) {
                    self.notes.push(groups.cursor());
                }
                groups.next(&mut lanes, index(column))?;
            }
            band.write(row, &lanes, &mut space.wide);
        }
        give_back(lanes, space);
        if groups.rest() > LEFT_OVER { Err(Stop::Broken) } else { Ok(size) }
    }

    /// The groups that show `area`, RGB8, into `pixels`; and which area they are, which is larger as a rule.
    /// `None` when the area is empty or outside of the picture, or [`Self::whole`] did not go well before.
    pub(crate) fn part(
        &self,
        area: Area,
        scale: Scale,
        space: &mut Workspace,
        pixels: &mut Vec<u8>,
    ) -> Option<(Size, Area)> {
        let plan = &self.plan;
        let group = plan.group;
        let (left, top) = (area.left / group.width, area.top / group.height);
        let right = area.right.div_ceil(group.width).min(plan.grid.across);
        let bottom = area.bottom.div_ceil(group.height).min(plan.grid.down);
        if left >= right || top >= bottom {
            return None;
        }
        let shown = Area {
            left: left * group.width,
            top: top * group.height,
            right: (right * group.width).min(plan.size.width),
            bottom: (bottom * group.height).min(plan.size.height),
        };
        let size = scale.of(Size { width: shown.right - shown.left, height: shown.bottom - shown.top });
        let mut lanes = lanes(plan, scale, space, right - left);
        let mut band = Band::new(plan, scale, size, pixels);
        let notes_a_row = plan.grid.across.div_ceil(NOTE_EVERY);
        for row in top..bottom {
            let note = index(row) * index(notes_a_row) + index(left / NOTE_EVERY);
            let mut groups = Groups::new(plan, *self.notes.get(note)?);
            for _ in 0..left % NOTE_EVERY {
                groups.skip().ok()?;
            }
            for column in 0..right - left {
                groups.next(&mut lanes, index(column)).ok()?;
            }
            band.write(row - top, &lanes, &mut space.wide);
        }
        give_back(lanes, space);
        Some((size, shown))
    }
}

/// The components at a scale, each with a strip for so many groups.
fn lanes<'p>(
    plan: &'p Plan<'_>,
    scale: Scale,
    space: &mut Workspace,
    groups: u32,
) -> Vec<(Scaled<'p>, Strip)> {
    let lane = |(lane, samples): (&'p plan::Lane, &mut Vec<u8>)| {
        let scaled = Scaled::new(lane, scale);
        let stride = index(groups) * scaled.group_width();
        let mut samples = std::mem::take(samples);
        samples.resize(stride * scaled.group_height(), 0);
        (scaled, Strip { samples, stride })
    };
    plan.lanes.iter().zip(&mut space.strips).map(lane).collect()
}

fn give_back(lanes: Vec<(Scaled<'_>, Strip)>, space: &mut Workspace) {
    for ((_, strip), memory) in lanes.into_iter().zip(&mut space.strips) {
        *memory = strip.samples;
    }
}

/// Rows of groups on their way into the picture.
struct Band<'p> {
    plan: &'p Plan<'p>,
    /// Pixels in a row, and rows of pixels in a row of groups.
    width: usize,
    rows: usize,
    pixels: &'p mut [u8],
}

impl<'p> Band<'p> {
    fn new(plan: &'p Plan<'p>, scale: Scale, size: Size, pixels: &'p mut Vec<u8>) -> Self {
        let width = index(size.width);
        // Every row is written, or the whole is refused: what was there before need not be cleared.
        pixels.resize(width * index(size.height) * 3, 0);
        let rows = index(plan.group.height) * usize::from(scale.samples()) / 8;
        Self { plan, width, rows, pixels }
    }

    fn write(&mut self, row: u32, lanes: &[(Scaled<'_>, Strip)], wide: &mut Wide) {
        let each = self.rows * self.width * 3;
        let from = index(row) * each;
        let upto = from.saturating_add(each).min(self.pixels.len());
        if let Some(target) = self.pixels.get_mut(from..upto) {
            strip::to_rgb(lanes, self.plan.colour, self.width, target, wide);
        }
    }
}
