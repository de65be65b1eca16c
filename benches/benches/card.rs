//! A daemon with a graphics card: what it does in the time until the card is ready, what it does with it, what the cores do
//! alone, how busy both are meanwhile, and what happens when the card gets hot or others take its memory.
//!
//! `cargo bench -p vow-benches --bench card` says what it needs.
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

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use image::imageops::FilterType;
use vow_proto::v1;
use vow_proto::v1::card::State;
use zune_core::bytestream::ZCursor;
use zune_jpeg::JpegDecoder;

use crate::album::variant;
use crate::vowd::Vowd;

const NEEDS: &str = "\
card needs, in the environment:
  VOW_ALBUM     a folder of JPEG photos
  VOW_PACK      a pack folder
  VOW_ORT       an ONNX Runtime library for the card
  VOW_PROVIDER  how the card is asked (default cuda)
  VOW_PHOTOS    photos of each batch (default 640), made of the album's; ten times as many small ones
  VOW_PYTHON    a Python, for the program that takes the card's memory; without it that is left out";

/// Photos of the album that the others are made of: all lie in memory.
const ORIGINALS: usize = 64;
/// Pixels on a row of small photos.
const SMALL: u32 = 1024;
/// The lowest ceiling that can be set, °C.
const LOWEST: u32 = 40;
/// Nothing takes longer on a card that works.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(50);

fn main() {
    let path = |name: &str| vowd::setting(name).map(PathBuf::from);
    let (Some(folder), Some(pack), Some(_)) = (path("VOW_ALBUM"), path("VOW_PACK"), path("VOW_ORT")) else {
        println!("{NEEDS}");
        return;
    };
    let provider = std::env::var("VOW_PROVIDER").unwrap_or_else(|_| "cuda".to_owned());
    let count = std::env::var("VOW_PHOTOS").ok().and_then(|text| text.parse().ok()).unwrap_or(640);
    let bench = Bench { program: vowd::build(), pack, provider, scratch: tempfile::tempdir().unwrap() };
    let originals = album::photos(&folder, ORIGINALS);
    let small: Vec<Vec<u8>> = originals.iter().map(|jpeg| small(jpeg)).collect();

    println!(
        "| photos | | photos/s | cores | card | faces | peak memory, MB |\n|---|---|---|---|---|---|---|"
    );
    let hottest = bench.kind("as they are", &originals, count);
    bench.kind("small", &small, 10 * count);
    bench.heat(&originals, count, hottest);
    if let Some(python) = path("VOW_PYTHON") {
        bench.memory(&small, 10 * count, &python);
    }
}

struct Bench {
    program: PathBuf,
    pack: PathBuf,
    provider: String,
    scratch: tempfile::TempDir,
}

impl Bench {
    /// A daemon that watches an empty folder.
    fn daemon(&self, name: &str, args: &[&str]) -> (Vowd, PathBuf) {
        let home = self.scratch.path().join(name);
        let folder = home.join("photos");
        std::fs::create_dir_all(&folder).unwrap();
        let daemon = Vowd::start_with(&self.program, &home.join("data"), &folder, Some(&self.pack), args);
        daemon.wait_idle();
        (daemon, folder)
    }

    /// Photos that come into a folder all at once; none was there before.
    fn put(&self, folder: &Path, originals: &[Vec<u8>], numbers: std::ops::Range<usize>) {
        let name = format!("from {}", numbers.start);
        let fresh = self.scratch.path().join(&name);
        std::fs::create_dir(&fresh).unwrap();
        for number in numbers {
            let bytes = variant(&originals[number % originals.len()], number / originals.len());
            std::fs::write(fresh.join(format!("{number:05}.jpg")), bytes).unwrap();
        }
        std::fs::rename(fresh, folder.join(name)).unwrap();
    }

    /// One table's rows, and the highest temperature that was seen.
    fn kind(&self, name: &str, originals: &[Vec<u8>], count: usize) -> Option<f64> {
        let (alone, folder) = self.daemon(&format!("{name} alone"), &["--provider", "cpu"]);
        self.work(&alone, name, "the cores alone", || self.put(&folder, originals, 0..count));
        alone.stop();

        let (daemon, folder) = self.daemon(name, &["--provider", &self.provider]);
        let begun = Instant::now();
        let mut ready = None;
        self.work(&daemon, name, "until the card is ready, and after", || {
            self.put(&folder, originals, 0..count);
            ready = wait(&daemon, |card| card.state() == State::Ready).map(|_| begun.elapsed());
        });
        if ready.is_none() {
            println!("the card: {:?}", daemon.status().card);
            return None;
        }
        println!("| | the card was ready after {:.1} s | | | | | |", ready.unwrap().as_secs_f64());
        self.work(&daemon, name, "with the card", || self.put(&folder, originals, count..2 * count));
        let hottest = daemon.report().gpu.and_then(|gpu| gpu.celsius).map(|celsius| celsius.peak);
        daemon.stop();
        hottest
    }

