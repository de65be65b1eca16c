//! The detector of a pack: frames in, faces out.

use vow_types::{Detection, DetectorSpec, Size};
use vow_vision::{CLOSE_UP, Framed, SHAPES, suppress};

use crate::error::{GraphError, Role};
use crate::graph::{Graph, Sides};
use crate::heads::Heads;
use crate::network::Network;
use crate::runtime::Runtime;

/// Both heads' coarsest level has a cell for every 32 pixels.
const STRIDE: u32 = 32;

/// A frame with a longer side would not be a detector's, and its memory could not be had.
const LONGEST: u32 = 4096;

/// Dimensions of an output for several frames: frame, anchor, number.
const RANK: usize = 3;

/// A detector whose contract was checked; shared by the threads.
pub(crate) struct Detector {
    spec: DetectorSpec,
    heads: Heads,
    /// The frames it takes, never empty.
    pub(crate) shapes: Vec<Size>,
    /// The frame for faces that fill the picture.
    pub(crate) close_up: Size,
    pub(crate) network: Network,
}

impl Detector {
    /// Checks the graph against the pack's word. Nothing is loaded yet.
    pub(crate) fn new(spec: DetectorSpec, graph: Vec<u8>, runtime: &Runtime) -> Result<Self, GraphError> {
        let graph = Graph::read(graph)?;
        let input = graph.picture_input()?;
        let mut shapes = shapes(input.sides);
        let Some(first) = shapes.first().copied() else {
            return Err(graph.input_shape_error(format!(
                "open height and width, or fixed ones that are multiples of {STRIDE} up to {LONGEST},"
            )));
        };
        let close_up = if input.sides.take(CLOSE_UP) { CLOSE_UP } else { first };
        let heads = Heads::find(spec.head, &graph.output_names())?;
        let network = Network::new(Role::Detector, spec.input, graph, input, RANK, runtime);
        // A card makes a plan for every size, which takes seconds: there, one size is enough for all that is not looked at
        // from near.
        if let Some(square) = shapes.first().copied().filter(|_| runtime.provider().gains_from_batches()) {
            shapes = vec![square];
        }
        if network.is_slow_when_tall() && shapes.iter().any(|shape| !is_tall(*shape)) {
            shapes.retain(|shape| !is_tall(*shape));
        }
        Ok(Self { spec, heads, shapes, close_up, network })
    }

    /// The smallest frame, to try it out with.
    pub(crate) fn smallest(&self) -> Size {
        let all = self.shapes.iter().copied().chain([self.close_up]);
        all.min_by_key(|shape| shape.pixels()).unwrap_or(self.close_up)
    }

    /// The largest frame, to count memory with.
    pub(crate) fn largest(&self) -> Size {
        let all = self.shapes.iter().copied().chain([self.close_up]);
        all.max_by_key(|shape| shape.pixels()).unwrap_or(self.close_up)
    }

    /// Finds faces in a frame's own part of the outputs, the surest first, relative to the upright picture.
    pub(crate) fn read(&self, framed: &Framed, outputs: &[&[f32]]) -> Result<Vec<Detection>, GraphError> {
        let found = self.heads.decode(outputs, framed.shape, self.spec.threshold)?;
        Ok(suppress(found, self.spec.nms_iou).iter().map(|found| framed.detection(found)).collect())
    }
}

fn is_tall(shape: Size) -> bool {
    shape.height > shape.width
}

/// All frames that fit an open graph, or the one that a fixed graph takes.
fn shapes(sides: Sides) -> Vec<Size> {
    if let Sides { width: Some(width), height: Some(height) } = sides {
        let fits = |side: u32| side.is_multiple_of(STRIDE) && side <= LONGEST;
        return if fits(width) && fits(height) { vec![Size { width, height }] } else { Vec::new() };
    }
    SHAPES.into_iter().filter(|shape| sides.take(*shape)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_graph_takes_every_frame_and_a_fixed_one_its_own() {
        assert_eq!(shapes(Sides { width: None, height: None }), SHAPES);
        assert_eq!(shapes(Sides { width: Some(320), height: Some(320) }), [Size { width: 320, height: 320 }]);
        let tall = shapes(Sides { width: Some(480), height: None });
        assert_eq!(tall, [Size { width: 480, height: 640 }]);
    }

    #[test]
    fn a_graph_that_no_head_can_divide_takes_nothing() {
        assert!(shapes(Sides { width: Some(300), height: Some(300) }).is_empty());
        assert!(shapes(Sides { width: Some(100), height: None }).is_empty());
        assert!(shapes(Sides { width: Some(u32::MAX - 31), height: Some(32) }).is_empty());
    }
}
