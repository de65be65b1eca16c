//! `Resize` and the older `Upsample`.

use super::value::{Dim, Items, Number, Value, Was};
use super::{Given, Walk, in_place, same};
use crate::proto::{NodeProto, TensorProto};

impl Walk<'_> {
    pub(super) fn resize(&mut self, node: &mut NodeProto, items: &Items, rest: &[Option<Value>]) -> Given {
        in_place(items)?;
        if node.attribute("axes").is_some() {
            return Err("it names its axes".to_owned());
        }
        if node.text("coordinate_transformation_mode") == Some(b"tf_crop_and_resize") {
            return Err("it crops".to_owned());
        }
        // Resize 11 and later: region, scales, sizes; Resize 10 and Upsample 9: scales.
        let (scales, sizes) = match rest {
            [scales] => (same(Some(scales))?, None),
            [_, scales] => (same(Some(scales))?, None),
            [_, scales, sizes] => (same(Some(scales))?, same(Some(sizes))?),
            _ => (None, None),
        };
        if let Some(sizes) = sizes {
            let numbers = sizes.numbers.as_deref().ok_or("its sizes are not known beforehand")?;
            let [first, inner @ ..] = numbers else { return Err("it has no sizes".to_owned()) };
            if inner.len() != items.dims.len() || inner.contains(&Number::Batch) {
                return Err("its sizes do not go with its input".to_owned());
            }
            let dims: Vec<Dim> = inner.iter().copied().map(Dim::from).collect();
            match first {
                Number::Batch => {}
                Number::Int(1) => {
                    self.unpin_sizes(node, &items.dims, &dims)?;
                    self.rewritten.resizes += 1;
                }
                _ => return Err("its sizes pin the batch in an unknown way".to_owned()),
            }
            return Ok(vec![Value::items(dims)]);
        }
        let scales = match node.attribute("scales") {
            Some(attribute) => attribute.floats.iter().copied().map(Number::Float).collect(),
            None => {
                scales.and_then(|same| same.numbers.clone()).ok_or("its scales are not known beforehand")?
            }
        };
        let [first, inner @ ..] = scales.as_slice() else { return Err("it has no scales".to_owned()) };
        if *first != Number::Float(1.0) || inner.len() != items.dims.len() || inner.contains(&Number::Batch) {
            return Err("it scales the number of pictures".to_owned());
        }
        let dims = items.dims.iter().zip(inner).map(|(dim, scale)| scaled(*dim, *scale)).collect();
        Ok(vec![Value::Items(Items { dims, batch: Was::First })])
    }

    /// Sizes for one picture become factors where those are whole numbers: constant factors are what runtimes know how
    /// to make fast (and ONNX Runtime then computes the same numbers to the last bit). Otherwise the sizes count the
    /// pictures themselves.
    fn unpin_sizes(&mut self, node: &mut NodeProto, from: &[Dim], to: &[Dim]) -> Result<(), String> {
        let [data, _, scales, sizes] = node.input.as_mut_slice() else {
            return Err("it has no sizes".to_owned());
        };
        let factors: Option<Vec<f32>> = from.iter().zip(to).map(|(from, to)| factor(*from, *to)).collect();
        if let Some(factors) = factors {
            let name = self.model.fresh("scales");
            let all: Vec<f32> = std::iter::once(1.0).chain(factors).collect();
            self.model.graph.initializer.push(TensorProto::of_floats(&name, &all));
            *scales = name;
            node.input.truncate(3);
        } else {
            let (data, old) = (data.clone(), sizes.clone());
            let counted = self.with_batch(&data, &old);
            if let Some(sizes) = node.input.get_mut(3) {
                *sizes = counted;
            }
        }
        Ok(())
    }
}

/// How many times larger, if that is a whole number.
fn factor(from: Dim, to: Dim) -> Option<f32> {
    let (Dim::Is(from), Dim::Is(to)) = (from, to) else { return None };
    let factor = to.checked_div(from).filter(|factor| factor.checked_mul(from) == Some(to))?;
    u16::try_from(factor).ok().filter(|factor| *factor > 0).map(f32::from)
}

/// Followed for whole factors only, where no rounding is in doubt.
fn scaled(dim: Dim, scale: Number) -> Dim {
    match (dim, scale) {
        (dim, Number::Float(1.0)) => dim,
        (Dim::Is(value), Number::Float(2.0)) => value.checked_mul(2).map_or(Dim::Open, Dim::Is),
        (Dim::Is(value), Number::Float(4.0)) => value.checked_mul(4).map_or(Dim::Open, Dim::Is),
        _ => Dim::Open,
    }
}
