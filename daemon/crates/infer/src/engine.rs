//! The handle that the rest of the program asks for faces and embeddings.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vow_types::num::index;
use vow_types::{Detection, DetectorSpec, EmbedderSpec, Lane, Size};
use vow_vision::Framed;

use crate::detector::{Detector, DetectorModel};
use crate::embedder::{Embedder, EmbedderModel};
use crate::error::{GraphError, InferError, Role};
use crate::pool::Pool;
use crate::runtime::Runtime;

/// The two networks of a pack, as files and as the pack describes them.
#[derive(Clone)]
pub struct Models {
    /// How the detector is fed and read.
    pub detector: DetectorSpec,
    /// The detector's ONNX file.
    pub detector_graph: Vec<u8>,
    /// How the embedder is fed and read.
    pub embedder: EmbedderSpec,
    /// The embedder's ONNX file.
    pub embedder_graph: Vec<u8>,
    /// The detector in half precision, with the same inputs and outputs (only the inside is `f16`). Used on GPUs, where
    /// what it gives agrees with [`Self::detector_graph`].
    pub detector_half: Option<Vec<u8>>,
    /// The embedder in half precision; as [`Self::detector_half`].
    pub embedder_half: Option<Vec<u8>>,
    /// For messages.
    pub pack_name: String,
}

impl fmt::Debug for Models {
    /// Without the megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models")
            .field("pack_name", &self.pack_name)
            .field("detector", &self.detector)
            .field("embedder", &self.embedder)
            .finish_non_exhaustive()
    }
}

/// A value, and where its time went.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed<T> {
    /// The answer.
    pub value: T,
    /// Time that inference threads spent on it: filling the input, running, reading the output. The sum where several
    /// threads shared the work.
    pub busy: Duration,
    /// From the call until a thread began to work on it.
    pub waited: Duration,
}

/// Detector and embedder, running on threads of their own. A handle: clones share the threads, which end when the last
/// one is dropped.
#[derive(Clone)]
pub struct FaceEngine(Arc<Inner>);

struct Inner {
    shapes: Vec<Size>,
    close_up: Size,
    crop_side: u32,
    pool: Pool<Worker>,
}

impl fmt::Debug for FaceEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaceEngine").field("shapes", &self.0.shapes).finish_non_exhaustive()
    }
}

/// What one thread owns.
struct Worker {
    detector: Detector,
    embedder: Embedder,
}

impl FaceEngine {
    /// Loads both networks on every thread (at least one) and runs each once, so that whatever is wrong with a pack is
    /// said here and not at the first photo.
    ///
    /// # Errors
    /// [`InferError::Pack`] when a network is not what the pack says or the runtime cannot load or run it.
    pub fn start(models: Models, runtime: &Runtime, threads: usize) -> Result<Self, InferError> {
        let Models { detector, detector_graph, embedder, embedder_graph, pack_name, .. } = models;
        let began = Instant::now();
        let broken = |role| {
            let pack = pack_name.clone();
            move |source: GraphError| InferError::Pack { pack: pack.clone(), role, source }
        };
        let (no_detector, no_embedder) = (broken(Role::Detector), broken(Role::Embedder));
        let crop_side = embedder.size;
        let detector = DetectorModel::new(detector, detector_graph, runtime).map_err(&no_detector)?;
        let embedder = EmbedderModel::new(embedder, embedder_graph, runtime).map_err(&no_embedder)?;
        let (shapes, close_up) = (detector.shapes.clone(), detector.close_up);
        let pool = Pool::start(threads, move || {
            let detector = detector.open().map_err(&no_detector)?;
            let embedder = embedder.open().map_err(&no_embedder)?;
            Ok(Worker { detector, embedder })
        })?;
        let engine = Self(Arc::new(Inner { shapes, close_up, crop_side, pool }));
        engine.warm_up().map_err(|error| {
            let (role, source) = match error {
                InferError::Run { role, source } => (role, source),
                InferError::Panicked { role, message } => (role, GraphError::Panicked { message }),
                other => return other,
            };
            InferError::Pack { pack: pack_name.clone(), role, source }
        })?;
        tracing::info!(
            pack = pack_name,
            runtime = runtime.name(),
            threads = threads.max(1),
            shapes = engine.shapes().len(),
            elapsed = ?began.elapsed(),
            "networks loaded"
        );
        Ok(engine)
    }

