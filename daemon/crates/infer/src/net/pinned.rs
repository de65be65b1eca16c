//! Memory that a GPU reads and writes directly: allocated by ONNX Runtime, never paged out, so that a copy to the device or from
//! it takes no detour. Filled and read like any other memory.

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;
use ort::value::{Shape, Tensor};

use super::Numbers;
use crate::runtime::Provider;

/// Where such memory comes from. Belongs to one session's device, and may outlive the session.
pub(crate) struct PinnedMemory(Allocator);

/// A batch in such memory.
pub(crate) enum Pinned {
    /// Three planes a picture.
    Planes(Tensor<f32>),
    /// Rows of RGB.
    Bytes(Tensor<u8>),
}

impl PinnedMemory {
    /// Of a session's card; ordinary memory where a provider has no such.
    pub(super) fn of(session: &Session, provider: Provider) -> ort::Result<Self> {
        if provider != Provider::Cuda {
            return Ok(Self::ordinary());
        }
        let (device, kind) = (AllocationDevice::CUDA_PINNED, AllocatorType::Device);
        let info = MemoryInfo::new(device, 0, kind, MemoryType::CPUOutput)?;
        Allocator::new(session, info).map(Self)
    }

    /// Ordinary memory in its place.
    pub(super) fn ordinary() -> Self {
        Self(Allocator::default())
    }

    /// Memory for an input of planes of these dimensions.
    pub(crate) fn planes(&self, dims: [usize; 4]) -> ort::Result<Pinned> {
        Tensor::<f32>::new(&self.0, dims).map(Pinned::Planes)
    }

    /// Memory for an input of rows of bytes of these dimensions.
    pub(crate) fn bytes(&self, dims: [usize; 4]) -> ort::Result<Pinned> {
        Tensor::<u8>::new(&self.0, dims).map(Pinned::Bytes)
    }

    /// Memory for an output of this shape.
    pub(super) fn numbers(&self, shape: Shape) -> ort::Result<Tensor<f32>> {
        Tensor::<f32>::new(&self.0, shape)
    }
}

impl Pinned {
    /// Whether it has exactly these dimensions.
    pub(crate) fn has(&self, dims: [usize; 4]) -> bool {
        let shape = match self {
            Self::Planes(tensor) => tensor.shape(),
            Self::Bytes(tensor) => tensor.shape(),
        };
        shape.iter().copied().eq(dims.into_iter().map(|dim| i64::try_from(dim).unwrap_or(i64::MAX)))
    }

    pub(crate) fn numbers(&self) -> ort::Result<Numbers<'_>> {
        Ok(match self {
            Self::Planes(tensor) => Numbers::Planes(tensor.try_extract_tensor::<f32>()?.1),
            Self::Bytes(tensor) => Numbers::Bytes(tensor.try_extract_tensor::<u8>()?.1),
        })
    }

    /// To be filled; `None` where it is bytes.
    pub(crate) fn planes_mut(&mut self) -> Option<&mut [f32]> {
        match self {
            Self::Planes(tensor) => tensor.try_extract_tensor_mut::<f32>().ok().map(|(_, numbers)| numbers),
            Self::Bytes(_) => None,
        }
    }

    /// To be filled; `None` where it is planes.
    pub(crate) fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::Planes(_) => None,
            Self::Bytes(tensor) => tensor.try_extract_tensor_mut::<u8>().ok().map(|(_, bytes)| bytes),
        }
    }
}
