//! Operators with weights and windows: convolutions, pools, products of matrices.

use super::value::{Dim, Items, Same, Value};
use super::{Given, in_place, same};
use crate::proto::NodeProto;

pub(super) fn convolution(node: &NodeProto, items: &Items, rest: &[Option<Value>]) -> Given {
    in_place(items)?;
    let weights = same(rest.first())?.and_then(|weights| weights.dims.clone());
    same(rest.get(1))?;
    let [_, inner @ ..] = items.dims.as_slice() else { return Err("its input has no planes".to_owned()) };
    let Some([channels, _, kernel @ ..]) = weights.as_deref() else {
        return Err("the shape of its weights is not known".to_owned());
    };
    let sides = if node.op() == "Conv" && kernel.len() == inner.len() {
        windows(node, inner, kernel, false)
    } else {
        vec![Dim::Open; inner.len()]
    };
    let channels = if node.op() == "Conv" { *channels } else { Dim::Open };
    Ok(vec![Value::items(std::iter::once(channels).chain(sides).collect())])
}

pub(super) fn pool(node: &NodeProto, items: &Items) -> Given {
    in_place(items)?;
    let [channels, inner @ ..] = items.dims.as_slice() else {
        return Err("its input has no planes".to_owned());
    };
    let kernel: Vec<Dim> =
        node.ints("kernel_shape").unwrap_or_default().iter().map(|side| Dim::Is(*side)).collect();
    if kernel.len() != inner.len() {
        return Err("its windows do not go with its input".to_owned());
    }
    let ceil = node.int("ceil_mode").unwrap_or_default() != 0;
    let sides = windows(node, inner, &kernel, ceil);
    Ok(vec![Value::items(std::iter::once(*channels).chain(sides).collect())])
}

/// How many windows fit along each side (ONNX: Conv, MaxPool).
fn windows(node: &NodeProto, inner: &[Dim], kernel: &[Dim], ceil: bool) -> Vec<Dim> {
    let list = |name: &str| node.ints(name).unwrap_or_default();
    let (strides, dilations, pads) = (list("strides"), list("dilations"), list("pads"));
    let auto = node.text("auto_pad").unwrap_or(b"NOTSET");
    let one = |place: usize, side: &Dim, kernel: &Dim| -> Option<i64> {
        let (Dim::Is(side), Dim::Is(kernel)) = (side, kernel) else { return None };
        let at = |list: &[i64], place: usize, otherwise: i64| list.get(place).copied().unwrap_or(otherwise);
        let stride = Some(at(strides, place, 1)).filter(|stride| *stride > 0)?;
        if auto.starts_with(b"SAME") {
            return Some(side.checked_add(stride - 1)? / stride);
        }
        let reach = kernel.checked_sub(1)?.checked_mul(at(dilations, place, 1))?.checked_add(1)?;
        let pads = at(pads, place, 0).checked_add(at(pads, place + inner.len(), 0))?;
        let room = side.checked_add(pads)?.checked_sub(reach)?;
        // Where a runtime rounds up, the last window may begin outside and be dropped; that is left open.
        let exact = room % stride == 0;
        (room >= 0 && (exact || !ceil)).then(|| room / stride + 1)
    };
    let sides = inner.iter().zip(kernel).enumerate();
    sides.map(|(place, (side, kernel))| one(place, side, kernel).map_or(Dim::Open, Dim::Is)).collect()
}

pub(super) fn global_pool(items: &Items) -> Given {
    in_place(items)?;
    let [channels, inner @ ..] = items.dims.as_slice() else {
        return Err("its input has no planes".to_owned());
    };
    let dims = std::iter::once(*channels).chain(inner.iter().map(|_| Dim::Is(1)));
    Ok(vec![Value::items(dims.collect())])
}

pub(super) fn gemm(node: &NodeProto, items: &Items, rest: &[Option<Value>]) -> Given {
    in_place(items)?;
    if node.int("transA").unwrap_or_default() != 0 || items.dims.len() != 1 {
        return Err("it does not take one row a picture".to_owned());
    }
    let weights = same(rest.first())?;
    if let Some(bias) = same(rest.get(1))? {
        let one_row = match bias.dims.as_deref() {
            Some([] | [_] | [Dim::Is(1), _]) => true,
            Some(_) | None => false,
        };
        if !one_row {
            return Err("it adds something else to each row".to_owned());
        }
    }
    let turned = node.int("transB").unwrap_or_default() != 0;
    let columns = match (weights.and_then(|weights| weights.dims.as_deref()), turned) {
        (Some([columns, _]), true) | (Some([_, columns]), false) => *columns,
        _ => Dim::Open,
    };
    Ok(vec![Value::items(vec![columns])])
}

pub(super) fn matmul(items: &Items, rest: &[Option<Value>]) -> Given {
    in_place(items)?;
    let weights: Option<&Same> = same(rest.first())?;
    let Some([_, columns]) = weights.and_then(|weights| weights.dims.as_deref()) else {
        return Err("it does not multiply by one matrix".to_owned());
    };
    let Some((_, kept)) = items.dims.split_last() else {
        return Err("it does not take one row a picture".to_owned());
    };
    Ok(vec![Value::items(kept.iter().chain([columns]).copied().collect())])
}
