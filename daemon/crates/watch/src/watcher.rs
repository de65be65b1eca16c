//! From the kernel's events to hints: translates them to the paths that our folders are shown under, follows new
//! folders, and lets [`Debounce`] decide when to speak. One thread, which sleeps until something happens or falls due.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};

use crate::debounce::{Change, Debounce, Patience};
use crate::error::system;
use crate::kernel::Kernel;
use crate::mounts::Mounts;
use crate::{Hint, WatchError, judge};

/// Events that may wait for the thread. When more come, what they said is found by scanning.
const QUEUE: usize = 16 * 1024;

/// What the kernel said, without what we never use.
#[derive(Debug)]
struct Event {
    what: What,
    path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A new name in a folder; `true` when moved there, whole.
    Appeared(bool),
    Written,
    Closed,
    Attributes,
    Removed,
}

enum Message {
    Event(Event),
    /// A disk came or went here.
    Mounted(PathBuf),
    /// Look at the flags.
    Wake,
}

/// Flags beside the queue, so that they arrive even when it is full.
#[derive(Default)]
struct Flags {
    lost: AtomicBool,
    stop: AtomicBool,
}

/// Listens to the kernel and calls back with hints; sleeps while nothing happens.
///
/// Only what happens on this machine is heard: changes that others make on a network share are found by scanning.
pub struct Watcher {
    kernel: Arc<Kernel>,
    flags: Arc<Flags>,
    queue: SyncSender<Message>,
    _mounts: Option<Mounts>,
}

impl Watcher {
    /// Starts listening; watches nothing yet. `on_hint` runs on the watcher's own thread. It may block: meanwhile
    /// events pile up, and when too many do, a [`Hint::Rescan`] stands for them. The folder `without` is left out as
    /// [`crate::scan_below`] leaves it out.
    ///
    /// # Errors
    /// [`WatchError::Listen`] or [`WatchError::Thread`].
    pub fn start(
        without: Option<PathBuf>,
        on_hint: impl Fn(Hint) + Send + 'static,
    ) -> Result<Self, WatchError> {
        Self::start_with(Patience::DEFAULT, QUEUE, without, on_hint)
    }

    fn start_with(
        patience: Patience,
        queue: usize,
        without: Option<PathBuf>,
        on_hint: impl Fn(Hint) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let flags = Arc::new(Flags::default());
        let (sender, receiver) = sync_channel(queue);
        let ear = Ear { flags: Arc::clone(&flags), queue: sender.clone() };
        let notify = notify::recommended_watcher(move |event| ear.hear(event))
            .map_err(|error| WatchError::Listen { source: system(error) })?;
        let kernel = Arc::new(Kernel::new(notify, without));
        let listener = Listener {
            kernel: Arc::clone(&kernel),
            flags: Arc::clone(&flags),
            debounce: Debounce::new(patience),
            on_hint,
        };
        std::thread::Builder::new()
            .name("vow-watch".to_owned())
            .spawn(move || listener.run(&receiver))
            .map_err(|source| WatchError::Thread { source })?;
        let queue = sender.clone();
        // A closed queue means that the watcher was dropped, and so are the mounts in a moment.
        let mounts = Mounts::listen(move |place| drop(queue.send(Message::Mounted(place))));
        if let Err(error) = &mounts {
            tracing::debug!(%error, "disks that come back are found by scanning only");
        }
        Ok(Self { kernel, flags, queue: sender, _mounts: mounts.ok() })
    }

    /// Watches a folder and all below it; again: anew, without losing anything meanwhile. Call it before the scan, so
    /// that nothing falls between. Walks the folders on the caller's thread, and asks at each whether to `stop`: what is watched
    /// then is not all there is, as after [`Self::unwatch`] by another thread.
    ///
    /// # Errors
    /// [`WatchError::Offline`], [`WatchError::TooManyWatches`] or [`WatchError::Refused`]: then nothing of this folder
    /// is watched, and changes in it are found by scanning only.
    pub fn watch(&self, root: &Path, stop: &dyn Fn() -> bool) -> Result<(), WatchError> {
        self.kernel.watch(root, stop)
    }

    /// Stops watching a folder; one that is not watched is fine. Hints that are under way may still arrive.
    pub fn unwatch(&self, root: &Path) {
        self.kernel.unwatch(root);
    }

    /// Watched roots in which new folders could not be watched because the kernel's limit was reached after
    /// [`Self::watch`]: there, changes are found by scanning only.
    #[must_use]
    pub fn incomplete(&self) -> Vec<PathBuf> {
        self.kernel.incomplete()
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher")
            .field("roots", &self.kernel.read(|tree| tree.roots()))
            .finish_non_exhaustive()
    }
}

impl Drop for Watcher {
    /// Ends the thread without waiting for it: it may be blocked in the callback, and who drops a watcher may be
    /// just the one who would unblock it.
    fn drop(&mut self) {
        self.flags.stop.store(true, Ordering::SeqCst);
        let _ = self.queue.try_send(Message::Wake); // full: then it is awake and sees the flag
    }
}

/// Runs on `notify`'s thread, must not block: `notify` answers our requests on the same one.
struct Ear {
    flags: Arc<Flags>,
    queue: SyncSender<Message>,
}

