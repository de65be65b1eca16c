//! Which operators run in half precision, and what numbers they give.

use std::collections::HashMap;

use crate::node::element;
use crate::proto::NodeProto;

/// What a tensor consists of, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elements {
    /// 32-bit floats.
    Float,
    /// Anything else.
    Other,
    /// Made by an operator that is not known.
    Unknown,
}

impl Elements {
    pub(super) fn of(number: i32) -> Self {
        if number == element::FLOAT { Self::Float } else { Self::Other }
    }
}

/// How an operator takes its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    /// All inputs; it is worth a cast.
    Work,
    /// All inputs; only where one is half already.
    All,
    /// The first input; the others are indices, shapes or factors.
    First,
    /// The first and the third.
    FirstAndThird,
}

impl Data {
    pub(super) fn takes(self, place: usize) -> bool {
        match self {
            Self::Work | Self::All => true,
            Self::First => place == 0,
            Self::FirstAndThird => place == 0 || place == 2,
        }
    }
}

/// What runs in half precision, from which operator set on: where ONNX Runtime's CUDA provider has a kernel for it
/// (its `OperatorKernels.md`). `None` for what stays in full, most of it because it sums or exponentiates.
pub(super) fn data(node: &NodeProto, opset: i64) -> Option<Data> {
    if !node.is_standard() {
        return None;
    }
    let (data, since) = match node.op() {
        "Conv" | "ConvTranspose" | "Gemm" | "MatMul" => (Data::Work, 7),
        "Add" | "Sub" | "Mul" | "Div" | "Relu" | "LeakyRelu" | "PRelu" | "Sigmoid" | "Tanh" | "Concat"
        | "BatchNormalization" => (Data::All, 7),
        "Clip" | "Max" | "Min" => (Data::All, 12),
        "MaxPool" | "AveragePool" | "Transpose" | "Identity" | "Flatten" | "Reshape" | "Slice"
        | "Squeeze" | "Unsqueeze" | "Gather" | "Split" | "Dropout" | "Expand" => (Data::First, 7),
        "Upsample" | "Resize" => (Data::First, 7),
        "Pad" => (Data::FirstAndThird, 7),
        _ => return None,
    };
    (opset >= since).then_some(data)
}

/// What the first output of a node consists of when the node is left as it is.
pub(super) fn result(node: &NodeProto, elements: &HashMap<String, Elements>) -> Elements {
    let of = |place: usize| {
        node.input(place).and_then(|name| elements.get(name)).copied().unwrap_or(Elements::Unknown)
    };
    if !node.is_standard() {
        return Elements::Unknown;
    }
    match node.op() {
        "Cast" => i32::try_from(node.int("to").unwrap_or_default()).map_or(Elements::Other, Elements::of),
        "Constant" => match node.attribute.first().and_then(|attribute| attribute.name.as_deref()) {
            Some("value") => {
                let tensor = node.attribute("value").and_then(|attribute| attribute.t.as_deref());
                tensor.map_or(Elements::Unknown, |tensor| Elements::of(tensor.data_type.unwrap_or_default()))
            }
            Some("value_float" | "value_floats") => Elements::Float,
            _ => Elements::Other,
        },
        "Shape" | "Size" | "ArgMax" | "ArgMin" | "NonZero" | "Equal" | "Less" | "Greater" | "Not" | "And"
        | "Or" => Elements::Other,
        "Where" => of(1),
        op if op.starts_with("Reduce") || SAME.contains(&op) => of(0),
        _ => match data(node, i64::MAX) {
            Some(_) => of(0),
            None => Elements::Unknown,
        },
    }
}

/// Operators that stay in full and give what they take.
const SAME: [&str; 26] = [
    "Abs",
    "Ceil",
    "Celu",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "InstanceNormalization",
    "LRN",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "Mean",
    "Mish",
    "Neg",
    "Pow",
    "Reciprocal",
    "Softmax",
    "Sqrt",
    "Sum",
];
