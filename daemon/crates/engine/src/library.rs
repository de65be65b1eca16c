//! The library thread: keeps the watched folders, compares them with the store, and feeds the workers the difference.

mod on_disk;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use vow_store::{Change, FileRow, FileState, Folder, StoreError};
use vow_types::{Failure, FolderId, Lane, Stage};
use vow_watch::{Comparison, Found, Hint, Ignored, Looked, Plan, Seen, WatchError, Watcher};

use self::on_disk::{concerns, is_back, is_gone, same};
use crate::feed::{Job, Run};
use crate::progress::{FileTicket, IgnoredCounts, Ticket};
use crate::watched::{Folders, Watched};
use crate::worker::{Bench, Outcome};

/// How often a folder that is offline is looked at. While none is, nothing looks.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What the library thread is asked to do.
pub(crate) enum Order {
    /// Compare a folder, or what lies below a path in it, with the store.
    Scan { folder: FolderId, below: Option<PathBuf>, ticket: Ticket },
    /// The kernel says that something happened.
    Hint { hint: Hint, ticket: Ticket },
    /// Read failed files again.
    Retry { ticket: Ticket },
    /// End.
    Stop,
}

/// The thread's own state.
pub(crate) struct Librarian {
    pub(crate) bench: Arc<Bench>,
    pub(crate) folders: Arc<Folders>,
    pub(crate) watcher: Watcher,
    pub(crate) out: Sender<Outcome>,
    pub(crate) scan_every: Duration,
}

impl Librarian {
    /// Works until told to stop.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn run(self, orders: &Receiver<Order>) -> Result<(), StoreError> {
        let mut next_scan = Instant::now() + self.scan_every;
        let mut next_look = Instant::now();
        loop {
            let now = Instant::now();
            if next_look <= now {
                next_look = now + LOOK_AGAIN;
                self.look_for_lost()?;
            }
            let away = self.folders.all().iter().any(|one| !one.online);
            match orders.recv_deadline(if away { next_scan.min(next_look) } else { next_scan }) {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(Order::Scan { folder, below, ticket }) => {
                    self.scan(folder, below.as_deref())?;
                    drop(ticket);
                }
                Ok(Order::Hint { hint, ticket }) => {
                    self.follow(hint)?;
                    drop(ticket);
                }
                Ok(Order::Retry { ticket }) => {
                    self.retry()?;
                    drop(ticket);
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < next_scan => {}
                Err(RecvTimeoutError::Timeout) => {
                    next_scan = Instant::now() + self.scan_every;
                    let _ticket = self.bench.progress.ticket();
                    for one in self.folders.all() {
                        self.scan(one.folder.id, None)?;
                    }
                }
            }
        }
    }

    fn follow(&self, hint: Hint) -> Result<(), StoreError> {
        match hint {
            Hint::Rescan(path) => match self.folders.holding(&path) {
                Some(folder) => self.scan(folder.id, Some(&path)),
                None => Ok(()),
            },
            Hint::Touched(path) => match self.folders.holding(&path) {
                Some(folder) => self.look(&folder, path),
                None => Ok(()),
            },
            // Watches went with the disk; the scan asks for them anew.
            Hint::Mounted(place) => {
                let all = self.folders.all().into_iter().map(|one| one.folder);
                let mut concerned = all.filter(|folder| concerns(&place, &folder.path));
                concerned.try_for_each(|folder| self.scan(folder.id, None))
            }
        }
    }

    /// Folders that are offline and may be back.
    fn look_for_lost(&self) -> Result<(), StoreError> {
        for Watched { folder, .. } in self.folders.all().into_iter().filter(|one| !one.online) {
            // What is still away is not scanned, for the scan would only say so again.
            if is_back(&folder) {
                let _ticket = self.bench.progress.ticket();
                self.scan(folder.id, None)?;
            }
        }
        Ok(())
    }

    /// One path that something happened to.
    fn look(&self, folder: &Folder, path: PathBuf) -> Result<(), StoreError> {
        match vow_watch::look(&folder.path, &path, &vow_media::is_picture_name) {
            Looked::Seen(Seen::Picture(found)) => {
                let known = self.bench.store.file(&path)?;
                let done = match known {
                    Some(row) => same(&row, &found) && !self.wants_another_look(&row)?,
                    None => false,
                };
                if !done {
                    self.feed(folder.id, path, Lane::Live);
                }
            }
            Looked::Seen(Seen::Problem { .. }) => {} // cannot be seen, which is not the same as gone
            Looked::Folder => self.scan(folder.id, Some(&path))?,
            Looked::Gone | Looked::Seen(Seen::Ignored { .. }) => self.gone(&path)?,
        }
        Ok(())
    }

