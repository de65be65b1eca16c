//! What a block looks like by its neighbours (H.265, 8.4.4.2): the samples around it, smoothed where the standard says so, and carried on
//! in one of 33 directions, as a slope, or as their mean. What is added to that is left to others.

use crate::arithmetic::entry;
use crate::picture::Plane;

/// Ways to predict that have a name: a slope, the mean, straight from the left, straight from above.
pub(crate) const PLANAR: u8 = 0;
pub(crate) const MEAN: u8 = 1;
pub(crate) const ACROSS: u8 = 10;
pub(crate) const DOWN: u8 = 26;

/// How far a direction moves in 32 samples, for the modes from 2 on (table 8-5).
const ANGLES: [i8; 33] = [
    32, 26, 21, 17, 13, 9, 5, 2, 0, -2, -5, -9, -13, -17, -21, -26, -32, -26, -21, -17, -13, -9, -5, -2, 0,
    2, 5, 9, 13, 17, 21, 26, 32,
];

/// Where a block lies, in samples of its plane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) x: usize,
    pub(crate) y: usize,
    /// Of its side: 2 to 5.
    pub(crate) log2: u32,
    /// Samples that are there already beyond those at its left (below them) and above it (behind them), one side at most.
    pub(crate) below: usize,
    pub(crate) behind: usize,
}

/// How a plane is predicted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Bits a sample: 8 to 10.
    pub(crate) depth: u32,
    /// Whether it is light, whose neighbours are smoothed and meet the block.
    pub(crate) luma: bool,
    /// Whether the neighbours of a large even block become a slope.
    pub(crate) strong: bool,
}

/// Predicts a block in its place.
pub(crate) fn predict(plane: &mut Plane, site: Site, mode: u8, manner: Manner) {
    match site.log2 {
        2 => block::<4>(plane, site, mode, manner),
        3 => block::<8>(plane, site, mode, manner),
        4 => block::<16>(plane, site, mode, manner),
        _ => block::<32>(plane, site, mode, manner),
    }
}

#[inline(always)]
fn block<const N: usize>(plane: &mut Plane, site: Site, mode: u8, manner: Manner) {
    let mut around = Around::read::<N>(plane, site, manner.depth);
    if manner.luma && is_smoothed(N, mode) {
        around.smooth::<N>(manner);
    }
    let Around { left, corner, above } = &around;
    let meets = manner.luma && N < 32;
    let most = (1 << manner.depth) - 1;
    let edge = |along: &[u16], beside: u16| edge(entry(along, 0), beside, *corner, most);
    let angle = i32::from(entry(&ANGLES, usize::from(mode.saturating_sub(2))));
    let rows = plane.rows::<N>(site.x, site.y);
    match mode {
        PLANAR => planar(above, left, rows),
        MEAN => mean(above, left, meets, rows),
        18.. => {
            let reference = reference::<N>(*corner, above, left, angle);
            for ((number, row), left) in (1..).zip(rows).zip(left) {
                carry(&reference, number * angle, row);
                if mode == DOWN
                    && meets
                    && let Some(first) = row.first_mut()
                {
                    *first = edge(above, *left);
                }
            }
        }
        _ => {
            let reference = reference::<N>(*corner, left, above, angle);
            let mut columns = [[0u16; N]; N];
            for (number, column) in (1..).zip(&mut columns) {
                carry(&reference, number * angle, column);
            }
            for (y, row) in rows.enumerate() {
                for (to, column) in row.iter_mut().zip(&columns) {
                    *to = entry(column, y);
                }
                if y == 0 && mode == ACROSS && meets {
                    for (to, above) in row.iter_mut().zip(above) {
                        *to = edge(left, *above);
                    }
                }
            }
        }
    }
}

/// The neighbours of a block.
struct Around {
    /// From the corner down, two sides long.
    left: [u16; 64],
    corner: u16,
    /// From the corner on, two sides long.
    above: [u16; 64],
}

