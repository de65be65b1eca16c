//! Operators that move numbers about: axes named, joined, cut, summed over.

use super::value::{Dim, Items, Number, Value, Was, axis};
use super::{Given, Rewritten, in_place, numbers_of, outputs, same};
use crate::node::{int, ints};
use crate::proto::NodeProto;

const NOT_THE_BATCH: &str = "it works along the axis of the pictures";

/// Where an axis of the original graph is within an item.
fn within(given: i64, items: &Items) -> Result<usize, String> {
    let place = axis(given, items.original_rank()).ok_or("it names an axis that is not there")?;
    match items.batch {
        Was::First => place.checked_sub(1).ok_or_else(|| NOT_THE_BATCH.to_owned()),
        Was::At(batch) if place == batch => Err(NOT_THE_BATCH.to_owned()),
        Was::At(batch) => Ok(if place > batch { place - 1 } else { place }),
        Was::Gone => Ok(place),
    }
}

pub(super) fn shape(node: &NodeProto, items: &Items) -> Given {
    in_place(items)?;
    if node.attribute("start").is_some() || node.attribute("end").is_some() {
        return Err("it gives a part of the shape".to_owned());
    }
    let numbers = std::iter::once(Number::Batch).chain(items.dims.iter().copied().map(Number::from));
    Ok(vec![Value::list(numbers.collect())])
}

/// The batch stays in front, whatever becomes of the other axes; where the original puts it elsewhere, that is
/// remembered.
pub(super) fn transpose(node: &mut NodeProto, items: &Items, rewritten: &mut Rewritten) -> Given {
    in_place(items)?;
    let rank = items.dims.len() + 1;
    let perm: Vec<usize> = match node.ints("perm") {
        Some(perm) => perm.iter().filter_map(|place| usize::try_from(*place).ok()).collect(),
        None => (0..rank).rev().collect(),
    };
    let mut sorted = perm.clone();
    sorted.sort_unstable();
    let batch = perm.iter().position(|place| *place == 0);
    let (true, Some(batch)) = (sorted.into_iter().eq(0..rank), batch) else {
        return Err("it is no permutation of its axes".to_owned());
    };
    let others: Vec<usize> = perm.into_iter().filter(|place| *place != 0).collect();
    let dims = others.iter().map(|place| items.dims.get(place - 1).copied().unwrap_or(Dim::Open)).collect();
    if batch == 0 {
        return Ok(vec![Value::items(dims)]);
    }
    let perm = std::iter::once(Ok(0)).chain(others.into_iter().map(i64::try_from));
    let perm: Vec<i64> = perm.collect::<Result<_, _>>().map_err(|_| "it has too many axes".to_owned())?;
    node.set(ints("perm", &perm));
    rewritten.transposes += 1;
    Ok(vec![Value::Items(Items { dims, batch: Was::At(batch) })])
}

pub(super) fn flatten(node: &NodeProto, items: &Items) -> Given {
    in_place(items)?;
    if axis(node.int("axis").unwrap_or(1), items.dims.len() + 1) != Some(1) {
        return Err("it flattens pictures together".to_owned());
    }
    Ok(vec![Value::items(vec![items.count().map_or(Dim::Open, Dim::Is)])])
}

pub(super) fn squeeze(node: &NodeProto, items: &Items, rest: &[Option<Value>], opset: i64) -> Given {
    in_place(items)?;
    let axes = numbers_of(node, "axes", rest.first())?
        .ok_or_else(|| format!("it does not name its axes (operator set {opset})"))?;
    let places: Vec<usize> = axes.iter().map(|given| within(*given, items)).collect::<Result<_, _>>()?;
    let kept = items.dims.iter().enumerate().filter(|(place, _)| !places.contains(place));
    Ok(vec![Value::items(kept.map(|(_, dim)| *dim).collect())])
}

