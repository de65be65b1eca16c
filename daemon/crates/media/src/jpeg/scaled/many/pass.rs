//! One scan, block by block: in which order its blocks come, where its restarts are, and from where it can be read on.

use std::ops::Range;

use vow_types::num::index;

use super::super::super::huffman::Stop;
use super::super::bits::{Bits, Place};
use super::super::{Area, LEFT_OVER, Refusal};
use super::coder::Coder;
use super::script::{Kind, Pass, Share};
use super::store::Plane;

/// Units (groups, or blocks of a component that is alone) from one note to the next, in each row.
pub(super) const NOTE_EVERY: u32 = 16;

/// A place between two units, from which the scan can be read on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Note {
    place: Place,
    predictions: [i32; 3],
    run: u32,
}

/// Reads the whole scan into planes that show the whole picture, and notes where it was.
///
/// # Errors
/// When not all of it is there, or something cannot be decoded, or more is there than the blocks need; and when there is no
/// memory for the notes, of which there are no more than so many rows have.
pub(super) fn whole(pass: &Pass<'_>, planes: &mut [Plane], notes: &mut Vec<Note>) -> Result<(), Refusal> {
    notes.clear();
    notes.try_reserve_exact(index(pass.grid.across.div_ceil(NOTE_EVERY)) * index(pass.grid.down))?;
    let mut reader = Reader::new(pass, 0, Note::default());
    for row in 0..pass.grid.down {
        reader.row(row, 0..pass.grid.across, planes, Some(notes))?;
    }
    if reader.coder.run > 0 || reader.coder.bits.rest() > LEFT_OVER {
        return Err(Stop::Broken.into());
    }
    Ok(())
}

/// Reads what a window of groups shows into planes of the same window. It begins at a multiple of [`NOTE_EVERY`] groups.
///
/// # Errors
/// When the scan was not noted before.
pub(super) fn part(
    pass: &Pass<'_>,
    window: Area,
    planes: &mut [Plane],
    notes: &[Note],
    (across, down): (u32, u32),
) -> Result<(), Stop> {
    let right = (window.right * across).min(pass.grid.across);
    let bottom = (window.bottom * down).min(pass.grid.down);
    let left = window.left * across;
    for row in window.top * down..bottom {
        let note = index(row) * index(pass.grid.across.div_ceil(NOTE_EVERY)) + index(left / NOTE_EVERY);
        let note = *notes.get(note).ok_or(Stop::End)?;
        Reader::new(pass, row * pass.grid.across + left, note).row(row, left..right, planes, None)?;
    }
    Ok(())
}

struct Reader<'p> {
    pass: &'p Pass<'p>,
    coder: Coder<'p>,
    predictions: [i32; 3],
    /// Units before this one.
    unit: u32,
}

impl<'p> Reader<'p> {
    fn new(pass: &'p Pass<'p>, unit: u32, note: Note) -> Self {
        let coder = Coder { bits: Bits::new(pass.data, note.place), run: note.run };
        Self { pass, coder, predictions: note.predictions, unit }
    }

    /// Some columns of a row of units.
    fn row(
        &mut self,
        row: u32,
        columns: Range<u32>,
        planes: &mut [Plane],
        mut notes: Option<&mut Vec<Note>>,
    ) -> Result<(), Stop> {
        for column in columns {
            if let Some(notes) = notes.as_mut().filter(|_| column.is_multiple_of(NOTE_EVERY)) {
                let Coder { bits, run } = &self.coder;
                notes.push(Note { place: bits.place(), predictions: self.predictions, run: *run });
            }
            self.begin()?;
            self.unit(column, row, planes)?;
        }
        if self.coder.bits.overdrawn() { Err(Stop::End) } else { Ok(()) }
    }

    /// Between two restart intervals: the marker.
    #[inline(always)]
    fn begin(&mut self) -> Result<(), Stop> {
        let interval = self.pass.interval;
        if interval > 0 && self.unit > 0 && self.unit.is_multiple_of(interval) {
            // Behind the marker it would be forgotten that bits were missing before it.
            if self.coder.run > 0 || self.coder.bits.overdrawn() {
                return Err(Stop::Broken);
            }
            let [number, ..] = (self.unit / interval).wrapping_sub(1).to_le_bytes();
            self.coder.bits.restart(number)?;
            self.predictions = [0; 3];
        }
        self.unit += 1;
        Ok(())
    }

    #[inline(always)]
    fn unit(&mut self, column: u32, row: u32, planes: &mut [Plane]) -> Result<(), Stop> {
        let pass = self.pass;
        for (share, prediction) in pass.shares.iter().zip(&mut self.predictions) {
            let plane = planes.get_mut(share.component).ok_or(Stop::Broken)?;
            for down in 0..share.down {
                for across in 0..share.across {
                    let place = (column * share.across + across, row * share.down + down);
                    block(&mut self.coder, pass, share, prediction, plane, place)?;
                }
            }
        }
        Ok(())
    }
}

#[inline(always)]
fn block(
    coder: &mut Coder<'_>,
    pass: &Pass<'_>,
    share: &Share,
    prediction: &mut i32,
    plane: &mut Plane,
    (column, row): (u32, u32),
) -> Result<(), Stop> {
    if pass.kind == Kind::AcFirst && coder.run > 0 {
        coder.run -= 1;
        return Ok(());
    }
    let mut block = plane.block(column, row).ok_or(Stop::Broken)?;
    let block = &mut block;
    match (pass.kind, &share.dc, &share.ac) {
        (Kind::AcFirst, _, Some(ac)) => coder.ac_first(pass, ac, block),
        (Kind::AcMore, _, Some(ac)) => coder.ac_more(pass, ac.codes(), block),
        (Kind::DcFirst, Some(dc), _) => coder.dc_first(pass, dc.codes(), prediction, block),
        (Kind::DcMore, ..) => {
            coder.dc_more(pass, block);
            Ok(())
        }
        (Kind::Sequential, Some(dc), Some(ac)) => coder.sequential((dc.codes(), ac.ac()), prediction, block),
        _ => Err(Stop::Broken),
    }
}
