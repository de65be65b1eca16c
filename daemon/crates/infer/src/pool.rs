//! Owner threads: each owns a worker that nobody else touches, takes tasks from one bounded queue, and answers on a
//! channel of the task's own. Knows nothing of networks.
//!
//! A task that fails or panics costs that task and nothing else: the thread lives on, after a panic with a worker that
//! is opened anew. Dropping the pool ends the threads after the tasks they are at, and waits for them.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::caught::caught;
use crate::error::{InferError, Role};

type Task<W> = Box<dyn FnOnce(&mut Seat<W>) + Send>;
type Open<W> = dyn Fn() -> Result<W, InferError> + Send + Sync;

/// Some threads with a worker each.
pub(crate) struct Pool<W> {
    /// `None` only while the pool is being dropped.
    tasks: Option<Sender<Task<W>>>,
    threads: Vec<JoinHandle<()>>,
}

/// An answer that may not have come yet.
pub(crate) struct Pending<T>(Receiver<Answer<T>>);

/// What a task gave, and its times.
pub(crate) struct Answer<T> {
    pub(crate) value: Result<T, InferError>,
    /// Spent on the task in its thread.
    pub(crate) busy: Duration,
    /// From the moment it was asked for until a thread began with it.
    pub(crate) waited: Duration,
}

impl<W: 'static> Pool<W> {
    /// Starts threads (at least one) and returns when every one has opened its worker.
    pub(crate) fn start(
        threads: usize,
        open: impl Fn() -> Result<W, InferError> + Send + Sync + 'static,
    ) -> Result<Self, InferError> {
        let threads = threads.max(1);
        let open: Arc<Open<W>> = Arc::new(open);
        // Enough that a thread finds its next task waiting; more would only hold pictures in memory.
        let (tasks, queue) = bounded::<Task<W>>(2 * threads);
        let (ready, opened) = bounded(threads);
        let mut pool = Self { tasks: Some(tasks), threads: Vec::with_capacity(threads) };
        for number in 0..threads {
            let (queue, ready, open) = (queue.clone(), ready.clone(), Arc::clone(&open));
            let thread = Builder::new().name(format!("vow-infer-{number}")).spawn(move || {
                let mut seat = Seat { open, worker: None };
                let first = seat.run(Role::Detector, |_| Ok(()));
                let usable = first.is_ok();
                // Fails only when nobody waits any more, because another thread could not be started.
                ready.send(first).ok();
                drop(ready);
                if usable {
                    queue.iter().for_each(|task| task(&mut seat));
                }
            });
            pool.threads.push(thread.map_err(|source| InferError::Thread { source })?);
        }
        drop(ready);
        opened.iter().collect::<Result<(), _>>()?;
        Ok(pool)
    }

    /// Queues a task; waits while the queue is full. `asked` is when the answer was first wished for.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        role: Role,
        asked: Instant,
        run: impl FnOnce(&mut W) -> Result<T, InferError> + Send + 'static,
    ) -> Result<Pending<T>, InferError> {
        let (answer, pending) = bounded(1);
        let task: Task<W> = Box::new(move |seat| {
            let begun = Instant::now();
            let value = seat.run(role, run);
            let timed =
                Answer { value, busy: begun.elapsed(), waited: begun.saturating_duration_since(asked) };
            // Fails only when the asker has gone.
            answer.send(timed).ok();
        });
        let tasks = self.tasks.as_ref().ok_or(InferError::Stopped)?;
        tasks.send(task).map_err(|_| InferError::Stopped)?;
        Ok(Pending(pending))
    }
}

impl<W> Drop for Pool<W> {
    fn drop(&mut self) {
        self.tasks = None;
        for thread in self.threads.drain(..) {
            // Every panic of a task is caught; one outside is reported by the panic hook and leaves nothing to do.
            thread.join().ok();
        }
    }
}

impl<T> Pending<T> {
    /// Waits for the answer.
    pub(crate) fn wait(self) -> Result<Answer<T>, InferError> {
        self.0.recv().map_err(|_| InferError::Stopped)
    }
}

/// A thread's place: its worker, and how to get another.
struct Seat<W> {
    open: Arc<Open<W>>,
    worker: Option<W>,
}

