//! The handle that the rest of the program asks for faces and embeddings. How networks get on a card is [`on_card`]'s.

mod on_card;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use vow_types::num::index;
use vow_types::{Detection, DetectorSpec, EmbedderSpec, Lane, Size};
use vow_vision::Framed;

use crate::crew::{self, Crew, Item, Machine as _, Rules};
use crate::detector::Detector;
use crate::embedder::Embedder;
use crate::error::{GraphError, InferError, Role};
use crate::machine::{Made, Networks, Trials, Work};
use crate::relief::{CardState, Crews, Rest};
use crate::runtime::{Provider, Runtime};
use crate::schedule::{Key, Roles, Waits, in_hand};
use crate::tuning::Tuning;
use on_card::OnCard;

/// How long a picture waits for company where batches gain something. A batch of a GPU takes about as long as a photo of
/// the backlog waits; who has just taken a photo should not notice.
pub(crate) const WAITS: Waits = Waits { live: Duration::from_millis(2), backlog: Duration::from_millis(12) };

/// Who is told what a card's trials found, to have it in [`Models::known`] at the next start.
pub type Learned = Arc<dyn Fn(Trials) + Send + Sync>;

/// The processor's networks are let go of after this time where there is a card, which does most.
const STAND_BY: Duration = Duration::from_secs(30);

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
    /// What the trials of these very graphs found earlier on this runtime and card ([`Self::learned`]): with it they are not
    /// tried again, which takes seconds there. Not looked at on the processor.
    pub known: Option<Trials>,
    /// Told what a card's trials found, once they were made; on a thread of the engine's.
    pub learned: Option<Learned>,
    /// For messages.
    pub pack_name: String,
    /// Where the pack was read from, for messages.
    pub pack_place: String,
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
    /// Time that inference threads spent on it: filling the input, running, reading the output. In a batch, its share;
    /// of several pictures, the sum.
    pub busy: Duration,
    /// From the call, the time in which no thread worked on it. Of several pictures, the shortest.
    pub waited: Duration,
}

/// Detector and embedder, running on threads of their own. A handle: clones share the threads, which end when the last
/// one is dropped.
#[derive(Clone)]
pub struct FaceEngine(Arc<Inner>);

struct Inner {
    crews: Crews<Networks>,
    /// What the card is asked through, where there is one or should be.
    card: Option<Provider>,
    threads: usize,
    /// Frames at once, of whoever works when there is much to do.
    batch: usize,
}

impl fmt::Debug for FaceEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaceEngine").field("shapes", &self.shapes()).finish_non_exhaustive()
    }
}

/// A photo that is being worked on; see [`FaceEngine::announce`].
#[must_use = "it holds only as long as this lives"]
pub struct Announced(
    #[allow(dead_code, reason = "held, never read")]
    (crew::Announced<Networks>, Option<crew::Announced<Networks>>),
);

impl fmt::Debug for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announced").finish_non_exhaustive()
    }
}

impl FaceEngine {
    /// Loads both networks for the processor and runs each once on made-up pictures, so that whatever is wrong with a pack is said
    /// here and not at the first photo. Every thread (at least one) has its own.
    ///
    /// On a GPU each network is there once, and takes many seconds until it can be used. So nothing is done there until the
    /// processor is busy with more photos than it has threads; it goes on until the GPU is ready, and again while the GPU's
    /// networks are unloaded or its memory is others'. A GPU that cannot take these networks is given up, with a warning.
    ///
    /// # Errors
    /// [`InferError::Pack`] when a network is not what the pack says or the runtime cannot load or run it.
    pub fn start(models: Models, runtime: &Runtime, tuning: &Tuning) -> Result<Self, InferError> {
        let began = Instant::now();
        let provider = runtime.provider();
        let has_card = provider != Provider::Cpu;
        let own = if has_card {
            let idle_after = tuning.idle_after.min(STAND_BY);
            Tuning { batch: Some(1), idle_after, ..tuning.clone() }
        } else {
            tuning.clone()
        };
        let broken = |(role, source)| refusal(&models, role, source);
        let (detector, embedder) = contracts(&models, runtime).map_err(broken)?;
        let on_card = if has_card { detector.network.most(tuning.batch(provider)) } else { 1 };
        let networks =
            Networks::new(detector, embedder, (runtime, Provider::Cpu), &own, None, &AtomicBool::new(false))
                .map_err(broken)?;
        let batch = on_card.max(networks.most(Role::Detector));
        let threads = networks.threads();
        // Several sessions of one thread do more than one session of several.
        let rules = rules(&networks, vec![Roles::All; threads], &own);
        let processor = Crew::start(networks, rules).map_err(|error| blame(error, &models))?;
        tracing::info!(
            pack = models.pack_name,
            runtime = runtime.name(),
            provider = %Provider::Cpu,
            threads,
            detector_batch = processor.machine().most(Role::Detector),
            embedder_batch = processor.machine().most(Role::Embedder),
            shapes = processor.machine().detector.shapes.len(),
            elapsed = ?began.elapsed(),
            "networks loaded"
        );
        let crews = if has_card {
            let rest = Arc::<Rest>::default();
            let hire = OnCard::new(models, runtime.clone(), tuning.clone(), Arc::clone(&rest));
            Crews::with_card(processor, rest, hire)?
        } else {
            Crews::new(processor)
        };
        let missed = runtime.info().providers_passed_over.into_iter().rev().find(|passed| passed.is_a_loss);
        let card = has_card.then_some(provider).or(missed.map(|passed| passed.provider));
        Ok(Self(Arc::new(Inner { crews, card, threads, batch })))
    }

