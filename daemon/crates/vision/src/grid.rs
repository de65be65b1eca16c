//! What the decode heads share: a frame divided into cells, and tensors that must have a row for every cell.

use vow_types::Size;
use vow_types::num::{index, to_f32};

use crate::VisionError;

/// The cells of one level of a detector, row by row.
pub(crate) struct Grid {
    columns: u32,
    rows: u32,
    stride: u32,
}

impl Grid {
    /// Divides a frame into cells of `stride` pixels.
    ///
    /// # Errors
    /// [`VisionError::Stride`] when that leaves a remainder or no cell at all.
    pub(crate) fn new(shape: Size, stride: u32) -> Result<Self, VisionError> {
        let whole = |side: u32| side.checked_rem(stride) == Some(0) && side > 0;
        if !whole(shape.width) || !whole(shape.height) {
            return Err(VisionError::Stride { shape, stride });
        }
        Ok(Self { columns: shape.width / stride, rows: shape.height / stride, stride })
    }

    /// The tensor as rows of `N` numbers, `anchors` rows for every cell.
    ///
    /// # Errors
    /// [`VisionError::HeadLength`] when it holds another number of numbers.
    pub(crate) fn rows_of<'a, const N: usize>(
        &self,
        tensor: &'static str,
        values: &'a [f32],
        anchors: usize,
    ) -> Result<&'a [[f32; N]], VisionError> {
        let cells = index(self.columns).saturating_mul(index(self.rows));
        let expected = cells.saturating_mul(anchors).saturating_mul(N);
        if values.len() != expected {
            let (stride, found) = (self.stride, values.len());
            return Err(VisionError::HeadLength { tensor, stride, expected, found });
        }
        Ok(values.as_chunks::<N>().0)
    }

    /// Column and row of every cell as numbers, each repeated `anchors` times, in the order of the tensors.
    pub(crate) fn cells(&self, anchors: usize) -> impl Iterator<Item = (f32, f32)> {
        let columns = self.columns;
        (0..self.rows).flat_map(move |row| {
            (0..columns).flat_map(move |column| std::iter::repeat_n((to_f32(column), to_f32(row)), anchors))
        })
    }

    /// Pixels from one cell to the next.
    pub(crate) fn stride(&self) -> f32 {
        to_f32(self.stride)
    }
}
