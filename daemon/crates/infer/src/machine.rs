//! What the crew runs: the two networks of a pack. How a batch is run and read, and where the networks are loaded; how it is put
//! together is in [`gather`], what happens when a GPU gives out in [`rescue`].

mod gather;
mod rescue;
mod room;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vow_types::num::index;
use vow_types::{Detection, Size};
use vow_vision::Framed;

use crate::crew::{Item, Machine};
use crate::detector::Detector;
use crate::drawn;
use crate::embedder::Embedder;
use crate::error::{GraphError, InferError, Role};
use crate::net::{Feed, Net, PinnedMemory, split, taken_at_once};
use crate::network::{Network, Tried};
use crate::relief::Rest;
use crate::runtime::session::Place;
use crate::runtime::{Provider, Runtime};
use crate::schedule::{Key, Roles};
use crate::settle::Trouble;
use crate::tuning::Tuning;
pub(crate) use gather::Input;
use gather::{gather_pinned, gather_plain, numbers};

/// A thread that reads the detector's outputs takes at least so many frames: fewer are read sooner than it starts.
const FRAMES_A_READER: usize = 4;

/// Of a limit on device memory, the detector's part; the rest is the embedder's. Its frames are ten times as large.
const DETECTORS_SHARE: (usize, usize) = (2, 3);

/// The networks of a pack, shared by the threads.
pub(crate) struct Networks {
    pub(crate) detector: Detector,
    pub(crate) embedder: Embedder,
    runtime: Runtime,
    tuning: Tuning,
    /// Where the crew was built to run; the runtime's provider changes when that is given up.
    provider: Provider,
    /// Of the card, if this is one's.
    rest: Arc<Rest>,
    is_in_a_hurry: AtomicBool,
    pinned_frames: Mutex<Option<PinnedMemory>>,
    pinned_crops: Mutex<Option<PinnedMemory>>,
}

/// What a card's trials found out about the networks of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trials {
    /// Of the detector.
    pub detector: Tried,
    /// Of the embedder.
    pub embedder: Tried,
}

/// A picture.
pub(crate) enum Work {
    /// For the detector.
    Frame(Arc<Framed>),
    /// For the embedder: RGB8 of the pack's side.
    Crop(Vec<u8>),
}

impl Work {
    fn made_up(role: Role, size: Size, pixels: Vec<u8>) -> Self {
        match role {
            Role::Detector => Self::Frame(Arc::new(Framed { shape: size, pixels, fitted: size })),
            Role::Embedder => Self::Crop(pixels),
        }
    }

    fn pixels(&self) -> &[u8] {
        match self {
            Self::Frame(framed) => &framed.pixels,
            Self::Crop(crop) => crop,
        }
    }
}

/// What was made of it.
pub(crate) enum Made {
    Faces(Vec<Detection>),
    Vector(Vec<f32>),
}

/// One thread's networks.
pub(crate) struct Nets {
    provider: Provider,
    detector: Option<Net>,
    embedder: Option<Net>,
    /// On the processor, beside a GPU that failed at something.
    rescue: Option<Net>,
    strikes: u32,
}

impl Nets {
    fn of(&mut self, role: Role) -> Result<&mut Net, GraphError> {
        let net = match role {
            Role::Detector => self.detector.as_mut(),
            Role::Embedder => self.embedder.as_mut(),
        };
        net.ok_or_else(|| GraphError::Incomplete { what: format!("this thread has no {role}") })
    }

    /// Pictures of a full batch, where batches are filled up.
    fn at_once(&self, role: Role) -> Option<usize> {
        match role {
            Role::Detector => self.detector.as_ref(),
            Role::Embedder => self.embedder.as_ref(),
        }
        .and_then(Net::at_once)
    }
}

