//! Who waits for whom, and who is woken. Waits are an hour long here: what does not come at once never comes.

use std::sync::Arc;

use crossbeam_channel::{Receiver, unbounded};
use vow_types::Size;

use super::*;

const LONG: Duration = Duration::from_secs(3600);
/// After which something that should have come at once is said never to come.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rounds of what depends on who sleeps when.
const ROUNDS: usize = 50;
const SMALL: Key = Key { role: Role::Embedder, size: Size { width: 16, height: 16 } };
const LARGE: Key = Key { role: Role::Embedder, size: Size { width: 32, height: 32 } };

/// With so many photos that somebody is at.
fn queue(announced: usize) -> Queue<u32> {
    let queue = Queue::new(Waits { live: LONG, backlog: LONG }, |_| 4, 64, true);
    (0..announced).for_each(|_| queue.announce());
    queue
}

/// A call of one photo for these items.
fn push(queue: &Queue<u32>, items: &[(Key, u32)]) -> u64 {
    let call = queue.call();
    let items = items.iter().map(|(key, work)| Item { key: *key, work: *work, bytes: 1 });
    queue.push(call, Lane::Backlog, items.collect());
    call
}

/// What is to be run at once, if anything is.
fn due(queue: &Queue<u32>) -> Option<Vec<u32>> {
    match queue.lock().next(Roles::All, Instant::now()) {
        Next::Run(_, batch) => Some(batch.into_iter().map(|queued| queued.job).collect()),
        Next::At(_) | Next::Nothing => None,
    }
}

#[test]
fn what_is_here_waits_for_photos_that_may_bring_more_and_for_nobody_else() {
    let queue = queue(2);
    push(&queue, &[(SMALL, 1), (SMALL, 2)]);
    assert_eq!(due(&queue), None, "the other photo may bring something");
    push(&queue, &[(SMALL, 3)]);
    assert_eq!(due(&queue), Some(vec![1, 2, 3]), "both have");

    push(&queue, &[(SMALL, 4)]);
    queue.announce();
    queue.announce();
    queue.close();
    assert_eq!(due(&queue), Some(vec![4]), "nothing comes any more");
}

#[test]
fn what_is_taken_back_is_not_waited_for_and_leaves_nothing() {
    let queue = queue(2);
    let gone = push(&queue, &[(SMALL, 1), (SMALL, 2)]);
    queue.cancel(gone);
    {
        let state = queue.lock();
        assert!(state.waiting.is_empty() && state.schedule.is_empty() && state.bytes == 0);
    }
    push(&queue, &[(SMALL, 3)]);
    assert_eq!(due(&queue), None, "whose call was taken back may bring something else");
}

/// Threads that take one batch each and are busy from then on; what they took.
fn takers(queue: &Arc<Queue<u32>>, count: usize) -> Receiver<Vec<u32>> {
    let (told, taken) = unbounded();
    for _ in 0..count {
        let (queue, told) = (Arc::clone(queue), told.clone());
        std::thread::spawn(move || {
            if let Taken::Batch(_, jobs) = queue.take(Roles::All, None) {
                told.send(jobs).ok();
            }
        });
    }
    // They sleep by now, or soon: where one does not, this round shows less.
    std::thread::sleep(Duration::from_millis(1));
    taken
}

#[test]
fn who_waits_for_a_photo_that_brings_nothing_is_woken() {
    for _ in 0..ROUNDS {
        let queue = Arc::new(queue(2));
        push(&queue, &[(SMALL, 1)]);
        let taken = takers(&queue, 1);
        assert!(taken.is_empty());
        queue.retract();
        let batch = taken.recv_timeout(PATIENCE);
        queue.close();
        assert_eq!(batch, Ok(vec![1]));
    }
}

#[test]
fn who_takes_a_batch_wakes_another_for_the_next() {
    for _ in 0..ROUNDS {
        let queue = Arc::new(queue(2));
        push(&queue, &[(SMALL, 1), (LARGE, 2)]);
        let taken = takers(&queue, 2);
        // This wakes one of them, and what it leaves is due as well.
        queue.retract();
        let mut both = [taken.recv_timeout(PATIENCE), taken.recv_timeout(PATIENCE)];
        queue.close();
        both.sort_by_key(|batch| batch.clone().ok());
        assert_eq!(both, [Ok(vec![1]), Ok(vec![2])]);
    }
}
