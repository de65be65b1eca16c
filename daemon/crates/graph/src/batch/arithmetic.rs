//! Nodes that no picture goes into: weights on their way, and the arithmetic of shapes.

use super::pointwise::{broadcast, number};
use super::value::{Dim, Number, Same, Value, axis};
use crate::node::element;
use crate::proto::NodeProto;

/// What comes out; an error where it depends on how many pictures there are in a way that is not followed.
pub(super) fn follow(node: &NodeProto, inputs: &[Option<&Same>], opset: i64) -> Result<Same, String> {
    let first = inputs.first().copied().flatten();
    let second = inputs.get(1).copied().flatten();
    let followed = match (node.op(), first, second) {
        ("Constant", ..) => constant(node),
        ("Shape", Some(of), _) => {
            of.dims.as_ref().map(|dims| list(dims.iter().copied().map(Number::from).collect()))
        }
        ("Identity" | "Dropout", Some(of), _) => Some(of.clone()),
        ("Cast", Some(of), _) => Some(cast(node, of)),
        ("Floor" | "Ceil" | "Round", Some(of), _) if !of.counts_pictures() => Some(Same {
            dims: of.dims.clone(),
            numbers: of.numbers.as_ref().map(|n| vec![Number::Open; n.len()]),
        }),
        ("Gather", Some(of), Some(at)) => gather(node, of, at),
        ("Slice", Some(of), _) => slice(node, of, inputs),
        ("Concat", ..) => concat(inputs),
        ("Unsqueeze", Some(of), _) => reranked(of, 1),
        ("Squeeze", Some(of), _) => reranked(of, 0),
        ("Reshape", Some(of), Some(shape)) => reshape(of, shape),
        ("Transpose", Some(of), _) => transpose(node, of),
        (op @ ("Add" | "Sub" | "Mul" | "Div"), Some(a), Some(b)) => compute(op, a, b),
        _ => None,
    };
    match followed {
        Some(same) => Ok(same),
        None if inputs.iter().flatten().any(|same| same.counts_pictures()) => {
            Err(format!("it computes with the number of pictures (operator set {opset})"))
        }
        None => Ok(Same::default()),
    }
}

fn list(numbers: Vec<Number>) -> Same {
    match Value::list(numbers) {
        Value::Same(same) => same,
        Value::Items(_) => Same::default(),
    }
}

fn scalar(number: Number) -> Same {
    Same { dims: Some(Vec::new()), numbers: Some(vec![number]) }
}

fn constant(node: &NodeProto) -> Option<Same> {
    let attribute = node.attribute.first()?;
    match attribute.name.as_deref()? {
        "value" => match Value::of(attribute.t.as_deref()?) {
            Value::Same(same) => Some(same),
            Value::Items(_) => None,
        },
        "value_int" => Some(scalar(Number::Int(attribute.i?))),
        "value_float" => Some(scalar(Number::Float(attribute.f?))),
        "value_ints" => Some(list(attribute.ints.iter().copied().map(Number::Int).collect())),
        "value_floats" => Some(list(attribute.floats.iter().copied().map(Number::Float).collect())),
        _ => None,
    }
}

/// Whole numbers stay what they are among whole numbers; as floats they are only known not to count pictures, but for
/// those that are floats already.
fn cast(node: &NodeProto, of: &Same) -> Same {
    let to = node.int("to").unwrap_or_default();
    let whole = [element::INT32, element::INT64].map(i64::from).contains(&to);
    let float = to == i64::from(element::FLOAT);
    let number = |number: &Number| match number {
        Number::Batch => Number::Batch,
        Number::Int(_) if whole => *number,
        Number::Float(_) if float => *number,
        _ => Number::Open,
    };
    Same {
        dims: of.dims.clone(),
        numbers: of.numbers.as_ref().map(|numbers| numbers.iter().map(number).collect()),
    }
}

fn gather(node: &NodeProto, of: &Same, at: &Same) -> Option<Same> {
    let numbers = of.numbers.as_ref()?;
    if node.int("axis").unwrap_or_default() != 0 || of.dims.as_ref()?.len() != 1 {
        return None;
    }
    let picked = at.ints()?.into_iter().map(|place| numbers.get(axis(place, numbers.len())?).copied());
    let picked: Vec<Number> = picked.collect::<Option<_>>()?;
    Some(Same { dims: at.dims.clone(), numbers: Some(picked) })
}

