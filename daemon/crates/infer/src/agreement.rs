//! Whether two ways to run a network agree, on pictures made for the purpose.

use vow_types::norm;

/// Pictures to compare on: how many.
const PROBES: u32 = 3;

/// Pictures of so many bytes: soft shades with noise over them, always the same.
pub(crate) fn probes(bytes: usize) -> Vec<Vec<u8>> {
    let picture = |seed: u32| {
        // Marsaglia's xorshift: no more is asked of it than to look like nothing.
        let mut state = seed.wrapping_mul(2_654_435_761).max(1);
        (0..bytes).map(move |at| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let shade = (at / 97 + usize::try_from(seed).unwrap_or_default() * 50) % 512;
            let shade = u8::try_from(if shade < 256 { shade } else { 511 - shade }).unwrap_or(u8::MAX);
            let noise = state.to_le_bytes().first().copied().unwrap_or_default() / 4;
            shade / 2 + noise
        })
    };
    (1..=PROBES).map(|seed| picture(seed).collect()).collect()
}

/// The cosine between the two that agree least; -1 where they have not the same shape or are no numbers. Two vectors of
/// nothing but zeros agree.
pub(crate) fn least_cosine(one: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
    if one.len() != other.len() || one.is_empty() {
        return -1.0;
    }
    one.iter().zip(other).map(|(a, b)| cosine(a, b)).fold(1.0, f32::min)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return -1.0;
    }
    let lengths = norm(a) * norm(b);
    if lengths == 0.0 && norm(a) == norm(b) {
        return 1.0;
    }
    let cosine = a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / lengths;
    // Infinite or no number at all: half precision overflows.
    if cosine.is_finite() { cosine } else { -1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_pair_decides() {
        let one = vec![vec![1.0, 0.0], vec![0.0, 2.0], vec![0.0, 0.0]];
        assert!((least_cosine(&one, &one) - 1.0).abs() < 1e-6);
        let turned = vec![vec![5.0, 0.0], vec![1.0, 1.0], vec![0.0, 0.0]];
        assert!((least_cosine(&one, &turned) - 0.5f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn what_cannot_be_compared_does_not_agree() {
        let one = [vec![1.0, 2.0]];
        for other in [
            vec![],
            vec![vec![1.0]],
            vec![vec![f32::NAN, 1.0]],
            vec![vec![f32::INFINITY, 1.0]],
            vec![vec![0.0; 2]],
        ] {
            assert!(least_cosine(&one, &other) < 0.9, "{other:?}");
        }
        assert!(least_cosine(&[], &[]) < 0.9);
    }

    #[test]
    fn probes_differ_from_one_another_and_never_change() {
        let [a, b, c] = probes(3 * 112 * 112).try_into().unwrap();
        assert!(a != b && b != c && a != c);
        assert_eq!(a, probes(3 * 112 * 112)[0]);
        let bright = a.iter().filter(|byte| **byte > 64).count();
        assert!(bright > a.len() / 4 && bright < a.len(), "{bright}");
    }
}
