//! Small graphs, written by code.

use prost::Message as _;

use super::noise;
use crate::model::{Port, PortDim};
use crate::node::{element, node};
use crate::proto::{AttributeProto, GraphProto, ModelProto, OperatorSetIdProto, TensorProto};

pub(super) struct Build {
    pub(super) graph: GraphProto,
    opset: i64,
    /// Weights are listed as inputs, as they had to be before IR version 4.
    old: bool,
    made: usize,
}

/// A dimension: a number, or open for 0.
fn dims(of: &[i64]) -> Option<Vec<PortDim>> {
    let dim = |dim: &i64| if *dim == 0 { PortDim::Open(Some("?".to_owned())) } else { PortDim::Is(*dim) };
    Some(of.iter().map(dim).collect())
}

impl Build {
    /// With the input `x`; open dimensions are written 0.
    pub(super) fn new(opset: i64, input: &[i64]) -> Self {
        let port = Port { name: "x".to_owned(), elements: element::FLOAT, dims: dims(input) };
        let graph =
            GraphProto { input: vec![port.write()], name: Some("made".to_owned()), ..GraphProto::default() };
        Self { graph, opset, old: false, made: 0 }
    }

    pub(super) fn in_the_old_way(mut self) -> Self {
        self.old = true;
        self
    }

    pub(super) fn name(&mut self) -> String {
        self.made += 1;
        format!("t{}", self.made)
    }

    /// Numbers between -0.5 and 0.5.
    pub(super) fn weights(&mut self, dims: &[i64]) -> String {
        let count = dims.iter().product::<i64>() as usize;
        let numbers: Vec<f32> =
            noise(count, self.made as u64 + 7).iter().map(|byte| f32::from(*byte) / 255.0 - 0.5).collect();
        self.floats(dims, &numbers)
    }

    pub(super) fn floats(&mut self, dims: &[i64], numbers: &[f32]) -> String {
        let name = self.name();
        let tensor = TensorProto { dims: dims.to_vec(), ..TensorProto::of_floats(&name, numbers) };
        self.keep(tensor);
        name
    }

    pub(super) fn ints(&mut self, numbers: &[i64]) -> String {
        let name = self.name();
        self.keep(TensorProto::of_ints(&name, numbers));
        name
    }

    pub(super) fn scalar(&mut self, number: i64) -> String {
        let name = self.name();
        let mut tensor = TensorProto::of_ints(&name, &[number]);
        tensor.dims.clear();
        self.keep(tensor);
        name
    }

    /// In a node and not among the weights.
    pub(super) fn ints_in_a_node(&mut self, numbers: &[i64]) -> String {
        let value = AttributeProto {
            name: Some("value".to_owned()),
            t: Some(Box::new(TensorProto::of_ints("", numbers))),
            r#type: Some(4),
            ..AttributeProto::default()
        };
        self.op("Constant", &[], vec![value])
    }

    fn keep(&mut self, tensor: TensorProto) {
        if self.old {
            let port = Port {
                name: tensor.name.clone().unwrap(),
                elements: tensor.data_type.unwrap(),
                dims: Some(tensor.dims.iter().map(|dim| PortDim::Is(*dim)).collect()),
            };
            self.graph.input.push(port.write());
        }
        self.graph.initializer.push(tensor);
    }

    pub(super) fn op(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let output = self.name();
        self.graph.node.push(node(op, inputs, &output, attributes));
        output
    }

    /// A 3 x 3 convolution with as many planes, halving the sides.
    pub(super) fn conv(&mut self, x: &str, from: i64, to: i64) -> String {
        use crate::node::ints;
        let weights = self.weights(&[to, from, 3, 3]);
        let bias = self.weights(&[to]);
        let attributes =
            vec![ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), ints("pads", &[1, 1, 1, 1])];
        self.op("Conv", &[x, &weights, &bias], attributes)
    }

    pub(super) fn output(&mut self, name: &str, of: &[i64]) {
        let port = Port { name: name.to_owned(), elements: element::FLOAT, dims: dims(of) };
        self.graph.output.push(port.write());
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let ir_version = if self.old { 3 } else { 6 };
        let set = OperatorSetIdProto { domain: Some(String::new()), version: Some(self.opset) };
        let model = ModelProto {
            ir_version: Some(ir_version),
            opset_import: vec![set],
            graph: Some(self.graph),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }
}
