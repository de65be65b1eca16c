//! What is known of a folder against what a scan finds in it. Pure: no disk, no clock.
//!
//! Both come one by one, in the order of their paths' bytes, so that of a million files none is held that is as it was.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::iter::Peekable;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::{Found, Paths};

/// What to do about the difference between what is known and what was found. Lists are in the order of their paths' bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Not known yet.
    pub new: Paths,
    /// Known with another size or time, or put here from another known path.
    pub changed: Paths,
    /// Known, and no longer there.
    pub gone: Paths,
    /// As known.
    pub unchanged: u64,
    /// Known and not found, but at or below a path that could not be seen: nothing to do until it can.
    pub withheld: u64,
}

impl Plan {
    /// Whether files are known and not one was found.
    #[must_use]
    pub fn nothing_is_left(&self) -> bool {
        let found = !self.new.is_empty() || !self.changed.is_empty() || self.unchanged > 0;
        !found && (!self.gone.is_empty() || self.withheld > 0)
    }
}

/// Size, mtime in nanoseconds, inode: what tells one state of a file from another without opening it.
type Stamp = (u64, i64, u64);

/// A comparison under way.
///
/// A file whose inode alone differs is unchanged: restoring a backup and mounting a filesystem that numbers its files
/// as it goes (FAT, most network and FUSE filesystems) change every inode, and reading a whole library again for that
/// is no option. The exception are files that took each other's names: there the new inode, size and time are those
/// of another known path.
pub struct Comparison<K: Iterator> {
    known: Peekable<K>,
    plan: Plan,
    /// Found with another inode than is known, and nothing else, with what they are now.
    renumbered: Paths,
    stamps: Vec<Stamp>,
}

impl<E, K: Iterator<Item = Result<Found, E>>> Comparison<K> {
    /// Begins. `known`: what is known of a folder's files, in the order of their paths' bytes, each path once.
    pub fn with(known: K) -> Self {
        Self {
            known: known.peekable(),
            plan: Plan::default(),
            renumbered: Paths::default(),
            stamps: Vec::new(),
        }
    }

    /// The next picture that the scan of the same folder found, in the order that [`crate::scan`] has.
    ///
    /// # Errors
    /// When what is known cannot be said. The comparison is then of no use any more.
    pub fn found(&mut self, picture: &Found) -> Result<(), E> {
        match self.known_at(&picture.path)? {
            None => self.plan.new.push(&picture.path),
            Some(known) if stamp(&known) == stamp(picture) => self.plan.unchanged += 1,
            Some(known) if (known.size, known.mtime_ns) == (picture.size, picture.mtime_ns) => {
                self.renumbered.push(&picture.path);
                vow_types::room_for(&mut self.stamps, 1);
                self.stamps.push(stamp(picture));
            }
            Some(_) => self.plan.changed.push(&picture.path),
        }
        Ok(())
    }

    /// What is known of the next path that was found; what was known before it is gone.
    fn known_at(&mut self, path: &Path) -> Result<Option<Found>, E> {
        loop {
            // An error is none to look at, and is taken out below.
            let order = match self.known.peek() {
                None => return Ok(None),
                Some(Ok(known)) => bytes(&known.path).cmp(bytes(path)),
                Some(Err(_)) => Ordering::Equal,
            };
            match order {
                Ordering::Greater => return Ok(None),
                Ordering::Equal => return self.known.next().transpose(),
                Ordering::Less => {
                    self.pass()?;
                }
            }
        }
    }

    /// The next that is known was not found. False when there is no other.
    fn pass(&mut self) -> Result<bool, E> {
        let known = self.known.next().transpose()?;
        known.iter().for_each(|known| self.plan.gone.push(&known.path));
        Ok(known.is_some())
    }

    /// Ends with the scan. `unseen`: the paths of its [`crate::Seen::Problem`]s; `again`: what is known once more, which is
    /// gone through only where files have other inodes than they had.
    ///
    /// # Errors
    /// When what is known cannot be said.
    pub fn finish(
        mut self,
        unseen: impl IntoIterator<Item = PathBuf>,
        again: impl IntoIterator<Item = Result<Found, E>>,
    ) -> Result<Plan, E> {
        while self.pass()? {}
        let unseen: BTreeSet<PathBuf> = unseen.into_iter().collect();
        if !unseen.is_empty() {
            let mut gone = Paths::default();
            for path in self.plan.gone.iter() {
                if path.ancestors().any(|above| unseen.contains(above)) {
                    self.plan.withheld += 1;
                } else {
                    gone.push(&path);
                }
            }
            self.plan.gone = gone;
        }
        if !self.stamps.is_empty() {
            self.tell_moved(again)?;
        }
        Ok(self.plan)
    }

    /// Of the renumbered files, those that are now what another known path was are changed.
    fn tell_moved(&mut self, known: impl IntoIterator<Item = Result<Found, E>>) -> Result<(), E> {
        let mut sorted = self.stamps.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let mut is_known = vec![false; sorted.len()];
        for known in known {
            if let Ok(at) = sorted.binary_search(&stamp(&known?))
                && let Some(is_known) = is_known.get_mut(at)
            {
                *is_known = true;
            }
        }
        let moved =
            |stamp: &Stamp| sorted.binary_search(stamp).is_ok_and(|at| is_known.get(at) == Some(&true));
        let mut put_here = Paths::default();
        for (path, stamp) in self.renumbered.iter().zip(&self.stamps) {
            if moved(stamp) {
                put_here.push(&path);
            } else {
                self.plan.unchanged += 1;
            }
        }
        self.plan.changed = self.plan.changed.merged(&put_here);
        Ok(())
    }
}

