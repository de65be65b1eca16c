//! How the networks of a pack get on a card: kept until there is work for it, tried out there, and given up where they cannot
//! be run. Who works meanwhile is `relief`'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::{Models, blame, contracts, rules};
use crate::crew::{Crew, Machine as _};
use crate::error::{GraphError, InferError, Role, chain};
use crate::machine::Networks;
use crate::net::Kept;
use crate::relief::{Hire, Rest};
use crate::runtime::{Provider, Runtime};
use crate::schedule::Roles;
use crate::tuning::Tuning;

/// How the networks get on a card.
pub(super) struct OnCard {
    /// Without its graphs: a machine may never have work for its card, and they can be large.
    models: Models,
    /// Of detector and embedder: in full and in half precision.
    graphs: [(Kept, Option<Kept>); 2],
    runtime: Runtime,
    provider: Provider,
    tuning: Tuning,
    rest: Arc<Rest>,
}

impl OnCard {
    pub(super) fn new(mut models: Models, runtime: Runtime, tuning: Tuning, rest: Arc<Rest>) -> Self {
        let keep = |graph: Vec<u8>| {
            let kept = Kept::new(graph);
            kept.put_away();
            kept
        };
        let graphs = [
            (keep(std::mem::take(&mut models.detector_graph)), models.detector_half.take().map(keep)),
            (keep(std::mem::take(&mut models.embedder_graph)), models.embedder_half.take().map(keep)),
        ];
        let provider = runtime.provider();
        Self { models, graphs, runtime, provider, tuning, rest }
    }

    /// With their graphs.
    fn models(&self) -> Result<Models, (Role, GraphError)> {
        let read = |role, kept: &Kept| {
            let bytes = kept.bytes().map(|bytes| bytes.to_vec());
            bytes.map_err(|error| {
                (role, GraphError::Load { runtime: self.runtime.name(), source: error.into() })
            })
        };
        let half = |role, kept: &Option<Kept>| kept.as_ref().map(|kept| read(role, kept)).transpose();
        let [(detector, detector_half), (embedder, embedder_half)] = &self.graphs;
        Ok(Models {
            detector_graph: read(Role::Detector, detector)?,
            detector_half: half(Role::Detector, detector_half)?,
            embedder_graph: read(Role::Embedder, embedder)?,
            embedder_half: half(Role::Embedder, embedder_half)?,
            ..self.models.clone()
        })
    }

    /// Tries the networks out there, where that was not done before, and starts a crew.
    fn start(&self, is_closing: &AtomicBool) -> Result<Option<Crew<Networks>>, (Role, GraphError)> {
        let Self { runtime, provider, tuning, rest, .. } = self;
        let models = &self.models()?;
        let began = Instant::now();
        let (mut detector, mut embedder) = contracts(models, runtime)?;
        for (network, half) in
            [(&mut detector.network, &models.detector_half), (&mut embedder.network, &models.embedder_half)]
        {
            if let (Some(half), Provider::Cuda) = (half, provider) {
                network.offer_half(half.clone(), runtime);
            }
        }
        let known = models.known.filter(|_| provider.gains_from_batches());
        let networks = Networks::new(detector, embedder, (runtime, *provider), tuning, known, is_closing)?;
        let found = networks.found();
        if is_closing.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let networks = networks.heed(Arc::clone(rest));
        let rules = rules(&networks, Roles::ON_CARD.to_vec(), tuning);
        let crew = Crew::start(networks, rules).map_err(|error| match blame(error, models) {
            InferError::Pack { role, source, .. } => (role, source),
            other => (Role::Detector, GraphError::Incomplete { what: chain(&other) }),
        })?;
        if let (None, Some(learned)) = (known, &models.learned) {
            learned(found);
        }
        tracing::info!(
            pack = models.pack_name,
            runtime = runtime.name(),
            %provider,
            detector_batch = crew.machine().most(Role::Detector),
            embedder_batch = crew.machine().most(Role::Embedder),
            elapsed = ?began.elapsed(),
            "networks loaded"
        );
        Ok(Some(crew))
    }
}

impl Hire<Networks> for OnCard {
    fn is_usable(&self) -> bool {
        self.runtime.provider() == self.provider
    }

    fn hire(&mut self, is_closing: &AtomicBool) -> Option<Crew<Networks>> {
        match self.start(is_closing) {
            Ok(crew) => crew,
            Err(_) if is_closing.load(Ordering::SeqCst) => None,
            Err((_, error)) if error.is_memory() => {
                self.rest.want_memory(&chain(&error));
                None
            }
            Err((role, error)) => {
                self.runtime.give_up(self.provider, &format!("the {role}: {}", chain(&error)));
                None
            }
        }
    }
}

#[cfg(test)]
#[path = "on_card_tests.rs"]
mod tests;
