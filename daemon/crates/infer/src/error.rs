//! Everything that can go wrong between a pack and an embedding, one variant for each cause.
//!
//! Three layers: [`LibraryError`] is about a file that should be ONNX Runtime, [`GraphError`] about one network, and
//! [`InferError`] says whose network or library it was. What a failure means for a photo is decided by the caller.

use std::fmt;
use std::path::PathBuf;

use vow_types::{Head, Size};
use vow_vision::VisionError;

/// What a runtime said; the chain below it is kept.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What a network of a pack is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Finds faces in a picture.
    Detector,
    /// Turns a face into a vector.
    Embedder,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Detector => "detector",
            Self::Embedder => "embedder",
        })
    }
}

/// Why inference did not start, or gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// A library was asked for by name and cannot be used.
    #[error(
        "`{}` ({named_by}) cannot be used as the inference runtime; name a libonnxruntime.so of version 1.{} or newer, \
         or choose `tract`", .path.display(), ort::MINOR_VERSION
    )]
    Library {
        /// The library.
        path: PathBuf,
        /// Who asked for it.
        named_by: &'static str,
        /// What is wrong with it.
        #[source]
        source: LibraryError,
    },
    /// A network of the pack does not fit what the pack says of it, or the runtime cannot load it.
    #[error("the {role} of pack `{pack}` cannot be used (`{role}.file` in the pack.toml of {place})")]
    Pack {
        /// The pack's name.
        pack: String,
        /// Where it was read from.
        place: String,
        /// Which of its networks.
        role: Role,
        /// What is wrong with it.
        #[source]
        source: GraphError,
    },
    /// A network that worked before failed on this input.
    #[error("the {role} failed")]
    Run {
        /// Which network.
        role: Role,
        /// How it failed.
        #[source]
        source: GraphError,
    },
    /// The code that runs a network panicked. The thread goes on with a network that is loaded anew.
    #[error("the {role} panicked: {message}; the network is loaded anew for the next picture")]
    Panicked {
        /// Which network.
        role: Role,
        /// The panic's own words.
        message: String,
    },
    /// A frame whose size is neither one of [`crate::FaceEngine::shapes`] nor [`crate::FaceEngine::close_up`].
    #[error("the detector takes no frame of {} x {} pixels, only {}", .shape.width, .shape.height, sizes(.shapes))]
    Shape {
        /// As given.
        shape: Size,
        /// Those that it takes.
        shapes: Vec<Size>,
    },
    /// A frame with too few or too many pixels for its size.
    #[error("a frame of {} x {} pixels has {found} bytes instead of {expected}", .shape.width, .shape.height)]
    FrameLength {
        /// The frame's size.
        shape: Size,
        /// Bytes for that size: three a pixel.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// A crop of another size than the embedder takes.
    #[error(
        "face crop number {number} has {found} bytes; the embedder takes {side} x {side} pixels, {expected} bytes"
    )]
    CropLength {
        /// Place in the list, from 0.
        number: usize,
        /// The side that the embedder takes, in pixels.
        side: u32,
        /// Bytes for that side: three a pixel.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The system gave no thread.
    #[error(
        "an inference thread could not be started; fewer threads or a higher limit of processes may help"
    )]
    Thread {
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The inference threads have ended.
    #[error("the inference threads have ended")]
    Stopped,
}

/// Why a file cannot serve as ONNX Runtime.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The system's loader refuses it: missing, another architecture, a library that it needs is missing.
    #[error("it cannot be loaded")]
    Load {
        /// The loader's words.
        #[source]
        source: Cause,
    },
    /// A library, but another one.
    #[error("it is not ONNX Runtime: {what}")]
    Foreign {
        /// What gave it away.
        what: String,
    },
    /// An ONNX Runtime that does not speak our version of its interface.
    #[error(
        "it is ONNX Runtime {found}, which is not supported; 1.{} or a newer 1.x is needed",
        ort::MINOR_VERSION
    )]
    Version {
        /// As it says itself.
        found: String,
    },
    /// A process can load one library only, and has loaded another.
    #[error("this process already uses `{}`; restart to change", .running.display())]
    Other {
        /// The one in use.
        running: PathBuf,
    },
    /// It loads, but gives no environment to run networks in.
    #[error("it does not start: {reason}")]
    Start {
        /// Its own words.
        reason: String,
    },
}

