//! The `u8` front: pictures go in as they lie in memory, bytes in rows, and are turned into what the network takes
//! inside the graph.

use vow_types::{Channels, InputFormat};

use crate::batch::BATCH;
use crate::error::NotPrepared;
use crate::model::{Model, Port, PortDim};
use crate::node::{element, int, ints, node};
use crate::proto::{AttributeProto, NodeProto, TensorProto};

/// The name of the new input, where nothing has it yet.
const INPUT: &str = "rgb_u8";

/// Puts `Cast -> Transpose -> Gather -> Sub -> Mul or Div` before the first node and makes the input `u8`
/// `[batch, height, width, 3]`, RGB. What would change nothing is left out. The numbers that arrive at the network are
/// `(x - mean) / std` to the last bit, as `vow-vision` fills them.
///
/// The cast comes first because some runtimes take bytes at the edge only.
pub(crate) fn put(
    model: &mut Model,
    planes: &Port,
    sides: [PortDim; 2],
    format: InputFormat,
) -> Result<(), NotPrepared> {
    if !format.mean.is_finite() || !format.std.is_normal() {
        return Err(NotPrepared::form("its normalisation is no number"));
    }
    let mut steps = Vec::new();
    steps.push(Step { op: "Cast", constant: None, attribute: Some(int("to", i64::from(element::FLOAT))) });
    steps.push(Step { op: "Transpose", constant: None, attribute: Some(ints("perm", &[0, 3, 1, 2])) });
    if format.channels == Channels::Bgr {
        let reversed = TensorProto::of_ints(&model.fresh("bgr"), &[2, 1, 0]);
        steps.push(Step { op: "Gather", constant: Some(reversed), attribute: Some(int("axis", 1)) });
    }
    if format.mean != 0.0 {
        let mean = TensorProto::of_float(&model.fresh("mean"), format.mean);
        steps.push(Step { op: "Sub", constant: Some(mean), attribute: None });
    }
    if format.std != 1.0 {
        // By a power of two, multiplying gives the same numbers and is cheaper.
        let (op, factor) = match format.std.recip() {
            inverse if is_power_of_two(format.std) && inverse.is_normal() => ("Mul", inverse),
            _ => ("Div", format.std),
        };
        let factor = TensorProto::of_float(&model.fresh("std"), factor);
        steps.push(Step { op, constant: Some(factor), attribute: None });
    }

    let input = model.name_like(INPUT);
    let mut nodes: Vec<NodeProto> = Vec::with_capacity(steps.len());
    let mut wire = input.clone();
    let last = steps.len();
    for (number, Step { op, constant, attribute }) in (1..).zip(steps) {
        let output = if number == last { planes.name.clone() } else { model.fresh(op) };
        let mut inputs = vec![wire.as_str()];
        inputs.extend(constant.as_ref().and_then(|constant| constant.name.as_deref()));
        let mut node = node(op, &inputs, &output, attribute.into_iter().collect());
        // Not as the network's input, which a node of it may be called.
        node.name = Some(model.fresh("front"));
        nodes.push(node);
        model.graph.initializer.extend(constant);
        wire = output;
    }
    nodes.append(&mut model.graph.node);
    model.graph.node = nodes;

    let named = |side: PortDim, name: &str| match side {
        PortDim::Open(_) => PortDim::Open(Some(name.to_owned())),
        PortDim::Is(value) => PortDim::Is(value),
    };
    let [height, width] = sides;
    let dims = vec![
        PortDim::Open(Some(BATCH.to_owned())),
        named(height, "height"),
        named(width, "width"),
        PortDim::Is(3),
    ];
    let port = Port { name: input, elements: element::UINT8, dims: Some(dims) };
    model.graph.input = vec![port.write()];
    Ok(())
}

struct Step {
    op: &'static str,
    constant: Option<TensorProto>,
    attribute: Option<AttributeProto>,
}

/// No bit of the fraction is set.
fn is_power_of_two(value: f32) -> bool {
    value.to_bits().trailing_zeros() >= f32::MANTISSA_DIGITS - 1
}

#[cfg(test)]
mod tests {
    use super::is_power_of_two;

    #[test]
    fn powers_of_two_are_known() {
        for power in [128.0, 1.0, 2.0, 0.015_625, 256.0] {
            assert!(is_power_of_two(power), "{power}");
        }
        for other in [127.5, 255.0, 3.0, 58.395, 1.000_000_1] {
            assert!(!is_power_of_two(other), "{other}");
        }
    }
}
