//! A bound on bytes in flight, from the reading of a file to the commit of its faces: whoever wants more than is free waits,
//! the whole never grows.
//!
//! # What is counted
//! A photo's file while it is in memory ([`Holds::File`]), its pixels with the frames and crops that are made of them
//! ([`Holds::Picture`]), and its faces until they are stored ([`Holds::Outcome`]). Not counted, because it does not grow with
//! what is in flight: the networks and their tensors, memory that a photo thread keeps to use again, the store's cache, the
//! index.
//!
//! # Why nobody waits for ever
//! Each kind has a part of the budget of its own, so that a thread waits only for holders of the kind it wants. A photo
//! thread takes the kinds in their order, [`Holds::File`] before [`Holds::Picture`] before [`Holds::Outcome`], and never
//! twice the same before it gave the first share back. So whoever holds an outcome's share waits for nothing but the
//! committer, which takes no share; whoever holds a picture's waits for the networks, which take no share, and for outcomes;
//! whoever holds a file's waits for those: there is no circle. (The rule by which deadlocks are kept out of resources with an
//! order: Havender 1968, "Avoiding deadlock in multitasking systems".)
//!
//! Who came first is served first, so that a huge picture is not kept waiting by a stream of small ones; what is larger than
//! the whole part counts as the whole part: it is let through when it is alone.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

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
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
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
    bytes: u64,
}

impl Budget {
    /// Of these bytes a fifth is for files, which are smaller than their pixels, a tenth for outcomes, and the rest for
    /// pictures.
    pub(crate) fn new(total: u64) -> Arc<Self> {
        let part = |bytes: u64| Part {
            total: bytes.max(1),
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        };
        let (files, outcomes) = (total / 5, total / 10);
        Arc::new(Self {
            files: part(files),
            pictures: part(total - files - outcomes),
            outcomes: part(outcomes),
        })
    }

    /// Waits until `bytes` are free and everybody who came before was served.
    pub(crate) fn take(self: &Arc<Self>, holds: Holds, bytes: u64) -> Share {
        let part = self.part(holds);
        let bytes = bytes.min(part.total);
        // A poisoned lock only means that some thread panicked; the numbers themselves are always whole.
        let mut state = part.state.lock().unwrap_or_else(PoisonError::into_inner);
        let own = state.next;
        state.next = state.next.wrapping_add(1);
        while state.serving != own || state.used + bytes > part.total {
            state = part.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.serving = state.serving.wrapping_add(1);
        state.used += bytes;
        drop(state);
        part.changed.notify_all();
        Share { budget: Arc::clone(self), holds, bytes }
    }

    fn part(&self, holds: Holds) -> &Part {
        match holds {
            Holds::File => &self.files,
            Holds::Picture => &self.pictures,
            Holds::Outcome => &self.outcomes,
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
        let mut state = part.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.used = state.used.saturating_sub(bytes);
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
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    use std::sync::mpsc;

    use super::*;

    const KINDS: [Holds; 3] = [Holds::File, Holds::Picture, Holds::Outcome];

    fn place(holds: Holds) -> usize {
        KINDS.iter().position(|kind| *kind == holds).unwrap()
    }

    fn used(budget: &Budget) -> [u64; 3] {
        KINDS.map(|holds| budget.part(holds).state.lock().unwrap().used)
    }

    /// Photo threads that take all three kinds, some of more than there is, beside a committer that gathers outcomes: all of
    /// them come to an end, and never is more held than the budget allows.
    #[test]
    fn photo_threads_and_a_committer_never_lock_one_another_out() {
        let budget = Budget::new(1000);
        let totals = KINDS.map(|holds| budget.part(holds).total);
        let held = [const { AtomicU64::new(0) }; 3];
        let hold = |holds: Holds, bytes: u64| {
            let share = budget.take(holds, bytes);
            let at = place(holds);
            let now = held[at].fetch_add(share.bytes, SeqCst) + share.bytes;
            assert!(now <= totals[at], "{holds:?}: {now}");
            share
        };
        let release = |share: Share| {
            held[place(share.holds)].fetch_sub(share.bytes, SeqCst);
        };
        let (out, outcomes) = mpsc::sync_channel(4);
        std::thread::scope(|scope| {
            for thread in 0..8u64 {
                let (out, hold, release) = (out.clone(), &hold, &release);
                scope.spawn(move || {
                    for photo in 0..300 {
                        let size = |salt: u64| 1 + (thread * 31 + photo * 17 + salt * 13) % (150 * salt);
                        let huge = photo % 50 == thread;
                        let file = hold(Holds::File, if huge { 5000 } else { size(1) });
                        let picture = hold(Holds::Picture, if huge { 9000 } else { size(4) });
                        release(picture);
                        release(file);
                        let outcome = hold(Holds::Outcome, size(1));
                        out.send(outcome).unwrap();
                    }
                });
            }
            drop(out);
            let release = &release;
            scope.spawn(move || {
                while let Ok(first) = outcomes.recv() {
                    let batch: Vec<Share> = std::iter::once(first).chain(outcomes.try_iter()).collect();
                    batch.into_iter().for_each(release);
                }
            });
        });
        assert_eq!(used(&budget), [0; 3]);
    }

    #[test]
    fn more_than_everything_is_granted_alone() {
        let budget = Budget::new(10);
        for holds in KINDS {
            drop(budget.take(holds, 1_000));
            drop(budget.take(holds, 1));
        }
        drop(Budget::new(0).take(Holds::Picture, 7));
    }

    /// A huge picture waits for those in hand, and those who come after it wait for it.
    #[test]
    fn who_came_first_is_served_first() {
        let budget = Budget::new(1000);
        let first = budget.take(Holds::Picture, 100);
        let (told, order) = mpsc::channel();
        std::thread::scope(|scope| {
            for (name, bytes) in [("huge", 10_000), ("small", 1)] {
                let (budget, told) = (&budget, told.clone());
                scope.spawn(move || {
                    let share = budget.take(Holds::Picture, bytes);
                    told.send(name).unwrap();
                    drop(share);
                });
                // In line before the next one comes.
                let waiting = |budget: &Budget| {
                    let state = budget.pictures.state.lock().unwrap();
                    state.next - state.serving
                };
                let expected = if name == "huge" { 1 } else { 2 };
                while waiting(budget) < expected {
                    std::thread::yield_now();
                }
            }
            assert!(order.try_recv().is_err(), "both wait");
            drop(first);
            assert_eq!([order.recv().unwrap(), order.recv().unwrap()], ["huge", "small"]);
        });
    }

    #[test]
    fn a_share_can_be_made_smaller() {
        let budget = Budget::new(1000);
        let mut share = budget.take(Holds::Picture, 500);
        share.shrink_to(600);
        assert_eq!(used(&budget), [0, 500, 0]);
        share.shrink_to(20);
        assert_eq!(used(&budget), [0, 20, 0]);
        drop(share);
        assert_eq!(used(&budget), [0; 3]);
    }
}
