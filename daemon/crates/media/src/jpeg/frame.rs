//! What the headers of a JPEG say: frame (SOF), scan (SOS) and Adobe's colour transform (APP14).

use vow_types::Size;

use crate::{Format, MediaError};

/// One colour component (T.81, B.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors, 1 to 4.
    pub(super) horizontal: u32,
    pub(super) vertical: u32,
    /// Which quantisation table.
    pub(super) quantisation: u8,
}

/// A frame header of a kind that is decoded: Huffman coded, 8 bit, sequential or progressive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) size: Size,
    pub(super) components: Vec<Component>,
}

/// Blocks of 8 x 8 samples, across and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) across: u32,
    pub(super) down: u32,
}

impl Grid {
    pub(super) fn blocks(self) -> u64 {
        u64::from(self.across) * u64::from(self.down)
    }
}

impl Frame {
    /// Reads the body of the segment with this marker code.
    ///
    /// # Errors
    /// When it is too short or holds nonsense, or names a coding that is not read.
    pub(super) fn parse(code: u8, body: &[u8]) -> Result<Self, MediaError> {
        let kind = match code {
            0xc0..=0xc2 => None,
            0xc3 => Some("lossless"),
            0xc5..=0xc7 => Some("hierarchical"),
            0xcb => Some("lossless with arithmetic coding"),
            _ => Some("arithmetic coding"),
        };
        if let Some(what) = kind {
            return Err(unsupported(what));
        }
        let &[precision, h1, h0, w1, w0, count, ref rest @ ..] = body else {
            return Err(damaged("its frame header is too short"));
        };
        if precision != 8 {
            return Err(unsupported(format!("{precision} bits a sample")));
        }
        let size =
            Size { width: u16::from_be_bytes([w1, w0]).into(), height: u16::from_be_bytes([h1, h0]).into() };
        if size.height == 0 && size.width > 0 {
            return Err(unsupported("its height is only given behind the picture"));
        }
        if size.pixels() == 0 {
            return Err(damaged("the header announces no pixels at all"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(unsupported(format!("{count} colour components")));
        }
        let (triples, over) = rest.as_chunks::<3>();
        if triples.len() != usize::from(count) || !over.is_empty() {
            return Err(damaged("its frame header has a wrong length"));
        }
        let components: Vec<_> = triples
            .iter()
            .map(|&[id, sampling, quantisation]| Component {
                id,
                horizontal: u32::from(sampling >> 4),
                vertical: u32::from(sampling & 15),
                quantisation,
            })
            .collect();
        for component in &components {
            if !(1..=4).contains(&component.horizontal) || !(1..=4).contains(&component.vertical) {
                return Err(damaged("its sampling factors are not between 1 and 4"));
            }
        }
        Ok(Self { progressive: code == 0xc2, size, components })
    }

    /// Largest sampling factors, across and down.
    pub(super) fn largest(&self) -> (u32, u32) {
        let across = self.components.iter().map(|c| c.horizontal).max();
        let down = self.components.iter().map(|c| c.vertical).max();
        (across.unwrap_or(1), down.unwrap_or(1))
    }

    /// Blocks of all components. Each costs at least one bit of the first scan it is in.
    pub(super) fn blocks(&self) -> u64 {
        self.components.iter().map(|component| self.alone(*component).blocks()).sum()
    }

    /// Groups of blocks (MCUs) of a scan with several components (T.81, A.2.3).
    pub(super) fn interleaved(&self) -> Grid {
        let (across, down) = self.largest();
        Grid { across: self.size.width.div_ceil(8 * across), down: self.size.height.div_ceil(8 * down) }
    }

    /// Blocks of a scan with this component alone (T.81, A.2.2): without those that only fill up the last group.
    pub(super) fn alone(&self, component: Component) -> Grid {
        let (across, down) = self.largest();
        Grid {
            across: (self.size.width * component.horizontal).div_ceil(8 * across),
            down: (self.size.height * component.vertical).div_ceil(8 * down),
        }
    }
}

/// What the samples mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Grey,
    Rgb,
    YCbCr,
    /// Ink, 255 is full.
    Cmyk,
    /// Complement of ink, 0 is full: how Adobe's programs store it.
    InvertedCmyk,
    /// The same, with its first three as YCbCr.
    InvertedYcck,
}

impl Colour {
    /// By the number of components, Adobe's transform (if there is a valid one), and the names of the components, as
    /// most decoders judge it. JFIF knows grey and YCbCr only, which is what is left when nothing else is said.
    pub(super) fn of(frame: &Frame, adobe: Option<u8>) -> Self {
        let ids = |letters: &[u8; 3]| frame.components.iter().map(|component| component.id).eq(*letters);
        match (frame.components.len(), adobe) {
            (1, _) => Self::Grey,
            (4, Some(2)) => Self::InvertedYcck,
            (4, Some(_)) => Self::InvertedCmyk,
            (4, None) => Self::Cmyk,
            (_, Some(0)) => Self::Rgb,
            _ if ids(b"RGB") => Self::Rgb,
            _ => Self::YCbCr,
        }
    }
}

/// One component's part in a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Which component of the frame.
    pub(super) component: usize,
    /// Which Huffman tables.
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// A scan header (T.81, B.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) parts: Vec<Part>,
    /// Band of coefficients, in zigzag order.
    pub(super) first: u32,
    pub(super) last: u32,
    /// Bits still missing before (0: this is the first scan of the band) and after this scan.
    pub(super) high: u8,
    pub(super) low: u8,
}