impl Around {
    /// Those that are there, and in place of the others the nearest (8.4.4.2.2).
    #[inline(always)]
    fn read<const N: usize>(plane: &Plane, site: Site, depth: u32) -> Self {
        let Site { x, y, below, behind, .. } = site;
        let middle = 1 << (depth - 1);
        let mut around = Self { left: [middle; 64], corner: middle, above: [middle; 64] };
        if x > 0 {
            fill::<N>(&mut around.left, plane.column(x - 1, y).take(N + below));
        }
        if y > 0 {
            let row = plane.row(y - 1);
            fill::<N>(&mut around.above, row.iter().skip(x).take(N + behind).copied());
            around.corner = match x.checked_sub(1) {
                Some(before) => entry(row, before),
                None => entry(&around.above, 0),
            };
            if x == 0 {
                around.left = [around.corner; 64];
            }
        } else if x > 0 {
            around.corner = entry(&around.left, 0);
            around.above = [around.corner; 64];
        }
        around
    }

    /// 8.4.4.2.3.
    #[inline(always)]
    fn smooth<const N: usize>(&mut self, manner: Manner) {
        let Self { left, corner, above } = self;
        let is_even = |arm: &[u16; 64]| {
            let (end, middle) = (i32::from(entry(arm, 2 * N - 1)), i32::from(entry(arm, N - 1)));
            (i32::from(*corner) + end - 2 * middle).unsigned_abs() < 1 << (manner.depth - 5)
        };
        if manner.strong && N == 32 && is_even(left) && is_even(above) {
            for arm in [left, above] {
                let end = u32::from(entry(arm, 63));
                for (away, sample) in (1..).zip(arm.iter_mut()) {
                    let value = (u32::from(*corner) * (64 - away) + end * away + 32) >> 6;
                    *sample = u16::try_from(value).unwrap_or_default();
                }
            }
            return;
        }
        let first = *corner;
        *corner = (entry(left, 0) + 2 * first + entry(above, 0) + 2) >> 2;
        for arm in [left, above] {
            let mut before = first;
            let old = *arm;
            for ((sample, now), next) in arm.iter_mut().zip(old).zip(old.into_iter().skip(1)).take(2 * N - 1)
            {
                *sample = (before + 2 * now + next + 2) >> 2;
                before = now;
            }
        }
    }
}

/// Two sides of samples: those that there are, and the last of them for the rest.
#[inline(always)]
fn fill<const N: usize>(arm: &mut [u16; 64], there: impl Iterator<Item = u16>) {
    let (mut last, mut count) = (0, 0);
    for (to, sample) in arm.iter_mut().zip(there) {
        *to = sample;
        last = sample;
        count += 1;
    }
    arm.iter_mut().take(2 * N).skip(count).for_each(|to| *to = last);
}

/// Whether the neighbours of a block of so many samples a side are smoothed (8.4.4.2.3).
fn is_smoothed(side: usize, mode: u8) -> bool {
    let away = mode.abs_diff(ACROSS).min(mode.abs_diff(DOWN));
    let least = match side {
        8 => 8,
        16 => 2,
        32 => 1,
        _ => return false,
    };
    mode != MEAN && away >= least
}

/// The first row or column of what is carried straight on, so that it meets what is beside it (8.4.4.2.6).
fn edge(along: u16, beside: u16, corner: u16, most: i32) -> u16 {
    let value = i32::from(along) + ((i32::from(beside) - i32::from(corner)) >> 1);
    u16::try_from(value.clamp(0, most)).unwrap_or_default()
}

/// Of what [`reference`] makes, where the corner lies.
const CORNER: i32 = 32;
type Reference = [u16; 3 * 32 + 1];

