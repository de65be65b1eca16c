//! A network on ONNX Runtime: one session, which takes every size that the graph takes.

use ort::environment::Environment;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, Session, SessionOutputs};
use ort::value::{DynValue, TensorRef};

use super::outputs::Outputs;
use super::{Feed, Numbers, Pinned, PinnedMemory, Tensor};
use crate::error::GraphError;
use crate::runtime::Provider;
use crate::runtime::session::{self, Place};

/// As it is called in messages.
pub(super) const NAME: &str = "ONNX Runtime";

pub(crate) struct Net {
    session: Session,
    /// On CUDA: where the input lies and where the outputs go is said for each run.
    binding: Option<IoBinding>,
    /// Elsewhere: what runs write into.
    outputs: Outputs,
}

impl Net {
    pub(super) fn open(environment: &Environment, bytes: &[u8], place: Place) -> Result<Self, GraphError> {
        let loading = |error: ort::Error| GraphError::Load { runtime: NAME, source: error.into() };
        let session = session::open(environment, bytes, place).map_err(loading)?;
        let mut net = Self { session, binding: None, outputs: Outputs::default() };
        if place.provider == Provider::Cuda {
            net.bind().map_err(loading)?;
        }
        Ok(net)
    }

    /// From now on pinned input is bound instead of copied.
    fn bind(&mut self) -> ort::Result<()> {
        self.binding = Some(self.session.create_binding()?);
        Ok(())
    }

    /// Memory that the session's card reads directly. `None` where there is no card, or it gives none.
    pub(super) fn pinned_memory(&self) -> Option<PinnedMemory> {
        self.binding.as_ref()?;
        let memory = PinnedMemory::of_cuda(&self.session);
        memory.inspect_err(|error| tracing::debug!(%error, "no pinned memory")).ok()
    }

    pub(super) fn run<T>(
        &mut self,
        feed: &Feed<'_>,
        read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        if let (Some(binding), Some(pinned)) = (&mut self.binding, feed.pinned) {
            let result = run_bound(&mut self.session, binding, pinned, read);
            // What the device holds of this batch is free for the next.
            binding.clear();
            return result;
        }
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

/// The input is copied to the device when it is bound, so it is bound anew for each run; so are the outputs, because the
/// tensors of the last run would be taken for where the next has to write, whatever its size.
fn run_bound<T>(
    session: &mut Session,
    binding: &mut IoBinding,
    pinned: &Pinned,
    read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
) -> Result<T, GraphError> {
    let host = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::CPUOutput)
        .map_err(failed)?;
    binding.clear();
    for output in session.outputs() {
        binding.bind_output_to_device(output.name(), &host).map_err(failed)?;
    }
    let input = session.inputs().first().map(|input| input.name().to_owned()).unwrap_or_default();
    match pinned {
        Pinned::Planes(tensor) => binding.bind_input(input, tensor),
        Pinned::Bytes(tensor) => binding.bind_input(input, tensor),
    }
    .map_err(failed)?;
    let outputs = session.run_binding(binding).map_err(failed)?;
    read_all(&outputs, read)
}

fn read_all<T>(
    outputs: &SessionOutputs<'_>,
    read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
) -> Result<T, GraphError> {
    let outputs: Vec<_> = outputs.values().collect();
    read(&outputs.iter().map(|output| tensor(output)).collect::<Result<Vec<_>, _>>()?)
}

fn tensor(output: &DynValue) -> Result<Tensor<'_>, GraphError> {
    let (shape, numbers) = output.try_extract_tensor::<f32>().map_err(failed)?;
    let dims = shape.iter().map(|dim| usize::try_from(*dim).unwrap_or_default()).collect();
    Ok(Tensor { dims, numbers })
}

pub(crate) fn failed(error: ort::Error) -> GraphError {
    GraphError::Run { runtime: NAME, source: error.into() }
}

#[cfg(test)]
#[path = "onnxruntime_tests.rs"]
mod tests;