impl Scan {
    /// Reads the body of a start of scan; `None` when it fits no frame.
    pub(super) fn parse(frame: &Frame, body: &[u8]) -> Option<Self> {
        let (count, rest) = body.split_first()?;
        let (pairs, rest) = rest.split_at_checked(2 * usize::from(*count))?;
        let (pairs, _) = pairs.as_chunks::<2>();
        let &[first, last, approximation] = rest else { return None };
        let mut parts: Vec<Part> = Vec::with_capacity(4);
        for &[id, tables] in pairs {
            let component = frame.components.iter().position(|c| c.id == id)?;
            if parts.iter().any(|part| part.component == component) {
                return None;
            }
            parts.push(Part { component, dc: usize::from(tables >> 4), ac: usize::from(tables & 15) });
        }
        let scan = Self {
            parts,
            first: first.into(),
            last: last.into(),
            high: approximation >> 4,
            low: approximation & 15,
        };
        let valid = !scan.parts.is_empty()
            && scan.first <= scan.last
            && scan.last <= 63
            // In a progressive scan the first coefficient comes by itself, and the others of one component only.
            && (!frame.progressive || (scan.first == 0) == (scan.last == 0))
            && (!frame.progressive || scan.first == 0 || scan.parts.len() == 1);
        valid.then_some(scan)
    }

    /// How many groups (or blocks, when the component comes alone) the scan codes.
    pub(super) fn units(&self, frame: &Frame) -> u64 {
        self.grid(frame).blocks()
    }

    /// Its groups (or blocks, when the component comes alone).
    pub(super) fn grid(&self, frame: &Frame) -> Grid {
        let alone = match self.parts.as_slice() {
            [part] => frame.components.get(part.component),
            _ => None,
        };
        alone.map_or_else(|| frame.interleaved(), |component| frame.alone(*component))
    }
}

/// Colour transform in Adobe's APP14: 0 none (RGB or CMYK), 1 YCbCr, 2 YCCK. It changes what the samples mean.
pub(super) fn adobe_transform(body: &[u8]) -> Option<u8> {
    body.strip_prefix(b"Adobe")?.get(6).copied()
}

/// Restart interval of a DRI segment; 0 is none.
pub(super) fn restart_interval(body: &[u8]) -> u32 {
    body.first_chunk::<2>().map_or(0, |two| u16::from_be_bytes(*two).into())
}

fn unsupported(what: impl Into<String>) -> MediaError {
    MediaError::UnsupportedCoding { format: Format::Jpeg, what: what.into() }
}

fn damaged(what: &'static str) -> MediaError {
    MediaError::damaged(Format::Jpeg, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u16, height: u16, samplings: &[u8]) -> Frame {
        let mut body = vec![8];
        body.extend_from_slice(&height.to_be_bytes());
        body.extend_from_slice(&width.to_be_bytes());
        body.push(u8::try_from(samplings.len()).unwrap());
        for (id, sampling) in (1..).zip(samplings) {
            body.extend_from_slice(&[id, *sampling, 0]);
        }
        Frame::parse(0xc0, &body).unwrap()
    }

    #[test]
    fn grids_of_a_subsampled_picture() {
        let frame = frame(33, 17, &[0x22, 0x11, 0x11]);
        assert_eq!(frame.interleaved(), Grid { across: 3, down: 2 });
        assert_eq!(frame.alone(frame.components[0]), Grid { across: 5, down: 3 });
        assert_eq!(frame.alone(frame.components[1]), Grid { across: 3, down: 2 });
    }

    #[test]
    fn a_lone_component_has_no_groups() {
        let frame = frame(33, 17, &[0x22]);
        assert_eq!(frame.alone(frame.components[0]), Grid { across: 5, down: 3 });
    }

    #[test]
    fn what_is_not_read_is_named() {
        let body = [8, 0, 8, 0, 8, 1, 1, 0x11, 0];
        for (code, name) in [(0xc3, "lossless"), (0xc9, "arithmetic"), (0xc5, "hierarchical")] {
            let error = Frame::parse(code, &body).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(
            Frame::parse(0xc0, &[12, 0, 8, 0, 8, 1, 1, 0x11, 0]).unwrap_err().to_string().contains("12 bits")
        );
        assert!(
            Frame::parse(0xc0, &[8, 0, 0, 0, 8, 1, 1, 0x11, 0]).unwrap_err().to_string().contains("height")
        );
        for len in 0..body.len() {
            assert!(Frame::parse(0xc0, &body[..len]).is_err());
        }
    }

    #[test]
    fn scans_that_fit_no_frame() {
        let frame = frame(8, 8, &[0x11, 0x11, 0x11]);
        assert_eq!(
            Scan::parse(&frame, &[1, 2, 0x11, 0, 63, 0]).unwrap().parts[0],
            Part { component: 1, dc: 1, ac: 1 }
        );
        for body in
            [&[0, 0, 63, 0][..], &[1, 9, 0, 0, 63, 0], &[2, 1, 0, 1, 0, 0, 63, 0], &[1, 1, 0, 5, 4, 0], &[1]]
        {
            assert_eq!(Scan::parse(&frame, body), None, "{body:?}");
        }
    }
}
