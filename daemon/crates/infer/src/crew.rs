//! The threads that run networks. Knows nothing of networks: what is loaded, gathered and run is a [`Machine`]'s.
//!
//! Where a batch is one item, a thread gathers and runs it itself. Where batches are larger, a station is two threads: one
//! gathers a batch into one input while the other runs the batch before. Two tokens go around between them, so exactly one
//! batch is prepared ahead.
//!
//! A task that fails or panics costs that task and nothing else: the thread lives on, after a panic with networks that are
//! loaded anew. Networks that have been idle for long are unloaded, and loaded again for the next item. Dropping the crew
//! ends its threads after what waits, and joins them.

mod seat;
mod station;

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use vow_types::Lane;

use crate::engine::Timed;
use crate::error::{InferError, Role};
pub(crate) use crate::queue::Item;
use crate::queue::Queue;
use crate::schedule::{Key, Roles, Waits};
use crate::settle::Trouble;
use seat::Seat;
use station::{Gather, Run, alone};

/// Batches that one station holds: one that runs and one that is prepared.
pub(crate) const AHEAD: usize = 2;

/// What a crew runs.
pub(crate) trait Machine: Send + Sync + 'static {
    /// A picture.
    type Work: Send + 'static;
    /// What is made of it.
    type Answer: Send + 'static;
    /// The networks that one thread has loaded.
    type Seat;
    /// The pictures of a batch, gathered.
    type Input: Send + 'static;

    /// Loads these networks for one thread.
    fn open(&self, roles: Roles) -> Result<Self::Seat, InferError>;

    /// Makes what the first pictures would have to wait for, where there is such a thing.
    fn make_ready(&self, seat: &mut Self::Seat);

    /// What is being made ready is not needed any more.
    fn hurry(&self) {}

    /// A thread's first run of a network, before anybody asks for anything: shows whatever is wrong with it.
    ///
    /// # Errors
    /// When the network cannot be used; its crew does not start then.
    fn prove(&self, _seat: &mut Self::Seat, _role: Role) -> Result<(), InferError> {
        Ok(())
    }

    /// Whether the networks had better be let go of for now.
    fn is_resting(&self) -> bool {
        false
    }

    /// A picture for each network, to try it with.
    fn probes(&self) -> Vec<Item<Self::Work>>;

    /// Puts pictures together; `most` of them are run at once now. `spare` is an input that was run before, for its memory.
    fn gather(&self, key: Key, works: &[Self::Work], most: usize, spare: Option<Self::Input>) -> Self::Input;

    /// Runs the part `part` of what was gathered; one answer for each picture of it.
    fn run(
        &self,
        seat: &mut Self::Seat,
        key: Key,
        works: &[Self::Work],
        input: &Self::Input,
        part: Range<usize>,
    ) -> Result<Vec<Self::Answer>, Trouble<InferError>>;

    /// Items that run at once, at most, once networks are loaded anew.
    fn most(&self, role: Role) -> usize;

    /// As [`Self::most`], of networks that are loaded: a trial may have found that fewer fit.
    fn at_once(&self, _seat: &Self::Seat, role: Role) -> usize {
        self.most(role)
    }

    /// Every thread has unloaded its networks: what they shared can go as well.
    fn all_unloaded(&self);
}

/// How a crew works.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// One for each station: the networks it runs.
    pub(crate) stations: Vec<Roles>,
    pub(crate) waits: Waits,
    /// Networks that nobody has asked for so long are unloaded.
    pub(crate) idle_after: Duration,
    /// Bytes of pictures of the backlog that may wait.
    pub(crate) most_bytes: usize,
}

struct Job<M: Machine> {
    work: M::Work,
    reply: Reply<M::Answer>,
}

struct Reply<A> {
    number: usize,
    asked: Instant,
    to: Sender<(usize, Result<Timed<A>, InferError>)>,
}

struct Shared<M: Machine> {
    machine: M,
    queue: Queue<Job<M>>,
    idle_after: Duration,
    /// Seats with networks in them.
    loaded: AtomicUsize,
    /// Seats whose networks would begin at once.
    ready: AtomicUsize,
}

/// Threads that run a machine.
pub(crate) struct Crew<M: Machine> {
    shared: Arc<Shared<M>>,
    stations: usize,
    threads: Vec<JoinHandle<()>>,
}

