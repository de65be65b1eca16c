//! The workers: each takes a file from the feed and turns it into one change for the committer.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::Sender;
use vow_media::{Header, Limits, MediaError, Stamp};
use vow_store::{Change, FileRow, FileState, NewFace, PhotoRow, Store, StoreError};
use vow_types::{ContentId, Failure, FolderId, Lane, PackId, RelBox, Stage, num};

use crate::again::{self, Again};
use crate::analyse::{AnalyseError, Analysed, Networks, analyse};
use crate::budget::{Budget, Holds, Share};
use crate::feed::{Desk, Feed, Job};
use crate::inflight::Inflight;
use crate::progress::{FileTicket, Progress, now};
use crate::spare::{Memory, Spare};

/// A file that changes while it is read or looked at is tried this often, a little later each time.
const TRIES: u32 = 8;
/// How much later each time.
const LATER: Duration = Duration::from_millis(250);
/// Stands for what cannot be seen.
const UNSEEN: Stamp = Stamp { size: 0, mtime_ns: 0, inode: 0 };

/// What a worker hands on.
pub(crate) struct Outcome {
    pub(crate) change: Change,
    /// The share of the budget that this takes until it is stored; small outcomes have none.
    pub(crate) held: Option<Share>,
    /// The photo this worker had claimed; its waiting copies are released once the change is stored.
    pub(crate) claimed: Option<ContentId>,
    pub(crate) ticket: Option<FileTicket>,
    /// Of a file that came in just now: somebody may be waiting for it.
    pub(crate) live: bool,
    /// How often its file was tried before, because it was changing or a network failed.
    pub(crate) tries: u32,
}

/// A file as it was when it was read.
pub(crate) struct AsRead {
    path: PathBuf,
    folder: FolderId,
    stamp: Stamp,
    tries: u32,
}

/// A copy of a photo that another worker is analysing: its job and what its file says.
pub(crate) struct Copy {
    pub(crate) job: Job,
    stamp: Stamp,
    header: Header,
}

impl Copy {
    /// The change that records the copy once its photo is in the store.
    pub(crate) fn into_outcome(self) -> Outcome {
        let file = row(&self.job, self.stamp, shows(&self.header));
        let (ticket, tries) = (Some(self.job.ticket), self.job.tries);
        Outcome { change: Change::Known { file }, held: None, claimed: None, ticket, live: false, tries }
    }
}

/// Places of faces, relative to the coded picture.
pub(crate) type Drawn = HashMap<ContentId, Vec<RelBox>>;

/// What all workers share.
pub(crate) struct Bench {
    pub(crate) feed: Feed,
    pub(crate) inflight: Inflight<Copy>,
    pub(crate) store: Store,
    pub(crate) networks: Networks,
    /// Faces that humans pointed out while another pack was used: this one is to look there too.
    pub(crate) drawn: Drawn,
    pub(crate) pack: PackId,
    pub(crate) same_cosine: f32,
    pub(crate) limits: Limits,
    pub(crate) budget: Arc<Budget>,
    pub(crate) spare: Spare,
    pub(crate) again: Again,
    pub(crate) progress: Arc<Progress>,
}

impl Bench {
    /// Lets go of a photo that came to nothing. Its copies have the same pixels but may differ in what failed (orientation,
    /// size): they go back in line.
    pub(crate) fn give_up(&self, photo: &ContentId) {
        for copy in self.inflight.release(photo) {
            self.feed.push(copy.job, Lane::Backlog);
        }
    }
}

