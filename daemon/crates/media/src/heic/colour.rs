//! From the samples of a tile to RGB8 in its place in the picture (ITU-T H.273). Colour profiles are not applied.
//!
//! A sample of colour counts for all pixels that it was made of. Faces are looked for in smaller copies, and crops are averaged
//! from several pixels: finer ways show no difference there.

use vow_hevc::Frame;
use vow_types::num::index;

use super::meta::Reader;
use super::plan::Plan;
use super::{damaged, uncommon};
use crate::MediaError;

/// Bits behind the point.
const FINE: u32 = 14;
/// Most bits of a sample (H.265, 7.4.3.2.1).
const DEEPEST: u8 = 16;

/// Which colours the numbers mean, where the file says so outside of the coded data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colours {
    matrix: u16,
    full: bool,
}

impl Colours {
    /// Of a `colr` property; `None` where it is a colour profile.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut numbers = Reader::new(body.strip_prefix(b"nclx")?.get(4..)?);
        let matrix = u16::try_from(numbers.number(2)?).ok()?;
        Some(Self { matrix, full: numbers.number(1)? & 0x80 != 0 })
    }

    /// For the photo's name.
    pub(super) fn bytes(self) -> [u8; 3] {
        let [high, low] = self.matrix.to_be_bytes();
        [high, low, u8::from(self.full)]
    }
}

/// Which part of a tile is shown, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// In the tile.
    left: usize,
    top: usize,
    /// In the picture.
    to_left: usize,
    to_top: usize,
    width: usize,
    height: usize,
    /// Of the picture.
    across: usize,
}

impl Window {
    /// Of the tile with this number; `None` where nothing of it is shown.
    pub(super) fn of(plan: &Plan<'_>, number: u32) -> Option<Self> {
        let place = |at: u32, tile: u32, from: u32, len: u32, whole: u32| {
            let (start, end) = (at.checked_mul(tile)?, at.checked_mul(tile)?.checked_add(tile)?.min(whole));
            let (first, last) = (start.max(from), end.min(from.checked_add(len)?));
            let shown = last.checked_sub(first).filter(|len| *len > 0)?;
            Some((index(first - start), index(first - from), index(shown)))
        };
        let (column, row) = (number.checked_rem(plan.columns)?, number.checked_div(plan.columns)?);
        let (left, to_left, width) =
            place(column, plan.tile.width, plan.left, plan.shown.width, plan.whole.width)?;
        let (top, to_top, height) =
            place(row, plan.tile.height, plan.top, plan.shown.height, plan.whole.height)?;
        Some(Self { left, top, to_left, to_top, width, height, across: index(plan.shown.width) })
    }
}

/// Puts the shown part of a tile into the picture.
///
/// # Errors
/// For colours that no camera uses, and for a tile that is smaller than its window.
pub(super) fn draw(
    frame: &Frame,
    stated: Option<Colours>,
    window: Window,
    pixels: &mut [u8],
) -> Result<(), MediaError> {
    let colours =
        stated.unwrap_or(Colours { matrix: u16::from(frame.matrix_coeffs), full: frame.full_range });
    let maths = Maths::of(frame, colours)?;
    let [width, chroma_width, _] = frame.widths.map(index);
    let [luma, blue, red] = &frame.planes;
    // Pixels that share a sample of colour.
    let (across, down) = match frame.chroma_format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let mut line = Line::new(window.width);
    let mut one = |row: usize| {
        let at = window.top + row;
        let luma = line_of(luma, width, at)?.get(window.left..window.left + window.width)?;
        let start = ((window.to_top + row) * window.across + window.to_left) * 3;
        let target = pixels.get_mut(start..start + window.width * 3)?;
        if maths.plain {
            let [blue, red] = [line_of(blue, chroma_width, at)?, line_of(red, chroma_width, at)?];
            maths.plain(luma, blue.get(window.left..)?, red.get(window.left..)?, target);
            return Some(());
        }
        // Rows that share samples of colour come one after another.
        if frame.chroma_format != 0 && (row == 0 || at.is_multiple_of(down)) {
            let [blue, red] =
                [line_of(blue, chroma_width, at / down)?, line_of(red, chroma_width, at / down)?];
            line.colour(&maths, blue, red, across, window.left);
        }
        line.light(&maths, luma);
        line.write(target);
        Some(())
    };
    (0..window.height).try_for_each(&mut one).ok_or_else(|| damaged("a tile is smaller than it should be"))
}

fn line_of(plane: &[u16], width: usize, at: usize) -> Option<&[u16]> {
    let start = at.checked_mul(width)?;
    plane.get(start..start.checked_add(width)?)
}

/// A row of the picture on its way from samples to pixels, red, green and blue by themselves, so that a processor does many at once.
struct Line {
    /// What each sample of colour adds to them, and the same for each pixel.
    sampled: [Vec<i32>; 3],
    added: [Vec<i32>; 3],
    light: Vec<i32>,
    /// A pixel in the lower bytes of each.
    packed: Vec<u32>,
}

impl Line {
    fn new(width: usize) -> Self {
        let line = || vec![0; width];
        let three = || [line(), line(), line()];
        Self { sampled: three(), added: three(), light: line(), packed: vec![0; width] }
    }

