//! A network on a runtime: pictures in, tensors out. Everything that differs between the runtimes ends here.
//!
//! A [`Loader`] is shared and keeps what is needed to load a network again; a [`Net`] is what one thread runs.

mod card;
mod kept;
mod onnxruntime;
mod outputs;
mod pinned;
mod tensor;
mod tract;

use std::sync::Arc;

pub(crate) use card::taken_at_once;
pub(crate) use kept::Kept;
pub(crate) use onnxruntime::failed;
pub(crate) use pinned::{Pinned, PinnedMemory};
pub(crate) use tensor::{Feed, Numbers, Tensor, split};

use vow_types::Size;

use crate::caught::caught;
use crate::error::GraphError;
use crate::graph::Graph;
use crate::runtime::session::Place;
use crate::runtime::{Backend, Runtime};

/// Loads one network, any number of times.
pub(crate) enum Loader {
    OnnxRuntime { graph: Arc<Kept>, environment: ort::environment::Environment },
    Tract(Arc<tract::Plans>),
}

/// One thread's own copy of a network.
pub(crate) enum Net {
    OnnxRuntime(Box<onnxruntime::Net>),
    Card { net: Box<card::Net>, memory: Option<PinnedMemory> },
    Tract(tract::Net),
}

impl Loader {
    /// Keeps the graph in the form that the runtime wants.
    pub(crate) fn new(graph: Graph, runtime: &Runtime) -> Self {
        match runtime.backend() {
            Backend::OnnxRuntime { environment, .. } => Self::OnnxRuntime {
                graph: Arc::new(Kept::new(graph.bytes)),
                environment: environment.clone(),
            },
            Backend::Tract => Self::Tract(Arc::new(tract::Plans::new(graph.proto))),
        }
    }

    /// Whether several pictures can be run at once: tract is made for one.
    pub(crate) fn takes_batches(runtime: &Runtime) -> bool {
        matches!(runtime.backend(), Backend::OnnxRuntime { .. })
    }

    /// Lets go of what can be had again: what was made for the threads, the file in memory.
    pub(crate) fn forget_plans(&self) {
        match self {
            Self::OnnxRuntime { graph, .. } => graph.put_away(),
            Self::Tract(plans) => plans.forget(),
        }
    }

    /// Whether a frame that is taller than wide takes longer than a square one with sides as long.
    pub(crate) fn is_slow_when_tall(&self) -> bool {
        match self {
            Self::OnnxRuntime { .. } => false,
            Self::Tract(plans) => plans.is_slow_when_tall(),
        }
    }

    /// Loads the network. ONNX Runtime does all its work here; tract does it for each size, at that size's first run, and
    /// knows no place but the processor.
    pub(crate) fn open(&self, place: Place) -> Result<Net, GraphError> {
        match self {
            Self::OnnxRuntime { graph, environment } if place.provider.gains_from_batches() => {
                let net = caught(|| card::Net::open(Arc::clone(graph), environment.clone(), place));
                net.unwrap_or_else(|message| Err(GraphError::Panicked { message }))
                    .map(|(net, memory)| Net::Card { net: Box::new(net), memory })
            }
            Self::OnnxRuntime { graph, environment } => {
                let bytes = graph
                    .bytes()
                    .map_err(|error| GraphError::Load { runtime: onnxruntime::NAME, source: error.into() })?;
                // `ort` panics where ONNX Runtime contradicts itself about a damaged graph.
                let net = caught(|| onnxruntime::Net::open(environment, &bytes, place));
                net.unwrap_or_else(|message| Err(GraphError::Panicked { message }))
                    .map(|net| Net::OnnxRuntime(Box::new(net)))
            }
            Self::Tract(plans) => Ok(Net::Tract(tract::Net::new(Arc::clone(plans)))),
        }
    }
}

impl Net {
    /// Memory that a card reads directly, where there is one; given away once.
    pub(crate) fn pinned_memory(&mut self) -> Option<PinnedMemory> {
        match self {
            Self::Card { memory, .. } => memory.take(),
            Self::OnnxRuntime(_) | Self::Tract(_) => None,
        }
    }

    /// Makes what a card needs for pictures of these sizes, so that the first of them need not wait for it. `nothing` is no
    /// pictures, in the form that the network takes. Nothing more is begun once `go_on` says no.
    pub(crate) fn make_ready(&mut self, sizes: &[Size], nothing: Numbers<'_>, go_on: &dyn Fn() -> bool) {
        if let Self::Card { net, .. } = self {
            net.make_ready(sizes, nothing, go_on);
        }
    }

    /// Pictures of a full batch, where batches are filled up; fewer once memory was short.
    pub(crate) fn at_once(&self) -> Option<usize> {
        match self {
            Self::Card { net, .. } => Some(net.at_once()),
            Self::OnnxRuntime(_) | Self::Tract(_) => None,
        }
    }

    /// Runs a batch and lets `read` look at the outputs, in the order of the graph. tract takes one picture at a time.
    pub(crate) fn run<T>(
        &mut self,
        feed: &Feed<'_>,
        read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        match self {
            Self::OnnxRuntime(net) => net.run(feed, read),
            Self::Card { net, .. } => net.run(feed, read),
            Self::Tract(net) => net.run(feed, read),
        }
    }
}
