//! The codes of a JPEG scan, written: Huffman tables and blocks, of sequential and of progressive pictures (T.81, F.1.2 and
//! G.1.2). Which blocks and which scans, `coder` says.

use super::coder::Turn;

/// A Huffman table: how many codes of each length, and the code and length of each value.
pub(crate) struct Codes {
    counts: [u8; 16],
    values: Vec<u8>,
    of: Vec<(u32, u32)>,
}

impl Codes {
    fn new(counts: [usize; 16], values: Vec<u8>) -> Self {
        let mut of = vec![(0, 0); 256];
        let (mut code, mut at) = (0, 0);
        for (length, count) in (1..).zip(counts) {
            for _ in 0..count {
                of[usize::from(values[at])] = (code, length);
                at += 1;
                code += 1;
            }
            code <<= 1;
        }
        let counts = counts.map(|count| u8::try_from(count % 256).unwrap());
        Self { counts, values, of }
    }

    /// All codes of one length.
    pub(crate) fn flat(count: usize, length: usize) -> Self {
        let mut counts = [0; 16];
        // A length has at most 255 codes.
        counts[length - 1] = count.min(255);
        counts[length] = count - count.min(255);
        Self::new(counts, (0..count).map(|value| u8::try_from(value).unwrap()).collect())
    }

    /// Eight short codes for what is frequent, and 16 bits for all others.
    pub(crate) fn steep() -> Self {
        let frequent = [0x00, 0x01, 0x11, 0x02, 0x10, 0x21, 0xf0, 0x31];
        let mut values = frequent.to_vec();
        values.extend((0..=255).filter(|value| !frequent.contains(value)));
        let mut counts = [0; 16];
        counts[..8].fill(1);
        counts[15] = 248;
        Self::new(counts, values)
    }

    pub(crate) fn segment(&self, head: u8) -> Vec<u8> {
        [&[head][..], &self.counts, &self.values].concat()
    }
}

pub(crate) struct Writer<'f> {
    pub(crate) file: &'f mut Vec<u8>,
    pub(crate) held: u32,
    pub(crate) count: u32,
}

impl Writer<'_> {
    pub(crate) fn put(&mut self, value: u32, bits: u32) {
        for at in (0..bits).rev() {
            self.held = self.held << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                let byte = u8::try_from(self.held).unwrap();
                self.file.push(byte);
                if byte == 0xff {
                    self.file.push(0);
                }
                (self.held, self.count) = (0, 0);
            }
        }
    }

    pub(crate) fn pad(&mut self) {
        while self.count > 0 {
            self.put(1, 1);
        }
    }
}

pub(crate) struct Scan<'s> {
    pub(crate) writer: Writer<'s>,
    pub(crate) dc: &'s Codes,
    pub(crate) ac: &'s Codes,
    pub(crate) turn: &'s Turn,
    /// Blocks at whose end there is nothing new (EOBRUN), and the bits that go with them.
    pub(crate) run: u32,
    pub(crate) late: Vec<bool>,
    pub(crate) before: [i32; 3],
}

impl Scan<'_> {
    fn symbol(&mut self, of_ac: bool, value: u32) {
        let (code, length) = if of_ac { self.ac } else { self.dc }.of[value as usize];
        assert!(length > 0);
        self.writer.put(code, length);
    }

    /// Size and bits of a value (F.1.2.1).
    fn size(value: i32) -> (u32, u32) {
        let size = 32 - value.unsigned_abs().leading_zeros();
        let raw = if value < 0 { value + (1 << size) - 1 } else { value };
        (size, u32::try_from(raw).unwrap())
    }

    pub(crate) fn dc(&mut self, slot: usize, value: i32) {
        let (size, raw) = Self::size(value - self.before[slot]);
        self.before[slot] = value;
        self.symbol(false, size);
        self.writer.put(raw, size);
    }

    pub(crate) fn ac(&mut self, block: &[i32; 64]) {
        let mut zeros = 0;
        for at in self.turn.first.max(1)..=self.turn.last {
            let value = block[usize::from(at)];
            let value = value.signum() * (value.abs() >> self.turn.low);
            if value == 0 {
                zeros += 1;
                continue;
            }
            self.end_run();
            while zeros > 15 {
                self.symbol(true, 0xf0);
                zeros -= 16;
            }
            let (size, raw) = Self::size(value);
            self.symbol(true, zeros << 4 | size);
            self.writer.put(raw, size);
            zeros = 0;
        }
        if zeros > 0 {
            self.run += 1;
            if self.run == 0x7fff {
                self.end_run();
            }
        }
    }

    pub(crate) fn ac_more(&mut self, block: &[i32; 64]) {
        let sizes = block.map(|value| value.abs() >> self.turn.low);
        let band = self.turn.first..=self.turn.last;
        let last_new = band.clone().rev().find(|at| sizes[usize::from(*at)] == 1).unwrap_or(0);
        let (mut zeros, mut bits) = (0, Vec::new());
        for at in band {
            let size = sizes[usize::from(at)];
            if size == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 && at <= last_new {
                self.end_run();
                self.symbol(true, 0xf0);
                self.flush(&mut bits);
                zeros -= 16;
            }
            if size > 1 {
                bits.push(size & 1 == 1);
                continue;
            }
            self.end_run();
            self.symbol(true, zeros << 4 | 1);
            self.writer.put(u32::from(block[usize::from(at)] > 0), 1);
            self.flush(&mut bits);
            zeros = 0;
        }
        if zeros > 0 || !bits.is_empty() {
            self.run += 1;
            self.late.append(&mut bits);
            if self.run == 0x7fff {
                self.end_run();
            }
        }
    }

    fn flush(&mut self, bits: &mut Vec<bool>) {
        bits.drain(..).for_each(|bit| self.writer.put(bit.into(), 1));
    }

    pub(crate) fn end_run(&mut self) {
        if self.run > 0 {
            let power = self.run.ilog2();
            self.symbol(true, power << 4);
            self.writer.put(self.run - (1 << power), power);
            self.run = 0;
            let mut late = std::mem::take(&mut self.late);
            self.flush(&mut late);
        }
    }

    pub(crate) fn restart(&mut self, number: u32) {
        self.end_run();
        self.writer.pad();
        self.writer.file.extend([0xff, 0xd0 | u8::try_from(number).unwrap()]);
        self.before = [0; 3];
    }
}
