//! What the work costs and how it is held up, through the real programs: report, plot, metrics, pause, battery, heat.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use vow_engine::{Config, Engine, Hold, PackChoice, RuntimeChoice, State};
use vow_tests::{Daemon, Home, Scene};

const STAGES: [&str; 9] =
    ["scan", "read", "decode", "resize", "detect", "align", "embed", "commit", "cluster"];

/// Waiting longer than this means that it never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Photos of two people each, none like another.
fn album(home: &Home, photos: u64) {
    for seed in 0..photos {
        Scene::new(640, 480, 1000 + seed)
            .with_row(&[1, 2])
            .save(home.photos().join(format!("{seed:03}.jpg")));
    }
}

fn wait<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited for: {what}");
        thread::sleep(Duration::from_millis(25));
    }
}

/// Waits until photos wait and none is on its way.
fn paused(daemon: &Daemon) -> Value {
    wait("paused", || Some(daemon.status()).filter(|status| status["state"] == "paused"))
}

fn check_report(report: &Value, photos: u64) {
    assert_eq!((&report["photos"], &report["faces"]), (&photos.into(), &(2 * photos).into()), "{report:#}");
    for key in ["wall_s", "work_s", "photos_per_s"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}: {report:#}");
    }
    assert!(report["clusters"].as_u64().unwrap() >= 2, "{report:#}");
    let stages = report["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, STAGES);
    let sum: f64 = stages.iter().map(|stage| stage["share"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-3, "shares sum to {sum}");
    let busy =
        |name: &str| stages.iter().find(|stage| stage["stage"] == name).unwrap()["busy_s"].as_f64().unwrap();
    assert!(busy("decode") > 0.0 && busy("detect") > 0.0 && busy("embed") > 0.0, "{report:#}");
    let course = report["course"].as_array().unwrap();
    assert!(!course.is_empty(), "{report:#}");
    let ends: Vec<f64> = course.iter().map(|moment| moment["at_s"].as_f64().unwrap()).collect();
    assert!(ends.windows(2).all(|pair| pair[0] < pair[1]), "{ends:?}");
    if cfg!(target_os = "linux") {
        for who in ["process_percent", "machine_percent"] {
            let (mean, peak) = (&report["cpu"][who]["mean"], &report["cpu"][who]["peak"]);
            let (mean, peak) = (mean.as_f64().unwrap(), peak.as_f64().unwrap());
            assert!(0.0 <= mean && mean <= peak + 1e-3 && peak <= 100.0, "{who}: {report:#}");
        }
        assert!(report["cpu"]["process_s"].as_f64().unwrap() > 0.0);
        assert!(report["memory"]["process_peak_bytes"].as_u64().unwrap() > 1 << 20);
        let (peak, total) =
            (&report["memory"]["machine_peak_bytes"], &report["memory"]["machine_total_bytes"]);
        assert!(peak.as_u64().unwrap() <= total.as_u64().unwrap(), "{report:#}");
    }
}

/// Every key, nested ones with their path; lists by their first item.
fn keys(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                into.insert(format!("{path}.{key}"));
                keys(value, &format!("{path}.{key}"), into);
            }
        }
        Value::Array(items) => items.iter().take(1).for_each(|item| keys(item, path, into)),
        _ => {}
    }
}

