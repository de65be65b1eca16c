//! The queue of files to look at: what just happened overtakes the backlog, a path is looked at once for all that it was put in
//! for.

mod run;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vow_types::{FolderId, Lane};

use crate::progress::FileTicket;
pub(crate) use run::Run;

/// A file to be read.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) path: PathBuf,
    pub(crate) folder: FolderId,
    /// How often it was tried already, because it was changing or a network failed.
    pub(crate) tries: u32,
    /// Keeps the engine from being idle until the job's outcome is stored.
    pub(crate) ticket: FileTicket,
}

/// Which jobs may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Gate {
    /// All.
    #[default]
    Open,
    /// Those that came in just now.
    LiveOnly,
    /// None.
    Shut,
}

/// Who asks for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desk {
    /// Takes live jobs only, so that one is never kept waiting by the backlog.
    Live,
    /// Takes whatever is there, but leaves a live job to a live desk that waits for one.
    Any,
}

#[derive(Debug, Default)]
struct Queues {
    live: VecDeque<PathBuf>,
    /// A path whose job is gone, or stands elsewhere, is skipped.
    backlog: VecDeque<PathBuf>,
    /// Waiting for their time, by (time, number) so that two can share a time.
    delayed: BTreeMap<(Instant, u64), PathBuf>,
    numbers: u64,
    /// The job of each path in line, and where it stands.
    jobs: HashMap<PathBuf, (Lane, Job)>,
    /// Jobs that stand in the backlog.
    behind: usize,
    /// Behind it, what scans found, the first of them first.
    runs: VecDeque<Run>,
    gate: Gate,
    /// Live desks that wait.
    live_desks: usize,
    closed: bool,
}

/// The queue; shared by the scanner and the workers.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    queues: Mutex<Queues>,
    /// Something changed for live desks …
    live: Condvar,
    /// … and for the others.
    any: Condvar,
}

impl Queues {
    /// The next job for a desk.
    fn take(&mut self, desk: Desk) -> Option<(Job, Lane)> {
        let now = Instant::now();
        while self.delayed.first_key_value().is_some_and(|((due, _), _)| *due <= now) {
            if let Some((_, path)) = self.delayed.pop_first() {
                self.live.push_back(path);
            }
        }
        let left_to_others = if desk == Desk::Any { self.live_desks } else { 0 };
        while self.gate != Gate::Shut && self.live.len() > left_to_others {
            let path = self.live.pop_front()?;
            if let Some((lane, job)) = self.jobs.remove(&path) {
                return Some((job, lane));
            }
        }
        while self.gate == Gate::Open
            && desk == Desk::Any
            && let Some(path) = self.backlog.pop_front()
        {
            if matches!(self.jobs.get(&path), Some((Lane::Backlog, _)))
                && let Some((lane, job)) = self.jobs.remove(&path)
            {
                self.behind -= 1;
                return Some((job, lane));
            }
        }
        while self.gate == Gate::Open && desk == Desk::Any {
            let run = self.runs.front_mut()?;
            let job = run.next();
            if run.len() == 0 {
                self.runs.pop_front();
            }
            if let Some(job) = job {
                return Some((job, Lane::Backlog));
            }
        }
        None
    }

    /// What scans found and stands in line by itself now is looked at once.
    fn leave_out(&mut self, path: &Path) {
        self.runs.iter_mut().for_each(|run| run.leave_out(path));
        self.runs.retain(|run| run.len() > 0);
    }

    /// Files that stand in the backlog.
    fn behind(&self) -> usize {
        self.behind + self.runs.iter().map(Run::len).sum::<usize>()
    }
}

