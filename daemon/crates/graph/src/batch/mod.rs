//! A real batch: every node is followed from the input on, and what pins the batch to one picture is rewritten.
//!
//! What is proved on the way is more than a shape: each output holds one item a picture along its first axis, computed
//! from that picture alone. A node that is not known, or that mixes pictures, ends the walk, and nothing is changed.
//!
//! In a graph for one picture the axis of the batch is one long, so it may stand anywhere, or nowhere, without moving a
//! number. That is what published detectors make use of (SCRFD flattens with `Transpose(2,3,0,1)` and `Reshape(-1,k)`),
//! and what is undone here: the axis always stays in front.

mod arithmetic;
mod layout;
mod pointwise;
mod reshape;
mod resize;
mod sliding;
mod value;

use std::collections::HashMap;
use std::fmt;

use crate::error::NotPrepared;
use crate::model::{Model, Port, PortDim, called};
use crate::node::node;
use crate::proto::{NodeProto, TensorProto};
use value::{Dim, Items, Same, Value, Was};

/// What had to be rewritten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rewritten {
    transposes: usize,
    reshapes: usize,
    resizes: usize,
    others: usize,
}

impl fmt::Display for Rewritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.transposes, "Transpose"),
            (self.reshapes, "Reshape"),
            (self.resizes, "Resize"),
            (self.others, "other"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if parts.is_empty() {
            f.write_str("no node pinned it")
        } else {
            write!(f, "{} nodes rewritten", parts.join(", "))
        }
    }
}

/// Makes the batch of a graph real: input and outputs get a symbolic first dimension.
///
/// `input` is the port of the graph, with a batch of one or open, and with sides as the pictures will have them.
pub(crate) fn open(model: &mut Model, input: &Port) -> Result<Rewritten, NotPrepared> {
    let Some([batch, item @ ..]) = input.dims.as_deref() else {
        return Err(NotPrepared::form(format!("the shape of its input `{}` is not declared", input.name)));
    };
    if !matches!(batch, PortDim::Is(1) | PortDim::Open(_)) {
        return Err(NotPrepared::form("it takes several pictures at once and never one"));
    }
    let item = item.iter().map(|dim| match dim {
        PortDim::Is(value) => Dim::Is(*value),
        PortDim::Open(_) => Dim::Open,
    });
    let mut values: HashMap<String, Value> = model
        .graph
        .initializer
        .iter()
        .map(|tensor| (tensor.name.clone().unwrap_or_default(), Value::of(tensor)))
        .collect();
    values.insert(input.name.clone(), Value::items(item.collect()));

    let nodes = std::mem::take(&mut model.graph.node);
    let mut walk =
        Walk { model, values, nodes: Vec::with_capacity(nodes.len()), rewritten: Rewritten::default() };
    for node in nodes {
        walk.step(node)?;
    }
    let Walk { values, nodes, rewritten, .. } = walk;
    model.graph.node = nodes;
    for output in &mut model.graph.output {
        let mut port = Port::read(output)?;
        let Some(Value::Items(items)) = values.get(&port.name) else {
            return Err(NotPrepared::form(format!("its output `{}` is not one for each picture", port.name)));
        };
        if let Was::At(_) = items.batch {
            return Err(NotPrepared::form(format!(
                "its output `{}` has its pictures side by side",
                port.name
            )));
        }
        port.dims = Some(output_dims(&port, items));
        *output = port.write();
    }
    model.graph.value_info.clear();
    Ok(rewritten)
}

/// The name of the open first dimension.
pub(crate) const BATCH: &str = "batch";

/// Known dimensions in numbers; names of open ones are kept where the rank is the same.
fn output_dims(port: &Port, items: &Items) -> Vec<PortDim> {
    let declared = port.dims.as_deref().unwrap_or_default();
    let same_rank = declared.len() == items.dims.len() + 1;
    let dims = items.dims.iter().enumerate().map(|(place, dim)| match dim {
        Dim::Is(value) => PortDim::Is(*value),
        Dim::Open => match declared.get(place + 1) {
            Some(PortDim::Open(name)) if same_rank => PortDim::Open(name.clone()),
            _ => PortDim::Open(None),
        },
    });
    std::iter::once(PortDim::Open(Some(BATCH.to_owned()))).chain(dims).collect()
}

/// The walk through a graph.
struct Walk<'a> {
    model: &'a mut Model,
    values: HashMap<String, Value>,
    /// Those that were passed, as they will be.
    nodes: Vec<NodeProto>,
    rewritten: Rewritten,
}

/// What a node gives, or why it cannot be followed.
type Given = Result<Vec<Value>, String>;

