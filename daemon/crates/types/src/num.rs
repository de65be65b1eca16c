//! The one room where a number changes its kind. Everything else in the workspace converts with `From` or through
//! here, so that a lossy `as` cannot hide in arithmetic.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "each function below states its range and what happens outside of it"
)]

/// Rounds to the nearest byte; below 0 gives 0, above 255 gives 255, NaN gives 0.
#[must_use]
pub fn to_u8(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// The nearest whole number of 16 bits: halves away from zero, cut off at both ends, not-a-number as zero.
#[must_use]
pub fn round_i16(value: f32) -> i16 {
    // Cutting off what was moved away from zero first needs no call into a mathematics library.
    (value + 0.5f32.copysign(value)) as i16
}

/// A pixel coordinate or count as `f32`. Exact below 2^24, which is more than any side of a picture we accept.
#[must_use]
pub fn to_f32(value: u32) -> f32 {
    value as f32
}

/// A sample or a coefficient as `f32`. Exact between -2^24 and 2^24.
#[must_use]
pub const fn i32_to_f32(value: i32) -> f32 {
    value as f32
}

/// A count as `f32`, rounded to the nearest value that `f32` holds.
#[must_use]
pub fn usize_to_f32(value: usize) -> f32 {
    value as f32
}

/// A count as `f64`. Exact below 2^53.
#[must_use]
pub fn usize_to_f64(value: usize) -> f64 {
    value as f64
}

/// A count as `f64`. Exact below 2^53.
#[must_use]
pub fn u64_to_f64(value: u64) -> f64 {
    value as f64
}

/// `f64` to the nearest `f32`; too large gives infinity.
#[must_use]
pub fn narrow(value: f64) -> f32 {
    value as f32
}

/// Rounds down to a count; negative and NaN give 0, too large gives `u64::MAX`.
#[must_use]
pub fn f64_to_u64(value: f64) -> u64 {
    value as u64
}

/// Rounds down to a pixel index; negative and NaN give 0, too large gives `u32::MAX`.
#[must_use]
pub fn floor_u32(value: f32) -> u32 {
    value.floor() as u32
}

/// Rounds to the nearest pixel count; negative and NaN give 0, too large gives `u32::MAX`.
#[must_use]
pub fn round_u32(value: f32) -> u32 {
    value.round() as u32
}

/// Rounds down to a signed pixel index; NaN gives 0, values outside `i32` give its ends.
#[must_use]
pub fn floor_i32(value: f32) -> i32 {
    value.floor() as i32
}

/// A 32-bit size as an index. Lossless on every platform we build for (32 and 64 bit).
#[must_use]
pub const fn index(value: u32) -> usize {
    value as usize
}

/// Saturating conversion of a length.
#[must_use]
pub fn len_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Lossless on every platform we build for.
#[must_use]
pub const fn len_u64(value: usize) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_16_bits_saturate_and_round() {
        let rounded = [-4e4, -16383.5, -0.6, 0.4, 0.5, 16384.0, 4e4, f32::NAN].map(round_i16);
        assert_eq!(rounded, [-32768, -16384, -1, 0, 1, 16384, 32767, 0]);
    }

    #[test]
    fn bytes_saturate_and_round() {
        assert_eq!(to_u8(-3.0), 0);
        assert_eq!(to_u8(254.49), 254);
        assert_eq!(to_u8(254.5), 255);
        assert_eq!(to_u8(1e9), 255);
        assert_eq!(to_u8(f32::NAN), 0);
    }

    #[test]
    fn pixels_saturate() {
        assert_eq!(floor_u32(-0.5), 0);
        assert_eq!(round_u32(2.5), 3);
        assert_eq!(floor_i32(-0.5), -1);
    }
}
