//! The whole preparation of one graph.

use prost::bytes::Bytes;
use vow_types::InputFormat;

use crate::error::NotPrepared;
use crate::model::{Model, PortDim};
use crate::{batch, front};

/// Rises whenever the same original would be prepared in another way.
pub(crate) const VERSION: u32 = 1;

/// Where a prepared file says what was done.
pub(crate) const NOTE: &str = "vow.prepared";

/// What a network is fed with; the pack's word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// How its planes come from bytes.
    pub input: InputFormat,
    /// The pictures' sides.
    pub picture: Picture,
}

/// The sides of the pictures that a network will be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// Any that the graph takes.
    Any,
    /// Always this, in pixels; a graph that leaves its sides open is fixed to it.
    Square(u32),
}

/// A graph and what was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The ONNX file to use: the prepared one, or the original as it was.
    pub graph: Vec<u8>,
    /// In words what was done, or why nothing was: such a graph takes one picture at a time, as it says itself.
    pub did: Result<String, NotPrepared>,
}

/// Prepares a graph: its batch becomes real, and it takes `u8` `[batch, height, width, 3]`, RGB.
///
/// Outputs keep their names, their order and their numbers; each gets the batch as its first axis, so that the heads of
/// SCRFD, which published files flatten to `[A, k]`, are `[batch, A, k]`. An item gives the same numbers alone and in a
/// batch as far as the runtime does. A graph that is not understood comes back as it was.
#[must_use]
pub fn prepare(original: Vec<u8>, recipe: &Recipe) -> Prepared {
    let original = Bytes::from(original);
    match rewritten(original.clone(), recipe) {
        Ok((graph, did)) => Prepared { graph, did: Ok(did) },
        // Not copied: nobody else holds it any more.
        Err(why) => Prepared { graph: original.into(), did: Err(why) },
    }
}

fn rewritten(original: Bytes, recipe: &Recipe) -> Result<(Vec<u8>, String), NotPrepared> {
    let mut model = Model::read(original)?;
    let mut planes = model.input()?;
    let [was, height, width] = planes.planes()?;
    let sides = [height, width].map(|side| match (side, recipe.picture) {
        (PortDim::Open(_), Picture::Square(side)) => PortDim::Is(i64::from(side)),
        (side, _) => side,
    });
    let [height, width] = sides.clone();
    let three = PortDim::Is(3);
    planes.dims = Some(vec![was.clone(), three, height, width]);

    let rewritten = batch::open(&mut model, &planes)?;
    front::put(&mut model, &planes, sides, recipe.input)?;
    let before = if was == PortDim::Is(1) { "was fixed at 1" } else { "was declared open" };
    let did = format!("real batch ({before}; {rewritten}), u8 NHWC input");
    model.note(NOTE, &did);
    Ok((model.write(), did))
}

/// What [`prepare`] noted in a file; `None` for one that it has not written.
pub(crate) fn noted(graph: &Bytes) -> Option<String> {
    let model = Model::read(graph.clone()).ok()?;
    model.noted(NOTE).map(str::to_owned)
}