impl Networks {
    /// Checks nothing any more; finds out what batches and half precision are worth on a provider of the runtime. Gives up
    /// early once it is closing.
    pub(crate) fn new(
        mut detector: Detector,
        mut embedder: Embedder,
        (runtime, provider): (&Runtime, Provider),
        tuning: &Tuning,
        known: Option<Trials>,
        is_closing: &AtomicBool,
    ) -> Result<Self, (Role, GraphError)> {
        if let Some(Trials { detector: of_detector, embedder: of_embedder }) = known {
            detector.network.believe(of_detector);
            embedder.network.believe(of_embedder);
        } else {
            let wanted = tuning.batch(provider);
            let (frame, crop) = (detector.smallest(), embedder.size());
            let (frames, crops) = (&mut detector.network, &mut embedder.network);
            let place = |role| place(tuning, provider, role);
            let go_on = || {
                let stopped = GraphError::Incomplete { what: "the program ends".to_owned() };
                if is_closing.load(Ordering::SeqCst) { Err(stopped) } else { Ok(()) }
            };
            let of_detector = frames.try_out(frame, place(Role::Detector), wanted, &go_on);
            of_detector.map_err(|error| (Role::Detector, error))?;
            let of_embedder = crops.try_out(crop, place(Role::Embedder), wanted, &go_on);
            of_embedder.map_err(|error| (Role::Embedder, error))?;
        }
        let mut tuning = tuning.clone();
        if provider == Provider::Cpu {
            room::make_fit(&mut detector, &mut embedder, &tuning)?;
            tuning.threads = room::threads_that_fit(&detector, &embedder, &tuning)?;
        }
        Ok(Self {
            detector,
            embedder,
            runtime: runtime.clone(),
            tuning,
            provider,
            rest: Arc::default(),
            is_in_a_hurry: AtomicBool::new(false),
            pinned_frames: Mutex::new(None),
            pinned_crops: Mutex::new(None),
        })
    }

    /// What its card's rest is begun by, and told from.
    pub(crate) fn heed(mut self, rest: Arc<Rest>) -> Self {
        self.rest = rest;
        self
    }

    /// Threads that can have networks at work on the processor: fewer than asked for where memory is short.
    pub(crate) fn threads(&self) -> usize {
        self.tuning.threads.max(1)
    }

    /// What is known of the networks on a card now.
    pub(crate) fn found(&self) -> Trials {
        Trials { detector: self.detector.network.found(), embedder: self.embedder.network.found() }
    }

    fn network(&self, role: Role) -> &Network {
        match role {
            Role::Detector => &self.detector.network,
            Role::Embedder => &self.embedder.network,
        }
    }

    fn pinned(&self, role: Role) -> &Mutex<Option<PinnedMemory>> {
        match role {
            Role::Detector => &self.pinned_frames,
            Role::Embedder => &self.pinned_crops,
        }
    }

    fn open_on(&self, provider: Provider, roles: Roles) -> Result<Nets, InferError> {
        let open = |role: Role| -> Result<Option<Net>, InferError> {
            if !roles.have(role) {
                return Ok(None);
            }
            let net = self.network(role).open(place(&self.tuning, provider, role));
            let mut net = net.map_err(|source| InferError::Run { role, source })?;
            *self.pinned(role).lock().unwrap_or_else(PoisonError::into_inner) = net.pinned_memory();
            Ok(Some(net))
        };
        let (detector, embedder) = (open(Role::Detector)?, open(Role::Embedder)?);
        Ok(Nets { provider, detector, embedder, rescue: None, strikes: 0 })
    }

    fn try_run(
        &self,
        net: &mut Net,
        key: Key,
        works: &[Work],
        feed: &Feed<'_>,
    ) -> Result<Vec<Made>, GraphError> {
        net.run(feed, |outputs| self.read_all(key.role, works, &split(outputs, works.len())?))
    }

