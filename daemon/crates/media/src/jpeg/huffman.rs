//! Bits and Huffman codes of a scan (T.81, Annexes C and F): only as much as it takes to count what is there.

use memchr::memchr;

/// Why no more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The data is used up.
    End,
    /// The data contradicts its tables.
    Broken,
}

/// A Huffman table in canonical order.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// For each length of code, 1 to 16: the first code of that length, how many there are, and where their values
    /// begin.
    lengths: [(u32, u32, usize); 16],
    values: Vec<u8>,
}

impl Table {
    /// All tables of a DHT segment: whether it is for AC coefficients, its slot 0 to 3, and itself.
    ///
    /// # Errors
    /// [`Stop::Broken`] when the segment is too short or no code could have these lengths.
    pub(super) fn parse_all(mut body: &[u8]) -> Result<Vec<(bool, usize, Self)>, Stop> {
        let mut tables = Vec::new();
        while let Some((head, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(Stop::Broken)?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let (values, rest) = rest.split_at_checked(total).ok_or(Stop::Broken)?;
            tables.push((head >> 4 == 1, usize::from(head & 15), Self::new(counts, values)?));
            body = rest;
        }
        Ok(tables)
    }

    fn new(counts: &[u8; 16], values: &[u8]) -> Result<Self, Stop> {
        let mut lengths = [(0, 0, 0); 16];
        let (mut code, mut at) = (0u32, 0);
        for ((slot, count), bits) in lengths.iter_mut().zip(counts).zip(1u32..) {
            *slot = (code, u32::from(*count), at);
            at += usize::from(*count);
            code += u32::from(*count);
            if code > 1 << bits {
                return Err(Stop::Broken);
            }
            code <<= 1;
        }
        Ok(Self { lengths, values: values.to_vec() })
    }
}

impl Table {
    /// Value and length of the code that these 16 bits begin with; `None` when there is no such code.
    pub(super) fn look_up(&self, sixteen: u32) -> Option<(u8, u32)> {
        (1..).zip(self.lengths).find_map(|(len, (first, count, at))| {
            let offset = (sixteen >> (16 - len)).checked_sub(first).filter(|offset| *offset < count)?;
            Some((*self.values.get(at + vow_types::num::index(offset))?, len))
        })
    }
}

/// Bits of one scan, with stuffed zeros taken out; they end at each restart marker.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The lowest `count` bits are read and not yet used.
    held: u32,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, held: 0, count: 0 }
    }

    /// The next bits, at most 16, as a number.
    pub(super) fn take(&mut self, bits: u32) -> Result<u32, Stop> {
        while self.count < bits {
            let byte = *self.data.get(self.at).ok_or(Stop::End)?;
            if byte == 0xff {
                if self.data.get(self.at + 1) != Some(&0) {
                    return Err(Stop::End);
                }
                self.at += 1;
            }
            self.at += 1;
            self.held = self.held << 8 | u32::from(byte);
            self.count += 8;
        }
        self.count -= bits;
        Ok(self.held >> self.count & ((1 << bits) - 1))
    }

    /// The value of the next code.
    pub(super) fn decode(&mut self, table: &Table) -> Result<u8, Stop> {
        let mut code = 0;
        for (first, count, at) in table.lengths {
            code = code << 1 | self.take(1)?;
            if let Some(offset) = code.checked_sub(first).filter(|offset| *offset < count) {
                return table.values.get(at + vow_types::num::index(offset)).copied().ok_or(Stop::Broken);
            }
        }
        Err(Stop::Broken)
    }

    /// Leaves the rest of this interval and enters the next one, behind the next restart marker.
    pub(super) fn restart(&mut self) -> Result<(), Stop> {
        (self.held, self.count) = (0, 0);
        loop {
            let rest = self.data.get(self.at..).ok_or(Stop::End)?;
            self.at += memchr(0xff, rest).ok_or(Stop::End)? + 1;
            if matches!(self.data.get(self.at), Some(0xd0..=0xd7)) {
                self.at += 1;
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The luminance DC table of T.81, K.3.1.
    const K3: [u8; 29] =
        [0, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

    #[test]
    fn codes_of_the_standard() {
        let (ac, slot, table) = Table::parse_all(&K3).unwrap().remove(0);
        assert_eq!((ac, slot), (false, 0));
        // 00 -> 0, 010 -> 1, 110 -> 5, 1110 -> 6, 111111110 -> 11
        let mut bits = Bits::new(&[0b0001_0110, 0b1110_1111, 0b1111_0000]);
        let values: Vec<_> = (0..5).map(|_| bits.decode(&table).unwrap()).collect();
        assert_eq!(values, [0, 1, 5, 6, 11]);
    }

    #[test]
    fn stuffing_and_restarts() {
        let mut bits = Bits::new(b"\xff\x00\xa5\xff\xd3\x0f");
        assert_eq!(bits.take(8), Ok(0xff));
        assert_eq!(bits.take(4), Ok(0xa));
        assert_eq!(bits.take(4), Ok(5));
        assert_eq!(bits.take(1), Err(Stop::End));
        bits.restart().unwrap();
        assert_eq!(bits.take(8), Ok(0x0f));
        assert_eq!(bits.restart(), Err(Stop::End));
    }

    #[test]
    fn tables_that_cannot_be() {
        for len in 1..K3.len() {
            assert!(Table::parse_all(&K3[..len]).is_err(), "{len}");
        }
        let mut three_codes_of_one_bit = [0; 20];
        three_codes_of_one_bit[1] = 3;
        assert!(Table::parse_all(&three_codes_of_one_bit).is_err());
    }
}
