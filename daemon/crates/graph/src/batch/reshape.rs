//! `Reshape`, which is where exporters pin the batch.

use super::value::{Dim, Items, Number, Value, Was, product};
use super::{Given, Walk, same};
use crate::proto::NodeProto;

/// How a shape treats the axis of the batch.
enum Batch {
    /// Its first number is that axis; it stays as it is.
    Kept,
    /// Its first number is that axis, written as a one.
    One,
    /// It has no number for it.
    Without,
}

impl Walk<'_> {
    pub(super) fn reshape(&mut self, node: &mut NodeProto, items: &Items, rest: &[Option<Value>]) -> Given {
        let from_attribute;
        let shape = match (node.ints("shape"), same(rest.first())?) {
            (Some(shape), _) => {
                from_attribute = shape.iter().copied().map(Number::Int).collect::<Vec<_>>();
                &from_attribute
            }
            (None, Some(same)) => same.numbers.as_ref().ok_or("its shape is not known beforehand")?,
            (None, None) => return Err("it has no shape".to_owned()),
        };
        if node.int("allowzero").unwrap_or_default() != 0 {
            return Err("zeros in its shape do not mean to copy".to_owned());
        }
        let inner = match shape.as_slice() {
            [_, inner @ ..] => inner,
            [] => return Err("it makes a scalar".to_owned()),
        };
        if inner.contains(&Number::Batch) {
            return Err("its shape has the number of pictures in an inner place".to_owned());
        }
        let (batch, wanted) = match (shape.first(), items.batch) {
            (Some(Number::Int(0)), Was::First) | (Some(Number::Batch), _) => (Batch::Kept, inner),
            // The length that is left over is the batch only if the rest is exactly one item.
            (Some(Number::Int(-1)), Was::First) if is_item(inner, items) => (Batch::Kept, inner),
            (Some(Number::Int(1)), _) => (Batch::One, inner),
            _ => (Batch::Without, shape.as_slice()),
        };
        // A kept `Batch` in a shape that was computed is right wherever the axis was before: it is in front now.
        let dims = item_dims(wanted, items, matches!(batch, Batch::Kept | Batch::One))?;
        let was = if matches!(batch, Batch::Without) { Was::Gone } else { Was::First };
        if !matches!(batch, Batch::Kept) {
            let new = constant_shape(wanted, items)?;
            let new = std::iter::once(0).chain(new).collect::<Vec<_>>();
            let shape = self.constant("shape", &new);
            node.attribute.retain(|attribute| attribute.name.as_deref() != Some("shape"));
            node.input.truncate(1);
            node.input.push(shape);
            self.rewritten.reshapes += 1;
        }
        Ok(vec![Value::Items(Items { dims, batch: was })])
    }
}

/// Whether these numbers are the shape of one item.
fn is_item(numbers: &[Number], items: &Items) -> bool {
    let dims: Vec<Dim> = numbers.iter().copied().map(Dim::from).collect();
    let positive = numbers.iter().all(|number| matches!(number, Number::Int(value) if *value > 0));
    positive && product(&dims).is_some() && product(&dims) == items.count()
}

/// The dimensions that an item gets. A zero copies the dimension at its place, which is known only while the axes stand
/// as they did.
fn item_dims(wanted: &[Number], items: &Items, aligned: bool) -> Result<Vec<Dim>, String> {
    let mut dims = Vec::with_capacity(wanted.len());
    for (place, number) in wanted.iter().enumerate() {
        dims.push(match number {
            Number::Int(0) if aligned && items.batch == Was::First => {
                *items.dims.get(place).ok_or("its shape copies a dimension that is not there")?
            }
            Number::Int(0) => return Err("its shape copies a dimension across flattened pictures".to_owned()),
            Number::Int(value) if *value > 0 => Dim::Is(*value),
            Number::Int(_) | Number::Open => Dim::Open,
            Number::Batch | Number::Float(_) => return Err("its shape holds no lengths".to_owned()),
        });
    }
    resolve(&mut dims, items);
    Ok(dims)
}

/// The only open dimension follows from the others.
fn resolve(dims: &mut [Dim], items: &Items) {
    let known: Vec<Dim> = dims.iter().copied().filter(|dim| *dim != Dim::Open).collect();
    let (Some(count), Some(known_count)) = (items.count(), product(&known)) else { return };
    if known.len() + 1 == dims.len()
        && known_count > 0
        && count % known_count == 0
        && let Some(open) = dims.iter_mut().find(|dim| **dim == Dim::Open)
    {
        *open = Dim::Is(count / known_count);
    }
}

/// The shape of an item in numbers for a new constant. One length that is only known at run time becomes a -1.
fn constant_shape(wanted: &[Number], items: &Items) -> Result<Vec<i64>, String> {
    let mut open = 0;
    let mut shape = Vec::with_capacity(wanted.len());
    for number in wanted {
        shape.push(match number {
            Number::Int(value) => {
                open += usize::from(*value < 0);
                *value
            }
            _ => {
                open += 1;
                -1
            }
        });
    }
    // Without a length that is left over, the numbers must be those of an item.
    let closed: Vec<Dim> = shape.iter().map(|value| Dim::Is(*value)).collect();
    let fits = items.count().is_none() || shape.contains(&0) || product(&closed) == items.count();
    if open == 1 || (open == 0 && fits) {
        Ok(shape)
    } else {
        Err("its shape is computed while it runs, and pins the batch".to_owned())
    }
}
