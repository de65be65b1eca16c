//! Tries a provider before it is relied on: a session of one convolution, run once. It finds what only shows when
//! something is computed: a missing driver, a missing library of the device, a card that is too old.

use ort::environment::Environment;
use ort::value::TensorRef;
use prost::Message as _;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::type_proto::{self, Tensor};
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto,
};

use super::Provider;
use super::library::hushed;
use super::session::{self, Place};
use crate::caught::caught;
use crate::error::is_of_memory;

/// Why a provider does not work, in its own words.
pub(super) fn run(environment: &Environment, provider: Provider) -> Result<(), String> {
    let attempt = || -> ort::Result<Vec<f32>> {
        let place = Place { provider, ..Place::CPU };
        let mut session = session::open(environment, &graph(), place)?;
        let ones = [1.0f32; 64];
        let outputs =
            session.run(ort::inputs![TensorRef::from_array_view(([1usize, 1, 8, 8], &ones[..]))?])?;
        let first = outputs.values().next().ok_or_else(|| ort::Error::new("it gave nothing"))?;
        Ok(first.try_extract_tensor::<f32>()?.1.to_vec())
    };
    verdict(hushed(|| caught(attempt)).map(|tried| tried.map_err(|error| error.message().trim().to_owned())))
}

/// What it says of a provider that it computed something, failed or panicked.
fn verdict(tried: Result<Result<Vec<f32>, String>, String>) -> Result<(), String> {
    match tried {
        // Twice one, but for the device's own rounding.
        Ok(Ok(values)) if values.len() == 64 && values.iter().all(|v| (v - 2.0).abs() < 0.01) => Ok(()),
        Ok(Ok(_)) => Err("it computes wrong numbers".to_owned()),
        // There is a card, and it can be used once others leave it some memory.
        Ok(Err(message)) if is_of_memory(&message) => Ok(()),
        Ok(Err(message)) => Err(message),
        Err(panic) => Err(format!("it panicked: {panic}")),
    }
}

/// A convolution of one pixel that doubles.
fn graph() -> Vec<u8> {
    let port = |name: &str| {
        let dim = [1, 1, 8, 8].map(|value| Dimension {
            denotation: String::new(),
            value: Some(dimension::Value::DimValue(value)),
        });
        let shape = Some(TensorShapeProto { dim: dim.to_vec() });
        let tensor = Tensor { elem_type: DataType::Float.into(), shape };
        let value = Some(type_proto::Value::TensorType(tensor));
        let r#type = Some(TypeProto { denotation: String::new(), value });
        ValueInfoProto { name: name.to_owned(), r#type, ..ValueInfoProto::default() }
    };
    let twice = TensorProto {
        name: "twice".to_owned(),
        dims: vec![1, 1, 1, 1],
        data_type: DataType::Float.into(),
        float_data: vec![2.0],
        ..TensorProto::default()
    };
    let convolution = NodeProto {
        name: "convolution".to_owned(),
        op_type: "Conv".to_owned(),
        input: vec!["input".to_owned(), "twice".to_owned()],
        output: vec!["output".to_owned()],
        ..NodeProto::default()
    };
    let graph = GraphProto {
        name: "trial".to_owned(),
        node: vec![convolution],
        initializer: vec![twice],
        input: vec![port("input")],
        output: vec![port("output")],
        ..GraphProto::default()
    };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 12 }];
    ModelProto { ir_version: 7, opset_import, graph: Some(graph), ..ModelProto::default() }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_trial_says_of_a_provider() {
        let failed = |message: &str| verdict(Ok(Err(message.to_owned())));
        assert_eq!(verdict(Ok(Ok(vec![2.001; 64]))), Ok(()));
        assert!(verdict(Ok(Ok(vec![2.1; 64]))).unwrap_err().contains("wrong"));
        assert!(verdict(Ok(Ok(vec![2.0; 63]))).unwrap_err().contains("wrong"));
        assert_eq!(failed("no such device"), Err("no such device".to_owned()));
        assert_eq!(
            failed(
                "BFCArena::AllocateRawInternal Available memory of 0 is smaller than requested bytes of 256"
            ),
            Ok(()),
            "others hold it, for now"
        );
        assert!(verdict(Err("index 3 of 2".to_owned())).unwrap_err().contains("index 3 of 2"));
    }
}
