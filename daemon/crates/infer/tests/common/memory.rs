//! What an engine that is idle holds: nothing but the files of its networks.

use std::time::{Duration, Instant};

use vow_infer::{FaceEngine, Models, Runtime, Tuning};
use vow_types::{Head, Lane};
use vow_vision::SHAPES;

use super::{crop, framed, real, tiny};

/// Bytes of this process in memory, by proc(5).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Bytes that the process has for itself and did not get from files: what unloading can give back.
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Clock ticks that the process has computed.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    stat.rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|n| n.parse::<u64>().unwrap())
        .sum()
}

fn detect(engine: &FaceEngine) {
    for shape in engine.shapes().to_vec() {
        engine.detect(framed(shape, (1, 1), [255; 3]), Lane::Live).unwrap();
    }
}

/// Loads, works, waits until everything is unloaded, and works again. Alone in its process, or the figures mean nothing.
pub fn idle_networks_give_their_memory_back(runtime: &Runtime) {
    let tuning = Tuning { idle_after: Duration::from_millis(1500), ..Tuning::new(2) };
    let real = real::models(&real::DETECTORS[1], real::EMBEDDERS[0]);
    let is_real = real.is_some();
    let models: Models = real.unwrap_or_else(|| tiny(Head::Yunet));
    let before = anonymous();
    let engine = FaceEngine::start(models, runtime, &tuning).unwrap();
    detect(&engine);
    let loaded = anonymous();
    let begun = Instant::now();
    while engine.loaded() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never unloaded");
        std::thread::sleep(Duration::from_millis(10));
    }
    // The last thread says so before it lets go of what all shared, which takes a while on a busy machine.
    let mut idle = anonymous();
    let mut computed = u64::MAX;
    while begun.elapsed() < Duration::from_secs(60)
        && (computed > 1 || (is_real && !is_given_back(before, loaded, idle)))
    {
        let before_waiting = ticks();
        std::thread::sleep(Duration::from_millis(500));
        (idle, computed) = (anonymous(), ticks() - before_waiting);
    }
    println!(
        "{}: {} MiB before, {} loaded, {} idle ({} resident); {computed} ticks in half a second of idling",
        runtime.name(),
        before >> 20,
        loaded >> 20,
        idle >> 20,
        resident() >> 20,
    );
    assert!(computed <= 1, "an idle engine computes");
    if is_real {
        assert!(is_given_back(before, loaded, idle), "{before} before, {loaded} loaded, {idle} idle");
    }
    detect(&engine);
    assert!(engine.loaded() > 0);
    let answer = engine.detect(framed(SHAPES[1], (1, 1), [255; 3]), Lane::Live);
    answer.unwrap();
    if !is_real {
        engine.embed(vec![crop([[1; 3]; 4])], Lane::Live).unwrap();
    }
}

/// Of the bytes that came with the networks less than a third is left.
fn is_given_back(before: u64, loaded: u64, idle: u64) -> bool {
    idle.saturating_sub(before) * 3 < loaded.saturating_sub(before)
}
