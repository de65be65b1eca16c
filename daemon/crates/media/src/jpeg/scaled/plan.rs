//! What a file says about how its blocks are to be read: grid, components, tables. Nothing is decoded here.

use std::sync::Arc;

use vow_types::Size;

use super::super::frame::{Colour, Frame, Grid, Part, Scan, restart_interval};
use super::super::huffman::Table;
use super::super::survey::Survey;
use super::super::walk::{Piece, Walk, marker};
use super::tables::{AcCodes, Codes};

/// One component.
pub(super) struct Lane {
    /// Blocks in a group (MCU).
    pub(super) across: u32,
    pub(super) down: u32,
    /// Pixels of the picture that one sample covers, 1 or 2.
    pub(super) spread: (u32, u32),
    pub(super) dc: Arc<Codes>,
    pub(super) ac: Arc<AcCodes>,
    /// Quantisation steps in zigzag order.
    pub(super) steps: [u16; 64],
}

/// A sequential picture in one scan: what nearly every camera writes.
pub(super) struct Plan<'a> {
    pub(super) size: Size,
    pub(super) colour: Colour,
    /// The entropy-coded data.
    pub(super) data: &'a [u8],
    /// Groups between two restart markers; 0 is none.
    pub(super) interval: u32,
    /// The groups, and how many pixels each covers.
    pub(super) grid: Grid,
    pub(super) group: Size,
    pub(super) lanes: Vec<Lane>,
}

/// Whether a file is one that is decoded here, as far as its headers tell: sequential, in one scan, of which nothing is
/// in doubt; grey or three colours, subsampled by two at most.
pub(in crate::jpeg) fn is_plain(survey: &Survey) -> bool {
    let frame = &survey.frame;
    let colour = Colour::of(frame, survey.adobe);
    survey.single_scan
        && !survey.doubtful
        && matches!(colour, Colour::Grey | Colour::YCbCr | Colour::Rgb)
        && frame
            .components
            .iter()
            .all(|component| spread(frame, component.horizontal, component.vertical).is_some())
}

/// Pixels that a sample of such a component covers.
fn spread(frame: &Frame, horizontal: u32, vertical: u32) -> Option<(u32, u32)> {
    if frame.components.len() == 1 {
        return Some((1, 1));
    }
    let of = |all: u32, own: u32| (own > 0 && all.is_multiple_of(own)).then(|| all / own).filter(|n| *n <= 2);
    let (across, down) = frame.largest();
    Some((of(across, horizontal)?, of(down, vertical)?))
}

impl<'a> Plan<'a> {
    /// Reads the headers; `None` when they are not as [`is_plain`] promised, or a table is missing.
    pub(super) fn read(bytes: &'a [u8], survey: &Survey) -> Option<Self> {
        let frame = &survey.frame;
        let (mut dc, mut ac) = ([const { None::<Table> }; 4], [const { None::<Table> }; 4]);
        let mut steps = [None::<[u16; 64]>; 4];
        let (mut interval, mut scan) = (0, None);
        for piece in Walk::new(bytes) {
            match piece {
                Piece::Segment { marker: marker::DHT, body } => {
                    for (is_ac, slot, table) in Table::parse_all(body).ok()? {
                        *if is_ac { &mut ac } else { &mut dc }.get_mut(slot)? = Some(table);
                    }
                }
                Piece::Segment { marker: marker::DQT, body } => quantisation(body, &mut steps)?,
                Piece::Segment { marker: marker::DRI, body } => interval = restart_interval(body),
                Piece::Segment { marker: marker::SOS, body } => scan = Some(Scan::parse(frame, body)?),
                Piece::Segment { .. } => {}
                Piece::Coded { data, .. } => {
                    let tables = Tables { dc, ac, steps };
                    return Self::new(survey, tables, interval, &scan?, data);
                }
            }
        }
        None
    }

    fn new(survey: &Survey, tables: Tables, interval: u32, scan: &Scan, data: &'a [u8]) -> Option<Self> {
        let frame = &survey.frame;
        if scan.parts.len() != frame.components.len() || (scan.first, scan.last) != (0, 63) {
            return None;
        }
        let (grid, unit) = match frame.components.as_slice() {
            [component] => (frame.alone(*component), (1, 1)),
            _ => (frame.interleaved(), frame.largest()),
        };
        let mut lanes = Vec::with_capacity(3);
        let mut ready = Ready::default();
        for part in &scan.parts {
            // In the order of the scan; a picture whose scan names them in another order is none of a camera's.
            if part.component != lanes.len() {
                return None;
            }
            let component = frame.components.get(part.component)?;
            let (across, down) =
                if frame.components.len() == 1 { (1, 1) } else { (component.horizontal, component.vertical) };
            let (dc, ac) = ready.of(*part, &tables)?;
            lanes.push(Lane {
                across,
                down,
                spread: spread(frame, component.horizontal, component.vertical)?,
                dc,
                ac,
                steps: (*tables.steps.get(usize::from(component.quantisation))?)?,
            });
        }
        Some(Self {
            size: frame.size,
            colour: Colour::of(frame, survey.adobe),
            data,
            interval,
            grid,
            group: Size { width: 8 * unit.0, height: 8 * unit.1 },
            lanes,
        })
    }
}

/// Tables as the file defines them, by slot.
struct Tables {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    steps: [Option<[u16; 64]>; 4],
}

/// Tables made ready, each once.
#[derive(Default)]
struct Ready {
    dc: [Option<Arc<Codes>>; 4],
    ac: [Option<Arc<AcCodes>>; 4],
}

impl Ready {
    fn of(&mut self, part: Part, tables: &Tables) -> Option<(Arc<Codes>, Arc<AcCodes>)> {
        let dc = self.dc.get_mut(part.dc)?;
        if dc.is_none() {
            *dc = Some(Arc::new(Codes::new(tables.dc.get(part.dc)?.clone()?)));
        }
        let ac = self.ac.get_mut(part.ac)?;
        if ac.is_none() {
            *ac = Some(Arc::new(AcCodes::new(tables.ac.get(part.ac)?.clone()?)));
        }
        Some((dc.clone()?, ac.clone()?))
    }
}

/// The tables of a DQT segment (T.81, B.2.4.1).
fn quantisation(mut body: &[u8], steps: &mut [Option<[u16; 64]>; 4]) -> Option<()> {
    while let Some((head, rest)) = body.split_first() {
        let mut table = [0; 64];
        if head >> 4 == 0 {
            let (bytes, rest) = rest.split_first_chunk::<64>()?;
            table.iter_mut().zip(bytes).for_each(|(step, byte)| *step = u16::from(*byte));
            body = rest;
        } else {
            let (bytes, rest) = rest.split_first_chunk::<128>()?;
            let pairs = bytes.as_chunks::<2>().0;
            table.iter_mut().zip(pairs).for_each(|(step, pair)| *step = u16::from_be_bytes(*pair));
            body = rest;
        }
        *steps.get_mut(usize::from(head & 15))? = Some(table);
    }
    Some(())
}
