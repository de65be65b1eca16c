//! What a scan found to be looked at, in little room: of a folder that is new, that may be a million files.

use std::collections::HashSet;
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
    tickets: FileTickets,
    /// Paths that are left out, with all that lies below them, because they stand in line elsewhere since.
    elsewhere: HashSet<PathBuf>,
}

impl Run {
    /// `tickets` are as many as `paths`.
    pub(crate) fn new(folder: FolderId, place: &Path, paths: Paths, tickets: FileTickets) -> Self {
        let (place, paths) = (place.to_owned(), paths.into_iter());
        Self { folder, place, paths, tickets, elsewhere: HashSet::new() }
    }

    /// Files that wait; some that are left out may be among them.
    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether another run is of a scan that saw all that this one's did.
    pub(super) fn is_outdated_by(&self, other: &Self) -> bool {
        self.place.starts_with(&other.place)
    }

    /// Another run has what lies at this one's place and below it.
    pub(super) fn leave_to(&mut self, other: &Self) {
        self.leave_out(&other.place);
    }

    /// This path stands in line elsewhere.
    pub(super) fn leave_out(&mut self, path: &Path) {
        if path.starts_with(&self.place) {
            self.elsewhere.insert(path.to_owned());
        }
    }

    /// Takes the next file off.
    pub(super) fn next(&mut self) -> Option<Job> {
        loop {
            let (path, ticket) = (self.paths.next()?, self.tickets.next());
            if self.elsewhere.is_empty() || !path.ancestors().any(|above| self.elsewhere.contains(above)) {
                return Some(Job { path, folder: self.folder, tries: 0, ticket });
            }
        }
    }
}
