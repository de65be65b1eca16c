//! Fits a picture into a detector's frame: scaled once from the coded picture straight to its final size, then turned
//! upright while it is small. Never squeezed: width and height keep their ratio up to half a pixel.

use fast_image_resize::images::{TypedCroppedImageMut, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use vow_types::num::index;
use vow_types::{Detection, Landmarks, Orientation, PxPoint, RelBox, RelPoint, Size};

use crate::error::ResizeFailure;
use crate::turn::turn_into;
use crate::{Found, PictureView, VisionError};

/// The frames that detectors are run at, in pixels: one for each common aspect ratio, sides multiples of 32, none
/// longer than 640. A landscape photo in a square would waste a third of the detector's time on black.
pub const SHAPES: [Size; 7] = [
    Size { width: 640, height: 640 },
    Size { width: 640, height: 480 },
    Size { width: 480, height: 640 },
    Size { width: 640, height: 448 },
    Size { width: 448, height: 640 },
    Size { width: 640, height: 384 },
    Size { width: 384, height: 640 },
];

/// The frame of a second look for faces that fill the picture: detectors are trained on faces up to about half the
/// frame and find none that is larger. (SCRFD-2.5G finds 0 of 50 tight portraits at 640 and 50 of 50 at 256.)
pub const CLOSE_UP: Size = Size { width: 256, height: 256 };

/// The shape in which a picture of this upright size becomes largest; of several, the one with the least area.
/// `None` when there is no shape with an area, or no picture.
#[must_use]
pub fn choose_shape(upright: Size, shapes: &[Size]) -> Option<Size> {
    shapes
        .iter()
        .filter(|shape| shape.pixels() > 0 && upright.pixels() > 0)
        .min_by_key(|shape| (std::cmp::Reverse(fit(upright, **shape).pixels()), shape.pixels()))
        .copied()
}

/// A picture in a detector's frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framed {
    /// Size of the frame.
    pub shape: Size,
    /// RGB8, `shape.width * shape.height * 3` bytes; the picture is upright and in the top left corner, the rest black.
    pub pixels: Vec<u8>,
    /// The part of the frame that is picture, from the top left corner; at least 1 x 1.
    pub fitted: Size,
}

impl Framed {
    /// From pixels of the frame to relative coordinates of the upright picture. `fitted` is whole pixels, so the scale
    /// may differ a little between x and y.
    #[must_use]
    pub fn to_relative(&self, px: PxPoint) -> RelPoint {
        px.to_rel(self.fitted)
    }

    /// A find in this frame as a detection relative to the upright picture.
    #[must_use]
    pub fn detection(&self, found: &Found) -> Detection {
        let bbox: RelBox = found.bbox.to_rel(self.fitted);
        let landmarks = Landmarks(found.landmarks.map(|point| self.to_relative(point)));
        Detection { bbox, landmarks, score: found.score }
    }
}

impl Framed {
    /// The picture in the frame without the rest: RGB8, `fitted.width * fitted.height * 3` bytes. Framed again with an
    /// orientation it is turned without the large picture being touched.
    #[must_use]
    pub fn picture(&self) -> Vec<u8> {
        let rows = self.pixels.chunks_exact(index(self.shape.width.max(1)) * 3);
        let width = index(self.fitted.width) * 3;
        rows.take(index(self.fitted.height))
            .flat_map(|row| row.get(..width).unwrap_or_default())
            .copied()
            .collect()
    }
}

/// Puts a picture into a frame of this shape. Scaled with a triangle filter as wide as the scale asks for (bilinear
/// with antialiasing); a picture smaller than the frame is scaled up to fill it.
///
/// # Errors
/// When the picture has no pixels or not as many as its size says, or the frame has no area.
pub fn frame(picture: PictureView<'_>, orientation: Orientation, shape: Size) -> Result<Framed, VisionError> {
    frame_within(picture, orientation, shape, shape)
}

