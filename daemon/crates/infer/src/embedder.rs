//! The embedder of a pack: aligned crops in, vectors out.

use vow_types::num::index;
use vow_types::{EmbedderSpec, Size};
use vow_vision::fill_nchw;

use crate::error::GraphError;
use crate::graph::{Graph, Layout};
use crate::net::{Feed, Loader, Net, Numbers};
use crate::runtime::Runtime;
use crate::runtime::session::Place;

/// A crop with a longer side would not be a face's, and its memory could not be had.
const LARGEST: u32 = 4096;

/// An embedder whose contract was checked; shared by the threads.
pub(crate) struct EmbedderModel {
    spec: EmbedderSpec,
    layout: Layout,
    loader: Loader,
}

impl EmbedderModel {
    /// Checks the graph against the pack's word. Nothing is loaded yet.
    pub(crate) fn new(spec: EmbedderSpec, graph: Vec<u8>, runtime: &Runtime) -> Result<Self, GraphError> {
        let graph = Graph::read(graph)?;
        let side = Size { width: spec.size, height: spec.size };
        let input = graph.picture_input()?;
        if !(1..=LARGEST).contains(&spec.size) || !input.sides.take(side) {
            let expected =
                format!("[1 or open, 3, {0}, {0}] (the pack's crop; at most {LARGEST})", spec.size);
            return Err(graph.input_shape_error(expected));
        }
        let [output] = graph.outputs.as_slice() else {
            return Err(GraphError::OneOutput { found: graph.output_names() });
        };
        // What the graph says; what it does is seen in the first run.
        if let Some(Some(Some(found))) = output.dims.as_ref().map(|dims| dims.last().copied())
            && found != spec.dimension
        {
            return Err(GraphError::Dimension { expected: spec.dimension, found: index(found) });
        }
        Ok(Self { spec, layout: input.layout, loader: Loader::new(graph, runtime) })
    }

    /// Loads it for one thread.
    pub(crate) fn open(&self) -> Result<Embedder, GraphError> {
        let net = self.loader.open(Place::CPU)?;
        Ok(Embedder { spec: self.spec, layout: self.layout, net, input: Vec::new() })
    }
}

/// One thread's embedder.
pub(crate) struct Embedder {
    spec: EmbedderSpec,
    layout: Layout,
    net: Net,
    input: Vec<f32>,
}

impl Embedder {
    /// The network's own vector of one crop, not normalised. The crop is RGB8 of the pack's side.
    ///
    /// Crops are run one by one: on a CPU a batch gains nothing, and a face alone and among others gives the same
    /// numbers to the last bit.
    pub(crate) fn embed(&mut self, crop: &[u8]) -> Result<Vec<f32>, GraphError> {
        let Self { spec, layout, net, input } = self;
        let size = Size { width: spec.size, height: spec.size };
        let numbers = match layout {
            Layout::Bytes => Numbers::Bytes(crop),
            Layout::Planes => {
                input.resize(3 * index(spec.size) * index(spec.size), 0.0);
                fill_nchw(crop, spec.input, input);
                Numbers::Planes(input)
            }
        };
        net.run(&Feed { numbers, size, count: 1 }, |outputs| {
            let vector = outputs.first().map(|output| output.numbers).unwrap_or_default();
            if vector.len() == index(spec.dimension) && !vector.is_empty() {
                Ok(vector.to_vec())
            } else {
                Err(GraphError::Dimension { expected: spec.dimension, found: vector.len() })
            }
        })
    }
}
