//! Makes sessions of ONNX Runtime on a provider. The only place that knows the providers' options.

use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use super::Provider;

/// Where and how a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) provider: Provider,
    /// Threads on the processor. One is the rule: the owner thread does the work itself and nothing spins between runs.
    /// Several such sessions side by side do more than one session with several threads.
    pub(crate) threads: usize,
    /// Bytes of device memory that the session's arena may take; `None` for as many as there are. What a library of the
    /// device takes for itself comes on top. Of no meaning on the processor.
    pub(crate) device_memory: Option<usize>,
    /// Pictures of a full batch. Of no meaning on the processor, where sessions take what comes.
    pub(crate) batch: usize,
}

impl Place {
    pub(crate) const CPU: Self = Self { provider: Provider::Cpu, threads: 1, device_memory: None, batch: 1 };
}

/// Loads a network on a provider. A provider that cannot be had is an error; ONNX Runtime's own way is to take the CPU and say nothing.
pub(crate) fn open(environment: &Environment, graph: &[u8], place: Place) -> ort::Result<Session> {
    Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(place.threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_memory_pattern(false)?
        .with_execution_providers(provider(place)?)?
        .commit_from_memory(graph)
}

/// Empty for the CPU, which needs no words.
fn provider(place: Place) -> ort::Result<Vec<ExecutionProviderDispatch>> {
    let dispatch: ExecutionProviderDispatch = match place.provider {
        Provider::Cpu => return Ok(Vec::new()),
        #[cfg(feature = "cuda")]
        Provider::Cuda => {
            use ort::ep::cuda::ConvAlgorithmSearch;
            use ort::ep::{ArenaExtendStrategy, CUDA};
            // The exhaustive search takes seconds for each shape; the heuristics choose as well for plain convolutions.
            // An arena that grows by what is asked for leaves the rest of the card to others.
            let cuda = CUDA::default()
                .with_device_id(DEVICE)
                .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
                .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested);
            match place.device_memory {
                Some(bytes) => cuda.with_memory_limit(bytes).build(),
                None => cuda.build(),
            }
        }
        #[cfg(feature = "tensorrt")]
        Provider::TensorRt => ort::ep::TensorRT::default().with_device_id(DEVICE).build(),
        #[cfg(feature = "rocm")]
        Provider::Rocm => {
            let rocm = ort::ep::ROCm::default().with_device_id(DEVICE);
            match place.device_memory {
                Some(bytes) => rocm.with_mem_limit(bytes).build(),
                None => rocm.build(),
            }
        }
        #[cfg(feature = "migraphx")]
        Provider::MiGraphX => {
            let migraphx = ort::ep::MIGraphX::default().with_device_id(DEVICE);
            match place.device_memory {
                Some(bytes) => migraphx.with_mem_limit(bytes).build(),
                None => migraphx.build(),
            }
        }
        #[cfg(feature = "openvino")]
        Provider::OpenVino => {
            // OpenVINO's own default is the processor, where it is no faster than ONNX Runtime's provider, and batches cost as
            // much as their pictures do.
            let device = std::env::var("VOW_OPENVINO_DEVICE").unwrap_or_else(|_| "GPU".to_owned());
            ort::ep::OpenVINO::default().with_device_type(device).with_dynamic_shapes(true).build()
        }
        #[cfg(feature = "coreml")]
        Provider::CoreMl => ort::ep::CoreML::default().build(),
        // Nobody asks: providers that are not compiled in are not tried.
        #[allow(unreachable_patterns, reason = "reachable unless every provider is compiled in")]
        other => return Err(ort::Error::new(format!("this build of VowImager has no support for {other}"))),
    };
    Ok(vec![dispatch.error_on_failure()])
}

/// The first card: machines with several are rare among photo collections.
#[cfg(any(feature = "cuda", feature = "tensorrt", feature = "rocm", feature = "migraphx"))]
const DEVICE: i32 = 0;