/// Every element that is opened is closed, in order.
fn well_formed(svg: &str) -> bool {
    let mut open = Vec::new();
    for piece in svg.split('<').skip(1) {
        let Some((tag, _)) = piece.split_once('>') else { return false };
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    open.is_empty()
}

#[test]
fn the_report_is_the_same_from_a_run_and_from_a_daemon() {
    let home = Home::new();
    // Enough for the work to last longer than the thread that measures it takes to wake up.
    album(&home, 48);
    let picture = home.path().join("once.svg");
    let mut once = home.vowd();
    once.args(["--once", "--report", "json", "--plot"]).arg(&picture).arg(home.photos());
    let run = vow_tests::programs::run(&mut once).json();
    check_report(&run, 48);
    assert!(well_formed(&fs::read_to_string(&picture).unwrap()));

    fs::remove_dir_all(home.data()).unwrap();
    let daemon = home.start();
    daemon.wait_idle();
    let report = daemon.json(["report"]);
    check_report(&report, 48);
    let (mut first, mut second) = (BTreeSet::new(), BTreeSet::new());
    keys(&run, "", &mut first);
    keys(&report, "", &mut second);
    assert_eq!(first, second);
    if !Path::new("/proc/driver/nvidia").exists() {
        assert!(!first.iter().any(|key| key.contains("gpu")), "no card, no word of one: {first:?}");
    }
    let table = daemon.vow(["report"]).stdout;
    for word in
        ["photos/s", "clusters", "CPU, this process", "memory, this process", "share", "embed", "cluster"]
    {
        assert!(table.contains(word), "{word}:\n{table}");
    }
    let drawn = home.path().join("report.svg");
    let answer = daemon.vow(["report".as_ref(), "--plot".as_ref(), drawn.as_os_str()]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let svg = fs::read_to_string(&drawn).unwrap();
    assert!(
        well_formed(&svg) && svg.contains("Photos a second") && svg.contains("CPU, % of all cores"),
        "{svg}"
    );
    let refused = daemon.vow(["report", "--plot", "/no/such/folder/a.svg"]);
    assert!(refused.code == 4 && refused.stderr.contains("/no/such/folder/a.svg"), "{refused:?}");
}

#[test]
fn a_pause_holds_everything_up_and_outlives_a_kill() {
    let home = Home::new();
    let daemon = home.start();
    daemon.wait_idle();
    let answer = daemon.json(["pause"]);
    assert_eq!((&answer["hold"]["why"], &answer["hold"]["until"]), (&"user".into(), &Value::Null));
    assert_eq!(daemon.status()["hold"]["why"], "user", "said even while nothing waits");
    album(&home, 5);
    daemon.json(["rescan"]);
    let status = wait("all wait", || Some(paused(&daemon)).filter(|status| status["pending"] == 5));
    assert_eq!((&status["photos"], &status["photos_inferred"]), (&0.into(), &0.into()), "{status:#}");
    assert!(daemon.vow(["status"]).stdout.contains("`vow resume` goes on"));
    daemon.kill();

    let daemon = home.start();
    let status = wait("all wait again", || Some(paused(&daemon)).filter(|status| status["pending"] == 5));
    assert_eq!((&status["hold"]["why"], &status["files_read"]), (&"user".into(), &0.into()), "{status:#}");
    let answer = daemon.json(["resume"]);
    assert_eq!((&answer["was_paused"], &answer["hold"]), (&true.into(), &Value::Null));
    let status = daemon.wait_until("all are indexed", |status| status["photos"] == 5);
    assert_eq!(status["hold"], Value::Null);
    assert_eq!(daemon.json(["resume"])["was_paused"], false);
    daemon.kill();
    let daemon = home.start();
    assert_eq!(daemon.status()["hold"], Value::Null, "an ended pause does not come back");
}

#[test]
fn a_pause_for_a_time_ends_by_itself_and_one_run_is_not_held_up() {
    let home = Home::new();
    album(&home, 3);
    let daemon = home.start();
    daemon.wait_idle();
    daemon.json(["pause", "--for", "1h"]);
    Scene::new(640, 480, 9).with_row(&[1]).save(home.photos().join("new.jpg"));
    let status = paused(&daemon);
    assert!(
        status["hold"]["until"].as_i64().unwrap() > status["started"].as_i64().unwrap() + 3000,
        "{status:#}"
    );
    daemon.json(["pause", "--for", "1s"]);
    daemon.wait_until("the pause is over", |status| status["photos"] == 4 && status["hold"] == Value::Null);
    assert_eq!(daemon.vow(["pause", "--for", "soon"]).code, 2);

    daemon.json(["pause"]);
    assert!(daemon.stop().0.success());
    Scene::new(640, 480, 10).with_row(&[1]).save(home.photos().join("newer.jpg"));
    assert_eq!(home.index_once()["photos"], 5, "whoever asks for one run means now");
}

/// Status line, headers and body.
fn http(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[test]
fn metrics_are_served_on_loopback_when_asked_for() {
    let home = Home::new();
    album(&home, 4);
    let mut command = home.vowd();
    command.args(["--metrics", "127.0.0.1:0"]).arg(home.photos());
    let daemon = home.start_as(command);
    daemon.wait_idle();
    let log = daemon.log();
    let (_, rest) = log.split_once("http://").expect("the log says where");
    let (address, _) = rest.split_once("/metrics").unwrap();
    let (head, page) = http(address, "GET /metrics");
    assert!(head.starts_with("http/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    let value = |series: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is missing in:\n{page}")).parse::<f64>().unwrap()
    };
    assert_eq!(
        (value("vow_photos"), value("vow_faces"), value("vow_photos_inferred_total")),
        (4.0, 8.0, 4.0)
    );
    assert_eq!((value("vow_files_done_total"), value("vow_files_failed")), (4.0, 0.0));
    assert_eq!((value("vow_queue_files{lane=\"backlog\"}"), value("vow_state{state=\"idle\"}")), (0.0, 1.0));
    for stage in STAGES {
        assert!(value(&format!("vow_stage_busy_seconds_total{{stage=\"{stage}\"}}")) >= 0.0);
        assert!(value(&format!("vow_stage_wait_seconds_total{{stage=\"{stage}\"}}")) >= 0.0);
    }
    assert!(value("vow_stage_busy_seconds_total{stage=\"detect\"}") > 0.0);
    if cfg!(target_os = "linux") {
        assert!(value("process_cpu_seconds_total") > 0.0 && value("process_resident_memory_bytes") > 1e6);
    }
    assert!(http(address, "GET /").0.starts_with("http/1.1 404"));
    assert!(http(address, "POST /metrics").0.starts_with("http/1.1 405"));
    assert!(daemon.stop().0.success());
    assert!(TcpStream::connect(address).is_err(), "closed with the daemon");
}

fn supply(root: &Path, name: &str, files: &[(&str, &str)]) {
    let folder = root.join("sys/class/power_supply").join(name);
    fs::create_dir_all(&folder).unwrap();
    files.iter().for_each(|(file, text)| fs::write(folder.join(file), text).unwrap());
}

#[test]
fn on_battery_only_new_photos_are_indexed() {
    let home = Home::new();
    album(&home, 6);
    let root = home.path().join("machine");
    supply(&root, "BAT0", &[("type", "Battery\n"), ("status", "Discharging\n"), ("capacity", "41\n")]);
    supply(&root, "AC", &[("type", "Mains\n"), ("online", "0\n")]);
    let config = Config {
        pack: PackChoice::Folder(home.pack()),
        runtime: RuntimeChoice::Tract,
        machine_root: root.clone(),
        ..Config::new(home.data())
    };
    let engine = Engine::open(&config, &[home.photos()]).unwrap();
    let status = |state: State| Some(engine.status().unwrap()).filter(|status| status.state == state);
    let held = wait("the backlog waits", || status(State::Paused));
    assert_eq!(held.hold, Some(Hold::Battery { charge: Some(41) }));
    assert!(held.pending > 0, "{held:?}");
    Scene::new(640, 480, 5).with_row(&[3]).save(home.photos().join("new.jpg"));
    let faces = |path: PathBuf| engine.faces_of_file(&path).is_ok();
    wait("the new photo is indexed", || faces(home.photos().join("new.jpg")).then_some(()));
    let held = wait("the backlog still waits", || status(State::Paused));
    assert_eq!(held.hold, Some(Hold::Battery { charge: Some(41) }));
    supply(&root, "AC", &[("online", "1\n")]);
    let done = wait("the mains are back", || status(State::Idle).filter(|status| status.photos == 7));
    assert_eq!(done.hold, None);
    engine.stop();
    assert!(engine.failure().is_none());
}

/// A library that answers as NVIDIA's would for one card; its temperature is in the file that `VOW_TEST_HEAT` names.
const CARD: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory;
typedef struct { unsigned gpu, memory; } rates;
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = (void *)1; return i == 0 ? 0 : 2; }
int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *n, void *p) { *n = 0; return 0; }
int nvmlDeviceGetName(void *d, char *name, unsigned size) { strncpy(name, "Test Card", size); return 0; }
int nvmlDeviceGetMemoryInfo_v2(void *d, memory *m) { m->total = 4ull << 30; m->used = 1ull << 30; return 0; }
int nvmlDeviceGetUtilizationRates(void *d, rates *r) { r->gpu = 77; r->memory = 5; return 0; }
int nvmlDeviceGetPowerUsage(void *d, unsigned *mw) { *mw = 125500; return 0; }
int nvmlDeviceGetTemperature(void *d, int sensor, unsigned *t) {
  FILE *f = fopen(getenv("VOW_TEST_HEAT"), "r");
  if (!f) return 999;
  int n = fscanf(f, "%u", t);
  fclose(f);
  return n == 1 ? 0 : 999;
}
"#;

