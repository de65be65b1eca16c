//! A network on ONNX Runtime: one session, which takes every size that the graph takes.

use ort::environment::Environment;
use ort::session::Session;
use ort::value::{DynValue, TensorRef};

use super::{Feed, Numbers, Tensor};
use crate::error::GraphError;
use crate::runtime::session::{self, Place};

/// As it is called in messages.
const NAME: &str = "ONNX Runtime";

pub(crate) struct Net {
    session: Session,
}

impl Net {
    pub(super) fn open(environment: &Environment, bytes: &[u8], place: Place) -> Result<Self, GraphError> {
        let session = session::open(environment, bytes, place)
            .map_err(|error| GraphError::Load { runtime: NAME, source: error.into() })?;
        Ok(Self { session })
    }

    pub(super) fn run<T>(
        &mut self,
        feed: &Feed<'_>,
        read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        let dims = feed.dims();
        let outputs = match feed.numbers {
            Numbers::Planes(numbers) => {
                let input = TensorRef::from_array_view((dims, numbers)).map_err(failed)?;
                self.session.run(ort::inputs![input])
            }
            Numbers::Bytes(numbers) => {
                let input = TensorRef::from_array_view((dims, numbers)).map_err(failed)?;
                self.session.run(ort::inputs![input])
            }
        };
        let outputs = outputs.map_err(failed)?;
        let outputs: Vec<_> = outputs.values().collect();
        let tensors = outputs.iter().map(|output| tensor(output)).collect::<Result<Vec<_>, _>>()?;
        read(&tensors)
    }
}

fn tensor(output: &DynValue) -> Result<Tensor<'_>, GraphError> {
    let (shape, numbers) = output.try_extract_tensor::<f32>().map_err(failed)?;
    let dims = shape.iter().map(|dim| usize::try_from(*dim).unwrap_or_default()).collect();
    Ok(Tensor { dims, numbers })
}

fn failed(error: ort::Error) -> GraphError {
    GraphError::Run { runtime: NAME, source: error.into() }
}
