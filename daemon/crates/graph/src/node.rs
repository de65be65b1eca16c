//! Reading and making nodes, attributes and constant tensors.

use prost::bytes::Bytes;

use crate::proto::{AttributeProto, NodeProto, TensorProto};

/// ONNX numbers of element types.
pub(crate) mod element {
    pub(crate) const FLOAT: i32 = 1;
    pub(crate) const UINT8: i32 = 2;
    pub(crate) const INT32: i32 = 6;
    pub(crate) const INT64: i32 = 7;
    pub(crate) const FLOAT16: i32 = 10;
}

/// ONNX numbers of attribute types.
mod kind {
    pub(super) const INT: i32 = 2;
    pub(super) const INTS: i32 = 7;
}

/// A new node with one output, in the default domain.
pub(crate) fn node(op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: Some(output.to_owned()),
        op_type: Some(op.to_owned()),
        attribute: attributes,
        ..NodeProto::default()
    }
}

/// An attribute that is one whole number.
pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        r#type: Some(kind::INT),
        ..AttributeProto::default()
    }
}

/// An attribute that is a list of whole numbers.
pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ints: values.to_vec(),
        r#type: Some(kind::INTS),
        ..AttributeProto::default()
    }
}

impl NodeProto {
    /// The operator; of the default domain only, all others are not looked into.
    pub(crate) fn op(&self) -> &str {
        self.op_type.as_deref().unwrap_or_default()
    }

    /// `ai.onnx` is how some write the default domain.
    pub(crate) fn is_standard(&self) -> bool {
        is_default_domain(self.domain.as_deref())
    }

    /// The name of an input; `None` where it is left out.
    pub(crate) fn input(&self, place: usize) -> Option<&str> {
        self.input.get(place).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Whether it holds graphs of its own, which see the names around them.
    pub(crate) fn has_subgraphs(&self) -> bool {
        self.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty())
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|attribute| attribute.name.as_deref() == Some(name))
    }

    /// A whole number; one that is there without a value is a zero that was not written.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|attribute| attribute.i.unwrap_or_default())
    }

    pub(crate) fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&[u8]> {
        self.attribute(name).and_then(|attribute| attribute.s.as_deref())
    }

    /// Sets an attribute, whether or not it was there.
    pub(crate) fn set(&mut self, attribute: AttributeProto) {
        self.attribute.retain(|known| known.name != attribute.name);
        self.attribute.push(attribute);
    }
}

pub(crate) fn is_default_domain(domain: Option<&str>) -> bool {
    matches!(domain, None | Some("" | "ai.onnx"))
}

impl TensorProto {
    /// A list of whole numbers.
    pub(crate) fn of_ints(name: &str, values: &[i64]) -> Self {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self {
            dims: vec![i64::try_from(values.len()).unwrap_or(i64::MAX)],
            data_type: Some(element::INT64),
            name: Some(name.to_owned()),
            raw_data: Some(raw.into()),
            ..Self::default()
        }
    }

    /// A list of floats.
    pub(crate) fn of_floats(name: &str, values: &[f32]) -> Self {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self {
            dims: vec![i64::try_from(values.len()).unwrap_or(i64::MAX)],
            data_type: Some(element::FLOAT),
            name: Some(name.to_owned()),
            raw_data: Some(raw.into()),
            ..Self::default()
        }
    }

    /// One float without dimensions.
    pub(crate) fn of_float(name: &str, value: f32) -> Self {
        Self {
            data_type: Some(element::FLOAT),
            name: Some(name.to_owned()),
            raw_data: Some(Bytes::copy_from_slice(&value.to_le_bytes())),
            ..Self::default()
        }
    }

    /// How many numbers its dimensions ask for; `None` where they are no dimensions.
    pub(crate) fn count(&self) -> Option<usize> {
        self.dims.iter().try_fold(1usize, |count, dim| count.checked_mul(usize::try_from(*dim).ok()?))
    }

    /// Whether its numbers lie in another file.
    pub(crate) fn is_external(&self) -> bool {
        self.data_location.is_some_and(|location| location != 0) || !self.external_data.is_empty()
    }

    /// The numbers of a float tensor; `None` for any other, or when there are not as many as its dimensions ask for.
    pub(crate) fn floats(&self) -> Option<Vec<f32>> {
        if self.data_type != Some(element::FLOAT) || self.is_external() {
            return None;
        }
        let values = match &self.raw_data {
            Some(raw) => numbers(raw, f32::from_le_bytes)?,
            None => self.float_data.clone(),
        };
        (Some(values.len()) == self.count()).then_some(values)
    }

    /// The numbers of an `int32` or `int64` tensor; `None` as for [`Self::floats`].
    pub(crate) fn ints(&self) -> Option<Vec<i64>> {
        if self.is_external() {
            return None;
        }
        let values = match (self.data_type, &self.raw_data) {
            (Some(element::INT64), Some(raw)) => numbers(raw, i64::from_le_bytes)?,
            (Some(element::INT64), None) => self.int64_data.clone(),
            (Some(element::INT32), Some(raw)) => {
                numbers(raw, i32::from_le_bytes)?.into_iter().map(i64::from).collect()
            }
            (Some(element::INT32), None) => self.int32_data.iter().copied().map(i64::from).collect(),
            _ => return None,
        };
        (Some(values.len()) == self.count()).then_some(values)
    }
}

/// Little-endian numbers; `None` when bytes are left over.
fn numbers<const N: usize, T>(raw: &[u8], read: fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().copied().map(read).collect())
}