/// Builds the card's library; the folder to find it in. `None` where there is no C compiler.
fn card(home: &Home) -> Option<PathBuf> {
    let folder = home.path().join("driver");
    fs::create_dir_all(&folder).unwrap();
    let source = folder.join("card.c");
    fs::write(&source, CARD).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-w", "-o"]).arg(folder.join("libnvidia-ml.so.1")).arg(source);
    compiler.status().is_ok_and(|status| status.success()).then_some(folder)
}

#[test]
fn a_card_is_measured_and_when_it_is_too_hot_everything_waits() {
    let home = Home::new();
    let Some(driver) = card(&home) else {
        println!("there is no C compiler: no card could be made");
        return;
    };
    let heat = home.path().join("heat");
    fs::write(&heat, "60").unwrap();
    album(&home, 60);
    let mut command = home.vowd();
    command.env("LD_LIBRARY_PATH", driver).env("VOW_TEST_HEAT", &heat);
    command.args(["--gpu-ceiling", "80", "--metrics", "127.0.0.1:0"]);
    let daemon = home.start_as(command);
    daemon.wait_idle();
    fs::write(&heat, "91").unwrap();
    daemon.json(["folder".as_ref(), "add".as_ref(), home.photos().as_os_str()]);
    let status = paused(&daemon);
    let hold = &status["hold"];
    assert_eq!((&hold["why"], &hold["celsius"], &hold["ceiling"]), (&"heat".into(), &91.into(), &80.into()));
    assert!(status["pending"].as_u64().unwrap() > 0, "{status:#}");
    let log = daemon.log();
    let address = log.split_once("http://").unwrap().1.split_once("/metrics").unwrap().0;
    for sample in
        ["power_watts{card=\"Test Card\"} 125.5", "memory_used_bytes{card=\"Test Card\"} 1073741824"]
    {
        wait(sample, || {
            http(address, "GET /metrics").1.contains(&format!("\nvow_gpu_{sample}\n")).then_some(())
        });
    }
    // Below the ceiling, but not by enough.
    fs::write(&heat, "78").unwrap();
    wait("it feels the change", || Some(daemon.status()).filter(|status| status["hold"]["celsius"] == 78));
    assert_eq!(daemon.status()["state"], "paused");
    fs::write(&heat, "75").unwrap();
    daemon.wait_until("it has cooled", |status| status["photos"] == 60);
    let report = daemon.json(["report"]);
    let gpu = &report["gpu"];
    assert_eq!(
        (&gpu["name"], &gpu["use_percent"]["mean"]),
        (&"Test Card".into(), &77.0.into()),
        "{report:#}"
    );
    assert_eq!((&gpu["celsius"]["peak"], &gpu["memory_total_bytes"]), (&91.0.into(), &(4_u64 << 30).into()));
    for (quantity, value) in [("watts", 125.5), ("memory_bytes", f64::from(1 << 30))] {
        for of in ["mean", "peak"] {
            assert_eq!(gpu[quantity][of].as_f64(), Some(value), "{quantity}, {of}: {report:#}");
        }
    }
    let table = daemon.vow(["report"]).stdout;
    assert!(table.contains("GPU temperature") && table.contains("GPU power"), "{table}");
    let (ended, log) = daemon.stop();
    assert!(ended.success() && log.contains("too hot") && log.contains("cooled down"), "{log}");
}

