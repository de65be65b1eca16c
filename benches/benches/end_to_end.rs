//! A whole album, from files on disk to groups of faces: `vowd --once` beside the usual Python pipeline and the crate `face_id`,
//! with the same weights on the same photos in one run, and beside the floor that its own stages set.
//!
//! `cargo bench -p vow-benches --bench end_to_end` says what it needs. The programs take turns, so that whatever else the
//! machine does hits all alike; the best of the rounds counts.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and may panic: that is how it fails"
)]

#[path = "common/floor.rs"]
mod floor;
#[path = "common/vowd.rs"]
mod vowd;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use vow_models::Pack;
use vow_types::Head;

use crate::floor::Floor;

const NEEDS: &str = "\
end_to_end compares whole programs and needs, in the environment:
  VOW_ALBUM   a folder of photos
  VOW_PACK    a pack folder (pack.toml with a detector and an embedder)
  VOW_ORT     an ONNX Runtime library; without it vowd runs on tract, and the floor is not measured; nor is it for SCRFD
  VOW_PYTHON  a Python with benches/python/requirements.txt installed; without it the peers are left out
  VOW_FACE_ID the program of benches/face_id (cargo build --release --manifest-path benches/face_id/Cargo.toml); needs
              VOW_ORT, and a VOW_PACK with SCRFD exported at 640 x 640; without it that peer is left out
  VOW_PROVIDER  what the networks run on, for vowd and the Python pipeline alike: cpu (the default) or cuda. On a card the floor
              is decoding alone, and the networks' time is hidden behind it
  VOW_ROUNDS  how often each runs (default 2; the best counts)";

fn main() {
    let Some(setup) = Setup::from_env() else {
        println!("{NEEDS}");
        return;
    };
    let vowd = vowd::build();
    let mut contenders = vec![Contender::new("VowImager".to_owned(), Program::Vowd(vowd))];
    if setup.python.is_some() {
        contenders.push(Contender::new("Python, one process".to_owned(), Program::Python { decoders: 0 }));
        // Two on two cores, as measured from the start; elsewhere all cores but the pipeline's own.
        let decoders = (cores() - 1).max(2);
        let name = format!("Python, {decoders} more to decode");
        contenders.push(Contender::new(name, Program::Python { decoders }));
    }
    if let Some((program, library)) = setup.face_id.clone().zip(setup.runtime.clone()) {
        let face_id =
            |threads| Program::FaceId { program: program.clone(), library: library.clone(), threads };
        contenders.push(Contender::new("face_id, one analyzer with all cores".to_owned(), face_id(None)));
        contenders.push(Contender::new("face_id, an analyzer a core".to_owned(), face_id(Some(cores()))));
    }
    let floor = |library: &PathBuf| Floor::open(&setup.album, &setup.pack, library);
    // The floor is put together for one detector's head.
    let is_known = Pack::load(&setup.pack).unwrap().detector.head == Head::Yunet;
    let (mut floor, mut ratios) = (setup.runtime.as_ref().filter(|_| is_known).map(floor), Vec::new());
    for _ in 0..setup.rounds {
        let rates: Vec<f64> = contenders.iter_mut().map(|contender| contender.run(&setup)).collect();
        let Some(floor) = &mut floor else { continue };
        let rate = if setup.provider == "cpu" {
            let (rate, faces) = floor.run();
            println!("the stages alone: {rate:.2} photos/s, {faces} faces");
            rate
        } else {
            let rate = floor.decode();
            println!("decoding alone: {rate:.2} photos/s");
            rate
        };
        ratios.push(rates[0] / rate);
    }
    print(&contenders);
    ratios.sort_by(f64::total_cmp);
    if let Some(middle) = ratios.get(ratios.len() / 2) {
        println!("\nVowImager against its floor, the middle of the rounds: {middle:.2}; all: {ratios:.2?}");
    }
}

struct Setup {
    album: PathBuf,
    pack: PathBuf,
    runtime: Option<PathBuf>,
    python: Option<PathBuf>,
    face_id: Option<PathBuf>,
    provider: String,
    rounds: u32,
}

