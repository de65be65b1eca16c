//! Work that is not finished, and files in the workers' hands: what holds a count up until it is dropped. What the counts
//! mean together is `progress`'s to say.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use vow_types::num;

use super::Progress;

/// Files in the workers' hands, and the time during which there were any: waiting on a pause is no work.
#[derive(Debug)]
pub(super) struct Hands {
    /// Taken from the feed and not yet stored.
    pub(super) taken: u64,
    /// Since when there are some.
    since: Instant,
    /// Before that.
    time: Duration,
    /// Stored.
    pub(super) done: u64,
    /// Everything was done: the next file begins a run of work.
    pub(super) fresh: bool,
    /// Time and files before the current run, or the last one.
    pub(super) before: (Duration, u64),
}

impl Hands {
    /// Nobody has a file, and none was ever stored.
    pub(super) fn empty() -> Self {
        Self {
            taken: 0,
            since: Instant::now(),
            time: Duration::ZERO,
            done: 0,
            fresh: true,
            before: (Duration::ZERO, 0),
        }
    }

    pub(super) fn time(&self) -> Duration {
        if self.taken > 0 { self.time + self.since.elapsed() } else { self.time }
    }

    fn let_go(&mut self) {
        if self.taken == 1 {
            self.time = self.time();
        }
        self.taken = self.taken.saturating_sub(1);
    }
}

/// A piece of work that is not finished; the engine is idle when there is none.
#[derive(Debug)]
pub(crate) struct Ticket(pub(super) Arc<Progress>);

/// A file on its way; counts as pending until dropped.
#[derive(Debug)]
pub(crate) struct FileTicket {
    pub(super) ticket: Ticket,
    pub(super) taken: bool,
}

/// Files that wait to be taken up one by one; each counts as pending.
#[derive(Debug)]
pub(crate) struct FileTickets {
    pub(super) ticket: Ticket,
    pub(super) left: u64,
}

impl FileTickets {
    /// So many are not waited for any more.
    pub(crate) fn give_up(&mut self, files: usize) {
        let gone = num::len_u64(files).min(self.left);
        self.left -= gone;
        self.ticket.0.pending.fetch_sub(gone, Ordering::SeqCst);
    }

    /// The ticket of one of them; of one more, when there are no others.
    pub(crate) fn next(&mut self) -> FileTicket {
        let progress = &self.ticket.0;
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return progress.file_ticket(),
        }
        FileTicket { ticket: progress.ticket(), taken: false }
    }
}

impl Drop for FileTickets {
    fn drop(&mut self) {
        self.ticket.0.pending.fetch_sub(self.left, Ordering::SeqCst);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.0.tickets.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.pulse();
        }
        self.0.touch();
    }
}

impl FileTicket {
    /// A worker takes the file on.
    pub(crate) fn take(&mut self) {
        if std::mem::replace(&mut self.taken, true) {
            return;
        }
        let mut hands = self.ticket.0.hands();
        if std::mem::take(&mut hands.fresh) {
            hands.before = (hands.time(), hands.done);
        }
        let first = hands.taken == 0;
        if first {
            hands.since = Instant::now();
        }
        hands.taken += 1;
        drop(hands);
        if first {
            self.ticket.0.pulse();
        }
    }

    /// The worker puts it back into the line.
    pub(crate) fn put_back(&mut self) {
        if std::mem::take(&mut self.taken) {
            self.ticket.0.hands().let_go();
        }
    }

    /// The file is stored; grouping its faces is still to come.
    pub(crate) fn stored(self) -> Ticket {
        // Moving out of a type with Drop is not possible, so a second ticket takes the first one's place.
        self.ticket.0.ticket()
    }
}

impl Drop for FileTicket {
    fn drop(&mut self) {
        if self.taken {
            let mut hands = self.ticket.0.hands();
            hands.let_go();
            hands.done += 1;
        }
        self.ticket.0.pending.fetch_sub(1, Ordering::SeqCst);
    }
}
