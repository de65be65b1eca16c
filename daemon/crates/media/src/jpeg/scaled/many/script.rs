//! What the headers of a picture in several scans say: its components, its scans and the tables of each; and which scans
//! have to be read for what is wanted. Nothing is decoded here.
//!
//! Taken are scripts that send every coefficient of every component to its last bit, each bit once and in order. All
//! others (scans missing at the end among them) are left to the other decoders.

use std::sync::{Arc, OnceLock};

use vow_types::Size;

use super::super::super::frame::{Colour, Frame, Grid, Part, Scan, restart_interval};
use super::super::super::huffman::Table;
use super::super::super::survey::Survey;
use super::super::super::walk::{Piece, Walk, marker};
use super::super::plan::{Shape, Steps, groups, quantisation};
use super::super::tables::{AcCodes, Codes};

/// More scans than programs write (libjpeg's usual script has ten, the longest of optimising encoders some twenty). It
/// bounds time and notes on a hostile file.
pub(super) const MAX_SCANS: usize = 40;

/// More bits than a coefficient of 8-bit samples has (T.81, G.1.1.1.1).
const MAX_LOW: u8 = 13;

/// A Huffman table of the file, made ready when it is first used: scans that are stepped over need none.
pub(super) struct Defined {
    table: Table,
    codes: OnceLock<Codes>,
    ac: OnceLock<AcCodes>,
}

impl Defined {
    fn new(table: Table) -> Arc<Self> {
        Arc::new(Self { table, codes: OnceLock::new(), ac: OnceLock::new() })
    }

    /// For single symbols.
    pub(super) fn codes(&self) -> &Codes {
        self.codes.get_or_init(|| Codes::new(self.table.clone()))
    }

    /// For AC coefficients that nobody wants, too.
    pub(super) fn ac(&self) -> &AcCodes {
        self.ac.get_or_init(|| AcCodes::new(self.table.clone()))
    }
}

/// What a scan holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole blocks, of a sequential picture.
    Sequential,
    /// The upper bits of first coefficients, and one bit more of them.
    DcFirst,
    DcMore,
    /// The upper bits of a band of the others of one component, and one bit more of them.
    AcFirst,
    AcMore,
}

/// One component's part in a scan: the component, its blocks in a group, and its tables, where the kind of scan has need
/// of them.
pub(super) struct Share {
    pub(super) component: usize,
    pub(super) across: u32,
    pub(super) down: u32,
    pub(super) dc: Option<Arc<Defined>>,
    pub(super) ac: Option<Arc<Defined>>,
}

/// One scan.
pub(super) struct Pass<'a> {
    pub(super) kind: Kind,
    /// The entropy-coded data.
    pub(super) data: &'a [u8],
    /// One of each component. Alone, a component comes block by block.
    pub(super) shares: Vec<Share>,
    /// Groups, or the blocks of a component that is alone.
    pub(super) grid: Grid,
    /// Of those, how many stand between two restart markers; 0 is none.
    pub(super) interval: u32,
    /// Band of coefficients, in zigzag order, 0 to 63.
    pub(super) first: u8,
    pub(super) last: u8,
    /// Bits that are still missing after this scan, up to [`MAX_LOW`].
    pub(super) low: u8,
}

impl Pass<'_> {
    /// The band, one bit a coefficient.
    pub(super) fn band(&self) -> u64 {
        u64::MAX << self.first & u64::MAX >> (63 - self.last)
    }

    fn holds(&self, component: usize) -> bool {
        self.shares.iter().any(|share| share.component == component)
    }
}

/// A picture in several scans.
pub(super) struct Script<'a> {
    pub(super) size: Size,
    pub(super) colour: Colour,
    /// The groups, and how many pixels each covers.
    pub(super) grid: Grid,
    pub(super) group: Size,
    /// One for each component.
    pub(super) shapes: Vec<Shape>,
    pub(super) passes: Vec<Pass<'a>>,
}

