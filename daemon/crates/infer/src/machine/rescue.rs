//! What happens when a GPU fails at a picture: the processor does it, and takes over where that becomes the rule. Running is
//! the parent's.

use super::{Made, Nets, Networks, Work};
use crate::error::{GraphError, Role, chain};
use crate::net::Feed;
use crate::runtime::Provider;
use crate::schedule::Key;

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
            self.rest.begin(&chain(&failed));
            nets.rescue = Some(net);
            return Ok(made);
        }
        self.give_up(nets.provider, chain(&failed));
        nets.provider = Provider::Cpu;
        match key.role {
            Role::Detector => nets.detector = Some(net),
            Role::Embedder => nets.embedder = Some(net),
        }
        Ok(made)
    }

    /// Once, however many threads find out.
    pub(super) fn give_up(&self, provider: Provider, reason: String) {
        if self.runtime.provider() == provider {
            self.runtime.give_up(provider, reason);
        }
    }
}
