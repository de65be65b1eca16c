//! From coefficients to what is added to a prediction (H.265, 8.6.4.2 to 8.6.6): one transform along the columns, one along the
//! rows, of whole numbers, so that everybody gets the same.

use crate::arithmetic::entry;
use crate::residual::{Coefficients, MOST};

/// The first column of the transform of 32 by the number of the row (8.6.4.2): 64 times the square root of 2 times a cosine, as the
/// standard rounds it.
const COSINES: [i16; 32] = [
    64, 90, 90, 90, 89, 88, 87, 85, 83, 82, 80, 78, 75, 73, 70, 67, 64, 61, 57, 54, 50, 46, 43, 38, 36, 31,
    25, 22, 18, 13, 9, 4,
];

/// The first half of the transform's columns, a row for each coefficient; the others mirror it, those of odd rows with the other sign.
type Matrix<const N: usize, const HALF: usize> = [[i16; HALF]; N];

#[allow(clippy::indexing_slicing, reason = "worked out while this is compiled, which would fail")]
const fn matrix<const N: usize, const HALF: usize>() -> Matrix<N, HALF> {
    let mut rows = [[0; HALF]; N];
    let mut row = 0;
    while row < N {
        let mut column = 0;
        while column < HALF {
            // In sixty-fourths of a half turn; of a smaller transform, each row is one of the larger.
            let turned = (2 * column + 1) * row * (32 / N) % 128;
            rows[row][column] = match turned {
                0..=31 => COSINES[turned],
                32 | 96 => 0,
                33..=64 => -COSINES[64 - turned],
                65..=95 => -COSINES[turned - 64],
                _ => COSINES[128 - turned],
            };
            column += 1;
        }
        row += 1;
    }
    rows
}

const FOUR: Matrix<4, 2> = matrix();
const EIGHT: Matrix<8, 4> = matrix();
const SIXTEEN: Matrix<16, 8> = matrix();
const THIRTY_TWO: Matrix<32, 16> = matrix();
/// The sine transform of 4 (8.6.4.2).
const SINES: [[i16; 4]; 4] = [[29, 55, 74, 84], [74, 74, 0, -74], [84, -29, -74, 55], [55, -84, 74, -29]];

/// Bits dropped behind the first transform.
const FIRST: u32 = 7;

/// What is to be added, in rows of the block's side.
pub(crate) struct Residual {
    pub(crate) values: Box<[i16; MOST]>,
    between: Box<[i16; MOST]>,
}

impl Residual {
    pub(crate) fn new() -> Self {
        Self { values: Box::new([0; MOST]), between: Box::new([0; MOST]) }
    }

    /// Of the coefficients of a block with this side, which are zero again afterwards; `sines` for luma of 4 x 4, `depth` bits a sample.
    pub(crate) fn of(&mut self, coefficients: &mut Coefficients, log2: u32, sines: bool, depth: u32) {
        let Coefficients { values, columns, rows, skipped } = coefficients;
        let (columns, rows) = (*columns, *rows);
        let shift = 20 - depth;
        match log2 {
            _ if *skipped => {
                // Only of 4 x 4 (7.3.8.11), whose coefficients are 7 bits finer.
                for (to, from) in self.values.iter_mut().zip(values.iter()).take(16) {
                    *to = short(((i32::from(*from) << 7) + (1 << shift >> 1)) >> shift);
                }
            }
            2 if sines => self.sine(values, shift),
            2 => self.cosine::<4, 2>(&FOUR, values, (columns, rows), shift),
            3 => self.cosine::<8, 4>(&EIGHT, values, (columns, rows), shift),
            4 => self.cosine::<16, 8>(&SIXTEEN, values, (columns, rows), shift),
            _ => self.cosine::<32, 16>(&THIRTY_TWO, values, (columns, rows), shift),
        }
        let side = 1 << log2;
        for row in values.chunks_exact_mut(side).take(rows) {
            if let Some(used) = row.get_mut(..columns) {
                used.fill(0);
            }
        }
    }