    fn networks(&self) -> &Networks {
        self.0.crews.machine()
    }

    /// The frames that the detector takes: [`vow_vision::SHAPES`], or the only one of a graph of fixed size. Never
    /// empty. Where a runtime is slow at tall frames those are left out; a tall picture is then as large, and sooner
    /// done, in a square.
    #[must_use]
    pub fn shapes(&self) -> &[Size] {
        &self.networks().detector.shapes
    }

    /// The frame for a second look at faces that fill the picture: [`vow_vision::CLOSE_UP`], or the only frame of a
    /// graph of fixed size, to be filled no further than that.
    #[must_use]
    pub fn close_up(&self) -> Size {
        self.networks().detector.close_up
    }

    /// Threads that run the networks on the processor: as many as were asked for, or as fit the memory.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.0.threads
    }

    /// Photos to be worked on at the same time so that no network waits for its next batch.
    #[must_use]
    pub fn wants_in_flight(&self) -> usize {
        in_hand(self.0.batch, self.0.threads)
    }

    /// Has a GPU made ready now, and returns whether it is: `false` when it was given up or has too little memory, and at once
    /// where there is none. Nobody has to wait for it: until then the processor works.
    #[must_use]
    pub fn wait_for_card(&self) -> bool {
        self.0.crews.wait_for_card()
    }

    /// What the graphics card is asked through and what it is doing: given up, where one was asked for or found and did not start;
    /// `None` where nothing is known of one.
    #[must_use]
    pub fn card(&self) -> Option<(Provider, CardState)> {
        let provider = self.0.card?;
        let given_up = self.networks().card_given_up(provider).map(CardState::GivenUp);
        Some((provider, given_up.or_else(|| self.0.crews.card())?))
    }

    /// Threads that have their networks loaded; none when they have been idle for long.
    #[must_use]
    pub fn loaded(&self) -> usize {
        self.0.crews.loaded()
    }

    /// Says that a photo is being worked on which may bring frames and faces, until what is returned is dropped. Batches
    /// wait a little for those; where all who announced themselves wait for an answer, nothing else can come, and they
    /// are run at once.
    pub fn announce(&self) -> Announced {
        Announced(self.0.crews.announce())
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
        lane: Lane,
    ) -> Result<Timed<Vec<Detection>>, InferError> {
        let Timed { mut value, busy, waited } = self.detect_all(vec![framed.into()], lane)?;
        Ok(Timed { value: value.pop().ok_or(InferError::Stopped)?, busy, waited })
    }

    /// As [`Self::detect`] for several frames, which are asked for together: on a GPU they share a batch, on the processor they
    /// are spread over the threads. The answers are in the order of the frames.
    ///
    /// # Errors
    /// When a frame is none that the detector takes (nothing is run then), or the network fails on one of them.
    pub fn detect_all(
        &self,
        frames: Vec<Arc<Framed>>,
        lane: Lane,
    ) -> Result<Timed<Vec<Vec<Detection>>>, InferError> {
        let asked = Instant::now();
        frames.iter().try_for_each(|framed| self.check_frame(framed))?;
        let items = frames.into_iter().map(|framed| {
            let (size, bytes) = (framed.shape, framed.pixels.len());
            Item { key: Key { role: Role::Detector, size }, work: Work::Frame(framed), bytes }
        });
        gathered(self.0.crews.ask(lane, asked, items)?, |made| match made {
            Made::Faces(faces) => Some(faces),
            Made::Vector(_) => None,
        })
    }

    /// Embeds aligned crops, each RGB8 of the pack's side. The vectors are the network's own, not normalised, in the
    /// order of the crops. The crops of one call are spread over the threads, and batched with those of others.
    ///
    /// # Errors
    /// When a crop has another size (nothing is run then), or the network fails on one of them.
    pub fn embed(&self, crops: Vec<Vec<u8>>, lane: Lane) -> Result<Timed<Vec<Vec<f32>>>, InferError> {
        let asked = Instant::now();
        self.check_crops(&crops)?;
        let key = Key { role: Role::Embedder, size: self.networks().embedder.size() };
        let items = crops.into_iter().map(|crop| {
            let bytes = crop.len();
            Item { key, work: Work::Crop(crop), bytes }
        });
        gathered(self.0.crews.ask(lane, asked, items)?, |made| match made {
            Made::Vector(vector) => Some(vector),
            Made::Faces(_) => None,
        })
    }

    fn check_frame(&self, framed: &Framed) -> Result<(), InferError> {
        let shape = framed.shape;
        if !self.shapes().contains(&shape) && shape != self.close_up() {
            let shapes = self.shapes().iter().copied().chain([self.close_up()]).collect();
            return Err(InferError::Shape { shape, shapes });
        }
        let (expected, found) = (rgb_bytes(shape), framed.pixels.len());
        if expected == found { Ok(()) } else { Err(InferError::FrameLength { shape, expected, found }) }
    }

    fn check_crops(&self, crops: &[Vec<u8>]) -> Result<(), InferError> {
        let size = self.networks().embedder.size();
        let (side, expected) = (size.width, rgb_bytes(size));
        match crops.iter().enumerate().find(|(_, crop)| crop.len() != expected) {
            Some((number, crop)) => Err(InferError::CropLength { number, side, expected, found: crop.len() }),
            None => Ok(()),
        }
    }
}

