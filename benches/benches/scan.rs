//! A rescan of 100,000 files of which none has changed: the scan, the comparison with what the store knows, and as the
//! floor a bare walk that asks the system for the same. All are in the page cache; what a cold disk costs is not measured
//! here. Processor time stands beside the time that passed: all of it is one thread's. `VOW_FILES` says another number of
//! files.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and may panic: that is how it fails"
)]

#[path = "common/library.rs"]
mod library;

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use vow_store::Store;
use vow_types::{PackId, num};
use vow_watch::{Comparison, Seen};

const ROUNDS: usize = 5;
const PACK: PackId = PackId([1; 16]);

fn main() {
    let home = tempfile::tempdir().unwrap();
    let (root, count) = (home.path().join("photos"), library::size());
    library::make_files(&root, count);
    let store = Store::open(&home.path().join("vow.redb")).unwrap();
    let (folder, _) = library::fill(&store, &root, library::scan(&root), PACK, None);

    let whole = || {
        let known = || library::known(&store, folder, PACK);
        let mut comparison = Comparison::with(known());
        let mut visit = |seen| {
            if let Seen::Picture(picture) = seen {
                comparison.found(&picture).unwrap();
            }
            ControlFlow::Continue(())
        };
        vow_watch::scan(&root, &vow_media::is_picture_name, &mut visit).unwrap();
        let plan = comparison.finish([], known()).unwrap();
        assert_eq!((plan.unchanged, plan.new.len(), plan.gone.len()), (count.into(), 0, 0));
    };
    let bare = || assert_eq!(walk(&root), count);
    let scan = || {
        let read = bytes_read();
        assert_eq!(library::scan(&root).len(), num::index(count));
        // The question itself is what was read since.
        assert!(bytes_read() - read < 1000, "a file was read");
    };
    let known = || assert!(library::known(&store, folder, PACK).all(|file| black_box(file).is_ok()));
    let rows: [(&str, &dyn Fn()); 4] = [
        ("a bare walk with std::fs", &bare),
        ("scan", &scan),
        ("what the store knows", &known),
        ("the whole rescan", &whole),
    ];
    let mut best = [[f64::INFINITY; 2]; 4];
    for _ in 0..ROUNDS {
        for ([passed, worked], (_, work)) in best.iter_mut().zip(rows) {
            let (begun, before) = (Instant::now(), processor());
            work();
            *worked = worked.min((processor() - before).as_secs_f64());
            *passed = passed.min(begun.elapsed().as_secs_f64());
        }
    }
    println!("{count} files, best of {ROUNDS}\n");
    println!(
        "| | ms | files/s | processor ms | files a processor second | of the bare walk's |\n|---|---|---|---|---|---|"
    );
    let [_, floor] = best[0];
    for ([passed, worked], (name, _)) in best.iter().zip(rows) {
        let [rate, at_most] = [passed, worked].map(|seconds| f64::from(count) / seconds);
        let [passed, worked_ms] = [passed, worked].map(|seconds| seconds * 1e3);
        let ratio = worked / floor;
        println!("| {name} | {passed:.0} | {rate:.0} | {worked_ms:.0} | {at_most:.0} | {ratio:.2} x |");
    }
}

/// Time that this thread has had a processor.
fn processor() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// Counts the files below a folder and asks for the size of each.
fn walk(folder: &Path) -> u32 {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            count += walk(&entry.path());
        } else {
            count += u32::from(black_box(entry.metadata().unwrap()).is_file());
        }
    }
    count
}

/// Bytes that this process has read from files so far, from the page cache or not, by proc(5).
fn bytes_read() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}