    /// A path that is no more, or no picture any more: a file, or a folder with all that was in it.
    fn gone(&self, path: &Path) -> Result<(), StoreError> {
        let itself = self.bench.store.file(path)?.into_iter().map(Ok);
        for row in itself.chain(self.bench.store.each_file_below(path)) {
            self.hand_on(Change::Gone { path: row?.path }, self.bench.progress.file_ticket());
        }
        Ok(())
    }

    fn retry(&self) -> Result<(), StoreError> {
        let mut after: Option<PathBuf> = None;
        loop {
            let rows = self.bench.store.failures(after.as_deref(), 1000)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.path.clone());
            for row in rows {
                self.feed(row.folder, row.path, Lane::Backlog);
            }
        }
    }

    /// Compares a folder with the store and hands on the difference.
    fn scan(&self, id: FolderId, below: Option<&Path>) -> Result<(), StoreError> {
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

    fn scan_folder(&self, folder: &Folder, below: Option<&Path>) -> Result<(), StoreError> {
        if below.is_none() {
            self.watch(folder);
        }
        let known = || self.known(folder, below);
        let mut comparison = Comparison::with(known()?);
        let mut compared = Ok(());
        let mut ignored = IgnoredCounts::default();
        let mut problems = Vec::new();
        let stopping = || self.bench.progress.stopping.load(Ordering::SeqCst);
        let mut visit = |seen: Seen| {
            match seen {
                Seen::Picture(picture) => compared = comparison.found(&picture),
                Seen::Ignored { why, .. } => match why {
                    Ignored::NotAPicture => ignored.not_a_picture += 1,
                    Ignored::Hidden => ignored.hidden += 1,
                    Ignored::SystemFolder => ignored.system_folder += 1,
                    Ignored::SpecialFile => ignored.special_file += 1,
                },
                Seen::Problem { path, failure } => problems.push((path, failure)),
            }
            if stopping() || compared.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let picture = &vow_media::is_picture_name;
        let root = match below {
            Some(path) => vow_watch::scan_below(&folder.path, path, picture, &mut visit),
            None => vow_watch::scan(&folder.path, picture, &mut visit),
        };
        compared?;
        if stopping() {
            return Ok(()); // half a list would make the other half gone
        }
        let root = match (root, below) {
            (Ok(root), _) => root,
            (Err(WatchError::Offline { .. }), Some(path)) if folder.path.is_dir() => return self.gone(path),
            (Err(error), _) => {
                self.offline(folder, &error);
                return Ok(());
            }
        };
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
                one.problems = problems;
            });
        }
        self.hand_on_difference(folder, below.unwrap_or(&folder.path), plan);
        Ok(())
    }

    fn hand_on_difference(&self, folder: &Folder, place: &Path, plan: Plan) {
        tracing::debug!(
            new = plan.new.len(),
            changed = plan.changed.len(),
            gone = plan.gone.len(),
            unchanged = plan.unchanged,
            "scanned"
        );
        let paths = plan.new.merged(&plan.changed);
        let tickets = self.bench.progress.file_tickets(paths.len());
        self.bench.feed.push_run(Run::new(folder.id, place, paths, tickets));
        // What came, and was stored, after the scan had read its folder is known and was not found.
        for path in plan.gone.iter().filter(|path| is_gone(folder, path)) {
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
    fn wants_another_look(&self, row: &FileRow) -> Result<bool, StoreError> {
        Ok(match &row.state {
            FileState::Shows { photo, .. } => self.bench.store.analysis(photo, self.bench.pack)?.is_none(),
            FileState::Failed { failure, at, .. } => self.bench.again.wants(failure.stage, *at),
        })
    }

    fn watch(&self, folder: &Folder) {
        let watched = match self.watcher.watch(&folder.path) {
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

    fn feed(&self, folder: FolderId, path: PathBuf, lane: Lane) {
        let ticket = self.bench.progress.file_ticket();
        self.bench.feed.push(Job { path, folder, tries: 0, ticket }, lane);
    }

    fn hand_on(&self, change: Change, ticket: FileTicket) {
        // A closed channel means that the engine is stopping; the next start's scan finds the same again.
        let ticket = Some(ticket);
        let _ = self.out.send(Outcome { change, held: None, claimed: None, ticket, live: false, tries: 0 });
    }
}
