//! The embedder of a pack: aligned crops in, vectors out.

use vow_types::num::index;
use vow_types::{EmbedderSpec, Size};

use crate::error::{GraphError, Role};
use crate::graph::Graph;
use crate::network::Network;
use crate::runtime::Runtime;

/// A crop with a longer side would not be a face's, and its memory could not be had.
const LARGEST: u32 = 4096;

/// Dimensions of an output for several crops: crop, number.
const RANK: usize = 2;

/// An embedder whose contract was checked; shared by the threads.
pub(crate) struct Embedder {
    spec: EmbedderSpec,
    pub(crate) network: Network,
}

impl Embedder {
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
        let network = Network::new(Role::Embedder, spec.input, graph, input, RANK, runtime);
        Ok(Self { spec, network })
    }

    /// Its crops.
    pub(crate) fn size(&self) -> Size {
        Size { width: self.spec.size, height: self.spec.size }
    }

    /// The network's own vector in a crop's own part of the outputs, not normalised.
    pub(crate) fn read(&self, outputs: &[&[f32]]) -> Result<Vec<f32>, GraphError> {
        let vector = outputs.first().copied().unwrap_or_default();
        if vector.len() == index(self.spec.dimension) && !vector.is_empty() {
            Ok(vector.to_vec())
        } else {
            Err(GraphError::Dimension { expected: self.spec.dimension, found: vector.len() })
        }
    }
}
