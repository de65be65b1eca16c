//! Half precision: weights and arithmetic in 16-bit floats, 32 bits at the edges and where sums are long.

mod types;

use std::collections::{HashMap, HashSet};

use ::half::f16;
use prost::bytes::Bytes;

use crate::error::NotPrepared;
use crate::model::Model;
use crate::node::{element, int, node};
use crate::proto::{NodeProto, TensorProto};
use types::{Data, Elements, data, result};

/// The same graph with its arithmetic in half precision. Inputs and outputs stay as they are: bytes or 32-bit floats.
///
/// Convolutions, products of matrices and what lies between them run in half precision; sums over whole pictures,
/// exponentials and whatever does not fit (weights above 65504, variances below the least normal number) stay in full.
/// The result is close and not the same: whoever uses it compares embeddings first.
///
/// # Errors
/// When it is not understood, or nothing in it would change.
pub fn half(graph: &[u8]) -> Result<Vec<u8>, NotPrepared> {
    let mut model = Model::read(Bytes::copy_from_slice(graph))?;
    if model.graph.node.iter().any(NodeProto::has_subgraphs) {
        return Err(NotPrepared::form("it holds graphs inside of graphs"));
    }
    let nodes = std::mem::take(&mut model.graph.node);
    let mut walk = Walk::new(&mut model);
    for node in nodes {
        walk.step(node);
    }
    walk.finish()?;
    model.graph.value_info.clear();
    drop_unused(&mut model);
    Ok(model.write())
}

struct Walk<'a> {
    model: &'a mut Model,
    elements: HashMap<String, Elements>,
    /// Floats known beforehand.
    constants: HashMap<String, TensorProto>,
    /// From the name of a tensor to that of its half.
    halves: HashMap<String, String>,
    /// Those of `halves` that exist in full as well.
    fulls: HashSet<String>,
    nodes: Vec<NodeProto>,
    changed: bool,
}

impl<'a> Walk<'a> {
    fn new(model: &'a mut Model) -> Self {
        let mut elements = HashMap::new();
        let mut constants = HashMap::new();
        for input in &model.graph.input {
            if let Ok(port) = crate::model::Port::read(input) {
                elements.insert(port.name, Elements::of(port.elements));
            }
        }
        for tensor in &model.graph.initializer {
            let name = tensor.name.clone().unwrap_or_default();
            elements.insert(name.clone(), Elements::of(tensor.data_type.unwrap_or_default()));
            constants.insert(name, tensor.clone());
        }
        Self {
            model,
            elements,
            constants,
            halves: HashMap::new(),
            fulls: HashSet::new(),
            nodes: Vec::new(),
            changed: false,
        }
    }

