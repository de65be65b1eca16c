//! What the threads of a station do all day: one that gathers and runs, or two, of which one prepares a batch while the
//! other runs the one before. Loading and running are the seat's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::seat::Seat;
use super::{Job, Machine, Reply, Shared};
use crate::caught::caught;
use crate::error::InferError;
use crate::queue::Taken;
use crate::schedule::{Key, Roles};

/// A batch on its way from the queue to its answers.
pub(super) struct Gathered<M: Machine> {
    pub(super) key: Key,
    pub(super) works: Vec<M::Work>,
    pub(super) replies: Vec<Reply<M::Answer>>,
    pub(super) taken: Instant,
    pub(super) gathering: Duration,
    /// Gathering can panic too.
    pub(super) input: Result<M::Input, String>,
}

impl<M: Machine> Gathered<M> {
    pub(super) fn new(shared: &Shared<M>, key: Key, jobs: Vec<Job<M>>, spare: Option<M::Input>) -> Self {
        let taken = Instant::now();
        let (works, replies): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.work, job.reply)).unzip();
        let most = shared.queue.most(key.role);
        let input = caught(|| shared.machine.gather(key, &works, most, spare));
        Self { key, works, replies, taken, gathering: taken.elapsed(), input }
    }
}

/// The first half of a station.
pub(super) struct Gather<M: Machine> {
    pub(super) shared: Arc<Shared<M>>,
    pub(super) roles: Roles,
    pub(super) tokens: Receiver<()>,
    pub(super) full: Sender<Gathered<M>>,
}

impl<M: Machine> Gather<M> {
    pub(super) fn work(self, spares: &Mutex<Vec<M::Input>>) {
        // Both channels close when the other half has ended.
        while self.tokens.recv().is_ok() {
            let Taken::Batch(key, jobs) = self.shared.queue.take(self.roles, None) else { break };
            let spare = spares.lock().unwrap_or_else(PoisonError::into_inner).pop();
            if self.full.send(Gathered::new(&self.shared, key, jobs, spare)).is_err() {
                break;
            }
        }
    }
}

/// The second half of a station.
pub(super) struct Run<M: Machine> {
    pub(super) seat: Seat<M>,
    pub(super) gathered: Receiver<Gathered<M>>,
    pub(super) token: Sender<()>,
}

impl<M: Machine> Run<M> {
    pub(super) fn work(mut self, spares: &Mutex<Vec<M::Input>>, ready: &Sender<Result<(), InferError>>) {
        if !self.seat.report(ready) {
            return;
        }
        let idle_after = self.seat.shared.idle_after;
        let mut wait = idle_after;
        loop {
            let next = if self.seat.is_loaded() {
                self.gathered.recv_timeout(wait)
            } else {
                self.gathered.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(batch) => {
                    let input = self.seat.serve(batch);
                    let mut spares = spares.lock().unwrap_or_else(PoisonError::into_inner);
                    if self.seat.is_loaded() {
                        spares.extend(input);
                    } else {
                        // Memory that a card reads holds on to the session that gave it.
                        spares.clear();
                    }
                    drop(spares);
                    self.token.send(()).ok();
                    wait = idle_after;
                }
                Err(RecvTimeoutError::Timeout) => match self.seat.shared.queue.until_idle(idle_after) {
                    Some(left) => wait = left,
                    None => {
                        spares.lock().unwrap_or_else(PoisonError::into_inner).clear();
                        self.seat.unload();
                    }
                },
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }
}

/// A station where a batch is one item.
pub(super) fn alone<M: Machine>(mut seat: Seat<M>, ready: &Sender<Result<(), InferError>>) {
    if !seat.report(ready) {
        return;
    }
    let shared = Arc::clone(&seat.shared);
    let mut spare = None;
    loop {
        match shared.queue.take(seat.roles, seat.is_loaded().then_some(shared.idle_after)) {
            Taken::Batch(key, jobs) => {
                spare = seat.serve(Gathered::new(&shared, key, jobs, spare.take()));
            }
            Taken::Idle => {
                spare = None;
                seat.unload();
            }
            Taken::Closed => break,
        }
    }
}
