//! The planes of a picture while it is decoded, and what is known of its squares.

/// Samples of one kind, row by row.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(crate) samples: Vec<u16>,
    width: usize,
}

impl Plane {
    /// Of zeros.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { samples: vec![0; width * height], width }
    }

    /// A row; nothing where there is none.
    #[inline(always)]
    pub(crate) fn row(&self, y: usize) -> &[u16] {
        self.samples.get(y * self.width..(y + 1) * self.width).unwrap_or_default()
    }

    /// A column from a row on.
    #[inline(always)]
    pub(crate) fn column(&self, x: usize, y: usize) -> impl Iterator<Item = u16> + '_ {
        let from = self.samples.get(y * self.width + x..).unwrap_or_default();
        from.iter().step_by(self.width.max(1)).copied()
    }

    /// The rows of a block of `N` samples a side.
    #[inline(always)]
    pub(crate) fn rows<const N: usize>(&mut self, x: usize, y: usize) -> impl Iterator<Item = &mut [u16; N]> {
        let width = self.width.max(1);
        let from = self.samples.get_mut(y * width..).unwrap_or_default();
        from.chunks_mut(width).take(N).filter_map(move |row| row.get_mut(x..)?.first_chunk_mut())
    }

    /// Adds to a block whose side has this logarithm; samples have `depth` bits, 10 at most.
    pub(crate) fn add(&mut self, (x, y): (usize, usize), log2: u32, residual: &[i16], depth: u32) {
        match log2 {
            2 => self.added::<4>(x, y, residual, depth),
            3 => self.added::<8>(x, y, residual, depth),
            4 => self.added::<16>(x, y, residual, depth),
            _ => self.added::<32>(x, y, residual, depth),
        }
    }

    #[inline(always)]
    fn added<const N: usize>(&mut self, x: usize, y: usize, residual: &[i16], depth: u32) {
        let most = (1i16 << depth) - 1;
        for (row, residual) in self.rows::<N>(x, y).zip(residual.chunks_exact(N)) {
            for (sample, more) in row.iter_mut().zip(residual) {
                // So few bits mean the same with a sign.
                *sample = sample.cast_signed().saturating_add(*more).clamp(0, most).cast_unsigned();
            }
        }
    }
}

/// Something of each square of a picture.
#[derive(Debug)]
pub(crate) struct Grid<T> {
    cells: Vec<T>,
    width: usize,
    /// Of a square's side, in samples.
    log2: u32,
}

impl<T: Copy + Default> Grid<T> {
    /// Of squares with this side, which cover a picture of this size.
    pub(crate) fn new(width: usize, height: usize, log2: u32) -> Self {
        let (width, height) = (width.div_ceil(1 << log2), height.div_ceil(1 << log2));
        Self { cells: vec![T::default(); width * height], width, log2 }
    }

    /// At a sample; the default outside.
    #[inline(always)]
    pub(crate) fn at(&self, x: usize, y: usize) -> T {
        let column = x >> self.log2;
        let cell =
            if column < self.width { self.cells.get((y >> self.log2) * self.width + column) } else { None };
        cell.copied().unwrap_or_default()
    }

    /// For a block of so many samples a side.
    #[inline(always)]
    pub(crate) fn set(&mut self, (x, y): (usize, usize), side: usize, value: T) {
        let (column, row, across) = (x >> self.log2, y >> self.log2, side >> self.log2);
        for row in self.cells.chunks_exact_mut(self.width.max(1)).skip(row).take(across) {
            if let Some(cells) = row.get_mut(column..column + across) {
                cells.fill(value);
            }
        }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[T]> {
        self.cells.chunks_exact(self.width.max(1))
    }
}

impl Grid<bool> {
    /// How many samples of a row from here on are said yes to, of at most so many.
    #[inline(always)]
    pub(crate) fn across(&self, x: usize, y: usize, most: usize) -> usize {
        (0..most).step_by(1 << self.log2).take_while(|more| self.at(x + more, y)).count() << self.log2
    }

    /// The same down a column.
    #[inline(always)]
    pub(crate) fn down(&self, x: usize, y: usize, most: usize) -> usize {
        (0..most).step_by(1 << self.log2).take_while(|more| self.at(x, y + more)).count() << self.log2
    }
}
