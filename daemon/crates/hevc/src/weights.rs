//! How much each coefficient counts, where the picture says so: scaling lists, as large as the blocks (H.265, 7.4.5).

use heifer_hevc_dec::params::ScalingList;

use crate::arithmetic::entry;
use crate::scan::{DIAGONAL_8, Scan};

/// Weights of the coefficients of each size of block and each plane, row by row.
#[derive(Debug)]
pub(crate) struct Weights([[Vec<u8>; 3]; 4]);

impl Weights {
    /// Those of predictions from within the picture.
    pub(crate) fn new(lists: &ScalingList) -> Self {
        let [four, eight, sixteen, thirty_two] = &lists.lists;
        let [first_of_16, first_of_32] = &lists.dc;
        let small = |list: &Vec<u8>| {
            let mut rows = vec![0; 16];
            for (place, weight) in Scan::Diagonal.places().iter().zip(list) {
                if let Some(to) = rows.get_mut(usize::from(*place)) {
                    *to = *weight;
                }
            }
            rows
        };
        let large = |list: &Vec<u8>, log2: u32, first: Option<u8>| {
            let mut eight = [0; 64];
            for (place, weight) in DIAGONAL_8.iter().zip(list) {
                if let Some(to) = eight.get_mut(usize::from(*place)) {
                    *to = *weight;
                }
            }
            let side = 1usize << log2;
            let place = |at: usize| ((at / side) >> (log2 - 3)) * 8 + ((at % side) >> (log2 - 3));
            let mut rows: Vec<u8> = (0..side * side).map(|at| entry(&eight, place(at))).collect();
            if let (Some(to), Some(first)) = (rows.first_mut(), first) {
                *to = first;
            }
            rows
        };
        let [y4, b4, r4, ..] = four;
        let [y8, b8, r8, ..] = eight;
        let [y16, b16, r16, ..] = sixteen;
        let [y32, b32, r32, ..] = thirty_two;
        let [d16, e16, f16, ..] = *first_of_16;
        let [d32, e32, f32, ..] = *first_of_32;
        Self([
            [small(y4), small(b4), small(r4)],
            [large(y8, 3, None), large(b8, 3, None), large(r8, 3, None)],
            [large(y16, 4, Some(d16)), large(b16, 4, Some(e16)), large(r16, 4, Some(f16))],
            [large(y32, 5, Some(d32)), large(b32, 5, Some(e32)), large(r32, 5, Some(f32))],
        ])
    }

    /// For a block of a plane with a side of 4 to 32.
    pub(crate) fn of(&self, log2: u32, plane: usize) -> &[u8] {
        let size = usize::try_from(log2).unwrap_or_default().saturating_sub(2);
        self.0.get(size).and_then(|planes| planes.get(plane)).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_lie_along_the_diagonals_and_are_enlarged_and_the_first_may_be_another() {
        let mut lists = ScalingList::default_lists();
        lists.lists[0][0] = (1..=16).collect();
        lists.lists[2][1] = (1..=64).collect();
        lists.lists[3][0] = (101..=164).collect();
        (lists.dc[0][1], lists.dc[1][0]) = (200, 201);
        let weights = Weights::new(&lists);
        assert_eq!(weights.of(2, 0)[..8], [1, 3, 6, 10, 2, 5, 9, 13]);
        assert_eq!((weights.of(4, 1).len(), weights.of(5, 0).len()), (256, 1024));
        assert_eq!(weights.of(4, 1)[..5], [200, 1, 3, 3, 6]);
        assert_eq!(weights.of(4, 1)[16..20], [1, 1, 3, 3]);
        assert_eq!((weights.of(5, 0)[0], weights.of(5, 0)[1], weights.of(5, 0)[1023]), (201, 101, 164));
        assert_eq!(weights.of(3, 2)[63], 115, "the standard's own");
    }
}
