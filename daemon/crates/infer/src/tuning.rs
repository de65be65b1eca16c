//! How much of a machine the networks may take.

use std::time::Duration;

use crate::runtime::Provider;

/// Pictures at once on a GPU. What does not fit its memory is halved when that shows.
pub(crate) const BATCH: usize = 32;

/// Settings of a [`crate::FaceEngine`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuning {
    /// Threads on the processor, at most, each with networks of its own; as many as cores is best.
    pub threads: usize,
    /// Pictures that a network takes at once, at most. `None` for what suits the provider: one on the processor, where a
    /// batch gains nothing, 32 on a GPU.
    pub batch: Option<usize>,
    /// Bytes that the whole process should stay below with its networks at work on a processor, photos on their way not
    /// counted. A batch that would take more is made smaller, down to one picture; then fewer threads have networks, down to one.
    /// `None`: the work of networks with batches takes 512 MiB at most, besides what loading them takes. Of no meaning on a GPU.
    pub process_memory: Option<u64>,
    /// Bytes of a GPU's memory for the networks and what they compute; `None` for as many as there are.
    pub device_memory: Option<u64>,
    /// Networks that nobody has asked for so long are unloaded, and loaded again when somebody does.
    pub idle_after: Duration,
}

impl Tuning {
    /// The defaults for so many threads: what suits the provider, and five minutes until idle networks are unloaded.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self {
            threads,
            batch: None,
            process_memory: None,
            device_memory: None,
            idle_after: Duration::from_secs(300),
        }
    }

    pub(crate) fn batch(&self, provider: Provider) -> usize {
        let suits = if provider.gains_from_batches() { BATCH } else { 1 };
        self.batch.unwrap_or(suits).max(1)
    }
}
