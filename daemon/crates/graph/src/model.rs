//! Reading and writing a whole file, and the checks that every preparation needs.

use std::collections::HashSet;

use prost::Message;
use prost::bytes::Bytes;

use crate::error::NotPrepared;
use crate::node::{element, is_default_domain};
use crate::proto::{
    GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorShapeProto, TypeProto, ValueInfoProto,
    dimension, type_proto,
};

/// Operator sets whose meanings were compared with what is done here.
const OPERATOR_SETS: std::ops::RangeInclusive<i64> = 7..=23;

/// Initializers need not be listed as inputs from this version on.
const FREE_INITIALIZERS: i64 = 4;

/// A file that was read in full, has one input and can be written again without loss.
pub(crate) struct Model {
    proto: ModelProto,
    pub(crate) graph: GraphProto,
    pub(crate) opset: i64,
    names: HashSet<String>,
    made: usize,
}

impl Model {
    pub(crate) fn read(bytes: Bytes) -> Result<Self, NotPrepared> {
        let length = bytes.len();
        let mut proto = ModelProto::decode(bytes).map_err(|error| NotPrepared::NotOnnx(error.to_string()))?;
        if proto.encoded_len() != length {
            return Err(NotPrepared::Lossy);
        }
        let graph = proto.graph.take().filter(|graph| !graph.node.is_empty());
        let mut graph = graph.ok_or_else(|| NotPrepared::form("it computes nothing"))?;
        let opset = opset(&proto)?;
        if !proto.functions.is_empty() {
            return Err(NotPrepared::form("it defines operators of its own"));
        }
        if !graph.sparse_initializer.is_empty() {
            return Err(NotPrepared::form("it has sparse weights"));
        }
        if let Some(tensor) = graph.initializer.iter().find(|tensor| tensor.is_external()) {
            let name = tensor.name.clone().unwrap_or_default();
            return Err(NotPrepared::form(format!("it keeps weights in another file (`{name}`)")));
        }
        unlist_weights(&mut proto, &mut graph);
        let names = names(&graph);
        Ok(Self { proto, graph, opset, names, made: 0 })
    }

    /// The file.
    pub(crate) fn write(self) -> Vec<u8> {
        let Self { mut proto, graph, .. } = self;
        proto.graph = Some(graph);
        proto.encode_to_vec()
    }

    /// A name that nothing has yet.
    pub(crate) fn fresh(&mut self, what: &str) -> String {
        loop {
            self.made += 1;
            let name = format!("vow/{what}_{}", self.made);
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }

    /// `wished`, or a name like it.
    pub(crate) fn name_like(&mut self, wished: &str) -> String {
        if self.names.insert(wished.to_owned()) { wished.to_owned() } else { self.fresh(wished) }
    }

    /// The one input.
    pub(crate) fn input(&self) -> Result<Port, NotPrepared> {
        match self.graph.input.as_slice() {
            [input] => Port::read(input),
            inputs => Err(NotPrepared::form(format!("it has {} inputs", inputs.len()))),
        }
    }

    /// Notes something in the file for whoever looks at it.
    pub(crate) fn note(&mut self, key: &str, value: &str) {
        self.proto.metadata_props.retain(|entry| entry.key.as_deref() != Some(key));
        self.proto
            .metadata_props
            .push(StringStringEntryProto { key: Some(key.to_owned()), value: Some(value.to_owned()) });
    }

    /// What [`Self::note`] wrote.
    pub(crate) fn noted(&self, key: &str) -> Option<&str> {
        let entry = self.proto.metadata_props.iter().find(|entry| entry.key.as_deref() == Some(key));
        entry.and_then(|entry| entry.value.as_deref())
    }
}

fn opset(proto: &ModelProto) -> Result<i64, NotPrepared> {
    let standard = proto.opset_import.iter().find(|set| is_default_domain(set.domain.as_deref()));
    let version = standard.and_then(|set| set.version).unwrap_or(1);
    if OPERATOR_SETS.contains(&version) {
        Ok(version)
    } else {
        let (first, last) = (OPERATOR_SETS.start(), OPERATOR_SETS.end());
        Err(NotPrepared::form(format!(
            "it is written in operator set {version}; {first} to {last} are understood"
        )))
    }
}

/// Before IR version 4 weights were listed among the inputs; since then, to be listed means that a caller may replace
/// them. Nobody here does, so they are taken off the list.
fn unlist_weights(proto: &mut ModelProto, graph: &mut GraphProto) {
    let weights: HashSet<Option<String>> =
        graph.initializer.iter().map(|tensor| tensor.name.clone()).collect();
    graph.input.retain(|input| !weights.contains(&input.name));
    proto.ir_version = Some(proto.ir_version.unwrap_or_default().max(FREE_INITIALIZERS));
}

/// Every name in use, those inside subgraphs too.
fn names(graph: &GraphProto) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut graphs = vec![graph];
    while let Some(graph) = graphs.pop() {
        let infos = graph.input.iter().chain(&graph.output).chain(&graph.value_info);
        names.extend(infos.filter_map(|info| info.name.clone()));
        names.extend(graph.initializer.iter().filter_map(|tensor| tensor.name.clone()));
        for node in &graph.node {
            names.extend(node.input.iter().chain(&node.output).chain(&node.name).cloned());
            for attribute in &node.attribute {
                graphs.extend(attribute.g.as_deref().into_iter().chain(&attribute.graphs));
            }
        }
    }
    names
}

