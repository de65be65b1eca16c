//! The processor's time, which is the same on a machine that others use, too.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment, by the time that all threads of this process had a processor.
pub(crate) struct Begun(Duration);

impl Begun {
    pub(crate) fn now() -> Self {
        Self(used())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        used().saturating_sub(self.0)
    }
}

fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}
