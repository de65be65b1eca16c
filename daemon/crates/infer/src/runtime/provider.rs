//! Execution providers: what ONNX Runtime can run a network on. Which there are, how they are called, and in which order
//! they are tried; trying one is the business of `trial`.

use std::fmt;
use std::str::FromStr;

/// What a network runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// The processor. Always there.
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
    /// NVIDIA GPUs, through engines that are built for the very card, which takes minutes at the first start.
    TensorRt,
    /// AMD GPUs.
    Rocm,
    /// AMD GPUs, through MIGraphX.
    MiGraphX,
    /// Intel's GPUs, or the device that `VOW_OPENVINO_DEVICE` names as OpenVINO does (`GPU.1`, `NPU`; `CPU` to try it out).
    OpenVino,
    /// Apple's accelerators.
    CoreMl,
}

/// Those that `auto` tries before the processor, the best first. The others compile networks for minutes or are seldom
/// faster than the processor: they are used when asked for.
pub(crate) const TRIED: [Provider; 4] =
    [Provider::Cuda, Provider::MiGraphX, Provider::Rocm, Provider::CoreMl];

const ALL: [Provider; 7] = [
    Provider::Cpu,
    Provider::Cuda,
    Provider::TensorRt,
    Provider::Rocm,
    Provider::MiGraphX,
    Provider::OpenVino,
    Provider::CoreMl,
];

impl Provider {
    /// As it is written in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::Rocm => "rocm",
            Self::MiGraphX => "migraphx",
            Self::OpenVino => "openvino",
            Self::CoreMl => "coreml",
        }
    }

    /// As ONNX Runtime calls it.
    pub(crate) fn onnx_name(self) -> &'static str {
        match self {
            Self::Cpu => "CPUExecutionProvider",
            Self::Cuda => "CUDAExecutionProvider",
            Self::TensorRt => "TensorrtExecutionProvider",
            Self::Rocm => "ROCMExecutionProvider",
            Self::MiGraphX => "MIGraphXExecutionProvider",
            Self::OpenVino => "OpenVINOExecutionProvider",
            Self::CoreMl => "CoreMLExecutionProvider",
        }
    }

    /// The provider that ONNX Runtime calls so; `None` for one that is of no use here.
    pub(crate) fn from_onnx_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|provider| provider.onnx_name() == name)
    }

    /// Whether this build can ask for it.
    pub(crate) fn is_compiled_in(self) -> bool {
        match self {
            Self::Cpu => true,
            Self::Cuda => cfg!(feature = "cuda"),
            Self::TensorRt => cfg!(feature = "tensorrt"),
            Self::Rocm => cfg!(feature = "rocm"),
            Self::MiGraphX => cfg!(feature = "migraphx"),
            Self::OpenVino => cfg!(feature = "openvino"),
            Self::CoreMl => cfg!(feature = "coreml"),
        }
    }

    /// Whether a batch is worth its waiting time there: on a processor it gains nothing.
    pub(crate) fn gains_from_batches(self) -> bool {
        !matches!(self, Self::Cpu)
    }

    /// What a user can do when it does not start and nobody knows why; empty where there is nothing to say.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Cpu | Self::CoreMl => "",
            Self::Cuda => "check that `nvidia-smi` shows the card and that its driver is up to date",
            Self::TensorRt => {
                "check that `nvidia-smi` shows the card and that the CUDA, cuDNN and TensorRT libraries which this ONNX \
                 Runtime was built for can be found"
            }
            Self::Rocm | Self::MiGraphX => {
                "check that `rocminfo` shows the card and that the ROCm libraries which this ONNX Runtime was built for \
                 can be found"
            }
            Self::OpenVino => {
                "check that Intel's driver for computing on its GPU is installed (OpenVINO calls the device GPU; another can be \
                 named in VOW_OPENVINO_DEVICE)"
            }
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which provider the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProviderChoice {
    /// A GPU where one works, otherwise the processor. Written `auto`.
    #[default]
    Auto,
    /// This one; the processor, with a warning, where it does not work.
    Only(Provider),
}

/// A text that names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no provider; allowed are auto, cpu, cuda, tensorrt, rocm, migraphx, openvino and coreml"
)]
pub struct ParseProviderError(String);

impl FromStr for ProviderChoice {
    type Err = ParseProviderError;

    fn from_str(text: &str) -> Result<Self, ParseProviderError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let named = ALL.into_iter().find(|provider| provider.name() == text);
        named.map(Self::Only).ok_or_else(|| ParseProviderError(text.to_owned()))
    }
}

impl fmt::Display for ProviderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Only(provider) => provider.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_survives_its_text_and_onnx_runtimes_name() {
        for provider in ALL {
            let choice: ProviderChoice = provider.name().parse().unwrap();
            assert_eq!(choice, ProviderChoice::Only(provider));
            assert_eq!(choice.to_string(), provider.name());
            assert_eq!(Provider::from_onnx_name(provider.onnx_name()), Some(provider));
        }
        assert_eq!("auto".parse(), Ok(ProviderChoice::Auto));
        for text in ["", "CUDA", "gpu"] {
            assert!(text.parse::<ProviderChoice>().unwrap_err().to_string().contains("cpu, cuda"), "{text}");
        }
        assert_eq!(Provider::from_onnx_name("AzureExecutionProvider"), None);
    }
}
