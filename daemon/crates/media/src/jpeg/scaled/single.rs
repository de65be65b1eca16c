//! A sequential picture in one scan, whole or in part. While the whole is read, it is noted every few groups of blocks
//! where they begin; a part begins at the last note before it.

use vow_types::Size;
use vow_types::num::index;

use super::super::huffman::Stop;
use super::super::survey::Survey;
use super::blocks::{Cursor, Groups};
use super::canvas::{Band, give_back, lanes};
use super::plan::{Plan, is_plain};
use super::{Area, LEFT_OVER, Scale, Workspace, shown};

/// Groups from one note to the next.
const NOTE_EVERY: u32 = 16;

/// A picture that is being decoded: its tables, and where its groups begin.
pub(crate) struct OneScan<'a> {
    plan: Plan<'a>,
    notes: Vec<Cursor>,
}

impl<'a> OneScan<'a> {
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
    pub(super) fn close(self, space: &mut Workspace) {
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
        let mut lanes = lanes(plan.lanes.iter().map(|lane| &lane.shape), scale, space, plan.grid.across);
        let mut band = Band::new(plan.group, plan.colour, scale, size, pixels);
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
    pub(super) fn part(
        &self,
        area: Area,
        scale: Scale,
        space: &mut Workspace,
        pixels: &mut Vec<u8>,
    ) -> Option<(Size, Area)> {
        let plan = &self.plan;
        let (groups, shown) = shown(area, plan.size, plan.grid, plan.group)?;
        let size = scale.of(Size { width: shown.right - shown.left, height: shown.bottom - shown.top });
        let mut lanes =
            lanes(plan.lanes.iter().map(|lane| &lane.shape), scale, space, groups.right - groups.left);
        let mut band = Band::new(plan.group, plan.colour, scale, size, pixels);
        let notes_a_row = plan.grid.across.div_ceil(NOTE_EVERY);
        for row in groups.top..groups.bottom {
            let note = index(row) * index(notes_a_row) + index(groups.left / NOTE_EVERY);
            let mut reader = Groups::new(plan, *self.notes.get(note)?);
            for _ in 0..groups.left % NOTE_EVERY {
                reader.skip().ok()?;
            }
            for column in 0..groups.right - groups.left {
                reader.next(&mut lanes, index(column)).ok()?;
            }
            band.write(row - groups.top, &lanes, &mut space.wide);
        }
        give_back(lanes, space);
        Some((size, shown))
    }
}
