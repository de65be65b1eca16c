//! From a photo closed on disk to its answer: a real daemon watches a folder, photos are written into it one by one, and the
//! clock runs from the end of the writing until the daemon says who is in it, every face with its person. First with
//! nothing else to do, then while a backlog is indexed.
//!
//! Needs nothing: without `VOW_ALBUM` (a folder of JPEG photos) photos of 12 megapixels are drawn, and the tiny pack of the
//! tests finds the people drawn into them. With it, `VOW_PACK` names the pack (the built-in one otherwise). `VOW_ORT` names
//! an ONNX Runtime library; without it everything runs on tract.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and may panic: that is how it fails"
)]

#[path = "common/album.rs"]
mod album;
#[path = "common/vowd.rs"]
mod vowd;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vow_tests::{Scene, TinyPack};

use crate::album::variant;
use crate::vowd::Vowd;

/// Photos whose way is timed, each time.
const TIMED: usize = 40;
/// Photos that wait in the backlog at first.
const BACKLOG: usize = 600;
/// Between two photos, so that each comes alone.
const APART: Duration = Duration::from_millis(150);

fn main() {
    let program = vowd::build();
    let home = tempfile::tempdir().unwrap();
    let (originals, pack) = originals(home.path());
    let photo = |number: usize| variant(&originals[number % originals.len()], number);
    println!("photo closed -> all of its faces answered with their people; {TIMED} photos each\n");
    println!("| | median, ms | 95 of 100 within, ms | worst, ms | faces |\n|---|---|---|---|---|");

    let folder = |name: &str| {
        let folder = home.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    };
    let idle = folder("idle");
    let daemon = Vowd::start(&program, &home.path().join("data1"), &idle, pack.as_deref());
    let mut times = Vec::new();
    for number in 0..TIMED {
        daemon.wait_idle();
        std::thread::sleep(APART);
        times.push(put(&daemon, &idle, number, &photo(number)));
    }
    show("nothing else to do", &mut times);
    daemon.stop();

    let busy = folder("busy");
    for number in 0..BACKLOG {
        std::fs::write(busy.join(format!("old{number:04}.jpg")), photo(1000 + number)).unwrap();
    }
    let daemon = Vowd::start(&program, &home.path().join("data2"), &busy, pack.as_deref());
    while daemon.status().photos_inferred < 5 {
        std::thread::sleep(APART);
    }
    let mut times = Vec::new();
    for number in 0..TIMED {
        times.push(put(&daemon, &busy, number, &photo(number)));
        if daemon.status().pending == 0 {
            times.pop();
            println!("the backlog is over: the photos after this one are not timed");
            break;
        }
        std::thread::sleep(APART);
    }
    show("during a backlog", &mut times);
}

/// Writes a photo and waits for the answer: seconds since it was closed, faces.
fn put(daemon: &Vowd, folder: &Path, number: usize, bytes: &[u8]) -> (f64, usize) {
    let path = folder.join(format!("new{number:04}.jpg"));
    std::fs::write(&path, bytes).unwrap();
    let closed = Instant::now();
    loop {
        if let Some(faces) = daemon.faces(&path)
            && faces.iter().all(|face| !face.person_id.is_empty())
        {
            return (closed.elapsed().as_secs_f64(), faces.len());
        }
        assert!(closed.elapsed() < Duration::from_secs(60), "no answer: {:#?}", daemon.status());
        std::thread::sleep(vowd::PAUSE);
    }
}

fn show(name: &str, times: &mut [(f64, usize)]) {
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let faces: usize = times.iter().map(|(_, faces)| faces).sum();
    let at = |share: usize| times[(times.len() * share).div_ceil(100).max(1) - 1].0 * 1e3;
    println!("| {name} | {:.0} | {:.0} | {:.0} | {faces} |", at(50), at(95), at(100));
}

/// The album with the pack it is for.
fn originals(home: &Path) -> (Vec<Vec<u8>>, Option<PathBuf>) {
    if let Some(folder) = vowd::setting("VOW_ALBUM") {
        let photos = album::photos(Path::new(&folder), usize::MAX);
        return (photos, vowd::setting("VOW_PACK").map(PathBuf::from));
    }
    let draw = |seed: u32| {
        let who = [seed, seed + 1, 30 + seed];
        vow_tests::files::jpeg(&Scene::new(4000, 3000, seed.into()).with_row(&who).draw(), 92)
    };
    ((1..7).map(draw).collect(), Some(TinyPack::default().write(&home.join("pack")).unwrap()))
}
