//! Items of one network and one size that wait together: when they are due, how urgent they are, how many go at once.
//! Which bucket goes first is the schedule's to say.

use std::collections::VecDeque;
use std::time::Instant;

use vow_types::Lane;

use super::{Key, Waits};

pub(super) struct Bucket<T> {
    pub(super) key: Key,
    pub(super) live: VecDeque<Waiting<T>>,
    pub(super) backlog: VecDeque<Waiting<T>>,
}

pub(super) struct Waiting<T> {
    pub(super) since: Instant,
    pub(super) item: T,
}

impl<T> Bucket<T> {
    pub(super) fn len(&self) -> usize {
        self.live.len() + self.backlog.len()
    }

    /// When its oldest item has waited long enough; `None` when it is empty.
    pub(super) fn deadline(&self, waits: Waits) -> Option<Instant> {
        let live = self.live.front().map(|waiting| waiting.since + waits.live);
        let backlog = self.backlog.front().map(|waiting| waiting.since + waits.backlog);
        live.into_iter().chain(backlog).min()
    }

    /// The less, the more urgent: a bucket with a live item before one without, then the longest wait.
    pub(super) fn urgency(&self) -> Option<(Lane, Instant)> {
        let live = self.live.front().map(|waiting| (Lane::Live, waiting.since));
        live.or_else(|| self.backlog.front().map(|waiting| (Lane::Backlog, waiting.since)))
    }

    /// The most urgent, as many as run at once.
    pub(super) fn take(&mut self, most: usize) -> Vec<T> {
        let live = self.live.drain(..most.min(self.live.len()));
        let mut items: Vec<T> = live.map(|waiting| waiting.item).collect();
        let rest = most.saturating_sub(items.len()).min(self.backlog.len());
        items.extend(self.backlog.drain(..rest).map(|waiting| waiting.item));
        items
    }
}
