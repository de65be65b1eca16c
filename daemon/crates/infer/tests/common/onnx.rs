//! Tiny ONNX graphs made by hand, with outputs that can be worked out on paper.

use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::type_proto::{self, Tensor};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto,
};

/// A dimension of an input or output.
#[derive(Clone, Copy)]
pub enum Dim {
    Open(&'static str),
    Is(i64),
}

/// A graph being made.
#[derive(Default, Clone)]
pub struct Graph(pub GraphProto);

impl Graph {
    /// With one input of floats.
    pub fn with_input(dims: &[Dim]) -> Self {
        let mut graph = Self::default();
        graph.0.input.push(value("input", DataType::Float, dims));
        graph
    }

    pub fn bytes(&self) -> Vec<u8> {
        let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 12 }];
        let model =
            ModelProto { ir_version: 7, opset_import, graph: Some(self.0.clone()), ..ModelProto::default() };
        model.encode_to_vec()
    }

    pub fn output(&mut self, name: &str, dims: &[Dim]) {
        self.0.output.push(value(name, DataType::Float, dims));
    }

    pub fn floats(&mut self, name: &str, dims: &[i64], values: Vec<f32>) {
        let tensor = TensorProto { float_data: values, ..tensor(name, dims, DataType::Float) };
        self.0.initializer.push(tensor);
    }

    pub fn integers(&mut self, name: &str, values: &[i64]) {
        let dims = [i64::try_from(values.len()).unwrap()];
        let tensor = TensorProto { int64_data: values.to_vec(), ..tensor(name, &dims, DataType::Int64) };
        self.0.initializer.push(tensor);
    }

    pub fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[i64])]) {
        let attribute = attributes.iter().map(|(name, values)| AttributeProto {
            name: (*name).to_owned(),
            r#type: AttributeType::Ints.into(),
            ints: values.to_vec(),
            ..AttributeProto::default()
        });
        self.0.node.push(NodeProto {
            name: format!("make_{output}"),
            op_type: op.to_owned(),
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute: attribute.collect(),
            ..NodeProto::default()
        });
    }

    /// A depthwise convolution over the three planes that changes nothing.
    pub fn depthwise(&mut self, input: &str, output: &str) {
        let mut only_centre = [0.0; 9];
        only_centre[4] = 1.0;
        self.floats("centre", &[3, 1, 3, 3], only_centre.repeat(3));
        self.node("Conv", &[input, "centre"], output, &[("kernel_shape", &[3, 3]), ("pads", &[1, 1, 1, 1])]);
        let group = AttributeProto {
            name: "group".to_owned(),
            r#type: AttributeType::Int.into(),
            i: 3,
            ..AttributeProto::default()
        };
        let mut node = self.0.node.pop().unwrap();
        node.attribute.push(group);
        // Nodes are listed in the order in which they can be computed.
        self.0.node.insert(0, node);
    }

    /// Puts `u8 NHWC -> Cast -> Transpose` before what reads the input, which becomes rows of bytes.
    pub fn of_bytes(mut self, batch: Dim, height: Dim, width: Dim) -> Self {
        for node in &mut self.0.node {
            node.input
                .iter_mut()
                .filter(|name| *name == "input")
                .for_each(|name| *name = "planes".to_owned());
        }
        self.0.input[0] = value("input", DataType::Uint8, &[batch, height, width, Dim::Is(3)]);
        let after = std::mem::take(&mut self.0.node);
        self.node("Cast", &["input"], "numbers", &[]);
        let to = AttributeProto {
            name: "to".to_owned(),
            r#type: AttributeType::Int.into(),
            i: i32::from(DataType::Float).into(),
            ..AttributeProto::default()
        };
        self.0.node[0].attribute.push(to);
        self.node("Transpose", &["numbers"], "planes", &[("perm", &[0, 3, 1, 2])]);
        self.0.node.extend(after);
        self
    }

    /// The mean of each plane over cells of `side` pixels, as `cells_SIDE`.
    fn cells(&mut self, side: i64) -> String {
        let name = format!("cells_{side}");
        self.node(
            "AveragePool",
            &["input"],
            &name,
            &[("kernel_shape", &[side, side]), ("strides", &[side, side])],
        );
        name
    }

    /// `k` numbers for each cell, `bias` plus `gain` times the first plane, in rows of the given shape.
    fn head(&mut self, cells: &str, name: &str, gain: f32, bias: &[f32], perm: &[i64], rows: &[i64]) {
        let k = bias.len();
        let weights = [gain, 0.0, 0.0].repeat(k);
        self.floats(&format!("{name}_w"), &[i64::try_from(k).unwrap(), 3, 1, 1], weights);
        self.floats(&format!("{name}_b"), &[i64::try_from(k).unwrap()], bias.to_vec());
        self.integers(&format!("{name}_rows"), rows);
        let (raw, turned) = (format!("{name}_raw"), format!("{name}_turned"));
        let (w, b) = (format!("{name}_w"), format!("{name}_b"));
        self.node("Conv", &[cells, &w, &b], &raw, &[("kernel_shape", &[1, 1])]);
        self.node("Transpose", &[&raw], &turned, &[("perm", perm)]);
        self.node("Reshape", &[&turned, &format!("{name}_rows")], name, &[]);
    }
}

