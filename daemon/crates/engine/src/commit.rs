//! The committer: gathers what the workers hand on into transactions, and tells the people thread what is stored.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use vow_store::{Change, Committed, FileRow, FileState, StoreError};
use vow_types::{Stage, num};

use crate::people::Message;
use crate::progress::{FileTicket, Ticket};
use crate::worker::{AsRead, Bench, Copy, Outcome};

/// A transaction holds at most this many files …
const MOST: usize = 64;
/// … and waits at most this long for them while there is a backlog.
const OLDEST: Duration = Duration::from_millis(200);

/// What the people thread must know of a transaction.
pub(crate) struct Stored {
    pub(crate) committed: Committed,
    /// Held, never read: they keep the engine from being idle until people are updated.
    pub(crate) _tickets: Vec<Ticket>,
}

/// Commits until the channel is closed and empty; everything handed over is stored before it returns.
///
/// # Errors
/// When the store refuses a transaction (disk full, I/O error): nothing of it is acknowledged then.
pub(crate) fn commit(
    bench: &Bench,
    input: &Receiver<Outcome>,
    out: &Sender<Message>,
) -> Result<(), StoreError> {
    while let Ok(first) = input.recv() {
        let mut batch = vec![first];
        let deadline = Instant::now() + OLDEST;
        while batch.len() < MOST {
            // Only a backlog is worth waiting for: a lone photo is stored at once, and so is one that somebody may be waiting
            // for.
            let pending = bench.progress.pending.load(Ordering::SeqCst);
            let enough = pending <= num::len_u64(batch.len()) || batch.iter().any(|outcome| outcome.live);
            if input.is_empty() && enough {
                break;
            }
            match input.recv_deadline(deadline) {
                Ok(next) => batch.push(next),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let copies = store(bench, batch, out)?;
        // Copies of what was just stored need no look of their own, and nobody waits for them in turn.
        if !copies.is_empty() {
            store(bench, copies, out)?;
        }
    }
    Ok(())
}

/// One transaction; returns what the copies of its photos left behind.
fn store(bench: &Bench, batch: Vec<Outcome>, out: &Sender<Message>) -> Result<Vec<Outcome>, StoreError> {
    let mut changes = Vec::with_capacity(batch.len());
    let (mut claimed, mut files, mut held) = (Vec::new(), Vec::new(), Vec::new());
    let read: Vec<AsRead> = batch.iter().filter_map(Outcome::as_read).collect();
    for outcome in batch {
        let analysed = !matches!(&outcome.change, Change::Known { file } if is_failure(file));
        changes.push(outcome.change);
        held.extend(outcome.held);
        claimed.extend(outcome.claimed.map(|photo| (photo, analysed)));
        files.extend(outcome.ticket);
    }
    let committed = bench.progress.timed(Stage::Commit, || bench.store.commit(changes))?;
    drop(held);
    // From now on every hint is compared with what is stored.
    read.into_iter().for_each(|file| file.look_again(bench));
    let mut copies = Vec::new();
    for (photo, analysed) in claimed {
        if analysed {
            copies.extend(bench.inflight.release(&photo).into_iter().map(Copy::into_outcome));
        } else {
            bench.give_up(&photo);
        }
    }
    let tickets = files.into_iter().map(FileTicket::stored).collect();
    // A closed channel means that the people thread ended with an error, which stops the engine by itself.
    let _ = out.send(Message::Stored(Stored { committed, _tickets: tickets }));
    Ok(copies)
}

fn is_failure(file: &FileRow) -> bool {
    matches!(file.state, FileState::Failed { .. })
}