    /// The frames that the detector takes: [`vow_vision::SHAPES`], or the only one of a graph of fixed size. Never
    /// empty. Where a runtime is slow at tall frames those are left out; a tall picture is then as large, and sooner
    /// done, in a square.
    #[must_use]
    pub fn shapes(&self) -> &[Size] {
        &self.0.shapes
    }

    /// The frame for a second look at faces that fill the picture: [`vow_vision::CLOSE_UP`], or the only frame of a
    /// graph of fixed size, to be filled no further than that.
    #[must_use]
    pub fn close_up(&self) -> Size {
        self.0.close_up
    }

    /// Finds the faces of a framed picture, the surest first, relative to the upright picture. Waits for the answer;
    /// call it from as many threads as shall be answered at the same time.
    ///
    /// # Errors
    /// When the frame is neither one of [`Self::shapes`] nor [`Self::close_up`], or the network fails. An error
    /// concerns this frame only.
    pub fn detect(
        &self,
        framed: impl Into<Arc<Framed>>,
        _lane: Lane,
    ) -> Result<Timed<Vec<Detection>>, InferError> {
        let asked = Instant::now();
        let framed = framed.into();
        self.check_frame(&framed)?;
        let pending = self.0.pool.submit(Role::Detector, asked, move |worker: &mut Worker| {
            worker.detector.detect(&framed).map_err(|source| InferError::Run { role: Role::Detector, source })
        })?;
        let answer = pending.wait()?;
        Ok(Timed { value: answer.value?, busy: answer.busy, waited: answer.waited })
    }

    /// Embeds aligned crops, each RGB8 of the pack's side. The vectors are the network's own, not normalised, in the
    /// order of the crops. The crops of one call are spread over the threads.
    ///
    /// # Errors
    /// When a crop has another size (nothing is run then), or the network fails on one of them.
    pub fn embed(&self, crops: Vec<Vec<u8>>, _lane: Lane) -> Result<Timed<Vec<Vec<f32>>>, InferError> {
        let asked = Instant::now();
        self.check_crops(&crops)?;
        let pending = crops
            .into_iter()
            .map(|crop| {
                self.0.pool.submit(Role::Embedder, asked, move |worker: &mut Worker| {
                    worker
                        .embedder
                        .embed(&crop)
                        .map_err(|source| InferError::Run { role: Role::Embedder, source })
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut all =
            Timed { value: Vec::with_capacity(pending.len()), busy: Duration::ZERO, waited: Duration::MAX };
        for answer in pending {
            let answer = answer.wait()?;
            all.value.push(answer.value?);
            all.busy += answer.busy;
            all.waited = all.waited.min(answer.waited);
        }
        if all.value.is_empty() {
            all.waited = Duration::ZERO;
        }
        Ok(all)
    }

    /// One run of each network over black, at the smallest frame.
    fn warm_up(&self) -> Result<(), InferError> {
        if let Some(shape) = self.shapes().iter().copied().min_by_key(|shape| shape.pixels()) {
            let pixels = vec![0; rgb_bytes(shape)];
            self.detect(Framed { shape, pixels, fitted: shape }, Lane::Live)?;
        }
        let crop = Size { width: self.0.crop_side, height: self.0.crop_side };
        self.embed(vec![vec![0; rgb_bytes(crop)]], Lane::Live)?;
        Ok(())
    }

    fn check_frame(&self, framed: &Framed) -> Result<(), InferError> {
        let shape = framed.shape;
        if !self.0.shapes.contains(&shape) && shape != self.0.close_up {
            let shapes = self.0.shapes.iter().copied().chain([self.0.close_up]).collect();
            return Err(InferError::Shape { shape, shapes });
        }
        let (expected, found) = (rgb_bytes(shape), framed.pixels.len());
        if expected == found { Ok(()) } else { Err(InferError::FrameLength { shape, expected, found }) }
    }

    fn check_crops(&self, crops: &[Vec<u8>]) -> Result<(), InferError> {
        let side = self.0.crop_side;
        let expected = rgb_bytes(Size { width: side, height: side });
        match crops.iter().enumerate().find(|(_, crop)| crop.len() != expected) {
            Some((number, crop)) => Err(InferError::CropLength { number, side, expected, found: crop.len() }),
            None => Ok(()),
        }
    }
}

/// Of a picture of this size, which a network takes and which therefore fits into memory.
fn rgb_bytes(size: Size) -> usize {
    3 * index(size.width) * index(size.height)
}
