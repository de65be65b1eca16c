//! What is corrected behind all filters (sample adaptive offsets: H.265, 7.3.8.3), as it is said for each of the first blocks.

use heifer_hevc_dec::contexts::ctx;
use heifer_hevc_dec::syntax::SaoParams;

use crate::arithmetic::{Arithmetic, Contexts};

/// What bins are read with.
pub(crate) struct Reader<'r, 'a> {
    pub(crate) bits: &'r mut Arithmetic<'a>,
    pub(crate) contexts: &'r mut Contexts,
}

/// Of one plane.
#[derive(Debug, Clone, Copy, Default)]
struct Plane {
    /// 0 for nothing, 1 by how light a sample is, 2 by its neighbours.
    kind: u8,
    offsets: [i16; 4],
    band: u8,
    direction: u8,
}

/// Reads those of the block with this number, which may be those of the block on its left or above it, where there is one. `corrected`
/// says it of light and colour, `depths` how many bits their samples have.
pub(crate) fn corrections(
    mut reader: Reader<'_, '_>,
    all: &mut [SaoParams],
    at: usize,
    others: [Option<usize>; 2],
    corrected: [bool; 2],
    depths: [u8; 2],
) {
    for other in others.into_iter().flatten() {
        if reader.bin(ctx::SAO_MERGE_FLAG) {
            let same = all.get(other).copied();
            if let Some((to, same)) = all.get_mut(at).zip(same) {
                *to = same;
            }
            return;
        }
    }
    let ([light, colour], [deep, chroma_deep]) = (corrected, depths.map(u32::from));
    let luma = if light { reader.plane(deep, None) } else { Plane::default() };
    let blue = if colour { reader.plane(chroma_deep, None) } else { Plane::default() };
    let red = if colour { reader.plane(chroma_deep, Some(blue)) } else { Plane::default() };
    if let Some(to) = all.get_mut(at) {
        let planes = [luma, blue, red];
        *to = SaoParams {
            type_idx: planes.map(|plane| plane.kind),
            offsets: planes.map(|plane| plane.offsets),
            band_position: planes.map(|plane| plane.band),
            eo_class: planes.map(|plane| plane.direction),
        };
    }
}

impl Reader<'_, '_> {
    fn bin(&mut self, at: usize) -> bool {
        self.bits.bin(self.contexts, at) == 1
    }

    /// Of a plane, which is of the same kind and direction as `like`.
    fn plane(&mut self, depth: u32, like: Option<Plane>) -> Plane {
        let kind = match like {
            Some(like) => like.kind,
            None if !self.bin(ctx::SAO_TYPE_IDX) => 0,
            None => 1 + self.even(1),
        };
        let mut plane = Plane { kind, ..Plane::default() };
        if kind == 0 {
            return plane;
        }
        let most = (1 << (depth.min(10) - 5)) - 1;
        for offset in &mut plane.offsets {
            while *offset < most && self.even(1) == 1 {
                *offset += 1;
            }
        }
        if kind == 1 {
            for offset in plane.offsets.iter_mut().filter(|offset| **offset != 0) {
                if self.even(1) == 1 {
                    *offset = -*offset;
                }
            }
            plane.band = self.even(5);
        } else {
            plane.direction = like.map_or_else(|| self.even(2), |like| like.direction);
            let [_, _, third, fourth] = &mut plane.offsets;
            (*third, *fourth) = (-*third, -*fourth);
        }
        plane
    }

    fn even(&mut self, bins: u32) -> u8 {
        u8::try_from(self.bits.even(bins)).unwrap_or_default()
    }
}
