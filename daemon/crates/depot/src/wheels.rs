//! What is fetched to run models: ONNX Runtime, and the libraries of CUDA and cuDNN that it needs for NVIDIA cards. Published
//! wheels, each pinned by its SHA-256. Their sums were taken from the files themselves; the addresses are the publishers'.

use vow_fetch::{Remote, Sum};

/// What a wheel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// ONNX Runtime for the processor.
    Plain,
    /// ONNX Runtime that runs on NVIDIA cards as well.
    Cuda,
    /// Libraries of NVIDIA that the latter needs.
    Libraries,
}

/// A published wheel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wheel {
    /// The machine it is for, as in `std::env::consts::ARCH`.
    pub(crate) arch: &'static str,
    /// What it holds.
    pub(crate) part: Part,
    /// What pip is asked for.
    pub(crate) requirement: &'static str,
    /// pip's name for the machine.
    pub(crate) platform: &'static str,
    /// The file's name.
    pub(crate) file: &'static str,
    /// Where it can be had without pip.
    pub(crate) url: &'static str,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its SHA-256.
    pub(crate) sha256: &'static str,
}

/// The wheels are for CPython 3.12, but only the C library in them is used, which is the same for every Python.
pub(crate) const WHEELS: [Wheel; 8] = [
    Wheel {
        arch: "x86_64",
        part: Part::Plain,
        requirement: "onnxruntime==1.32.0",
        platform: "manylinux_2_28_x86_64",
        file: "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/a3/81/55845186c20cba59f614991f4065dea148e48eeb9749893768c85ce64327/onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        size: 27_780_211,
        sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
    },
    Wheel {
        arch: "aarch64",
        part: Part::Plain,
        requirement: "onnxruntime==1.32.0",
        platform: "manylinux_2_28_aarch64",
        file: "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_aarch64.whl",
        url: "https://files.pythonhosted.org/packages/4a/8f/1e43fb994513c7c7a9c6965272ef89d963c1bd4080993a6267bf913701d1/onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_aarch64.whl",
        size: 23_196_724,
        sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
    },
    // Built for CUDA 13 and cuDNN 9; there is none for aarch64.
    Wheel {
        arch: "x86_64",
        part: Part::Cuda,
        requirement: "onnxruntime-gpu==1.31.1",
        platform: "manylinux_2_28_x86_64",
        file: "onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/22/97/9531b4d9e566cf2a0f04b4b5c26a3bc0ef2e2e0b6bc943a02c0eead98cf7/onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl",
        size: 255_569_273,
        sha256: "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
    },
    // What that one was linked against and what it loads: cuBLAS, cuDNN, CUDA's compiler and runtime, cuRAND. These versions
    // were seen working with it on a driver of CUDA 13.0.
    Wheel {
        arch: "x86_64",
        part: Part::Libraries,
        requirement: "nvidia-cublas==13.1.0.3",
        platform: "manylinux_2_27_x86_64",
        file: "nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/e7/44/423ac00af4dd95a5aeb27207e2c0d9b7118702149bf4704c3ddb55bb7429/nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl",
        size: 423_133_236,
        sha256: "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
    },
    Wheel {
        arch: "x86_64",
        part: Part::Libraries,
        requirement: "nvidia-cuda-nvrtc==13.0.88",
        platform: "manylinux_2_12_x86_64",
        file: "nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/c3/68/483a78f5e8f31b08fb1bb671559968c0ca3a065ac7acabfc7cee55214fd6/nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        size: 90_215_200,
        sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
    },
    Wheel {
        arch: "x86_64",
        part: Part::Libraries,
        requirement: "nvidia-cuda-runtime==13.0.96",
        platform: "manylinux_2_17_x86_64",
        file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/2e/24/d1558f3b68b1d26e706813b1d10aa1d785e4698c425af8db8edc3dced472/nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        size: 2_243_632,
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    },
    Wheel {
        arch: "x86_64",
        part: Part::Libraries,
        requirement: "nvidia-cudnn-cu13==9.19.0.56",
        platform: "manylinux_2_27_x86_64",
        file: "nvidia_cudnn_cu13-9.19.0.56-py3-none-manylinux_2_27_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/a3/22/0b4b932655d17a6da1b92fa92ab12844b053bb2ac2475e179ba6f043da1e/nvidia_cudnn_cu13-9.19.0.56-py3-none-manylinux_2_27_x86_64.whl",
        size: 366_066_321,
        sha256: "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
    },
    Wheel {
        arch: "x86_64",
        part: Part::Libraries,
        requirement: "nvidia-curand==10.4.0.35",
        platform: "manylinux_2_27_x86_64",
        file: "nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/a5/9f/be0a41ca4a4917abf5cb9ae0daff1a6060cc5de950aec0396de9f3b52bc5/nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl",
        size: 59_544_258,
        sha256: "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
    },
];

impl Wheel {
    /// Those with this for this machine.
    pub(crate) fn here(part: Part) -> impl Iterator<Item = &'static Self> {
        WHEELS.iter().filter(move |wheel| wheel.arch == std::env::consts::ARCH && wheel.part == part)
    }

    /// The one with that sum.
    pub(crate) fn with(sum: Sum) -> Option<&'static Self> {
        WHEELS.iter().find(|wheel| wheel.sum() == Some(sum))
    }

    pub(crate) fn sum(&self) -> Option<Sum> {
        self.sha256.parse().ok()
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote {
            name: self.file.to_owned(),
            urls: vec![self.url.to_owned()],
            size: Some(self.size),
            sha256: self.sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wheel_is_pinned_and_of_one_piece() {
        for wheel in &WHEELS {
            assert!(wheel.sum().is_some(), "{}", wheel.file);
            assert!(wheel.url.starts_with("https://") && wheel.url.ends_with(wheel.file));
            assert!(wheel.file.ends_with(&format!("{}.whl", wheel.platform)));
            assert!(wheel.platform.ends_with(wheel.arch));
            let (name, version) = wheel.requirement.split_once("==").unwrap();
            let python = if wheel.part == Part::Libraries { "py3-none" } else { "cp312-cp312" };
            assert!(wheel.file.starts_with(&format!("{}-{version}-{python}-", name.replace('-', "_"))));
            assert_eq!(wheel.part == Part::Cuda, name == "onnxruntime-gpu");
            assert_eq!(wheel.part == Part::Libraries, name.starts_with("nvidia-"));
            assert_eq!(Wheel::with(wheel.sum().unwrap()), Some(wheel));
        }
    }
}
