//! A JPEG coder for the tests: the same coefficients in one scan or in any script of scans (T.81, F.1.2 and G.1.2). It is
//! the encoder that the crates lack: one that adds bits to what was sent before.

use super::codes::{Codes, Scan, Writer};

/// Numbers that look random, the same ones each time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Below `sides`.
    pub(crate) fn below(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }
}

/// One component: its sampling, its blocks with those that fill up the last groups, and how many of them count.
struct Part {
    sampling: (u32, u32),
    across: u32,
    alone: (u32, u32),
    blocks: Vec<[i32; 64]>,
}

/// Coefficients of a picture, in zigzag order and in quantisation steps.
pub(crate) struct Coefficients {
    size: (u16, u16),
    groups: (u32, u32),
    parts: Vec<Part>,
}

/// A scan: its components, its band, and the bits that are missing before and after it.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) parts: Vec<usize>,
    pub(crate) first: u8,
    pub(crate) last: u8,
    pub(crate) high: u8,
    pub(crate) low: u8,
}

impl Coefficients {
    /// Drawn by lot: many blocks are flat, some have a coefficient everywhere.
    pub(crate) fn drawn(size: (u16, u16), samplings: &[(u32, u32)], dice: &mut Dice) -> Self {
        let (width, height) = (u32::from(size.0), u32::from(size.1));
        let samplings: &[_] = if samplings.len() == 1 { &[(1, 1)] } else { samplings };
        let (most_h, most_v) = samplings.iter().fold((1, 1), |(h, v), s| (s.0.max(h), s.1.max(v)));
        let groups = (width.div_ceil(8 * most_h), height.div_ceil(8 * most_v));
        let mut part = |&(h, v): &(u32, u32)| {
            let alone = ((width * h).div_ceil(8 * most_h), (height * v).div_ceil(8 * most_v));
            let (across, down) = (groups.0 * h, groups.1 * v);
            let mut blocks = Vec::new();
            for at in 0..across * down {
                let mut block = [0; 64];
                // Blocks that only fill up are flat: a component that is alone does not have them.
                let fills_up = at % across >= alone.0 || at / across >= alone.1;
                block[0] = if fills_up { 0 } else { i32::try_from(dice.below(600)).unwrap() - 300 };
                let density = [0, 0, 0, 2, 5, 20, 63][dice.below(7) as usize];
                for _ in 0..if fills_up { 0 } else { density } {
                    let most = 1 << dice.below(6);
                    let at = 1 + if dice.below(2) == 0 { dice.below(6) } else { dice.below(63) };
                    block[at as usize] =
                        i32::try_from(dice.below(2 * most + 1)).unwrap() - i32::try_from(most).unwrap();
                }
                blocks.push(block);
            }
            Part { sampling: (h, v), across, alone, blocks }
        };
        Self { size, groups, parts: samplings.iter().map(&mut part).collect() }
    }

    /// The same without anything but the first coefficients.
    pub(crate) fn flat(mut self) -> Self {
        let blocks = self.parts.iter_mut().flat_map(|part| &mut part.blocks);
        blocks.for_each(|block| block[1..].fill(0));
        self
    }

    /// The script of a progressive picture, drawn by lot.
    pub(crate) fn script(&self, dice: &mut Dice) -> Vec<Turn> {
        let all: Vec<usize> = (0..self.parts.len()).collect();
        let low = u8::try_from(dice.below(3)).unwrap();
        let mut dc = vec![Turn { parts: all.clone(), first: 0, last: 0, high: 0, low }];
        dc.extend((0..low).rev().map(|low| Turn {
            parts: all.clone(),
            first: 0,
            last: 0,
            high: low + 1,
            low,
        }));
        let mut queues = vec![dc];
        for part in all {
            let mut queue = Vec::new();
            let begin = u8::try_from(dice.below(3)).unwrap();
            for low in (0..=begin).rev() {
                let high = if low == begin { 0 } else { low + 1 };
                let mut first = 1;
                while first < 64 {
                    // Often a short band to begin with; at most four in all, so that the scans are not too many.
                    let length = if first == 1 { 1 + dice.below(25) } else { 20 + dice.below(30) };
                    let length = if dice.below(3) == 0 { 63 } else { length };
                    let last = 63.min(first + u8::try_from(length - 1).unwrap());
                    queue.push(Turn { parts: vec![part], first, last, high, low });
                    first = last + 1;
                }
            }
            queues.push(queue);
        }
        // First the first coefficients; then of all that is left something in turn.
        let mut script = vec![queues[0].remove(0)];
        while queues.iter().any(|queue| !queue.is_empty()) {
            let at = dice.below(u32::try_from(queues.len()).unwrap()) as usize;
            if !queues[at].is_empty() {
                script.push(queues[at].remove(0));
            }
        }
        script
    }

