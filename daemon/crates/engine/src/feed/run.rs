//! What a scan found to be looked at, in little room: of a folder that is new, that may be a million files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vow_types::FolderId;
use vow_watch::{IntoPaths, Paths};

use super::Job;
use crate::progress::FileTickets;

/// Files of one scan that wait.
#[derive(Debug)]
pub(crate) struct Run {
    folder: FolderId,
    /// What was scanned: the folder, or a path in it.
    place: PathBuf,
    paths: IntoPaths,
    /// As many as files wait.
    tickets: FileTickets,
    /// Paths that are left out, with all that lies below them, because they stand in line elsewhere since; none lies below
    /// another.
    elsewhere: BTreeSet<PathBuf>,
    /// How many of the paths that are still to come that is.
    left_out: usize,
}

impl Run {
    /// `tickets` are as many as `paths`, which are in the order of their bytes.
    pub(crate) fn new(folder: FolderId, place: &Path, paths: Paths, tickets: FileTickets) -> Self {
        let (place, paths) = (place.to_owned(), paths.into_iter());
        Self { folder, place, paths, tickets, elsewhere: BTreeSet::new(), left_out: 0 }
    }

    /// What was scanned.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Files that wait.
    pub(super) fn len(&self) -> usize {
        self.paths.len().saturating_sub(self.left_out)
    }

    /// This path, and what lies below it, stands in line elsewhere.
    pub(super) fn leave_out(&mut self, path: &Path) {
        let there = self.paths.at_or_below(path);
        if there == 0 || self.is_left_out(path) {
            return;
        }
        // Paths are in the order of their names here, so that what lies below one follows it.
        let from = self.elsewhere.range(path.to_owned()..);
        let below: Vec<PathBuf> = from.take_while(|other| other.starts_with(path)).cloned().collect();
        let known: usize = below.iter().map(|other| self.paths.at_or_below(other)).sum();
        for other in &below {
            self.elsewhere.remove(other);
        }
        self.elsewhere.insert(path.to_owned());
        let more = there.saturating_sub(known);
        self.left_out += more;
        self.tickets.give_up(more);
    }

    fn is_left_out(&self, path: &Path) -> bool {
        !self.elsewhere.is_empty() && path.ancestors().any(|above| self.elsewhere.contains(above))
    }

    /// Takes the next file off.
    pub(super) fn next(&mut self) -> Option<Job> {
        loop {
            let path = self.paths.next()?;
            if !self.is_left_out(&path) {
                return Some(Job { path, folder: self.folder, tries: 0, ticket: self.tickets.next() });
            }
            self.left_out = self.left_out.saturating_sub(1);
        }
    }
}
