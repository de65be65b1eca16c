//! A network on ONNX Runtime and the processor: one session, which takes every size that the graph takes.

use ort::environment::Environment;
use ort::session::Session;
use ort::value::TensorRef;

use super::outputs::Outputs;
use super::{Feed, Numbers, PinnedMemory, Tensor};
use crate::error::GraphError;
use crate::runtime::session::{self, Place};

/// As it is called in messages.
pub(super) const NAME: &str = "ONNX Runtime";

pub(crate) struct Net {
    session: Session,
    /// What runs write into.
    outputs: Outputs,
    memory: PinnedMemory,
}

impl Net {
    pub(super) fn open(environment: &Environment, bytes: &[u8], place: Place) -> Result<Self, GraphError> {
        let session = session::open(environment, bytes, place)
            .map_err(|error| GraphError::Load { runtime: NAME, source: error.into() })?;
        Ok(Self { session, outputs: Outputs::default(), memory: PinnedMemory::ordinary() })
    }

    pub(super) fn run<T>(
        &mut self,
        feed: &Feed<'_>,
        read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        let dims = feed.dims();
        let input = match feed.numbers {
            Numbers::Planes(numbers) => {
                TensorRef::from_array_view((dims, numbers)).map_err(failed)?.into_dyn()
            }
            Numbers::Bytes(numbers) => {
                TensorRef::from_array_view((dims, numbers)).map_err(failed)?.into_dyn()
            }
        };
        self.outputs.run(&mut self.session, (&*input, &dims), &self.memory, read)
    }
}

pub(crate) fn failed(error: ort::Error) -> GraphError {
    GraphError::Run { runtime: NAME, source: error.into() }
}