fn stamp(file: &Found) -> Stamp {
    (file.size, file.mtime_ns, file.inode)
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    type Files = BTreeMap<PathBuf, Stamp>;

    fn files() -> impl Strategy<Value = Files> {
        // Names before and behind the slash in the order of bytes.
        let path = ("a|a-|a/b|a0|b", "[a-d]")
            .prop_map(|(folder, name)| PathBuf::from(format!("/r/{folder}/{name}")));
        // Few values, so that equal sizes and times and inodes that move about are common.
        prop::collection::btree_map(path, (0u64..3, 0i64..3, 0u64..6), 0..10)
    }

    fn sorted<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = paths.into_iter().cloned().collect();
        paths.sort_by(|a, b| bytes(a).cmp(bytes(b)));
        paths
    }

    fn in_order(files: &Files) -> Vec<Found> {
        let found = |(path, stamp): (&PathBuf, &Stamp)| Found {
            path: path.clone(),
            size: stamp.0,
            mtime_ns: stamp.1,
            inode: stamp.2,
        };
        let mut all: Vec<Found> = files.iter().map(found).collect();
        all.sort_by(|a, b| bytes(&a.path).cmp(bytes(&b.path)));
        all
    }

    fn run(known: &Files, found: &Files, unseen: &[&str]) -> Plan {
        let known = || in_order(known).into_iter().map(Ok::<_, Infallible>);
        let mut comparison = Comparison::with(known());
        in_order(found).iter().for_each(|picture| comparison.found(picture).unwrap());
        comparison.finish(unseen.iter().map(PathBuf::from), known()).unwrap()
    }

    proptest! {
        #[test]
        fn every_file_is_in_one_place(known in files(), found in files(), blind: bool) {
            let plan = run(&known, &found, if blind { &["/r/a"] } else { &[] });
            let new = found.keys().filter(|path| !known.contains_key(*path));
            prop_assert_eq!(plan.new.iter().collect::<Vec<_>>(), sorted(new));
            let missing = known.keys().filter(|path| !found.contains_key(*path));
            let (withheld, gone): (Vec<_>, Vec<_>) =
                missing.partition(|path| blind && path.starts_with("/r/a"));
            prop_assert_eq!(plan.nothing_is_left(), found.is_empty() && !known.is_empty());
            prop_assert_eq!(plan.gone.iter().collect::<Vec<_>>(), sorted(gone));
            prop_assert_eq!(plan.withheld, u64::try_from(withheld.len()).unwrap());
            let is_changed = |(path, stamp): &(&PathBuf, &Stamp)| known.get(*path).is_some_and(|was| {
                was.0 != stamp.0
                    || was.1 != stamp.1
                    || (was.2 != stamp.2 && known.values().any(|other| other == *stamp))
            });
            let expected = sorted(found.iter().filter(is_changed).map(|(path, _)| path));
            let both = found.keys().filter(|path| known.contains_key(*path)).count();
            prop_assert_eq!(plan.unchanged, u64::try_from(both - expected.len()).unwrap());
            let changed: Vec<PathBuf> = plan.changed.iter().collect();
            prop_assert_eq!(sorted(&changed), expected);
        }

        #[test]
        fn nothing_to_do_when_nothing_happened(known in files()) {
            let plan = run(&known, &known, &[]);
            let unchanged = u64::try_from(known.len()).unwrap();
            prop_assert_eq!(plan, Plan { unchanged, ..Plan::default() });
        }
    }

    fn found(path: &str) -> Found {
        Found { path: path.into(), size: 1, mtime_ns: 1, inode: 1 }
    }

    fn one(path: &str, stamp: Stamp) -> (PathBuf, Stamp) {
        (PathBuf::from(path), stamp)
    }

    #[test]
    fn swapped_files_are_seen_though_size_and_time_agree() {
        let known = Files::from([one("/r/1.bmp", (9, 7, 100)), one("/r/2.bmp", (9, 7, 200))]);
        let found = Files::from([one("/r/1.bmp", (9, 7, 200)), one("/r/2.bmp", (9, 7, 100))]);
        assert_eq!(run(&known, &found, &[]).changed.len(), 2);
    }

    #[test]
    fn a_filesystem_that_numbers_anew_is_not_read_anew() {
        let known = Files::from([one("/r/1.jpg", (8, 6, 1)), one("/r/2.jpg", (9, 7, 2))]);
        let found = Files::from([one("/r/1.jpg", (8, 6, 2)), one("/r/2.jpg", (9, 7, 1))]);
        assert_eq!(run(&known, &found, &[]).unchanged, 2);
    }

    #[test]
    fn a_blind_spot_is_a_path_and_not_a_prefix_of_letters() {
        let known = Files::from([one("/r/a/1.jpg", (1, 1, 1)), one("/r/ab.jpg", (2, 2, 2))]);
        let plan = run(&known, &Files::new(), &["/r/a"]);
        assert_eq!(plan.withheld, 1);
        assert_eq!(plan.gone.iter().collect::<Vec<_>>(), [Path::new("/r/ab.jpg")]);
    }

    #[test]
    fn what_cannot_be_said_ends_it() {
        let known = || [Ok(found("/r/1.jpg")), Err("broken")].into_iter();
        let mut comparison = Comparison::with(known());
        assert_eq!(comparison.found(&found("/r/1.jpg")), Ok(()));
        assert_eq!(comparison.found(&found("/r/2.jpg")), Err("broken"));
        assert_eq!(Comparison::with(known()).finish([], known()), Err("broken"));
    }
}