impl<W> Seat<W> {
    fn run<T>(
        &mut self,
        role: Role,
        run: impl FnOnce(&mut W) -> Result<T, InferError>,
    ) -> Result<T, InferError> {
        // A worker in which something panicked is not looked at again, so nothing half-done is seen.
        let outcome = caught(|| {
            let worker = match self.worker.take() {
                Some(worker) => worker,
                None => (self.open)()?,
            };
            run(self.worker.insert(worker))
        });
        outcome.unwrap_or_else(|message| {
            let broken = self.worker.take();
            // Dropping what panicked may panic again.
            caught(move || drop(broken)).ok();
            Err(InferError::Panicked { role, message })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    /// Counts the workers that live.
    struct Counted {
        living: Arc<AtomicUsize>,
        runs: usize,
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.living.fetch_sub(1, SeqCst);
        }
    }

    fn counted(threads: usize) -> (Pool<Counted>, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (living, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counters = (Arc::clone(&living), Arc::clone(&opened));
        let pool = Pool::start(threads, move || {
            living.fetch_add(1, SeqCst);
            opened.fetch_add(1, SeqCst);
            Ok(Counted { living: Arc::clone(&living), runs: 0 })
        });
        (pool.unwrap(), counters.0, counters.1)
    }

    fn ask<T: Send + 'static>(
        pool: &Pool<Counted>,
        run: impl FnOnce(&mut Counted) -> Result<T, InferError> + Send + 'static,
    ) -> Result<T, InferError> {
        pool.submit(Role::Embedder, Instant::now(), run).unwrap().wait().unwrap().value
    }

    fn count(worker: &mut Counted) -> Result<usize, InferError> {
        worker.runs += 1;
        Ok(worker.runs)
    }

    #[test]
    fn a_worker_serves_one_task_after_the_other() {
        let (pool, _, opened) = counted(1);
        assert_eq!((1..=3).map(|_| ask(&pool, count).unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(opened.load(SeqCst), 1);
    }

    #[test]
    fn a_failed_task_keeps_the_worker() {
        let (pool, _, opened) = counted(1);
        ask(&pool, count).unwrap();
        assert!(matches!(ask::<()>(&pool, |_| Err(InferError::Stopped)), Err(InferError::Stopped)));
        assert_eq!(ask(&pool, count).unwrap(), 2);
        assert_eq!(opened.load(SeqCst), 1);
    }

    #[test]
    fn a_panic_costs_its_task_and_the_worker_is_opened_anew() {
        let (pool, living, opened) = counted(1);
        ask(&pool, count).unwrap();
        let error = ask::<()>(&pool, |_| panic!("tensor {} of 9", 7)).unwrap_err();
        assert!(
            matches!(&error, InferError::Panicked { role: Role::Embedder, message } if message == "tensor 7 of 9")
        );
        assert_eq!(ask(&pool, count).unwrap(), 1);
        assert_eq!((living.load(SeqCst), opened.load(SeqCst)), (1, 2));
    }

    #[test]
    fn a_worker_that_cannot_be_opened_again_fails_tasks_until_it_can() {
        let tries = AtomicUsize::new(0);
        let pool = Pool::start(1, move || match tries.fetch_add(1, SeqCst) {
            1 => Err(InferError::Stopped),
            n => Ok(n),
        })
        .unwrap();
        let ask = |run: fn(&mut usize) -> Result<usize, InferError>| {
            pool.submit(Role::Detector, Instant::now(), run).unwrap().wait().unwrap().value
        };
        assert!(matches!(ask(|_| panic!("broken")), Err(InferError::Panicked { .. })));
        assert!(matches!(ask(|n| Ok(*n)), Err(InferError::Stopped)));
        assert_eq!(ask(|n| Ok(*n)).unwrap(), 2);
    }

    #[test]
    fn a_pool_of_which_one_worker_cannot_open_does_not_start_and_leaves_no_thread() {
        let living = Arc::new(AtomicUsize::new(0));
        let (others, opened) = (Arc::clone(&living), AtomicUsize::new(0));
        let pool = Pool::start(4, move || match opened.fetch_add(1, SeqCst) {
            2 => Err(InferError::Stopped),
            _ => {
                others.fetch_add(1, SeqCst);
                Ok(Counted { living: Arc::clone(&others), runs: 0 })
            }
        });
        assert!(matches!(pool, Err(InferError::Stopped)));
        assert_eq!(living.load(SeqCst), 0);
    }

    #[test]
    fn a_panic_while_opening_is_an_error_too() {
        let pool = Pool::<()>::start(1, || panic!("bad graph"));
        assert!(matches!(pool, Err(InferError::Panicked { message, .. }) if message == "bad graph"));
    }

    #[test]
    fn dropping_the_pool_ends_and_joins_every_thread() {
        let (pool, living, _) = counted(3);
        assert_eq!(living.load(SeqCst), 3);
        let last = pool.submit(Role::Detector, Instant::now(), count).unwrap();
        drop(pool);
        assert_eq!(living.load(SeqCst), 0);
        assert_eq!(last.wait().unwrap().value.unwrap(), 1, "what was queued is still done");
    }

    #[test]
    fn no_threads_asked_for_means_one() {
        let (pool, living, _) = counted(0);
        assert_eq!(living.load(SeqCst), 1);
        drop(pool);
    }

    #[test]
    fn many_askers_get_their_own_answers() {
        let (pool, ..) = counted(2);
        std::thread::scope(|scope| {
            for asker in 0..8 {
                let pool = &pool;
                scope.spawn(move || {
                    for n in 0..50 {
                        assert_eq!(ask(pool, move |_| Ok((asker, n))).unwrap(), (asker, n));
                    }
                });
            }
        });
    }
}
