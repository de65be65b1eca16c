//! Which pictures run next, and together with which. Pure: the time is a parameter, and what an item is does not matter.
//!
//! Items of one network and one size share a bucket. A bucket is due when it is full, when its oldest item has waited
//! long enough, or when nothing else can come. Live items wait less than those of the backlog and overtake them, inside a
//! bucket and between buckets. Where the most is one, everything is due at once and nothing waits.

mod bucket;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use vow_types::{Lane, Size};

use crate::error::Role;
use bucket::{Bucket, Waiting};

/// What a batch has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) role: Role,
    pub(crate) size: Size,
}

/// How long an item waits for company.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    pub(crate) live: Duration,
    pub(crate) backlog: Duration,
}

/// The networks that somebody runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roles {
    All,
    Only(Role),
}

impl Roles {
    /// Who runs what on a card: each network is there once.
    pub(crate) const ON_CARD: [Self; 2] = [Self::Only(Role::Detector), Self::Only(Role::Embedder)];

    pub(crate) fn have(self, role: Role) -> bool {
        self == Self::All || self == Self::Only(role)
    }
}

/// Photos to have in hand where networks take `batch` pictures at once and `threads` cores make frames and crops: for a batch that
/// runs, one that is prepared and one that gathers, and a photo for each core. With fewer, photos wait for one network after the
/// other, batches go half empty, and neither cores nor card are at their limit.
pub(crate) fn in_hand(batch: usize, threads: usize) -> usize {
    let threads = threads.max(1);
    if batch > 1 { 3 * batch + threads } else { threads + 1 }
}

/// What waits.
pub(crate) struct Schedule<T> {
    waits: Waits,
    /// Items that run at once, at most, of each network.
    most: Most,
    /// A handful: one for each network and size. An empty one is kept, with the memory of its queues.
    buckets: Vec<Bucket<T>>,
}

#[derive(Debug, Clone, Copy)]
struct Most {
    detector: usize,
    embedder: usize,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    /// Run these.
    Run(Key, Vec<T>),
    /// Ask again at this time, or when something has come.
    At(Instant),
    /// Nothing waits.
    Nothing,
}

impl<T> Schedule<T> {
    /// `most` items (at least one) of each network run at once.
    pub(crate) fn new(waits: Waits, detector: usize, embedder: usize) -> Self {
        let most = Most { detector: detector.max(1), embedder: embedder.max(1) };
        Self { waits, most, buckets: Vec::new() }
    }

    pub(crate) fn most(&self, role: Role) -> usize {
        match role {
            Role::Detector => self.most.detector,
            Role::Embedder => self.most.embedder,
        }
    }

    /// From now on this many of a network at once, at least one.
    pub(crate) fn set_most(&mut self, role: Role, most: usize) {
        match role {
            Role::Detector => self.most.detector = most.max(1),
            Role::Embedder => self.most.embedder = most.max(1),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.len() == 0)
    }

    pub(crate) fn push(&mut self, key: Key, lane: Lane, now: Instant, item: T) {
        let at = match self.buckets.iter().position(|bucket| bucket.key == key) {
            Some(at) => at,
            None => {
                self.buckets.push(Bucket { key, live: VecDeque::new(), backlog: VecDeque::new() });
                self.buckets.len() - 1
            }
        };
        let Some(bucket) = self.buckets.get_mut(at) else { return };
        let waiting = Waiting { since: now, item };
        match lane {
            Lane::Live => bucket.live.push_back(waiting),
            Lane::Backlog => bucket.backlog.push_back(waiting),
        }
    }

    /// Takes out what nobody wants any more.
    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        for bucket in &mut self.buckets {
            bucket.live.retain(|waiting| wanted(&waiting.item));
            bucket.backlog.retain(|waiting| wanted(&waiting.item));
        }
    }

    /// The most urgent batch that is due, for somebody who runs these networks. `calm` says that nothing else can come
    /// until something of this has run, so that waiting would be in vain.
    pub(crate) fn next(&mut self, roles: Roles, now: Instant, calm: bool) -> Next<T> {
        let (waits, most) = (self.waits, self.most);
        let mine = self.buckets.iter_mut().filter(|bucket| roles.have(bucket.key.role));
        let mut soonest: Option<Instant> = None;
        let mut first: Option<((Lane, Instant), &mut Bucket<T>)> = None;
        for bucket in mine {
            let Some(deadline) = bucket.deadline(waits) else { continue };
            if !(calm || bucket.len() >= most.of(bucket.key.role) || deadline <= now) {
                soonest = Some(soonest.map_or(deadline, |soonest| soonest.min(deadline)));
                continue;
            }
            let Some(urgency) = bucket.urgency() else { continue };
            if first.as_ref().is_none_or(|(other, _)| urgency < *other) {
                first = Some((urgency, bucket));
            }
        }
        match (first, soonest) {
            (Some((_, bucket)), _) => Next::Run(bucket.key, bucket.take(most.of(bucket.key.role))),
            (None, Some(soonest)) => Next::At(soonest),
            (None, None) => Next::Nothing,
        }
    }
}