impl<'a> Script<'a> {
    /// Reads the headers; `None` for a script that is not taken, and where a table is missing.
    pub(super) fn read(bytes: &'a [u8], survey: &Survey) -> Option<Self> {
        let frame = &survey.frame;
        let mut tables = Tables::default();
        let mut steps: Steps = [None; 4];
        let mut sent = vec![Sent::NOTHING; frame.components.len()];
        let (mut frames, mut interval, mut scan) = (0, 0, None);
        let mut passes = Vec::new();
        for piece in Walk::new(bytes) {
            match piece {
                Piece::Segment { marker: marker::DHT, body } => tables.define(body)?,
                // A step that changes between two scans is legal, and unheard of.
                Piece::Segment { marker: marker::DQT, .. } if !passes.is_empty() => return None,
                Piece::Segment { marker: marker::DQT, body } => quantisation(body, &mut steps)?,
                Piece::Segment { marker: marker::DRI, body } => interval = restart_interval(body),
                Piece::Segment { marker: marker::SOS, body } => scan = Some(Scan::parse(frame, body)?),
                Piece::Segment { marker: code, .. } if marker::is_frame(code) => frames += 1,
                Piece::Segment { .. } => {}
                Piece::Coded { data, .. } => {
                    let scan = scan.take()?;
                    for part in &scan.parts {
                        sent.get_mut(part.component)?.add(&scan, frame.progressive)?;
                    }
                    passes.push(pass(frame, &scan, &tables, interval, data)?);
                }
            }
        }
        if frames != 1 || passes.len() > MAX_SCANS || sent.iter().any(|sent| sent.lowest != [0; 64]) {
            return None;
        }
        let shapes: Option<Vec<_>> =
            frame.components.iter().map(|component| Shape::of(frame, *component, &steps)).collect();
        let (grid, group) = groups(frame);
        let colour = Colour::of(frame, survey.adobe);
        Some(Self { size: frame.size, colour, grid, group, shapes: shapes?, passes })
    }

    /// Which scans have to be read when of each component the coefficients in `wanted` (one bit each, in zigzag order) are
    /// wanted, and those scans that are `forced`: these, and what they build upon. A scan that adds a bit says nothing to
    /// whoever does not know which coefficients of its band the scans before made other than zero.
    pub(super) fn needed(&self, wanted: &[u64], forced: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut known = wanted.to_vec();
        let mut needed = vec![false; self.passes.len()];
        for (at, (pass, needed)) in self.passes.iter().zip(&mut needed).enumerate().rev() {
            let band = pass.band();
            let of_use = known.iter().enumerate().any(|(at, known)| pass.holds(at) && known & band != 0);
            *needed = of_use || forced(at);
            if *needed && pass.kind == Kind::AcMore {
                let of_pass = known.iter_mut().enumerate().filter(|(at, _)| pass.holds(*at));
                of_pass.for_each(|(_, known)| *known |= band);
            }
        }
        needed
    }

    /// Whether any of these scans adds a bit to what is known of the others of this component.
    pub(super) fn adds(&self, component: usize, needed: &[bool]) -> bool {
        let mut needed = self.passes.iter().zip(needed).filter(|(_, needed)| **needed);
        needed.any(|(pass, _)| pass.kind == Kind::AcMore && pass.holds(component))
    }
}

/// How far the coefficients of a component are known: the lowest bit that was sent of each, `u8::MAX` for none.
#[derive(Clone)]
struct Sent {
    lowest: [u8; 64],
}

impl Sent {
    const NOTHING: Self = Self { lowest: [u8::MAX; 64] };

    /// `None` when this scan does not continue what was sent before.
    fn add(&mut self, scan: &Scan, progressive: bool) -> Option<()> {
        let Scan { first, last, high, low, .. } = *scan;
        let follows = match (progressive, high) {
            (false, 0) => (first, last, low) == (0, 63, 0),
            (false, _) => false,
            (true, 0) => low <= MAX_LOW,
            (true, high) => low + 1 == high && high <= MAX_LOW,
        };
        let before = if high == 0 { u8::MAX } else { high };
        for (at, lowest) in (0..).zip(&mut self.lowest) {
            if (first..=last).contains(&at) {
                if *lowest != before {
                    return None;
                }
                *lowest = low;
            }
        }
        follows.then_some(())
    }
}

/// Huffman tables by slot, as they are defined at this place of the file.
#[derive(Default)]
struct Tables {
    dc: [Option<Arc<Defined>>; 4],
    ac: [Option<Arc<Defined>>; 4],
}

