//! An ONNX file as far as its contract goes: what it wants and what it gives. Read before any runtime sees the file, so
//! that a wrong file is refused with the same words whichever runtime is used.
//!
//! The reading of the protocol buffer is tract's. What an input or output must look like for a role is decided in
//! `detector` and `embedder`.

use std::collections::HashSet;

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::dimension;
use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto, type_proto};
use tract_onnx::prelude::Framework;
use vow_types::Size;

use crate::error::GraphError;

/// A graph whose outer form is sound: one input, and every output is made by something.
pub(crate) struct Graph {
    /// The file, for a runtime that reads it itself.
    pub(crate) bytes: Vec<u8>,
    /// The file, for a runtime that wants it read.
    pub(crate) proto: ModelProto,
    input: Port,
    /// In the order in which a run gives them.
    pub(crate) outputs: Vec<Port>,
}

/// A tensor at the graph's edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// The ONNX number of the element type.
    elements: i32,
    /// `None` when the graph does not say; inside, `None` for an open (symbolic) dimension.
    pub(crate) dims: Option<Vec<Option<u32>>>,
}

/// The sides of the pictures a graph takes; `None` where any side will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
}

/// What a picture is made of at a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Three planes of normalised floats (NCHW); normalising is ours.
    Planes,
    /// Rows of RGB bytes (NHWC); the graph normalises.
    Bytes,
}

/// What a network wants of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureInput {
    pub(crate) sides: Sides,
    pub(crate) layout: Layout,
    /// Whether several can be given at once.
    pub(crate) open_batch: bool,
}

impl Sides {
    /// Whether a picture of this size fits.
    pub(crate) fn take(self, size: Size) -> bool {
        self.width.is_none_or(|w| w == size.width) && self.height.is_none_or(|h| h == size.height)
    }
}

impl Graph {
    /// Reads an ONNX file.
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, GraphError> {
        let proto = tract_onnx::onnx()
            .proto_model_for_read(&mut bytes.as_slice())
            .map_err(|error| GraphError::NotOnnx { source: error.into() })?;
        let graph = proto.graph.as_ref().filter(|graph| !graph.node.is_empty());
        let Some(graph) = graph else {
            return Err(GraphError::Cut { what: "it computes nothing".to_owned() });
        };
        check_weights(graph)?;
        let input = only_input(graph)?;
        let outputs = outputs(graph)?;
        Ok(Self { input, outputs, bytes, proto })
    }

    /// Checks that the input is pictures, in planes of floats or rows of bytes, and says of which size.
    pub(crate) fn picture_input(&self) -> Result<PictureInput, GraphError> {
        self.input.picture()
    }

    /// Whether the outputs of several pictures can be told apart: each has this many dimensions, the first of them open.
    /// A head that is flattened to `[N * A, k]` says nothing of where one picture ends.
    pub(crate) fn outputs_are_batched(&self, rank: usize) -> bool {
        let is_batched = |dims: &Vec<Option<u32>>| dims.len() == rank && dims.first() == Some(&None);
        self.outputs.iter().all(|output| output.dims.as_ref().is_none_or(is_batched))
    }
}

impl Port {
    fn new(info: &ValueInfoProto) -> Self {
        let tensor = info.r#type.as_ref().and_then(|t| t.value.as_ref());
        let tensor = tensor.map(|type_proto::Value::TensorType(tensor)| tensor);
        let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map(|shape| {
            let value = |dim: &tract_onnx::pb::tensor_shape_proto::Dimension| match dim.value {
                // Some exporters write an open dimension as 0 or -1.
                Some(dimension::Value::DimValue(value)) => u32::try_from(value).ok().filter(|v| *v > 0),
                Some(dimension::Value::DimParam(_)) | None => None,
            };
            shape.dim.iter().map(value).collect()
        });
        Self { name: info.name.clone(), elements: tensor.map_or(0, |tensor| tensor.elem_type), dims }
    }

    fn picture(&self) -> Result<PictureInput, GraphError> {
        const FLOAT: i32 = DataType::Float as i32;
        const UINT8: i32 = DataType::Uint8 as i32;
        let (layout, form) = match self.elements {
            FLOAT => (Layout::Planes, "[1 or open, 3, height, width] (one picture in three planes)"),
            UINT8 => (Layout::Bytes, "[1 or open, height, width, 3] (one picture in rows of RGB bytes)"),
            other => {
                let found = DataType::try_from(other).unwrap_or(DataType::Undefined).as_str_name();
                let found = found.to_lowercase();
                return Err(GraphError::InputType { input: self.name.clone(), found });
            }
        };
        let Some(dims) = &self.dims else {
            let sides = Sides { width: None, height: None };
            return Ok(PictureInput { sides, layout, open_batch: true });
        };
        let (batch, height, width) = match (layout, dims.as_slice()) {
            (Layout::Planes, [batch @ (None | Some(1)), None | Some(3), height, width])
            | (Layout::Bytes, [batch @ (None | Some(1)), height, width, Some(3)]) => (batch, height, width),
            _ => return Err(self.shape_error(form.to_owned())),
        };
        let sides = Sides { width: *width, height: *height };
        Ok(PictureInput { sides, layout, open_batch: batch.is_none() })
    }

    /// This port's shape is not what was expected.
    pub(crate) fn shape_error(&self, expected: String) -> GraphError {
        let dims = self.dims.iter().flatten().map(|dim| dim.map_or("?".to_owned(), |d| d.to_string()));
        let found = format!("[{}]", dims.collect::<Vec<_>>().join(", "));
        GraphError::InputShape { input: self.name.clone(), found, expected }
    }
}

impl Graph {
    /// The input's shape is not what was expected.
    pub(crate) fn input_shape_error(&self, expected: String) -> GraphError {
        self.input.shape_error(expected)
    }

    /// Names of the outputs, in order.
    pub(crate) fn output_names(&self) -> Vec<String> {
        self.outputs.iter().map(|port| port.name.clone()).collect()
    }
}

/// A pack is verified by the hash of one file; weights elsewhere would escape it, and a runtime that is given bytes
/// would look for them in the working folder.
fn check_weights(graph: &GraphProto) -> Result<(), GraphError> {
    let external = i32::from(DataLocation::External);
    match graph.initializer.iter().find(|tensor| tensor.data_location == Some(external)) {
        Some(tensor) => Err(GraphError::ExternalData { tensor: tensor.name.clone() }),
        None => Ok(()),
    }
}

/// Graphs before IR version 4 list their weights among the inputs; those are no inputs.
fn only_input(graph: &GraphProto) -> Result<Port, GraphError> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs: Vec<_> = graph.input.iter().filter(|input| !weights.contains(input.name.as_str())).collect();
    match inputs.as_slice() {
        [input] => Ok(Port::new(input)),
        _ => Err(GraphError::Inputs { found: inputs.iter().map(|input| input.name.clone()).collect() }),
    }
}

/// tract panics over an output that nothing makes, so it is refused here.
fn outputs(graph: &GraphProto) -> Result<Vec<Port>, GraphError> {
    let by_nodes = graph.node.iter().flat_map(|node| &node.output);
    let by_weights = graph.initializer.iter().map(|tensor| &tensor.name);
    let by_inputs = graph.input.iter().map(|input| &input.name);
    let made: HashSet<&String> = by_nodes.chain(by_weights).chain(by_inputs).collect();
    match graph.output.iter().find(|output| !made.contains(&output.name)) {
        Some(output) => Err(GraphError::Cut { what: format!("nothing makes its output `{}`", output.name) }),
        None => Ok(graph.output.iter().map(Port::new).collect()),
    }
}
