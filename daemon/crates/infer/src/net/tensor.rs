//! What goes into a network and what comes out, and whose part of it is whose.

use std::ops::Range;

use vow_types::Size;
use vow_types::num::index;

use super::Pinned;
use crate::error::GraphError;

/// The numbers of a batch, one picture after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbers<'a> {
    /// Three planes a picture (NCHW).
    Planes(&'a [f32]),
    /// Rows of RGB (NHWC).
    Bytes(&'a [u8]),
}

/// Pictures of one size, given to a network at once.
#[derive(Clone, Copy)]
pub(crate) struct Feed<'a> {
    pub(crate) numbers: Numbers<'a>,
    pub(crate) size: Size,
    pub(crate) count: usize,
    /// The same numbers, where they lie in memory that a card reads directly.
    pub(crate) pinned: Option<&'a Pinned>,
}

impl Feed<'_> {
    /// Some of the pictures.
    pub(crate) fn part(&self, pictures: Range<usize>) -> Self {
        let each = 3 * index(self.size.width) * index(self.size.height);
        let range = pictures.start * each..pictures.end * each;
        let numbers = match self.numbers {
            Numbers::Planes(planes) => Numbers::Planes(planes.get(range).unwrap_or_default()),
            Numbers::Bytes(bytes) => Numbers::Bytes(bytes.get(range).unwrap_or_default()),
        };
        Self { numbers, size: self.size, count: pictures.len(), pinned: None }
    }

    /// Dimensions of the input tensor.
    pub(crate) fn dims(&self) -> [usize; 4] {
        let (width, height) = (index(self.size.width), index(self.size.height));
        match self.numbers {
            Numbers::Planes(_) => [self.count, 3, height, width],
            Numbers::Bytes(_) => [self.count, height, width, 3],
        }
    }
}

/// An output.
#[derive(Debug, Clone)]
pub(crate) struct Tensor<'a> {
    pub(crate) dims: Vec<usize>,
    pub(crate) numbers: &'a [f32],
}

/// Each picture's part of every output, in the order of the outputs. For one picture that is all of it, however it is
/// shaped; for several, the first dimension has to count them.
pub(crate) fn split<'a>(outputs: &[Tensor<'a>], count: usize) -> Result<Vec<Vec<&'a [f32]>>, GraphError> {
    if count == 1 {
        return Ok(vec![outputs.iter().map(|output| output.numbers).collect()]);
    }
    let mut parts = vec![Vec::with_capacity(outputs.len()); count];
    for output in outputs {
        let each = output.numbers.len() / count.max(1);
        let is_counted = output.dims.len() > 1 && output.dims.first() == Some(&count);
        if !is_counted || each * count != output.numbers.len() {
            return Err(GraphError::Batch { pictures: count, found: output.dims.clone() });
        }
        // An empty output belongs to everybody.
        let mut numbers = output.numbers.chunks(each.max(1));
        parts.iter_mut().for_each(|part| part.push(numbers.next().unwrap_or_default()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tensor<'a>(dims: &[usize], numbers: &'a [f32]) -> Tensor<'a> {
        Tensor { dims: dims.to_vec(), numbers }
    }

    #[test]
    fn one_picture_has_all_of_it_however_flat() {
        let numbers = [1.0, 2.0, 3.0, 4.0];
        let outputs = [tensor(&[2, 2], &numbers), tensor(&[1, 4, 1], &numbers), tensor(&[4], &numbers)];
        assert_eq!(split(&outputs, 1).unwrap(), [vec![&numbers[..]; 3]]);
    }

    #[test]
    fn a_flattened_head_is_not_split() {
        // Two anchors of two pictures look like four anchors of one, in an order that nobody knows.
        let numbers = [0.0; 8];
        for dims in [&[4usize, 2][..], &[8], &[1, 2, 4]] {
            let error = split(&[tensor(dims, &numbers)], 2).unwrap_err();
            assert!(matches!(&error, GraphError::Batch { pictures: 2, found } if found == dims), "{error}");
        }
        assert!(split(&[tensor(&[3, 2], &numbers[..5])], 3).is_err(), "fewer numbers than the shape says");
    }

    proptest! {
        #[test]
        fn every_number_goes_to_its_picture(count in 2usize..9, rows in 0usize..5, k in 1usize..4) {
            // Each number says whose it is.
            let owner = |picture: usize| f32::from(u8::try_from(picture).unwrap());
            let numbers: Vec<f32> = (0..count).flat_map(|picture| vec![owner(picture); rows * k]).collect();
            let outputs = [tensor(&[count, rows, k], &numbers), tensor(&[count, rows * k], &numbers)];
            let parts = split(&outputs, count).unwrap();
            prop_assert_eq!(parts.len(), count);
            for (picture, part) in parts.iter().enumerate() {
                prop_assert_eq!(part.len(), 2);
                for numbers in part {
                    prop_assert_eq!(numbers.len(), rows * k);
                    prop_assert!(numbers.iter().all(|number| number.to_bits() == owner(picture).to_bits()));
                }
            }
        }
    }
}
