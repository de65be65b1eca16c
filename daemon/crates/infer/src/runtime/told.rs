//! What ONNX Runtime, CUDA and the system's loader say when a provider does not work, in a sentence for the owner of the
//! machine: what is the matter, and what to do. Text alone; the words themselves are logged by who heard them.

use super::Provider;

/// What the loader says behind the name of a library that it did not find.
const NOT_FOUND: &str = ": cannot open shared object file";
/// Before CUDA's number and words, wherever they stand in ONNX Runtime's.
const CUDA_FAILURE: &str = "CUDA failure ";
/// Before what matters, where ONNX Runtime says first in which function of its own it was.
const ONNX_RUNTIME: &str = "[ONNXRuntimeError] : ";
/// Behind it: where and as what it was called.
const CALL: &str = " ; GPU=";

/// The sentence. What is not known here stays as it was said, but for the places in foreign source code, with what helps most
/// often behind it.
pub(super) fn told(provider: Provider, said: &str) -> String {
    let known = match missing(said) {
        Some(library) if library.starts_with("libcuda.so") => Some(format!(
            "NVIDIA's driver is not installed ({library} is missing); install it, or give the container the card, and start \
             vowd anew"
        )),
        Some(library) if comes_with_cuda(library) => Some(format!(
            "NVIDIA's library {library} is missing; `vow runtime install --cuda --libraries` brings it"
        )),
        Some(_) => None,
        None => cuda_failure(said).map(str::to_owned),
    };
    known.unwrap_or_else(|| {
        let (what, advice) = (core(said), provider.advice());
        if advice.is_empty() { what.to_owned() } else { format!("{what}; {advice}") }
    })
}

/// The library that the loader looked for in vain: `… with error: libcudnn.so.9: cannot open shared object file: …`.
fn missing(said: &str) -> Option<&str> {
    said.split_once(NOT_FOUND)?.0.rsplit([' ', '/']).next()
}

/// Whether it belongs to CUDA or cuDNN, which `--libraries` fetches; TensorRT's `libnvinfer` does not.
fn comes_with_cuda(library: &str) -> bool {
    ["libcu", "libnvrtc", "libnvJitLink"].iter().any(|name| library.starts_with(name))
}

/// What CUDA means by the numbers with which it refuses a machine (`cudaError_t` in `driver_types.h`).
fn cuda_failure(said: &str) -> Option<&'static str> {
    let (number, _) = said.split_once(CUDA_FAILURE)?.1.split_once(':')?;
    match number {
        "35" => Some(
            "NVIDIA's driver is too old for this runtime, or not installed; install its newest version and start vowd anew",
        ),
        "100" => Some(
            "NVIDIA's driver sees no card; check that `nvidia-smi` shows one, and that a container was given it, and start \
             vowd anew",
        ),
        "209" => {
            Some("the card is of a generation that this runtime was not built for; the processor has to do")
        }
        "803" => {
            Some("NVIDIA's driver was updated and the older one is still loaded; start the machine anew")
        }
        _ => None,
    }
}