    fn step(&mut self, mut node: NodeProto) {
        self.note_constant(&node);
        let places = self.half_places(&node);
        let kind = result(&node, &self.elements);
        for (place, name) in node.input.clone().into_iter().enumerate() {
            if name.is_empty() {
                continue;
            }
            if places.contains(&place) {
                let half = self.half_of(&name);
                if let Some(input) = node.input.get_mut(place) {
                    *input = half;
                }
            } else {
                self.full(&name);
            }
        }
        let given = node.output.clone();
        let halved = if places.is_empty() {
            0
        } else if node.op() == "Split" {
            given.len()
        } else {
            1
        };
        for (place, name) in given.into_iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if place < halved {
                let half = self.model.fresh("half");
                self.halves.insert(name.clone(), half.clone());
                if let Some(output) = node.output.get_mut(place) {
                    *output = half;
                }
                self.elements.insert(name, Elements::Float);
                self.changed = true;
            } else {
                self.elements.insert(name, if place == 0 || halved == 0 { kind } else { Elements::Other });
            }
        }
        self.nodes.push(node);
    }

    /// Constants in nodes, and weights that are stored in half precision already.
    fn note_constant(&mut self, node: &NodeProto) {
        let Some(output) = node.output.first() else { return };
        if node.op() == "Constant"
            && let Some(tensor) = node.attribute("value").and_then(|attribute| attribute.t.as_deref())
        {
            self.constants.insert(output.clone(), tensor.clone());
        }
        if node.op() == "Cast"
            && node.int("to") == Some(i64::from(element::FLOAT))
            && let Some(stored) = node.input(0)
            && self.constants.get(stored).is_some_and(|tensor| tensor.data_type == Some(element::FLOAT16))
        {
            self.halves.insert(output.clone(), stored.to_owned());
            self.fulls.insert(output.clone());
        }
    }

    /// Which inputs of a node become half; none for a node that stays as it is.
    fn half_places(&self, node: &NodeProto) -> Vec<usize> {
        let Some(data) = data(node, self.model.opset) else { return Vec::new() };
        let given = (0..node.input.len()).filter(|place| node.input(*place).is_some());
        let places: Vec<usize> = given.filter(|place| data.takes(*place)).collect();
        let names = || places.iter().filter_map(|place| node.input(*place));
        let float = names().all(|name| self.elements.get(name) == Some(&Elements::Float));
        // Work that is worth a cast, or work on what is half already.
        let worth = matches!(data, Data::Work) || names().any(|name| self.is_half_only(name));
        let fits = names().all(|name| self.constants.get(name).is_none_or(|tensor| fits(node, tensor)));
        let variances = node.op() != "BatchNormalization"
            || node.input(4).and_then(|name| self.constants.get(name)).is_some_and(are_normal);
        if float && worth && fits && variances { places } else { Vec::new() }
    }

    fn is_half_only(&self, name: &str) -> bool {
        self.halves.contains_key(name) && !self.constants.contains_key(name) && !self.is_weight(name)
    }

    /// A weight that is cast from its stored half.
    fn is_weight(&self, name: &str) -> bool {
        self.halves.get(name).is_some_and(|half| self.constants.contains_key(half))
    }

    fn half_of(&mut self, name: &str) -> String {
        if let Some(half) = self.halves.get(name) {
            return half.clone();
        }
        let half = self.model.fresh("half");
        match self.constants.get(name).and_then(|tensor| halved(tensor, &half)) {
            Some(tensor) => self.model.graph.initializer.push(tensor),
            None => self.cast(name, &half, element::FLOAT16),
        }
        self.halves.insert(name.to_owned(), half.clone());
        self.fulls.insert(name.to_owned());
        half
    }

    /// Makes sure that a tensor exists in full under its own name.
    fn full(&mut self, name: &str) {
        if let Some(half) = self.halves.get(name).cloned()
            && self.fulls.insert(name.to_owned())
        {
            self.cast(&half, name, element::FLOAT);
        }
    }

    fn cast(&mut self, from: &str, to: &str, elements: i32) {
        let mut cast = node("Cast", &[from], to, vec![int("to", i64::from(elements))]);
        // Nodes are often called as what they give, and two must not be called the same.
        cast.name = Some(self.model.fresh("cast"));
        self.nodes.push(cast);
    }

    fn finish(mut self) -> Result<(), NotPrepared> {
        let outputs: Vec<String> = self.model.graph.output.iter().filter_map(|o| o.name.clone()).collect();
        for output in outputs {
            self.full(&output);
        }
        self.model.graph.node = self.nodes;
        if self.changed { Ok(()) } else { Err(NotPrepared::form("nothing in it gains from half precision")) }
    }
}

/// Whether every number has a finite half. Bounds of a `Clip` may be as large as they like.
fn fits(node: &NodeProto, tensor: &TensorProto) -> bool {
    let largest = f16::MAX.to_f32();
    let inside = |value: &f32| value.abs() <= largest;
    let bound = |value: &f32| inside(value) || (node.op() == "Clip" && !value.is_nan());
    tensor.floats().is_some_and(|values| values.iter().all(bound))
        || tensor.data_type == Some(element::FLOAT16)
}

fn are_normal(tensor: &TensorProto) -> bool {
    let least = f16::MIN_POSITIVE.to_f32();
    tensor.floats().is_some_and(|values| values.iter().all(|value| *value >= least))
}

fn halved(tensor: &TensorProto, name: &str) -> Option<TensorProto> {
    let raw: Vec<u8> = tensor.floats()?.into_iter().flat_map(|v| f16::from_f32(v).to_le_bytes()).collect();
    Some(TensorProto {
        dims: tensor.dims.clone(),
        data_type: Some(element::FLOAT16),
        name: Some(name.to_owned()),
        raw_data: Some(raw.into()),
        ..TensorProto::default()
    })
}

/// Weights in full that only their halves were made of, and casts that nobody reads.
fn drop_unused(model: &mut Model) {
    let mut used: HashSet<String> = model.graph.output.iter().filter_map(|o| o.name.clone()).collect();
    let mut kept = Vec::with_capacity(model.graph.node.len());
    for node in std::mem::take(&mut model.graph.node).into_iter().rev() {
        if node.output.iter().any(|name| used.contains(name)) {
            used.extend(node.input.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    model.graph.node = kept;
    model.graph.initializer.retain(|tensor| tensor.name.as_ref().is_some_and(|name| used.contains(name)));
}
