//! A slice: blocks of the picture, each divided further, predicted and corrected, in the order of the data (H.265, 7.3.8).

mod modes;
mod quantiser;

use heifer_hevc_dec::contexts::ctx;
use heifer_hevc_dec::filters::FilterInfo;
use heifer_hevc_dec::params::{Pps, Sps};
use vow_types::num::index;

use crate::HevcError;
use crate::arithmetic::{Arithmetic, Contexts, contexts, entry};
use crate::corrections::{Reader, corrections};
use crate::picture::{Grid, Plane};
use crate::predict::{MEAN, Manner, Site, predict};
use crate::residual::{Block, Coefficients, Steps};
use crate::scan::Scan;
use crate::transform::Residual;
use crate::weights::Weights;
use quantiser::Quantiser;

/// What a quantiser's step is in parts of 16, by the rest of its number by six (8.6.4.2).
const STEPS: [i64; 6] = [40, 45, 51, 57, 64, 72];

/// What a slice's header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) quantiser: i32,
    /// Offsets of the quantiser of colour.
    pub(crate) offsets: [i32; 2],
    /// Whether light and colour are corrected behind all filters.
    pub(crate) corrected: [bool; 2],
}

/// Decodes a picture of one slice.
pub(crate) struct Decoder<'a> {
    sps: &'a Sps,
    pps: &'a Pps,
    head: Head,
    weights: Option<&'a Weights>,
    bits: Arithmetic<'a>,
    contexts: Contexts,
    planes: [Plane; 3],
    /// Whether samples are there, in squares of 4.
    done: Grid<bool>,
    /// How light is predicted, in squares of 4.
    modes: Grid<u8>,
    /// How deeply blocks are divided, and their quantisers, in squares of 8.
    depths: Grid<u8>,
    quantisers: Grid<i8>,
    /// What the filters behind this want to know.
    info: FilterInfo,
    quantiser: Quantiser,
    coefficients: Coefficients,
    residual: Residual,
}

/// How a coded block is predicted.
#[derive(Debug, Clone, Copy)]
struct Unit {
    /// Whether its quarters are predicted each in a way of their own.
    quartered: bool,
    chroma: u8,
}

/// A block of the tree by which a coded one is transformed.
#[derive(Debug, Clone, Copy)]
struct Branch {
    x: usize,
    y: usize,
    log2: u32,
    depth: u32,
    /// The block that it is a quarter of, and which one.
    parent: (usize, usize),
    number: u32,
    /// Whether there is something of the two colours, as far as is known.
    colours: [bool; 2],
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(
        (sps, pps): (&'a Sps, &'a Pps),
        head: Head,
        weights: Option<&'a Weights>,
        data: &'a [u8],
        info: FilterInfo,
    ) -> Self {
        let (width, height) = (index(sps.pic_width_in_luma_samples), index(sps.pic_height_in_luma_samples));
        let chroma =
            || if sps.chroma_format_idc == 0 { Plane::new(0, 0) } else { Plane::new(width / 2, height / 2) };
        Self {
            sps,
            pps,
            head,
            weights,
            bits: Arithmetic::new(data),
            contexts: contexts(head.quantiser),
            planes: [Plane::new(width, height), chroma(), chroma()],
            done: Grid::new(width, height, 2),
            modes: Grid::new(width, height, 2),
            depths: Grid::new(width, height, 3),
            quantisers: Grid::new(width, height, 3),
            info,
            quantiser: Quantiser { predicted: head.quantiser, now: head.quantiser, said: false },
            coefficients: Coefficients::new(),
            residual: Residual::new(),
        }
    }

    /// All of the picture.
    pub(crate) fn decode(&mut self) -> Result<(), HevcError> {
        let (across, down) = self.sps.pic_size_in_ctbs();
        let in_rows = self.pps.entropy_coding_sync_enabled_flag;
        let mut kept = None;
        for row in 0..down {
            if in_rows && row > 0 {
                self.bits = Arithmetic::new(self.bits.rest());
                self.contexts = kept.take().unwrap_or_else(|| contexts(self.head.quantiser));
                self.quantiser.now = self.head.quantiser;
            }
            for column in 0..across {
                self.tree_unit(column, row, across)?;
                if in_rows && column == 1 {
                    kept = Some(self.contexts);
                }
                let is_last = row + 1 == down && column + 1 == across;
                let ends = self.bits.ends();
                if self.bits.is_beyond() {
                    return Err(HevcError::Damaged("the data ends before its picture"));
                }
                if ends != is_last {
                    return Err(HevcError::Damaged("the picture is in several parts, or ends early"));
                }
                if in_rows && column + 1 == across && !is_last && !self.bits.ends() {
                    return Err(HevcError::Damaged("a row of blocks does not end"));
                }
            }
        }
        Ok(())
    }

