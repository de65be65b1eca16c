//! What the engine is doing and what it has, in one answer.

use std::sync::atomic::Ordering;

use vow_types::num;

use super::Engine;
use crate::error::EngineError;
use crate::progress::{State, Status};

impl Engine {
    /// What the engine is doing and what it has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn status(&self) -> Result<Status, EngineError> {
        let counts = self.store().counts(self.pack_id())?;
        let census = self.people().read().census();
        let folders = self.0.folders.all();
        let progress = self.progress();
        let (photos_per_s, eta_s) = progress.rate();
        let held = self.0.bench.feed.held() > 0;
        let state = match progress.state() {
            State::Indexing if held && progress.in_hand() == 0 => State::Paused,
            state => state,
        };
        let mut ignored = crate::progress::IgnoredCounts::default();
        for one in &folders {
            ignored.add(one.ignored);
        }
        Ok(Status {
            state,
            pack: self.0.pack.clone(),
            pack_id: self.pack_id().to_string(),
            runtime: self.runtime_name(),
            runtime_why: self.0.runtime.why().to_owned(),
            card: self.0.bench.networks.faces.card(),
            folders: num::len_u64(folders.len()),
            files: counts.files.saturating_sub(counts.failures),
            photos: counts.photos,
            faces: num::len_u64(census.faces),
            people: num::len_u64(census.people),
            groups: num::len_u64(census.groups),
            named: num::len_u64(census.named),
            failures: counts.failures,
            pending: progress.pending.load(Ordering::SeqCst),
            index_waiting: num::len_u64(self.people().index().waiting()),
            photos_inferred: progress.inferred.load(Ordering::SeqCst),
            photos_turned: progress.turned.load(Ordering::SeqCst),
            files_read: progress.files_read.load(Ordering::SeqCst),
            photos_per_s,
            eta_s: eta_s.filter(|_| state == State::Indexing && !held),
            hold: self.hold(),
            ignored,
            scan_problems: folders.into_iter().flat_map(|one| one.problems).collect(),
            started: progress.started(),
            last_event: *self.event_numbers()?.end(),
        })
    }

    fn runtime_name(&self) -> String {
        format!("{} {}", self.0.runtime.name(), self.0.runtime.version())
    }
}
