//! What a file says about how its blocks are to be read: grid, components, tables. Nothing is decoded here.

use std::sync::Arc;

use vow_types::Size;

use super::super::frame::{Colour, Component, Frame, Grid, Part, Scan, restart_interval};
use super::super::huffman::Table;
use super::super::survey::Survey;
use super::super::walk::{Piece, Walk, marker};
use super::tables::{AcCodes, Codes};

/// How the blocks of a component lie, and how they are quantised.
pub(super) struct Shape {
    /// Blocks in a group (MCU).
    pub(super) across: u32,
    pub(super) down: u32,
    /// Pixels of the picture that one sample covers, 1 or 2.
    pub(super) spread: (u32, u32),
    /// Quantisation steps in zigzag order.
    pub(super) steps: [u16; 64],
}

/// One component.
pub(super) struct Lane {
    pub(super) shape: Shape,
    pub(super) dc: Arc<Codes>,
    pub(super) ac: Arc<AcCodes>,
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

/// Whether a file is one that is read this way, as far as its headers tell: sequential, in one scan, of which nothing is in
/// doubt.
pub(super) fn is_plain(survey: &Survey) -> bool {
    survey.single_scan && !survey.doubtful && has_shape(survey)
}

/// Whether its components are such as are decoded at a scale: grey or three colours, subsampled by two at most.
pub(super) fn has_shape(survey: &Survey) -> bool {
    let frame = &survey.frame;
    let colour = Colour::of(frame, survey.adobe);
    matches!(colour, Colour::Grey | Colour::YCbCr | Colour::Rgb)
        && frame.components.iter().all(|component| spread(frame, *component).is_some())
}

/// Pixels that a sample of such a component covers.
pub(super) fn spread(frame: &Frame, component: Component) -> Option<(u32, u32)> {
    if frame.components.len() == 1 {
        return Some((1, 1));
    }
    let of = |all: u32, own: u32| (own > 0 && all.is_multiple_of(own)).then(|| all / own).filter(|n| *n <= 2);
    let (across, down) = frame.largest();
    Some((of(across, component.horizontal)?, of(down, component.vertical)?))
}

impl Shape {
    /// Of a component of this frame; `None` when it is none that is decoded here, or has no table.
    pub(super) fn of(frame: &Frame, component: Component, steps: &Steps) -> Option<Self> {
        let (across, down) =
            if frame.components.len() == 1 { (1, 1) } else { (component.horizontal, component.vertical) };
        let steps = (*steps.get(usize::from(component.quantisation))?)?;
        Some(Self { across, down, spread: spread(frame, component)?, steps })
    }
}

/// The groups of a picture, and how many pixels each covers. A component that is alone has groups of one block.
pub(super) fn groups(frame: &Frame) -> (Grid, Size) {
    let (grid, (across, down)) = match frame.components.as_slice() {
        [component] => (frame.alone(*component), (1, 1)),
        _ => (frame.interleaved(), frame.largest()),
    };
    (grid, Size { width: 8 * across, height: 8 * down })
}

impl<'a> Plan<'a> {
    /// Reads the headers; `None` when they are not as [`is_plain`] promised, or a table is missing.
    pub(super) fn read(bytes: &'a [u8], survey: &Survey) -> Option<Self> {
        let frame = &survey.frame;
        let (mut dc, mut ac) = ([const { None::<Table> }; 4], [const { None::<Table> }; 4]);
        let mut steps: Steps = [None; 4];
        let mut interval = 0;
        let mut walk = Walk::new(bytes);
        while let Some(piece) = walk.next() {
            match piece {
                Piece::Segment { marker: marker::DHT, body } => {
                    for (is_ac, slot, table) in Table::parse_all(body).ok()? {
                        *if is_ac { &mut ac } else { &mut dc }.get_mut(slot)? = Some(table);
                    }
                }
                Piece::Segment { marker: marker::DQT, body } => quantisation(body, &mut steps)?,
                Piece::Segment { marker: marker::DRI, body } => interval = restart_interval(body),
                Piece::Segment { marker: marker::SOS, body } => {
                    // Where its only scan ends is known, and need not be looked for again.
                    let data = walk.rest().get(..survey.coded)?;
                    return Self::new(
                        survey,
                        Tables { dc, ac, steps },
                        interval,
                        &Scan::parse(frame, body)?,
                        data,
                    );
                }
                Piece::Segment { .. } | Piece::Coded { .. } => {}
            }
        }
        None
    }

    fn new(survey: &Survey, tables: Tables, interval: u32, scan: &Scan, data: &'a [u8]) -> Option<Self> {
        let frame = &survey.frame;
        if scan.parts.len() != frame.components.len() || (scan.first, scan.last) != (0, 63) {
            return None;
        }
        let (grid, group) = groups(frame);
        let mut lanes = Vec::with_capacity(3);
        let mut ready = Ready::default();
        for part in &scan.parts {
            // In the order of the scan; a picture whose scan names them in another order is none of a camera's.
            if part.component != lanes.len() {
                return None;
            }
            let component = *frame.components.get(part.component)?;
            let (dc, ac) = ready.of(*part, &tables)?;
            lanes.push(Lane { shape: Shape::of(frame, component, &tables.steps)?, dc, ac });
        }
        Some(Self {
            size: frame.size,
            colour: Colour::of(frame, survey.adobe),
            data,
            interval,
            grid,
            group,
            lanes,
        })
    }
}

/// Quantisation steps in zigzag order, by slot.
pub(super) type Steps = [Option<[u16; 64]>; 4];

/// Tables as the file defines them, by slot.
struct Tables {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    steps: Steps,
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
pub(super) fn quantisation(mut body: &[u8], steps: &mut Steps) -> Option<()> {
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