impl Walk<'_> {
    fn step(&mut self, mut node: NodeProto) -> Result<(), NotPrepared> {
        let given = self.follow(&mut node).and_then(|given| {
            // Outputs that nobody asked for are left out or empty.
            if given.len() < node.output.iter().filter(|name| !name.is_empty()).count() {
                return Err("it has outputs that are not followed".to_owned());
            }
            Ok(given)
        });
        let given =
            given.map_err(|why| NotPrepared::Node { node: called(&node), op: node.op().to_owned(), why })?;
        for (name, value) in node.output.iter().zip(given) {
            self.values.insert(name.clone(), value);
        }
        self.nodes.push(node);
        Ok(())
    }

    fn follow(&mut self, node: &mut NodeProto) -> Given {
        if !node.is_standard() {
            return Err(format!(
                "operators of `{}` are not known",
                node.domain.as_deref().unwrap_or_default()
            ));
        }
        if node.has_subgraphs() {
            return Err("it holds a graph of its own".to_owned());
        }
        let inputs: Vec<Option<Value>> = (0..node.input.len())
            .map(|place| match node.input(place) {
                None => Ok(None),
                Some(name) => match self.values.get(name) {
                    Some(value) => Ok(Some(value.clone())),
                    None => Err(format!("it reads `{name}`, which nothing has made yet")),
                },
            })
            .collect::<Result<_, _>>()?;
        let by_picture = inputs.iter().flatten().any(|value| matches!(value, Value::Items(_)));
        if by_picture {
            self.follow_items(node, &inputs)
        } else {
            let inputs: Vec<Option<&Same>> = inputs
                .iter()
                .map(|value| if let Some(Value::Same(same)) = value { Some(same) } else { None })
                .collect();
            arithmetic::follow(node, &inputs, self.model.opset)
                .map(|same| vec![Value::Same(same); outputs(node)])
        }
    }

    /// A node of which an input is one item a picture.
    fn follow_items(&mut self, node: &mut NodeProto, inputs: &[Option<Value>]) -> Given {
        let [Some(Value::Items(items)), rest @ ..] = inputs else {
            // Only arithmetic takes the pictures in any place.
            return pointwise::many(node, inputs);
        };
        let op = node.op().to_owned();
        match op.as_str() {
            "Shape" => layout::shape(node, items),
            "Transpose" => layout::transpose(node, items, &mut self.rewritten),
            "Reshape" => self.reshape(node, items, rest),
            "Resize" | "Upsample" => self.resize(node, items, rest),
            "Flatten" => layout::flatten(node, items),
            "Squeeze" => layout::squeeze(node, items, rest, self.model.opset),
            "Unsqueeze" => layout::unsqueeze(node, items, rest),
            "Concat" => layout::concat(node, inputs, &mut self.rewritten),
            "Split" => layout::split(node, items),
            "Slice" => layout::slice(node, items, rest),
            "Gather" => layout::gather(node, items, rest),
            "Pad" => layout::pad(node, items, rest),
            "Expand" => layout::expand(items, rest),
            "Conv" | "ConvTranspose" => sliding::convolution(node, items, rest),
            "MaxPool" | "AveragePool" | "LpPool" => sliding::pool(node, items),
            "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => sliding::global_pool(items),
            "Gemm" => sliding::gemm(node, items, rest),
            "MatMul" => sliding::matmul(items, rest),
            "Softmax" | "LogSoftmax" | "LpNormalization" => layout::along_axis(node, items, self.model.opset),
            _ if op.starts_with("Reduce") => layout::reduce(node, items, rest),
            _ => pointwise::one(node, items, rest).unwrap_or_else(|| pointwise::many(node, inputs)),
        }
    }

    /// A constant list of whole numbers, by a new name.
    fn constant(&mut self, what: &str, numbers: &[i64]) -> String {
        let name = self.model.fresh(what);
        let tensor = TensorProto::of_ints(&name, numbers);
        self.values.insert(name.clone(), Value::of(&tensor));
        self.model.graph.initializer.push(tensor);
        name
    }

    /// A node before the present one.
    fn before(&mut self, op: &str, inputs: &[&str], attributes: Vec<crate::proto::AttributeProto>) -> String {
        let output = self.model.fresh(op);
        self.nodes.push(node(op, inputs, &output, attributes));
        output
    }

    /// `list` with how many pictures `of` has in place of its first number.
    fn with_batch(&mut self, of: &str, list: &str) -> String {
        let shape = self.before("Shape", &[of], Vec::new());
        let (zero, one) = (self.constant("zero", &[0]), self.constant("one", &[1]));
        let last = self.constant("last", &[i64::from(i32::MAX)]);
        let batch = self.before("Slice", &[&shape, &zero, &one, &zero], Vec::new());
        let rest = self.before("Slice", &[list, &one, &last, &zero], Vec::new());
        self.before("Concat", &[&batch, &rest], vec![crate::node::int("axis", 0)])
    }
}

fn outputs(node: &NodeProto) -> usize {
    node.output.len()
}

/// The second and later inputs of an operator that may not depend on the pictures.
fn same(value: Option<&Option<Value>>) -> Result<Option<&Same>, String> {
    match value {
        None | Some(None) => Ok(None),
        Some(Some(Value::Same(same))) => Ok(Some(same)),
        Some(Some(Value::Items(_))) => Err("it takes weights from the pictures".to_owned()),
    }
}

/// Numbers from an input, or from an attribute as older operator sets have it.
fn numbers_of(
    node: &NodeProto,
    attribute: &str,
    input: Option<&Option<Value>>,
) -> Result<Option<Vec<i64>>, String> {
    if let Some(numbers) = node.ints(attribute) {
        return Ok(Some(numbers.to_vec()));
    }
    match same(input)? {
        None => Ok(None),
        Some(same) => {
            same.ints().map(Some).ok_or_else(|| format!("its {attribute} are not known beforehand"))
        }
    }
}

/// Operators that count axes do so as the original graph did.
fn in_place(items: &Items) -> Result<(), String> {
    match items.batch {
        Was::First => Ok(()),
        Was::At(_) | Was::Gone => Err("it works on pictures that were flattened together".to_owned()),
    }
}