pub(super) fn unsqueeze(node: &NodeProto, items: &Items, rest: &[Option<Value>]) -> Given {
    in_place(items)?;
    let axes = numbers_of(node, "axes", rest.first())?.ok_or("it does not name its axes")?;
    let rank = items.dims.len() + 1 + axes.len();
    let mut places: Vec<usize> = axes
        .iter()
        .map(|given| axis(*given, rank).and_then(|place| place.checked_sub(1)))
        .collect::<Option<_>>()
        .ok_or("it puts an axis before that of the pictures")?;
    places.sort_unstable();
    let mut dims = items.dims.clone();
    for place in places {
        if place > dims.len() {
            return Err("it names an axis that is not there".to_owned());
        }
        dims.insert(place, Dim::Is(1));
    }
    Ok(vec![Value::items(dims)])
}

/// Joined along an axis of the items. Where pictures had been flattened together the axis is counted anew.
pub(super) fn concat(node: &mut NodeProto, inputs: &[Option<Value>], rewritten: &mut Rewritten) -> Given {
    let mut all = Vec::with_capacity(inputs.len());
    for value in inputs.iter().flatten() {
        match value {
            Value::Items(items) => all.push(items),
            Value::Same(_) => return Err("it joins pictures with what is the same for all".to_owned()),
        }
    }
    let [first, others @ ..] = all.as_slice() else { return Err("it joins nothing".to_owned()) };
    if others.iter().any(|other| other.batch != first.batch || other.dims.len() != first.dims.len()) {
        return Err("its inputs do not hold their pictures along the same axis".to_owned());
    }
    if let Was::At(_) = first.batch {
        return Err("it works on pictures that stand side by side".to_owned());
    }
    let given = node.int("axis").ok_or("it names no axis")?;
    let place = within(given, first)?;
    if first.batch == Was::Gone {
        let new = i64::try_from(place + 1).map_err(|_| "it has too many axes".to_owned())?;
        node.set(int("axis", new));
        rewritten.others += 1;
    }
    let total = all.iter().try_fold(0i64, |total, items| match items.dims.get(place) {
        Some(Dim::Is(value)) => total.checked_add(*value),
        Some(Dim::Open) | None => None,
    });
    let mut dims = first.dims.clone();
    for other in others {
        for (dim, other) in dims.iter_mut().zip(&other.dims) {
            if *dim == Dim::Open {
                *dim = *other;
            }
        }
    }
    if let Some(dim) = dims.get_mut(place) {
        *dim = total.map_or(Dim::Open, Dim::Is);
    }
    Ok(vec![Value::Items(Items { dims, batch: first.batch })])
}

pub(super) fn split(node: &NodeProto, items: &Items) -> Given {
    in_place(items)?;
    let place = within(node.int("axis").unwrap_or_default(), items)?;
    Ok(vec![Value::items(opened(items, &[place])); outputs(node)])
}

pub(super) fn slice(node: &NodeProto, items: &Items, rest: &[Option<Value>]) -> Given {
    in_place(items)?;
    let axes = numbers_of(node, "axes", rest.get(2))?.ok_or("it does not name its axes")?;
    let places: Vec<usize> = axes.iter().map(|given| within(*given, items)).collect::<Result<_, _>>()?;
    let (starts, ends) = (numbers_of(node, "starts", rest.first()), numbers_of(node, "ends", rest.get(1)));
    let mut dims = opened(items, &places);
    // Followed where it is plain, so that a channel that was cut out is known to be one.
    if let (Ok(Some(starts)), Ok(Some(ends)), true) = (starts, ends, rest.get(3).is_none()) {
        for ((place, start), end) in places.iter().zip(starts).zip(ends) {
            if let (Some(dim), Some(Dim::Is(whole))) = (dims.get_mut(*place), items.dims.get(*place)) {
                let at = |given: i64| {
                    let given = if given < 0 { given.saturating_add(*whole) } else { given };
                    given.clamp(0, *whole)
                };
                *dim = Dim::Is((at(end) - at(start)).max(0));
            }
        }
    }
    Ok(vec![Value::items(dims)])
}