/// A graph's input or output, if it is a dense tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// The ONNX number of the element type.
    pub(crate) elements: i32,
    /// `None` where the file says nothing.
    pub(crate) dims: Option<Vec<PortDim>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PortDim {
    /// Always this.
    Is(i64),
    /// Anything, perhaps under a name.
    Open(Option<String>),
}

impl Port {
    pub(crate) fn read(info: &ValueInfoProto) -> Result<Self, NotPrepared> {
        let name = info.name.clone().unwrap_or_default();
        let Some(type_proto::Value::Tensor(tensor)) = info.r#type.as_ref().and_then(|of| of.value.as_ref())
        else {
            return Err(NotPrepared::form(format!("`{name}` is no tensor")));
        };
        let dims = tensor.shape.as_ref().map(|shape| {
            let dim = |dim: &dimension::Dimension| match &dim.value {
                Some(dimension::Value::DimValue(value)) if *value > 0 => PortDim::Is(*value),
                // Some exporters write an open dimension as 0 or -1.
                Some(dimension::Value::DimValue(_)) | None => PortDim::Open(None),
                Some(dimension::Value::DimParam(name)) => {
                    PortDim::Open(Some(name.clone()).filter(|name| !name.is_empty()))
                }
            };
            shape.dim.iter().map(dim).collect()
        });
        Ok(Self { name, elements: tensor.elem_type.unwrap_or_default(), dims })
    }

    pub(crate) fn write(&self) -> ValueInfoProto {
        let dim = |dim: &PortDim| dimension::Dimension {
            value: match dim {
                PortDim::Is(value) => Some(dimension::Value::DimValue(*value)),
                PortDim::Open(name) => name.clone().map(dimension::Value::DimParam),
            },
            denotation: None,
        };
        let shape = self.dims.as_ref().map(|dims| TensorShapeProto { dim: dims.iter().map(dim).collect() });
        let tensor = type_proto::Tensor { elem_type: Some(self.elements), shape };
        let of = TypeProto { value: Some(type_proto::Value::Tensor(tensor)), denotation: None };
        ValueInfoProto { name: Some(self.name.clone()), r#type: Some(of), ..ValueInfoProto::default() }
    }

    /// The sides of a picture in planes (`[N, 3, H, W]` of floats), as the file writes them.
    pub(crate) fn planes(&self) -> Result<[PortDim; 3], NotPrepared> {
        let dims = self.dims.as_deref();
        match dims {
            Some([batch, PortDim::Is(3) | PortDim::Open(_), height, width])
                if self.elements == element::FLOAT =>
            {
                Ok([batch.clone(), height.clone(), width.clone()])
            }
            _ => Err(NotPrepared::form(format!(
                "its input `{}` is not declared as pictures in three planes of 32-bit floats",
                self.name
            ))),
        }
    }
}

/// A node as it is called in messages.
pub(crate) fn called(node: &NodeProto) -> String {
    let named = node.name.as_ref().filter(|name| !name.is_empty());
    named.or(node.output.first()).cloned().unwrap_or_default()
}