impl Feed {
    /// Adds a job unless its path is queued already (then the later look will see the newest state anyway) or the
    /// engine is stopping.
    pub(crate) fn push(&self, job: Job, lane: Lane) {
        let mut queues = self.lock();
        let stands = queues.jobs.get(&job.path).map(|(lane, _)| *lane);
        let overtakes = lane == Lane::Live && stands == Some(Lane::Backlog);
        if queues.closed || (stands.is_some() && !overtakes) {
            return;
        }
        queues.behind -= usize::from(overtakes);
        queues.leave_out(&job.path);
        match lane {
            Lane::Live => queues.live.push_back(job.path.clone()),
            Lane::Backlog => {
                queues.backlog.push_back(job.path.clone());
                queues.behind += 1;
            }
        }
        // A job that was overtaken ends here, and is pending no longer.
        queues.jobs.insert(job.path.clone(), (lane, job));
        self.wake(&queues);
    }

    /// Adds what a scan found to do, in the place of what earlier ones found where it looked.
    pub(crate) fn push_run(&self, mut run: Run) {
        let mut queues = self.lock();
        if queues.closed {
            return;
        }
        queues.leave_out(run.place());
        queues.jobs.keys().for_each(|path| run.leave_out(path));
        if run.len() > 0 {
            queues.runs.push_back(run);
            self.any.notify_all();
        }
    }

    /// Wakes whoever may take the job that was just added.
    fn wake(&self, queues: &Queues) {
        self.live.notify_one();
        if queues.live.len() > queues.live_desks || queues.behind() > 0 || !queues.delayed.is_empty() {
            self.any.notify_one();
        }
    }

    /// Adds a job that is not to be looked at before `delay` is over.
    pub(crate) fn push_later(&self, mut job: Job, delay: Duration) {
        job.ticket.put_back();
        let mut queues = self.lock();
        if queues.closed || queues.jobs.contains_key(&job.path) {
            return;
        }
        queues.leave_out(&job.path);
        queues.numbers += 1;
        let key = (Instant::now() + delay, queues.numbers);
        queues.delayed.insert(key, job.path.clone());
        queues.jobs.insert(job.path.clone(), (Lane::Live, job));
        self.wake(&queues);
    }

    /// Waits for the next job, and says where it stood; `None` when the feed was closed.
    pub(crate) fn next(&self, desk: Desk) -> Option<(Job, Lane)> {
        let mut queues = self.lock();
        loop {
            if queues.closed {
                return None;
            }
            if let Some((mut job, lane)) = queues.take(desk) {
                job.ticket.take();
                return Some((job, lane));
            }
            let due = queues.delayed.first_key_value().map(|((due, _), _)| *due);
            let due = due.filter(|_| queues.gate != Gate::Shut);
            let changed = match desk {
                Desk::Live => &self.live,
                Desk::Any => &self.any,
            };
            queues.live_desks += usize::from(desk == Desk::Live);
            queues = match due {
                Some(due) => {
                    let left = due.saturating_duration_since(Instant::now());
                    changed.wait_timeout(queues, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => changed.wait(queues).unwrap_or_else(PoisonError::into_inner),
            };
            queues.live_desks = queues.live_desks.saturating_sub(usize::from(desk == Desk::Live));
        }
    }

    /// From now on only these jobs go. One that was taken goes on.
    pub(crate) fn set_gate(&self, gate: Gate) {
        if std::mem::replace(&mut self.lock().gate, gate) != gate {
            self.live.notify_all();
            self.any.notify_all();
        }
    }

    /// Jobs that wait: live ones, then the backlog.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let queues = self.lock();
        (queues.live.len() + queues.delayed.len(), queues.behind())
    }

    /// Jobs that the gate keeps from going.
    pub(crate) fn held(&self) -> usize {
        let queues = self.lock();
        match queues.gate {
            Gate::Open => 0,
            Gate::LiveOnly => queues.behind(),
            Gate::Shut => queues.live.len() + queues.delayed.len() + queues.behind(),
        }
    }

    /// Forgets what is queued and wakes every waiting worker with `None`.
    pub(crate) fn close(&self) {
        let mut queues = self.lock();
        *queues = Queues { closed: true, live_desks: queues.live_desks, ..Queues::default() };
        self.live.notify_all();
        self.any.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queues> {
        // Each method leaves the queues whole, so a panic elsewhere does not make them wrong.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
