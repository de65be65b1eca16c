//! Two crews: the processor's, which can always work, and a card's, which takes many seconds until it can. Until then, and
//! while the card rests, the processor does the work; a photo now and then is the processor's in any case, as it is done before
//! a card would have begun. What a crew runs, and how, is its own business.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use vow_types::Lane;

use crate::caught::caught;
use crate::crew::{Announced, Crew, Item, Machine};
use crate::engine::Timed;
use crate::error::{InferError, chain};

/// A card whose memory others hold, or that failed, is left alone for so long.
const REST: Duration = Duration::from_secs(60);

/// What a card is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardState {
    /// Nothing is loaded there. The processor does what comes, until that is more than it has threads for.
    Asleep,
    /// It is being made ready, and the processor works meanwhile.
    Starting,
    /// It does all the work.
    Ready,
    /// Others hold its memory, or it failed, as the reason says. The processor works, and it is tried again after a while.
    Resting(String),
    /// It does not work, as the reason says, and is not tried again before the next start.
    GivenUp(String),
}

impl CardState {
    /// In a word, as programs read it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Asleep => "asleep",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Resting(_) => "resting",
            Self::GivenUp(_) => "given_up",
        }
    }
}

/// Until when a card is left alone, and why. Shared by all that can find out that it has to be.
#[derive(Default)]
pub(crate) struct Rest(Mutex<Option<(Instant, String)>>);

impl Rest {
    fn until(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        // It is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The card is tried again after a while. True when nobody said so before.
    fn begin(&self, reason: &str) -> bool {
        let was = self.until().replace((Instant::now() + REST, reason.to_owned()));
        was.is_none_or(|(until, _)| until <= Instant::now())
    }

    /// Why the card is left alone now, if it is.
    fn reason(&self) -> Option<String> {
        self.until().as_ref().filter(|(until, _)| Instant::now() < *until).map(|(_, reason)| reason.clone())
    }

    /// Others hold the card's memory: it is tried again after a while, and the processor works meanwhile.
    pub(crate) fn want_memory(&self, reason: &str) {
        if self.begin(reason) {
            tracing::warn!(
                reason,
                advice = "close other programs that use the graphics card, or see gpu_memory_mb",
                "the graphics card has too little free memory: the processor goes on, and the card is tried again after a minute"
            );
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.until().as_ref().is_some_and(|(until, _)| Instant::now() < *until)
    }
}

/// How a card's crew is had.
pub(crate) trait Hire<M: Machine>: Send + 'static {
    /// Whether the card can be used at all; what was given up stays so.
    fn is_usable(&self) -> bool;

    /// Starts the crew, which takes seconds. `None` when there is none now: why was said.
    fn hire(&mut self, is_closing: &AtomicBool) -> Option<Crew<M>>;
}

/// Those who work: the processor's crew, and a card's where there is a card.
pub(crate) struct Crews<M: Machine> {
    card: Option<Card<M>>,
    processor: Crew<M>,
}

struct Card<M: Machine> {
    state: Arc<State<M>>,
    /// Somebody would like to have the card. Closed when all is over.
    wishes: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct State<M: Machine> {
    crew: OnceLock<Crew<M>>,
    rest: Arc<Rest>,
    is_closing: AtomicBool,
    is_starting: AtomicBool,
    /// How often the card was tried to be made ready.
    attempts: Mutex<u64>,
    attempted: Condvar,
}

impl<M: Machine> State<M> {
    /// The card's crew, if it would begin at once.
    fn ready(&self) -> Option<&Crew<M>> {
        self.crew.get().filter(|crew| crew.is_ready() && !crew.machine().is_resting())
    }

    fn attempts(&self) -> MutexGuard<'_, u64> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the card made ready, if it can be.
    ///
    /// # Errors
    /// What a run of its networks fails with.
    fn attempt(&self, hire: &mut impl Hire<M>) -> Result<(), InferError> {
        let closing = || self.is_closing.load(Ordering::SeqCst);
        if self.rest.is_on() || closing() || !hire.is_usable() {
            return Ok(());
        }
        if self.crew.get().is_none()
            && let Some(crew) = hire.hire(&self.is_closing)
            && self.crew.set(crew).is_err()
        {
            tracing::debug!("a card's crew was hired twice");
        }
        let Some(crew) = self.crew.get() else { return Ok(()) };
        if closing() {
            // Whoever closed may not have seen it.
            crew.machine().hurry();
            return Ok(());
        }
        if crew.is_ready() {
            return Ok(());
        }
        let began = Instant::now();
        crew.warm_up()?;
        if !crew.machine().is_resting() {
            tracing::info!(elapsed = ?began.elapsed(), "the graphics card is ready");
        }
        Ok(())
    }

