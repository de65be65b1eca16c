//! Several pictures in one frame, for networks that take frames of one large size alone: what would be mostly black otherwise
//! costs as much as what is full.

use vow_types::num::{index, to_f32};
use vow_types::{Detection, RelPoint, Size};

use crate::Framed;

/// Black between two pictures, in pixels: enough that none is the other's surroundings.
const GAP: u32 = 16;
/// Less room is none.
const LEAST: u32 = 128;

/// Where a picture begins, and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tile {
    left: u32,
    top: u32,
    size: Size,
}

/// A frame with several pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiles {
    /// All of it, as if it were one picture.
    pub framed: Framed,
    tiles: Vec<Tile>,
}

/// What a frame has room for beside its picture: below it, or to its right. `None` where that is too little to look at.
#[must_use]
pub fn room_beside(framed: &Framed) -> Option<Size> {
    let Framed { shape, fitted, .. } = framed;
    let below = shape.height.saturating_sub(fitted.height).saturating_sub(GAP);
    let right = shape.width.saturating_sub(fitted.width).saturating_sub(GAP);
    let room = if below >= right {
        Size { width: shape.width, height: below }
    } else {
        Size { width: right, height: shape.height }
    };
    (room.width.min(room.height) >= LEAST).then_some(room)
}

impl Tiles {
    /// Puts the pictures of these frames into one of this shape, in rows from the top left. `None` where they do not fit.
    #[must_use]
    pub fn of(shape: Size, parts: &[&Framed]) -> Option<Self> {
        let (mut tiles, mut left, mut top, mut row) = (Vec::with_capacity(parts.len()), 0_u32, 0_u32, 0_u32);
        for part in parts {
            let size = part.fitted;
            if left > 0 && left.saturating_add(size.width) > shape.width {
                (left, top, row) = (0, top.saturating_add(row).saturating_add(GAP), 0);
            }
            let is_inside = left.saturating_add(size.width) <= shape.width
                && top.saturating_add(size.height) <= shape.height;
            if !is_inside {
                return None;
            }
            tiles.push(Tile { left, top, size });
            left = left.saturating_add(size.width).saturating_add(GAP);
            row = row.max(size.height);
        }
        let mut pixels = vec![0; index(shape.width) * index(shape.height) * 3];
        let across = index(shape.width) * 3;
        for (part, tile) in parts.iter().zip(&tiles) {
            let rows = part.pixels.chunks_exact(index(part.shape.width.max(1)) * 3);
            let into = pixels.chunks_exact_mut(across.max(1)).skip(index(tile.top));
            let (first, width) = (index(tile.left) * 3, index(tile.size.width) * 3);
            for (from, into) in rows.take(index(tile.size.height)).zip(into) {
                if let (Some(from), Some(into)) = (from.get(..width), into.get_mut(first..first + width)) {
                    into.copy_from_slice(from);
                }
            }
        }
        Some(Self { framed: Framed { shape, pixels, fitted: shape }, tiles })
    }

    /// What was found in all of it, by picture and relative to each; in the order in which they were given. What lies in none
    /// is left out.
    #[must_use]
    pub fn split(&self, found: Vec<Detection>) -> Vec<Vec<Detection>> {
        let mut split = vec![Vec::new(); self.tiles.len()];
        let (width, height) = (to_f32(self.framed.shape.width), to_f32(self.framed.shape.height));
        for find in found {
            let middle = |a: f32, b: f32, side: f32| f32::midpoint(a, b) * side;
            let x = middle(find.bbox.left, find.bbox.right, width);
            let y = middle(find.bbox.top, find.bbox.bottom, height);
            let holds = |tile: &Tile| {
                let within = |at: f32, from: u32, side: u32| {
                    let half = to_f32(GAP) / 2.0;
                    at >= to_f32(from) - half && at < to_f32(from) + to_f32(side) + half
                };
                within(x, tile.left, tile.size.width) && within(y, tile.top, tile.size.height)
            };
            let Some(at) = self.tiles.iter().position(holds) else { continue };
            if let (Some(tile), Some(finds)) = (self.tiles.get(at), split.get_mut(at)) {
                finds.push(find.mapped(|p| RelPoint {
                    x: (p.x * width - to_f32(tile.left)) / to_f32(tile.size.width.max(1)),
                    y: (p.y * height - to_f32(tile.top)) / to_f32(tile.size.height.max(1)),
                }));
            }
        }
        split
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;
    use proptest::prelude::*;
    use vow_types::{Landmarks, RelBox};

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    fn framed(shape: Size, fitted: Size, seed: u64) -> Framed {
        Framed { shape, pixels: noise(shape, seed), fitted }
    }

    fn find(left: f32, top: f32) -> Detection {
        let bbox = RelBox { left, top, right: left + 0.2, bottom: top + 0.1 };
        Detection { bbox, landmarks: Landmarks([RelPoint { x: left + 0.1, y: top }; 5]), score: 0.9 }
    }

    #[test]
    fn a_photo_leaves_room_for_a_close_up() {
        let square = size(640, 640);
        let beside = |width, height| room_beside(&framed(square, size(width, height), 1));
        assert_eq!(beside(640, 480), Some(size(640, 144)));
        assert_eq!(beside(427, 640), Some(size(197, 640)));
        assert_eq!((beside(640, 640), beside(640, 500)), (None, None));
        let (photo, near) = (framed(square, size(640, 480), 1), framed(size(192, 144), size(192, 144), 2));
        let tiles = Tiles::of(square, &[&photo, &near]).unwrap();
        assert_eq!(tiles.tiles[1], Tile { left: 0, top: 496, size: size(192, 144) });
        let four = framed(size(256, 256), size(256, 256), 3);
        let tiles = Tiles::of(square, &[&four; 4]).unwrap();
        assert_eq!(tiles.tiles[3], Tile { left: 272, top: 272, size: size(256, 256) });
        assert_eq!(Tiles::of(square, &[&photo, &four]), None);
    }

    proptest! {
        #[test]
        fn every_picture_is_there_and_its_finds_come_back(
            sizes in prop::collection::vec((8u32..90, 8u32..90), 1..5), left in 0.0f32..0.8, top in 0.0f32..0.9,
        ) {
            let shape = size(160, 160);
            let parts: Vec<Framed> = sizes.iter().zip(1..)
                .map(|((width, height), seed)| framed(size(96, 96), size(*width, *height), seed)).collect();
            let Some(tiles) = Tiles::of(shape, &parts.iter().collect::<Vec<_>>()) else { return Ok(()) };
            let mut all = Vec::new();
            for (tile, part) in tiles.tiles.iter().zip(&parts) {
                for (y, x) in [(0, 0), (tile.size.height - 1, tile.size.width - 1)] {
                    let own = ((y * 96 + x) * 3) as usize;
                    let there = (((tile.top + y) * 160 + tile.left + x) * 3) as usize;
                    prop_assert_eq!(&part.pixels[own..own + 3], &tiles.framed.pixels[there..there + 3]);
                }
                all.push(find(left, top).mapped(|p| RelPoint {
                    x: (p.x * to_f32(tile.size.width) + to_f32(tile.left)) / 160.0,
                    y: (p.y * to_f32(tile.size.height) + to_f32(tile.top)) / 160.0,
                }));
            }
            for finds in tiles.split(all) {
                prop_assert_eq!(finds.len(), 1);
                prop_assert!((finds[0].bbox.left - left).abs() < 1e-3 && (finds[0].bbox.top - top).abs() < 1e-3);
            }
        }
    }
}
