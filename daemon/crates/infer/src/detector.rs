//! The detector of a pack: frames in, faces out.

use vow_types::num::index;
use vow_types::{Detection, DetectorSpec, Size};
use vow_vision::{CLOSE_UP, Framed, SHAPES, fill_nchw, suppress};

use crate::error::GraphError;
use crate::graph::{Graph, Layout, Sides};
use crate::heads::Heads;
use crate::net::{Feed, Loader, Net, Numbers, split};
use crate::runtime::Runtime;
use crate::runtime::session::Place;

/// Both heads' coarsest level has a cell for every 32 pixels.
const STRIDE: u32 = 32;

/// A frame with a longer side would not be a detector's, and its memory could not be had.
const LONGEST: u32 = 4096;

/// A detector whose contract was checked; shared by the threads.
pub(crate) struct DetectorModel {
    spec: DetectorSpec,
    heads: Heads,
    layout: Layout,
    /// The frames it takes, never empty.
    pub(crate) shapes: Vec<Size>,
    /// The frame for faces that fill the picture.
    pub(crate) close_up: Size,
    loader: Loader,
}

impl DetectorModel {
    /// Checks the graph against the pack's word. Nothing is loaded yet.
    pub(crate) fn new(spec: DetectorSpec, graph: Vec<u8>, runtime: &Runtime) -> Result<Self, GraphError> {
        let graph = Graph::read(graph)?;
        let input = graph.picture_input()?;
        let (sides, layout) = (input.sides, input.layout);
        let mut shapes = shapes(sides);
        let Some(first) = shapes.first().copied() else {
            return Err(graph.input_shape_error(format!(
                "open height and width, or fixed ones that are multiples of {STRIDE} up to {LONGEST},"
            )));
        };
        let close_up = if sides.take(CLOSE_UP) { CLOSE_UP } else { first };
        let heads = Heads::find(spec.head, &graph.output_names())?;
        let loader = Loader::new(graph, runtime);
        if loader.is_slow_when_tall() && shapes.iter().any(|shape| !is_tall(*shape)) {
            shapes.retain(|shape| !is_tall(*shape));
        }
        Ok(Self { spec, heads, layout, shapes, close_up, loader })
    }

    /// Loads it for one thread.
    pub(crate) fn open(&self) -> Result<Detector, GraphError> {
        Ok(Detector {
            spec: self.spec,
            heads: self.heads.clone(),
            layout: self.layout,
            net: self.loader.open(Place::CPU)?,
            input: Vec::new(),
        })
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

/// One thread's detector.
pub(crate) struct Detector {
    spec: DetectorSpec,
    heads: Heads,
    layout: Layout,
    net: Net,
    /// Kept between runs: several megabytes that need not be asked for again.
    input: Vec<f32>,
}

impl Detector {
    /// Finds faces, the surest first, relative to the upright picture. The frame's size is one of
    /// [`DetectorModel::shapes`], and it has as many bytes as that size asks for.
    pub(crate) fn detect(&mut self, framed: &Framed) -> Result<Vec<Detection>, GraphError> {
        let Self { spec, heads, layout, net, input } = self;
        let shape = framed.shape;
        let numbers = match layout {
            Layout::Bytes => Numbers::Bytes(&framed.pixels),
            Layout::Planes => {
                input.resize(3 * index(shape.width) * index(shape.height), 0.0);
                fill_nchw(&framed.pixels, spec.input, input);
                Numbers::Planes(input)
            }
        };
        let feed = Feed { numbers, size: shape, count: 1 };
        let found = net.run(&feed, |outputs| {
            let parts = split(outputs, 1)?;
            heads.decode(parts.first().map(Vec::as_slice).unwrap_or_default(), shape, spec.threshold)
        })?;
        Ok(suppress(found, spec.nms_iou).iter().map(|found| framed.detection(found)).collect())
    }
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
