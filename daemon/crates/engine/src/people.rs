//! The people thread: keeps index, grouping and roster up to date with what was committed, and sorts people out over
//! everything when there is nothing else to do ([`sorting`]). All it holds is derived from the store: how it comes back from there is
//! in [`opening`], what the index needs in [`nearby`], decisions in `decide`.

mod clearness;
mod kept;
mod nearby;
mod opening;
mod saving;
mod seen;
mod shared;
mod shot;
mod sorting;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, after, never, select_biased};
use vow_cluster::{Grouping, Move, Observation, Placed, Verdict};
use vow_store::{Decision, FaceRow, Outcome, Store, StoreError};
use vow_types::{ContentId, Embedding, FaceId, PackId, PersonId, Stage};

use crate::carry::Elsewhere;
use crate::commit::Stored;
use crate::decide::{Answer, Ask, Trouble};
use crate::error::EngineError;
use crate::progress::{Progress, now};

pub(crate) use nearby::Near;
pub(crate) use shared::{PackFacts, People};
use shot::{Shot, Shots};

/// How long to wait for the rest of the daemon to fall idle before looking again whether it has.
const PATIENCE: Duration = Duration::from_millis(50);
/// The same while files wait and none is on its way: that may take hours, and whatever ends it is followed by a message.
const STANDSTILL: Duration = Duration::from_secs(10);

/// The thread's own state.
pub(crate) struct Keeper {
    pub(crate) shared: Arc<People>,
    pub(crate) store: Store,
    pub(crate) progress: Arc<Progress>,
    pub(crate) grouping: Grouping,
    pack: PackId,
    snapshot: PathBuf,
    /// What humans said about faces that this pack sees anew.
    pub(crate) elsewhere: Elsewhere,
    /// Faces that came, left or moved since everybody was last sorted out.
    touched: usize,
    /// People are being sorted out some at a time.
    sorting: Option<sorting::Sorting>,
    /// Faces by which the index differs from its snapshot, about.
    unsaved: usize,
    /// Photos with faces that were stored and not grouped when this began, the next one last.
    loose: Vec<ContentId>,
    /// While there are some, or faces that wait for their place in the index.
    catching_up: Option<nearby::CatchingUp>,
    /// Faces that came since places were last found for some that wait.
    came: usize,
    /// After the index was saved, up to where in the grouping embeddings are shares of what was.
    sharing: Option<usize>,
    /// While the index is saved.
    saving: Option<saving::Saving>,
    /// When it last was, or this began.
    last_saved: Instant,
}

/// What the people thread is told.
pub(crate) enum Message {
    /// A transaction of photos.
    Stored(Stored),
    /// A human says something; asked here so that nobody is merged away meanwhile.
    Decide { ask: Ask, reply: Sender<Result<Answer, EngineError>> },
    /// What do humans' answers say about scores?
    Learn { reply: Sender<Result<Vec<Verdict>, EngineError>> },
    /// Why is this face where it is?
    Explain { face: FaceId, reply: Sender<Option<Placed>> },
}

/// What the thread has to do with next.
enum Next {
    Message(Message),
    /// The index was saved, or could not be.
    Saved(bool),
    Nothing,
    /// Nobody will ever send a message again.
    End,
}

impl Keeper {
    pub(crate) fn shared(&self) -> Arc<People> {
        Arc::clone(&self.shared)
    }