/// Works until the feed is closed. A photo that waits for memory then is left to the next start.
///
/// # Errors
/// Only when the store cannot be read: that is no photo's fault.
pub(crate) fn work(bench: &Bench, desk: Desk, out: &Sender<Outcome>) -> Result<(), StoreError> {
    while let Some((job, lane)) = bench.feed.next(desk) {
        // Whatever else is at the path by the time it is read, its size is bounded by the limits.
        let size = Stamp::at(&job.path).map_or(0, |stamp| stamp.size.min(bench.limits.max_file_bytes));
        let Ok(file) = bench.budget.take(Holds::File, size, lane) else { break };
        let mut memory = bench.spare.take();
        let outcome = handle(bench, job, lane, &mut memory);
        bench.spare.put(memory);
        drop(file);
        let outcome = outcome?;
        if let Some(mut outcome) = outcome {
            outcome.held =
                outcome.bytes().and_then(|bytes| bench.budget.take(Holds::Outcome, bytes, lane).ok());
            outcome.live = lane == Lane::Live;
            if out.send(outcome).is_err() {
                break; // the committer is gone: the engine is stopping
            }
        }
    }
    Ok(())
}

impl AsRead {
    /// Sees to it that the file is looked at again if it is another one by now, or is gone. Two workers may have had it in hand
    /// at the same time, and who looked first may have been stored last; and what comes, goes or changes before something is stored is
    /// compared with what was stored before. There are file systems on which a file's number changes by itself: it does not tell.
    pub(crate) fn look_again(self, bench: &Bench) {
        let Self { path, folder, stamp, tries } = self;
        let now = Stamp::at(&path).unwrap_or(UNSEEN);
        if (now.size, now.mtime_ns) == (stamp.size, stamp.mtime_ns) || tries >= TRIES {
            return;
        }
        tracing::debug!(path = %path.display(), "another one since it was read");
        let (tries, ticket) = (tries + 1, bench.progress.file_ticket());
        bench.feed.push_later(Job { path, folder, tries, ticket }, LATER * tries);
    }
}

impl Outcome {
    /// The file that it tells of, if it is there.
    pub(crate) fn as_read(&self) -> Option<AsRead> {
        let (Change::Known { file } | Change::Analysed { file, .. }) = &self.change else { return None };
        let stamp = Stamp { size: file.size, mtime_ns: file.mtime_ns, inode: file.inode };
        Some(AsRead { path: file.path.clone(), folder: file.folder, stamp, tries: self.tries })
    }

    /// What its faces take, if there are any; the rest is bounded by the number of outcomes that may wait.
    fn bytes(&self) -> Option<u64> {
        let Change::Analysed { faces, .. } = &self.change else { return None };
        let each = |face: &NewFace| size_of::<NewFace>() + size_of_val(face.embedding.steps());
        Some(num::len_u64(faces.iter().map(each).sum())).filter(|bytes| *bytes > 0)
    }
}

fn handle(bench: &Bench, job: Job, lane: Lane, memory: &mut Memory) -> Result<Option<Outcome>, StoreError> {
    let Memory { file: buffer, pixels } = memory;
    let read = bench.progress.timed(Stage::Read, || {
        let stamp = vow_media::read(&job.path, &bench.limits, buffer)?;
        bench.progress.files_read.fetch_add(1, Ordering::Relaxed);
        Ok((stamp, vow_media::inspect(buffer, &bench.limits)))
    });
    let (stamp, header) = match read {
        Ok(read) => read,
        Err(error) => return Ok(unread(bench, job, &error)),
    };
    let header = match header {
        Ok(header) => header,
        Err(error) => return Ok(Some(failed(job, stamp, &error, error.stage()))),
    };
    let photo = header.content;
    let Some(copy) = bench.inflight.claim(photo, Copy { job, stamp, header }) else {
        return Ok(None); // whoever has the photo will record this copy too
    };
    if bench.store.analysis(&photo, bench.pack)?.is_some() {
        return Ok(Some(Outcome { claimed: Some(photo), ..copy.into_outcome() }));
    }
    let Copy { job, stamp, header } = copy;
    // Another pack may have found how it stands.
    let turn = bench.store.photo(&photo)?.and_then(|row| row.turn);
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let photo = (buffer.as_slice(), &header);
        let drawn = bench.drawn.get(&header.content).map_or(&[][..], Vec::as_slice);
        analyse(photo, (turn, drawn), (&bench.networks, lane), pixels, &bench.budget, &bench.progress)
    }));
    let outcome = match result {
        Ok(Ok(Analysed { faces, turn })) => {
            bench.progress.inferred.fetch_add(1, Ordering::Relaxed);
            bench.progress.turned.fetch_add(turn.is_some().into(), Ordering::Relaxed);
            let photo = PhotoRow {
                content: header.content,
                coded: header.coded,
                format: header.format.name().to_owned(),
                first_seen: now(),
                turn,
            };
            let file = row(&job, stamp, shows(&header));
            let change = Change::Analysed { file, photo, pack: bench.pack, faces };
            let (ticket, tries) = (Some(job.ticket), job.tries);
            Outcome { change, held: None, claimed: None, ticket, live: false, tries }
        }
        Ok(Err(AnalyseError::Closed(_))) => {
            // The engine is stopping, and its next start finds the file and its copies again.
            bench.give_up(&photo);
            return Ok(None);
        }
        Ok(Err(error)) => match again::later(&error, job.tries) {
            Some(delay) => {
                bench.give_up(&photo);
                put_off(bench, job, &error, delay);
                return Ok(None);
            }
            None => failed(job, stamp, &error, error.stage()),
        },
        Err(panic) => failed(job, stamp, &Panicked::new(panic.as_ref()), Stage::Decode),
    };
    Ok(Some(Outcome { claimed: Some(photo), ..outcome }))
}

