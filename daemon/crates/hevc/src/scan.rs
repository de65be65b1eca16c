//! In which order coefficients and pieces of blocks come (H.265, 6.5.3 to 6.5.5), and which contexts say whether they are there.

/// How coefficients are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    Diagonal,
    Horizontal,
    Vertical,
}

impl Scan {
    /// Of a block of luma (or of a size at which colour follows it) predicted in this way (7.4.9.11).
    pub(crate) fn of(mode: u8) -> Self {
        match mode {
            6..=14 => Self::Vertical,
            22..=30 => Self::Horizontal,
            _ => Self::Diagonal,
        }
    }

    /// Of 16 places, four a row: the place of each number.
    pub(crate) fn places(self) -> &'static [u8; 16] {
        match self {
            Self::Diagonal => &DIAGONAL_4,
            Self::Horizontal => &HORIZONTAL,
            Self::Vertical => &VERTICAL,
        }
    }

    /// Of the pieces, 4 x 4 each, of a block of 4 to 32: column and row of each number, as `row << 4 | column`.
    pub(crate) fn pieces(self, log2: u32) -> &'static [u8] {
        match (self, log2) {
            (_, 2) => &[0],
            (Self::Horizontal, 3) => &[0x00, 0x01, 0x10, 0x11],
            (Self::Vertical, 3) | (Self::Diagonal, 3) => &[0x00, 0x10, 0x01, 0x11],
            (_, 4) => &PIECES_4,
            _ => &PIECES_8,
        }
    }
}

const HORIZONTAL: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const VERTICAL: [u8; 16] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];
const DIAGONAL_4: [u8; 16] = diagonal(4, 4);
const PIECES_4: [u8; 16] = diagonal(4, 16);
const PIECES_8: [u8; 64] = diagonal(8, 16);
/// Of 64 places, eight a row: as scaling lists are ordered.
pub(crate) const DIAGONAL_8: [u8; 64] = diagonal(8, 8);

/// From the lower left to the upper right, line by line; each place as `row * stride + column`.
#[allow(clippy::indexing_slicing, reason = "worked out while this is compiled, which would fail")]
const fn diagonal<const N: usize>(side: u8, stride: u8) -> [u8; N] {
    let mut order = [0; N];
    let (mut at, mut line) = (0, 0);
    while at < N {
        let mut column = 0;
        while column <= line {
            let row = line - column;
            if row < side && column < side {
                order[at] = row * stride + column;
                at += 1;
            }
            column += 1;
        }
        line += 1;
    }
    order
}

/// Which context says whether a coefficient of a piece is there, by what is known of the pieces to its right (1) and below it (2),
/// and by place (9.3.4.2.5).
#[allow(clippy::indexing_slicing, reason = "worked out while this is compiled, which would fail")]
pub(crate) const SIGNIFICANT: [[u8; 16]; 4] = {
    let mut tables = [[0; 16]; 4];
    let mut at = 0;
    while at < 16 {
        let (column, row) = (at % 4, at / 4);
        tables[0][at] = match column + row {
            0 => 2,
            1 | 2 => 1,
            _ => 0,
        };
        tables[1][at] = if row == 0 {
            2
        } else if row == 1 {
            1
        } else {
            0
        };
        tables[2][at] = if column == 0 {
            2
        } else if column == 1 {
            1
        } else {
            0
        };
        tables[3][at] = 2;
        at += 1;
    }
    tables
};

/// The same for blocks of one piece.
pub(crate) const SIGNIFICANT_4: [u8; 16] = [0, 1, 4, 5, 2, 3, 4, 5, 6, 6, 8, 8, 7, 7, 8, 8];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagonals_go_up() {
        assert_eq!(DIAGONAL_4, [0, 4, 1, 8, 5, 2, 12, 9, 6, 3, 13, 10, 7, 14, 11, 15]);
        assert_eq!(&PIECES_8[..6], &[0x00, 0x10, 0x01, 0x20, 0x11, 0x02]);
        assert_eq!(DIAGONAL_8[63], 63);
    }
}