/// What a direction carries on (8.4.4.2.6): the corner, behind it the side that it comes from, before it the other side as the direction
/// meets it.
#[inline(always)]
fn reference<const N: usize>(corner: u16, main: &[u16; 64], side: &[u16; 64], angle: i32) -> Reference {
    let mut line = [corner; 3 * 32 + 1];
    let (before, behind) = line.split_at_mut(32);
    for (to, sample) in behind.iter_mut().skip(1).zip(main).take(2 * N) {
        *to = *sample;
    }
    if angle < 0 {
        // 256 times 32 through the angle, rounded (table 8-6).
        let back = (8192 + (-angle >> 1)) / -angle;
        let reach = -((i32::try_from(N).unwrap_or_default() * angle) >> 5);
        for (step, to) in (1..=reach).zip(before.iter_mut().rev()) {
            let place = ((step * back + 128) >> 8) - 1;
            *to = entry(side, usize::try_from(place).unwrap_or_default());
        }
    }
    line
}

/// A row (or column) that is moved by so many parts of 32.
#[inline(always)]
fn carry<const N: usize>(reference: &Reference, moved: i32, to: &mut [u16; N]) {
    let (whole, part) = (moved >> 5, u16::try_from(moved & 31).unwrap_or_default());
    let start = usize::try_from(CORNER + 1 + whole).unwrap_or_default();
    let Some(near) = reference.get(start..).and_then(|from| from.first_chunk::<N>()) else { return };
    if part == 0 {
        *to = *near;
        return;
    }
    let Some(far) = reference.get(start + 1..).and_then(|from| from.first_chunk::<N>()) else { return };
    for ((to, near), far) in to.iter_mut().zip(near).zip(far) {
        // Ten bits times 32: within 16.
        *to = ((32 - part) * near + part * far + 16) >> 5;
    }
}

/// 8.4.4.2.4.
#[inline(always)]
fn planar<'a, const N: usize>(
    above: &[u16; 64],
    left: &[u16; 64],
    rows: impl Iterator<Item = &'a mut [u16; N]>,
) {
    let side = u32::try_from(N).unwrap_or_default();
    let (right, bottom) = (u32::from(entry(above, N)), u32::from(entry(left, N)));
    for ((y, row), left) in (1..).zip(rows).zip(left) {
        for ((x, to), above) in (1..).zip(row).zip(above) {
            let across = (side - x) * u32::from(*left) + x * right;
            let down = (side - y) * u32::from(*above) + y * bottom;
            *to = u16::try_from((across + down + side) >> (N.ilog2() + 1)).unwrap_or_default();
        }
    }
}

/// 8.4.4.2.5.
#[inline(always)]
fn mean<'a, const N: usize>(
    above: &[u16; 64],
    left: &[u16; 64],
    meets: bool,
    rows: impl Iterator<Item = &'a mut [u16; N]>,
) {
    let sum: u32 = above.iter().take(N).chain(left.iter().take(N)).map(|sample| u32::from(*sample)).sum();
    let side = u32::try_from(N).unwrap_or_default();
    let mean = u16::try_from((sum + side) >> (N.ilog2() + 1)).unwrap_or_default();
    for ((y, row), left) in rows.enumerate().zip(left) {
        row.fill(mean);
        if !meets {
            continue;
        }
        if y == 0 {
            for (to, above) in row.iter_mut().zip(above) {
                *to = (above + 3 * mean + 2) >> 2;
            }
        }
        let beside = if y == 0 { entry(above, 0) + 2 * mean } else { 3 * mean };
        if let Some(first) = row.first_mut() {
            *first = (left + beside + 2) >> 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 8.4.4.2.3: by less than an eighth of 64, for eight bits.
    #[test]
    fn neighbours_that_hardly_bend_become_a_slope() {
        let manner = Manner { depth: 8, luma: true, strong: true };
        for (end, halfway) in [(107, 103), (108, 100), (93, 97), (92, 100)] {
            let mut around = Around { left: [100; 64], corner: 100, above: [100; 64] };
            around.above[63] = end;
            around.smooth::<32>(manner);
            assert_eq!((around.above[30], around.left[30], around.above[63]), (halfway, 100, end));
        }
    }
}