/// A file that could not be read: tried again later, taken off the list, or recorded as a failure.
fn unread(bench: &Bench, job: Job, error: &MediaError) -> Option<Outcome> {
    if matches!(error, MediaError::Vanished { .. }) {
        let change = Change::Gone { path: job.path };
        let (ticket, tries) = (Some(job.ticket), job.tries);
        return Some(Outcome { change, held: None, claimed: None, ticket, live: false, tries });
    }
    if error.is_transient() && job.tries < TRIES {
        let delay = LATER * (job.tries + 1);
        put_off(bench, job, error, delay);
        return None;
    }
    // What the file looks like now, as far as that can be told, so that it is tried again when that changes.
    let stamp = Stamp::at(&job.path).unwrap_or(UNSEEN);
    Some(failed(job, stamp, error, error.stage()))
}

/// To be tried again later, since what failed may pass.
fn put_off(bench: &Bench, mut job: Job, error: &dyn std::error::Error, delay: Duration) {
    job.tries += 1;
    tracing::debug!(path = %job.path.display(), %error, ?delay, "to be tried again");
    bench.feed.push_later(job, delay);
}

fn failed(job: Job, stamp: Stamp, error: &dyn std::error::Error, stage: Stage) -> Outcome {
    let failure = Failure::new(stage, error);
    tracing::debug!(path = %job.path.display(), %failure, "not indexed");
    let file = row(&job, stamp, FileState::Failed { failure, tries: 1, at: now() });
    let (ticket, tries) = (Some(job.ticket), job.tries);
    Outcome { change: Change::Known { file }, held: None, claimed: None, ticket, live: false, tries }
}

fn row(job: &Job, stamp: Stamp, state: FileState) -> FileRow {
    FileRow {
        path: job.path.clone(),
        folder: job.folder,
        size: stamp.size,
        mtime_ns: stamp.mtime_ns,
        inode: stamp.inode,
        state,
    }
}

fn shows(header: &Header) -> FileState {
    FileState::Shows { photo: header.content, orientation: header.orientation, taken: header.taken }
}

/// A decoder that panicked instead of returning an error; the photo is to blame until shown otherwise.
#[derive(Debug, thiserror::Error)]
#[error(
    "VowImager stumbled over this picture ({0}); the file may be damaged. Opening and saving it again in a picture \
     program often helps; please report it"
)]
struct Panicked(String);

impl Panicked {
    fn new(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Self(
            text.or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "unknown fault".to_owned()),
        )
    }
}