/// Landmarks of every face that the detectors below find, in strides from the cell's corner.
pub const POINTS: [f32; 10] = [0.25, 0.25, 0.75, 0.25, 0.5, 0.5, 0.25, 0.75, 0.75, 0.75];

/// Sees a face in every cell of 32 pixels whose first plane is bright; its box is the cell.
pub fn yunet(height: Dim, width: Dim) -> Graph {
    yunet_for(Dim::Is(1), height, width)
}

/// As [`yunet`], for this many pictures at once.
pub fn yunet_for(batch: Dim, height: Dim, width: Dim) -> Graph {
    let rows = if let Dim::Is(batch) = batch { batch } else { 0 };
    let mut graph = Graph::with_input(&[batch, Dim::Is(3), height, width]);
    for stride in [8, 16, 32] {
        let cells = graph.cells(stride);
        let gain = if stride == 32 { 1.0 / 255.0 } else { 0.0 };
        let tensors: [(&str, f32, &[f32]); 4] = [
            ("cls", gain, &[0.0]),
            ("obj", gain, &[0.0]),
            ("bbox", 0.0, &[0.5, 0.5, 0.0, 0.0]),
            ("kps", 0.0, &POINTS),
        ];
        for (tensor, gain, bias) in tensors {
            let (name, k) = (format!("{tensor}_{stride}"), i64::try_from(bias.len()).unwrap());
            graph.head(&cells, &name, gain, bias, &[0, 2, 3, 1], &[rows, -1, k]);
            graph.output(&name, &[batch, Dim::Open("anchors"), Dim::Is(k)]);
        }
    }
    graph
}

/// As [`yunet`], in the style of InsightFace's exports: flattened, outputs known by their order, height and width the
/// same symbol though they differ. Of the two anchors of a cell the second sees less.
pub fn scrfd(side: Dim) -> Graph {
    let mut graph = Graph::with_input(&[Dim::Is(1), Dim::Is(3), side, side]);
    let points: Vec<f32> = POINTS.iter().chain(&POINTS).copied().collect();
    let tensors: [(&str, &[f32], i64); 3] =
        [("s", &[0.0, -0.25], 1), ("b", &[0.0, 0.0, 1.0, 1.0].repeat(2), 4), ("k", &points, 10)];
    for (tensor, bias, k) in tensors {
        for stride in [8, 16, 32] {
            let cells = format!("cells_{stride}");
            if tensor == "s" {
                graph.cells(stride);
            }
            let gain = if tensor == "s" && stride == 32 { 1.0 / 255.0 } else { 0.0 };
            let name = format!("{tensor}{stride}");
            graph.head(&cells, &name, gain, bias, &[2, 3, 0, 1], &[-1, k]);
            graph.output(&name, &[Dim::Open("?"), Dim::Is(k)]);
        }
    }
    graph
}

/// Twelve numbers: the mean of each plane in the four quarters of a crop of `side` pixels, rows first.
pub fn embedder(batch: Dim, side: i64) -> Graph {
    let mut graph = Graph::with_input(&[batch, Dim::Is(3), Dim::Is(side), Dim::Is(side)]);
    let cells = graph.cells(side / 2);
    graph.integers("rows", &[0, -1]);
    graph.node("Reshape", &[&cells, "rows"], "embedding", &[]);
    graph.output("embedding", &[batch, Dim::Open("dimension")]);
    graph
}

pub fn value(name: &str, elements: DataType, dims: &[Dim]) -> ValueInfoProto {
    let dim = dims.iter().map(|dim| {
        let value = match dim {
            Dim::Open(name) => dimension::Value::DimParam((*name).to_owned()),
            Dim::Is(value) => dimension::Value::DimValue(*value),
        };
        Dimension { denotation: String::new(), value: Some(value) }
    });
    let shape = TensorShapeProto { dim: dim.collect() };
    let tensor = Tensor { elem_type: elements.into(), shape: Some(shape) };
    let r#type = TypeProto { denotation: String::new(), value: Some(type_proto::Value::TensorType(tensor)) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(r#type), ..ValueInfoProto::default() }
}

fn tensor(name: &str, dims: &[i64], elements: DataType) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: elements.into(),
        ..TensorProto::default()
    }
}