impl Tables {
    fn define(&mut self, body: &[u8]) -> Option<()> {
        for (is_ac, slot, table) in Table::parse_all(body).ok()? {
            let tables = if is_ac { &mut self.ac } else { &mut self.dc };
            *tables.get_mut(slot)? = Some(Defined::new(table));
        }
        Some(())
    }
}

/// `None` when a table is missing.
fn pass<'a>(frame: &Frame, scan: &Scan, tables: &Tables, interval: u32, data: &'a [u8]) -> Option<Pass<'a>> {
    let kind = match (frame.progressive, scan.first, scan.high) {
        (false, ..) => Kind::Sequential,
        (true, 0, 0) => Kind::DcFirst,
        (true, 0, _) => Kind::DcMore,
        (true, _, 0) => Kind::AcFirst,
        (true, ..) => Kind::AcMore,
    };
    let alone = scan.parts.len() == 1;
    let share = |part: &Part| {
        let component = *frame.components.get(part.component)?;
        let (across, down) = if alone { (1, 1) } else { (component.horizontal, component.vertical) };
        let dc = || tables.dc.get(part.dc)?.clone();
        let ac = || tables.ac.get(part.ac)?.clone();
        let (dc, ac) = match kind {
            Kind::Sequential => (Some(dc()?), Some(ac()?)),
            Kind::DcFirst => (Some(dc()?), None),
            Kind::DcMore => (None, None),
            Kind::AcFirst | Kind::AcMore => (None, Some(ac()?)),
        };
        Some(Share { component: part.component, across, down, dc, ac })
    };
    let shares: Option<Vec<_>> = scan.parts.iter().map(share).collect();
    let component = scan.parts.first().and_then(|part| frame.components.get(part.component))?;
    let grid = if alone { frame.alone(*component) } else { frame.interleaved() };
    let (first, last) = (u8::try_from(scan.first).ok()?, u8::try_from(scan.last).ok()?);
    Some(Pass { kind, data, shares: shares?, grid, interval, first, last, low: scan.low })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// libjpeg's usual script. Scans 1, 4, 5 and 9 are of the brightness but for its first coefficient; the colours' bands
    /// are 1 to 63 each.
    const JPEG: &[u8] = include_bytes!("../../../../tests/data/refined.jpg");

    fn needed(wanted: u64, forced: &[usize]) -> Vec<usize> {
        let survey = Survey::take(JPEG, |_| {}).unwrap();
        let script = Script::read(JPEG, &survey).unwrap();
        assert_eq!(script.passes.len(), 10);
        let needed = script.needed(&[wanted, 1, 1], |at| forced.contains(&at));
        assert_eq!(script.adds(0, &needed), needed[5] || needed[9]);
        needed.iter().enumerate().filter(|(_, needed)| **needed).map(|(at, _)| at).collect()
    }

    #[test]
    fn what_is_not_wanted_is_not_read() {
        assert_eq!(needed(1, &[]), [0, 6]);
        // A bit is added to all of the band at once: so all of the band has to be known.
        assert_eq!(needed(0b111, &[]), [0, 1, 4, 5, 6, 9]);
        assert_eq!(needed(1, &[4]), [0, 4, 6]);
        assert_eq!(needed(1, &[5]), [0, 1, 4, 5, 6]);
    }

    #[test]
    fn scripts_that_are_not_taken() {
        let survey = Survey::take(JPEG, |_| {}).unwrap();
        let scans: Vec<_> = (0..JPEG.len() - 1).filter(|at| JPEG[*at..*at + 2] == [0xff, 0xda]).collect();
        let (second, third, last) = (scans[1], scans[2], scans[9]);
        let without = |from: usize, upto: usize| [&JPEG[..from], &JPEG[upto..]].concat();
        let again = [&JPEG[..third], &JPEG[second..]].concat();
        let step = [&JPEG[..second], &b"\xff\xdb\0\x43\0"[..], &[1; 64], &JPEG[second..]].concat();
        let mut other_bits = JPEG.to_vec();
        other_bits[last + 9] = 0x20;
        for file in [without(second, third), without(last, JPEG.len() - 2), again, step, other_bits] {
            assert!(Script::read(&file, &survey).is_none());
        }
    }
}
