//! Whether two ways to run a network agree, by what they give for the same pictures.

use vow_types::norm;

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
}
