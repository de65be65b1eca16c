//! Which folders are watched, and under which paths they are shown. Pure book-keeping: touches neither disk nor
//! kernel.
//!
//! A folder that is reached by two paths (a link to a folder) is one folder to the kernel, which tells of it under
//! one name. So each real folder is watched once, by its real path, and what the kernel tells of it is told under
//! every path that shows it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Tree {
    roots: BTreeSet<Arc<Path>>,
    /// Path below a root -> real path. Ordered, so that what lies below a path is one stretch.
    real: BTreeMap<PathBuf, PathBuf>,
    /// Real path -> all paths that show it.
    shown: HashMap<PathBuf, Vec<PathBuf>>,
}

impl Tree {
    pub(crate) fn add_root(&mut self, root: &Path) {
        self.roots.insert(Arc::from(root));
    }

    pub(crate) fn remove_root(&mut self, root: &Path) -> bool {
        self.roots.remove(root)
    }

    pub(crate) fn roots(&self) -> Vec<Arc<Path>> {
        self.roots.iter().cloned().collect()
    }

    pub(crate) fn is_root(&self, path: &Path) -> bool {
        self.roots.contains(path)
    }

    /// The innermost root that holds `path`.
    pub(crate) fn root_of(&self, path: &Path) -> Option<Arc<Path>> {
        path.ancestors().find_map(|above| self.roots.get(above).cloned())
    }

    /// Real path of a folder, when it is known.
    pub(crate) fn real(&self, path: &Path) -> Option<&Path> {
        self.real.get(path).map(PathBuf::as_path)
    }

    /// The paths that show a real folder.
    pub(crate) fn shown(&self, real: &Path) -> &[PathBuf] {
        self.shown.get(real).map_or(&[], Vec::as_slice)
    }

    /// `path` shows the folder `real`. Returns the real folder that it showed before, if that is shown no more.
    pub(crate) fn show(&mut self, path: PathBuf, real: PathBuf) -> Option<PathBuf> {
        if self.real(&path) == Some(&real) {
            return None;
        }
        let orphan = self.hide(&path);
        self.shown.entry(real.clone()).or_default().push(path.clone());
        self.real.insert(path, real);
        orphan
    }

    /// `path` shows no folder any more. Returns the real folder when that was its last path.
    pub(crate) fn hide(&mut self, path: &Path) -> Option<PathBuf> {
        let real = self.real.remove(path)?;
        let paths = self.shown.get_mut(&real)?;
        paths.retain(|one| one != path);
        if paths.is_empty() {
            self.shown.remove(&real);
            return Some(real);
        }
        None
    }

    /// The folder paths at and below `path`, topmost first.
    pub(crate) fn below(&self, path: &Path) -> Vec<PathBuf> {
        let from = (Bound::Included(path), Bound::Unbounded);
        let stretch = self.real.range::<Path, _>(from).map(|(one, _)| one);
        stretch.take_while(|one| one.starts_with(path)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_lies_below_is_found_whatever_sorts_around_it() {
        let mut tree = Tree::default();
        for path in ["/r", "/r/a", "/r/a-b", "/r/a/c", "/r/a.d/e", "/r/ab"] {
            tree.show(path.into(), path.into());
        }
        assert_eq!(tree.below(Path::new("/r/a")), [Path::new("/r/a"), Path::new("/r/a/c")]);
        assert_eq!(tree.below(Path::new("/r/a.d")), [Path::new("/r/a.d/e")]);
    }

    #[test]
    fn the_innermost_root_counts() {
        let mut tree = Tree::default();
        tree.add_root(Path::new("/a"));
        tree.add_root(Path::new("/a/b"));
        assert_eq!(tree.root_of(Path::new("/a/b/c")).as_deref(), Some(Path::new("/a/b")));
        assert_eq!(tree.root_of(Path::new("/a/bc")).as_deref(), Some(Path::new("/a")));
        assert_eq!(tree.root_of(Path::new("/b")), None);
    }

    proptest! {
        /// Against a plain list: a real folder is let go exactly when its last path goes.
        #[test]
        fn both_directions_agree(steps in prop::collection::vec((0u8..6, prop::option::of(0u8..4)), 0..60)) {
            let mut tree = Tree::default();
            let mut model: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
            for (path, real) in steps {
                let path = PathBuf::from(format!("/r/{path}"));
                let before = model.get(&path).cloned();
                let orphan = if let Some(real) = real {
                    let real = PathBuf::from(format!("/real/{real}"));
                    model.insert(path.clone(), real.clone());
                    tree.show(path, real)
                } else {
                    model.remove(&path);
                    tree.hide(&path)
                };
                let expected = before.filter(|was| !model.values().any(|one| one == was));
                prop_assert_eq!(orphan, expected);
                for (path, real) in &model {
                    prop_assert_eq!(tree.real(path), Some(real.as_path()));
                    prop_assert!(tree.shown(real).contains(path));
                }
                prop_assert_eq!(tree.shown.values().map(Vec::len).sum::<usize>(), model.len());
            }
        }
    }
}
