//! The library thread: keeps the watched folders, compares them with the store, and feeds the workers the difference.

mod on_disk;
mod scan;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use vow_store::{Change, Folder, StoreError};
use vow_types::{FolderId, Lane};
use vow_watch::{Hint, Looked, Seen, Watcher};

use self::on_disk::{concerns, is_back, same};
use crate::feed::Job;
use crate::progress::{FileTicket, Ticket};
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
    /// The daemon's own, which is left out wherever it lies: nobody's photos, and every work on photos changes it.
    pub(crate) data: PathBuf,
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
            Looked::Seen(Seen::Folder { .. }) => self.scan(folder.id, Some(&path))?,
            Looked::Gone | Looked::Seen(Seen::Ignored { .. }) => self.gone(folder, &path)?,
        }
        Ok(())
    }

    /// A path that is no more, or no picture any more: a file, or a folder with all that was in it.
    fn gone(&self, folder: &Folder, path: &Path) -> Result<(), StoreError> {
        if self.folders.leaves_links(folder.id) && self.bench.store.each_file_below(path).next().is_some() {
            // One of the links may lead to what was seen here.
            return self.scan(folder.id, None);
        }
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