    /// From samples of colour, each for `across` pixels (1 or 2), of which the first `left` are not shown.
    fn colour(&mut self, maths: &Maths, blue: &[u16], red: &[u16], across: usize, left: usize) {
        let [to_red, to_green, to_blue] = &mut self.sampled;
        let both = blue.iter().zip(red).skip(left / across);
        let to = to_red.iter_mut().zip(to_green).zip(to_blue);
        for (((to_red, to_green), to_blue), (blue, red)) in to.zip(both) {
            let (b, r) = (i32::from(*blue) - maths.middle, i32::from(*red) - maths.middle);
            *to_red = maths.red * r;
            *to_green = -(maths.green_of_red * r + maths.green_of_blue * b);
            *to_blue = maths.blue * b;
        }
        // One whose first pixel is not shown.
        let half = left % across;
        for (from, to) in self.sampled.iter().zip(&mut self.added) {
            if across == 1 {
                to.copy_from_slice(from);
                continue;
            }
            let (Some((first, to)), Some((own, from))) =
                (to.split_at_mut_checked(half), from.split_at_checked(half))
            else {
                continue;
            };
            first.copy_from_slice(own);
            let mut pairs = to.chunks_exact_mut(2);
            for (pair, sample) in pairs.by_ref().zip(from) {
                pair.fill(*sample);
            }
            let rest = pairs.into_remainder();
            let last = from.get((self.light.len() - half) / 2);
            rest.iter_mut().zip(last).for_each(|(to, sample)| *to = *sample);
        }
    }

    fn light(&mut self, maths: &Maths, luma: &[u16]) {
        for (to, sample) in self.light.iter_mut().zip(luma) {
            *to = maths.light(*sample);
        }
    }

    fn write(&mut self, target: &mut [u8]) {
        let [red, green, blue] = &self.added;
        let sums = self.light.iter().zip(red).zip(green.iter().zip(blue));
        for (to, ((light, red), (green, blue))) in self.packed.iter_mut().zip(sums) {
            *to = value(light + red) | value(light + green) << 8 | value(light + blue) << 16;
        }
        let mut packed = self.packed.chunks_exact(4);
        let mut pixels = target.chunks_exact_mut(12);
        for (to, from) in pixels.by_ref().zip(packed.by_ref()) {
            let [a, b, c, d] = from else { continue };
            let three = [a | b << 24, b >> 8 | c << 16, c >> 16 | d << 8];
            for (to, word) in to.chunks_exact_mut(4).zip(three) {
                to.copy_from_slice(&word.to_le_bytes());
            }
        }
        for (to, pixel) in pixels.into_remainder().chunks_exact_mut(3).zip(packed.remainder()) {
            let [red, green, blue, _] = pixel.to_le_bytes();
            to.copy_from_slice(&[red, green, blue]);
        }
    }
}

/// What a sample of each plane adds to red, green and blue, in parts of 2 to the [`FINE`].
struct Maths {
    /// The planes are green, blue and red themselves.
    plain: bool,
    black: i32,
    light: i32,
    middle: i32,
    red: i32,
    green_of_red: i32,
    green_of_blue: i32,
    blue: i32,
}

impl Maths {
    fn of(frame: &Frame, colours: Colours) -> Result<Self, MediaError> {
        let [deep, chroma_deep] = frame.bit_depth;
        if !(8..=DEEPEST).contains(&deep) || !(8..=DEEPEST).contains(&chroma_deep) {
            return Err(uncommon(format!("{deep} bits a sample")));
        }
        // What red and blue weigh in the light, in ten thousandths.
        let (red, blue) = match colours.matrix {
            1 => (2126, 722),
            4 => (3000, 1100),
            7 => (2122, 865),
            9 | 10 => (2627, 593),
            // 601, and where it is not said.
            0 | 2 | 3 | 5 | 6 => (2990, 1140),
            other => return Err(uncommon(format!("colours by the matrix {other}"))),
        };
        let green = 10_000 - red - blue;
        let (black, light, chroma) = if colours.full {
            (0, (1i64 << deep) - 1, (1i64 << chroma_deep) - 1)
        } else {
            (16i64 << (deep - 8), 219i64 << (deep - 8), 224i64 << (chroma_deep - 8))
        };
        let part = |above: i64, below: i64| {
            let scaled = above * 255 * (1 << FINE);
            i32::try_from((scaled + below / 2) / below).unwrap_or(i32::MAX)
        };
        Ok(Self {
            plain: colours.matrix == 0 && frame.chroma_format == 3,
            black: i32::try_from(black).unwrap_or_default(),
            light: part(1, light),
            middle: 1 << (chroma_deep - 1),
            red: part(2 * (10_000 - red), 10_000 * chroma),
            green_of_red: part(2 * red * (10_000 - red), 10_000 * green * chroma),
            green_of_blue: part(2 * blue * (10_000 - blue), 10_000 * green * chroma),
            blue: part(2 * (10_000 - blue), 10_000 * chroma),
        })
    }

    fn light(&self, sample: u16) -> i32 {
        self.light * (i32::from(sample) - self.black) + (1 << (FINE - 1))
    }

    /// Where the planes are green, blue and red.
    fn plain(&self, green: &[u16], blue: &[u16], red: &[u16], target: &mut [u8]) {
        for (pixel, ((green, blue), red)) in target.chunks_exact_mut(3).zip(green.iter().zip(blue).zip(red)) {
            let bytes = [*red, *green, *blue]
                .map(|sample| u8::try_from(value(self.light(sample))).unwrap_or_default());
            pixel.copy_from_slice(&bytes);
        }
    }
}

/// Without what is behind the point: 0 to 255.
#[inline(always)]
fn value(value: i32) -> u32 {
    (value >> FINE).clamp(0, 255).cast_unsigned()
}
