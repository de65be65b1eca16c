//! A picture in several scans, whole or in part: a progressive one, or a sequential one with its components apart.
//!
//! What the scans say of a block comes together in memory, but only of the coefficients that the scale has use of. A scan
//! that says nothing of those, and that no other one builds upon, is not read at all: of what lies in it, damage is not
//! noticed then. While the others are read, it is noted every few blocks where they begin. A face is then decoded closer
//! by reading, in each scan, only the blocks that show it; scans that were passed over before are read once for their
//! notes.
//!
//! What is not taken, and what is handed back, is as in the parent module; which scripts are taken, [`script`] says.

mod coder;
mod held;
mod pass;
mod script;
mod store;

use vow_types::Size;
use vow_types::num::index;

use super::super::huffman::Stop;
use super::super::survey::Survey;
use super::canvas::{Band, give_back, lanes};
use super::component::{Scaled, Strip};
use super::plan::has_shape;
use super::{Area, Refusal, Scale, Workspace, shown};
use pass::{NOTE_EVERY, Note};
use script::Script;
use store::{Layout, Plane};

pub use held::Held;
pub(in crate::jpeg) use held::notes_of;
pub(super) use store::Memory;

/// Whether a file is one that is read this way, as far as its headers tell: progressive, or sequential in several scans, of
/// which nothing is in doubt, and with components of one or two blocks a group along each side.
pub(super) fn is_many(survey: &Survey) -> bool {
    let (across, down) = survey.frame.largest();
    !survey.single_scan && !survey.doubtful && has_shape(survey) && across.max(down) <= 2
}

/// A picture that is being decoded: its scans, and where the units of each begin; no notes of those not yet read.
pub(crate) struct ManyScans<'a> {
    script: Script<'a>,
    notes: Vec<Vec<Note>>,
}

impl<'a> ManyScans<'a> {
    /// Reads the headers; `None` for a file that is not for this decoder.
    pub(super) fn open(bytes: &'a [u8], survey: &Survey) -> Option<Self> {
        if !is_many(survey) {
            return None;
        }
        let script = Script::read(bytes, survey)?;
        let notes = script.passes.iter().map(|_| Vec::new()).collect();
        Some(Self { script, notes })
    }

    /// The whole picture, RGB8, into `pixels`.
    ///
    /// # Errors
    /// When not all of the scans that are needed is there, or something in them cannot be decoded, or there is no memory
    /// for the coefficients. `pixels` then holds anything.
    pub(super) fn whole(
        &mut self,
        scale: Scale,
        space: &mut Workspace,
        pixels: &mut Vec<u8>,
    ) -> Result<Size, Refusal> {
        let all = self.all();
        let layouts = self.layouts(scale);
        let needed = self.script.needed(&wanted(&layouts), |_| false);
        let mut planes = planes(&self.script, layouts, &needed, all, space)?;
        for ((pass, notes), _) in needed_of(&self.script, &mut self.notes, &needed) {
            pass::whole(pass, &mut planes, notes)?;
        }
        let size = scale.of(self.script.size);
        self.show(&planes, all, (scale, size), space, pixels)?;
        store::give_back(&mut space.memory, planes);
        Ok(size)
    }

    /// The groups that show `area`, RGB8, into `pixels`; and which area they are, which is larger as a rule. `None` when
    /// the area is empty or outside of the picture.
    ///
    /// # Errors
    /// As [`Self::whole`], for scans that were not read before; [`Stop::End`] when that did not go well before.
    pub(super) fn part(
        &mut self,
        area: Area,
        scale: Scale,
        space: &mut Workspace,
        pixels: &mut Vec<u8>,
    ) -> Result<Option<(Size, Area)>, Refusal> {
        let script = &self.script;
        let Some((groups, shown)) = shown(area, script.size, script.grid, script.group) else {
            return Ok(None);
        };
        let layouts = self.layouts(scale);
        let needed = script.needed(&wanted(&layouts), |_| false);
        self.note(&needed, space)?;
        // Each row is read from a note on: what a scan adds depends on all that the others said there.
        let read = Area { left: groups.left / NOTE_EVERY * NOTE_EVERY, ..groups };
        let mut planes = planes(&self.script, layouts, &needed, read, space)?;
        for ((pass, notes), _) in needed_of(&self.script, &mut self.notes, &needed) {
            let alone = match pass.shares.as_slice() {
                [share] => self.script.shapes.get(share.component),
                _ => None,
            };
            let blocks = alone.map_or((1, 1), |shape| (shape.across, shape.down));
            pass::part(pass, read, &mut planes, notes, blocks)?;
        }
        let size = scale.of(Size { width: shown.right - shown.left, height: shown.bottom - shown.top });
        self.show(&planes, groups, (scale, size), space, pixels)?;
        store::give_back(&mut space.memory, planes);
        Ok(Some((size, shown)))
    }