impl<M: Machine> Crew<M> {
    /// Starts the threads (at least one station) and returns when every station has loaded its networks and proved them.
    pub(crate) fn start(machine: M, rules: Rules) -> Result<Self, InferError> {
        let mut stations = rules.stations;
        if stations.is_empty() {
            stations.push(Roles::All);
        }
        let any_will_do = stations.iter().all(|roles| *roles == Roles::All);
        let queue = Queue::new(rules.waits, |role| machine.most(role), rules.most_bytes, any_will_do);
        let batches = [Role::Detector, Role::Embedder].into_iter().any(|role| machine.most(role) > 1);
        let shared = Arc::new(Shared {
            machine,
            queue,
            idle_after: rules.idle_after,
            loaded: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
        });
        let count = stations.len();
        let (ready, opened) = bounded(count);
        let mut crew = Self { shared, stations: count, threads: Vec::new() };
        for (number, roles) in stations.into_iter().enumerate() {
            let (shared, ready) = (Arc::clone(&crew.shared), ready.clone());
            if batches {
                let (full, gathered) = bounded(1);
                let (token, tokens) = bounded(AHEAD);
                for _ in 0..AHEAD {
                    // There is room for as many.
                    token.send(()).ok();
                }
                let spares = Arc::new(Mutex::new(Vec::new()));
                let gather = Gather { shared: Arc::clone(&crew.shared), roles, tokens, full };
                let for_gather = Arc::clone(&spares);
                crew.spawn(format!("vow-gather-{number}"), move || gather.work(&for_gather))?;
                crew.spawn(format!("vow-infer-{number}"), move || {
                    Run { seat: Seat::new(shared, roles), gathered, token }.work(&spares, &ready);
                })?;
            } else {
                crew.spawn(format!("vow-infer-{number}"), move || {
                    alone(Seat::new(shared, roles), &ready);
                })?;
            }
        }
        opened.iter().take(count).collect::<Result<(), _>>()?;
        Ok(crew)
    }

    fn spawn(&mut self, name: String, work: impl FnOnce() + Send + 'static) -> Result<(), InferError> {
        let thread = Builder::new().name(name).spawn(work).map_err(|source| InferError::Thread { source })?;
        self.threads.push(thread);
        Ok(())
    }

    pub(crate) fn machine(&self) -> &M {
        &self.shared.machine
    }

    /// Says that a photo is being worked on, until the guard is dropped.
    pub(crate) fn announce(&self) -> Announced<M> {
        self.shared.queue.announce();
        Announced(Arc::clone(&self.shared))
    }

    /// Queues the pictures of one call and waits for all answers. At the first that failed the rest is taken back. `asked` is
    /// when the answers were first wished for.
    pub(crate) fn ask(
        &self,
        lane: Lane,
        asked: Instant,
        items: impl ExactSizeIterator<Item = Item<M::Work>>,
    ) -> Result<Vec<Timed<M::Answer>>, InferError> {
        let count = items.len();
        let (to, answers) = bounded(count);
        let queue = &self.shared.queue;
        let call = Call { queue, number: queue.call() };
        let jobs = items.enumerate().map(|(number, Item { key, work, bytes })| {
            let reply = Reply { number, asked, to: to.clone() };
            Item { key, work: Job { work, reply }, bytes }
        });
        queue.push(call.number, lane, jobs.collect());
        drop(to);
        let mut all: Vec<Option<Timed<M::Answer>>> = (0..count).map(|_| None).collect();
        for _ in 0..count {
            let (number, answer) = answers.recv().map_err(|_| InferError::Stopped)?;
            let answer = answer?;
            if let Some(place) = all.get_mut(number) {
                *place = Some(answer);
            }
        }
        all.into_iter().collect::<Option<Vec<_>>>().ok_or(InferError::Stopped)
    }

    /// Items of a network that run at once now: fewer than at first where memory was short.
    #[cfg(test)]
    pub(crate) fn most_now(&self, role: Role) -> usize {
        self.shared.queue.most(role)
    }

    /// Has every network run once; loads what is not loaded.
    pub(crate) fn warm_up(&self) -> Result<(), InferError> {
        self.ask(Lane::Live, Instant::now(), self.machine().probes().into_iter()).map(drop)
    }

    /// Stations.
    pub(crate) fn stations(&self) -> usize {
        self.stations
    }

    /// Photos that are being worked on.
    pub(crate) fn announced(&self) -> usize {
        self.shared.queue.announced()
    }

    /// Whether whatever is asked for is begun at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.shared.ready.load(Ordering::SeqCst) == self.stations
    }

    /// Threads that have networks loaded.
    pub(crate) fn loaded(&self) -> usize {
        self.shared.loaded.load(Ordering::SeqCst)
    }
}

impl<M: Machine> Drop for Crew<M> {
    fn drop(&mut self) {
        self.shared.queue.close();
        for thread in self.threads.drain(..) {
            // Every panic of a task is caught; one outside is reported by the panic hook and leaves nothing to do.
            thread.join().ok();
        }
    }
}

/// A photo that may bring items.
pub(crate) struct Announced<M: Machine>(Arc<Shared<M>>);

impl<M: Machine> Drop for Announced<M> {
    fn drop(&mut self) {
        self.0.queue.retract();
    }
}

/// Takes back what still waits when the one who asked goes away.
struct Call<'a, J> {
    queue: &'a Queue<J>,
    number: u64,
}

impl<J> Drop for Call<'_, J> {
    fn drop(&mut self) {
        self.queue.cancel(self.number);
    }
}

#[cfg(test)]
#[path = "crew_tests.rs"]
mod tests;
