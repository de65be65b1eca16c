//! A thread's place in the crew: its networks, loaded and unloaded, and a batch run to its answers. Which batch comes next,
//! and how it was put together, is not decided here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::station::Gathered;
use super::{Machine, Shared};
use crate::caught::caught;
use crate::engine::Timed;
use crate::error::{InferError, Role};
use crate::schedule::Roles;
use crate::settle::{Trouble, settle};

/// A thread's place: its networks, and how to get others.
pub(super) struct Seat<M: Machine> {
    pub(super) shared: Arc<Shared<M>>,
    pub(super) roles: Roles,
    pub(super) opened: Option<M::Seat>,
    is_ready: bool,
}

impl<M: Machine> Seat<M> {
    pub(super) fn new(shared: Arc<Shared<M>>, roles: Roles) -> Self {
        Self { shared, roles, opened: None, is_ready: false }
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.opened.is_some()
    }

    /// Loads the networks and proves them, says how that went, and makes ready what nobody waits for yet; whether they can be
    /// used.
    pub(super) fn report(&mut self, ready: &Sender<Result<(), InferError>>) -> bool {
        let roles = self.roles;
        let mut mine = [Role::Detector, Role::Embedder].into_iter().filter(|role| roles.have(*role));
        let first = mine.try_for_each(|role| {
            self.with(role, |machine, seat| machine.prove(seat, role).map_err(Trouble::Other))
        });
        let usable = first.is_ok();
        let first = first.map_err(|trouble| match trouble {
            Trouble::Memory { error, .. } | Trouble::Other(error) => error,
        });
        // Fails only when nobody waits any more, because another thread could not be started.
        ready.send(first).ok();
        if usable {
            self.make_ready();
        }
        usable
    }

    fn make_ready(&mut self) {
        // What panics here leaves a seat without networks, and the next picture sees why.
        let made = self.with(self.first_role(), |machine, seat| {
            machine.make_ready(seat);
            Ok(())
        });
        match made {
            Ok(()) if !self.is_ready => {
                self.is_ready = true;
                self.shared.ready.fetch_add(1, Ordering::SeqCst);
            }
            Ok(()) => {}
            Err(Trouble::Memory { error, .. } | Trouble::Other(error)) => {
                tracing::debug!(%error, "networks are not ready");
            }
        }
    }

    fn first_role(&self) -> Role {
        match self.roles {
            Roles::All => Role::Detector,
            Roles::Only(role) => role,
        }
    }

    /// Loads the networks unless they are loaded.
    fn load(&mut self) -> Result<(), InferError> {
        if self.opened.is_none() {
            let began = Instant::now();
            let seat = self.opened.insert(self.shared.machine.open(self.roles)?);
            self.shared.loaded.fetch_add(1, Ordering::SeqCst);
            // A batch that was too large once may fit now.
            for role in [Role::Detector, Role::Embedder].into_iter().filter(|role| self.roles.have(*role)) {
                self.shared.queue.set_most(role, self.shared.machine.at_once(seat, role));
            }
            tracing::debug!(elapsed = ?began.elapsed(), "networks loaded");
        }
        Ok(())
    }

    /// Runs something with the networks. One in which something panicked is not looked at again, so nothing half-done is
    /// seen.
    fn with<T>(
        &mut self,
        role: Role,
        run: impl FnOnce(&M, &mut M::Seat) -> Result<T, Trouble<InferError>>,
    ) -> Result<T, Trouble<InferError>> {
        let outcome = caught(|| {
            self.load().map_err(Trouble::Other)?;
            match self.opened.as_mut() {
                Some(seat) => run(&self.shared.machine, seat),
                None => Err(Trouble::Other(InferError::Stopped)),
            }
        });
        outcome.unwrap_or_else(|message| {
            self.drop_networks();
            Err(Trouble::Other(InferError::Panicked { role, message }))
        })
    }

    /// Runs a batch to the end, answers, and gives back the input for its memory.
    pub(super) fn serve(&mut self, batch: Gathered<M>) -> Option<M::Input> {
        let Gathered { key, works, replies, taken, gathering, input } = batch;
        // Loading is not work on these pictures; what is wrong with it is seen below.
        if !self.is_loaded() && caught(|| self.load()).is_ok_and(|loaded| loaded.is_ok()) {
            self.make_ready();
        }
        let began = Instant::now();
        let count = works.len();
        let settled = settle(count, |part| match &input {
            Ok(input) => self.with(key.role, |machine, seat| machine.run(seat, key, &works, input, part)),
            Err(message) => {
                let message = message.clone();
                Err(Trouble::Other(InferError::Panicked { role: key.role, message }))
            }
        });
        if let Some(most) = settled.most.filter(|most| *most < self.shared.queue.most(key.role)) {
            self.shared.queue.set_most(key.role, most);
            tracing::warn!(role = %key.role, most, "memory was short: fewer pictures at once from now on");
        }
        let share = |time: Duration| time / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        let busy = share(gathering + began.elapsed());
        let queued = began.saturating_duration_since(taken + gathering);
        for (reply, value) in replies.into_iter().zip(settled.results) {
            let waited = taken.saturating_duration_since(reply.asked) + queued;
            // Fails only when the asker has gone.
            reply.to.send((reply.number, value.map(|value| Timed { value, busy, waited }))).ok();
        }
        self.shared.queue.done();
        if self.is_loaded() && self.shared.machine.is_resting() {
            self.unload();
        }
        input.ok()
    }

    fn drop_networks(&mut self) {
        let Some(seat) = self.opened.take() else { return };
        if std::mem::take(&mut self.is_ready) {
            self.shared.ready.fetch_sub(1, Ordering::SeqCst);
        }
        // Dropping what panicked may panic again.
        caught(move || drop(seat)).ok();
        self.shared.loaded.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn unload(&mut self) {
        self.drop_networks();
        if self.shared.loaded.load(Ordering::SeqCst) == 0 {
            self.shared.machine.all_unloaded();
            tracing::debug!("idle networks unloaded");
        }
    }
}

impl<M: Machine> Drop for Seat<M> {
    fn drop(&mut self) {
        self.drop_networks();
    }
}
