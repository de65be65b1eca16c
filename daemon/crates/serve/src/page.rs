//! The text of `/metrics`: Prometheus exposition format 0.0.4, in base units (seconds, bytes, ratios).

use std::fmt::Write as _;

use vow_engine::types::num::{len_u64, u64_to_f64};
use vow_engine::{Hold, Live, State};

/// Everything at one moment. What the machine does not tell, and what needs a graphics card where there is none, is
/// left out.
pub(crate) fn page(live: &Live) -> String {
    let mut page = Page::default();
    library(&mut page, live);
    work(&mut page, live);
    machine(&mut page, live);
    page.0
}

fn library(page: &mut Page, live: &Live) {
    let status = &live.status;
    let info = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("pack", status.pack.as_str()),
        ("runtime", status.runtime.as_str()),
    ];
    page.family("vow_info", "gauge", "What runs here; always 1.").sample(&info, 1.0);
    let gauges = [
        ("vow_photos", "Photos with at least one file.", status.photos),
        ("vow_files", "Files that show a photo.", status.files),
        ("vow_faces", "Faces in those photos.", status.faces),
        ("vow_people", "People with a name or at least three faces.", status.people),
        ("vow_people_named", "People with a name.", status.named),
        ("vow_clusters", "Groups of faces of any size.", status.groups),
        ("vow_files_failed", "Files that could not be indexed.", status.failures),
        ("vow_folders", "Watched folders.", status.folders),
        ("vow_files_pending", "Files found and not yet stored.", status.pending),
        ("vow_files_in_hand", "Files that are being worked on.", live.in_hand),
        ("vow_index_waiting_faces", "Faces without a place in the index yet.", status.index_waiting),
    ];
    for (name, help, value) in gauges {
        page.family(name, "gauge", help).sample(&[], u64_to_f64(value));
    }
    let (fresh, backlog) = live.waiting;
    page.family("vow_queue_files", "gauge", "Files in line, by lane.")
        .sample(&[("lane", "live")], u64_to_f64(len_u64(fresh)))
        .sample(&[("lane", "backlog")], u64_to_f64(len_u64(backlog)));
}

fn work(page: &mut Page, live: &Live) {
    let status = &live.status;
    let (done, seconds) = live.worked;
    let counters = [
        (
            "vow_photos_inferred_total",
            "Photos that went through the models.",
            u64_to_f64(status.photos_inferred),
        ),
        ("vow_files_read_total", "Files that were read.", u64_to_f64(status.files_read)),
        ("vow_files_done_total", "Files that were worked on and stored.", u64_to_f64(done)),
        ("vow_work_seconds_total", "Time with files in hand.", seconds),
    ];
    for (name, help, value) in counters {
        page.family(name, "counter", help).sample(&[], value);
    }
    let mut busy =
        page.family("vow_stage_busy_seconds_total", "counter", "Work of a stage, over all threads.");
    for cost in &live.stages {
        busy = busy.sample(&[("stage", cost.stage.name())], cost.busy_s);
    }
    let mut waited =
        page.family("vow_stage_wait_seconds_total", "counter", "Time that photos waited for a stage.");
    for cost in &live.stages {
        waited = waited.sample(&[("stage", cost.stage.name())], cost.waited_s);
    }
    let mut state =
        page.family("vow_state", "gauge", "1 for what the daemon is doing, 0 for everything else.");
    for (one, name) in STATES {
        state = state.sample(&[("state", name)], f64::from(u8::from(one == status.state)));
    }
    if let Some((provider, now)) = &status.card {
        let mut card = page.family("vow_card", "gauge", "1 for what the graphics card is doing.");
        for state in ["asleep", "starting", "ready", "resting", "given_up"] {
            let is_so = f64::from(u8::from(state == now.name()));
            card = card.sample(&[("provider", provider.name()), ("state", state)], is_so);
        }
    }
    let why = status.hold.map(|hold| match hold {
        Hold::User { .. } => "user",
        Hold::Heat { .. } => "heat",
        Hold::Battery { .. } => "battery",
    });
    let mut held = page.family("vow_held", "gauge", "1 for what holds photos up.");
    for one in ["user", "heat", "battery"] {
        held = held.sample(&[("why", one)], f64::from(u8::from(why == Some(one))));
    }
}

const STATES: [(State, &str); 6] = [
    (State::Scanning, "scanning"),
    (State::Indexing, "indexing"),
    (State::Paused, "paused"),
    (State::Settling, "settling"),
    (State::Idle, "idle"),
    (State::Stopping, "stopping"),
];

