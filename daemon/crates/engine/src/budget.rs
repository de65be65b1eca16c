//! A bound on bytes in flight: whoever wants more than is free waits, the whole never grows.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes that may be held at once.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(total: u64) -> Self {
        Self { total: total.max(1), used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until `bytes` are free. More than the whole budget is granted when nothing else is in flight, so that one
    /// huge picture is slow instead of impossible.
    pub(crate) fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.total);
        // A poisoned lock only means that some thread panicked; the number itself is always whole.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used + bytes > self.total {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Share { budget: self, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut used = self.budget.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(self.bytes);
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn never_more_than_the_total_in_flight() {
        let budget = Budget::new(100);
        let (now, peak) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for n in 0..8u64 {
                let (budget, now, peak) = (&budget, &now, &peak);
                scope.spawn(move || {
                    for round in 0..200 {
                        let want = 1 + (n * 31 + round * 17) % 90;
                        let _share = budget.take(want);
                        peak.fetch_max(now.fetch_add(want, Ordering::SeqCst) + want, Ordering::SeqCst);
                        now.fetch_sub(want, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(peak.load(Ordering::SeqCst) <= 100);
    }

    #[test]
    fn more_than_everything_is_granted_alone() {
        let budget = Budget::new(10);
        drop(budget.take(1_000));
        drop(budget.take(10));
    }
}
