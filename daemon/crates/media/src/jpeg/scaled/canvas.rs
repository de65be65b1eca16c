//! Where samples become a picture: strips of samples of a row of groups, and the rows of pixels they are.

use vow_types::Size;
use vow_types::num::index;

use super::super::frame::Colour;
use super::component::{Scaled, Strip};
use super::plan::Shape;
use super::strip::{self, Wide};
use super::{Scale, Workspace};

/// The components at a scale, each with a strip for so many groups.
pub(super) fn lanes<'p>(
    shapes: impl Iterator<Item = &'p Shape>,
    scale: Scale,
    space: &mut Workspace,
    groups: u32,
) -> Vec<(Scaled<'p>, Strip)> {
    let lane = |(shape, samples): (&'p Shape, &mut Vec<u8>)| {
        let scaled = Scaled::new(shape, scale);
        let stride = index(groups) * scaled.group_width();
        let mut samples = std::mem::take(samples);
        samples.resize(stride * scaled.group_height(), 0);
        (scaled, Strip { samples, stride })
    };
    shapes.zip(&mut space.strips).map(lane).collect()
}

/// Gives the strips' memory back.
pub(super) fn give_back(lanes: Vec<(Scaled<'_>, Strip)>, space: &mut Workspace) {
    for ((_, strip), memory) in lanes.into_iter().zip(&mut space.strips) {
        *memory = strip.samples;
    }
}

/// Rows of groups on their way into the picture.
pub(super) struct Band<'p> {
    colour: Colour,
    /// Pixels in a row, and rows of pixels in a row of groups.
    width: usize,
    rows: usize,
    pixels: &'p mut [u8],
}

impl<'p> Band<'p> {
    /// Of groups that cover `group` pixels of the coded picture, in a picture of `size`.
    pub(super) fn new(
        group: Size,
        colour: Colour,
        scale: Scale,
        size: Size,
        pixels: &'p mut Vec<u8>,
    ) -> Self {
        let width = index(size.width);
        // Every row is written, or the whole is refused: what was there before need not be cleared.
        pixels.resize(width * index(size.height) * 3, 0);
        let rows = index(group.height) * usize::from(scale.samples()) / 8;
        Self { colour, width, rows, pixels }
    }

    /// Row `row` of groups.
    pub(super) fn write(&mut self, row: u32, lanes: &[(Scaled<'_>, Strip)], wide: &mut Wide) {
        let each = self.rows * self.width * 3;
        let from = index(row) * each;
        let upto = from.saturating_add(each).min(self.pixels.len());
        if let Some(target) = self.pixels.get_mut(from..upto) {
            strip::to_rgb(lanes, self.colour, self.width, target, wide);
        }
    }
}