    fn cosine<const N: usize, const HALF: usize>(
        &mut self,
        matrix: &Matrix<N, HALF>,
        from: &[i16; MOST],
        (columns, rows): (usize, usize),
        shift: u32,
    ) {
        if columns == 4 && rows == 4 && entry(from, 0) != 0 && only_first::<N>(from) {
            let once = short((64 * i32::from(entry(from, 0)) + 64) >> FIRST);
            let value = short((64 * i32::from(once) + (1 << shift >> 1)) >> shift);
            self.values.iter_mut().take(N * N).for_each(|to| *to = value);
            return;
        }
        match columns {
            4 => columns_of::<N, HALF, 4>(matrix, from, &mut self.between, rows),
            8 => columns_of::<N, HALF, 8>(matrix, from, &mut self.between, rows),
            12 | 16 => columns_of::<N, HALF, 16>(matrix, from, &mut self.between, rows),
            _ => columns_of::<N, HALF, 32>(matrix, from, &mut self.between, rows),
        }
        rows_of::<N, HALF>(matrix, &self.between, &mut self.values, columns, shift);
    }

    fn sine(&mut self, from: &[i16; MOST], shift: u32) {
        let sum = |along: [i32; 4], at: usize| -> i32 {
            SINES.iter().zip(along).map(|(row, value)| i32::from(entry(row, at)) * value).sum()
        };
        let value = |values: &[i16; MOST], at: usize| i32::from(entry(values, at));
        for column in 0..4 {
            let along = [0, 4, 8, 12].map(|row| value(from, row + column));
            for row in 0..4 {
                if let Some(to) = self.between.get_mut(row * 4 + column) {
                    *to = short((sum(along, row) + 64) >> FIRST);
                }
            }
        }
        for row in 0..4 {
            let along = [0, 1, 2, 3].map(|column| value(&self.between, row * 4 + column));
            for column in 0..4 {
                if let Some(to) = self.values.get_mut(row * 4 + column) {
                    *to = short((sum(along, column) + (1 << shift >> 1)) >> shift);
                }
            }
        }
    }
}

/// Whether the first is the only one of the first four rows and columns that is not zero.
fn only_first<const N: usize>(from: &[i16; MOST]) -> bool {
    let mut rows = from.chunks_exact(N).take(4);
    let first =
        rows.next().and_then(|row| row.get(1..4)).is_some_and(|row| row.iter().all(|value| *value == 0));
    first && rows.all(|row| row.iter().take(4).all(|value| *value == 0))
}

/// The transform along the first `W` columns, of which the first `rows` coefficients are not all zero.
#[inline(always)]
fn columns_of<const N: usize, const HALF: usize, const W: usize>(
    matrix: &Matrix<N, HALF>,
    from: &[i16; MOST],
    to: &mut [i16; MOST],
    rows: usize,
) {
    if W > N {
        return;
    }
    for column in 0..HALF {
        let (mut even, mut odd) = ([64i32; W], [0i32; W]);
        let pairs = from.chunks_exact(2 * N).zip(matrix.chunks_exact(2)).take(rows.div_ceil(2));
        for (pair, factors) in pairs {
            let [one, other] = factors else { continue };
            let (first, second) = (i32::from(entry(one, column)), i32::from(entry(other, column)));
            let Some((upper, lower)) = pair.split_at_checked(N) else { continue };
            let (Some(upper), Some(lower)) = (upper.first_chunk::<W>(), lower.first_chunk::<W>()) else {
                continue;
            };
            for ((even, odd), (upper, lower)) in even.iter_mut().zip(&mut odd).zip(upper.iter().zip(lower)) {
                *even += i32::from(*upper) * first;
                *odd += i32::from(*lower) * second;
            }
        }
        let mut put = |row: usize, sign: i32| {
            let Some(to) = to.get_mut(row * N..).and_then(|to| to.first_chunk_mut::<W>()) else { return };
            for (to, (even, odd)) in to.iter_mut().zip(even.iter().zip(&odd)) {
                *to = short((even + sign * odd) >> FIRST);
            }
        };
        put(column, 1);
        put(N - 1 - column, -1);
    }
}

