//! A network on ONNX Runtime: one session, which takes every size that the graph takes.

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use vow_types::Size;
use vow_types::num::index;

use crate::error::GraphError;

/// As it is called in messages.
const NAME: &str = "ONNX Runtime";

pub(crate) struct Net {
    session: Session,
}

impl Net {
    pub(super) fn open(environment: &Environment, bytes: &[u8]) -> Result<Self, GraphError> {
        let session = session(environment, bytes)
            .map_err(|error| GraphError::Load { runtime: NAME, source: error.into() })?;
        Ok(Self { session })
    }

    pub(super) fn run<T>(
        &mut self,
        size: Size,
        input: &[f32],
        read: impl FnOnce(&[&[f32]]) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        let failed = |error: ort::Error| GraphError::Run { runtime: NAME, source: error.into() };
        let shape = [1, 3, index(size.height), index(size.width)];
        let input = TensorRef::from_array_view((shape, input)).map_err(failed)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(failed)?;
        let outputs: Vec<_> = outputs.values().collect();
        let tensors: Vec<&[f32]> = outputs
            .iter()
            .map(|output| output.try_extract_tensor::<f32>().map(|(_, numbers)| numbers))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        read(&tensors)
    }
}

/// One thread a session: the owner thread does the work itself and nothing spins between runs. On a CPU, several such
/// sessions side by side do more than one session with several threads.
fn session(environment: &Environment, bytes: &[u8]) -> ort::Result<Session> {
    Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_memory_pattern(false)?
        .commit_from_memory(bytes)
}
