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

use crate::WatchError;
use crate::error::system;
use crate::tree::Tree;
use crate::walk::{Step, walk};

/// The watched folders, shared by the callers of [`crate::Watcher`] and its thread. The lock is held for one folder
/// at a time, so that a walk over a large library holds nobody up.
pub(crate) struct Kernel(Mutex<State>);

struct State {
    notify: RecommendedWatcher,
    tree: Tree,
    /// Roots with folders that could not be watched.
    incomplete: BTreeSet<PathBuf>,
}

impl Kernel {
    pub(crate) fn new(notify: RecommendedWatcher) -> Self {
        Self(Mutex::new(State { notify, tree: Tree::default(), incomplete: BTreeSet::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves at worst a folder too many or too few; the next scan makes up for that.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks something up in the books.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Tree) -> T) -> T {
        look(&self.state().tree)
    }

    pub(crate) fn incomplete(&self) -> Vec<PathBuf> {
        self.state().incomplete.iter().cloned().collect()
    }

    /// Watches a root and all below it; again: anew.
    pub(crate) fn watch(&self, root: &Path) -> Result<(), WatchError> {
        self.state().tree.add_root(root);
        let watched = self.watch_below(root, root);
        if watched.is_err() {
            self.unwatch(root);
        }
        watched
    }

    /// Watches `folder`, which lies in `root`, and all below it, and lets go of what is no longer there.
    pub(crate) fn watch_below(&self, root: &Path, folder: &Path) -> Result<(), WatchError> {
        let mut stale: BTreeSet<PathBuf> = self.read(|tree| tree.below(folder)).into_iter().collect();
        let mut refused = None;
        let walked = walk(root, folder, &|_| false, &mut |step| {
            let Step::Folder { path, linked } = step else { return ControlFlow::Continue(()) };
            stale.remove(&path);
            match self.state().add(&path, linked) {
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
            if let Err(error) = self.watch_below(&one, &one) {
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
