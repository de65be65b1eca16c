//! The table for a card: what the engine gets out of it, beside bare calls.

use vow_graph::half;
use vow_infer::{FaceEngine, Provider, Tuning};
use vow_types::Lane;
use vow_types::num::{index, usize_to_f64};
use vow_vision::Framed;

use crate::{Bench, DETECTORS, EMBEDDER, SQUARE, against, bare_loop, noise, rate};

/// What the engine gets out of a card: its two networks by turns, beside the same graphs, in half precision as the engine has
/// them, fed with one and the same batch over and over from ordinary memory by one thread.
pub(crate) fn card(bench: &Bench) {
    const BATCHES: [usize; 2] = [1, 32];
    let runtime = bench.runtime(Provider::Cuda);
    if runtime.provider() != Provider::Cuda {
        println!("\ncard: not measured, there is none: {:?}", runtime.info().providers_passed_over);
        return;
    }
    println!("\ncard: pictures a second, with all that is done to a picture");
    println!("{:36} {:>6} {:>9} {:>9} {:>7}", "", "batch", "engine", "bare", "ratio");
    let scratch = tempfile::tempdir().unwrap();
    let show = |file: &str, graph: &[u8], picture: &str, batch: usize, ours: &dyn Fn() -> f64| {
        let path = scratch.path().join(file);
        std::fs::write(&path, graph).unwrap();
        let bare = || {
            let runs = bare_loop(Provider::Cuda, 1, &path, &format!("{batch},{picture}"));
            runs.unwrap() * usize_to_f64(batch)
        };
        let (ours, bare, ratio) = against(ours, bare);
        println!("{file:36} {batch:6} {ours:9.1} {bare:9.1} {ratio:7.2}");
    };
    for batch in BATCHES {
        let tuning = Tuning { batch: Some(batch), ..Tuning::new(bench.threads) };
        for (number, detector) in DETECTORS.iter().enumerate() {
            let mut models = bench.models(number);
            models.detector_half = half(&models.detector_graph).ok();
            models.embedder_half = half(&models.embedder_graph).ok();
            let taken = |half: &Option<Vec<u8>>, full: &Vec<u8>| half.as_ref().unwrap_or(full).clone();
            let detector_graph = taken(&models.detector_half, &models.detector_graph);
            let embedder_graph = taken(&models.embedder_half, &models.embedder_graph);
            let engine = FaceEngine::start(models, &runtime, &tuning).unwrap();
            assert!(engine.wait_for_card(), "the card is not ready");
            let pixels = noise(3 * index(SQUARE.width) * index(SQUARE.height));
            let framed = std::sync::Arc::new(Framed { shape: SQUARE, pixels, fitted: SQUARE });
            show(detector.0, &detector_graph, "640,640,3", batch, &|| {
                rate(engine.wants_in_flight(), |_| {
                    engine.detect(framed.clone(), Lane::Backlog).unwrap();
                })
            });
            if number == 0 {
                let crop = noise(3 * 112 * 112);
                show(EMBEDDER, &embedder_graph, "112,112,3", batch, &|| {
                    rate(engine.wants_in_flight(), |_| {
                        engine.embed(vec![crop.clone()], Lane::Backlog).unwrap();
                    })
                });
            }
        }
    }
}