impl Ear {
    fn hear(&self, event: notify::Result<notify::Event>) {
        let event = match event {
            Ok(event) if !event.need_rescan() => event,
            lost => {
                tracing::debug!(?lost, "the kernel lost events");
                return self.lose();
            }
        };
        let Some(what) = what(event.kind) else { return };
        for path in event.paths {
            if let Err(TrySendError::Full(_)) = self.queue.try_send(Message::Event(Event { what, path })) {
                self.lose();
            }
        }
    }

    fn lose(&self) {
        self.flags.lost.store(true, Ordering::SeqCst);
        let _ = self.queue.try_send(Message::Wake);
    }
}

/// What an event means to us, if anything: our own reading of files makes events, too.
fn what(kind: EventKind) -> Option<What> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(What::Closed),
        EventKind::Access(_) => None,
        EventKind::Create(_) => Some(What::Appeared(false)),
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(What::Appeared(true)),
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None, // told as from and to as well
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => Some(What::Removed),
        EventKind::Modify(ModifyKind::Metadata(_)) => Some(What::Attributes),
        EventKind::Modify(_) | EventKind::Any | EventKind::Other => Some(What::Written),
    }
}

struct Listener<F> {
    kernel: Arc<Kernel>,
    flags: Arc<Flags>,
    debounce: Debounce,
    on_hint: F,
}

impl<F: Fn(Hint)> Listener<F> {
    fn run(mut self, queue: &Receiver<Message>) {
        while self.turn(queue).is_continue() {}
    }

    /// One message, or one moment at which something falls due.
    fn turn(&mut self, queue: &Receiver<Message>) -> ControlFlow<()> {
        let message = match self.debounce.deadline() {
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match message {
            Ok(Message::Event(event)) => self.follow(&event),
            Ok(Message::Mounted(place)) => (self.on_hint)(Hint::Mounted(place)),
            Ok(Message::Wake) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return ControlFlow::Break(()),
        }
        if self.flags.lost.swap(false, Ordering::SeqCst) {
            for root in self.kernel.read(|tree| tree.roots()) {
                self.debounce.lost(Instant::now(), &root);
            }
        }
        for hint in self.debounce.due(Instant::now()) {
            if self.flags.stop.load(Ordering::SeqCst) {
                return ControlFlow::Break(());
            }
            self.tell(hint);
        }
        if self.flags.stop.load(Ordering::SeqCst) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn tell(&self, hint: Hint) {
        let (Hint::Touched(path) | Hint::Rescan(path) | Hint::Mounted(path)) = &hint;
        let Some(root) = self.kernel.read(|tree| tree.root_of(path)) else { return }; // unwatched meanwhile
        if matches!(&hint, Hint::Rescan(path) if **path == *root) {
            // Among the lost events may be those of new folders.
            self.watch_below(&root, &root);
        }
        tracing::debug!(?hint, "changed");
        (self.on_hint)(hint);
    }

    fn watch_below(&self, root: &Path, folder: &Path) {
        match self.kernel.watch_below(root, folder, &|| self.flags.stop.load(Ordering::SeqCst)) {
            Ok(()) => {}
            Err(error @ WatchError::TooManyWatches { .. }) => {
                tracing::warn!(root = %root.display(), %error, "not everything is watched");
            }
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "not watched");
                self.kernel.release_below(folder);
            }
        }
    }

    fn follow(&mut self, event: &Event) {
        for path in self.shown(event) {
            let Some(root) = self.kernel.read(|tree| tree.root_of(&path)) else { continue };
            let now = Instant::now();
            if judge::by_path(&root, &path).is_some() {
                continue;
            }
            let known_folder = self.kernel.read(|tree| tree.real(&path).is_some());
            let change = match event.what {
                What::Written => Change::Written,
                What::Closed => Change::Complete,
                What::Removed => {
                    self.kernel.release_below(&path);
                    if *path == *root {
                        self.debounce.lost(now, &root);
                        continue;
                    }
                    Change::Removed
                }
                What::Attributes if known_folder => continue,
                // Attributes: of a folder that could not be read until now.
                What::Attributes | What::Appeared(_) if path.is_dir() => {
                    self.watch_below(&root, &path);
                    Change::Folder
                }
                What::Attributes => Change::Attributes,
                What::Appeared(true) => Change::Complete,
                What::Appeared(false) => Change::Written,
            };
            self.debounce.touched(Instant::now(), &root, path, change);
        }
    }

    /// The paths under which the event's path is shown: below every path of its folder, and, for a folder that tells
    /// of its own end, every path of itself.
    fn shown(&self, event: &Event) -> Vec<PathBuf> {
        self.kernel.read(|tree| {
            let mut paths = Vec::new();
            if let (Some(above), Some(name)) = (event.path.parent(), event.path.file_name()) {
                paths.extend(tree.shown(above).iter().map(|one| one.join(name)));
            }
            if event.what == What::Removed {
                for one in tree.shown(&event.path) {
                    if !paths.contains(one) {
                        paths.push(one.clone());
                    }
                }
            }
            paths
        })
    }
}

#[cfg(test)]
mod tests;
