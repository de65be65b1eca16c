//! Photos that came to nothing through no fault of their own: which are looked at again, and when.
//!
//! A network that had no memory, panicked or has ended is tried again a little later, a few times. What fails then is noted as
//! its file's failure. So is what a pack cannot make anything of; but another pack may, or the same one after a start, with
//! more memory or another runtime. Such a failure is tried again once for each start, of which another pack is one, and whenever
//! somebody asks for a scan. The hourly scan and the kernel's hints ask nobody: a photo that does break a network must not
//! cost its way through the networks every hour, and there may be many.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use vow_infer::{GraphError, InferError};
use vow_types::Stage;

use crate::analyse::AnalyseError;
use crate::progress::now;

/// A photo whose network failed by itself is tried again this often, so much later each time.
const TRIES: u32 = 4;
const LATER: Duration = Duration::from_secs(1);

/// Remembers since when failures are final.
#[derive(Debug)]
pub(crate) struct Again {
    /// When somebody asked for a scan last, in seconds since 1970: at first the start.
    asked: AtomicI64,
}

impl Again {
    pub(crate) fn new() -> Self {
        Self { asked: AtomicI64::new(now()) }
    }

    /// Somebody asks for a scan.
    pub(crate) fn ask(&self) {
        self.asked.store(now(), SeqCst);
    }

    /// Whether a file that failed at this stage and time is looked at again although it is as it was.
    pub(crate) fn wants(&self, stage: Stage, at: i64) -> bool {
        match stage {
            // It may be readable by now (permissions, a disk that failed), and that shows soon.
            Stage::Read => true,
            // From the frame on it depends on the pack, and on how its networks fare. A time to come is that of a clock that
            // was wrong, and says nothing.
            Stage::Resize | Stage::Detect | Stage::Align | Stage::Embed => {
                at <= self.asked.load(SeqCst) || at > now()
            }
            Stage::Scan | Stage::Decode | Stage::Commit | Stage::Cluster => false,
        }
    }
}

/// How much later a photo is to be tried again that failed by this, having been tried again so often; `None` where that would
/// lead nowhere, or was done often enough.
pub(crate) fn later(error: &AnalyseError, tries: u32) -> Option<Duration> {
    (passes(error) && tries < TRIES).then(|| LATER * (tries + 1))
}

/// Whether what runs a network failed, and not what the network was given or gave.
fn passes(error: &AnalyseError) -> bool {
    let (AnalyseError::Detect(error) | AnalyseError::Embed(error)) = error else { return false };
    match error {
        InferError::Panicked { .. } | InferError::Stopped => true,
        InferError::Run { source, .. } => {
            matches!(source, GraphError::Run { .. } | GraphError::Load { .. } | GraphError::Panicked { .. })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use vow_infer::Role;
    use vow_types::Embedding;

    use super::*;

    #[test]
    fn what_the_networks_failed_at_is_tried_again_once_each_time_that_somebody_asks() {
        let again = Again::new();
        let asked = again.asked.load(SeqCst) - 100;
        again.asked.store(asked, SeqCst);
        for stage in [Stage::Resize, Stage::Detect, Stage::Align, Stage::Embed] {
            assert!(again.wants(stage, asked - 1), "{stage}: before the start, maybe by another pack");
            assert!(again.wants(stage, asked), "{stage}: it may have been before");
            assert!(!again.wants(stage, asked + 1), "{stage}: since then");
            assert!(again.wants(stage, asked + 1_000_000), "{stage}: no time at all");
        }
        again.ask();
        assert!(again.wants(Stage::Detect, asked + 1), "somebody asked since");
        for at in [asked - 1, asked + 1] {
            assert!(again.wants(Stage::Read, at));
            assert!(!again.wants(Stage::Decode, at), "that is the file's own");
        }
    }

    #[test]
    fn only_what_passes_is_tried_later_and_not_for_ever() {
        let run = |source| AnalyseError::Detect(InferError::Run { role: Role::Detector, source });
        let memory =
            || GraphError::Run { runtime: "ONNX Runtime", source: "Failed to allocate memory".into() };
        let panicked = InferError::Panicked { role: Role::Embedder, message: "?".to_owned() };
        for error in [run(memory()), AnalyseError::Embed(panicked), AnalyseError::Embed(InferError::Stopped)]
        {
            let waits: Vec<u64> =
                (0..10).map_while(|tries| later(&error, tries)).map(|time| time.as_secs()).collect();
            assert_eq!(waits, [1, 2, 3, 4], "{error}");
        }
        let short = GraphError::Dimension { expected: 512, found: 0 };
        let nothing = Embedding::from_views(&[vec![0.0; 4]]).unwrap_err();
        for error in [run(short), nothing.into(), AnalyseError::NoFrame] {
            assert_eq!(later(&error, 0), None, "{error}");
        }
    }
}
