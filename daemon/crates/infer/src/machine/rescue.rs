//! What happens when a GPU fails at a picture: the processor does it, and takes over where that becomes the rule. Running is
//! the parent's.

use super::{Made, Nets, Networks, Work};
use crate::error::{GraphError, InferError, Role, chain};
use crate::net::{Feed, Net};
use crate::runtime::session::Place;
use crate::runtime::{Provider, ProviderPassedOver};
use crate::schedule::{Key, Roles};

/// Pictures that a GPU may fail at in a row, while the processor does not, before it is given up.
pub(super) const STRIKES: u32 = 3;

impl Networks {
    /// A picture that a GPU failed at gets its answer from the processor. Failing at several in a row, while the
    /// processor does not, is the end of the GPU, or for want of memory of its work for a while. An answer that neither gives is the picture's own fault.
    pub(super) fn rescue(
        &self,
        nets: &mut Nets,
        key: Key,
        works: &[Work],
        feed: &Feed<'_>,
        failed: GraphError,
    ) -> Result<Vec<Made>, GraphError> {
        let mut net = match nets.rescue.take() {
            Some(net) => net,
            None => match self.open_rescue(key.role) {
                Ok(net) => net,
                Err(_) => return Err(failed),
            },
        };
        let Ok(made) = self.try_run(&mut net, key, works, &Feed { pinned: None, ..*feed }) else {
            nets.rescue = Some(net);
            return Err(failed);
        };
        nets.strikes += 1;
        tracing::debug!(role = %key.role, strikes = nets.strikes, error = chain(&failed), "done by the processor");
        if nets.strikes < STRIKES {
            nets.rescue = Some(net);
            return Ok(made);
        }
        if failed.is_memory() {
            // It is others' now, and may be free again: the seat lets go of what it holds.
            self.rest.want_memory(&chain(&failed));
            nets.rescue = Some(net);
            return Ok(made);
        }
        self.give_up(nets.provider, &chain(&failed));
        nets.provider = Provider::Cpu;
        match key.role {
            Role::Detector => nets.detector = Some(net),
            Role::Embedder => nets.embedder = Some(net),
        }
        Ok(made)
    }

    /// Why the runtime's card is not used any more, if it is not.
    pub(crate) fn card_given_up(&self, card: Provider) -> Option<String> {
        let given_up = |passed: ProviderPassedOver| (passed.provider == card).then_some(passed.reason);
        if self.runtime.provider() != Provider::Cpu {
            return None;
        }
        self.runtime.info().providers_passed_over.into_iter().rev().find_map(given_up)
    }

    /// Where networks are loaded now.
    fn place_now(&self) -> Provider {
        if self.provider == Provider::Cpu { Provider::Cpu } else { self.runtime.provider() }
    }

    /// On the provider, or on the processor where that has been given up, or rests.
    pub(super) fn open_where_it_works(&self, roles: Roles) -> Result<Nets, InferError> {
        let provider = self.place_now();
        let on_cpu = |provider: Provider| provider == Provider::Cpu;
        if !on_cpu(self.provider) && (on_cpu(provider) || self.rest.is_on()) {
            // Given up since, or for now: what this crew has in hand is done by the processor.
            let Roles::Only(role) = roles else { return self.open_on(Provider::Cpu, roles) };
            let net = self.open_rescue(role).map_err(|source| InferError::Run { role, source })?;
            let (detector, embedder) = match role {
                Role::Detector => (Some(net), None),
                Role::Embedder => (None, Some(net)),
            };
            return Ok(Nets { provider: Provider::Cpu, detector, embedder, rescue: None, strikes: 0 });
        }
        match self.open_on(provider, roles) {
            Err(error)
                if !on_cpu(provider)
                    && matches!(&error, InferError::Run { source, .. } if source.is_memory()) =>
            {
                self.rest.want_memory(&chain(&error));
                self.open_where_it_works(roles)
            }
            Err(error) if !on_cpu(provider) => {
                self.give_up(provider, &chain(&error));
                self.open_where_it_works(roles)
            }
            other => other,
        }
    }

    /// On the processor, with as many threads as there are for all of it: the threads of a GPU's crew are few.
    fn open_rescue(&self, role: Role) -> Result<Net, GraphError> {
        self.network(role).open(Place { threads: self.tuning.threads.max(1), ..Place::CPU })
    }

    /// Once, however many threads find out.
    pub(super) fn give_up(&self, provider: Provider, said: &str) {
        if self.runtime.provider() == provider {
            self.runtime.give_up(provider, said);
        }
    }
}
