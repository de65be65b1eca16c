//! A network on tract: a plan for each size, because tract optimises a graph only when every dimension is a number (with
//! open ones it is 10 to 60 times slower, or fails).
//!
//! Plans are made on first use and shared by all threads, weights and all; a thread owns only the state of its runs.
//! tract is used directly and not as a stand-in for ONNX Runtime behind `ort`: there, every thread would hold its own
//! copy of every plan, sizes could only be fixed by rewriting the file, and a panic inside tract would cross a C
//! interface and abort the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{
    DatumExt, Framework, InferenceModelExt, IntoRunnable, Tensor, TractResult, TypedModel,
    TypedRunnableModel, TypedSimpleState, tvec,
};
use vow_types::Size;

use super::{Feed, Numbers};
use crate::error::GraphError;

/// As it is called in messages.
const NAME: &str = "tract";

/// One network, ready to run at the sizes that were asked for so far.
pub(crate) struct Plans {
    proto: ModelProto,
    made: Mutex<HashMap<Size, Arc<TypedRunnableModel>>>,
}

impl Plans {
    pub(super) fn new(proto: ModelProto) -> Self {
        Self { proto, made: Mutex::new(HashMap::new()) }
    }

    /// Forgets what was made; threads that still have some of it keep that alive.
    pub(super) fn forget(&self) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// tract 0.23 runs a depthwise convolution along the longer side but uses vector instructions only along rows:
    /// YuNet takes 26 ms at 640 x 480, 66 ms at 480 x 640 and 39 ms at 640 x 640, where a tall picture is just as large.
    pub(super) fn is_slow_when_tall(&self) -> bool {
        let nodes = self.proto.graph.iter().flat_map(|graph| &graph.node);
        let mut convolutions = nodes.filter(|node| node.op_type == "Conv");
        convolutions.any(|node| node.attribute.iter().any(|given| given.name == "group" && given.i > 1))
    }

    /// Makes the plan for a size, or hands out the one that was made. Threads wait for one another here, so that none
    /// makes what another is just making.
    fn plan(&self, feed: &Feed<'_>) -> Result<Arc<TypedRunnableModel>, GraphError> {
        // A panic while making a plan leaves the map as it was before.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = made.get(&feed.size) {
            return Ok(Arc::clone(plan));
        }
        let plan = optimised(&self.proto, feed)
            .and_then(IntoRunnable::into_runnable)
            .map_err(|error| GraphError::Load { runtime: NAME, source: error.into() })?;
        made.insert(feed.size, Arc::clone(&plan));
        Ok(plan)
    }
}

/// The shapes that the file itself notes inside the graph are ignored: they speak of its open dimensions, and the same
/// symbol often stands for different ones.
fn optimised(proto: &ModelProto, feed: &Feed<'_>) -> TractResult<TypedModel> {
    let input = match feed.numbers {
        Numbers::Planes(_) => f32::fact(feed.dims()),
        Numbers::Bytes(_) => u8::fact(feed.dims()),
    };
    tract_onnx::onnx()
        .with_ignore_output_shapes(true)
        .with_ignore_value_info(true)
        .model_for_proto_model(proto)?
        .with_input_fact(0, input.into())?
        .into_optimized()
}

/// A thread's own states, one for each size it has met.
pub(crate) struct Net {
    plans: Arc<Plans>,
    states: HashMap<Size, TypedSimpleState>,
}

impl Net {
    pub(super) fn new(plans: Arc<Plans>) -> Self {
        Self { plans, states: HashMap::new() }
    }

    pub(super) fn run<T>(
        &mut self,
        feed: &Feed<'_>,
        read: impl FnOnce(&[super::Tensor<'_>]) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        let failed =
            |error: tract_onnx::prelude::TractError| GraphError::Run { runtime: NAME, source: error.into() };
        let input = match feed.numbers {
            Numbers::Planes(numbers) => Tensor::from_shape(&feed.dims(), numbers),
            Numbers::Bytes(numbers) => Tensor::from_shape(&feed.dims(), numbers),
        };
        let input = input.map_err(failed)?;
        // Taken out, so that a state in which a run broke off is not used again.
        let mut state = match self.states.remove(&feed.size) {
            Some(state) => state,
            None => self.plans.plan(feed)?.spawn().map_err(failed)?,
        };
        let outputs = state.run(tvec!(input.into())).map_err(failed)?;
        let tensors: Vec<super::Tensor<'_>> = outputs
            .iter()
            .map(|output| {
                let numbers = output.try_as_plain_ram()?.as_slice::<f32>()?;
                Ok(super::Tensor { dims: output.shape().to_vec(), numbers })
            })
            .collect::<TractResult<_>>()
            .map_err(failed)?;
        let value = read(&tensors);
        self.states.insert(feed.size, state);
        value
    }
}
