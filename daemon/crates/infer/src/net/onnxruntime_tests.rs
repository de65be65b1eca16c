//! Bound input and output, as on a card, with ordinary memory in the place of pinned; where `VOW_ORT` names a library.

use std::path::Path;

use vow_types::Size;

use super::*;
use crate::net::split;
use crate::onnx::{self, Dim};
use crate::runtime::{Backend, ProviderChoice, Runtime, RuntimeChoice};

fn bound(graph: &onnx::Graph) -> Option<Net> {
    let Some(path) = std::env::var_os("VOW_ORT") else {
        println!("skipped: VOW_ORT not set");
        return None;
    };
    let choice = RuntimeChoice::Library(path.into());
    let runtime = Runtime::start(&choice, ProviderChoice::Auto, Path::new("unused")).unwrap();
    let Backend::OnnxRuntime { environment, .. } = runtime.backend() else { panic!("another runtime") };
    let mut net = Net::open(environment, &graph.bytes(), Place::CPU).unwrap();
    net.bind().unwrap();
    Some(net)
}

/// Batches of several sizes one after the other: nothing of the last one, input or output, is seen in the next. In a
/// process of its own, because a process that has loaded a library is not what other tests expect.
#[test]
fn what_is_bound_is_what_is_run() {
    const ALONE: &str = "VOW_INFER_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let own = std::env::current_exe().unwrap();
        let name = "net::onnxruntime::tests::what_is_bound_is_what_is_run";
        let mut alone = std::process::Command::new(own);
        let status = alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1").status();
        assert!(status.unwrap().success());
        return;
    }
    let (batch, side) = (Dim::Open("batch"), Dim::Is(16));
    let size = Size { width: 16, height: 16 };
    for of_bytes in [false, true] {
        let graph = onnx::embedder(batch, 16);
        let graph = if of_bytes { graph.of_bytes(batch, side, side) } else { graph };
        let Some(mut net) = bound(&graph) else { return };
        let memory = PinnedMemory::ordinary();
        for (count, value) in [(1usize, 7u8), (4, 9), (2, 200), (4, 11)] {
            let mut pinned = if of_bytes {
                memory.bytes([count, 16, 16, 3]).unwrap()
            } else {
                memory.planes([count, 3, 16, 16]).unwrap()
            };
            if let Some(bytes) = pinned.bytes_mut() {
                bytes.fill(value);
            }
            if let Some(planes) = pinned.planes_mut() {
                planes.fill(f32::from(value));
            }
            assert!(pinned.has(if of_bytes { [count, 16, 16, 3] } else { [count, 3, 16, 16] }));
            let feed = Feed { numbers: pinned.numbers().unwrap(), size, count, pinned: Some(&pinned) };
            let read = |outputs: &[Tensor<'_>]| {
                let parts = split(outputs, count)?;
                Ok(parts.iter().map(|part| part[0].to_vec()).collect::<Vec<_>>())
            };
            let by_binding = net.run(&feed, read).unwrap();
            assert_eq!(by_binding, vec![vec![f32::from(value); 12]; count]);
            let by_copy = net.run(&Feed { pinned: None, ..feed }, read).unwrap();
            assert_eq!(by_copy, by_binding);
        }
    }
}
