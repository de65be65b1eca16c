//! Operators that work number by number, on one tensor or on several that are broadcast against one another.

use super::value::{Dim, Items, Number, Same, Value, Was};
use super::{Given, same};
use crate::proto::NodeProto;

/// Number by number, the shape stays.
const ONE: [&str; 31] = [
    "Abs",
    "Cast",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "Not",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Tanh",
];

/// Within each picture, along axes that are not the batch's; the shape stays.
const WITHIN: [&str; 3] = ["BatchNormalization", "InstanceNormalization", "LRN"];

/// Several inputs, broadcast.
const MANY: [&str; 10] = ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "PRelu"];

/// An operator of one tensor; `None` for any other.
pub(super) fn one(node: &NodeProto, items: &Items, rest: &[Option<Value>]) -> Option<Given> {
    let op = node.op();
    let within = WITHIN.contains(&op);
    if !within && !ONE.contains(&op) {
        return None;
    }
    // Bounds, ratios and weights are the same for all pictures, and the moments are not those of the batch.
    let parameters = (0..rest.len()).try_for_each(|place| same(rest.get(place)).map(|_| ()));
    let sound = parameters.and_then(|()| match items.batch {
        _ if node.int("training_mode").unwrap_or_default() != 0 => {
            Err("it is set up for training".to_owned())
        }
        Was::At(_) | Was::Gone if within => {
            Err("it works on pictures that were flattened together".to_owned())
        }
        _ => Ok(()),
    });
    let asked = node.output.iter().filter(|name| !name.is_empty()).count();
    let given = match (op, asked) {
        // The mask of a dropout is as large as its input.
        ("Dropout", 2) => 2,
        _ => 1,
    };
    Some(sound.map(|()| vec![Value::Items(items.clone()); given]))
}

/// An operator of several tensors.
pub(super) fn many(node: &NodeProto, inputs: &[Option<Value>]) -> Given {
    if !MANY.contains(&node.op()) {
        return Err("what it does to a batch is not known".to_owned());
    }
    let mut found: Option<Items> = None;
    for value in inputs.iter().flatten() {
        if let Value::Items(items) = value {
            found = Some(match found {
                None => items.clone(),
                Some(before) => together(&before, items)?,
            });
        }
    }
    let mut found = found.ok_or("it has no pictures")?;
    for value in inputs.iter().flatten() {
        if let Value::Same(other) = value {
            found = with_same(&found, other)?;
        }
    }
    Ok(vec![Value::Items(found)])
}

/// Two that both hold one item a picture.
fn together(a: &Items, b: &Items) -> Result<Items, String> {
    if a.batch != b.batch || a.dims.len() != b.dims.len() {
        return Err("its inputs do not hold their pictures along the same axis".to_owned());
    }
    let dims = a.dims.iter().zip(&b.dims).map(|(a, b)| broadcast(*a, *b)).collect();
    Ok(Items { dims, batch: a.batch })
}

/// One item a picture against the same numbers for all. Axes are matched from the end, so the numbers must not reach
/// the place where the batch stood with more than a one.
fn with_same(items: &Items, other: &Same) -> Result<Items, String> {
    if other.counts_pictures() {
        return Err("it computes with the number of pictures".to_owned());
    }
    let dims = other.dims.as_ref().ok_or("the shape of its other input is not known")?;
    let rank = items.original_rank();
    let inner = match items.batch {
        Was::First => rank.saturating_sub(1),
        Was::At(place) => rank.saturating_sub(place + 1),
        Was::Gone => rank,
    };
    let outer = dims.len().saturating_sub(inner);
    let (outer, matched) = dims.split_at(outer);
    let too_many = dims.len() > rank;
    if too_many || outer.iter().any(|dim| *dim != Dim::Is(1)) {
        return Err("its other input reaches across pictures".to_owned());
    }
    let mut found = items.clone();
    let from = found.dims.len().saturating_sub(matched.len());
    for (dim, other) in found.dims.iter_mut().skip(from).zip(matched) {
        *dim = broadcast(*dim, *other);
    }
    Ok(found)
}

/// What comes of two dimensions.
pub(super) fn broadcast(a: Dim, b: Dim) -> Dim {
    match (a, b) {
        (Dim::Is(1), other) | (other, Dim::Is(1)) => other,
        (Dim::Is(value), _) | (_, Dim::Is(value)) => Dim::Is(value),
        (Dim::Open, Dim::Open) => Dim::Open,
    }
}

/// Arithmetic on the numbers of shapes.
pub(super) fn number(op: &str, a: Number, b: Number) -> Option<Number> {
    use Number::{Batch, Float, Int, Open};
    match (op, a, b) {
        ("Mul", Batch, Int(1)) | ("Mul", Int(1), Batch) | ("Div", Batch, Int(1)) => Some(Batch),
        (_, Batch, _) | (_, _, Batch) => None,
        ("Add", Int(a), Int(b)) => a.checked_add(b).map(Int),
        ("Sub", Int(a), Int(b)) => a.checked_sub(b).map(Int),
        ("Mul", Int(a), Int(b)) => a.checked_mul(b).map(Int),
        // Towards zero, as ONNX divides whole numbers.
        ("Div", Int(a), Int(b)) => a.checked_div(b).map(Int),
        (_, Int(_) | Float(_) | Open, Int(_) | Float(_) | Open) => Some(Open),
    }
}
