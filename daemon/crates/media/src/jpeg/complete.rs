//! Is all of the picture there? Counts the coded blocks of every scan without computing a pixel.
//!
//! A decoder does not say: it fills what is missing with grey or with noise and calls that a picture. Reading the
//! Huffman codes alone takes about as long as half a decode, so it is done only where there is reason to doubt: no
//! end-of-image marker, restart markers missing, or a decoder that stumbled.

use super::frame::{Frame, Part, Scan, restart_interval};
use super::huffman::{Bits, Stop, Table};
use super::walk::{Piece, Walk, marker};

/// More scans than any program writes; it bounds the work on a hostile file.
const MAX_SCANS: usize = 100;

/// From this many zero bytes at the end of a file on, they are no data: whoever copied it had reserved the space.
const ZERO_FILL: usize = 64;

/// What the count says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every block of every component is there, to its last bit.
    Whole,
    /// The data ends early. Percent of the blocks that are there; `None` for a progressive picture, where a share of
    /// the scans says little about the picture.
    Short { percent: Option<u64> },
    /// The data contradicts itself before it ends. Percent as above.
    Broken { percent: Option<u64> },
}

/// Counts what `bytes`, which begin with SOI, hold.
pub(super) fn check(bytes: &[u8]) -> Verdict {
    let mut count = Count::default();
    let mut walk = Walk::new(without_zero_fill(bytes));
    let result = walk.try_for_each(|piece| match piece {
        Piece::Segment { marker, body } => count.segment(marker, body),
        Piece::Coded { data, .. } => count.scan(data),
    });
    match result {
        Ok(()) if count.is_whole() => Verdict::Whole,
        // Where something else follows upon data that ends early, there is a hole, and not the end.
        Err(Stop::End) if walk.next().is_some() => Verdict::Broken { percent: count.percent() },
        Ok(()) | Err(Stop::End) => Verdict::Short { percent: count.percent() },
        Err(Stop::Broken) => Verdict::Broken { percent: count.percent() },
    }
}

fn without_zero_fill(bytes: &[u8]) -> &[u8] {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if bytes.len() - used < ZERO_FILL { bytes } else { bytes.get(..used).unwrap_or(bytes) }
}

/// Everything that carries over from one segment to the next.
#[derive(Default)]
struct Count {
    frame: Option<Frame>,
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    /// Groups between two restart markers; 0 is none.
    interval: u32,
    scan: Option<Scan>,
    scans: usize,
    components: Vec<Progress>,
}

/// What is known of one component.
struct Progress {
    /// Blocks of the component when it comes alone.
    blocks: u64,
    /// Of those, how many the scans so far held (of a sequential picture).
    seen: u64,
    /// For each coefficient in zigzag order the lowest bit that a finished scan brought; `u8::MAX` for none.
    lowest_bit: [u8; 64],
    /// One word a block, one bit a coefficient: whether it is other than zero so far. Refining scans (T.81, G.1.2.3)
    /// hold a bit for each of those. Only filled for progressive pictures.
    nonzero: Vec<u64>,
}

impl Count {
    fn segment(&mut self, code: u8, body: &[u8]) -> Result<(), Stop> {
        match code {
            marker::DHT => {
                for (is_ac, slot, table) in Table::parse_all(body)? {
                    let tables = if is_ac { &mut self.ac } else { &mut self.dc };
                    *tables.get_mut(slot).ok_or(Stop::Broken)? = Some(table);
                }
            }
            marker::DRI => self.interval = restart_interval(body),
            marker::SOS => {
                let frame = self.frame.as_ref().ok_or(Stop::Broken)?;
                self.scan = Some(Scan::parse(frame, body).ok_or(Stop::Broken)?);
            }
            code if marker::is_frame(code) => {
                let frame = Frame::parse(code, body).map_err(|_| Stop::Broken)?;
                if self.frame.is_some() {
                    return Err(Stop::Broken);
                }
                let progress = |component| Progress {
                    blocks: frame.alone(component).blocks(),
                    seen: 0,
                    lowest_bit: [u8::MAX; 64],
                    nonzero: Vec::new(),
                };
                self.components = frame.components.iter().copied().map(progress).collect();
                self.frame = Some(frame);
            }
            _ => {}
        }
        Ok(())
    }