/// Both networks, held to what the pack says of them.
fn contracts(models: &Models, runtime: &Runtime) -> Result<(Detector, Embedder), (Role, GraphError)> {
    let detector = Detector::new(models.detector, models.detector_graph.clone(), runtime);
    let embedder = Embedder::new(models.embedder, models.embedder_graph.clone(), runtime);
    Ok((
        detector.map_err(|error| (Role::Detector, error))?,
        embedder.map_err(|error| (Role::Embedder, error))?,
    ))
}

fn rules(networks: &Networks, stations: Vec<Roles>, tuning: &Tuning) -> Rules {
    let at_once = networks.most(Role::Detector).max(networks.most(Role::Embedder));
    let most_bytes = 2 * tuning.threads.max(1) * at_once * rgb_bytes(networks.detector.largest());
    Rules { stations, waits: WAITS, idle_after: tuning.idle_after, most_bytes }
}

/// The answers of one call as one: their work added up, and the shortest wait.
fn gathered<T>(
    answers: Vec<Timed<Made>>,
    mut of: impl FnMut(Made) -> Option<T>,
) -> Result<Timed<Vec<T>>, InferError> {
    let waited = answers.iter().map(|answer| answer.waited).min().unwrap_or_default();
    let busy = answers.iter().map(|answer| answer.busy).sum();
    let value = answers.into_iter().map(|answer| of(answer.value).ok_or(InferError::Stopped));
    Ok(Timed { value: value.collect::<Result<_, _>>()?, busy, waited })
}

/// What fails while a pack is started is the pack's fault.
fn blame(error: InferError, models: &Models) -> InferError {
    let (role, source) = match error {
        InferError::Run { role, source } => (role, source),
        InferError::Panicked { role, message } => (role, GraphError::Panicked { message }),
        other => return other,
    };
    refusal(models, role, source)
}

fn refusal(models: &Models, role: Role, source: GraphError) -> InferError {
    InferError::Pack { pack: models.pack_name.clone(), place: models.pack_place.clone(), role, source }
}

/// Of a picture of this size, which a network takes and which therefore fits into memory.
fn rgb_bytes(size: Size) -> usize {
    3 * index(size.width) * index(size.height)
}
