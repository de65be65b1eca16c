//! Runs of a session, and memory for its outputs, used again by every run of the same size.
//!
//! It saves allocating them, and it saves memory that would be lost: `ort` 2.0.0-rc.14 asks for the type of every output
//! that ONNX Runtime allocates and does not release it again (`Value::from_session_output_ptr`), which is three small
//! pieces and some 270 bytes for each output and run: of YuNet's twelve, in two looks, 6 KB a photo, that lay between what
//! came and went and kept it from being given back. Outputs that are given to a run are not asked. (`IoBinding` asks for all
//! of them after each run, whoever gave their memory, so a card's sessions do without: input and outputs given to a run are
//! copied there and back the same way, and ONNX Runtime waits for its streams at the end of each run.)

use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionOutputs};
use ort::value::{DynValue, Value, ValueTypeMarker};

use super::onnxruntime::failed;
use super::{PinnedMemory, Tensor};
use crate::error::GraphError;

/// Sizes of input that are remembered: those of the photos of one camera, upright and lying, and of the closer look.
const SIZES: usize = 8;

/// What a run of one size of input writes into.
struct Kept {
    input: Vec<usize>,
    /// `None`: outputs of this network do not follow from the size of its input.
    options: Option<RunOptions<HasSelectedOutputs>>,
}

/// The outputs of the sizes that came last, the latest at the end.
#[derive(Default)]
pub(super) struct Outputs(Vec<Kept>);

impl Outputs {
    /// Runs a session on an input of these dimensions; its outputs are in memory of this kind.
    pub(super) fn run<T, V: ValueTypeMarker + ?Sized>(
        &mut self,
        session: &mut Session,
        (input, dims): (&Value<V>, &[usize]),
        memory: &PinnedMemory,
        read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        let mut refused = false;
        if let Some(options) = self.of(dims) {
            match session.run_with_options(ort::inputs![input], options) {
                Ok(outputs) => return read_all(&outputs, read),
                Err(error) => {
                    let error = failed(error);
                    if error.is_memory() {
                        return Err(error);
                    }
                    // Another shape than last time, or something that is wrong in any case.
                    tracing::debug!(%error, "a run refuses its kept outputs");
                    refused = true;
                }
            }
        }
        let outputs = session.run(ort::inputs![input]).map_err(failed)?;
        if refused {
            self.give_up(dims);
        } else if let Err(error) = self.keep(dims, &outputs, memory) {
            tracing::debug!(%error, "outputs cannot be kept");
            self.give_up(dims);
        }
        read_all(&outputs, read)
    }

    /// The outputs for this size of input, if there are some.
    fn of(&mut self, input: &[usize]) -> Option<&RunOptions<HasSelectedOutputs>> {
        let at = self.0.iter().position(|kept| kept.input == input)?;
        let kept = self.0.remove(at);
        self.0.push(kept);
        self.0.last()?.options.as_ref()
    }

    /// Makes memory like these outputs, which a run of this size has given.
    ///
    /// # Errors
    /// When there is none, or an output is no tensor of numbers.
    fn keep(&mut self, input: &[usize], like: &SessionOutputs<'_>, memory: &PinnedMemory) -> ort::Result<()> {
        if self.0.iter().any(|kept| kept.input == input) {
            return Ok(());
        }
        let mut outputs = OutputSelector::default();
        for (name, output) in like.iter() {
            let (shape, _) = output.try_extract_tensor::<f32>()?;
            outputs = outputs.preallocate(name, memory.numbers(shape.clone())?);
        }
        let options = Some(RunOptions::new()?.with_outputs(outputs));
        self.enter(Kept { input: input.to_vec(), options });
        Ok(())
    }

    /// Never keeps outputs for this size again.
    fn give_up(&mut self, input: &[usize]) {
        self.0.retain(|kept| kept.input != input);
        self.enter(Kept { input: input.to_vec(), options: None });
    }

    fn enter(&mut self, kept: Kept) {
        if self.0.len() >= SIZES {
            self.0.remove(0);
        }
        self.0.push(kept);
    }
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