    /// Reads the outputs of a batch, on several threads where that pays: the GPU waits meanwhile.
    fn read_all(&self, role: Role, works: &[Work], parts: &[Vec<&[f32]>]) -> Result<Vec<Made>, GraphError> {
        let read = |(work, part): (&Work, &Vec<&[f32]>)| self.read(role, work, part);
        let readers = self.tuning.threads.min(works.len() / FRAMES_A_READER);
        if readers < 2 || role == Role::Embedder {
            return works.iter().zip(parts).map(read).collect();
        }
        let each = works.len().div_ceil(readers);
        std::thread::scope(|scope| {
            let chunks = works.chunks(each).zip(parts.chunks(each));
            let threads: Vec<_> = chunks
                .map(|(works, parts)| {
                    scope.spawn(move || works.iter().zip(parts).map(read).collect::<Vec<_>>())
                })
                .collect();
            let made = threads.into_iter().flat_map(|thread| match thread.join() {
                Ok(made) => made,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            made.collect()
        })
    }

    fn read(&self, role: Role, work: &Work, outputs: &[&[f32]]) -> Result<Made, GraphError> {
        match (role, work) {
            (Role::Detector, Work::Frame(framed)) => self.detector.read(framed, outputs).map(Made::Faces),
            (Role::Embedder, Work::Crop(_)) => self.embedder.read(outputs).map(Made::Vector),
            _ => Err(GraphError::Incomplete { what: format!("the {role} was given something else") }),
        }
    }

    /// Runs made-up pictures whose answers must be of use. Not black ones: of those a good network may make zeros.
    fn run_made_up(&self, net: &mut Net, Key { role, size }: Key, count: usize) -> Result<(), GraphError> {
        let each = 3 * index(size.width) * index(size.height);
        let pictures = drawn::pictures(size).cycle().take(count);
        let works: Vec<_> = pictures.map(|pixels| Work::made_up(role, size, pixels)).collect();
        let input = gather_plain(self.network(role), each / 3, &works, None);
        let numbers = numbers(&input, &works, 0..count * each)?;
        net.run(&Feed { numbers, size, count, pinned: None }, |outputs| {
            let parts = split(outputs, count)?;
            self.read_all(role, &works, &parts)?;
            parts.iter().try_for_each(|part| check_numbers(role, part))
        })
    }
}

impl Machine for Networks {
    type Work = Work;
    type Answer = Made;
    type Seat = Nets;
    type Input = Input;

    fn open(&self, roles: Roles) -> Result<Nets, InferError> {
        self.open_where_it_works(roles)
    }

    fn make_ready(&self, nets: &mut Nets) {
        let frames: Vec<_> = self.detector.shapes.iter().copied().chain([self.detector.close_up]).collect();
        for (role, sizes) in [(Role::Detector, frames), (Role::Embedder, vec![self.embedder.size()])] {
            if let Ok(net) = nets.of(role) {
                let go_on = || !self.is_in_a_hurry.load(Ordering::SeqCst);
                self.network(role).make_ready(net, &sizes, &go_on);
            }
        }
    }

    fn hurry(&self) {
        self.is_in_a_hurry.store(true, Ordering::SeqCst);
    }

    /// A card's networks were tried out before, and take seconds for each size.
    fn prove(&self, nets: &mut Nets, role: Role) -> Result<(), InferError> {
        if self.provider != Provider::Cpu {
            return Ok(());
        }
        let (size, count) = self.first_run(role);
        let ran = nets.of(role).and_then(|net| self.run_made_up(net, Key { role, size }, count));
        ran.map_err(|source| InferError::Run { role, source })
    }

    fn is_resting(&self) -> bool {
        self.provider != Provider::Cpu && (self.rest.is_on() || self.runtime.provider() == Provider::Cpu)
    }

    fn probes(&self) -> Vec<Item<Work>> {
        let item = |role, size: Size| {
            let bytes = 3 * index(size.width) * index(size.height);
            Item { key: Key { role, size }, work: Work::made_up(role, size, vec![0; bytes]), bytes }
        };
        vec![item(Role::Detector, self.detector.smallest()), item(Role::Embedder, self.embedder.size())]
    }

    fn gather(&self, key: Key, works: &[Work], most: usize, spare: Option<Input>) -> Input {
        let network = self.network(key.role);
        let pixels = index(key.size.width) * index(key.size.height);
        // Ordinary memory does where a card's cannot be had: while the network is not loaded, or there is no more.
        if let Some(memory) = &*self.pinned(key.role).lock().unwrap_or_else(PoisonError::into_inner) {
            let old = if let Some(Input::Pinned(old)) = spare { Some(old) } else { None };
            // As many as the card's session takes, so that it can read them where they are.
            let room = taken_at_once(works.len(), most).max(works.len());
            let pinned = gather_pinned(network, memory, (key.size, room), works, old);
            return pinned.map_or_else(|| gather_plain(network, pixels, works, None), Input::Pinned);
        }
        gather_plain(network, pixels, works, spare)
    }

    fn run(
        &self,
        nets: &mut Nets,
        key: Key,
        works: &[Work],
        input: &Input,
        part: Range<usize>,
    ) -> Result<Vec<Made>, Trouble<InferError>> {
        let all = part.len() == works.len();
        let works = works.get(part.clone()).unwrap_or_default();
        let each = 3 * index(key.size.width) * index(key.size.height);
        let planned = nets.at_once(key.role);
        let failed = |source: GraphError, now: Option<usize>| {
            let fits = fewer(works.len(), planned, now).filter(|_| source.is_memory());
            let error = InferError::Run { role: key.role, source };
            match fits {
                Some(fits) => Trouble::Memory { error, fits },
                None => Trouble::Other(error),
            }
        };
        let range = part.start * each..part.end * each;
        let numbers = numbers(input, works, range).map_err(|error| failed(error, planned))?;
        let pinned = if let (Input::Pinned(pinned), true) = (input, all) { Some(pinned) } else { None };
        let feed = Feed { numbers, size: key.size, count: works.len(), pinned };
        let made = nets.of(key.role).and_then(|net| self.try_run(net, key, works, &feed));
        match made {
            Ok(made) => {
                nets.strikes = 0;
                Ok(made)
            }
            Err(error) if works.len() == 1 && nets.provider != Provider::Cpu && error.is_the_runtimes() => {
                self.rescue(nets, key, works, &feed, error).map_err(|error| failed(error, planned))
            }
            Err(error) => Err(failed(error, nets.at_once(key.role))),
        }
    }

    fn most(&self, role: Role) -> usize {
        self.network(role).most(self.tuning.batch(self.provider))
    }

    fn at_once(&self, nets: &Nets, role: Role) -> usize {
        nets.at_once(role).map_or(usize::MAX, |now| now.max(1)).min(self.most(role))
    }

    fn all_unloaded(&self) {
        for role in [Role::Detector, Role::Embedder] {
            self.network(role).forget_plans();
            *self.pinned(role).lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        crate::trim::give_memory_back();
    }
}

/// Refuses what no photo could be read from: every face would fail, or none be found, in silence.
fn check_numbers(role: Role, outputs: &[&[f32]]) -> Result<(), GraphError> {
    let mut numbers = outputs.iter().copied().flatten();
    if numbers.clone().any(|number| !number.is_finite()) {
        return Err(GraphError::Useless { found: "numbers that are not finite" });
    }
    if role == Role::Embedder && numbers.all(|number| *number == 0.0) {
        return Err(GraphError::Useless { found: "a vector of nothing but zeros" });
    }
    Ok(())
}

/// How many pictures at once are worth a try after `count` were too many for the memory; `None` where fewer would not help. Where
/// batches are filled up it is the full one that was too large, and `planned` became `now`; otherwise they were run one by one.
fn fewer(count: usize, planned: Option<usize>, now: Option<usize>) -> Option<usize> {
    match (planned, now) {
        (Some(planned), Some(now)) => (now < planned).then_some(now),
        _ => Some(count / 2),
    }
}

/// Where a network runs. The crew's threads are one for each session, so a session has one.
fn place(tuning: &Tuning, provider: Provider, role: Role) -> Place {
    let share = |bytes: u64| {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let detectors = bytes / DETECTORS_SHARE.1 * DETECTORS_SHARE.0;
        if role == Role::Detector { detectors } else { bytes - detectors }
    };
    let batch = tuning.batch(provider);
    Place { provider, threads: 1, device_memory: tuning.device_memory.map(share), batch }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
