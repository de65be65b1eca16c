//! One folder, or a part of it, against the store: what differs is handed on. Watches it first, so that nothing falls between.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use vow_store::{Change, FileRow, FileState, Folder, StoreError};
use vow_types::{Failure, FolderId, Stage};
use vow_watch::{Comparison, Found, Ignored, Plan, Seen, WatchError};

use super::Librarian;
use super::on_disk::is_gone;
use crate::feed::Run;
use crate::progress::IgnoredCounts;
use crate::watched::Watched;

impl Librarian {
    /// Compares a folder with the store and hands on the difference.
    pub(super) fn scan(&self, id: FolderId, below: Option<&Path>) -> Result<(), StoreError> {
        let Some(Watched { folder, .. }) = self.folders.get(id) else {
            // The folder was removed meanwhile; its own path comes along so that the watcher can let go.
            below.into_iter().for_each(|path| self.watcher.unwatch(path));
            return Ok(());
        };
        self.bench.progress.scans.fetch_add(1, Ordering::SeqCst);
        let started = Instant::now();
        let result = self.scan_folder(&folder, below.filter(|path| *path != folder.path));
        self.bench.progress.add_busy(Stage::Scan, started.elapsed());
        self.bench.progress.scans.fetch_sub(1, Ordering::SeqCst);
        self.bench.progress.touch();
        result
    }

    /// Whether nobody wants to know any more what is in a folder: all ends, or it was removed. Asked at every step of a walk,
    /// which goes on for minutes in some folders.
    fn in_vain(&self, id: FolderId) -> bool {
        self.bench.progress.stopping.load(Ordering::SeqCst) || !self.folders.hold(id)
    }

    fn scan_folder(&self, folder: &Folder, below: Option<&Path>) -> Result<(), StoreError> {
        if below.is_none() {
            self.watch(folder);
        }
        let known = || self.known(folder, below);
        let mut comparison = Comparison::with(known()?);
        let mut compared = Ok(());
        let mut ignored = IgnoredCounts::default();
        let mut problems = Vec::new();
        let mut elsewhere = BTreeSet::new();
        let mut folders = 0_u64;
        let mut visit = |seen: Seen| {
            match seen {
                Seen::Folder { .. } => folders += 1,
                Seen::Picture(picture) => compared = comparison.found(&picture),
                Seen::Ignored { path, why } => match why {
                    Ignored::NotAPicture => ignored.not_a_picture += 1,
                    Ignored::Hidden => ignored.hidden += 1,
                    Ignored::SystemFolder => ignored.system_folder += 1,
                    Ignored::SpecialFile => ignored.special_file += 1,
                    Ignored::ShownElsewhere => drop(elsewhere.insert(path)),
                },
                Seen::Problem { path, failure } => problems.push((path, failure)),
            }
            let ends = compared.is_err() || self.in_vain(folder.id);
            if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let place = below.unwrap_or(&folder.path);
        let picture = &vow_media::is_picture_name;
        let root = vow_watch::scan_below(&folder.path, place, Some(&self.data), picture, &mut visit);
        compared?;
        if self.in_vain(folder.id) {
            tracing::debug!(folder = %place.display(), folders, "a scan was ended early");
            return Ok(()); // half a list would make the other half gone
        }
        let root = match (root, below) {
            (Ok(root), _) => root,
            (Err(WatchError::Offline { .. }), Some(path)) if folder.path.is_dir() => {
                return self.gone(folder, path);
            }
            (Err(error), _) => {
                self.offline(folder, &error);
                return Ok(());
            }
        };
        if below.is_some() && root.leads_out {
            return self.scan_folder(folder, None); // whether another link leads there, the whole says
        }
        let plan = comparison.finish(problems.iter().map(|(path, _)| path.clone()), known()?)?;
        if below.is_none() {
            if plan.nothing_is_left() && root.device != folder.device {
                // An empty folder on another disk is a mount point whose disk is away, not a purge.
                let source = std::io::Error::other("its disk is not mounted");
                self.offline(folder, &WatchError::Offline { path: folder.path.clone(), source });
                return Ok(());
            }
            if root.device != folder.device {
                self.bench.store.set_folder_device(folder.id, root.device)?;
            }
            for (path, failure) in &problems {
                tracing::warn!(path = %path.display(), %failure, "left out of the scan");
            }
            self.folders.update(folder.id, |one| {
                one.online = true;
                one.folder.device = root.device;
                one.ignored = ignored;
                one.leaves_links = !elsewhere.is_empty();
                one.problems = problems;
            });
        }
        self.hand_on_difference(folder, place, plan, &elsewhere);
        Ok(())
    }

    fn hand_on_difference(&self, folder: &Folder, place: &Path, plan: Plan, elsewhere: &BTreeSet<PathBuf>) {
        tracing::debug!(
            folder = %place.display(),
            new = plan.new.len(),
            changed = plan.changed.len(),
            gone = plan.gone.len(),
            unchanged = plan.unchanged,
            "scanned"
        );
        let paths = plan.new.merged(&plan.changed);
        let tickets = self.bench.progress.file_tickets(paths.len());
        self.bench.feed.push_run(Run::new(folder.id, place, paths, tickets));
        let is_elsewhere = |path: &Path| path.ancestors().any(|above| elsewhere.contains(above));
        // What came, and was stored, after the scan had read its folder is known and was not found.
        for path in plan.gone.iter().filter(|path| is_elsewhere(path) || is_gone(folder, path)) {
            self.hand_on(Change::Gone { path }, self.bench.progress.file_ticket());
        }
    }

    /// What is known of a folder's files, or of those below a path in it, in the order of their paths' bytes.
    fn known(
        &self,
        folder: &Folder,
        below: Option<&Path>,
    ) -> Result<impl Iterator<Item = Result<Found, StoreError>>, StoreError> {
        let files = match below {
            Some(path) => self.bench.store.each_file_below(path),
            None => self.bench.store.each_file_in(folder.id)?,
        };
        Ok(files.map(|row| {
            let row = row?;
            // A size that no file has makes an unchanged file count as changed.
            let size = if self.wants_another_look(&row)? { u64::MAX } else { row.size };
            Ok(Found { path: row.path, size, mtime_ns: row.mtime_ns, inode: row.inode })
        }))
    }

    /// Whether a file is to be read although it looks as it did: its photo was not seen by this pack yet, or it failed for a
    /// reason that does not show in the file.
    pub(super) fn wants_another_look(&self, row: &FileRow) -> Result<bool, StoreError> {
        Ok(match &row.state {
            FileState::Shows { photo, .. } => self.bench.store.analysis(photo, self.bench.pack)?.is_none(),
            FileState::Failed { failure, at, .. } => self.bench.again.wants(failure.stage, *at),
        })
    }

    fn watch(&self, folder: &Folder) {
        let watched = match self.watcher.watch(&folder.path, &|| self.in_vain(folder.id)) {
            Ok(()) => true,
            Err(WatchError::Offline { .. }) => false, // the scan that follows says so
            Err(error) => {
                tracing::warn!(%error, "changes in this folder are found by scanning only");
                false
            }
        };
        self.folders.update(folder.id, |one| one.watched = watched);
    }

    fn offline(&self, folder: &Folder, error: &WatchError) {
        tracing::warn!(%error, "a folder is offline; its photos are kept");
        let failure = Failure::new(Stage::Scan, error);
        self.folders.update(folder.id, |one| {
            one.online = false;
            one.problems = vec![(folder.path.clone(), failure)];
        });
    }
}
