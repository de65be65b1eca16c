//! How far the work has come: counters that every thread adds to, and tickets that say when all of it is done.

mod status;
mod ticket;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use vow_types::{Stage, num};

pub use status::{IgnoredCounts, State, Status};
use ticket::Hands;
pub(crate) use ticket::{FileTicket, FileTickets, Ticket};

/// Shared by all threads.
#[derive(Debug)]
pub(crate) struct Progress {
    tickets: AtomicU64,
    pub(crate) scans: AtomicU64,
    pub(crate) pending: AtomicU64,
    pub(crate) inferred: AtomicU64,
    pub(crate) turned: AtomicU64,
    pub(crate) files_read: AtomicU64,
    /// Faces were added or taken away since people were last sorted out over everything.
    pub(crate) unsettled: AtomicBool,
    pub(crate) stopping: AtomicBool,
    busy: [AtomicU64; Stage::ALL.len()],
    waited: [AtomicU64; Stage::ALL.len()],
    hands: Mutex<Hands>,
    /// Counts what the neighbour thread should look at.
    pulse: Mutex<u64>,
    beat: Condvar,
    started: i64,
    changes: watch::Sender<u64>,
}

impl Progress {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            tickets: AtomicU64::new(0),
            scans: AtomicU64::new(0),
            pending: AtomicU64::new(0),
            inferred: AtomicU64::new(0),
            turned: AtomicU64::new(0),
            files_read: AtomicU64::new(0),
            unsettled: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            busy: std::array::from_fn(|_| AtomicU64::new(0)),
            waited: std::array::from_fn(|_| AtomicU64::new(0)),
            hands: Mutex::new(Hands::empty()),
            pulse: Mutex::new(0),
            beat: Condvar::new(),
            started: now(),
            changes: watch::Sender::new(0),
        })
    }

    pub(crate) fn ticket(self: &Arc<Self>) -> Ticket {
        if self.tickets.fetch_add(1, Ordering::SeqCst) == 0 {
            self.hands().fresh = true;
            self.pulse();
        }
        Ticket(Arc::clone(self))
    }

    /// A ticket for work that follows a run and belongs to it.
    pub(crate) fn closing_ticket(self: &Arc<Self>) -> Ticket {
        if self.tickets.fetch_add(1, Ordering::SeqCst) == 0 {
            self.pulse();
        }
        Ticket(Arc::clone(self))
    }

    pub(crate) fn file_ticket(self: &Arc<Self>) -> FileTicket {
        self.pending.fetch_add(1, Ordering::SeqCst);
        FileTicket { ticket: self.ticket(), taken: false }
    }

    /// As many at once.
    pub(crate) fn file_tickets(self: &Arc<Self>, files: usize) -> FileTickets {
        let left = num::len_u64(files);
        self.pending.fetch_add(left, Ordering::SeqCst);
        FileTickets { ticket: self.ticket(), left }
    }

    /// Whether nothing is under way, settling apart.
    pub(crate) fn quiet(&self) -> bool {
        self.tickets.load(Ordering::SeqCst) == 0
    }

    /// Whether the caller's own ticket is the only one.
    pub(crate) fn alone(&self) -> bool {
        self.tickets.load(Ordering::SeqCst) <= 1
    }

    pub(crate) fn idle(&self) -> bool {
        // In this order: whoever unsettles people does so before its ticket ends.
        self.quiet() && !self.unsettled.load(Ordering::SeqCst)
    }

    /// Runs `work`, counting its time for `stage`.
    pub(crate) fn timed<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let value = work();
        self.add_busy(stage, start.elapsed());
        value
    }

    pub(crate) fn add_busy(&self, stage: Stage, time: Duration) {
        add(&self.busy, stage, time);
    }

    pub(crate) fn add_waited(&self, stage: Stage, time: Duration) {
        add(&self.waited, stage, time);
    }

    /// Busy and waiting seconds of a stage, over all threads.
    pub(crate) fn seconds(&self, stage: Stage) -> (f64, f64) {
        (get(&self.busy, stage), get(&self.waited, stage))
    }

    /// Tells whoever watches that something may have changed.
    pub(crate) fn touch(&self) {
        self.changes.send_modify(|version| *version = version.wrapping_add(1));
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn state(&self) -> State {
        if self.stopping.load(Ordering::SeqCst) {
            State::Stopping
        } else if self.pending.load(Ordering::SeqCst) > 0 {
            // Whether they stand still is the feed's to say.
            State::Indexing
        } else if self.scans.load(Ordering::SeqCst) > 0 {
            State::Scanning
        } else if self.idle() {
            State::Idle
        } else {
            State::Settling
        }
    }

    pub(crate) fn started(&self) -> i64 {
        self.started
    }

    /// Files a second in the current or last run, and the seconds left, where both can be told.
    pub(crate) fn rate(&self) -> (f64, Option<f64>) {
        let hands = self.hands();
        let (time, done) = hands.before;
        let rate = rate(hands.time().saturating_sub(time), hands.done.saturating_sub(done));
        drop(hands);
        let pending = self.pending.load(Ordering::SeqCst);
        let eta = (pending > 0 && rate > 0.0).then(|| num::u64_to_f64(pending) / rate);
        (rate, eta)
    }

    /// Seconds in which photos were worked on since the start, and files done in them.
    pub(crate) fn worked(&self) -> (f64, u64) {
        let hands = self.hands();
        (hands.time().as_secs_f64(), hands.done)
    }

    /// Files that workers or the committer have in hand.
    pub(crate) fn in_hand(&self) -> u64 {
        self.hands().taken
    }

    /// Whether files wait and none is on its way.
    pub(crate) fn stands_still(&self) -> bool {
        self.pending.load(Ordering::SeqCst) > 0 && self.in_hand() == 0
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        // Plain numbers, whole after every step.
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the neighbour thread look again.
    pub(crate) fn pulse(&self) {
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        *pulse = pulse.wrapping_add(1);
        self.beat.notify_all();
    }

    /// Waits for a pulse that differs from `seen`, or for a moment. Returns the pulse.
    pub(crate) fn wait_pulse(&self, seen: u64, until: Option<Instant>) -> u64 {
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        while *pulse == seen {
            let Some(until) = until else {
                pulse = self.beat.wait(pulse).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            pulse = self.beat.wait_timeout(pulse, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *pulse
    }
}

/// Files a second.
fn rate(time: Duration, done: u64) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { num::u64_to_f64(done) / seconds } else { 0.0 }
}

/// Seconds since 1970; a clock before that gives 0.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn at(stage: Stage) -> usize {
    Stage::ALL.iter().position(|other| *other == stage).unwrap_or(0)
}

fn add(counters: &[AtomicU64], stage: Stage, time: Duration) {
    if let Some(counter) = counters.get(at(stage)) {
        counter.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

fn get(counters: &[AtomicU64], stage: Stage) -> f64 {
    let nanos = counters.get(at(stage)).map_or(0, |counter| counter.load(Ordering::Relaxed));
    Duration::from_nanos(nanos).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_only_when_every_ticket_is_gone_and_people_are_settled() {
        let progress = Progress::new();
        assert!(progress.idle());
        let file = progress.file_ticket();
        assert_eq!(progress.state(), State::Indexing);
        let rest = file.stored();
        assert_eq!((progress.pending.load(Ordering::SeqCst), progress.idle()), (0, false));
        progress.unsettled.store(true, Ordering::SeqCst);
        drop(rest);
        assert!(progress.quiet() && !progress.idle());
        progress.unsettled.store(false, Ordering::SeqCst);
        assert_eq!(progress.state(), State::Idle);
    }

    #[test]
    fn tickets_for_many_are_those_of_each() {
        let progress = Progress::new();
        let pending = || progress.pending.load(Ordering::SeqCst);
        let mut three = progress.file_tickets(3);
        let first = three.next();
        assert_eq!((pending(), progress.alone()), (3, false));
        drop(first);
        let second = three.next();
        assert_eq!(pending(), 2);
        drop(three);
        assert_eq!((pending(), progress.alone()), (1, true));
        drop(second);
        assert_eq!((pending(), progress.idle()), (0, true));
        let mut none = progress.file_tickets(0);
        let one = none.next();
        assert_eq!(pending(), 1);
        drop((one, none));
        assert_eq!((pending(), progress.idle()), (0, true));
    }

    #[test]
    fn only_time_with_files_in_hand_counts() {
        let progress = Progress::new();
        let (mut first, mut second) = (progress.file_ticket(), progress.file_ticket());
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!((progress.worked(), progress.in_hand()), ((0.0, 0), 0), "waiting is no work");
        first.take();
        second.take();
        assert_eq!(progress.in_hand(), 2);
        second.put_back();
        std::thread::sleep(Duration::from_millis(2));
        drop(first);
        let (time, done) = progress.worked();
        assert!(time > 0.0);
        assert_eq!((done, progress.in_hand()), (1, 0));
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(progress.worked(), (time, 1));
        assert!(progress.rate().0 > 0.0);
        // The rate is that of the last run until the next one has begun.
        drop(second);
        drop(progress.ticket());
        assert!(progress.rate().0 > 0.0);
    }

    #[test]
    fn a_pulse_is_never_missed() {
        let progress = Progress::new();
        let seen = progress.wait_pulse(u64::MAX, None);
        assert_eq!(progress.wait_pulse(seen, Some(Instant::now())), seen);
        let ticket = progress.ticket();
        let after = progress.wait_pulse(seen, None);
        assert_ne!(after, seen);
        drop(ticket);
        assert_ne!(progress.wait_pulse(after, None), after);
    }
}
