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
pub(crate) const WHEELS: [Wheel; 7] = [
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
    // What that one was linked against and what it loads: CUDA's runtime, cuBLAS, cuRAND and cuDNN.
    Wheel {
        arch: "x86_64",
        part: Part::Libraries,
        requirement: "nvidia-cublas==13.10.0.20",
        platform: "manylinux_2_5_x86_64",
        file: "nvidia_cublas-13.10.0.20-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/b4/12/16628161ed8c109c8c73b38167df50cbc630a8a6e6548e2534d461526c3c/nvidia_cublas-13.10.0.20-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
        size: 444_289_903,
        sha256: "dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84",
    },
    Wheel {
        arch: "x86_64",
        part: Part::Libraries,
        requirement: "nvidia-cuda-runtime==13.5.37",
        platform: "manylinux_2_17_x86_64",
        file: "nvidia_cuda_runtime-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/0b/7c/14b8f5518f8951e9dca57ea80f44f8ea8bcc8671812e6cc38009f3205e57/nvidia_cuda_runtime-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        size: 2_504_024,
        sha256: "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d",
    },
    Wheel {
        arch: "x86_64",
        part: Part::Libraries,
        requirement: "nvidia-curand==10.4.5.25",
        platform: "manylinux_2_27_x86_64",
        file: "nvidia_curand-10.4.5.25-py3-none-manylinux_2_27_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/12/63/636e5dc9afb2959bfc0042a357d5567358df829b66c96d9fc36d77dc0596/nvidia_curand-10.4.5.25-py3-none-manylinux_2_27_x86_64.whl",
        size: 77_113_015,
        sha256: "22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529",
    },
    Wheel {
        arch: "x86_64",
        part: Part::Libraries,
        requirement: "nvidia-cudnn-cu13==9.28.1.4",
        platform: "manylinux_2_27_x86_64",
        file: "nvidia_cudnn_cu13-9.28.1.4-py3-none-manylinux_2_27_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/ef/6f/94535c450d44a68ef0b43d7a5e54c0e5ecda2ca3db7daec5d54c8d94e0d8/nvidia_cudnn_cu13-9.28.1.4-py3-none-manylinux_2_27_x86_64.whl",
        size: 516_817_937,
        sha256: "a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec",
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
