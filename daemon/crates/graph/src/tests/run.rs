//! Running a graph: on tract always, on ONNX Runtime where the environment variable `VOW_ORT` names its library.

use std::sync::OnceLock;

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{TensorRef, ValueType};
use tract_onnx::prelude::{DatumExt, Framework, InferenceModelExt, IntoRunnable, Tensor, TractResult, tvec};

/// Pictures for a graph.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    Planes(&'a [f32]),
    Bytes(&'a [u8]),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Output {
    pub(super) dims: Vec<usize>,
    pub(super) numbers: Vec<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runtime {
    OnnxRuntime,
    Tract,
}

/// A graph that one runtime has loaded.
pub(super) enum Loaded<'a> {
    OnnxRuntime(Session),
    Tract(&'a [u8]),
}

fn environment() -> Option<&'static Environment> {
    static ENVIRONMENT: OnceLock<Option<Environment>> = OnceLock::new();
    let started = ENVIRONMENT.get_or_init(|| {
        let Some(library) = std::env::var_os("VOW_ORT") else {
            println!("ONNX Runtime is skipped: VOW_ORT is not set");
            return None;
        };
        Some(
            ort::init_from(std::path::PathBuf::from(library)).unwrap().with_telemetry(false).build().unwrap(),
        )
    });
    started.as_ref()
}

impl Runtime {
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![Self::Tract];
        all.extend(environment().map(|_| Self::OnnxRuntime));
        all
    }

    pub(super) fn load(self, graph: &[u8]) -> Loaded<'_> {
        match self {
            Self::OnnxRuntime => Loaded::OnnxRuntime(session(graph, GraphOptimizationLevel::All)),
            Self::Tract => Loaded::Tract(graph),
        }
    }
}

/// Without the rewriting of layouts, which adds up in another order where it knows every size.
pub(super) fn plain_session(graph: &[u8]) -> Option<Loaded<'_>> {
    environment().map(|_| Loaded::OnnxRuntime(session(graph, GraphOptimizationLevel::Level2)))
}

fn session(graph: &[u8], level: GraphOptimizationLevel) -> Session {
    let built = || -> ort::Result<Session> {
        Session::builder(environment().unwrap())?
            .with_optimization_level(level)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .commit_from_memory(graph)
    };
    built().unwrap()
}

impl Loaded<'_> {
    /// Runs pictures of this size.
    pub(super) fn run(&mut self, [batch, height, width]: [usize; 3], input: Input<'_>) -> Vec<Output> {
        let shape = match input {
            Input::Planes(_) => [batch, 3, height, width],
            Input::Bytes(_) => [batch, height, width, 3],
        };
        match self {
            Self::OnnxRuntime(session) => run_session(session, shape, input).unwrap(),
            Self::Tract(graph) => run_tract(graph, shape, input).unwrap(),
        }
    }
}

fn run_session(session: &mut Session, shape: [usize; 4], input: Input<'_>) -> ort::Result<Vec<Output>> {
    let outputs = match input {
        Input::Planes(planes) => session.run(ort::inputs![TensorRef::from_array_view((shape, planes))?])?,
        Input::Bytes(bytes) => session.run(ort::inputs![TensorRef::from_array_view((shape, bytes))?])?,
    };
    let read = |value: ort::value::ValueRef<'_>| {
        let (dims, numbers) = value.try_extract_tensor::<f32>()?;
        let dims = dims.iter().map(|dim| usize::try_from(*dim).unwrap()).collect();
        Ok(Output { dims, numbers: numbers.to_vec() })
    };
    outputs.values().map(read).collect()
}

fn run_tract(graph: &[u8], shape: [usize; 4], input: Input<'_>) -> TractResult<Vec<Output>> {
    let (fact, tensor) = match input {
        Input::Planes(planes) => (f32::fact(shape), Tensor::from_shape(&shape, planes)?),
        Input::Bytes(bytes) => (u8::fact(shape), Tensor::from_shape(&shape, bytes)?),
    };
    let plan = tract_onnx::onnx()
        .with_ignore_output_shapes(true)
        .with_ignore_value_info(true)
        .model_for_read(&mut &*graph)?
        .with_input_fact(0, fact.into())?
        .into_optimized()?
        .into_runnable()?;
    let outputs = plan.run(tvec!(tensor.into()))?;
    let read = |output: &tract_onnx::prelude::TValue| {
        let numbers = output.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
        Ok(Output { dims: output.shape().to_vec(), numbers })
    };
    outputs.iter().map(read).collect()
}

/// The type of the input as ONNX Runtime sees it, in words.
pub(super) fn input_type(loaded: &Loaded<'_>) -> Option<String> {
    let Loaded::OnnxRuntime(session) = loaded else { return None };
    let of: &ValueType = session.inputs()[0].dtype();
    Some(of.to_string())
}

/// Equal to the last bit.
pub(super) fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The largest difference; infinite where there are not as many.
pub(super) fn furthest(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return f32::INFINITY;
    }
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The part of an output that is one picture's.
pub(super) fn part(output: &Output, batch: usize, picture: usize) -> &[f32] {
    assert_eq!(output.dims[0], batch, "{:?}", output.dims);
    let length = output.numbers.len() / batch;
    &output.numbers[picture * length..(picture + 1) * length]
}
