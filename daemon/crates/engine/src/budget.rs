//! A bound on bytes in flight, from the reading of a file to the commit of its faces: whoever wants more than is free waits,
//! the whole never grows.
//!
//! # What is counted
//! A photo's file while it is in memory ([`Holds::File`]), its pixels with the frames and crops that are made of them
//! ([`Holds::Picture`]), and its faces until they are stored ([`Holds::Outcome`]). Not counted, because it does not grow with
//! what is in flight: the networks and their tensors, memory that a photo thread keeps to use again, the store's cache, the
//! index.
//!
//! # Who goes first
//! Each kind has a part of the budget of its own, and two lines before it: whoever is live is served before the backlog, and
//! who came first before the others of the line, so that a huge picture is not kept waiting by a stream of small ones. Some
//! of a part is not for the backlog at all (`kept`): what came in just now need not wait until a huge picture of the backlog
//! is done, as long as it is no larger than that; if it is, it waits for room before everybody else. While there is room
//! beside what is live, the backlog goes on.
//!
//! What is larger than the part, or for the backlog than what it may have of it, counts as all of that: it is let through when
//! nobody else of its kind is there.
//!
//! # Why nobody waits for ever
//! A thread waits only for holders of the kind it wants. A photo
//! thread takes the kinds in their order, [`Holds::File`] before [`Holds::Picture`] before [`Holds::Outcome`], and never
//! twice the same before it gave the first share back. So whoever holds an outcome's share waits for nothing but the
//! committer, which takes no share; whoever holds a picture's waits for the networks, which take no share, and for outcomes;
//! whoever holds a file's waits for those: there is no circle, whoever goes first. (The rule by which deadlocks are kept out of
//! resources with an order: Havender 1968, "Avoiding deadlock in multitasking systems".)
//!
//! When the daemon ends nobody waits at all: see [`Budget::close`].

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vow_types::Lane;

/// Of the files' part a third is kept for what is live, but at most so much: several of most cameras' files...
const KEPT_FILES: u64 = 16 << 20;
/// ...of the pictures' a quarter, at most a phone's HEIC of 12 megapixels, which is decoded whole, or four JPEGs...
const KEPT_PICTURES: u64 = 48 << 20;
/// ...and of the outcomes' a quarter, at most more faces than there are in any photo.
const KEPT_OUTCOMES: u64 = 4 << 20;

/// What bytes are held for, in the order in which a photo thread takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holds {
    /// The file's bytes.
    File,
    /// Decoded pixels, frames and crops.
    Picture,
    /// What was found, until it is stored.
    Outcome,
}

/// Nobody gets a share any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the daemon is stopping")]
pub(crate) struct Closed;

/// Bytes that may be held at once.
#[derive(Debug)]
pub(crate) struct Budget {
    files: Part,
    pictures: Part,
    outcomes: Part,
}

/// The bytes of one kind.
#[derive(Debug)]
struct Part {
    total: u64,
    /// Of those, what the backlog leaves to what is live.
    kept: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    live: Line,
    backlog: Line,
    closed: bool,
}

/// Those of one lane.
#[derive(Debug, Default)]
struct Line {
    /// Bytes that they hold.
    used: u64,
    /// Number of the one who is served next, and of the one who comes next.
    serving: u64,
    next: u64,
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    holds: Holds,
    lane: Lane,
    bytes: u64,
}

impl Budget {
    /// Of these bytes a fifth is for files, which are smaller than their pixels, a tenth for outcomes, and the rest for
    /// pictures.
    pub(crate) fn new(total: u64) -> Arc<Self> {
        let (files, outcomes) = (total / 5, total / 10);
        let pictures = total - files - outcomes;
        Arc::new(Self {
            files: Part::new(files, KEPT_FILES.min(files / 3)),
            pictures: Part::new(pictures, KEPT_PICTURES.min(pictures / 4)),
            outcomes: Part::new(outcomes, KEPT_OUTCOMES.min(outcomes / 4)),
        })
    }

    /// Waits until `bytes` are free and everybody who goes first was served.
    ///
    /// # Errors
    /// When the budget was closed, before or meanwhile.
    pub(crate) fn take(self: &Arc<Self>, holds: Holds, bytes: u64, lane: Lane) -> Result<Share, Closed> {
        let part = self.part(holds);
        let bytes = bytes.min(part.most(lane));
        let mut state = part.lock();
        let line = state.line(lane);
        let own = line.next;
        line.next = line.next.wrapping_add(1);
        loop {
            if state.closed {
                return Err(Closed); // all who are in line leave it
            }
            if part.serves(&mut state, lane, own, bytes) {
                break;
            }
            state = part.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let line = state.line(lane);
        line.serving = line.serving.wrapping_add(1);
        line.used += bytes;
        drop(state);
        part.changed.notify_all();
        Ok(Share { budget: Arc::clone(self), holds, lane, bytes })
    }

    /// From now on nobody begins with a file or its pixels, and who waits for them stops waiting. What was found by then may
    /// still be stored.
    pub(crate) fn close(&self) {
        for part in [&self.files, &self.pictures] {
            part.lock().closed = true;
            part.changed.notify_all();
        }
    }

    fn part(&self, holds: Holds) -> &Part {
        match holds {
            Holds::File => &self.files,
            Holds::Picture => &self.pictures,
            Holds::Outcome => &self.outcomes,
        }
    }
}

impl Part {
    fn new(total: u64, kept: u64) -> Self {
        Self { total: total.max(1), kept, state: Mutex::new(State::default()), changed: Condvar::new() }
    }

    /// What those of a lane may hold together.
    fn most(&self, lane: Lane) -> u64 {
        match lane {
            Lane::Live => self.total,
            Lane::Backlog => self.total - self.kept,
        }
    }

    /// Whether it is the turn of this one, who wants so many bytes.
    fn serves(&self, state: &mut State, lane: Lane, own: u64, bytes: u64) -> bool {
        let overtaken = lane == Lane::Backlog && state.live.serving != state.live.next;
        let (all, line) = (state.live.used + state.backlog.used, state.line(lane));
        let fits = all + bytes <= self.total && line.used + bytes <= self.most(lane);
        line.serving == own && !overtaken && fits
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned lock only means that some thread panicked; the numbers themselves are always whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn line(&mut self, lane: Lane) -> &mut Line {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Backlog => &mut self.backlog,
        }
    }
}

impl Share {
    /// Gives back what is above `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let excess = self.bytes.saturating_sub(bytes);
        self.bytes -= excess;
        self.give_back(excess);
    }

    fn give_back(&self, bytes: u64) {
        let part = self.budget.part(self.holds);
        let mut state = part.lock();
        let line = state.line(self.lane);
        line.used = line.used.saturating_sub(bytes);
        drop(state);
        part.changed.notify_all();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests;