/// What is wrong with one network of a pack.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The bytes are no protocol buffer of the ONNX kind.
    #[error(
        "it is not an ONNX graph, or only the beginning of one; install the pack again, or put the right file in its place"
    )]
    NotOnnx {
        /// Where reading stopped.
        #[source]
        source: Cause,
    },
    /// A part of the graph is not there.
    #[error(
        "it is not an ONNX graph that can be run: {what}; if it was cut off, install the pack again, otherwise export it anew"
    )]
    Cut {
        /// What is missing.
        what: String,
    },
    /// Something every network needs is not there.
    #[error("it is not an ONNX graph that can be run: {what}")]
    Incomplete {
        /// What is missing.
        what: String,
    },
    /// The weights lie in a second file.
    #[error("it keeps weights in another file (`{tensor}`); export it as a single file")]
    ExternalData {
        /// The first such tensor.
        tensor: String,
    },
    /// Not exactly one input.
    #[error("it has the inputs {found:?}; a face network has one")]
    Inputs {
        /// Their names.
        found: Vec<String>,
    },
    /// An input of other numbers than `f32` or `u8`.
    #[error("its input `{input}` takes {found}; 32-bit floats or bytes are needed")]
    InputType {
        /// The input's name.
        input: String,
        /// The ONNX name of its element type.
        found: String,
    },
    /// An input that is not pictures, in planes or rows.
    #[error("its input `{input}` has the shape {found}; {expected} is needed")]
    InputShape {
        /// The input's name.
        input: String,
        /// Dimensions, `?` for an open one.
        found: String,
        /// What would do.
        expected: String,
    },
    /// The outputs are not those of the head that the pack names.
    #[error("it has the outputs {found:?}; expected for the head `{}`: {expected}", head_name(*.head))]
    Outputs {
        /// Their names.
        found: Vec<String>,
        /// The pack's word.
        head: Head,
        /// What would do.
        expected: &'static str,
    },
    /// Not exactly one output where one vector is wanted.
    #[error("it has the outputs {found:?}; an embedder has one")]
    OneOutput {
        /// Their names.
        found: Vec<String>,
    },
    /// The vector is longer or shorter than the pack says.
    #[error("it gives vectors of {found} numbers, the pack says {expected}")]
    Dimension {
        /// The pack's word.
        expected: u32,
        /// As measured.
        found: usize,
    },
    /// It gave, for several pictures at once, something that cannot be split among them.
    #[error("for {pictures} pictures at once it gives a tensor of the shape {found:?}")]
    Batch {
        /// Pictures given.
        pictures: usize,
        /// Dimensions of the output.
        found: Vec<usize>,
    },
    /// The runtime refuses it.
    #[error("{runtime} cannot load it")]
    Load {
        /// Which runtime.
        runtime: &'static str,
        /// Its reason.
        #[source]
        source: Cause,
    },
    /// The runtime failed while running it.
    #[error("{runtime} cannot run it")]
    Run {
        /// Which runtime.
        runtime: &'static str,
        /// Its reason.
        #[source]
        source: Cause,
    },
    /// The runtime panicked over it.
    #[error("the runtime panicked over it: {message}")]
    Panicked {
        /// The panic's own words.
        message: String,
    },
    /// What it computes can be used for nothing.
    #[error(
        "it gives {found} for a made-up picture, so its weights are damaged or were exported wrongly; install the pack again, \
         or export the file anew"
    )]
    Useless {
        /// What came out.
        found: &'static str,
    },
    /// Its output cannot be read as faces.
    #[error("its output cannot be read")]
    Decode {
        /// Which tensor, and why.
        #[source]
        source: VisionError,
    },
}

/// What runtimes and their devices say when memory is short.
const MEMORY_WORDS: [&str; 11] = [
    "out of memory",
    "OUT_OF_MEMORY",
    "OutOfMemory",
    "Failed to allocate memory",
    "failed to allocate memory",
    "ALLOC_FAILED",
    "ALLOCATION_FAILED",
    "bad_alloc",
    "bad allocation",
    "not enough memory",
    // Where the limit that was set is reached (`BFCArena`).
    "is smaller than requested bytes",
];

impl GraphError {
    /// Whether a smaller batch might do: the memory was too little, the processor's or the device's.
    pub(crate) fn is_memory(&self) -> bool {
        let (Self::Run { .. } | Self::Load { .. }) = self else { return false };
        is_of_memory(&chain(self))
    }

    /// Whether it is what runs the network that failed, and not what the network gave.
    pub(crate) fn is_the_runtimes(&self) -> bool {
        matches!(self, Self::Run { .. } | Self::Load { .. } | Self::Panicked { .. })
    }
}

/// Whether a runtime's words say that memory was short.
pub(crate) fn is_of_memory(text: &str) -> bool {
    MEMORY_WORDS.iter().any(|words| text.contains(words))
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// As a pack writes it.
fn head_name(head: Head) -> &'static str {
    match head {
        Head::Scrfd => "scrfd",
        Head::Yunet => "yunet",
    }
}

fn sizes(shapes: &[Size]) -> String {
    shapes.iter().map(|s| format!("{} x {}", s.width, s.height)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_memory_is_known_by_its_words() {
        let run = |text: &str| GraphError::Run { runtime: "ONNX Runtime", source: text.to_owned().into() };
        for text in [
            "Non-zero status code returned while running Conv node. Status Message: Failed to allocate memory for \
             requested buffer of size 1073741824",
            "CUDA failure 2: out of memory ; GPU=0 ; hostname=host ; expr=cudaMalloc((void**)&p, size);",
            "CUDNN failure 4002: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0",
            "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED",
            "std::bad_alloc",
        ] {
            assert!(run(text).is_memory(), "{text}");
        }
        assert!(!run("Invalid rank for input: input Got: 4 Expected: 3").is_memory());
        assert!(!GraphError::NotOnnx { source: "out of memory".into() }.is_memory());
    }
}
