//! Reading and writing loses nothing, and what would be lost is noticed.

use proptest::prelude::*;
use prost::Message as _;
use prost::bytes::Bytes;

use super::real;
use crate::error::NotPrepared;
use crate::model::Model;
use crate::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, SparseTensorProto,
    StringStringEntryProto, TensorProto, TrainingInfoProto, TypeProto, ValueInfoProto, type_proto,
};

/// A model that uses every kind of message that a face network never has.
fn unusual(text: &str, number: i64, float: f32) -> ModelProto {
    let entry = || StringStringEntryProto { key: Some(text.to_owned()), value: Some(String::new()) };
    let tensor = || TensorProto {
        dims: vec![number, 0],
        data_type: Some(0),
        float_data: vec![float, -0.0],
        int32_data: vec![-1, 0],
        string_data: vec![Bytes::from_static(b"\xff\x00")],
        int64_data: vec![number, -number],
        name: Some(text.to_owned()),
        double_data: vec![1.5],
        uint64_data: vec![u64::MAX],
        external_data: vec![entry()],
        data_location: Some(1),
        metadata_props: vec![entry()],
        ..TensorProto::default()
    };
    let sparse = || SparseTensorProto { values: Some(tensor()), indices: Some(tensor()), dims: vec![number] };
    let inner = TypeProto {
        value: Some(type_proto::Value::Opaque(type_proto::Opaque {
            domain: Some(text.to_owned()),
            name: None,
        })),
        denotation: Some(text.to_owned()),
    };
    let map = type_proto::Map { key_type: Some(7), value_type: Some(Box::new(inner)) };
    let of = TypeProto { value: Some(type_proto::Value::Map(Box::new(map))), denotation: None };
    let list = type_proto::Of { elem_type: Some(Box::new(of)) };
    let of = TypeProto { value: Some(type_proto::Value::Sequence(Box::new(list))), denotation: None };
    let info = || ValueInfoProto {
        r#type: Some(of.clone()),
        metadata_props: vec![entry()],
        ..ValueInfoProto::default()
    };
    let attribute = AttributeProto {
        name: Some(text.to_owned()),
        f: Some(0.0),
        i: Some(0),
        s: Some(Bytes::new()),
        t: Some(Box::new(tensor())),
        g: Some(Box::new(GraphProto { name: Some(text.to_owned()), ..GraphProto::default() })),
        floats: vec![float; 3],
        ints: vec![number, -1],
        strings: vec![Bytes::from_static(b"s")],
        tensors: vec![tensor()],
        graphs: vec![GraphProto::default()],
        tp: Some(Box::new(of.clone())),
        type_protos: vec![of.clone()],
        r#type: Some(2),
        ref_attr_name: Some(text.to_owned()),
        sparse_tensor: Some(Box::new(sparse())),
        sparse_tensors: vec![sparse()],
        ..AttributeProto::default()
    };
    let node = NodeProto {
        input: vec![String::new(), text.to_owned()],
        output: vec![text.to_owned()],
        op_type: Some("Relu".to_owned()),
        attribute: vec![attribute],
        overload: Some(String::new()),
        metadata_props: vec![entry()],
        ..NodeProto::default()
    };
    let graph = GraphProto {
        node: vec![node.clone()],
        initializer: vec![tensor()],
        sparse_initializer: vec![sparse()],
        input: vec![info()],
        value_info: vec![info()],
        metadata_props: vec![entry()],
        ..GraphProto::default()
    };
    let function = FunctionProto {
        attribute: vec![text.to_owned()],
        node: vec![node],
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(number) }],
        value_info: vec![info()],
        ..FunctionProto::default()
    };
    let training = TrainingInfoProto {
        algorithm: Some(graph.clone()),
        update_binding: vec![entry()],
        ..Default::default()
    };
    ModelProto {
        ir_version: Some(0),
        graph: Some(graph),
        metadata_props: vec![entry()],
        training_info: vec![training],
        functions: vec![function],
        ..ModelProto::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn every_message_survives(text in "[a-zé]{0,5}", number: i64, float in -1e9f32..1e9) {
        let model = unusual(&text, number, float);
        let bytes = model.encode_to_vec();
        let again = ModelProto::decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(&again, &model);
        prop_assert_eq!(again.encode_to_vec(), bytes);
    }
}

#[test]
fn real_files_survive() {
    for (name, bytes) in real::files() {
        let again = ModelProto::decode(bytes.as_slice()).unwrap();
        let written = again.encode_to_vec();
        assert_eq!(ModelProto::decode(written.as_slice()).unwrap(), again, "{name}");
        assert_eq!(written.len(), bytes.len(), "{name}");
        println!(
            "{name}: {}",
            if written == bytes { "the same bytes" } else { "the same messages in another order" }
        );
    }
}

/// tract brings a schema of its own; what it sees in a file must not change by our writing it.
#[test]
fn another_schema_sees_the_same() {
    use tract_onnx::prelude::Framework as _;
    for (name, bytes) in real::files() {
        let written = ModelProto::decode(bytes.as_slice()).unwrap().encode_to_vec();
        let read = |mut bytes: &[u8]| tract_onnx::onnx().proto_model_for_read(&mut bytes).unwrap();
        assert!(read(&bytes) == read(&written), "{name}");
    }
}

#[test]
fn a_field_that_is_not_known_is_not_dropped_silently() {
    let mut bytes = super::build::Build::new(13, &[1, 3, 8, 8]).finish();
    // Field 200 of the model: a number.
    bytes.extend([0xc0, 0x0c, 0x01]);
    assert!(matches!(Model::read(bytes.into()), Err(NotPrepared::Lossy)));
}