    /// One of the blocks that a picture is divided into first (7.3.8.2).
    fn tree_unit(&mut self, column: u32, row: u32, across: u32) -> Result<(), HevcError> {
        if self.head.corrected != [false; 2] {
            let at = index(row * across + column);
            let beside = (column > 0).then(|| at - 1);
            let above = (row > 0).then(|| at - index(across));
            let depths = [self.sps.bit_depth_luma, self.sps.bit_depth_chroma];
            let reader = Reader { bits: &mut self.bits, contexts: &mut self.contexts };
            corrections(reader, &mut self.info.sao, at, [beside, above], self.head.corrected, depths);
        }
        let log2 = u32::from(self.sps.log2_ctb_size);
        self.quadtree(index(column) << log2, index(row) << log2, log2, 0)
    }

    #[inline(always)]
    fn bin(&mut self, at: usize) -> bool {
        self.bits.bin(&mut self.contexts, at) == 1
    }

    /// 7.3.8.4.
    fn quadtree(&mut self, x: usize, y: usize, log2: u32, depth: u8) -> Result<(), HevcError> {
        let side = 1 << log2;
        let (width, height) =
            (index(self.sps.pic_width_in_luma_samples), index(self.sps.pic_height_in_luma_samples));
        let smallest = u32::from(self.sps.log2_min_luma_coding_block_size);
        let divided = if x + side <= width && y + side <= height && log2 > smallest {
            let left = x > 0 && self.depths.at(x - 1, y) > depth;
            let above = y > 0 && self.depths.at(x, y - 1) > depth;
            self.bin(ctx::SPLIT_CU_FLAG + usize::from(left) + usize::from(above))
        } else {
            log2 > smallest
        };
        if let Some(below) = self.pps.diff_cu_qp_delta_depth {
            let group = u32::from(self.sps.log2_ctb_size).saturating_sub(u32::from(below));
            if log2 >= group {
                self.quantiser.said = false;
                self.quantiser.predicted = self.quantiser_by_neighbours(x, y);
            }
        }
        if !divided {
            return self.coding_unit(x, y, log2, depth);
        }
        let half = side / 2;
        for (x, y) in [(x, y), (x + half, y), (x, y + half), (x + half, y + half)] {
            if x < width && y < height {
                self.quadtree(x, y, log2 - 1, depth + 1)?;
            }
        }
        Ok(())
    }

    /// 7.3.8.5.
    fn coding_unit(&mut self, x: usize, y: usize, log2: u32, depth: u8) -> Result<(), HevcError> {
        let side = 1usize << log2;
        let quartered =
            log2 == u32::from(self.sps.log2_min_luma_coding_block_size) && !self.bin(ctx::PART_MODE);
        let parts = if quartered { 4 } else { 1 };
        let mut foreseen = [false; 4];
        for foreseen in foreseen.iter_mut().take(parts) {
            *foreseen = self.bin(ctx::PREV_INTRA_LUMA_PRED_FLAG);
        }
        let part = side >> usize::from(quartered);
        let places = [(x, y), (x + part, y), (x, y + part), (x + part, y + part)];
        for ((x, y), foreseen) in places.into_iter().zip(foreseen).take(parts) {
            let mode = self.mode(x, y, foreseen);
            self.modes.set((x, y), part, mode);
        }
        let chroma =
            if self.sps.chroma_format_idc == 0 { MEAN } else { self.chroma_mode(self.modes.at(x, y)) };
        self.quantiser.now = self.quantiser.predicted;
        let unit = Unit { quartered, chroma };
        let root = Branch { x, y, log2, depth: 0, parent: (x, y), number: 0, colours: [true; 2] };
        self.transform_tree(&unit, root)?;
        self.depths.set((x, y), side, depth);
        let quantiser = i8::try_from(self.quantiser.now).unwrap_or_default();
        self.quantisers.set((x, y), side, quantiser);
        Ok(())
    }

    /// 7.3.8.8.
    fn transform_tree(&mut self, unit: &Unit, branch: Branch) -> Result<(), HevcError> {
        let Branch { x, y, log2, depth, .. } = branch;
        let largest = u32::from(self.sps.log2_max_luma_transform_block_size);
        let smallest = u32::from(self.sps.log2_min_luma_transform_block_size);
        let deepest = u32::from(self.sps.max_transform_hierarchy_depth_intra) + u32::from(unit.quartered);
        let first_of_quarters = unit.quartered && depth == 0;
        let divided = if log2 <= largest && log2 > smallest && depth < deepest && !first_of_quarters {
            self.bin(ctx::SPLIT_TRANSFORM_FLAG + index(5 - log2))
        } else {
            log2 > largest || first_of_quarters
        };
        let mut colours = branch.colours;
        if self.sps.chroma_format_idc == 0 {
            colours = [false; 2];
        } else if log2 > 2 {
            for colour in &mut colours {
                *colour = *colour && self.bin(ctx::CBF_CHROMA + index(depth));
            }
        }
        if divided {
            let half = 1usize << (log2 - 1);
            let places = [(x, y), (x + half, y), (x, y + half), (x + half, y + half)];
            for (number, (at_x, at_y)) in (0..).zip(places) {
                let quarter = Branch {
                    x: at_x,
                    y: at_y,
                    log2: log2 - 1,
                    depth: depth + 1,
                    parent: (x, y),
                    number,
                    colours,
                };
                self.transform_tree(unit, quarter)?;
            }
            return Ok(());
        }
        let light = self.bin(ctx::CBF_LUMA + usize::from(depth == 0));
        self.transform_unit(unit, Branch { colours, ..branch }, light)
    }

