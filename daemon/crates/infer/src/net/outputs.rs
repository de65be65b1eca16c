//! Memory for a network's outputs, used again by every run of the same size.
//!
//! It saves allocating them, and it saves memory that would be lost: `ort` 2.0.0-rc.14 asks for the type of every output
//! that ONNX Runtime allocates and does not release it again (`Value::from_session_output_ptr`), which is three small
//! pieces and some 270 bytes for each output and run: of YuNet's twelve, in two looks, 6 KB a photo, that lay between what
//! came and went and kept it from being given back. Outputs that are given to a run are not asked.

use ort::memory::Allocator;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, SessionOutputs};
use ort::value::Tensor;

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
    /// The outputs for this size of input, if there are some.
    pub(super) fn of(&mut self, input: &[usize]) -> Option<&RunOptions<HasSelectedOutputs>> {
        let at = self.0.iter().position(|kept| kept.input == input)?;
        let kept = self.0.remove(at);
        self.0.push(kept);
        self.0.last()?.options.as_ref()
    }

    /// Makes memory like these outputs, which a run of this size has given.
    ///
    /// # Errors
    /// When there is none, or an output is no tensor of numbers.
    pub(super) fn keep(&mut self, input: &[usize], like: &SessionOutputs<'_>) -> ort::Result<()> {
        if self.0.iter().any(|kept| kept.input == input) {
            return Ok(());
        }
        let mut outputs = OutputSelector::default();
        for (name, output) in like.iter() {
            let (shape, _) = output.try_extract_tensor::<f32>()?;
            outputs = outputs.preallocate(name, Tensor::<f32>::new(&Allocator::default(), shape.clone())?);
        }
        let options = Some(RunOptions::new()?.with_outputs(outputs));
        self.enter(Kept { input: input.to_vec(), options });
        Ok(())
    }

    /// Never keeps outputs for this size again.
    pub(super) fn give_up(&mut self, input: &[usize]) {
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
