//! Looking at a photo the cheap way: the whole of it as small as will do, and parts of it closer where that pays.
//!
//! Only JPEGs offer that, in raws too, and not all of them ([`Header::scalable`]); everything else is decoded whole and as coded. Places stay relative
//! to the coded picture whatever the scale: each [`View`] says which part of it it shows.

use vow_types::num::{floor_u32, index, narrow};
use vow_types::{RelBox, RelPoint, Size};

use crate::guard::guarded;
use crate::jpeg::scaled::{Area, Picture, Workspace};
use crate::{Header, MediaError, Scale, decode_into, jpeg};

/// Memory for pixels that is kept from one photo to the next; more is given back. The 16 MiB hold what is decoded small.
const KEEP: usize = 16 << 20;

/// Memory that is used again from one photo to the next. One for each thread.
#[derive(Debug, Default)]
pub struct Buffers {
    whole: Vec<u8>,
    close: Vec<u8>,
    space: Workspace,
}

/// A decoded part of a photo, as coded: not turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View<'a> {
    /// Width and height in pixels.
    pub size: Size,
    /// RGB8, `width * height * 3` bytes, rows from top to bottom.
    pub pixels: &'a [u8],
    /// The part of the coded picture that this is, relative to it. Its right and bottom edges may lie a little outside
    /// (of a last pixel that is only begun), but a pixel of the view is always as wide and as high as every other.
    pub shown: RelBox,
}

impl View<'_> {
    /// From coordinates relative to this view to such relative to the coded picture.
    #[must_use]
    pub fn to_coded(self, p: RelPoint) -> RelPoint {
        let RelBox { left, top, .. } = self.shown;
        RelPoint { x: left + p.x * self.shown.width(), y: top + p.y * self.shown.height() }
    }

    /// From coordinates relative to the coded picture to such relative to this view.
    #[must_use]
    pub fn within(self, p: RelPoint) -> RelPoint {
        let RelBox { left, top, .. } = self.shown;
        RelPoint { x: (p.x - left) / self.shown.width(), y: (p.y - top) / self.shown.height() }
    }
}

/// A photo that is decoded, and can then be looked at closer.
pub struct Decoding<'a> {
    bytes: &'a [u8],
    header: Header,
    scale: Scale,
    /// Of the whole picture as decoded; no pixels before it is.
    size: Size,
    /// What it takes to look closer.
    scan: Option<Picture<'a>>,
    buffers: &'a mut Buffers,
}

impl<'a> Decoding<'a> {
    /// Nothing is decoded yet. `header` is what [`inspect`](crate::inspect) said of these bytes.
    pub fn new(bytes: &'a [u8], header: &Header, buffers: &'a mut Buffers) -> Self {
        let size = Size { width: 0, height: 0 };
        Self { bytes, header: *header, scale: Scale::Full, size, scan: None, buffers }
    }

    /// Decodes the whole picture at this scale. `false` when the file has it at [`Scale::Full`] only, which
    /// [`Header::scalable`] cannot always tell before: then ask for that, which is always `true`.
    ///
    /// # Errors
    /// As [`decode`](crate::decode).
    pub fn decode(&mut self, scale: Scale) -> Result<bool, MediaError> {
        self.forget();
        let Header { coded, scalable, .. } = self.header;
        let picture = self.header.picture(self.bytes);
        let Buffers { whole, space, .. } = &mut *self.buffers;
        if scale == Scale::Full {
            decode_into(self.bytes, &self.header, whole)?;
        } else if scalable {
            let started = guarded(|| jpeg::start(picture, coded, scale, space, whole));
            self.scan = match started {
                Ok(scan) => scan?,
                Err(message) => {
                    tracing::debug!(message, "not decoded at a scale: left to the other decoders");
                    None
                }
            };
            if self.scan.is_none() {
                return Ok(false);
            }
        } else {
            return Ok(false);
        }
        (self.scale, self.size) = (scale, scale.of(coded));
        Ok(true)
    }

    fn forget(&mut self) {
        self.size = Size { width: 0, height: 0 };
        if let Some(scan) = self.scan.take() {
            scan.close(&mut self.buffers.space);
        }
    }

    /// How much smaller than coded the whole picture is.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Whether [`Self::closer`] has more to show.
    #[must_use]
    pub fn has_closer(&self) -> bool {
        self.scan.is_some()
    }

    /// The whole picture.
    #[must_use]
    pub fn whole(&self) -> View<'_> {
        let eighths = u32::from(self.scale.samples());
        let side = |pixels: u32, coded: u32| {
            let covered = f64::from(pixels) * 8.0 / f64::from(eighths);
            narrow(covered / f64::from(coded.max(1)))
        };
        let shown = RelBox {
            left: 0.0,
            top: 0.0,
            right: side(self.size.width, self.header.coded.width),
            bottom: side(self.size.height, self.header.coded.height),
        };
        let len = index(self.size.width) * index(self.size.height) * 3;
        View { size: self.size, pixels: self.buffers.whole.get(..len).unwrap_or_default(), shown }
    }

    /// The part of the picture that covers `area` (relative to the coded picture), at another scale. More is shown than
    /// asked for: whole groups of blocks. `None` where [`Self::has_closer`] is false, or the area lies outside; and where scans
    /// of a progressive picture that the whole had no need of prove to be damaged.
    pub fn closer(&mut self, area: RelBox, scale: Scale) -> Option<View<'_>> {
        let scan = self.scan.as_mut()?;
        let Buffers { close, space, .. } = &mut *self.buffers;
        let px = area.to_px(self.header.coded);
        let behind = |edge: f32, most: u32| floor_u32(edge.max(0.0)).saturating_add(1).min(most);
        let area = Area {
            left: floor_u32(px.left.max(0.0)),
            top: floor_u32(px.top.max(0.0)),
            right: behind(px.right, self.header.coded.width),
            bottom: behind(px.bottom, self.header.coded.height),
        };
        let part = guarded(|| scan.part(area, scale, space, close));
        let (size, area) = part.ok()??;
        let step = 8 / u32::from(scale.samples());
        let right = area.left + size.width * step;
        let bottom = area.top + size.height * step;
        let relative = |pixels: u32, of: u32| narrow(f64::from(pixels) / f64::from(of.max(1)));
        let shown = RelBox {
            left: relative(area.left, self.header.coded.width),
            top: relative(area.top, self.header.coded.height),
            right: relative(right, self.header.coded.width),
            bottom: relative(bottom, self.header.coded.height),
        };
        let pixels = close.get(..index(size.width) * index(size.height) * 3)?;
        Some(View { size, pixels, shown })
    }
}

impl Drop for Decoding<'_> {
    fn drop(&mut self) {
        self.forget();
        for pixels in [&mut self.buffers.whole, &mut self.buffers.close] {
            if pixels.capacity() > KEEP {
                *pixels = Vec::new();
            }
        }
    }
}
