//! Small inverse transforms: from the lowest coefficients of an 8 x 8 block to a block of 1, 2, 4 or 8 samples a side.
//!
//! The lowest N x N coefficients are a picture's block with everything above its N samples filtered out; the N-point
//! inverse DCT of them is that block at N/8 of its size. All of it in `f32`, which four lanes do at once on every
//! processor, and which no hostile coefficient can overflow into a panic.

/// `cos(pi / 8)` and `cos(3 pi / 8)`.
const C1: f32 = 0.923_879_5;
const C3: f32 = 0.382_683_43;
const SQRT2: f32 = std::f32::consts::SQRT_2;

/// What a coefficient is multiplied with before [`inverse`], along a side of `samples`: the transform's scale
/// (`sqrt(1/8)`, `sqrt(1/4)`) and whatever of its first stage can be had for nothing.
pub(super) fn prescale(samples: u8, frequency: u8) -> f32 {
    /// `cos(k pi / 16) * sqrt(2)`, 1 for 0: the scale factors of the AAN transform (Arai, Agui and Nakajima 1988).
    const AAN: [f32; 8] =
        [1.0, 1.387_039_8, 1.306_563, 1.175_875_6, 1.0, 0.785_694_96, 0.541_196_1, 0.275_899_38];
    const SQRT_EIGHTH: f32 = 0.353_553_4;
    match (samples, frequency) {
        (8, frequency) => AAN.get(usize::from(frequency)).copied().unwrap_or_default() * SQRT_EIGHTH,
        (_, 0) => SQRT_EIGHTH,
        (2, 1) | (4, 2) => 0.5 * std::f32::consts::FRAC_1_SQRT_2,
        _ => 0.5,
    }
}

/// The inverse transform of prescaled coefficients, `W` across and `H` down, in place.
#[inline]
pub(super) fn inverse<const W: usize, const H: usize>(block: &mut [[f32; W]; H]) {
    for column in 0..W {
        let mut line: [f32; H] = std::array::from_fn(|row| value(block, row, column));
        line_inverse(&mut line);
        for (row, sample) in block.iter_mut().zip(line) {
            if let Some(target) = row.get_mut(column) {
                *target = sample;
            }
        }
    }
    for row in block {
        line_inverse(row);
    }
}

#[inline(always)]
fn value<const W: usize, const H: usize>(block: &[[f32; W]; H], row: usize, column: usize) -> f32 {
    block.get(row).and_then(|row| row.get(column)).copied().unwrap_or_default()
}

/// One line, of 1, 2, 4 or 8.
#[inline(always)]
fn line_inverse(line: &mut [f32]) {
    match line {
        [a, b] => (*a, *b) = (*a + *b, *a - *b),
        [a, b, c, d] => {
            let (even, odd) = (*a + *c, *a - *c);
            let (outer, inner) = (*b * C1 + *d * C3, *b * C3 - *d * C1);
            (*a, *b, *c, *d) = (even + outer, odd + inner, odd - inner, even - outer);
        }
        [a, b, c, d, e, f, g, h] => {
            // AAN, as in the flow graph of Pennebaker and Mitchell, "JPEG", figure 4-8.
            let (t10, t11, t13) = (*a + *e, *a - *e, *c + *g);
            let t12 = (*c - *g) * SQRT2 - t13;
            let (e0, e3, e1, e2) = (t10 + t13, t10 - t13, t11 + t12, t11 - t12);
            let (z13, z10, z11, z12) = (*f + *d, *f - *d, *b + *h, *b - *h);
            let o7 = z11 + z13;
            let t11 = (z11 - z13) * SQRT2;
            let z5 = (z10 + z12) * 1.847_759_1;
            let t10 = z5 - z12 * 1.082_392_2;
            let t12 = z5 - z10 * 2.613_126;
            let o6 = t12 - o7;
            let o5 = t11 - o6;
            let o4 = t10 - o5;
            (*a, *h, *b, *g) = (e0 + o7, e0 - o7, e1 + o6, e1 - o6);
            (*c, *f, *d, *e) = (e2 + o5, e2 - o5, e3 + o4, e3 - o4);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;
    use vow_types::num::{narrow, usize_to_f64};

    /// The definition: T.81, A.3.3, over `N` points, of coefficients that belong to 8.
    fn defined<const W: usize, const H: usize>(coefficients: &[[f32; W]; H]) -> [[f32; W]; H] {
        let basis = |n: usize, k: usize, of: usize| {
            let scale = if k == 0 { 0.125f64.sqrt() } else { 0.5 };
            scale * (usize_to_f64((2 * n + 1) * k) * PI / usize_to_f64(2 * of)).cos()
        };
        std::array::from_fn(|y| {
            std::array::from_fn(|x| {
                let mut sum = 0.0;
                for (v, row) in coefficients.iter().enumerate() {
                    for (u, coefficient) in row.iter().enumerate() {
                        sum += f64::from(*coefficient) * basis(x, u, W) * basis(y, v, H);
                    }
                }
                narrow(sum)
            })
        })
    }

    fn byte(value: usize) -> u8 {
        u8::try_from(value).unwrap()
    }

    fn check<const W: usize, const H: usize>() {
        let mut state = 7u32;
        for _ in 0..50 {
            let coefficients: [[f32; W]; H] = std::array::from_fn(|_| {
                std::array::from_fn(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    f32::from(u16::try_from(state >> 20).unwrap()) - 2048.0
                })
            });
            let expected = defined(&coefficients);
            let mut got: [[f32; W]; H] = std::array::from_fn(|v| {
                std::array::from_fn(|u| {
                    coefficients[v][u] * prescale(byte(W), byte(u)) * prescale(byte(H), byte(v))
                })
            });
            inverse(&mut got);
            for (got, expected) in got.as_flattened().iter().zip(expected.as_flattened()) {
                assert!((got - expected).abs() < 0.02, "{W} x {H}: {got} is not {expected}");
            }
        }
    }

    #[test]
    fn every_size_is_the_inverse_dct() {
        check::<1, 1>();
        check::<2, 2>();
        check::<4, 4>();
        check::<8, 8>();
        check::<2, 1>();
        check::<4, 2>();
        check::<8, 4>();
        check::<2, 4>();
    }
}