    /// Reads those of the needed scans that have no notes yet, and what they build upon.
    fn note(&mut self, needed: &[bool], space: &mut Workspace) -> Result<(), Refusal> {
        let missing: Vec<bool> =
            self.notes.iter().zip(needed).map(|(notes, needed)| *needed && notes.is_empty()).collect();
        if !missing.contains(&true) {
            return Ok(());
        }
        let nothing: Vec<_> = self.script.shapes.iter().map(|_| Layout::NOTHING).collect();
        let needed = self.script.needed(&wanted(&nothing), |at| missing.get(at).copied().unwrap_or_default());
        let mut planes = planes(&self.script, nothing, &needed, self.all(), space)?;
        for ((pass, notes), _) in needed_of(&self.script, &mut self.notes, &needed) {
            if let Err(refusal) = pass::whole(pass, &mut planes, notes) {
                notes.clear();
                return Err(refusal);
            }
        }
        store::give_back(&mut space.memory, planes);
        Ok(())
    }

    /// All groups.
    fn all(&self) -> Area {
        let grid = self.script.grid;
        Area { left: 0, top: 0, right: grid.across, bottom: grid.down }
    }

    fn layouts(&self, scale: Scale) -> Vec<Layout> {
        self.script.shapes.iter().map(|shape| Layout::of(&Scaled::new(shape, scale))).collect()
    }

    /// The samples of these groups, and the pixels that they are.
    fn show(
        &self,
        planes: &[Plane],
        shown: Area,
        (scale, size): (Scale, Size),
        space: &mut Workspace,
        pixels: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let script = &self.script;
        let mut lanes = lanes(script.shapes.iter(), scale, space, shown.right - shown.left);
        let mut band = Band::new(script.group, script.colour, scale, size, pixels);
        for row in shown.top..shown.bottom {
            for ((scaled, strip), plane) in lanes.iter_mut().zip(planes) {
                fill(scaled, strip, plane, shown, row)?;
            }
            band.write(row - shown.top, &lanes, &mut space.wide);
        }
        give_back(lanes, space);
        Ok(())
    }
}

/// A row of groups of one component into its strip.
fn fill(scaled: &Scaled<'_>, strip: &mut Strip, plane: &Plane, shown: Area, row: u32) -> Result<(), Stop> {
    let (across, down) = (scaled.shape.across, scaled.shape.down);
    let (width, height) = (usize::from(scaled.width), usize::from(scaled.height));
    for line in 0..down {
        let from = index(line) * height * strip.stride;
        for (at, column) in (shown.left * across..shown.right * across).enumerate() {
            let coefficients = plane.coefficients(column, row * down + line).ok_or(Stop::Broken)?;
            let target = strip.samples.get_mut(from + at * width..).ok_or(Stop::Broken)?;
            scaled.show(coefficients, target, strip.stride)?;
        }
    }
    Ok(())
}

fn wanted(layouts: &[Layout]) -> Vec<u64> {
    layouts.iter().map(|layout| layout.wanted).collect()
}

/// The needed scans, each with its notes.
fn needed_of<'s, 'a>(
    script: &'s Script<'a>,
    notes: &'s mut [Vec<Note>],
    needed: &'s [bool],
) -> impl Iterator<Item = ((&'s script::Pass<'a>, &'s mut Vec<Note>), &'s bool)> {
    script.passes.iter().zip(notes).zip(needed).filter(|(_, needed)| **needed)
}

/// Planes for a window of groups, with as much in them as these scans have to say and to know.
fn planes(
    script: &Script<'_>,
    layouts: Vec<Layout>,
    needed: &[bool],
    groups: Area,
    space: &mut Workspace,
) -> Result<Vec<Plane>, Refusal> {
    let plane = |(at, (layout, shape)): (usize, (Layout, &super::plan::Shape))| {
        let window = Area {
            left: groups.left * shape.across,
            top: groups.top * shape.down,
            right: groups.right * shape.across,
            bottom: groups.bottom * shape.down,
        };
        let noted = script.adds(at, needed);
        Ok(Plane::new(layout, window, noted, store::take(&mut space.memory, at))?)
    };
    layouts.into_iter().zip(&script.shapes).enumerate().map(plane).collect()
}
