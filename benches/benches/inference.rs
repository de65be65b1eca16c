//! Inference beside its peers, on the real weights that users run: `cargo bench -p vow-benches --bench inference`.
//!
//! - sessions: N sessions of one thread against one session of N threads, the rule by which the engine works on a CPU;
//! - buckets: frames by aspect ratio against a square letterbox, on the same album: photos a second, faces found;
//! - engine: frames and crops through the engine against the same sessions in a bare loop (`python/bare_loop.py`);
//! - batches: the engine's memory and speed at 1, 8 and 32 pictures at once;
//! - card: on a GPU, frames and crops through the engine against the same graphs in a bare loop, batch by batch.
//!
//! `VOW_ROUNDS` (3) is how often each is measured, `VOW_SECONDS` (4) for how long. Needs `VOW_ORT` (an ONNX Runtime library), `VOW_BENCH_MODELS` (a folder with the files below; `../shared/models` beside
//! the workspace otherwise), and for the bare loop `VOW_PYTHON` (a Python with onnxruntime; `python3` otherwise). Arguments
//! choose tables by name. What is compared is measured alternately, and the ratio of each pair is what counts.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints its findings, and may panic: that is how it fails"
)]

#[path = "inference/card.rs"]
mod card;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use vow_graph::{Picture, Recipe, prepare};
use vow_infer::{FaceEngine, Models, Provider, ProviderChoice, Runtime, RuntimeChoice, Tuning};
use vow_types::num::{index, usize_to_f64};
use vow_types::{Channels, DetectorSpec, EmbedderSpec, Head, InputFormat, Lane, Orientation, Shift, Size};
use vow_vision::{Framed, PictureView, choose_shape, frame};

const FRAME: Size = Size { width: 640, height: 480 };
const SQUARE: Size = Size { width: 640, height: 640 };

/// File, head and input of a detector.
const DETECTORS: [(&str, Head, Channels, f32, f32); 2] = [
    ("face_detection_yunet_2026may.onnx", Head::Yunet, Channels::Bgr, 0.0, 1.0),
    ("scrfd_2.5g_bnkps.onnx", Head::Scrfd, Channels::Rgb, 127.5, 128.0),
];
const EMBEDDER: &str = "mobilefacenet.onnx";

fn main() {
    let Some(library) = std::env::var_os("VOW_ORT").map(PathBuf::from) else {
        println!("nothing measured: VOW_ORT names no ONNX Runtime library");
        return;
    };
    let folder = std::env::var_os("VOW_BENCH_MODELS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/models"), PathBuf::from);
    if !folder.join(EMBEDDER).exists() {
        println!(
            "nothing measured: {} has no {EMBEDDER}; name a folder in VOW_BENCH_MODELS",
            folder.display()
        );
        return;
    }
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    type Table = (&'static str, fn(&Bench));
    let tables: [Table; 5] = [
        ("sessions", sessions),
        ("buckets", buckets),
        ("engine", engine),
        ("batches", batches),
        ("card", card::card),
    ];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for (name, table) in tables {
        if !(asked.is_empty() || asked.iter().any(|word| word == name)) {
            continue;
        }
        // A process has one ONNX Runtime environment and one peak of memory: each table has a process of its own.
        const CHILD: &str = "VOW_BENCH_CHILD";
        if std::env::var_os(CHILD).is_some() {
            table(&Bench { library: library.clone(), folder: folder.clone(), threads });
        } else {
            let own = std::env::current_exe().unwrap();
            let status = Command::new(own).arg(name).env(CHILD, "1").status().unwrap();
            assert!(status.success(), "{name} failed");
        }
    }
}

struct Bench {
    library: PathBuf,
    folder: PathBuf,
    threads: usize,
}

impl Bench {
    fn models(&self, detector: usize) -> Models {
        let (file, head, channels, mean, std) = DETECTORS[detector];
        let frames = InputFormat { channels, mean, std };
        let crops = InputFormat { channels: Channels::Rgb, mean: 127.5, std: 127.5 };
        Models {
            detector: DetectorSpec { head, input: frames, threshold: 0.5, nms_iou: 0.4 },
            detector_graph: self.prepared(file, frames, Picture::Any),
            embedder: EmbedderSpec {
                input: crops,
                size: 112,
                dimension: 128,
                mirror: false,
                refine: false,
                shift: Shift::default(),
            },
            embedder_graph: self.prepared(EMBEDDER, crops, Picture::Square(112)),
            detector_half: None,
            embedder_half: None,
            known: None,
            learned: None,
            pack_name: file.to_owned(),
            pack_place: "benches".to_owned(),
        }
    }

