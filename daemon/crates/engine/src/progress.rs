//! How far the work has come: counters that every thread adds to, and tickets that say when all of it is done.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::watch;
use vow_types::{Failure, Stage, num};

/// What the engine is doing, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Comparing folders with the store.
    Scanning,
    /// Photos are on their way.
    Indexing,
    /// Nothing to index: people are sorted out over everything.
    Settling,
    /// All work is done and stored.
    Idle,
    /// Shutting down.
    Stopping,
}

/// What scans left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct IgnoredCounts {
    /// By its name no picture.
    pub not_a_picture: u64,
    /// Names that begin with a dot.
    pub hidden: u64,
    /// Folders that systems keep thumbnails and rubbish in.
    pub system_folder: u64,
    /// Pipes, sockets, devices.
    pub special_file: u64,
}

impl IgnoredCounts {
    pub(crate) fn add(&mut self, other: Self) {
        self.not_a_picture += other.not_a_picture;
        self.hidden += other.hidden;
        self.system_folder += other.system_folder;
        self.special_file += other.special_file;
    }
}

/// A moment's account of the whole engine.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// The pack's name.
    pub pack: String,
    /// The pack's id.
    pub pack_id: String,
    /// Name and version of what runs the models.
    pub runtime: String,
    /// Why that one.
    pub runtime_why: String,
    /// Watched folders.
    pub folders: u64,
    /// Files that show a photo.
    pub files: u64,
    /// Photos with at least one file.
    pub photos: u64,
    /// Faces in those photos.
    pub faces: u64,
    /// People: named, or with at least three faces.
    pub people: u64,
    /// Groups of any size.
    pub groups: u64,
    /// People with a name.
    pub named: u64,
    /// Files that could not be indexed.
    pub failures: u64,
    /// Files found and not yet stored.
    pub pending: u64,
    /// Photos that went through the models since the start.
    pub photos_inferred: u64,
    /// Files that were read since the start.
    pub files_read: u64,
    /// Files done a second over the current run of work, or over the last one.
    pub photos_per_s: f64,
    /// Estimated seconds until all is done.
    pub eta_s: Option<f64>,
    /// What the last scans left out.
    pub ignored: IgnoredCounts,
    /// Places that the last scans could not look into.
    pub scan_problems: Vec<(std::path::PathBuf, Failure)>,
    /// Start of the engine, seconds since 1970.
    pub started: i64,
}

/// A run of work: from the first ticket after idleness on.
#[derive(Debug, Clone, Copy)]
struct Run {
    started: Instant,
    done_before: u64,
    /// Set when the run ended.
    took: Option<Duration>,
}

/// Shared by all threads.
#[derive(Debug)]
pub(crate) struct Progress {
    tickets: AtomicU64,
    pub(crate) scans: AtomicU64,
    pub(crate) pending: AtomicU64,
    pub(crate) done: AtomicU64,
    pub(crate) inferred: AtomicU64,
    pub(crate) files_read: AtomicU64,
    /// Faces were added or taken away since people were last sorted out over everything.
    pub(crate) unsettled: AtomicBool,
    pub(crate) stopping: AtomicBool,
    busy: [AtomicU64; Stage::ALL.len()],
    waited: [AtomicU64; Stage::ALL.len()],
    run: Mutex<Run>,
    started: i64,
    changes: watch::Sender<u64>,
}

/// A piece of work that is not finished; the engine is idle when there is none.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Progress>);

/// A file on its way; counts as pending until dropped.
#[derive(Debug)]
pub(crate) struct FileTicket {
    ticket: Ticket,
}

impl Progress {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            tickets: AtomicU64::new(0),
            scans: AtomicU64::new(0),
            pending: AtomicU64::new(0),
            done: AtomicU64::new(0),
            inferred: AtomicU64::new(0),
            files_read: AtomicU64::new(0),
            unsettled: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            busy: std::array::from_fn(|_| AtomicU64::new(0)),
            waited: std::array::from_fn(|_| AtomicU64::new(0)),
            run: Mutex::new(Run { started: Instant::now(), done_before: 0, took: Some(Duration::ZERO) }),
            started: now(),
            changes: watch::Sender::new(0),
        })
    }

    pub(crate) fn ticket(self: &Arc<Self>) -> Ticket {
        if self.tickets.fetch_add(1, Ordering::SeqCst) == 0 {
            let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
            *run = Run { started: Instant::now(), done_before: self.done.load(Ordering::SeqCst), took: None };
        }
        Ticket(Arc::clone(self))
    }

    /// A ticket for work that follows a run and belongs to it.
    pub(crate) fn closing_ticket(self: &Arc<Self>) -> Ticket {
        self.tickets.fetch_add(1, Ordering::SeqCst);
        Ticket(Arc::clone(self))
    }

    pub(crate) fn file_ticket(self: &Arc<Self>) -> FileTicket {
        self.pending.fetch_add(1, Ordering::SeqCst);
        FileTicket { ticket: self.ticket() }
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
        let run = *self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = run.took.unwrap_or_else(|| run.started.elapsed()).as_secs_f64();
        let done = num::u64_to_f64(self.done.load(Ordering::SeqCst).saturating_sub(run.done_before));
        let rate = if seconds > 0.0 { done / seconds } else { 0.0 };
        let pending = self.pending.load(Ordering::SeqCst);
        let eta = (pending > 0 && rate > 0.0).then(|| num::u64_to_f64(pending) / rate);
        (rate, eta)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.0.tickets.fetch_sub(1, Ordering::SeqCst) == 1 {
            let mut run = self.0.run.lock().unwrap_or_else(PoisonError::into_inner);
            if run.took.is_none() {
                run.took = Some(run.started.elapsed());
            }
        }
        self.0.touch();
    }
}

impl FileTicket {
    /// The file is stored; grouping its faces is still to come.
    pub(crate) fn stored(self) -> Ticket {
        // Moving out of a type with Drop is not possible, so a second ticket takes the first one's place.
        self.ticket.0.ticket()
    }
}

impl Drop for FileTicket {
    fn drop(&mut self) {
        self.ticket.0.pending.fetch_sub(1, Ordering::SeqCst);
        self.ticket.0.done.fetch_add(1, Ordering::SeqCst);
    }
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
}