/// The transform along all rows, of which the first `columns` coefficients are not all zero.
#[inline(always)]
fn rows_of<const N: usize, const HALF: usize>(
    matrix: &Matrix<N, HALF>,
    from: &[i16; MOST],
    to: &mut [i16; MOST],
    columns: usize,
    shift: u32,
) {
    for (from, to) in from.chunks_exact(N).zip(to.chunks_exact_mut(N)).take(N) {
        let (mut even, mut odd) = ([1i32 << shift >> 1; HALF], [0i32; HALF]);
        for (pair, factors) in from.chunks_exact(2).zip(matrix.chunks_exact(2)).take(columns.div_ceil(2)) {
            let ([first, second], [one, other]) = (pair, factors) else { continue };
            let (first, second) = (i32::from(*first), i32::from(*second));
            for ((even, odd), (one, other)) in even.iter_mut().zip(&mut odd).zip(one.iter().zip(other)) {
                *even += i32::from(*one) * first;
                *odd += i32::from(*other) * second;
            }
        }
        let Some((left, right)) = to.split_at_mut_checked(HALF) else { continue };
        let both = even.iter().zip(odd);
        for ((left, right), (even, odd)) in left.iter_mut().zip(right.iter_mut().rev()).zip(both) {
            *left = short((even + odd) >> shift);
            *right = short((even - odd) >> shift);
        }
    }
}

/// Within 16 bits.
#[inline(always)]
fn short(value: i32) -> i16 {
    i16::try_from(value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The standard's own words: sums over all coefficients, columns first.
    fn plainly(values: &[i16; MOST], side: usize, sines: bool, shift: u32) -> Vec<i16> {
        let factor = |row: usize, column: usize| -> i32 {
            if sines {
                return SINES[row][column].into();
            }
            // Mirrored, with the other sign in odd rows.
            let (near, sign) = if column < side / 2 {
                (column, 1)
            } else {
                (side - 1 - column, if row % 2 == 1 { -1 } else { 1 })
            };
            sign * i32::from(match side {
                4 => FOUR[row][near],
                8 => EIGHT[row][near],
                16 => SIXTEEN[row][near],
                _ => THIRTY_TWO[row][near],
            })
        };
        let mut between = vec![0i32; side * side];
        for (at, to) in between.iter_mut().enumerate() {
            let sum: i32 =
                (0..side).map(|k| factor(k, at / side) * i32::from(values[k * side + at % side])).sum();
            *to = ((sum + 64) >> 7).clamp(-32768, 32767);
        }
        let whole = |at: usize| {
            let sum: i32 = (0..side).map(|k| factor(k, at % side) * between[at / side * side + k]).sum();
            i16::try_from(((sum + (1 << (shift - 1))) >> shift).clamp(-32768, 32767)).unwrap()
        };
        (0..side * side).map(whole).collect()
    }

    proptest! {
        #[test]
        fn the_fast_way_is_the_plain_one(
            log2 in 2u32..6,
            depth in 8u32..11,
            sines: bool,
            some in prop::collection::vec((0usize..32, 0usize..32, any::<i16>()), 1..40),
            reach in 0usize..6,
        ) {
            let side = 1 << log2;
            let sines = sines && log2 == 2;
            let mut coefficients = Coefficients::new();
            for (x, y, value) in some {
                let (x, y) = (x % side.min(1 << reach), y % side.min(1 << reach));
                coefficients.values[y * side + x] = value;
                coefficients.columns = coefficients.columns.max((x / 4 + 1) * 4);
                coefficients.rows = coefficients.rows.max((y / 4 + 1) * 4);
            }
            let plain = plainly(&coefficients.values, side, sines, 20 - depth);
            let mut residual = Residual::new();
            residual.of(&mut coefficients, log2, sines, depth);
            prop_assert_eq!(&residual.values[..side * side], &plain[..]);
            prop_assert!(coefficients.values.iter().all(|value| *value == 0), "nothing is left for the next block");
        }
    }

    #[test]
    fn the_matrix_is_the_standards() {
        assert_eq!(FOUR, [[64, 64], [83, 36], [64, -64], [36, -83]]);
        assert_eq!(EIGHT[1], [89, 75, 50, 18]);
        assert_eq!(THIRTY_TWO[31][..4], [4, -13, 22, -31]);
    }
}