    /// Works until the channel is closed; then saves the index, as much of it as there is.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(crate) fn run(mut self, input: &Receiver<Message>) -> Result<(), StoreError> {
        loop {
            let unsettled = self.progress.unsettled.load(Ordering::SeqCst);
            let behind = self.is_behind() && !self.progress.stopping.load(Ordering::SeqCst);
            let patience = match (behind, unsettled) {
                (true, _) => Some(Duration::ZERO),
                (false, true) if self.progress.stands_still() => Some(STANDSTILL),
                (false, true) => Some(PATIENCE),
                (false, false) => None,
            };
            match self.next(input, patience) {
                Next::Message(Message::Stored(stored)) => {
                    self.take(&stored)?;
                    drop(stored); // its tickets end here
                }
                Next::Message(Message::Decide { ask, reply }) => {
                    // Whoever asked may have gone away; what was said counts all the same.
                    match self.decide(ask) {
                        Ok(answer) => drop(reply.send(Ok(answer))),
                        Err(Trouble::Asked(error)) => drop(reply.send(Err(error))),
                        // What is in memory and what is stored may differ now: end, and begin anew from the store.
                        Err(Trouble::Store(error)) => return Err(error),
                    }
                }
                Next::Message(Message::Learn { reply }) => drop(reply.send(self.verdicts())),
                Next::Message(Message::Explain { face, reply }) => {
                    let index = self.shared.index();
                    let _ = reply.send(self.grouping.placed(face, &Near(&index)));
                }
                Next::Saved(is_saved) => self.saved(is_saved),
                Next::Nothing => {}
                Next::End => break,
            }
            if behind {
                self.catch_up()?;
            }
            if self.progress.unsettled.load(Ordering::SeqCst) && self.progress.quiet() && input.is_empty() {
                self.settle(input)?;
            }
            self.shared.groups.store(self.grouping.groups(), Ordering::Relaxed);
        }
        self.save_all();
        self.keep();
        Ok(())
    }

    /// What comes next, which is waited for as long as there is patience, or for ever.
    fn next(&self, input: &Receiver<Message>, patience: Option<Duration>) -> Next {
        let saving = self.saving_done();
        let at_last = patience.map_or_else(never, after);
        select_biased! {
            recv(saving) -> is_saved => Next::Saved(is_saved.unwrap_or(false)),
            recv(input) -> message => message.map_or(Next::End, Next::Message),
            recv(at_last) -> _ => Next::Nothing,
        }
    }

    /// Follows one transaction.
    fn take(&mut self, stored: &Stored) -> Result<(), StoreError> {
        let progress = Arc::clone(&self.progress);
        progress.timed(Stage::Cluster, || {
            for photo in &stored.committed.vanished {
                self.hide(photo)?;
            }
            let analysed = stored.committed.analysed.iter().map(|(photo, _)| photo);
            let mut fresh = Vec::new();
            for photo in stored.committed.appeared.iter().chain(analysed) {
                self.show(photo, &mut fresh)?;
            }
            for photo in &stored.committed.redated {
                self.date(photo)?;
            }
            self.group(fresh)
        })?;
        self.save_at_times();
        Ok(())
    }

    /// Groups faces that have never been grouped, and those that a human's word keeps from who they were.
    pub(crate) fn group(&mut self, mut fresh: Vec<(FaceRow, Embedding)>) -> Result<(), StoreError> {
        self.carry_over(&fresh.iter().map(|(row, _)| row).collect::<Vec<_>>())?;
        let rulings = self.shared.rulings();
        fresh.retain(|(row, _)| !rulings.is_no_face(row.id));
        if fresh.is_empty() && !self.grouping.is_waiting() {
            return Ok(());
        }
        let seen: Vec<_> = fresh.iter().map(|(row, embedding)| (row.id, embedding)).collect();
        let seen = self.add_to_index(&seen);
        self.touch(fresh.len());
        let (mut shown, mut observations, mut shots) = (Vec::new(), Vec::new(), Shots::default());
        for ((row, _), embedding) in fresh.into_iter().zip(seen) {
            let shot = self.shot(&row.photo, &mut shots)?;
            shown.push((row.id, shot.shown(&row, &self.shared)));
            observations.push(self.observation(&row, embedding, shot));
        }
        let index = self.shared.index();
        let moves = self.grouping.add(observations, &Near(&index));
        let mut roster = self.shared.write();
        for (face, shown) in shown {
            roster.show(face, shown, self.grouping.in_photo_with(face));
        }
        drop(roster);
        self.follow(&moves)
    }

    /// What the grouping moved by itself is so for the store and for whoever asks, too.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn follow(&self, moves: &[Move]) -> Result<(), StoreError> {
        self.record(moves)?;
        self.shared.write().apply(moves);
        Ok(())
    }

    /// Writes who belongs to whom. Where faces leave people with a name, that is noted in the journal.
    fn record(&self, moves: &[Move]) -> Result<(), StoreError> {
        if moves.is_empty() {
            return Ok(());
        }
        let rows: Vec<(FaceId, Option<PersonId>)> =
            moves.iter().map(|step| (step.face, step.person)).collect();
        let roster = self.shared.read();
        let left = |step: &Move| {
            let from = roster.person_of(step.face).filter(|from| roster.name_of(*from).is_some())?;
            let to = step.person.filter(|to| *to != from)?;
            Some((step.face, from, to))
        };
        let faces: Vec<_> = moves.iter().filter_map(left).collect();
        drop(roster);
        if faces.is_empty() {
            return self.store.assign(&rows, now());
        }
        let outcome = Outcome { moves: rows, people: Vec::new() };
        self.store.decide(Decision::Left { faces }, Vec::new(), &outcome, now()).map(drop)
    }

    fn observation(&self, row: &FaceRow, embedding: Embedding, shot: Shot) -> Observation {
        self.shared.observation(&self.shared.rulings(), row, embedding, shot.coded)
    }
}

#[cfg(test)]
mod tests;