/// As [`frame`], but the picture takes no more of the frame than `room`, from the top left corner.
///
/// # Errors
/// As [`frame`]; room without an area is a frame without one.
pub fn frame_within(
    picture: PictureView<'_>,
    orientation: Orientation,
    shape: Size,
    room: Size,
) -> Result<Framed, VisionError> {
    picture.check()?;
    put(picture, None, orientation, (shape, room))
}

/// Some of a picture as coded, in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Pixels to the left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Its size.
    pub size: Size,
}

/// As [`frame`], of a part of the picture alone, without a copy of it.
///
/// # Errors
/// As [`frame`], and when the part reaches out of the picture or has no area.
pub fn frame_part(
    picture: PictureView<'_>,
    part: Part,
    orientation: Orientation,
    shape: Size,
) -> Result<Framed, VisionError> {
    picture.check()?;
    if part.size.pixels() == 0 {
        return Err(VisionError::EmptyPicture { size: part.size });
    }
    put(picture, Some(part), orientation, (shape, shape))
}

fn put(
    picture: PictureView<'_>,
    part: Option<Part>,
    orientation: Orientation,
    (shape, room): (Size, Size),
) -> Result<Framed, VisionError> {
    let room = room.within(shape);
    if room.pixels() == 0 {
        return Err(VisionError::EmptyFrame { shape });
    }
    let fitted = fit(orientation.upright_size(part.map_or(picture.size, |part| part.size)), room);
    let coded = orientation.upright_size(fitted);
    let failed = |source| VisionError::Resize { from: picture.size, to: coded, source };
    let black = |size: Size| vec![0; index(size.width) * index(size.height) * 3];
    let pixels = if orientation == Orientation::Upright {
        let mut pixels = black(shape);
        resize(picture, part, coded, (&mut pixels, shape)).map_err(failed)?;
        pixels
    } else {
        let mut small = black(coded);
        resize(picture, part, coded, (&mut small, coded)).map_err(failed)?;
        let mut pixels = black(shape);
        turn_into(&small, coded, orientation, &mut pixels, shape.width);
        pixels
    };
    Ok(Framed { shape, pixels, fitted })
}

/// The largest size with the picture's aspect ratio that the shape holds, rounded to whole pixels, at least 1 x 1.
fn fit(picture: Size, shape: Size) -> Size {
    let (pw, ph) = (u64::from(picture.width), u64::from(picture.height));
    let (sw, sh) = (u64::from(shape.width), u64::from(shape.height));
    // `side * along / of`, rounded to the nearest; never above `most`.
    let scaled = |side: u64, along: u64, of: u64, most: u32| {
        let of = u128::from(of.max(1));
        let exact = u128::from(side) * u128::from(along);
        u32::try_from((exact + of / 2) / of).unwrap_or(most).clamp(1, most.max(1))
    };
    if sw * ph <= sh * pw {
        Size { width: shape.width, height: scaled(ph, sw, pw, shape.height) }
    } else {
        Size { width: scaled(pw, sh, ph, shape.width), height: shape.height }
    }
}

/// The coded picture, or a part of it, at another size, RGB8: into the top left corner of pixels that have this size.
fn resize(
    picture: PictureView<'_>,
    part: Option<Part>,
    to: Size,
    (pixels, room): (&mut [u8], Size),
) -> Result<(), ResizeFailure> {
    let Size { width, height } = picture.size;
    // Typed views: the untyped call would build the resizer for all thirteen kinds of pixels.
    let source = TypedImageRef::<U8x3>::from_buffer(width, height, picture.pixels)?;
    let whole = TypedImage::<U8x3>::from_buffer(room.width, room.height, pixels)?;
    let mut target = TypedCroppedImageMut::new(whole, 0, 0, to.width, to.height)?;
    let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    if let Some(Part { left, top, size }) = part {
        options = options.crop(left.into(), top.into(), size.width.into(), size.height.into());
    }
    Ok(Resizer::new().resize_typed(&source, &mut target, &options)?)
}

#[cfg(test)]
mod tests;
