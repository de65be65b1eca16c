//! When to speak of a change: not at every write, but once the path is quiet. A pure state machine: it is told what
//! happened and what time it is, and answers with hints; it sleeps on nothing and reads no clock.
//!
//! What it promises: for every path it was told of, a hint that covers the path comes after the last time it was
//! told of it; and one hint only per quiet spell, unless a whole root is scanned again.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Hint;

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Closed after writing, or moved here: whole already.
    Complete,
    /// Created or written to; whoever writes may go on.
    Written,
    /// Times, permissions or links changed. Says nothing about whether somebody is still writing.
    Attributes,
    /// Deleted or moved away. No hurry, and with luck the file is back under another name before that is told.
    Removed,
    /// A folder appeared here.
    Folder,
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// After what is complete: for the attributes that are set right after.
    pub(crate) complete: Duration,
    /// After a write, or a loss of events.
    pub(crate) quiet: Duration,
    /// At most so long before a rescan, however unquiet it is.
    pub(crate) longest: Duration,
    /// More paths waiting than this, and their roots are scanned instead.
    pub(crate) burst: usize,
}

impl Patience {
    pub(crate) const DEFAULT: Self = Self {
        complete: Duration::from_millis(30),
        quiet: Duration::from_millis(500),
        longest: Duration::from_secs(5),
        burst: 4096,
    };
}

/// A path that waits to be quiet.
struct Waiting {
    root: Arc<Path>,
    due: Instant,
    /// What to wait for after a change that says nothing about it.
    patience: Duration,
}

/// A folder that waits to be scanned.
#[derive(Clone)]
struct Rescan {
    root: Arc<Path>,
    due: Instant,
    latest: Instant,
}

pub(crate) struct Debounce {
    patience: Patience,
    paths: HashMap<PathBuf, Waiting>,
    rescans: HashMap<PathBuf, Rescan>,
    /// Every waiting path and rescan once, by when it is due; `true` for a rescan.
    queue: BTreeSet<(Instant, bool, PathBuf)>,
}

impl Debounce {
    pub(crate) fn new(patience: Patience) -> Self {
        Self { patience, paths: HashMap::new(), rescans: HashMap::new(), queue: BTreeSet::new() }
    }

    /// Something happened to `path`, which lies below `root`.
    pub(crate) fn touched(&mut self, now: Instant, root: &Arc<Path>, path: PathBuf, change: Change) {
        if self.rescans.contains_key(&**root) {
            return self.lost(now, root); // covers the path
        }
        let was = self.paths.get(&path);
        if was.is_none() && self.paths.len() + self.rescans.len() >= self.patience.burst {
            self.collapse(now);
            return self.lost(now, root);
        }
        let patience = match change {
            Change::Folder => return self.folder(now, root, path),
            Change::Complete => self.patience.complete,
            Change::Written | Change::Removed => self.patience.quiet,
            Change::Attributes => was.map_or(self.patience.complete, |was| was.patience),
        };
        let due = now + patience;
        let waiting = Waiting { root: Arc::clone(root), due, patience };
        if let Some(was) = self.paths.insert(path.clone(), waiting) {
            self.queue.remove(&(was.due, false, path.clone()));
        }
        self.queue.insert((due, false, path));
    }

    /// Events below `root` were lost, or the root itself changed.
    pub(crate) fn lost(&mut self, now: Instant, root: &Arc<Path>) {
        self.rescan(now, root, root.to_path_buf());
    }

