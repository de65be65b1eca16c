//! What is known of a folder against what a scan found in it. Pure: no disk, no clock.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Found;

/// What to do about the difference between what is known and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Not known yet.
    pub new: Vec<Found>,
    /// Known with another size or time, or put here from another known path.
    pub changed: Vec<Found>,
    /// Known, and no longer there; sorted.
    pub gone: Vec<PathBuf>,
    /// As known.
    pub unchanged: u64,
    /// Known and not found, but at or below a path that could not be seen: nothing to do until it can.
    pub withheld: u64,
}

/// Size, mtime in nanoseconds, inode: what tells one state of a file from another without opening it.
type Stamp = (u64, i64, u64);

/// Compares what is known of a folder (path, size, mtime in nanoseconds, inode; each path once) with a finished scan
/// of the same folder. `unseen`: the paths of the scan's [`crate::Seen::Problem`]s.
///
/// A file whose inode alone differs is unchanged: restoring a backup and mounting a filesystem that numbers its files
/// as it goes (FAT, most network and FUSE filesystems) change every inode, and reading a whole library again for that
/// is no option. The exception are files that took each other's names: there the new inode, size and time are those
/// of another known path.
#[must_use]
pub fn compare(
    known: impl IntoIterator<Item = (PathBuf, u64, i64, u64)>,
    found: impl IntoIterator<Item = Found>,
    unseen: impl IntoIterator<Item = PathBuf>,
) -> Plan {
    // By its bytes: a path is hashed and compared name by name otherwise, which takes several times as long.
    let mut known: HashMap<OsString, (Stamp, bool)> = known
        .into_iter()
        .map(|(path, size, mtime_ns, inode)| (path.into_os_string(), ((size, mtime_ns, inode), false)))
        .collect();
    let mut plan = Plan::default();
    let mut renumbered = Vec::new();
    for picture in found {
        let stamp = (picture.size, picture.mtime_ns, picture.inode);
        match known.get_mut(picture.path.as_os_str()) {
            None => plan.new.push(picture),
            Some((was, seen)) => {
                *seen = true;
                if *was == stamp {
                    plan.unchanged += 1;
                } else if (was.0, was.1) == (stamp.0, stamp.1) {
                    renumbered.push(picture);
                } else {
                    plan.changed.push(picture);
                }
            }
        }
    }
    if !renumbered.is_empty() {
        let stamps: HashSet<Stamp> = known.values().map(|(stamp, _)| *stamp).collect();
        for picture in renumbered {
            if stamps.contains(&(picture.size, picture.mtime_ns, picture.inode)) {
                plan.changed.push(picture);
            } else {
                plan.unchanged += 1;
            }
        }
    }
    let unseen: BTreeSet<PathBuf> = unseen.into_iter().collect();
    for (path, _) in known.into_iter().filter(|(_, (_, seen))| !seen) {
        if !unseen.is_empty() && Path::new(&path).ancestors().any(|above| unseen.contains(above)) {
            plan.withheld += 1;
        } else {
            plan.gone.push(path.into());
        }
    }
    plan.gone.sort_unstable();
    plan
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    type Files = BTreeMap<PathBuf, Stamp>;

    fn files() -> impl Strategy<Value = Files> {
        let path = ("[ab]", "[a-d]").prop_map(|(folder, name)| PathBuf::from(format!("/r/{folder}/{name}")));
        // Few values, so that equal sizes and times and inodes that move about are common.
        prop::collection::btree_map(path, (0u64..3, 0i64..3, 0u64..6), 0..10)
    }

    fn run(known: &Files, found: &Files, unseen: &[&str]) -> Plan {
        let known = known.iter().map(|(path, stamp)| (path.clone(), stamp.0, stamp.1, stamp.2));
        let found = found.iter().map(|(path, stamp)| Found {
            path: path.clone(),
            size: stamp.0,
            mtime_ns: stamp.1,
            inode: stamp.2,
        });
        compare(known, found, unseen.iter().map(PathBuf::from))
    }

    proptest! {
        #[test]
        fn every_file_is_in_one_place(known in files(), found in files(), blind: bool) {
            let plan = run(&known, &found, if blind { &["/r/a"] } else { &[] });
            let paths = |of: &[Found]| of.iter().map(|one| one.path.clone()).collect::<Vec<_>>();
            let new: Vec<_> = found.keys().filter(|path| !known.contains_key(*path)).cloned().collect();
            prop_assert_eq!(paths(&plan.new), new);
            let missing = known.keys().filter(|path| !found.contains_key(*path));
            let (withheld, gone): (Vec<_>, Vec<_>) =
                missing.cloned().partition(|path| blind && path.starts_with("/r/a"));
            prop_assert_eq!(plan.gone, gone);
            prop_assert_eq!(plan.withheld, u64::try_from(withheld.len()).unwrap());
            let mut changed = paths(&plan.changed);
            changed.sort();
            let expected: Vec<_> = found
                .iter()
                .filter(|(path, stamp)| known.get(*path).is_some_and(|was| {
                    was.0 != stamp.0
                        || was.1 != stamp.1
                        || (was.2 != stamp.2 && known.values().any(|other| other == *stamp))
                }))
                .map(|(path, _)| path.clone())
                .collect();
            let both = found.keys().filter(|path| known.contains_key(*path)).count();
            prop_assert_eq!(plan.unchanged, u64::try_from(both - expected.len()).unwrap());
            prop_assert_eq!(changed, expected);
        }

        #[test]
        fn nothing_to_do_when_nothing_happened(known in files()) {
            let plan = run(&known, &known, &[]);
            let unchanged = u64::try_from(known.len()).unwrap();
            prop_assert_eq!(plan, Plan { unchanged, ..Plan::default() });
        }
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
        assert_eq!((plan.withheld, plan.gone), (1, vec![Path::new("/r/ab.jpg").to_path_buf()]));
    }
}
