//! The start of the real daemon on a library of 100,000 photos with some 180,000 faces: how long until it answers, until it
//! has compared all files with what it knows, and what it holds in memory when idle. Made-up files and faces, the built-in
//! pack (or `VOW_PACK`), tract (or the library that `VOW_ORT` names). `VOW_FILES` says another number of files.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and may panic: that is how it fails"
)]

#[path = "common/library.rs"]
mod library;
#[path = "common/vowd.rs"]
mod vowd;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use vow_models::Pack;

use crate::vowd::Vowd;

fn main() {
    let program = vowd::build();
    let home = tempfile::tempdir().unwrap();
    let folder = vowd::setting("VOW_PACK").map(PathBuf::from);
    let pack = folder.as_ref().map_or_else(Pack::starter, |folder| Pack::load(folder)).unwrap();
    let begun = Instant::now();
    let (photos, data, faces) = library::make(home.path(), &pack);
    let size = data.join("vow.redb").metadata().unwrap().len() >> 20;
    println!(
        "{} photos, {faces} faces, a store of {size} MiB, made in {:.0} s\n",
        library::size(),
        begun.elapsed().as_secs_f64()
    );

    println!(
        "| start | answers after | processor time | idle after | rescan | memory idle, peak, MB | stops in |"
    );
    println!("|---|---|---|---|---|---|---|");
    let start = || Vowd::start(&program, &data, &photos, folder.as_deref());
    show("without an index", start());
    for _ in 0..3 {
        show("as usual", start());
    }
    let killed = start();
    killed.wait_idle();
    drop(killed);
    show("after a kill at rest", start());
}

fn show(name: &str, daemon: Vowd) {
    let idle = daemon.ready + daemon.wait_idle();
    let begun = Instant::now();
    daemon.rescan();
    // The order is taken up by another thread; a rescan of this size takes longer than that.
    std::thread::sleep(Duration::from_millis(5));
    daemon.wait_idle();
    let rescan = begun.elapsed();
    let status = daemon.status();
    assert_eq!((status.files, status.files_read, status.failures), (u64::from(library::size()), 0, 0));
    let [memory, peak] = daemon.memory();
    let (ready, worked) = (daemon.ready, daemon.worked);
    let stop = daemon.stop();
    println!(
        "| {name} | {ready:.2?} | {worked:.2?} | {idle:.2?} | {rescan:.2?} | {memory:.0}, {peak:.0} | {stop:.2?} |"
    );
}
