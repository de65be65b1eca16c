//! Writing ONNX graphs by code: the part of `onnx.proto` that our two tiny networks need (ONNX specification, IR
//! version 8, operator set 13), and a builder over it.
//!
//! What the graphs compute is said in `detector` and `embedder`.

use prost::Message;

/// The name of a tensor in a graph.
#[derive(Debug, Clone)]
pub(crate) struct Wire(String);

/// One dimension of a graph's input or output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dim {
    /// Always this.
    Fixed(i64),
    /// Anything, under a name; equal names are equal numbers.
    Named(&'static str),
    /// Anything.
    Any,
}

/// A node's attribute, without its name.
#[derive(Debug, Clone)]
pub(crate) enum Attribute {
    /// One whole number.
    Int(i64),
    /// A list of whole numbers.
    Ints(Vec<i64>),
}

/// A graph under construction. Nodes are to be added in the order in which they run.
#[derive(Debug, Default)]
pub(crate) struct GraphBuilder {
    graph: GraphProto,
    tensors: usize,
}

impl GraphBuilder {
    /// Declares a float input.
    pub(crate) fn input(&mut self, name: &str, dims: &[Dim]) -> Wire {
        self.graph.input.push(value_info(name, dims));
        Wire(name.to_owned())
    }

    /// Declares a wire to be an output under its final name.
    pub(crate) fn output(&mut self, wire: &Wire, name: &str, dims: &[Dim]) {
        let end = NodeProto {
            input: vec![wire.0.clone()],
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: "Identity".to_owned(),
            attribute: Vec::new(),
        };
        self.graph.node.push(end);
        self.graph.output.push(value_info(name, dims));
    }

    /// A constant float tensor.
    pub(crate) fn floats(&mut self, dims: &[i64], values: &[f32]) -> Wire {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(dims.to_vec(), FLOAT, raw_data)
    }

    /// A constant float without dimensions.
    pub(crate) fn scalar(&mut self, value: f32) -> Wire {
        self.floats(&[], &[value])
    }

    /// A constant list of whole numbers.
    pub(crate) fn ints(&mut self, values: &[i64]) -> Wire {
        let length = i64::try_from(values.len()).expect("a short list");
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(vec![length], INT64, raw_data)
    }

    /// Adds a node with one output.
    pub(crate) fn node(&mut self, op: &str, inputs: &[&Wire], attributes: &[(&str, Attribute)]) -> Wire {
        let output = self.fresh("t");
        let attribute = attributes
            .iter()
            .map(|(name, value)| match value {
                Attribute::Int(i) => {
                    AttributeProto { name: (*name).to_owned(), i: *i, ints: Vec::new(), kind: 2 }
                }
                Attribute::Ints(ints) => {
                    AttributeProto { name: (*name).to_owned(), i: 0, ints: ints.clone(), kind: 7 }
                }
            })
            .collect();
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|wire| wire.0.clone()).collect(),
            output: vec![output.0.clone()],
            name: format!("{op}_{}", output.0),
            op_type: op.to_owned(),
            attribute,
        });
        output
    }

    /// The bytes of an ONNX file.
    #[must_use]
    pub(crate) fn finish(mut self, name: &str) -> Vec<u8> {
        name.clone_into(&mut self.graph.name);
        let opset = OperatorSet { domain: String::new(), version: 13 };
        let model = ModelProto {
            ir_version: 8,
            producer_name: "vow-tests".to_owned(),
            graph: Some(self.graph),
            opset_import: vec![opset],
        };
        model.encode_to_vec()
    }

    fn constant(&mut self, dims: Vec<i64>, data_type: i32, raw_data: Vec<u8>) -> Wire {
        let wire = self.fresh("c");
        self.graph.initializer.push(TensorProto { dims, data_type, name: wire.0.clone(), raw_data });
        wire
    }

    fn fresh(&mut self, prefix: &str) -> Wire {
        self.tensors += 1;
        Wire(format!("{prefix}{}", self.tensors))
    }
}

fn value_info(name: &str, dims: &[Dim]) -> ValueInfoProto {
    let dim = |dim: &Dim| DimensionProto {
        value: match dim {
            Dim::Fixed(n) => Some(dimension_proto::Value::DimValue(*n)),
            Dim::Named(name) => Some(dimension_proto::Value::DimParam((*name).to_owned())),
            Dim::Any => None,
        },
    };
    let shape = Some(ShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: FLOAT, shape });
    ValueInfoProto { name: name.to_owned(), kind: Some(TypeProto { tensor_type }) }
}

const FLOAT: i32 = 1;
const INT64: i32 = 7;

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSet {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    i: i64,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<ShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ShapeProto {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<DimensionProto>,
}

#[derive(Clone, PartialEq, Message)]
struct DimensionProto {
    #[prost(oneof = "dimension_proto::Value", tags = "1, 2")]
    value: Option<dimension_proto::Value>,
}

mod dimension_proto {
    //! The two ways to state a dimension.

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum Value {
        #[prost(int64, tag = "1")]
        DimValue(i64),
        #[prost(string, tag = "2")]
        DimParam(String),
    }
}
