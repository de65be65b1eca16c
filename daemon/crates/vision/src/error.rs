//! Why arithmetic on a picture or a tensor was refused. Only the shape of what comes in is judged here; what a failure
//! means for a photo is decided by whoever asked.

use vow_types::Size;

/// Each case names what was given and what would have been right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VisionError {
    /// A picture without pixels.
    #[error("a picture of {} x {} pixels has nothing to look at", .size.width, .size.height)]
    EmptyPicture {
        /// As given.
        size: Size,
    },
    /// The pixels are not `width * height * 3` bytes.
    #[error("a picture of {} x {} pixels needs {} bytes of RGB, but has {found}", .size.width, .size.height,
        u128::from(.size.pixels()) * 3)]
    PictureLength {
        /// As given.
        size: Size,
        /// Bytes given.
        found: usize,
    },
    /// A detector frame without area.
    #[error("a detector frame of {} x {} pixels has no room for a picture", .shape.width, .shape.height)]
    EmptyFrame {
        /// As given.
        shape: Size,
    },
    /// The picture could not be scaled.
    #[error("cannot scale a picture of {} x {} to {} x {}", .from.width, .from.height, .to.width, .to.height)]
    Resize {
        /// The picture, as coded.
        from: Size,
        /// The wanted size.
        to: Size,
        /// What the resizer said.
        #[source]
        source: ResizeFailure,
    },
    /// A detector frame that a level's stride does not divide into whole cells.
    #[error("a detector frame of {} x {} cannot be divided into cells of {stride} pixels; \
        both sides must be a multiple", .shape.width, .shape.height)]
    Stride {
        /// The frame.
        shape: Size,
        /// Pixels from one cell to the next.
        stride: u32,
    },
    /// A tensor of a detector's head with too few or too many numbers.
    #[error(
        "the detector's {tensor} of stride {stride} should hold {expected} numbers, but holds {found}; \
        is this the head that the pack names?"
    )]
    HeadLength {
        /// Which of the head's tensors.
        tensor: &'static str,
        /// Pixels from one cell to the next.
        stride: u32,
        /// Numbers for the frame's size.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// A crop without pixels, or larger than any embedder wants.
    #[error("a face crop of {size} pixels a side was asked for; 1 to {max} can be made")]
    CropSize {
        /// As asked.
        size: u32,
        /// The largest that can be made.
        max: u32,
    },
    /// No face can be stood upright by these landmarks.
    #[error("the face's landmarks cannot be aligned: {0}")]
    Landmarks(#[from] UnusableLandmarks),
}

/// What is wrong with five landmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableLandmarks {
    /// NaN or infinite.
    #[error("a coordinate is not a finite number")]
    NotFinite,
    /// All in one point, or arranged so that no turn and scale of a face comes near them.
    #[error("they do not span a face")]
    NoExtent,
    /// Millions of pixels away from the picture or from one another.
    #[error("they lie too far outside the picture")]
    TooFar,
}

/// The resizer's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResizeFailure {
    /// A buffer did not fit its picture.
    #[error(transparent)]
    Buffer(#[from] fast_image_resize::ImageBufferError),
    /// The room for it lies outside of the frame.
    #[error(transparent)]
    Room(#[from] fast_image_resize::CropBoxError),
    /// The operation was refused.
    #[error(transparent)]
    Operation(#[from] fast_image_resize::ResizeError),
}
