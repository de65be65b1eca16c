//! The ONNX Runtime that is fetched: published wheels, each pinned by its SHA-256. Their sums were taken from the files
//! themselves; the addresses are the publisher's.

use vow_fetch::{Remote, Sum};

/// A published wheel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wheel {
    /// The machine it is for, as in `std::env::consts::ARCH`.
    pub(crate) arch: &'static str,
    /// Whether it runs on NVIDIA cards.
    pub(crate) cuda: bool,
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
pub(crate) const WHEELS: [Wheel; 3] = [
    Wheel {
        arch: "x86_64",
        cuda: false,
        requirement: "onnxruntime==1.32.0",
        platform: "manylinux_2_28_x86_64",
        file: "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/a3/81/55845186c20cba59f614991f4065dea148e48eeb9749893768c85ce64327/onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        size: 27_780_211,
        sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
    },
    Wheel {
        arch: "aarch64",
        cuda: false,
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
        cuda: true,
        requirement: "onnxruntime-gpu==1.31.1",
        platform: "manylinux_2_28_x86_64",
        file: "onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl",
        url: "https://files.pythonhosted.org/packages/22/97/9531b4d9e566cf2a0f04b4b5c26a3bc0ef2e2e0b6bc943a02c0eead98cf7/onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl",
        size: 255_569_273,
        sha256: "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
    },
];

impl Wheel {
    /// The one for this machine.
    pub(crate) fn here(cuda: bool) -> Option<&'static Self> {
        WHEELS.iter().find(|wheel| wheel.arch == std::env::consts::ARCH && wheel.cuda == cuda)
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
            assert!(wheel.file.ends_with(&format!("-{}.whl", wheel.platform)));
            assert!(wheel.platform.ends_with(wheel.arch));
            let (name, version) = wheel.requirement.split_once("==").unwrap();
            assert!(wheel.file.starts_with(&format!("{}-{version}-cp312-cp312-", name.replace('-', "_"))));
            assert_eq!(wheel.cuda, name == "onnxruntime-gpu");
            assert_eq!(Wheel::with(wheel.sum().unwrap()), Some(wheel));
        }
    }
}
