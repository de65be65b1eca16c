//! The two operations on vectors that grouping is made of.

/// Sum of products. Sixteen lanes, so that it becomes vector instructions; the result does not depend on which of the
/// two comes first.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    let mut lanes = [0.0f32; 16];
    for (x, y) in a16.iter().zip(b16) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f32>()
}

/// `to += by`, component by component.
pub(crate) fn accumulate(to: &mut [f32], by: &[f32]) {
    for (t, b) in to.iter_mut().zip(by) {
        *t += b;
    }
}
