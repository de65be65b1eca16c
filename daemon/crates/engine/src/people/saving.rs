//! Saving the index beside all else. Writing a large one takes seconds, more on a slow disk, and whoever decides something or has a
//! photo indexed is not to wait for that. While it is written no places are found in it: what comes in is put in, found by comparing all,
//! and caught up with afterwards ([`super::nearby`]).

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, never};

use super::Keeper;
use crate::progress::Ticket;

/// More faces than this that are not in the snapshot of the index, and more than one in so many of all, and it is written
/// anew though there is more to do: after a kill the next start has to find the places of the others, a few thousand a second.
const UNSAVED: usize = 4096;
const UNSAVED_SHARE: usize = 16;
/// So many bytes that a snapshot would take out of memory are reason enough to write one: where there are a million faces, each new one changes
/// the links of thirty others, and a sixteenth of all would change nearly everybody's...
const HELD: usize = 48 << 20;
/// ...but not more often than this, since all of it is written.
const AT_MOST_EVERY: Duration = Duration::from_secs(60);
/// Faces that take other shares of their embeddings before the next message gets its turn.
const SHARED: usize = 4096;

/// A snapshot is being written.
pub(super) struct Saving {
    /// Whether it was, once it is.
    done: Receiver<bool>,
    /// The engine is not idle meanwhile.
    ticket: Ticket,
}

impl Keeper {
    pub(super) fn save_at_times(&mut self) {
        let index = self.shared.index();
        let is_heavy = || index.held() > HELD && self.last_saved.elapsed() > AT_MOST_EVERY;
        if self.unsaved > UNSAVED && (self.unsaved > index.len() / UNSAVED_SHARE || is_heavy()) {
            self.save();
        }
    }

    /// Begins to save what is not saved, unless that is under way.
    pub(super) fn save(&mut self) {
        if self.unsaved == 0 || self.saving.is_some() {
            return;
        }
        let (tell, done) = bounded(1);
        let write = self.writing();
        let begun = std::thread::Builder::new().name("vow-index".to_owned()).spawn(move || {
            // Whoever has gone does not mind.
            let _ = tell.send(write());
        });
        match begun {
            Ok(_) => {
                self.unsaved = 0;
                self.saving = Some(Saving { done, ticket: self.progress.closing_ticket() });
            }
            Err(error) => {
                tracing::debug!(%error, "no thread to save the index with");
                self.save_here();
            }
        }
    }

    /// Saves it while nobody waits for anything else.
    pub(super) fn save_here(&mut self) {
        self.unsaved = 0;
        let is_saved = self.writing()();
        self.saved(is_saved);
    }

    /// Saves what is not saved by the time this returns.
    pub(super) fn save_all(&mut self) {
        self.wait_for_saving();
        if self.unsaved > 0 {
            self.save_here();
        }
    }

    fn writing(&self) -> impl FnOnce() -> bool + Send + use<> {
        let (index, dir, stamp) = (self.shared.index(), self.snapshot.clone(), self.pack);
        move || match index.save(&dir, &stamp.0) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the index could not be saved; the next start builds it anew");
                false
            }
        }
    }

    /// What tells when the snapshot that is being written is.
    pub(super) fn saving_done(&self) -> Receiver<bool> {
        self.saving.as_ref().map_or_else(never, |saving| saving.done.clone())
    }

    pub(super) fn wait_for_saving(&mut self) {
        if self.saving.is_some() {
            let is_saved = self.saving_done().recv().unwrap_or(false);
            self.saved(is_saved);
        }
    }

    /// Goes on from what is in the file now.
    pub(super) fn saved(&mut self, is_saved: bool) {
        let ticket = self.saving.take().map(|saving| saving.ticket);
        self.last_saved = Instant::now();
        if is_saved {
            self.sharing = Some(0);
        } else {
            // To be tried again when there is nothing else to do.
            self.unsaved = self.unsaved.max(1);
        }
        self.fall_behind();
        drop(ticket);
    }

    /// Takes shares of what was saved in place of those of the memory before, which is given back with the last of them; some at a time.
    pub(super) fn share_some(&mut self, from: usize) {
        let index = self.shared.index();
        self.sharing = self.grouping.share(from, SHARED, &|face| index.embedding(face));
        if self.sharing.is_none() {
            // All of them were compared.
            index.let_go();
        }
    }
}
