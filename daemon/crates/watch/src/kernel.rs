//! Asks the kernel to watch folders, one watch for each, and keeps the books about it. The only file that calls
//! `notify` to watch.
//!
//! Each folder is watched by itself rather than leaving recursion to `notify`, because that would also watch what we
//! never look into (a Synology keeps an `@eaDir` beside every folder of photos), would follow circles of links, and
//! could not say which part of a tree it failed on.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::error::system;
use crate::tree::Tree;
use crate::walk::walk;
use crate::{Seen, WatchError};

/// The watched folders, shared by the callers of [`crate::Watcher`] and its thread. The lock is held for one folder
/// at a time, so that a walk over a large library holds nobody up.
pub(crate) struct Kernel {
    /// Not watched, wherever it lies.
    without: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    notify: RecommendedWatcher,
    tree: Tree,
    /// Roots with folders that could not be watched.
    incomplete: BTreeSet<PathBuf>,
}

impl Kernel {
    pub(crate) fn new(notify: RecommendedWatcher, without: Option<PathBuf>) -> Self {
        let state = State { notify, tree: Tree::default(), incomplete: BTreeSet::new() };
        Self { without, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves at worst a folder too many or too few; the next scan makes up for that.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks something up in the books.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Tree) -> T) -> T {
        look(&self.state().tree)
    }

    pub(crate) fn incomplete(&self) -> Vec<PathBuf> {
        self.state().incomplete.iter().cloned().collect()
    }

    /// Watches a root and all below it; again: anew.
    pub(crate) fn watch(&self, root: &Path, stop: &dyn Fn() -> bool) -> Result<(), WatchError> {
        self.state().tree.add_root(root);
        let watched = self.watch_below(root, root, stop);
        if watched.is_err() {
            self.unwatch(root);
        }
        watched
    }

    /// Watches `folder`, which lies in `root`, and all below it as a scan goes through it, and lets go of what is no longer there.
    /// Ends early, and lets go of nothing, when `stop` says so or the root is unwatched.
    pub(crate) fn watch_below(
        &self,
        root: &Path,
        folder: &Path,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), WatchError> {
        let mut stale: BTreeSet<PathBuf> = self.read(|tree| tree.below(folder)).into_iter().collect();
        let (mut refused, mut ended) = (None, false);
        let walked = walk(root, folder, self.without.as_deref(), &|_| false, &mut |seen| {
            let Seen::Folder { path, linked } = seen else { return ControlFlow::Continue(()) };
            stale.remove(&path);
            let stopped = stop(); // not while the lock is held
            let mut state = self.state();
            if stopped || !state.tree.is_root(root) {
                ended = true;
                return ControlFlow::Break(());
            }
            match state.add(&path, linked || path == folder) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                    refused = Some(WatchError::TooManyWatches { path });
                    ControlFlow::Break(())
                }
                Err(error) if path == root => {
                    refused = Some(WatchError::Refused { path, source: system(error) });
                    ControlFlow::Break(())
                }
                Err(error) => {
                    // Gone again already, or not readable, which the scan reports.
                    tracing::debug!(path = %path.display(), %error, "not watched");
                    ControlFlow::Continue(())
                }
            }
        });
        if ended {
            tracing::debug!(folder = %folder.display(), "watching was ended early");
            return Ok(());
        }
        let mut state = self.state();
        if let Some(error) = refused {
            state.incomplete.insert(root.to_owned());
            return Err(error);
        }
        for path in stale {
            state.release(&path);
        }
        if folder == root {
            state.incomplete.remove(root);
        }
        walked.map(|_| ())
    }

    /// Lets go of a folder that is gone and all below it.
    pub(crate) fn release_below(&self, folder: &Path) {
        let mut state = self.state();
        for path in state.tree.below(folder) {
            state.release(&path);
        }
    }

    pub(crate) fn unwatch(&self, root: &Path) {
        let outer = {
            let mut state = self.state();
            state.incomplete.remove(root);
            if !state.tree.remove_root(root) {
                return;
            }
            state.tree.root_of(root)
        };
        if outer.is_some() {
            return; // still part of another root
        }
        self.release_below(root);
        let inner = self.read(|tree| tree.roots()).into_iter().filter(|one| one.starts_with(root));
        for one in inner.collect::<Vec<Arc<Path>>>() {
            if let Err(error) = self.watch_below(&one, &one, &|| false) {
                tracing::warn!(root = %one.display(), %error, "no longer watched");
            }
        }
    }
}

impl State {
    fn add(&mut self, path: &Path, linked: bool) -> notify::Result<()> {
        let beside = path.parent().and_then(|above| self.tree.real(above)).zip(path.file_name());
        let real = match beside {
            Some((above, name)) if !linked => above.join(name),
            _ => path.canonicalize()?,
        };
        // Always asked for, even when the books say that it is watched: it may be another folder of the same name.
        self.notify.watch(&real, RecursiveMode::NonRecursive)?;
        if let Some(orphan) = self.tree.show(path.to_owned(), real) {
            self.let_go(&orphan);
        }
        Ok(())
    }

    fn release(&mut self, path: &Path) {
        if let Some(real) = self.tree.hide(path) {
            self.let_go(&real);
        }
    }

    fn let_go(&mut self, real: &Path) {
        // Of a folder that was deleted or moved, `notify` has let go already and says so.
        if let Err(error) = self.notify.unwatch(real) {
            tracing::trace!(path = %real.display(), %error, "not watched any more");
        }
    }
}