    fn tend(&self, mut hire: impl Hire<M>, wishes: &Receiver<()>) {
        while wishes.recv().is_ok() {
            self.is_starting.store(true, Ordering::SeqCst);
            let reason = match caught(|| self.attempt(&mut hire)) {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(chain(&error)),
                Err(message) => Some(format!("a bug: {message}")),
            };
            // Tried at once again, it would fail for as long as there is work.
            if let Some(reason) = reason
                && !self.is_closing.load(Ordering::SeqCst)
                && self.rest.begin(&reason)
            {
                tracing::error!(
                    reason,
                    "the graphics card could not be made ready: the processor goes on, and the card is tried again after a minute"
                );
            }
            self.is_starting.store(false, Ordering::SeqCst);
            *self.attempts() += 1;
            self.attempted.notify_all();
        }
    }
}

impl<M: Machine> Crews<M> {
    /// A processor and nothing else.
    pub(crate) fn new(processor: Crew<M>) -> Self {
        Self { card: None, processor }
    }

    /// A processor that works until a card does. Nothing is done with the card until there is work for it.
    pub(crate) fn with_card(
        processor: Crew<M>,
        rest: Arc<Rest>,
        hire: impl Hire<M>,
    ) -> Result<Self, InferError> {
        // One wish is as good as several.
        let (wishes, wished) = bounded(1);
        let state = Arc::new(State {
            crew: OnceLock::new(),
            rest,
            is_closing: AtomicBool::new(false),
            is_starting: AtomicBool::new(false),
            attempts: Mutex::new(0),
            attempted: Condvar::new(),
        });
        let tended = Arc::clone(&state);
        let thread = Builder::new().name("vow-card".to_owned()).spawn(move || tended.tend(hire, &wished));
        let thread = thread.map_err(|source| InferError::Thread { source })?;
        Ok(Self { card: Some(Card { state, wishes: Some(wishes), thread: Some(thread) }), processor })
    }

    /// What the processor runs.
    pub(crate) fn machine(&self) -> &M {
        self.processor.machine()
    }

    /// Who does what comes now.
    fn at_work(&self) -> &Crew<M> {
        let Some(card) = &self.card else { return &self.processor };
        if let Some(crew) = card.state.ready() {
            return crew;
        }
        // More photos at a time than it has threads: it is busy, and there may be many more.
        if self.processor.announced() > self.processor.stations() {
            card.wish();
        }
        &self.processor
    }

    /// Returns when the card is ready, or cannot be for now, at once where there is none; and whether it is ready.
    pub(crate) fn wait_for_card(&self) -> bool {
        let Some(Card { state, .. }) = &self.card else { return false };
        let before = *state.attempts();
        self.card.iter().for_each(Card::wish);
        let waited = state.attempted.wait_while(state.attempts(), |attempts| *attempts == before);
        drop(waited);
        state.ready().is_some()
    }

    /// What the card is doing, where there is one, as far as can be told from here.
    pub(crate) fn card(&self) -> Option<CardState> {
        let state = &self.card.as_ref()?.state;
        let rests = state.rest.reason().map(CardState::Resting);
        Some(rests.unwrap_or_else(|| {
            if state.ready().is_some() {
                CardState::Ready
            } else if state.is_starting.load(Ordering::SeqCst) {
                CardState::Starting
            } else {
                CardState::Asleep
            }
        }))
    }

    /// Says that a photo is being worked on, until what is given is dropped.
    pub(crate) fn announce(&self) -> (Announced<M>, Option<Announced<M>>) {
        let card = self.card.as_ref().and_then(|card| card.state.crew.get());
        (self.processor.announce(), card.map(Crew::announce))
    }

    /// [`Crew::ask`] of whoever does the work now.
    pub(crate) fn ask(
        &self,
        lane: Lane,
        asked: Instant,
        items: impl ExactSizeIterator<Item = Item<M::Work>>,
    ) -> Result<Vec<Timed<M::Answer>>, InferError> {
        self.at_work().ask(lane, asked, items)
    }

    /// Threads that have networks loaded.
    pub(crate) fn loaded(&self) -> usize {
        let card = self.card.as_ref().and_then(|card| card.state.crew.get());
        self.processor.loaded() + card.map_or(0, Crew::loaded)
    }
}

impl<M: Machine> Card<M> {
    fn wish(&self) {
        if let Some(wishes) = &self.wishes {
            // Full: it is wished for already.
            wishes.try_send(()).ok();
        }
    }
}

impl<M: Machine> Drop for Card<M> {
    fn drop(&mut self) {
        self.state.is_closing.store(true, Ordering::SeqCst);
        if let Some(crew) = self.state.crew.get() {
            crew.machine().hurry();
        }
        self.wishes = None;
        if let Some(thread) = self.thread.take() {
            // Its panics are caught.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
#[path = "relief_tests.rs"]
mod tests;