impl Setup {
    fn from_env() -> Option<Self> {
        let path = |name: &str| vowd::setting(name).map(PathBuf::from);
        Some(Self {
            album: path("VOW_ALBUM")?,
            pack: path("VOW_PACK")?,
            runtime: path("VOW_ORT"),
            python: path("VOW_PYTHON"),
            face_id: path("VOW_FACE_ID"),
            provider: std::env::var("VOW_PROVIDER").unwrap_or_else(|_| "cpu".to_owned()),
            rounds: std::env::var("VOW_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2),
        })
    }
}

enum Program {
    Vowd(PathBuf),
    Python { decoders: usize },
    FaceId { program: PathBuf, library: PathBuf, threads: Option<usize> },
}

struct Contender {
    name: String,
    program: Program,
    best: Option<Outcome>,
}

/// What one run said of itself.
struct Outcome {
    photos_per_s: f64,
    faces: u64,
    memory_mb: f64,
    report: Value,
}

impl Contender {
    fn new(name: String, program: Program) -> Self {
        Self { name, program, best: None }
    }

    /// Runs it once, and gives the photos a second.
    fn run(&mut self, setup: &Setup) -> f64 {
        let outcome = match &self.program {
            Program::Vowd(path) => ours(path, setup),
            Program::Python { decoders } => python(*decoders, setup),
            Program::FaceId { program, library, threads } => {
                let mut command = Command::new(program);
                command.env("ORT_DYLIB_PATH", library).arg(&setup.album).arg(&setup.pack);
                peer(command.args(threads.map(|threads| threads.to_string())))
            }
        };
        println!("{}: {:.2} photos/s, {} faces", self.name, outcome.photos_per_s, outcome.faces);
        let rate = outcome.photos_per_s;
        if self.best.as_ref().is_none_or(|best| rate > best.photos_per_s) {
            self.best = Some(outcome);
        }
        rate
    }
}

/// A cold run: an empty data folder each time. The photos are in the page cache for everybody after the first round.
fn ours(path: &Path, setup: &Setup) -> Outcome {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(path);
    // Its peers do not step back for others either.
    command.args(["--nice", "0"]);
    command.arg("--provider").arg(&setup.provider);
    command.arg("--once").arg("--report").arg("json").arg("--log").arg("warn");
    command.arg("--data-dir").arg(data.path()).arg("--pack").arg(&setup.pack).arg(&setup.album);
    match &setup.runtime {
        Some(library) => command.arg("--runtime").arg(library),
        None => command.arg("--runtime").arg("tract"),
    };
    let report = json(&mut command);
    Outcome {
        photos_per_s: report["photos_per_s"].as_f64().unwrap(),
        faces: report["faces"].as_u64().unwrap(),
        memory_mb: report["memory"]["process_peak_bytes"].as_f64().unwrap() / 1e6,
        report,
    }
}

fn python(decoders: usize, setup: &Setup) -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/pipeline.py");
    let mut command = Command::new(setup.python.as_ref().unwrap());
    command.arg(script).arg(&setup.album).arg(&setup.pack);
    command.arg("--decoders").arg(decoders.to_string()).arg("--provider").arg(&setup.provider);
    peer(&mut command)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// What a peer prints.
fn peer(command: &mut Command) -> Outcome {
    let report = json(command);
    Outcome {
        photos_per_s: report["photos_per_s"].as_f64().unwrap(),
        faces: report["faces"].as_u64().unwrap(),
        memory_mb: report["memory_mb"].as_f64().unwrap(),
        report,
    }
}

fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn print(contenders: &[Contender]) {
    let ours = contenders.first().and_then(|ours| ours.best.as_ref()).unwrap();
    println!(
        "\n| program | photos/s | VowImager against it | faces | peak memory, MB |\n|---|---|---|---|---|"
    );
    for contender in contenders {
        let best = contender.best.as_ref().unwrap();
        let ratio = ours.photos_per_s / best.photos_per_s;
        let (name, faces, memory) = (&contender.name, best.faces, best.memory_mb);
        println!("| {name} | {:.2} | {ratio:.2} x | {faces} | {memory:.0} |", best.photos_per_s);
    }
    println!("\nVowImager's own account of its best run:\n{:#}", ours.report);
}
