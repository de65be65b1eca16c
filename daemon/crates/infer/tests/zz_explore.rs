//! exploration
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a test may panic: that is how it fails; its counts are small"
)]
mod common;
use common::onnx::{self, Dim};
use common::tiny;
use std::path::Path;
use vow_infer::*;
use vow_types::Head;
#[test]
fn explore() {
    let tract = std::env::var_os("VOW_ORT").is_none();
    let choice = match std::env::var_os("VOW_ORT") { Some(p) => RuntimeChoice::Library(p.into()), None => RuntimeChoice::Tract };
    let runtime = Runtime::start(&choice, Path::new("unused")).unwrap();
    let base = onnx::yunet(Dim::Is(96), Dim::Is(160)).bytes();
    let mut seed = 12345u64;
    let mut rnd = || { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; seed };
    let n: usize = std::env::var("N").unwrap().parse().unwrap();
    let (mut ok, mut pack, mut panics) = (0, 0, std::collections::BTreeMap::<String, usize>::new());
    std::panic::set_hook(Box::new(|_| {}));
    for i in 0..n {
        let mut bytes = base.clone();
        let flips = 1 + rnd() % 3;
        for _ in 0..flips { let at = (rnd() % bytes.len() as u64) as usize; bytes[at] = rnd() as u8; }
        std::fs::write("/tmp/last.onnx", &bytes).unwrap();
        let _ = (i, tract);
        match FaceEngine::start(Models { detector_graph: bytes, ..tiny(Head::Yunet) }, &runtime, 1) {
            Ok(_) => ok += 1,
            Err(InferError::Pack { source: GraphError::Panicked { message }, .. }) => { *panics.entry(message.chars().take(60).collect()).or_default() += 1; }
            Err(InferError::Pack { .. }) => pack += 1,
            Err(e) => { *panics.entry(format!("OTHER {e}")).or_default() += 1; }
        }
    }
    println!("ok {ok} pack {pack} panics {panics:#?}");
}
