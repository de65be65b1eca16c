//! HEIC photos, decoded by ours and by its peers: heifer (pure Rust, of whose decoder `vow-hevc` uses parts), C++'s libheif with libde265
//! and ffmpeg's decoder through Python. On one thread; the decoders take turns and the best of the rounds counts.
//!
//! A drawn photo of 12 megapixels with the noise of a camera, and the files of the folder that `VOW_HEICS` names. `VOW_PYTHON` names a
//! Python with pillow-heif and PyAV; without one those columns are empty. ffmpeg's figure is of the coded pictures alone: nothing is
//! put together, and no colour becomes RGB.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and may panic: that is how it fails"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use vow_media::{Buffers, Decoding, Limits, Scale};
use vow_tests::Scene;

const ROUNDS: u32 = 7;

fn main() {
    println!("processor ms, best of {ROUNDS} rounds, one thread; in brackets against ours\n");
    println!("| file | MB | megapixels | ours | heifer | libheif (C++) | ffmpeg's decoder (C) |");
    println!("|---{}", "|---".repeat(6) + "|");
    let mut buffers = Buffers::default();
    for (name, bytes) in [("drawn".to_owned(), drawn())].into_iter().chain(files()) {
        let header = vow_media::inspect(&bytes, &Limits::default()).unwrap();
        let [mut ours, mut peer] = [f64::INFINITY; 2];
        for _ in 0..ROUNDS {
            ours = ours.min(took(|| {
                let header = vow_media::inspect(&bytes, &Limits::default()).unwrap();
                Decoding::new(&bytes, &header, &mut buffers).decode(Scale::Full).unwrap();
            }));
            let options = heifer::Options { max_threads: 1, ..heifer::Options::default() };
            peer = peer.min(took(|| {
                heifer::decode_with_options(&bytes, &options).unwrap().to_rgb8();
            }));
        }
        let [libheif, ffmpeg] = python(&bytes);
        let cell =
            |ms: f64| if ms.is_finite() { format!("{ms:.0} ({:.2})", ms / ours) } else { "-".to_owned() };
        let [size, pixels] = [bytes.len(), usize::try_from(header.coded.pixels()).unwrap()].map(megas);
        println!(
            "| {name} | {size:.1} | {pixels:.1} | {ours:.0} | {} | {} | {} |",
            cell(peer),
            cell(libheif),
            cell(ffmpeg)
        );
    }
}

fn megas(count: usize) -> f64 {
    vow_types::num::usize_to_f64(count) / 1e6
}

/// Milliseconds of a processor.
fn took(work: impl FnOnce()) -> f64 {
    let now = || -> Duration { clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap() };
    let begun = now();
    work();
    (now() - begun).as_secs_f64() * 1e3
}

fn drawn() -> Vec<u8> {
    let picture = Scene::new(4032, 3024, 1).with_row(&[1, 2, 3]).draw();
    heifer::encode_rgb8(
        picture.width(),
        picture.height(),
        picture.as_raw(),
        &heifer::EncodeOptions::default(),
    )
    .unwrap()
}

fn files() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = std::env::var_os("VOW_HEICS") else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("heic")));
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

/// Of libheif and ffmpeg, measured by Python itself.
fn python(bytes: &[u8]) -> [f64; 2] {
    let none = [f64::INFINITY; 2];
    let Some(python) = std::env::var_os("VOW_PYTHON") else { return none };
    let file = tempfile::Builder::new().suffix(".heic").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/heic.py");
    let output = Command::new(python).arg(script).arg(file.path()).arg(ROUNDS.to_string()).output().unwrap();
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { return none };
    ["libheif", "ffmpeg"].map(|name| answer[name].as_f64().unwrap_or(f64::INFINITY))
}