    /// The scripts of sequential pictures: these components in a scan each.
    pub(crate) fn sequential(scans: &[&[usize]]) -> Vec<Turn> {
        let turn = |parts: &&[usize]| Turn { parts: parts.to_vec(), first: 0, last: 63, high: 0, low: 0 };
        scans.iter().map(turn).collect()
    }

    /// How many components there are.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The file.
    pub(crate) fn encode(&self, progressive: bool, script: &[Turn], restart: u16, steep: bool) -> Vec<u8> {
        let mut file = vec![0xff, 0xd8];
        segment(&mut file, 0xdb, &[&[0][..], &[2; 64]].concat());
        let (width, height) = (self.size.0.to_be_bytes(), self.size.1.to_be_bytes());
        let count = u8::try_from(self.parts.len()).unwrap();
        let mut frame = vec![8, height[0], height[1], width[0], width[1], count];
        for (id, part) in (1..).zip(&self.parts) {
            frame.extend([id, u8::try_from(part.sampling.0 << 4 | part.sampling.1).unwrap(), 0]);
        }
        segment(&mut file, if progressive { 0xc2 } else { 0xc0 }, &frame);
        let (dc, ac) = (Codes::flat(12, 4), if steep { Codes::steep() } else { Codes::flat(256, 9) });
        segment(&mut file, 0xc4, &dc.segment(0x00));
        segment(&mut file, 0xc4, &ac.segment(0x10));
        if restart > 0 {
            segment(&mut file, 0xdd, &restart.to_be_bytes());
        }
        for turn in script {
            let mut head = vec![u8::try_from(turn.parts.len()).unwrap()];
            turn.parts.iter().for_each(|part| head.extend([u8::try_from(part + 1).unwrap(), 0]));
            head.extend([turn.first, turn.last, turn.high << 4 | turn.low]);
            segment(&mut file, 0xda, &head);
            let writer = Writer { file: &mut file, held: 0, count: 0 };
            let scan = Scan { writer, dc: &dc, ac: &ac, turn, run: 0, late: Vec::new(), before: [0; 3] };
            self.scan(scan, progressive, restart.into());
        }
        file.extend([0xff, 0xd9]);
        file
    }

    fn scan(&self, mut scan: Scan<'_>, progressive: bool, restart: u32) {
        let turn = scan.turn;
        let alone = turn.parts.len() == 1;
        let (across, down) = if alone { self.parts[turn.parts[0]].alone } else { self.groups };
        for unit in 0..across * down {
            if restart > 0 && unit > 0 && unit % restart == 0 {
                scan.restart((unit / restart - 1) % 8);
            }
            for (slot, at) in turn.parts.iter().enumerate() {
                let part = &self.parts[*at];
                let (h, v) = if alone { (1, 1) } else { part.sampling };
                for inner in 0..h * v {
                    let (x, y) = (unit % across * h + inner % h, unit / across * v + inner / h);
                    let block = &part.blocks[(y * part.across + x) as usize];
                    match (progressive, turn.first, turn.high) {
                        (false, ..) => {
                            scan.dc(slot, block[0]);
                            scan.ac(block);
                            scan.end_run();
                        }
                        (true, 0, 0) => scan.dc(slot, block[0] >> turn.low),
                        (true, 0, _) => scan.writer.put(u32::from(block[0] >> turn.low & 1 == 1), 1),
                        (true, _, 0) => scan.ac(block),
                        (true, ..) => scan.ac_more(block),
                    }
                }
            }
        }
        scan.end_run();
        scan.writer.pad();
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, body: &[u8]) {
    file.extend([0xff, marker]);
    file.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
    file.extend(body);
}
