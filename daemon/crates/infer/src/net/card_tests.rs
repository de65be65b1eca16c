//! Sessions of one size with bound input and output, as on a card, but on the processor and in ordinary memory; where `VOW_ORT`
//! names a library.

use std::path::Path;

use vow_types::Size;

use super::*;
use crate::net::split;
use crate::onnx::{self, Dim};
use crate::runtime::{Backend, Provider, ProviderChoice, Runtime, RuntimeChoice};

fn opened(graph: &onnx::Graph, batch: usize) -> Option<Net> {
    let Some(path) = std::env::var_os("VOW_ORT") else {
        println!("skipped: VOW_ORT not set");
        return None;
    };
    let choice = RuntimeChoice::Library(path.into());
    let cpu = ProviderChoice::Only(Provider::Cpu);
    let runtime = Runtime::start(&choice, cpu, Path::new("unused")).unwrap();
    let Backend::OnnxRuntime { environment, .. } = runtime.backend() else { panic!("another runtime") };
    let kept = Arc::new(Kept::new(graph.bytes()));
    Some(Net::open(kept, environment.clone(), Place { batch, ..Place::CPU }).unwrap().0)
}

/// Runs a test once more, in a process of its own, because a process that has loaded a library is not what other tests
/// expect; whether this is that process.
fn is_alone(test: &str) -> bool {
    const ALONE: &str = "VOW_INFER_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let own = std::env::current_exe().unwrap();
    let name = format!("net::card::tests::{test}");
    let mut alone = std::process::Command::new(own);
    let status = alone.args(["--exact", &name, "--nocapture"]).env(ALONE, "1").status();
    assert!(status.unwrap().success());
    false
}

/// Every session that will be asked for, once each, and they give what they would have given.
#[test]
fn sessions_that_are_made_ahead_are_those_that_are_asked_for() {
    if !is_alone("sessions_that_are_made_ahead_are_those_that_are_asked_for") {
        return;
    }
    let graph = onnx::embedder(Dim::Open("batch"), 16);
    let Some(mut net) = opened(&graph, 16) else { return };
    let size = Size { width: 16, height: 16 };
    let wrong = Size { width: 24, height: 16 };
    net.make_ready(&[size, size, wrong], Numbers::Planes(&[]), &|| true);
    let made = |net: &Net| net.sessions.iter().map(|bound| (bound.size, bound.count)).collect::<Vec<_>>();
    assert_eq!(made(&net), [(size, 16), (size, 1)], "what cannot be made is left for later");
    net.make_ready(&[size], Numbers::Planes(&[]), &|| true);
    for count in [1usize, 5, 16, 33] {
        let planes = vec![3.0; count * 768];
        let feed = Feed { numbers: Numbers::Planes(&planes), size, count, pinned: None };
        let read = |outputs: &[Tensor<'_>]| {
            let parts = split(outputs, count)?;
            Ok(parts.iter().map(|part| part[0].to_vec()).collect::<Vec<_>>())
        };
        assert_eq!(net.run(&feed, read).unwrap(), vec![vec![3.0; 12]; count]);
    }
    assert_eq!(made(&net).len(), 2, "none was made twice");
}

#[test]
fn few_pictures_go_one_by_one_and_others_in_a_full_batch() {
    let at_once = |counts: &[usize], batch| -> Vec<usize> {
        counts.iter().map(|count| taken_at_once(*count, batch)).collect()
    };
    assert_eq!(at_once(&[1, 4, 5, 31, 32], 32), [1, 1, 32, 32, 32]);
    assert_eq!(at_once(&[1, 2, 3], 4), [4, 4, 4], "where even one is a good part of a batch");
    assert_eq!(at_once(&[1, 2, 3], 1), [1, 1, 1]);
    // A batch that was halved, and pictures that were gathered for the larger one.
    assert_eq!(at_once(&[32, 16], 16), [16, 16]);
}

/// Batches of several sizes one after the other: nothing of the last one, input or output, is seen in the next.
#[test]
fn what_is_bound_is_what_is_run() {
    if !is_alone("what_is_bound_is_what_is_run") {
        return;
    }
    let (batch, side) = (Dim::Open("batch"), Dim::Is(16));
    let size = Size { width: 16, height: 16 };
    for of_bytes in [false, true] {
        let graph = onnx::embedder(batch, 16);
        let graph = if of_bytes { graph.of_bytes(batch, side, side) } else { graph };
        let Some(mut net) = opened(&graph, 16) else { return };
        let memory = PinnedMemory::ordinary();
        // One by one, a batch that is filled up, a full one, and more than one of them; each with room for as many as it is.
        for (count, value) in [(1usize, 7u8), (2, 9), (5, 200), (16, 11), (4, 12), (37, 13), (5, 14)] {
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
        assert_eq!(net.sessions.len(), 2, "one for a picture and one for a batch, whatever came");

        // Gathered for a whole batch, it is read where it lies: what is black in `numbers` is not looked at.
        let mut pinned =
            if of_bytes { memory.bytes([16, 16, 16, 3]) } else { memory.planes([16, 3, 16, 16]) }.unwrap();
        pinned.bytes_mut().into_iter().for_each(|bytes| bytes.fill(5));
        pinned.planes_mut().into_iter().for_each(|planes| planes.fill(5.0));
        let (planes, bytes) = ([0.0; 5 * 768], [0; 5 * 768]);
        let numbers = if of_bytes { Numbers::Bytes(&bytes) } else { Numbers::Planes(&planes) };
        let feed = Feed { numbers, size, count: 5, pinned: Some(&pinned) };
        let read =
            |outputs: &[Tensor<'_>]| Ok(split(outputs, 5)?.iter().map(|part| part[0][0]).collect::<Vec<_>>());
        assert_eq!(net.run(&feed, read).unwrap(), [5.0; 5]);

        // Memory that was short halves the batch.
        let short = GraphError::Run { runtime: NAME, source: "Failed to allocate memory".into() };
        assert!(short.is_memory());
        assert!(net.learn::<()>(16, Err(short)).is_err());
        assert_eq!((net.batch, net.sessions.len()), (8, 1));
        assert_eq!(net.run(&Feed { pinned: None, ..feed }, read).unwrap(), [0.0; 5]);
    }
}
