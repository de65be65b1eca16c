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

    pub(super) fn take(&mut self, most: usize) -> Vec<T> {
        let count = batch_of(self.len(), most);
        let live = self.live.drain(..count.min(self.live.len()));
        let mut items: Vec<T> = live.map(|waiting| waiting.item).collect();
        let rest = count.saturating_sub(items.len()).min(self.backlog.len());
        items.extend(self.backlog.drain(..rest).map(|waiting| waiting.item));
        items
    }
}

/// How many of those that wait run at once: the most, or else a power of two. A GPU plans for every new shape of input,
/// so there should be few; what is left over is due as well and comes right after.
fn batch_of(waiting: usize, most: usize) -> usize {
    if waiting >= most { most } else { (waiting + 1).next_power_of_two() / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_batches_are_few() {
        let sizes: Vec<usize> = (1..=14).map(|waiting| batch_of(waiting, 12)).collect();
        assert_eq!(sizes, [1, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12]);
    }
}
