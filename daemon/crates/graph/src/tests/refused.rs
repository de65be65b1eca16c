//! What is not understood is left as it was, with a reason that names the place.

use super::build::Build;
use super::{RGB, recipe};
use crate::error::NotPrepared;
use crate::node::{int, ints, node};
use crate::prepare::{Picture, Recipe, prepare};

fn why(graph: Vec<u8>) -> String {
    let prepared = prepare(graph.clone(), &recipe(RGB));
    assert_eq!(prepared.graph, graph, "it is as it was");
    prepared.did.unwrap_err().to_string()
}

fn refused(inputs: &[i64], make: impl Fn(&mut Build)) -> String {
    let mut b = Build::new(13, inputs);
    make(&mut b);
    why(b.finish())
}

#[test]
fn pictures_must_not_be_mixed() {
    let picture = [1, 3, 8, 8];
    let mean_of_all = refused(&picture, |b| {
        let mean = b.op("ReduceMean", &["x"], vec![ints("axes", &[0, 2, 3])]);
        b.output(&mean, &[1, 3, 1, 1]);
    });
    assert!(mean_of_all.contains("(ReduceMean): it works along the axis of the pictures"), "{mean_of_all}");

    let turned = refused(&picture, |b| {
        let turned = b.op("Transpose", &["x"], vec![ints("perm", &[2, 3, 0, 1])]);
        b.output(&turned, &[8, 8, 1, 3]);
    });
    assert!(turned.contains("its pictures side by side"), "{turned}");

    let softmax = refused(&picture, |b| {
        let soft = b.op("Softmax", &["x"], vec![int("axis", 0)]);
        b.output(&soft, &picture);
    });
    assert!(softmax.contains("axis of the pictures"), "{softmax}");

    let added = refused(&picture, |b| {
        let other = b.weights(&[2, 3, 8, 8]);
        let sum = b.op("Add", &["x", &other], Vec::new());
        b.output(&sum, &[2, 3, 8, 8]);
    });
    assert!(added.contains("reaches across pictures"), "{added}");

    // A matrix of two rows, added to the rows of a batch, would give each picture another one.
    let rows = refused(&picture, |b| {
        let shape = b.ints(&[1, -1]);
        let flat = b.op("Reshape", &["x", &shape], Vec::new());
        let (weights, bias) = (b.weights(&[192, 4]), b.weights(&[2, 4]));
        let rows = b.op("Gemm", &[&flat, &weights, &bias], Vec::new());
        b.output(&rows, &[2, 4]);
    });
    assert!(rows.contains("something else to each row"), "{rows}");
}

#[test]
fn an_output_without_pictures_is_no_output() {
    let constant = refused(&[1, 3, 8, 8], |b| {
        let list = b.ints(&[4]);
        let filled = b.op("ConstantOfShape", &[&list], Vec::new());
        b.output(&filled, &[4]);
    });
    assert!(constant.contains("not one for each picture"), "{constant}");
}

#[test]
fn computing_with_the_number_of_pictures_is_not_followed() {
    let why = refused(&[1, 3, 8, 8], |b| {
        let shape = b.op("Shape", &["x"], Vec::new());
        let filled = b.op("ConstantOfShape", &[&shape], Vec::new());
        let sum = b.op("Add", &["x", &filled], Vec::new());
        b.output(&sum, &[1, 3, 8, 8]);
    });
    assert!(why.contains("(ConstantOfShape): it computes with the number of pictures"), "{why}");
}

#[test]
fn unknown_operators_and_forms_are_named() {
    let unknown = refused(&[1, 3, 8, 8], |b| {
        let mut node = node("FusedConv", &["x"], "y", Vec::new());
        node.domain = Some("com.microsoft".to_owned());
        b.graph.node.push(node);
        b.output("y", &[1, 3, 8, 8]);
    });
    assert!(unknown.contains("node `y` (FusedConv): operators of `com.microsoft`"), "{unknown}");

    let several = refused(&[4, 3, 8, 8], |b| {
        let y = b.op("Relu", &["x"], Vec::new());
        b.output(&y, &[4, 3, 8, 8]);
    });
    assert!(several.contains("several pictures at once"), "{several}");

    let grey = refused(&[1, 1, 8, 8], |b| {
        let y = b.op("Relu", &["x"], Vec::new());
        b.output(&y, &[1, 1, 8, 8]);
    });
    assert!(grey.contains("three planes"), "{grey}");

    let out_of_order = refused(&[1, 3, 8, 8], |b| {
        b.graph.node.push(node("Relu", &["later"], "y", Vec::new()));
        b.graph.node.push(node("Relu", &["x"], "later", Vec::new()));
        b.output("y", &[1, 3, 8, 8]);
    });
    assert!(out_of_order.contains("`later`, which nothing has made yet"), "{out_of_order}");

    let mut b = Build::new(6, &[1, 3, 8, 8]);
    let y = b.op("Relu", &["x"], Vec::new());
    b.output(&y, &[1, 3, 8, 8]);
    let old = why(b.finish());
    assert!(old.contains("operator set 6; 7 to 23"), "{old}");

    assert!(matches!(prepare(b"no graph".to_vec(), &recipe(RGB)).did, Err(NotPrepared::NotOnnx(_))));
    assert!(matches!(prepare(Vec::new(), &recipe(RGB)).did, Err(NotPrepared::Form(_))));
}

#[test]
fn a_prepared_graph_is_not_prepared_again() {
    let mut b = Build::new(13, &[1, 3, 8, 8]);
    let y = b.op("Relu", &["x"], Vec::new());
    b.output(&y, &[1, 3, 8, 8]);
    let once = prepare(b.finish(), &recipe(RGB));
    once.did.unwrap();
    assert!(why(once.graph).contains("three planes"));
}

#[test]
fn open_sides_are_fixed_to_what_they_will_be_given() {
    let mut b = Build::new(13, &[0, 3, 0, 0]);
    let trunk = b.conv("x", 3, 4);
    let shape = b.ints(&[-1, 64]);
    let y = b.op("Reshape", &[&trunk, &shape], Vec::new());
    b.output(&y, &[0, 64]);
    let graph = b.finish();
    let recipe = Recipe { input: RGB, picture: Picture::Square(8) };
    let prepared = prepare(graph, &recipe);
    prepared.did.unwrap();
    // With 8 x 8 pixels a row of 64 is one picture's, so the embedder keeps its two dimensions.
    let model = crate::model::Model::read(prepared.graph.into()).unwrap();
    let port = crate::model::Port::read(&model.graph.output[0]).unwrap();
    assert_eq!(port.dims.unwrap().len(), 2);
    assert!(format!("{:?}", model.input().unwrap().dims).contains("Is(8), Is(8), Is(3)"));
}