/// What was said, without where in ONNX Runtime it was said.
fn core(said: &str) -> &str {
    // `[ONNXRuntimeError] : 1 : FAIL : what matters`
    let behind = said.rsplit_once(ONNX_RUNTIME).and_then(|(_, rest)| rest.splitn(3, " : ").nth(2));
    let behind = behind.unwrap_or(said);
    // CUDA's own words say more than in which option ONNX Runtime met them.
    let from = behind.find(CUDA_FAILURE).and_then(|at| behind.get(at..)).unwrap_or(behind);
    from.split(CALL).next().unwrap_or(from).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ONNX Runtime 1.31.1 whose library for CUDA does not load, with the loader's words.
    fn unloaded(why: &str) -> String {
        format!(
            "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:2043 onnxruntime::Provider& \
             onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library \
             /data/runtime/onnxruntime-gpu-1.31.1/libonnxruntime_providers_cuda.so with error: {why}"
        )
    }

    /// The same version whose CUDA refuses the machine.
    fn refused(failure: &str) -> String {
        format!(
            "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc:63 static \
             onnxruntime::CUDAExecutionProviderInfo onnxruntime::CUDAExecutionProviderInfo::FromProviderOptions(const \
             onnxruntime::ProviderOptions&) [ONNXRuntimeError] : 1 : FAIL : provider_options_utils.h:187 Parse Failed to \
             parse provider option \"device_id\": CUDA failure {failure} ; GPU=-1 ; hostname=host ; \
             file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc ; line=70 ; \
             expr=cudaGetDeviceCount(&num_devices);"
        )
    }

    #[test]
    fn a_missing_driver_is_told_from_missing_libraries() {
        let absent = |library: &str| {
            let why = format!("{library}: cannot open shared object file: No such file or directory");
            told(Provider::Cuda, &unloaded(&why))
        };
        let driver = absent("libcuda.so.1");
        assert!(driver.starts_with("NVIDIA's driver is not installed (libcuda.so.1 is missing)"), "{driver}");
        assert!(!driver.contains("vow runtime install"), "it brings no driver: {driver}");
        for library in ["libcublasLt.so.13", "libcudnn.so.9", "libcudart.so.13", "libnvrtc.so.13"] {
            let expected = format!(
                "NVIDIA's library {library} is missing; `vow runtime install --cuda --libraries` brings it"
            );
            assert_eq!(absent(library), expected);
        }
        let own = absent("/data/runtime/libonnxruntime_providers_cuda.so");
        assert!(own.starts_with("Failed to load library /data") && own.contains("nvidia-smi"), "{own}");
        let tensorrt = told(
            Provider::TensorRt,
            "Failed to load library libonnxruntime_providers_tensorrt.so with error: libnvinfer.so.10: cannot open shared \
             object file: No such file or directory",
        );
        assert!(tensorrt.contains("libnvinfer.so.10") && !tensorrt.contains("--libraries"), "{tensorrt}");
    }

    #[test]
    fn what_cuda_refuses_a_machine_for_is_one_sentence() {
        for (failure, beginning) in [
            ("100: no CUDA-capable device is detected", "NVIDIA's driver sees no card; "),
            (
                "35: CUDA driver version is insufficient for CUDA runtime version",
                "NVIDIA's driver is too old for this runtime, or not installed; ",
            ),
            ("209: no kernel image is available for execution on the device", "the card is of a generation "),
            (
                "803: system has unsupported display driver / cuda driver combination",
                "NVIDIA's driver was updated and the older one is still loaded; ",
            ),
            ("999: unknown error", "CUDA failure 999: unknown error; check that `nvidia-smi`"),
            // Not the 35 that is known.
            ("3: initialization error", "CUDA failure 3: initialization error; "),
        ] {
            let text = told(Provider::Cuda, &refused(failure));
            assert!(text.starts_with(beginning), "{text}");
            for foreign in ["onnxruntime", "GPU=", "hostname", "device_id", "ONNXRuntimeError"] {
                assert!(!text.contains(foreign), "{foreign} in {text}");
            }
        }
    }

    #[test]
    fn what_is_not_known_stays_as_it_was_said() {
        let symbol =
            unloaded("/data/libonnxruntime_providers_cuda.so: undefined symbol: cuTensorMapEncodeTiled");
        let text = told(Provider::Cuda, &symbol);
        assert!(text.starts_with("Failed to load library /data") && text.contains("cuTensorMap"), "{text}");
        assert!(!text.contains("provider_bridge") && text.contains("; check that"), "{text}");
        assert_eq!(told(Provider::CoreMl, " it computes wrong numbers "), "it computes wrong numbers");
        assert!(
            told(Provider::Rocm, "it panicked: no").starts_with("it panicked: no; check that `rocminfo`")
        );
        assert_eq!(told(Provider::CoreMl, ""), "");
    }
}
