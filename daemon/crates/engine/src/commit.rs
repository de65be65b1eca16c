//! The committer: gathers what the workers hand on into transactions, and tells the people thread what is stored.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use vow_store::{Change, Committed, Store, StoreError};
use vow_types::Stage;

use crate::progress::{Progress, Ticket};
use crate::worker::{Bench, Outcome};

/// A transaction holds at most this many files …
const MOST: usize = 64;
/// … and waits at most this long for them while there is a backlog.
const OLDEST: Duration = Duration::from_millis(200);

/// What the people thread must know of a transaction.
pub(crate) struct Stored {
    pub(crate) committed: Committed,
    /// Keep the engine from being idle until people are updated.
    pub(crate) tickets: Vec<Ticket>,
}

/// Commits until the channel is closed and empty; everything handed over is stored before it returns.
///
/// # Errors
/// When the store refuses a transaction (disk full, I/O error): nothing of it is acknowledged then.
pub(crate) fn commit(bench: &Bench, input: &Receiver<Outcome>, out: &Sender<Stored>) -> Result<(), StoreError> {
    while let Ok(first) = input.recv() {
        let mut batch = vec![first];
        let deadline = Instant::now() + OLDEST;
        while batch.len() < MOST {
            // Only a backlog is worth waiting for: a lone photo is stored at once.
            if input.is_empty() && bench.progress.pending.load(std::sync::atomic::Ordering::SeqCst) <= in_hand(&batch)
            {
                break;
            }
            match input.recv_deadline(deadline) {
                Ok(next) => batch.push(next),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let mut copies = store(&bench.store, &bench.progress, batch, out, bench)?;
        // Copies of what was just stored need no look of their own; they may release no further ones.
        while !copies.is_empty() {
            copies = store(&bench.store, &bench.progress, copies, out, bench)?;
        }
    }
    Ok(())
}

fn in_hand(batch: &[Outcome]) -> u64 {
    vow_types::num::len_u64(batch.len())
}

/// One transaction; returns what the copies of its photos left behind.
fn store(
    store: &Store,
    progress: &Arc<Progress>,
    batch: Vec<Outcome>,
    out: &Sender<Stored>,
    bench: &Bench,
) -> Result<Vec<Outcome>, StoreError> {
    let mut changes = Vec::with_capacity(batch.len());
    let (mut claimed, mut files) = (Vec::new(), Vec::new());
    for outcome in batch {
        let analysed = !matches!(&outcome.change, Change::Known { file } if is_failure(file));
        changes.push(outcome.change);
        claimed.extend(outcome.claimed.map(|photo| (photo, analysed)));
        files.extend(outcome.ticket);
    }
    let committed = progress.timed(Stage::Commit, || store.commit(changes))?;
    let mut copies = Vec::new();
    for (photo, analysed) in claimed {
        for copy in bench.inflight.release(&photo) {
            if analysed {
                copies.push(copy.into_outcome());
            } else {
                // The photo failed; its copy has the same pixels but may differ in what failed (orientation, size).
                bench.feed.push(copy.job, crate::feed::Lane::Backlog);
            }
        }
    }
    let tickets = files.into_iter().map(crate::progress::FileTicket::stored).collect();
    // A closed channel means that the people thread ended with an error, which stops the engine by itself.
    let _ = out.send(Stored { committed, tickets });
    Ok(copies)
}

fn is_failure(file: &vow_store::FileRow) -> bool {
    matches!(file.state, vow_store::FileState::Failed { .. })
}
