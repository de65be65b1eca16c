//! The queue of files to look at: what just happened overtakes the backlog, a path is in it once.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vow_types::{FolderId, Lane};

use crate::progress::FileTicket;

/// A file to be read, and what the scan saw of it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) path: PathBuf,
    pub(crate) folder: FolderId,
    /// How often it was tried already because it was changing.
    pub(crate) tries: u32,
    /// Keeps the engine from being idle until the job's outcome is stored.
    pub(crate) ticket: FileTicket,
}

#[derive(Debug, Default)]
struct Queues {
    live: VecDeque<Job>,
    backlog: VecDeque<Job>,
    /// Waiting for their time, by (time, number) so that two can share a time.
    delayed: BTreeMap<(Instant, u64), Job>,
    numbers: u64,
    /// Where each queued path stands; an entry of `backlog` that is not here as such was overtaken and is skipped.
    queued: HashMap<PathBuf, Lane>,
    closed: bool,
}

/// The queue; shared by the scanner and the workers.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    queues: Mutex<Queues>,
    changed: Condvar,
}

impl Feed {
    /// Adds a job unless its path is queued already (then the later look will see the newest state anyway) or the
    /// engine is stopping.
    pub(crate) fn push(&self, job: Job, lane: Lane) {
        let mut queues = self.lock();
        let stands = queues.queued.get(&job.path).copied();
        let overtakes = lane == Lane::Live && stands == Some(Lane::Backlog);
        if queues.closed || (stands.is_some() && !overtakes) {
            return;
        }
        queues.queued.insert(job.path.clone(), lane);
        match lane {
            Lane::Live => queues.live.push_back(job),
            Lane::Backlog => queues.backlog.push_back(job),
        }
        self.changed.notify_one();
    }

    /// Adds a job that is not to be looked at before `delay` is over.
    pub(crate) fn push_later(&self, job: Job, delay: Duration) {
        let mut queues = self.lock();
        if queues.closed || queues.queued.contains_key(&job.path) {
            return;
        }
        queues.queued.insert(job.path.clone(), Lane::Live);
        queues.numbers += 1;
        let key = (Instant::now() + delay, queues.numbers);
        queues.delayed.insert(key, job);
        self.changed.notify_one();
    }

    /// Waits for the next job, and says where it stood; `None` when the feed was closed.
    pub(crate) fn next(&self) -> Option<(Job, Lane)> {
        let mut queues = self.lock();
        loop {
            if queues.closed {
                return None;
            }
            let now = Instant::now();
            while queues.delayed.first_key_value().is_some_and(|((due, _), _)| *due <= now) {
                if let Some((_, job)) = queues.delayed.pop_first() {
                    queues.live.push_back(job);
                }
            }
            if let Some(job) = queues.live.pop_front() {
                queues.queued.remove(&job.path);
                return Some((job, Lane::Live));
            }
            if let Some(job) = queues.backlog.pop_front() {
                if queues.queued.get(&job.path) == Some(&Lane::Backlog) {
                    queues.queued.remove(&job.path);
                    return Some((job, Lane::Backlog));
                }
                continue;
            }
            let due = queues.delayed.first_key_value().map(|((due, _), _)| *due);
            queues = match due {
                Some(due) => {
                    self.changed
                        .wait_timeout(queues, due.saturating_duration_since(now))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self.changed.wait(queues).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Forgets what is queued and wakes every waiting worker with `None`.
    pub(crate) fn close(&self) {
        let mut queues = self.lock();
        *queues = Queues { closed: true, ..Queues::default() };
        self.changed.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queues> {
        // Each method leaves the queues whole, so a panic elsewhere does not make them wrong.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Progress;

    fn job(path: &str) -> Job {
        Job { path: path.into(), folder: FolderId(1), tries: 0, ticket: Progress::new().file_ticket() }
    }

    #[test]
    fn live_overtakes_and_a_path_is_queued_once() {
        let feed = Feed::default();
        for path in ["old1", "old2", "old1"] {
            feed.push(job(path), Lane::Backlog);
        }
        feed.push(job("new"), Lane::Live);
        feed.push(job("old2"), Lane::Live);
        feed.push_later(job("later"), Duration::from_millis(5));
        let order: Vec<_> = (0..4).map(|_| feed.next().unwrap().0.path).collect();
        assert_eq!(order, ["new", "old2", "old1", "later"].map(PathBuf::from));
    }

    #[test]
    fn a_path_may_come_again_after_it_was_taken() {
        let feed = Feed::default();
        feed.push(job("a"), Lane::Live);
        assert!(feed.next().is_some());
        feed.push(job("a"), Lane::Live);
        assert!(feed.next().is_some());
    }

    #[test]
    fn closing_wakes_and_refuses() {
        let feed = Feed::default();
        feed.push(job("a"), Lane::Live);
        feed.close();
        feed.push(job("b"), Lane::Live);
        assert!(feed.next().is_none());
    }
}