fn machine(page: &mut Page, live: &Live) {
    let reading = &live.machine.reading;
    let started = u64::try_from(live.status.started).map_or(0.0, u64_to_f64);
    page.family("process_start_time_seconds", "gauge", "Start of the engine, since 1970.")
        .sample(&[], started);
    if let Some(nanoseconds) = reading.process_cpu_ns {
        let seconds = std::time::Duration::from_nanos(nanoseconds).as_secs_f64();
        page.family("process_cpu_seconds_total", "counter", "Processor time of this process.")
            .sample(&[], seconds);
    }
    if let Some(memory) = reading.process_memory {
        let (now, peak) = (u64_to_f64(memory.resident), u64_to_f64(memory.peak));
        page.family("process_resident_memory_bytes", "gauge", "Memory of this process.").sample(&[], now);
        page.family("vow_process_resident_memory_peak_bytes", "gauge", "The most it held at once.")
            .sample(&[], peak);
    }
    if let Some(cpu) = reading.machine_cpu {
        // The kernel counts in hundredths of a second for every program, whatever its own tick is.
        let seconds = |ticks: u64| u64_to_f64(ticks) / 100.0;
        page.family(
            "vow_machine_cpu_seconds_total",
            "counter",
            "Processor time of the machine, over all cores.",
        )
        .sample(&[("mode", "busy")], seconds(cpu.busy))
        .sample(&[("mode", "idle")], seconds(cpu.total.saturating_sub(cpu.busy)));
        page.family("vow_machine_cpu_cores", "gauge", "Cores of the machine.")
            .sample(&[], f64::from(cpu.cores));
    }
    if let Some(memory) = reading.machine_memory {
        let (used, total) = (u64_to_f64(memory.used()), u64_to_f64(memory.total));
        page.family("vow_machine_memory_used_bytes", "gauge", "Memory taken on the machine.")
            .sample(&[], used);
        page.family("vow_machine_memory_total_bytes", "gauge", "Memory of the machine.").sample(&[], total);
    }
    let Some(card) = &live.machine.gpu else { return };
    let gauges = [
        ("vow_gpu_busy_ratio", "Use of the graphics card, 0 to 1.", card.busy.map(|percent| percent / 100.0)),
        ("vow_gpu_memory_used_bytes", "Memory taken on the graphics card.", card.memory.map(u64_to_f64)),
        ("vow_gpu_memory_total_bytes", "Memory of the graphics card.", card.memory_total.map(u64_to_f64)),
        ("vow_gpu_temperature_celsius", "Temperature of the graphics card.", card.temperature),
        ("vow_gpu_power_watts", "Power drawn by the graphics card.", card.power),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            page.family(name, "gauge", help).sample(&[("card", &card.name)], value);
        }
    }
}

#[derive(Default)]
struct Page(String);

/// A metric whose samples follow.
struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        // Writing to a String cannot fail. Help texts are ours: no line break, no backslash.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { page: self, name }
    }
}