    /// What was done since it was last idle, as a row.
    fn work(&self, daemon: &Vowd, kind: &str, how: &str, put: impl FnOnce()) {
        let before = daemon.report();
        put();
        while daemon.report().photos_inferred == before.photos_inferred {
            std::thread::sleep(PAUSE);
        }
        daemon.wait_idle();
        let after = daemon.report();
        let seconds = after.work_s - before.work_s;
        let during = |of: &dyn Fn(&v1::ReportResponse) -> Option<f64>| {
            let whole = of(&after)? * after.work_s - of(&before).unwrap_or_default() * before.work_s;
            Some(whole / seconds)
        };
        let cores = during(&|report| Some(report.cpu.as_ref()?.process_percent?.mean));
        let card = during(&|report| Some(report.gpu.as_ref()?.use_percent?.mean));
        let percent = |of: Option<f64>| of.map_or_else(|| "?".to_owned(), |mean| format!("{mean:.0} %"));
        let done = after.photos_inferred - before.photos_inferred;
        let rate = u32::try_from(done).map_or(f64::NAN, f64::from) / seconds;
        let (cores, card, faces) = (percent(cores), percent(card), after.faces - before.faces);
        println!("| {kind} | {how} | {rate:.1} | {cores} | {card} | {faces} | {:.0} |", daemon.memory()[1]);
        assert_eq!(after.failures, 0, "photos failed");
    }

    /// A ceiling that the card reaches at work: everything waits, and goes on once it has cooled.
    fn heat(&self, originals: &[Vec<u8>], count: usize, hottest: Option<f64>) {
        println!("\nheat");
        let Some(ceiling) =
            (LOWEST..120).rev().find(|ceiling| hottest.is_some_and(|hot| f64::from(*ceiling) < hot))
        else {
            println!(
                "not seen: the card had {hottest:?} °C at most, and no ceiling below {LOWEST} can be set"
            );
            return;
        };
        let text = ceiling.to_string();
        let (daemon, folder) = self.daemon("heat", &["--provider", &self.provider, "--gpu-ceiling", &text]);
        self.put(&folder, originals, 0..count);
        let begun = Instant::now();
        let (mut held, mut went_on) = (None, false);
        while begun.elapsed() < PATIENCE {
            let status = daemon.status();
            match status.hold.and_then(|hold| hold.celsius) {
                Some(celsius) if held.is_none() => {
                    println!(
                        "held up at {celsius} °C (ceiling {ceiling}) after {:.1} s",
                        begun.elapsed().as_secs_f64()
                    );
                    held = Some(status.photos_inferred);
                }
                None if held.is_some() && !went_on && status.pending > 0 => {
                    went_on = true;
                    println!("went on after {:.1} s", begun.elapsed().as_secs_f64());
                }
                _ if status.pending == 0 && status.photos_inferred > 0 => break,
                _ => {}
            }
            std::thread::sleep(PAUSE);
        }
        let status = daemon.status();
        println!(
            "{} photos done, {} to go, {} failed",
            status.photos_inferred, status.pending, status.failures
        );
    }

    /// Others take the card's memory while it works, and give it back.
    fn memory(&self, originals: &[Vec<u8>], count: usize, python: &Path) {
        println!("\nmemory");
        let (daemon, folder) = self.daemon("memory", &["--provider", &self.provider]);
        self.put(&folder, originals, 0..count);
        assert!(wait(&daemon, |card| card.state() == State::Ready).is_some(), "the card is not ready");
        let hog = hog(python);
        self.put(&folder, originals, count..2 * count);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && daemon.status().pending > 0 {
            std::thread::sleep(PAUSE);
        }
        let status = daemon.status();
        println!(
            "taken in mid-work: {} done, {} failed; the card: {:?}",
            status.photos_inferred, status.failures, status.card
        );
        drop(hog);
        // New work wakes it, and a rest is a minute.
        let begun = Instant::now();
        for number in 2.. {
            if wait_for(&daemon, PAUSE, |card| card.state() == State::Ready).is_some()
                || begun.elapsed() > PATIENCE
            {
                break;
            }
            self.put(&folder, originals, number * count..number * count + 64);
            std::thread::sleep(Duration::from_secs(5));
        }
        println!("given back: {:?} after {:.0} s", daemon.status().card, begun.elapsed().as_secs_f64());
        assert_eq!(daemon.status().failures, 0, "photos failed");
    }
}

/// A program that holds the card's memory until it is dropped.
struct Hog(Child);

impl Drop for Hog {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hog(python: &Path) -> Hog {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/hog.py");
    let mut command = Command::new(python);
    let mut hog = Hog(command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(hog.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "nothing takes the card's memory");
    println!("others took the card's memory: {}", line.trim());
    hog
}

/// The card once it is so; `None` where there is none, it does not work, or it takes too long.
fn wait(daemon: &Vowd, is_so: impl Fn(&v1::Card) -> bool) -> Option<v1::Card> {
    wait_for(daemon, PATIENCE, is_so)
}

fn wait_for(daemon: &Vowd, patience: Duration, is_so: impl Fn(&v1::Card) -> bool) -> Option<v1::Card> {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        let card = daemon.status().card?;
        if is_so(&card) {
            return Some(card);
        }
        if card.state() == State::GivenUp {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
    None
}

/// The same photo, so many pixels wide, and standing as its pixels do.
fn small(jpeg: &[u8]) -> Vec<u8> {
    let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
    let pixels = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    let [width, height] = [width, height].map(|side| u32::try_from(side).unwrap());
    let picture = image::RgbImage::from_raw(width, height, pixels).unwrap();
    let picture = image::imageops::resize(&picture, SMALL, SMALL * height / width, FilterType::Triangle);
    vow_tests::files::jpeg(&picture, 90)
}