impl Most {
    fn of(self, role: Role) -> usize {
        match role {
            Role::Detector => self.detector,
            Role::Embedder => self.embedder,
        }
    }
}

#[cfg(test)]
#[path = "schedule/in_hand_tests.rs"]
mod in_hand_tests;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const WAITS: Waits = Waits { live: Duration::from_millis(2), backlog: Duration::from_millis(10) };
    const SQUARE: Key = Key { role: Role::Detector, size: Size { width: 640, height: 640 } };
    const WIDE: Key = Key { role: Role::Detector, size: Size { width: 640, height: 480 } };
    const FACE: Key = Key { role: Role::Embedder, size: Size { width: 112, height: 112 } };

    #[test]
    fn a_full_bucket_goes_at_once_and_one_that_is_not_waits_for_its_oldest() {
        let start = Instant::now();
        let mut schedule = Schedule::new(WAITS, 4, 4);
        for n in 0..3 {
            schedule.push(SQUARE, Lane::Backlog, start + n * MS, n);
        }
        assert_eq!(schedule.next(Roles::All, start + 3 * MS, false), Next::At(start + 10 * MS));
        schedule.push(SQUARE, Lane::Backlog, start + 3 * MS, 3);
        let all = Next::Run(SQUARE, vec![0, 1, 2, 3]);
        assert_eq!(schedule.next(Roles::All, start + 3 * MS, false), all);
        assert_eq!(schedule.next(Roles::All, start + 3 * MS, false), Next::Nothing);

        schedule.push(SQUARE, Lane::Backlog, start, 4);
        assert_eq!(schedule.next(Roles::All, start + 10 * MS, false), Next::Run(SQUARE, vec![4]));
    }

    #[test]
    fn a_live_item_waits_less_and_overtakes() {
        let start = Instant::now();
        let mut schedule = Schedule::new(WAITS, 4, 4);
        schedule.push(WIDE, Lane::Backlog, start, "old");
        schedule.push(SQUARE, Lane::Backlog, start, "old");
        schedule.push(SQUARE, Lane::Live, start + 9 * MS, "new");
        // The backlog is due earlier, but where both are due the live one goes first, and takes company along.
        assert_eq!(schedule.next(Roles::All, start + 9 * MS, false), Next::At(start + 10 * MS));
        let first = Next::Run(SQUARE, vec!["new", "old"]);
        assert_eq!(schedule.next(Roles::All, start + 11 * MS, false), first);
        assert_eq!(schedule.next(Roles::All, start + 11 * MS, false), Next::Run(WIDE, vec!["old"]));
    }

    #[test]
    fn nobody_waits_where_nothing_can_come_or_nothing_is_gained() {
        let start = Instant::now();
        let mut schedule = Schedule::new(WAITS, 8, 8);
        schedule.push(SQUARE, Lane::Backlog, start, 1);
        assert_eq!(schedule.next(Roles::All, start, true), Next::Run(SQUARE, vec![1]));
        // All that wait go together, however many: a card's batch takes as long half empty as full.
        for n in 0..7 {
            schedule.push(SQUARE, Lane::Backlog, start, n);
        }
        assert_eq!(schedule.next(Roles::All, start, true), Next::Run(SQUARE, (0..7).collect()));

        let mut schedule = Schedule::new(WAITS, 1, 1);
        schedule.push(SQUARE, Lane::Backlog, start, 1);
        schedule.push(SQUARE, Lane::Live, start, 2);
        assert_eq!(schedule.next(Roles::All, start, false), Next::Run(SQUARE, vec![2]));
        assert_eq!(schedule.next(Roles::All, start, false), Next::Run(SQUARE, vec![1]));
    }

    #[test]
    fn everybody_gets_only_what_they_run() {
        let start = Instant::now();
        let mut schedule = Schedule::new(WAITS, 1, 1);
        schedule.push(FACE, Lane::Live, start, "face");
        schedule.push(SQUARE, Lane::Backlog, start, "frame");
        let detector = Roles::Only(Role::Detector);
        assert_eq!(schedule.next(detector, start, false), Next::Run(SQUARE, vec!["frame"]));
        assert_eq!(schedule.next(detector, start, false), Next::Nothing);
        assert_eq!(schedule.next(Roles::Only(Role::Embedder), start, false), Next::Run(FACE, vec!["face"]));
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_run() {
        let start = Instant::now();
        let mut schedule = Schedule::new(WAITS, 4, 4);
        for n in 0..6 {
            schedule.push(FACE, if n < 3 { Lane::Live } else { Lane::Backlog }, start, n);
        }
        schedule.retain(|n| n % 3 != 0);
        assert_eq!(schedule.next(Roles::All, start, true), Next::Run(FACE, vec![1, 2, 4, 5]));
        assert!(schedule.is_empty());
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Push(usize, bool),
        Take(bool),
        Wait(u32),
        Most(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0usize..3, any::<bool>()).prop_map(|(key, live)| Step::Push(key, live)),
            2 => any::<bool>().prop_map(Step::Take),
            1 => (0u32..12).prop_map(Step::Wait),
            1 => (1usize..9).prop_map(Step::Most),
        ];
        prop::collection::vec(step, 0..120)
    }

    /// An item as the test knows it.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Known {
        number: usize,
        key: Key,
        lane: Lane,
        since: Instant,
    }

    /// What must hold of every answer, whatever happened before.
    fn check(
        answer: &Next<Known>,
        waiting: &[Known],
        now: Instant,
        calm: bool,
        most: usize,
    ) -> Result<(), TestCaseError> {
        let deadline =
            |item: &Known| item.since + if item.lane == Lane::Live { WAITS.live } else { WAITS.backlog };
        let due = |item: &Known| calm || deadline(item) <= now;
        match answer {
            Next::Run(key, batch) => {
                prop_assert!(!batch.is_empty() && batch.len() <= most);
                prop_assert!(batch.iter().all(|item| item.key == *key), "one network, one size");
                let left = |item: &&Known| !batch.contains(item);
                let same: Vec<_> = waiting.iter().filter(|item| item.key == *key).filter(left).collect();
                for item in batch {
                    let passed =
                        same.iter().filter(|other| other.lane <= item.lane && other.number < item.number);
                    prop_assert_eq!(
                        passed.count(),
                        0,
                        "nobody before it in its lane, or in the better one, is left"
                    );
                }
                if batch.iter().all(|item| item.lane == Lane::Backlog) {
                    let live = waiting.iter().any(|item| item.lane == Lane::Live && due(item));
                    prop_assert!(!live, "a live item that is due goes first");
                }
            }
            Next::At(time) => {
                prop_assert!(*time > now);
                prop_assert_eq!(Some(*time), waiting.iter().map(deadline).min());
            }
            Next::Nothing => prop_assert!(waiting.is_empty()),
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn no_item_is_lost_or_late_or_mixed_up(steps in steps()) {
            let keys = [SQUARE, WIDE, FACE];
            let (mut now, mut most) = (Instant::now(), 4);
            let mut schedule = Schedule::new(WAITS, most, most);
            let (mut waiting, mut ran, mut pushed) = (Vec::<Known>::new(), Vec::new(), 0);
            let end = [Step::Take(true)].repeat(steps.len());
            for step in steps.into_iter().chain(end) {
                match step {
                    Step::Wait(ms) => now += ms * MS,
                    Step::Most(n) => {
                        most = n;
                        schedule.set_most(Role::Detector, n);
                        schedule.set_most(Role::Embedder, n);
                    }
                    Step::Push(key, live) => {
                        let lane = if live { Lane::Live } else { Lane::Backlog };
                        let item = Known { number: pushed, key: keys[key], lane, since: now };
                        schedule.push(item.key, lane, now, item);
                        waiting.push(item);
                        pushed += 1;
                    }
                    Step::Take(calm) => {
                        let answer = schedule.next(Roles::All, now, calm);
                        check(&answer, &waiting, now, calm, most)?;
                        if let Next::Run(_, batch) = answer {
                            waiting.retain(|item| !batch.contains(item));
                            ran.extend(batch.iter().map(|item| item.number));
                        }
                    }
                }
                prop_assert_eq!(schedule.is_empty(), waiting.is_empty());
            }
            ran.sort_unstable();
            prop_assert_eq!(ran, (0..pushed).collect::<Vec<_>>(), "each once");
        }
    }
}