    /// A graph as the daemon uses it: it takes bytes, and any number of pictures.
    fn prepared(&self, file: &str, input: InputFormat, picture: Picture) -> Vec<u8> {
        prepare(std::fs::read(self.folder.join(file)).unwrap(), &Recipe { input, picture }).graph
    }

    fn runtime(&self, provider: Provider) -> Runtime {
        let choice = RuntimeChoice::Library(self.library.clone());
        Runtime::start(&choice, ProviderChoice::Only(provider), Path::new("unused")).unwrap()
    }

    fn engine(&self, detector: usize, tuning: &Tuning) -> FaceEngine {
        FaceEngine::start(self.models(detector), &self.runtime(Provider::Cpu), tuning).unwrap()
    }
}

/// A number from the environment.
fn setting(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// For how long a rate is measured.
fn seconds() -> u32 {
    setting("VOW_SECONDS", 4)
}

/// Calls `work` from so many threads for some time; calls a second.
fn rate(threads: usize, work: impl Fn(usize) + Sync) -> f64 {
    let time = Duration::from_secs(seconds().into());
    let calls = AtomicU32::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (work, calls) = (&work, &calls);
            scope.spawn(move || {
                while begun.elapsed() < time {
                    work(number);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    f64::from(calls.into_inner()) / begun.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures two things alternately; the rate of each and the middle one of their ratios.
fn against(one: impl Fn() -> f64, other: impl Fn() -> f64) -> (f64, f64, f64) {
    let pairs: Vec<(f64, f64)> = (0..setting("VOW_ROUNDS", 3)).map(|_| (one(), other())).collect();
    let ones = median(pairs.iter().map(|pair| pair.0).collect());
    let others = median(pairs.iter().map(|pair| pair.1).collect());
    (ones, others, median(pairs.iter().map(|pair| pair.0 / pair.1).collect()))
}

fn sessions(bench: &Bench) {
    let environment = ort::init_from(&bench.library).unwrap().with_telemetry(false).build().unwrap();
    let open = |file: &str, threads: usize| {
        Session::builder(&environment)
            .unwrap()
            .with_optimization_level(GraphOptimizationLevel::All)
            .unwrap()
            .with_intra_threads(threads)
            .unwrap()
            .with_memory_pattern(false)
            .unwrap()
            .commit_from_file(bench.folder.join(file))
            .unwrap()
    };
    println!("\nsessions: runs a second on {} threads", bench.threads);
    println!("{:36} {:>12} {:>12} {:>7}", "", "N x 1 thread", "1 x N", "ratio");
    let files = DETECTORS.iter().map(|detector| (detector.0, [1usize, 3, 480, 640]));
    for (file, dims) in files.chain([(EMBEDDER, [1, 3, 112, 112])]) {
        let input = vec![0.5f32; dims.iter().product()];
        let run = |session: &std::sync::Mutex<Session>| {
            let tensor = TensorRef::from_array_view((dims, input.as_slice())).unwrap();
            session.lock().unwrap().run(ort::inputs![tensor]).unwrap();
        };
        let many: Vec<_> = (0..bench.threads).map(|_| std::sync::Mutex::new(open(file, 1))).collect();
        let single = std::sync::Mutex::new(open(file, bench.threads));
        let many = || rate(bench.threads, |number| run(&many[number]));
        let (many, single, ratio) = against(many, || rate(1, |_| run(&single)));
        println!("{file:36} {many:12.1} {single:12.1} {ratio:7.2}");
    }
}

/// Pictures of an album: of the folder `VOW_BENCH_ALBUM`, or of the photos beside the models where there are some.
fn album(bench: &Bench) -> Vec<vow_media::Picture> {
    let beside = ["scenes", "colour"].map(|name| bench.folder.join("../photos").join(name));
    let folders = std::env::var_os("VOW_BENCH_ALBUM").map_or(beside.to_vec(), |folder| vec![folder.into()]);
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let limits = vow_media::Limits::default();
    let picture = |path: &PathBuf| {
        let bytes = std::fs::read(path).ok()?;
        vow_media::decode(&bytes, &vow_media::inspect(&bytes, &limits).ok()?).ok()
    };
    files.iter().filter_map(picture).take(60).collect()
}

fn buckets(bench: &Bench) {
    let album = album(bench);
    if album.is_empty() {
        println!("\nbuckets: not measured, there is no album beside the models");
        return;
    }
    println!("\nbuckets: detection alone on {} photos, {} threads", album.len(), bench.threads);
    println!("{:36} {:>9} {:>9} {:>7} {:>7} {:>7}", "", "photos/s", "square", "ratio", "faces", "square");
    for (number, detector) in DETECTORS.iter().enumerate() {
        let engine = bench.engine(number, &Tuning::new(bench.threads));
        let frames = |shapes: &[Size]| -> Vec<std::sync::Arc<Framed>> {
            let framed = |picture: &vow_media::Picture| {
                let view = PictureView::new(picture.size, &picture.pixels).unwrap();
                let shape = choose_shape(picture.size, shapes).unwrap();
                std::sync::Arc::new(frame(view, Orientation::Upright, shape).unwrap())
            };
            album.iter().map(framed).collect()
        };
        let (bucketed, square) = (frames(engine.shapes()), frames(&[SQUARE]));
        let faces = |frames: &[std::sync::Arc<Framed>]| -> usize {
            frames.iter().map(|frame| engine.detect(frame.clone(), Lane::Backlog).unwrap().value.len()).sum()
        };
        let next = AtomicU32::new(0);
        let speed = |frames: &[std::sync::Arc<Framed>]| {
            rate(engine.wants_in_flight(), |_| {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let frame = &frames[usize::try_from(at).unwrap() % frames.len()];
                engine.detect(frame.clone(), Lane::Backlog).unwrap();
            })
        };
        let (found, found_square) = (faces(&bucketed), faces(&square));
        let (ours, theirs, ratio) = against(|| speed(&bucketed), || speed(&square));
        println!("{:36} {ours:9.1} {theirs:9.1} {ratio:7.2} {found:7} {found_square:7}", detector.0);
    }
}

/// Runs a second of a graph in so many Python threads.
fn bare_loop(provider: Provider, threads: usize, graph: &Path, dims: &str) -> Option<f64> {
    let python = std::env::var_os("VOW_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/bare_loop.py");
    let output = Command::new(python)
        .arg(script)
        .arg(graph)
        .args(["--dims", dims, "--threads", &threads.to_string(), "--seconds", &seconds().to_string()])
        .args(["--provider", provider.name()])
        .output()
        .ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    Some(answer["runs"].as_f64()? / answer["seconds"].as_f64()?)
}

fn engine(bench: &Bench) {
    println!(
        "\nengine: runs a second on {} threads, with all that is done to a picture; at least 0.95 is wished for",
        bench.threads
    );
    println!("{:36} {:>9} {:>9} {:>7}", "", "engine", "bare", "ratio");
    let scratch = tempfile::tempdir().unwrap();
    let show = |file: &str, graph: &[u8], dims: &str, ours: &dyn Fn() -> f64| {
        let path = scratch.path().join(file);
        std::fs::write(&path, graph).unwrap();
        let bare = || bare_loop(Provider::Cpu, bench.threads, &path, dims);
        if bare().is_none() {
            println!("{file:36} {:9.1} {:>9} {:>7}", ours(), "-", "-");
            return;
        }
        let (ours, bare, ratio) = against(ours, || bare().unwrap());
        println!("{file:36} {ours:9.1} {bare:9.1} {ratio:7.2}");
    };
    for (number, detector) in DETECTORS.iter().enumerate() {
        let models = bench.models(number);
        let engine = bench.engine(number, &Tuning::new(bench.threads));
        let framed = Framed {
            shape: FRAME,
            pixels: noise(3 * index(FRAME.width) * index(FRAME.height)),
            fitted: FRAME,
        };
        let framed = std::sync::Arc::new(framed);
        show(detector.0, &models.detector_graph, "1,480,640,3", &|| {
            rate(engine.wants_in_flight(), |_| {
                engine.detect(framed.clone(), Lane::Backlog).unwrap();
            })
        });
        if number == 0 {
            let crop = noise(3 * 112 * 112);
            show(EMBEDDER, &models.embedder_graph, "1,112,112,3", &|| {
                rate(engine.wants_in_flight(), |_| {
                    engine.embed(vec![crop.clone()], Lane::Backlog).unwrap();
                })
            });
        }
    }
}

/// Bytes that look like nothing, always the same.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

/// Peak memory of this process in MiB, by proc(5).
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn batches(bench: &Bench) {
    println!(
        "\nbatches: the embedder through the engine, one thread; the peak is that of the process so far"
    );
    println!("{:>7} {:>9} {:>9}", "batch", "faces/s", "peak MiB");
    for batch in [1usize, 8, 32] {
        let engine = bench.engine(0, &Tuning { batch: Some(batch), ..Tuning::new(1) });
        let crops: Vec<_> = (0..32).map(|_| noise(3 * 112 * 112)).collect();
        let speed = rate(2, |_| {
            engine.embed(crops.clone(), Lane::Backlog).unwrap();
        });
        println!("{batch:7} {:9.1} {:9.0}", speed * usize_to_f64(crops.len()), peak());
    }
}
