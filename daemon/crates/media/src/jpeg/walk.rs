//! A JPEG file as a row of segments and scans (ITU-T T.81, Annex B). It knows where things begin and end, and nothing
//! of what they mean.

use memchr::memchr;

/// Marker codes, the byte behind 0xFF (T.81, Table B.1).
pub(super) mod marker {
    pub(in crate::jpeg) const DHT: u8 = 0xc4;
    pub(in crate::jpeg) const SOI: u8 = 0xd8;
    pub(in crate::jpeg) const EOI: u8 = 0xd9;
    pub(in crate::jpeg) const SOS: u8 = 0xda;
    pub(in crate::jpeg) const DQT: u8 = 0xdb;
    pub(in crate::jpeg) const DRI: u8 = 0xdd;
    pub(in crate::jpeg) const APP0: u8 = 0xe0;
    pub(in crate::jpeg) const APP1: u8 = 0xe1;
    pub(in crate::jpeg) const APP14: u8 = 0xee;
    pub(in crate::jpeg) const COM: u8 = 0xfe;

    /// Start of a frame, of any coding process; the codes between them mean other things.
    pub(in crate::jpeg) fn is_frame(code: u8) -> bool {
        matches!(code, 0xc0..=0xcf) && !matches!(code, DHT | 0xc8 | 0xcc)
    }

    /// What programs write about the picture.
    pub(in crate::jpeg) fn is_metadata(code: u8) -> bool {
        matches!(code, APP0..=0xef) || code == COM
    }

    /// Markers without a body: TEM, restarts, SOI.
    pub(super) fn stands_alone(code: u8) -> bool {
        matches!(code, 0x01 | 0xd0..=SOI)
    }
}

/// One thing in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A marker with its body, without the two bytes of its length.
    Segment { marker: u8, body: &'a [u8] },
    /// The entropy-coded data behind a start of scan, with its stuffed bytes and restart markers.
    Coded { data: &'a [u8], restarts: u32 },
}

/// How the file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With an end-of-image marker; what comes behind it is another picture or none of our business.
    Marked,
    /// Without one: the bytes are used up.
    Missing,
    /// At a segment whose length cannot be.
    Broken,
}

/// Walks a file once. `None` from the iterator is final; [`Walk::end`] then says why.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    in_scan: bool,
    end: Option<End>,
    /// Bytes between segments that belong to nothing, and markers that stand where none may.
    pub(super) strays: usize,
}

impl<'a> Walk<'a> {
    /// For bytes that begin with SOI.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2, in_scan: false, end: None, strays: 0 }
    }

    /// How the file ended, and the offset behind its last piece (and behind the EOI, if there is one).
    pub(super) fn end(&self) -> (End, usize) {
        (self.end.unwrap_or(End::Missing), self.at)
    }

    /// Bytes from here on.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn finish(&mut self, end: End) -> Option<Piece<'a>> {
        self.end = Some(end);
        None
    }

    /// The code of the next marker; fill bytes before it are nobody's.
    fn marker(&mut self) -> Option<u8> {
        loop {
            let skipped = memchr(0xff, self.bytes.get(self.at..)?)?;
            self.strays += skipped;
            self.at += skipped;
            let fill = self.bytes.get(self.at..)?.iter().position(|byte| *byte != 0xff)?;
            let code = *self.bytes.get(self.at + fill)?;
            self.at += fill + 1;
            if code == 0 || marker::stands_alone(code) {
                self.strays += 2;
                continue;
            }
            return Some(code);
        }
    }

    fn segment(&mut self) -> Option<Piece<'a>> {
        let Some(marker) = self.marker() else {
            self.at = self.bytes.len();
            return self.finish(End::Missing);
        };
        if marker == marker::EOI {
            return self.finish(End::Marked);
        }
        let rest = self.rest();
        let Some(len) = rest.first_chunk::<2>().map(|two| usize::from(u16::from_be_bytes(*two))) else {
            return self.finish(End::Missing);
        };
        if len < 2 {
            return self.finish(End::Broken);
        }
        let Some(body) = rest.get(2..len) else { return self.finish(End::Missing) };
        self.at += len;
        self.in_scan = marker == marker::SOS;
        Some(Piece::Segment { marker, body })
    }

    fn coded(&mut self) -> Piece<'a> {
        self.in_scan = false;
        let data = self.rest();
        let (len, restarts) = coded_len(data);
        self.at += len;
        Piece::Coded { data: data.get(..len).unwrap_or_default(), restarts }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.end.is_some() {
            None
        } else if self.in_scan {
            Some(self.coded())
        } else {
            self.segment()
        }
    }
}

