//! What is known of a folder against what a scan found in it. Pure: no disk, no clock.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

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
    let mut known: HashMap<PathBuf, (Stamp, bool)> = known
        .into_iter()
        .map(|(path, size, mtime_ns, inode)| (path, ((size, mtime_ns, inode), false)))
        .collect();
    let mut plan = Plan::default();
    let mut renumbered = Vec::new();
    for picture in found {
        let stamp = (picture.size, picture.mtime_ns, picture.inode);
        match known.get_mut(&picture.path) {
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
        if !unseen.is_empty() && path.ancestors().any(|above| unseen.contains(above)) {
            plan.withheld += 1;
        } else {
            plan.gone.push(path);
        }
    }
    plan.gone.sort_unstable();
    plan
}