    /// One scan's data. On [`Stop::End`] the blocks that were there are counted.
    fn scan(&mut self, data: &[u8]) -> Result<(), Stop> {
        let frame = self.frame.as_ref().ok_or(Stop::Broken)?;
        let scan = self.scan.take().ok_or(Stop::Broken)?;
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(Stop::Broken);
        }
        let mut reader = Reader {
            bits: Bits::new(data),
            run: 0,
            dc: &self.dc,
            ac: &self.ac,
            scan: &scan,
            progressive: frame.progressive,
        };
        let units = scan.units(frame);
        let mut result = Ok(());
        let mut unit = 0;
        while unit < units && result.is_ok() {
            if self.interval > 0 && unit > 0 && unit % u64::from(self.interval) == 0 {
                result = reader.restart();
            }
            result = result.and_then(|()| reader.unit(frame, unit, &mut self.components));
            unit += u64::from(result.is_ok());
        }
        // Likewise a hole: an interval that ends early with another one behind it.
        if result == Err(Stop::End) && reader.restart().is_ok() {
            result = Err(Stop::Broken);
        }
        for part in &scan.parts {
            let progress = self.components.get_mut(part.component).ok_or(Stop::Broken)?;
            progress.seen =
                progress.seen.saturating_add(progress.blocks * unit / units.max(1)).min(progress.blocks);
            if result.is_ok() {
                progress.finish(&scan, frame.progressive);
            }
        }
        result
    }

    fn is_whole(&self) -> bool {
        !self.components.is_empty() && self.components.iter().all(|progress| progress.lowest_bit == [0; 64])
    }

    /// Of the blocks that were to come, how many did; at most 99.
    fn percent(&self) -> Option<u64> {
        if self.frame.as_ref().is_some_and(|frame| frame.progressive) {
            return None;
        }
        let sum = |of: fn(&Progress) -> u64| self.components.iter().map(of).sum::<u64>();
        Some((100 * sum(|p| p.seen) / sum(|p| p.blocks).max(1)).min(99))
    }
}

impl Progress {
    fn finish(&mut self, scan: &Scan, progressive: bool) {
        let (first, last, low) = if progressive { (scan.first, scan.last, scan.low) } else { (0, 63, 0) };
        for (at, lowest) in (0..).zip(&mut self.lowest_bit) {
            if (first..=last).contains(&at) {
                *lowest = low.min(*lowest);
            }
        }
    }
}

/// Reads one scan.
struct Reader<'a> {
    bits: Bits<'a>,
    /// Blocks that are known to bring nothing new in the band (EOBRUN).
    run: u32,
    dc: &'a [Option<Table>; 4],
    ac: &'a [Option<Table>; 4],
    scan: &'a Scan,
    progressive: bool,
}