    /// When to ask for [`Self::due`] next; never, if nothing is told before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.queue.first().map(|(due, ..)| *due)
    }

    /// What is due by now, in the order in which it fell due.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Hint> {
        let mut hints = Vec::new();
        while self.queue.first().is_some_and(|(due, ..)| *due <= now) {
            let Some((_, is_rescan, path)) = self.queue.pop_first() else { break };
            hints.push(if is_rescan {
                self.rescans.remove(&path);
                Hint::Rescan(path)
            } else {
                self.paths.remove(&path);
                Hint::Touched(path)
            });
        }
        hints
    }

    /// New folders come in trees: one rescan of the topmost covers those below.
    fn folder(&mut self, now: Instant, root: &Arc<Path>, path: PathBuf) {
        let topmost = path.ancestors().filter(|above| self.rescans.contains_key(*above)).last();
        let folder = topmost.map(Path::to_path_buf).unwrap_or(path);
        self.rescan(now, root, folder);
    }

    fn rescan(&mut self, now: Instant, root: &Arc<Path>, folder: PathBuf) {
        let mut latest = now + self.patience.longest;
        if let Some(was) = self.rescans.remove(&folder) {
            self.queue.remove(&(was.due, true, folder.clone()));
            latest = was.latest;
        }
        let due = (now + self.patience.quiet).min(latest).max(now);
        self.rescans.insert(folder.clone(), Rescan { root: Arc::clone(root), due, latest });
        self.queue.insert((due, true, folder));
    }

    /// Gives up on single paths: their roots are scanned.
    fn collapse(&mut self, now: Instant) {
        let paths = self.paths.drain().map(|(_, waiting)| waiting.root);
        let rescans = self.rescans.drain().map(|(_, waiting)| waiting.root);
        let roots: BTreeSet<Arc<Path>> = paths.chain(rescans).collect();
        self.queue.clear();
        for root in roots {
            self.lost(now, &root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: Patience = Patience {
        complete: Duration::from_millis(30),
        quiet: Duration::from_millis(500),
        longest: Duration::from_secs(5),
        burst: 6,
    };

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Tells the machine the steps (milliseconds since the last one, path, change) and returns what it said when. It
    /// is asked exactly when it wants to be. The first name of a path is its root.
    fn play(patience: Patience, steps: &[(u64, PathBuf, Change)]) -> (Vec<Duration>, Vec<(Duration, Hint)>) {
        let start = Instant::now();
        let mut debounce = Debounce::new(patience);
        let (mut now, mut told, mut said) = (start, Vec::new(), Vec::new());
        let until = |debounce: &mut Debounce, end: Option<Instant>, said: &mut Vec<_>| {
            while let Some(due) = debounce.deadline().filter(|due| end.is_none_or(|end| *due <= end)) {
                said.extend(debounce.due(due).into_iter().map(|hint| (due - start, hint)));
            }
        };
        for (pause, path, change) in steps {
            now += ms(*pause);
            until(&mut debounce, Some(now), &mut said);
            let root: PathBuf = path.components().take(2).collect();
            debounce.touched(now, &Arc::from(root), path.clone(), *change);
            told.push(now - start);
        }
        until(&mut debounce, None, &mut said);
        assert!(debounce.paths.is_empty() && debounce.rescans.is_empty());
        (told, said)
    }

    fn covers(hint: &Hint, path: &Path) -> bool {
        match hint {
            Hint::Touched(one) => one == path,
            Hint::Rescan(folder) | Hint::Mounted(folder) => path.starts_with(folder),
        }
    }

    fn change() -> impl Strategy<Value = Change> {
        use Change::{Attributes, Complete, Folder, Removed, Written};
        prop::sample::select(vec![Complete, Written, Attributes, Removed, Folder])
    }

    fn steps(paths: u32) -> impl Strategy<Value = Vec<(u64, PathBuf, Change)>> {
        let path = (0..paths, 0..3u32).prop_map(|(a, b)| PathBuf::from(format!("/r{}/{a}/{b}", a % 2)));
        let pause = prop_oneof![0u64..5, 20u64..40, 400u64..700];
        prop::collection::vec((pause, path, change()), 0..60)
    }

    proptest! {
        /// Whatever happens in whatever order: for everything told, something is said later that covers it, and not
        /// later than the longest wait after the last of it.
        #[test]
        fn nothing_is_lost(steps in steps(5)) {
            let (told, said) = play(SMALL, &steps);
            for ((_, path, _), at) in steps.iter().zip(&told) {
                let answer = said.iter().find(|(then, hint)| then >= at && covers(hint, path));
                prop_assert!(answer.is_some(), "{} at {at:?}: {said:?}", path.display());
            }
            let last = told.last().copied().unwrap_or_default();
            prop_assert!(said.iter().all(|(then, _)| *then <= last + SMALL.longest));
        }

        /// Single paths without a burst, against a model that follows one path at a time: a change counts to the
        /// spell before it if that is not over yet, and each spell is told once, at its end.
        #[test]
        fn each_quiet_spell_is_told_once(steps in steps(1)) {
            let steps: Vec<_> = steps.into_iter().filter(|(.., change)| *change != Change::Folder).collect();
            let (told, said) = play(SMALL, &steps);
            let mut expected = Vec::new();
            let paths: BTreeSet<&PathBuf> = steps.iter().map(|(_, path, _)| path).collect();
            for path in paths {
                let mut spell: Option<(Duration, Duration)> = None; // due, patience
                for ((.., change), at) in steps.iter().zip(&told).filter(|((_, one, _), _)| one == path) {
                    if let Some((due, _)) = spell.filter(|(due, _)| due <= at) {
                        expected.push((due, Hint::Touched(path.clone())));
                        spell = None;
                    }
                    let patience = match change {
                        Change::Complete => ms(30),
                        Change::Attributes => spell.map_or(ms(30), |(_, patience)| patience),
                        _ => ms(500),
                    };
                    spell = Some((*at + patience, patience));
                }
                expected.extend(spell.map(|(due, _)| (due, Hint::Touched(path.clone()))));
            }
            let key = |(at, hint): &(Duration, Hint)| (*at, format!("{hint:?}"));
            let mut said = said;
            said.sort_by_key(key);
            expected.sort_by_key(key);
            prop_assert_eq!(said, expected);
        }
    }

    fn step(pause: u64, path: &str, change: Change) -> (u64, PathBuf, Change) {
        (pause, PathBuf::from(path), change)
    }

    #[test]
    fn a_closed_file_is_told_at_once_and_an_open_one_when_it_is_quiet() {
        let (_, said) = play(
            Patience::DEFAULT,
            &[
                step(0, "/r/a.jpg", Change::Written),
                step(10, "/r/a.jpg", Change::Written),
                step(10, "/r/a.jpg", Change::Complete),
                step(5, "/r/a.jpg", Change::Attributes),
                step(0, "/r/b.jpg", Change::Written),
                step(499, "/r/b.jpg", Change::Written),
            ],
        );
        let touched = |path: &str| Hint::Touched(PathBuf::from(path));
        assert_eq!(said, [(ms(55), touched("/r/a.jpg")), (ms(1024), touched("/r/b.jpg"))]);
    }

    #[test]
    fn a_burst_becomes_one_scan_of_the_root() {
        let steps: Vec<_> = (0..1000).map(|n| step(0, &format!("/r/{n}.jpg"), Change::Written)).collect();
        let (_, said) = play(SMALL, &steps);
        assert_eq!(said, [(ms(500), Hint::Rescan(PathBuf::from("/r")))]);
        assert_eq!(play(Patience::DEFAULT, &steps).1.len(), 1000);
    }

    #[test]
    fn a_storm_is_scanned_before_it_is_over() {
        let steps: Vec<_> = (0..2000).map(|n| step(10, &format!("/r/{n}.jpg"), Change::Written)).collect();
        let (_, said) = play(SMALL, &steps);
        assert!((3..=6).contains(&said.len()), "{said:?}");
        assert!(said.iter().all(|(_, hint)| *hint == Hint::Rescan(PathBuf::from("/r"))), "{said:?}");
    }

    #[test]
    fn a_new_tree_is_one_scan_of_its_top() {
        let (_, said) = play(
            Patience::DEFAULT,
            &[
                step(0, "/r/new", Change::Folder),
                step(1, "/r/new/a", Change::Folder),
                step(1, "/r/new/a/b", Change::Folder),
                step(1, "/r/new/a/b/1.jpg", Change::Complete),
            ],
        );
        let touched = Hint::Touched(PathBuf::from("/r/new/a/b/1.jpg"));
        assert_eq!(said, [(ms(33), touched), (ms(502), Hint::Rescan(PathBuf::from("/r/new")))]);
    }
}