pub(super) fn gather(node: &NodeProto, items: &Items, rest: &[Option<Value>]) -> Given {
    in_place(items)?;
    let place = within(node.int("axis").unwrap_or_default(), items)?;
    let at = same(rest.first())?.filter(|same| !same.counts_pictures()).and_then(|same| same.dims.clone());
    let at = at.ok_or("the shape of its indices is not known")?;
    let mut dims = items.dims.clone();
    dims.splice(place..=place, at);
    Ok(vec![Value::items(dims)])
}

pub(super) fn pad(node: &NodeProto, items: &Items, rest: &[Option<Value>]) -> Given {
    in_place(items)?;
    if rest.get(2).is_some_and(Option::is_some) {
        return Err("it names its axes".to_owned());
    }
    same(rest.get(1))?;
    let pads = numbers_of(node, "pads", rest.first())?.ok_or("it has no widths")?;
    let rank = items.dims.len() + 1;
    let (before, after) = pads.split_at_checked(rank).ok_or("its widths do not go with its input")?;
    if before.first() != Some(&0) || after.first() != Some(&0) || after.len() != rank {
        return Err("it adds pictures".to_owned());
    }
    let widths = before.iter().zip(after).skip(1);
    let dims = items.dims.iter().zip(widths).map(|(dim, (before, after))| match dim {
        Dim::Is(value) => {
            let sum = value.checked_add(*before).and_then(|sum| sum.checked_add(*after));
            sum.map_or(Dim::Open, Dim::Is)
        }
        Dim::Open => Dim::Open,
    });
    Ok(vec![Value::items(dims.collect())])
}

/// To a shape that counts the pictures itself.
pub(super) fn expand(items: &Items, rest: &[Option<Value>]) -> Given {
    in_place(items)?;
    let shape = same(rest.first())?.and_then(|same| same.numbers.clone());
    match shape.as_deref() {
        Some([Number::Batch, inner @ ..])
            if inner.len() == items.dims.len() && !inner.contains(&Number::Batch) =>
        {
            let dims = inner.iter().zip(&items.dims).map(|(number, dim)| match (Dim::from(*number), dim) {
                (Dim::Is(1), other) => *other,
                (wanted, _) => wanted,
            });
            Ok(vec![Value::items(dims.collect())])
        }
        _ => Err("it is widened to a shape that does not count the pictures".to_owned()),
    }
}

/// Normalised along an axis; the shape stays.
pub(super) fn along_axis(node: &NodeProto, items: &Items, opset: i64) -> Given {
    in_place(items)?;
    let otherwise = if node.op() == "LpNormalization" || opset >= 13 { -1 } else { 1 };
    within(node.int("axis").unwrap_or(otherwise), items)?;
    Ok(vec![Value::Items(items.clone())])
}

pub(super) fn reduce(node: &NodeProto, items: &Items, rest: &[Option<Value>]) -> Given {
    in_place(items)?;
    let axes = numbers_of(node, "axes", rest.first())?.filter(|axes| !axes.is_empty());
    let axes = axes.ok_or("it reduces over the pictures as well")?;
    let places: Vec<usize> = axes.iter().map(|given| within(*given, items)).collect::<Result<_, _>>()?;
    let keep = node.int("keepdims").unwrap_or(1) != 0;
    let dims = items.dims.iter().enumerate();
    let dims = dims.filter_map(|(place, dim)| match (places.contains(&place), keep) {
        (false, _) => Some(*dim),
        (true, true) => Some(Dim::Is(1)),
        (true, false) => None,
    });
    Ok(vec![Value::items(dims.collect())])
}

/// The dimensions with some of them no longer known.
fn opened(items: &Items, places: &[usize]) -> Vec<Dim> {
    let dims = items.dims.iter().enumerate();
    dims.map(|(place, dim)| if places.contains(&place) { Dim::Open } else { *dim }).collect()
}
