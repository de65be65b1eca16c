//! A network on ONNX Runtime and the processor: one session, which takes every size that the graph takes.

use ort::environment::Environment;
use ort::session::{Session, SessionOutputs};
use ort::value::{DynValue, TensorRef};

use super::outputs::Outputs;
use super::{Feed, Numbers, Tensor};
use crate::error::GraphError;
use crate::runtime::session::{self, Place};

/// As it is called in messages.
pub(super) const NAME: &str = "ONNX Runtime";

pub(crate) struct Net {
    session: Session,
    /// What runs write into.
    outputs: Outputs,
}

impl Net {
    pub(super) fn open(environment: &Environment, bytes: &[u8], place: Place) -> Result<Self, GraphError> {
        let session = session::open(environment, bytes, place)
            .map_err(|error| GraphError::Load { runtime: NAME, source: error.into() })?;
        Ok(Self { session, outputs: Outputs::default() })
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
        let mut refused = false;
        if let Some(options) = self.outputs.of(&dims) {
            match self.session.run_with_options(ort::inputs![&*input], options) {
                Ok(outputs) => return read_all(&outputs, read),
                // Another shape than last time, or something that is wrong in any case.
                Err(error) => {
                    tracing::debug!(%error, "a run refuses its kept outputs");
                    refused = true;
                }
            }
        }
        let outputs = self.session.run(ort::inputs![&*input]).map_err(failed)?;
        if refused {
            self.outputs.give_up(&dims);
        } else if let Err(error) = self.outputs.keep(&dims, &outputs) {
            tracing::debug!(%error, "outputs cannot be kept");
            self.outputs.give_up(&dims);
        }
        read_all(&outputs, read)
    }
}

fn read_all<T>(
    outputs: &SessionOutputs<'_>,
    read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
) -> Result<T, GraphError> {
    let outputs: Vec<_> = outputs.values().collect();
    read(&outputs.iter().map(|output| tensor(output)).collect::<Result<Vec<_>, _>>()?)
}

pub(super) fn tensor(output: &DynValue) -> Result<Tensor<'_>, GraphError> {
    let (shape, numbers) = output.try_extract_tensor::<f32>().map_err(failed)?;
    let dims = shape.iter().map(|dim| usize::try_from(*dim).unwrap_or_default()).collect();
    Ok(Tensor { dims, numbers })
}

pub(crate) fn failed(error: ort::Error) -> GraphError {
    GraphError::Run { runtime: NAME, source: error.into() }
}
