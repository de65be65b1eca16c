//! Pictures put together into the input of one run, in memory that is used again. Which pictures run together, and where,
//! is not decided here.

use std::ops::Range;

use vow_types::Size;
use vow_types::num::index;

use super::Work;
use crate::error::GraphError;
use crate::graph::Layout;
use crate::net::{Numbers, Pinned, PinnedMemory};
use crate::network::Network;

/// A batch in one piece.
pub(crate) enum Input {
    /// One picture of bytes: the network reads it where it is.
    AsItIs,
    Planes(Vec<f32>),
    Bytes(Vec<u8>),
    Pinned(Pinned),
}

/// The numbers `range` of a batch.
pub(super) fn numbers<'a>(
    input: &'a Input,
    works: &'a [Work],
    range: Range<usize>,
) -> Result<Numbers<'a>, GraphError> {
    let all = match input {
        Input::AsItIs => return Ok(Numbers::Bytes(works.first().map(Work::pixels).unwrap_or_default())),
        Input::Planes(planes) => Numbers::Planes(planes),
        Input::Bytes(bytes) => Numbers::Bytes(bytes),
        Input::Pinned(pinned) => pinned.numbers().map_err(crate::net::failed)?,
    };
    Ok(match all {
        Numbers::Planes(planes) => Numbers::Planes(planes.get(range).unwrap_or_default()),
        Numbers::Bytes(bytes) => Numbers::Bytes(bytes.get(range).unwrap_or_default()),
    })
}

fn fill_planes(network: &Network, works: &[Work], each: usize, planes: &mut [f32]) {
    let places = planes.chunks_exact_mut(each.max(1));
    places.zip(works).for_each(|(place, work)| network.fill(work.pixels(), place));
}

pub(super) fn gather_plain(network: &Network, pixels: usize, works: &[Work], spare: Option<Input>) -> Input {
    match network.layout {
        Layout::Bytes if works.len() == 1 => Input::AsItIs,
        Layout::Bytes => {
            let mut bytes = if let Some(Input::Bytes(bytes)) = spare { bytes } else { Vec::new() };
            bytes.clear();
            works.iter().for_each(|work| bytes.extend_from_slice(work.pixels()));
            Input::Bytes(bytes)
        }
        Layout::Planes => {
            let mut planes = if let Some(Input::Planes(planes)) = spare { planes } else { Vec::new() };
            planes.resize(works.len() * 3 * pixels, 0.0);
            fill_planes(network, works, 3 * pixels, &mut planes);
            Input::Planes(planes)
        }
    }
}

/// With room for so many pictures; what is not filled stays as it was. `None` where the memory cannot be had.
pub(super) fn gather_pinned(
    network: &Network,
    memory: &PinnedMemory,
    (size, count): (Size, usize),
    works: &[Work],
    spare: Option<Pinned>,
) -> Option<Pinned> {
    let (width, height) = (index(size.width), index(size.height));
    let each = 3 * width * height;
    match network.layout {
        Layout::Bytes => {
            let dims = [count, height, width, 3];
            let mut pinned = spare.filter(|old| old.has(dims)).or_else(|| memory.bytes(dims).ok())?;
            let places = pinned.bytes_mut()?.chunks_exact_mut(each.max(1));
            for (place, work) in places.zip(works) {
                // Lengths were checked when the picture came in.
                if place.len() == work.pixels().len() {
                    place.copy_from_slice(work.pixels());
                }
            }
            Some(pinned)
        }
        Layout::Planes => {
            let dims = [count, 3, height, width];
            let mut pinned = spare.filter(|old| old.has(dims)).or_else(|| memory.planes(dims).ok())?;
            fill_planes(network, works, each, pinned.planes_mut()?);
            Some(pinned)
        }
    }
}