    /// 7.3.8.10.
    fn transform_unit(&mut self, unit: &Unit, branch: Branch, light: bool) -> Result<(), HevcError> {
        let Branch { x, y, log2, parent, number, colours, .. } = branch;
        if (light || colours != [false; 2])
            && self.pps.diff_cu_qp_delta_depth.is_some()
            && !self.quantiser.said
        {
            self.quantiser_of_group()?;
        }
        self.plane(0, (x, y), log2, self.modes.at(x, y), light)?;
        let side = 1usize << log2;
        self.done.set((x, y), side, true);
        self.edges(x, y, side);
        if self.sps.chroma_format_idc == 0 || (log2 == 2 && number < 3) {
            return Ok(());
        }
        let (place, log2) = if log2 == 2 { (parent, 2) } else { ((x, y), log2 - 1) };
        for (plane, there) in (1..).zip(colours) {
            self.plane(plane, place, log2, unit.chroma, there)?;
        }
        Ok(())
    }

    /// A block of a plane: predicted, and corrected by what was transformed. Its place is in samples of light.
    fn plane(
        &mut self,
        plane: usize,
        (x, y): (usize, usize),
        log2: u32,
        mode: u8,
        there: bool,
    ) -> Result<(), HevcError> {
        let half = usize::from(plane > 0);
        let side = 1usize << log2 << half;
        let below = if x > 0 { self.done.down(x - 1, y + side, side) } else { 0 };
        let behind = if y > 0 { self.done.across(x + side, y - 1, side) } else { 0 };
        let site = Site { x: x >> half, y: y >> half, log2, below: below >> half, behind: behind >> half };
        let depth = u32::from(if plane == 0 { self.sps.bit_depth_luma } else { self.sps.bit_depth_chroma });
        let manner = Manner { depth, luma: plane == 0, strong: self.sps.strong_intra_smoothing_enabled_flag };
        if let Some(samples) = self.planes.get_mut(plane) {
            predict(samples, site, mode, manner);
        }
        if !there {
            return Ok(());
        }
        let scanned = log2 == 2 || (log2 == 3 && plane == 0);
        let block = Block {
            log2,
            chroma: plane > 0,
            scan: if scanned { Scan::of(mode) } else { Scan::Diagonal },
            may_skip: self.pps.transform_skip_enabled_flag && log2 == 2,
            hides_signs: self.pps.sign_data_hiding_enabled_flag,
        };
        let number = self.number(plane, depth);
        let rest = usize::try_from(number % 6).unwrap_or_default();
        let steps = Steps {
            step: entry(&STEPS, rest) << (number / 6),
            weights: self.weights.map(|weights| weights.of(log2, plane)).unwrap_or_default(),
            shift: depth + log2 - 5,
        };
        self.coefficients.read(&mut self.bits, &mut self.contexts, block, steps)?;
        self.residual.of(&mut self.coefficients, log2, plane == 0 && log2 == 2, depth);
        if let Some(samples) = self.planes.get_mut(plane) {
            samples.add((site.x, site.y), log2, self.residual.values.as_slice(), depth);
        }
        Ok(())
    }

    /// Notes where a block begins, for the filter that smooths that over.
    fn edges(&mut self, x: usize, y: usize, side: usize) {
        let width = self.info.w4;
        let (column, row, side) = (x >> 2, y >> 2, side >> 2);
        if let Some(cells) = self.info.edges.get_mut(row * width + column..row * width + column + side) {
            cells.iter_mut().for_each(|cell| *cell |= 2);
        }
        for row in row..row + side {
            if let Some(cell) = self.info.edges.get_mut(row * width + column) {
                *cell |= 1;
            }
        }
    }

    /// The planes and what the filters want to know.
    pub(crate) fn finish(self) -> ([Vec<u16>; 3], FilterInfo) {
        let Self { planes, mut info, quantisers, .. } = self;
        // Of squares of 4 instead of 8.
        for (rows, from) in info.qp_y.chunks_mut(2 * info.w4.max(1)).zip(quantisers.rows()) {
            for row in rows.chunks_mut(info.w4.max(1)) {
                for (to, from) in row.chunks_mut(2).zip(from) {
                    to.fill(*from);
                }
            }
        }
        (planes.map(|plane| plane.samples), info)
    }
}