/// Length of the entropy-coded data at the start of `data`, up to the first marker that is no restart, without the fill
/// bytes before it; and how many restarts there are. A lone 0xFF at the end of the file is half a marker, no data.
fn coded_len(data: &[u8]) -> (usize, u32) {
    let (mut at, mut restarts) = (0, 0);
    while let Some(found) = data.get(at..).and_then(|rest| memchr(0xff, rest)) {
        let start = at + found;
        let Some(fill) = data.get(start..).and_then(|rest| rest.iter().position(|byte| *byte != 0xff)) else {
            return (start, restarts);
        };
        match data.get(start + fill) {
            // A stuffed zero: the 0xFF before it is data, those before that cannot be told from fill.
            Some(0) => {}
            Some(0xd0..=0xd7) => restarts += 1,
            _ => return (start, restarts),
        }
        at = start + fill + 1;
    }
    (data.len(), restarts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(bytes: &[u8]) -> (Vec<Piece<'_>>, End, usize, usize) {
        let mut walk = Walk::new(bytes);
        let pieces = walk.by_ref().collect();
        let (end, at) = walk.end();
        (pieces, end, at, walk.strays)
    }

    #[test]
    fn every_kind_of_byte_finds_its_place() {
        let bytes = b"\xff\xd8\
            \xff\xe1\0\x04ab\
            \xff\xff\xff\xdb\0\x03q\
            \xff\xda\0\x03s\x01\xff\x00\x02\xff\xd0\x03\xff\xff\xd1\x04\xff\xff\xc4\0\x02\
            \xff\xda\0\x02\x05\xff\xd9\xff\xd8trailer";
        let (found, end, at, strays) = pieces(bytes);
        assert_eq!(
            found,
            [
                Piece::Segment { marker: 0xe1, body: b"ab" },
                Piece::Segment { marker: 0xdb, body: b"q" },
                Piece::Segment { marker: 0xda, body: b"s" },
                Piece::Coded { data: b"\x01\xff\x00\x02\xff\xd0\x03\xff\xff\xd1\x04", restarts: 2 },
                Piece::Segment { marker: 0xc4, body: b"" },
                Piece::Segment { marker: 0xda, body: b"" },
                Piece::Coded { data: b"\x05", restarts: 0 },
            ]
        );
        assert_eq!((end, at, strays), (End::Marked, bytes.len() - 9, 0));
    }

    #[test]
    fn strays_are_counted_and_stepped_over() {
        let (found, end, _, strays) = pieces(b"\xff\xd8junk\xff\xd8\xff\x00\xff\xfe\0\x02\xff\xd9");
        assert_eq!(found, [Piece::Segment { marker: 0xfe, body: b"" }]);
        assert_eq!((end, strays), (End::Marked, 8));
    }

    #[test]
    fn every_cut_ends_the_walk() {
        let bytes = b"\xff\xd8\xff\xe1\0\x04ab\xff\xda\0\x03s\x01\xff\x00\x02\xff\xd9";
        for len in 2..bytes.len() {
            let (_, end, at, _) = pieces(&bytes[..len]);
            assert_eq!(end, End::Missing, "{len}");
            assert!(at <= len);
        }
        // Half a marker at the end is no data.
        let (found, ..) = pieces(&bytes[..bytes.len() - 1]);
        assert_eq!(found.last(), Some(&Piece::Coded { data: b"\x01\xff\x00\x02", restarts: 0 }));
    }

    #[test]
    fn a_length_that_cannot_be() {
        assert_eq!(pieces(b"\xff\xd8\xff\xe1\0\x01ab").1, End::Broken);
    }
}