impl Family<'_> {
    fn sample(self, labels: &[(&str, &str)], value: f64) -> Self {
        let text = &mut self.page.0;
        text.push_str(self.name);
        for (at, (label, value)) in labels.iter().enumerate() {
            text.push(if at == 0 { '{' } else { ',' });
            let _ = write!(text, "{label}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
        self
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use vow_engine::types::Stage;
    use vow_engine::{CardState, IgnoredCounts, Provider, Snapshot, StageCost, Status};

    use super::*;

    fn live(machine: Snapshot) -> Live {
        let status = Status {
            state: State::Paused,
            pack: "a \"pack\"\\\n".into(),
            pack_id: "x".into(),
            runtime: "tract 0.23".into(),
            runtime_why: String::new(),
            card: None,
            folders: 1,
            files: 11,
            photos: 10,
            faces: 25,
            people: 3,
            groups: 9,
            named: 1,
            failures: 2,
            pending: 4,
            index_waiting: 7,
            photos_inferred: 8,
            photos_turned: 1,
            files_read: 12,
            photos_per_s: 1.0,
            eta_s: None,
            hold: Some(Hold::Battery { charge: None }),
            ignored: IgnoredCounts::default(),
            scan_problems: Vec::new(),
            started: 1_780_000_000,
            last_event: 0,
        };
        let cost = |stage| StageCost { stage, busy_s: 1.5, share: 0.1, waited_s: 0.25 };
        let stages = Stage::ALL.map(cost).to_vec();
        Live { status, machine, stages, worked: (12, 3.5), waiting: (1, 3), in_hand: 0 }
    }

    /// Reads the format strictly; gives each sample's value by its name and labels as written.
    fn parse(text: &str) -> BTreeMap<String, f64> {
        let (mut samples, mut known, mut family) =
            (BTreeMap::new(), BTreeSet::new(), (String::new(), String::new()));
        let name_ok = |name: &str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        assert!(text.ends_with('\n'));
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap();
                assert!(name_ok(name) && !words.is_empty() && known.insert(name.to_owned()), "{line}");
                let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                assert!(["counter", "gauge"].contains(&kind));
                family = (name.to_owned(), kind.to_owned());
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            assert_eq!(name, family.0, "a sample stands with its family");
            let mut rest = labels.strip_suffix('}').unwrap();
            while !rest.is_empty() {
                let (label, after) = rest.split_once("=\"").unwrap();
                assert!(name_ok(label), "{line}");
                let mut escape = false;
                let end = after.find(|c| {
                    let ends = c == '"' && !escape;
                    escape = c == '\\' && !escape;
                    ends
                });
                rest = &after[end.unwrap() + 1..];
                rest = rest.strip_prefix(',').unwrap_or(rest);
            }
            let value: f64 = value.parse().unwrap();
            assert!(family.1 != "counter" || value >= 0.0);
            assert!(samples.insert(series.to_owned(), value).is_none(), "{series} twice");
        }
        samples
    }

    #[test]
    fn the_page_is_as_prometheus_reads_it() {
        let samples = parse(&page(&live(Snapshot::default())));
        let expected = [
            ("vow_photos", 10.0),
            ("vow_files_failed", 2.0),
            ("vow_queue_files{lane=\"backlog\"}", 3.0),
            ("vow_work_seconds_total", 3.5),
            ("vow_stage_busy_seconds_total{stage=\"decode\"}", 1.5),
            ("vow_stage_wait_seconds_total{stage=\"embed\"}", 0.25),
            ("vow_state{state=\"paused\"}", 1.0),
            ("vow_state{state=\"idle\"}", 0.0),
            ("vow_held{why=\"battery\"}", 1.0),
            ("vow_held{why=\"user\"}", 0.0),
        ];
        for (series, value) in expected {
            assert_eq!(samples.get(series), Some(&value), "{series} in {samples:#?}");
        }
        assert!(
            samples.keys().any(|series| series.contains("pack=\"a \\\"pack\\\"\\\\\\n\"")),
            "{samples:#?}"
        );
        let about = |what: &str| samples.keys().any(|series| series.contains(what));
        assert!(!about("gpu") && !about("machine") && !about("card"));
    }

    #[test]
    fn a_machine_and_a_card_that_tell() {
        use vow_engine::machine::{GpuReading, View};
        let card = GpuReading {
            name: "A card".into(),
            busy: Some(77.0),
            memory: Some(3 << 30),
            memory_total: Some(8 << 30),
            temperature: Some(61.0),
            power: Some(125.5),
        };
        let mut live = live(Snapshot { reading: View::new("/").read(), gpu: Some(card) });
        live.status.card = Some((Provider::Cuda, CardState::Resting("it is full".into())));
        let samples = parse(&page(&live));
        for (state, value) in [("resting", 1.0), ("ready", 0.0), ("given_up", 0.0)] {
            let series = format!("vow_card{{provider=\"cuda\",state=\"{state}\"}}");
            assert_eq!(samples.get(&series), Some(&value), "{series}");
        }
        for (what, value) in [
            ("busy_ratio", 0.77),
            ("memory_used_bytes", f64::from(3 << 20) * 1024.0),
            ("memory_total_bytes", f64::from(8 << 20) * 1024.0),
            ("temperature_celsius", 61.0),
            ("power_watts", 125.5),
        ] {
            let series = format!("vow_gpu_{what}{{card=\"A card\"}}");
            assert_eq!(samples.get(&series), Some(&value), "{series}");
        }
        if cfg!(target_os = "linux") {
            assert!(
                samples["process_resident_memory_bytes"] > 1e6 && samples["vow_machine_cpu_cores"] >= 1.0
            );
            assert!(samples["vow_machine_memory_total_bytes"] > samples["process_resident_memory_bytes"]);
        }
    }

    #[test]
    fn what_a_card_keeps_to_itself_is_absent() {
        let card =
            vow_engine::machine::GpuReading { name: "A card".into(), busy: Some(77.0), ..Default::default() };
        let samples = parse(&page(&live(Snapshot { gpu: Some(card), ..Snapshot::default() })));
        let told = samples.keys().filter(|series| series.contains("gpu")).collect::<Vec<_>>();
        assert_eq!(told, ["vow_gpu_busy_ratio{card=\"A card\"}"]);
    }
}
