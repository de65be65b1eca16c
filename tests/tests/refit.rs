//! Sorting out anew says how far it is, and whoever listens can call it off at any moment.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vow_engine::{Config, Engine, EngineError, Method, PackChoice, RefitStage, RefitStep, RuntimeChoice};
use vow_tests::{Home, Scene};

/// An engine that has found a dozen faces.
fn engine(home: &Home) -> Engine {
    for seed in 0..4 {
        Scene::new(900, 600, seed).with_row(&[1, 2, 3]).save(home.photos().join(format!("{seed}.jpg")));
    }
    let mut config = Config::new(home.data());
    config.pack = PackChoice::Folder(home.pack());
    config.runtime = RuntimeChoice::Tract;
    let engine = Engine::open(&config, &[home.photos()]).unwrap();
    let begun = Instant::now();
    while !engine.is_idle() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it never falls idle");
        std::thread::sleep(Duration::from_millis(5));
    }
    engine
}

fn ways() -> [Method; 2] {
    // As near as that nobody is: everybody would fall apart.
    let apart = vow_engine::DbscanParams { eps: 0.001, min_samples: 3 };
    [Method::Grow(Some(0.9)), Method::Dbscan(apart)]
}

#[test]
fn every_stage_is_told_and_how_far_it_is() {
    let home = Home::new();
    let engine = engine(&home);
    for method in ways() {
        let steps = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&steps);
        let onlooker = move |step| {
            told.lock().unwrap().push(step);
            true
        };
        engine.refit(method, false, Arc::new(onlooker)).unwrap();
        let steps: Vec<RefitStep> = steps.lock().unwrap().clone();
        let mut stages: Vec<RefitStage> = steps.iter().map(|step| step.stage).collect();
        stages.dedup();
        use RefitStage::{Applying, Comparing, Density, Merging, Reading};
        match method {
            Method::Grow(_) => assert_eq!(stages, [Reading, Comparing, Merging, Applying]),
            Method::Dbscan(_) => assert_eq!(stages, [Reading, Density, Comparing, Merging, Applying]),
        }
        for step in &steps {
            match step.stage {
                Reading | Density | Comparing => assert_eq!(step.total, Some(12), "{step:?}"),
                // Scoring, and as many merges as there are faces with somebody to go to.
                Merging => assert!(step.total.is_some_and(|total| (12..=24).contains(&total)), "{step:?}"),
                Applying => assert_eq!(step.total, None),
            }
            assert!(step.done <= step.total.unwrap_or_default(), "{step:?}");
        }
        assert!(steps.iter().all(|step| step.stage != Density || step.done == 12), "one block: {steps:?}");
    }
    engine.stop();
}

#[test]
fn whoever_calls_it_off_finds_everything_as_it_was() {
    let home = Home::new();
    let engine = engine(&home);
    let journal = || engine.history(None, 0, 10).unwrap().0.len();
    for method in ways() {
        let before = journal();
        let mut after = 0;
        loop {
            let told = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&told);
            let onlooker = move |_| counted.fetch_add(1, Ordering::SeqCst) < after;
            match engine.refit(method, true, Arc::new(onlooker)) {
                Err(EngineError::Cancelled) => {
                    assert_eq!(told.load(Ordering::SeqCst), after + 1, "it ends at once: {method:?}");
                    assert_eq!(journal(), before, "{method:?} {after}");
                }
                Ok((_, done)) => break assert!(done.is_some(), "{method:?}"),
                Err(other) => panic!("{other}"),
            }
            after += 1;
        }
        assert!(after >= 4, "it can be called off in every stage: {after}");
        assert_eq!(journal(), before + 1);
    }
    engine.stop();
}
