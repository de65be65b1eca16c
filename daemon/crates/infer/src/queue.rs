//! What waits for the networks: shared by the threads that ask and those that run. The order is [`Schedule`]'s; here are
//! the lock, the waiting, and the knowledge of who may still bring something.
//!
//! Nothing here polls. A thread sleeps until something is pushed, until the next deadline, or, with networks loaded, until
//! they have been idle for long enough.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vow_types::Lane;

use crate::error::Role;
use crate::schedule::{Key, Next, Roles, Schedule, Waits};

/// The queue.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    /// For those that run: something came, or is due earlier, or the queue was closed.
    changed: Condvar,
    /// For those that ask: there is room again.
    room: Condvar,
    /// Bytes of pictures of the backlog that may wait here.
    most_bytes: usize,
    /// Whether every thread that runs takes every kind of item, so that it is enough to wake one.
    any_will_do: bool,
}

struct State<J> {
    schedule: Schedule<Queued<J>>,
    bytes: usize,
    /// Items that wait, of each call that has any.
    waiting: HashMap<u64, usize>,
    calls: u64,
    /// Photos that somebody is at, and that may bring items.
    announced: usize,
    /// Batches taken and not done yet.
    running: usize,
    last_active: Instant,
    closed: bool,
}

/// Something that is asked for.
pub(crate) struct Item<W> {
    /// Where it goes, and what it can share a batch with.
    pub(crate) key: Key,
    pub(crate) work: W,
    /// What it takes while it waits.
    pub(crate) bytes: usize,
}

struct Queued<J> {
    call: u64,
    bytes: usize,
    job: J,
}

/// What a thread that runs gets.
pub(crate) enum Taken<J> {
    /// Run these, and say [`Queue::done`].
    Batch(Key, Vec<J>),
    /// Nothing has been asked for, by anybody, for as long as was said.
    Idle,
    /// Nothing will ever come again.
    Closed,
}

impl<J> State<J> {
    /// What somebody who runs these networks does now.
    fn next(&mut self, roles: Roles, now: Instant) -> Next<Queued<J>> {
        // Every photo that could bring something has something here already, so waiting would be in vain.
        let calm = self.closed || self.waiting.len() >= self.announced;
        self.schedule.next(roles, now, calm)
    }
}

impl<J> Queue<J> {
    /// `most` items of each network run at once.
    pub(crate) fn new(
        waits: Waits,
        most: impl Fn(Role) -> usize,
        most_bytes: usize,
        any_will_do: bool,
    ) -> Self {
        let state = State {
            schedule: Schedule::new(waits, most(Role::Detector), most(Role::Embedder)),
            bytes: 0,
            waiting: HashMap::new(),
            calls: 0,
            announced: 0,
            running: 0,
            last_active: Instant::now(),
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            room: Condvar::new(),
            most_bytes,
            any_will_do,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if self.any_will_do {
            self.changed.notify_one();
        } else {
            self.changed.notify_all();
        }
    }

    /// A number for a call, by which its items can be taken back.
    pub(crate) fn call(&self) -> u64 {
        let mut state = self.lock();
        state.calls += 1;
        state.calls
    }

    /// Adds the items of a call, at once as far as there is room: whoever runs them finds all of them and not the first alone.
    /// Those of the backlog wait for room; what is live is let in at once, because no more of it comes than there are threads
    /// that ask.
    pub(crate) fn push(&self, call: u64, lane: Lane, items: Vec<Item<J>>) {
        let mut state = self.lock();
        for Item { key, work: job, bytes } in items {
            while lane == Lane::Backlog
                && state.bytes > 0
                && state.bytes.saturating_add(bytes) > self.most_bytes
            {
                state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let now = Instant::now();
            state.bytes = state.bytes.saturating_add(bytes);
            *state.waiting.entry(call).or_default() += 1;
            state.schedule.push(key, lane, now, Queued { call, bytes, job });
            self.wake();
        }
    }

    /// Takes back what of a call still waits.
    pub(crate) fn cancel(&self, call: u64) {
        let mut state = self.lock();
        if state.waiting.remove(&call).is_none() {
            return;
        }
        let mut freed = 0;
        state.schedule.retain(|queued| {
            let wanted = queued.call != call;
            freed += if wanted { 0 } else { queued.bytes };
            wanted
        });
        state.bytes = state.bytes.saturating_sub(freed);
        self.room.notify_all();
    }

    /// A photo is being worked on and may bring items, so others may wait for them, until [`Self::retract`].
    pub(crate) fn announce(&self) {
        self.lock().announced += 1;
    }

    /// Photos that somebody is at.
    pub(crate) fn announced(&self) -> usize {
        self.lock().announced
    }

    pub(crate) fn retract(&self) {
        let mut state = self.lock();
        state.announced = state.announced.saturating_sub(1);
        if !state.schedule.is_empty() {
            self.wake();
        }
    }

    /// Waits for a batch of these networks. With `idle_after`, not longer than until nothing has happened for that time.
    pub(crate) fn take(&self, roles: Roles, idle_after: Option<Duration>) -> Taken<J> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let until = match state.next(roles, now) {
                Next::Run(key, batch) => return self.hand_out(state, key, batch),
                Next::At(time) => Some(time),
                Next::Nothing if state.closed => return Taken::Closed,
                Next::Nothing => match idle_after {
                    Some(_) if state.running > 0 => idle_after.map(|idle| now + idle),
                    Some(idle) if state.last_active + idle <= now => return Taken::Idle,
                    Some(idle) => Some(state.last_active + idle),
                    None => None,
                },
            };
            state = match until {
                Some(time) => {
                    let wait = time.saturating_duration_since(now);
                    self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn hand_out(&self, mut state: MutexGuard<'_, State<J>>, key: Key, batch: Vec<Queued<J>>) -> Taken<J> {
        state.running += 1;
        let jobs = batch.into_iter().map(|queued| {
            state.bytes = state.bytes.saturating_sub(queued.bytes);
            if let Some(left) = state.waiting.get_mut(&queued.call) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    state.waiting.remove(&queued.call);
                }
            }
            queued.job
        });
        let jobs = jobs.collect();
        if !state.schedule.is_empty() {
            // This thread is busy from now on: another has to know of the next deadline.
            self.wake();
        }
        drop(state);
        self.room.notify_all();
        Taken::Batch(key, jobs)
    }

    /// A batch was run.
    pub(crate) fn done(&self) {
        let mut state = self.lock();
        state.running = state.running.saturating_sub(1);
        state.last_active = Instant::now();
    }

    /// How long until nothing has happened for this time; `None` when that time is over.
    pub(crate) fn until_idle(&self, idle_after: Duration) -> Option<Duration> {
        let state = self.lock();
        if state.running > 0 || !state.schedule.is_empty() {
            return Some(idle_after);
        }
        let left = (state.last_active + idle_after).saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }

    /// From now on at most this many items of a network at once.
    pub(crate) fn set_most(&self, role: Role, most: usize) {
        self.lock().schedule.set_most(role, most);
    }

    pub(crate) fn most(&self, role: Role) -> usize {
        self.lock().schedule.most(role)
    }

    /// What waits is still run; then every thread is told that it is over.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
