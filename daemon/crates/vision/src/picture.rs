//! A decoded picture as borrowed bytes. Where the bytes come from is the business of the decoder.

use vow_types::Size;
use vow_types::num::len_u64;

use crate::VisionError;

/// RGB8, rows from top to bottom without gaps, as coded: not turned by the orientation.
#[derive(Debug, Clone, Copy)]
pub struct PictureView<'a> {
    /// Width and height as coded; both at least 1.
    pub size: Size,
    /// `width * height * 3` bytes.
    pub pixels: &'a [u8],
}

impl<'a> PictureView<'a> {
    /// Checks that there are pixels, and as many as the size says.
    ///
    /// # Errors
    /// [`VisionError::EmptyPicture`] or [`VisionError::PictureLength`].
    pub fn new(size: Size, pixels: &'a [u8]) -> Result<Self, VisionError> {
        let view = Self { size, pixels };
        view.check()?;
        Ok(view)
    }

    /// What [`Self::new`] checks, for views that were put together by hand.
    pub(crate) fn check(self) -> Result<(), VisionError> {
        let Self { size, pixels } = self;
        if size.pixels() == 0 {
            return Err(VisionError::EmptyPicture { size });
        }
        if size.pixels().checked_mul(3) != Some(len_u64(pixels.len())) {
            return Err(VisionError::PictureLength { size, found: pixels.len() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pictures_pass() {
        let size = Size { width: 2, height: 3 };
        assert!(PictureView::new(size, &[0; 18]).is_ok());
        for length in [0, 17, 19] {
            let error = PictureView::new(size, &vec![0; length]).unwrap_err();
            assert_eq!(error, VisionError::PictureLength { size, found: length });
        }
        let empty = Size { width: 0, height: 3 };
        assert_eq!(PictureView::new(empty, &[]).unwrap_err(), VisionError::EmptyPicture { size: empty });
        let huge = Size { width: u32::MAX, height: u32::MAX };
        assert!(PictureView::new(huge, &[0; 3]).unwrap_err().to_string().contains("but has 3"));
    }
}