/// The runtime may have no such provider (tract, ONNX Runtime for processors) or fail to start it: either way the photos are indexed.
#[test]
fn a_card_that_was_asked_for_and_is_not_there_is_said_and_does_no_harm() {
    let home = Home::new();
    album(&home, 3);
    let mut command = home.vowd();
    command.args(["--provider", "cuda"]).arg(home.photos());
    let daemon = home.start_as(command);
    let status = daemon.wait_idle();
    assert_eq!((&status["photos"], &status["failures"]), (&3.into(), &0.into()));
    let card = &status["card"];
    assert_eq!((&card["provider"], &card["state"]), (&"cuda".into(), &"given_up".into()));
    let reason = card["reason"].as_str().unwrap().to_owned();
    let shown = daemon.vow(["status"]).stdout;
    let line = shown.lines().find(|line| line.starts_with("card ")).unwrap();
    assert!(line.contains("cuda: given up until the next start") && line.contains(&reason), "{shown}");
    let passed_over = daemon.json(["runtime", "show"])["providers_passed_over"].clone();
    assert!(passed_over.to_string().contains(&reason), "{passed_over:#}");
    assert_eq!(passed_over[0]["loss"], true);
    assert_eq!(daemon.json(["report"])["provider"], "cpu");
    let (ended, log) = daemon.stop();
    let told = log.lines().filter(|line| line.contains("the models run on the processor")).count();
    assert!(ended.success() && told == 1, "once: {log}");
}