impl Reader<'_> {
    fn restart(&mut self) -> Result<(), Stop> {
        self.run = 0;
        self.bits.restart()
    }

    /// One group of an interleaved scan, one block of another.
    fn unit(&mut self, frame: &Frame, unit: u64, components: &mut [Progress]) -> Result<(), Stop> {
        if let [part] = *self.scan.parts {
            if !self.progressive {
                return self.sequential(part);
            }
            if self.scan.first == 0 {
                return self.dc(part);
            }
            let progress = components.get_mut(part.component).ok_or(Stop::Broken)?;
            if progress.nonzero.is_empty() {
                progress.nonzero = vec![0; usize::try_from(progress.blocks).map_err(|_| Stop::Broken)?];
            }
            let at = usize::try_from(unit).map_err(|_| Stop::Broken)?;
            let nonzero = progress.nonzero.get_mut(at).ok_or(Stop::Broken)?;
            return if self.scan.high == 0 {
                self.ac_first(part, nonzero)
            } else {
                self.ac_refine(part, nonzero)
            };
        }
        for part in &self.scan.parts {
            let component = frame.components.get(part.component).ok_or(Stop::Broken)?;
            for _ in 0..component.horizontal * component.vertical {
                if self.progressive { self.dc(*part)? } else { self.sequential(*part)? }
            }
        }
        Ok(())
    }

    /// A whole block (T.81, F.2.2).
    fn sequential(&mut self, part: Part) -> Result<(), Stop> {
        let ac = table(self.ac, part.ac)?;
        self.dc_first(part)?;
        let mut at = 1;
        while at < 64 {
            let (zeros, size) = self.symbol(ac)?;
            if size == 0 && zeros < 15 {
                return Ok(());
            }
            self.bits.take(size)?;
            at += zeros + 1;
        }
        // A run may not reach beyond the block.
        if at == 64 { Ok(()) } else { Err(Stop::Broken) }
    }

    fn dc(&mut self, part: Part) -> Result<(), Stop> {
        if self.scan.high == 0 { self.dc_first(part) } else { self.bits.take(1).map(|_| ()) }
    }

    fn dc_first(&mut self, part: Part) -> Result<(), Stop> {
        let size = self.bits.decode(table(self.dc, part.dc)?)?;
        if size > 15 {
            return Err(Stop::Broken);
        }
        self.bits.take(size.into()).map(|_| ())
    }

    /// First scan of a band (T.81, G.1.2.2).
    fn ac_first(&mut self, part: Part, nonzero: &mut u64) -> Result<(), Stop> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let ac = table(self.ac, part.ac)?;
        let mut at = self.scan.first;
        while at <= self.scan.last {
            let (zeros, size) = self.symbol(ac)?;
            if size == 0 && zeros < 15 {
                self.run = (1 << zeros) + self.bits.take(zeros)? - 1;
                return Ok(());
            }
            at += zeros;
            if size > 0 {
                if at > self.scan.last {
                    return Err(Stop::Broken);
                }
                *nonzero |= 1 << at;
                self.bits.take(size)?;
            }
            at += 1;
        }
        Ok(())
    }

    /// One more bit for a band (T.81, G.1.2.3): for every coefficient that is not zero, and a sign for each that
    /// ceases to be.
    fn ac_refine(&mut self, part: Part, nonzero: &mut u64) -> Result<(), Stop> {
        let ac = table(self.ac, part.ac)?;
        let mut at = self.scan.first;
        while self.run == 0 && at <= self.scan.last {
            let (mut zeros, size) = self.symbol(ac)?;
            if size == 0 && zeros < 15 {
                self.run = (1 << zeros) + self.bits.take(zeros)?;
                break;
            }
            if size > 1 {
                return Err(Stop::Broken);
            }
            self.bits.take(size)?;
            while at <= self.scan.last {
                if *nonzero >> at & 1 != 0 {
                    self.bits.take(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            if size == 1 && at <= self.scan.last {
                *nonzero |= 1 << at;
            }
            at += 1;
        }
        if self.run > 0 {
            self.run -= 1;
            for at in at..=self.scan.last {
                self.bits.take(u32::from(*nonzero >> at & 1 != 0))?;
            }
        }
        Ok(())
    }

    /// The two halves of an AC code: zeros to skip, bits that follow.
    fn symbol(&mut self, table: &Table) -> Result<(u32, u32), Stop> {
        let symbol = u32::from(self.bits.decode(table)?);
        Ok((symbol >> 4, symbol & 15))
    }
}

fn table(tables: &[Option<Table>; 4], slot: usize) -> Result<&Table, Stop> {
    tables.get(slot).and_then(Option::as_ref).ok_or(Stop::Broken)
}