/// Of a list, forwards, step one.
fn slice(node: &NodeProto, of: &Same, inputs: &[Option<&Same>]) -> Option<Same> {
    let numbers = of.numbers.as_ref()?;
    let one = |name: &str, place: usize| -> Option<i64> {
        let given = match node.ints(name) {
            Some(given) => given.to_vec(),
            None => inputs.get(place).copied().flatten()?.ints()?,
        };
        if let [only] = given.as_slice() { Some(*only) } else { None }
    };
    let (start, end) = (one("starts", 1)?, one("ends", 2)?);
    let has_steps = inputs.get(4).copied().flatten().is_some();
    if of.dims.as_ref()?.len() != 1 || (has_steps && one("steps", 4)? != 1) {
        return None;
    }
    let length = i64::try_from(numbers.len()).ok()?;
    let place = |given: i64| {
        let place = if given < 0 { given.saturating_add(length) } else { given };
        usize::try_from(place.clamp(0, length)).ok()
    };
    let (start, end) = (place(start)?, place(end)?);
    Some(list(numbers.get(start..end.max(start))?.to_vec()))
}

fn concat(inputs: &[Option<&Same>]) -> Option<Same> {
    let mut all = Vec::new();
    for same in inputs {
        let same = (*same)?;
        if same.dims.as_ref()?.len() != 1 {
            return None;
        }
        all.extend(same.numbers.as_ref()?.iter().copied());
    }
    Some(list(all))
}

/// Between a scalar and a list of one.
fn reranked(of: &Same, rank: usize) -> Option<Same> {
    let number = of.single()?;
    let from = of.dims.as_ref()?.len();
    (from + rank == 1).then(|| if rank == 1 { list(vec![number]) } else { scalar(number) })
}

fn reshape(of: &Same, shape: &Same) -> Option<Same> {
    let wanted = shape.numbers.as_ref()?;
    match (wanted.as_slice(), &of.numbers) {
        // A list stays one, whatever way its length is written.
        ([_], Some(numbers)) if of.dims.as_ref()?.len() <= 1 => Some(list(numbers.clone())),
        ([], Some(_)) => of.single().map(scalar),
        (wanted, None) => {
            Some(Same { dims: Some(wanted.iter().copied().map(Dim::from).collect()), numbers: None })
        }
        _ => None,
    }
}

fn transpose(node: &NodeProto, of: &Same) -> Option<Same> {
    let dims = of.dims.as_ref()?;
    if dims.len() == 1 {
        return Some(of.clone());
    }
    let turned = match node.ints("perm") {
        Some(perm) => perm
            .iter()
            .map(|place| usize::try_from(*place).ok().and_then(|place| dims.get(place)).copied())
            .collect::<Option<_>>()?,
        None => dims.iter().rev().copied().collect(),
    };
    Some(Same { dims: Some(turned), numbers: None })
}

fn compute(op: &str, a: &Same, b: &Same) -> Option<Same> {
    let dims = match (&a.dims, &b.dims) {
        (Some(a), Some(b)) => {
            let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
            let mut dims = long.clone();
            let from = long.len() - short.len();
            for (dim, other) in dims.iter_mut().skip(from).zip(short) {
                *dim = broadcast(*dim, *other);
            }
            Some(dims)
        }
        _ => None,
    };
    let numbers = match (a.numbers.as_deref(), b.numbers.as_deref()) {
        (Some(a), Some(b)) if a.len() == b.len() => {
            Some(a.iter().zip(b).map(|(a, b)| number(op, *a, *b)).collect::<Option<Vec<_>>>()?)
        }
        (Some(many), Some([one])) => {
            Some(many.iter().map(|many| number(op, *many, *one)).collect::<Option<Vec<_>>>()?)
        }
        (Some([one]), Some(many)) => {
            Some(many.iter().map(|many| number(op, *one, *many)).collect::<Option<Vec<_>>>()?)
        }
        _ if a.counts_pictures() || b.counts_pictures() => return None,
        _ => None,
    };
    Some(Same { dims, numbers })
}
