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

    /// Drops what waits at and below `root`.
    pub(crate) fn forget(&mut self, root: &Path) {
        self.queue.retain(|(_, _, path)| !path.starts_with(root));
        self.paths.retain(|path, _| !path.starts_with(root));
        self.rescans.retain(|path, _| !path.starts_with(root));
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
