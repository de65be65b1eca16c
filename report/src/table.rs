//! The report for a terminal: what was done, what it took of the machine, what each stage cost.

use std::fmt::Write as _;

use vow_proto::v1::{CpuReport, GpuReport, MeanPeak, MemoryReport, ReportResponse, StageReport};

/// Three tables, as text.
#[must_use]
pub fn table(report: &ReportResponse) -> String {
    let mut text = String::new();
    for (name, value) in done(report) {
        line(&mut text, format_args!("{name:<24} {value}"));
    }
    line(&mut text, format_args!("\n{:<24} {:>12} {:>12}", "machine", "mean", "peak"));
    for (name, mean, peak) in machine(report) {
        line(&mut text, format_args!("{name:<24} {mean:>12} {peak:>12}"));
    }
    line(&mut text, format_args!("\n{:<24} {:>12} {:>12} {:>12}", "stage", "busy, s", "share", "waiting, s"));
    for StageReport { stage, busy_s, share, waited_s } in &report.stages {
        let share = format!("{:.1} %", share * 100.0);
        line(&mut text, format_args!("{stage:<24} {busy_s:>12.3} {share:>12} {waited_s:>12.3}"));
    }
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

fn done(report: &ReportResponse) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("photos", format!("{} in {} files", report.photos, report.files)),
        ("faces", report.faces.to_string()),
        (
            "clusters",
            format!("{} ({} people with a name or at least three faces)", report.clusters, report.people),
        ),
        ("failures", report.failures.to_string()),
        (
            "through the models",
            format!("{} photos, {} of them found turned", report.photos_inferred, report.photos_turned),
        ),
        ("seconds", format!("{:.2}, {:.2} of them at work on photos", report.wall_s, report.work_s)),
        ("photos/s", format!("{:.2}", report.photos_per_s)),
        ("pack", report.pack.clone()),
        ("runtime", format!("{} on {}, {} threads", report.runtime, report.provider, report.threads)),
    ];
    if let Some(cpu) = &report.cpu {
        rows.push(("processor seconds", format!("{:.2}", cpu.process_s)));
    }
    rows
}

/// Name, mean and peak.
type Row = (String, String, String);

fn machine(report: &ReportResponse) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(cpu) = &report.cpu {
        let CpuReport { process_percent, machine_percent, cores, .. } = cpu;
        rows.extend(usage("CPU, this process", *process_percent, percent));
        rows.extend(usage(&format!("CPU, all of {cores} cores"), *machine_percent, percent));
    }
    if let Some(MemoryReport { process_peak_bytes, machine_peak_bytes, machine_total_bytes }) = report.memory
    {
        let peak = |name: &str, bytes: u64| (name.to_owned(), String::new(), whole_mib(bytes));
        rows.push(peak("memory, this process", process_peak_bytes));
        let total = whole_mib(machine_total_bytes);
        rows.push(peak(&format!("memory, of {total}"), machine_peak_bytes));
    }
    if let Some(GpuReport { name, use_percent, memory_bytes, memory_total_bytes, celsius, watts }) =
        &report.gpu
    {
        rows.push((name.clone(), String::new(), String::new()));
        rows.extend(usage("GPU", *use_percent, percent));
        let of = memory_total_bytes.map_or_else(String::new, |total| format!(", of {}", whole_mib(total)));
        rows.extend(usage(&format!("GPU memory{of}"), *memory_bytes, mib));
        rows.extend(usage("GPU temperature", *celsius, |value| format!("{value:.0} °C")));
        rows.extend(usage("GPU power", *watts, |value| format!("{value:.0} W")));
    }
    if rows.is_empty() {
        rows.push(("nothing measured yet".to_owned(), String::new(), String::new()));
    }
    rows
}

fn usage(name: &str, usage: Option<MeanPeak>, show: impl Fn(f64) -> String) -> Option<Row> {
    usage.map(|MeanPeak { mean, peak }| (name.to_owned(), show(mean), show(peak)))
}

fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

fn mib(bytes: f64) -> String {
    format!("{:.0} MiB", bytes / 1_048_576.0)
}

fn whole_mib(bytes: u64) -> String {
    format!("{} MiB", bytes.saturating_add(1 << 19) >> 20)
}

#[cfg(test)]
pub(crate) mod tests {
    use vow_proto::v1::MomentReport;

    use super::*;

    /// A report of a machine with or without a graphics card.
    pub(crate) fn sample(card: bool) -> ReportResponse {
        let usage = |mean, peak| Some(MeanPeak { mean, peak });
        let stage = |stage: &str, busy_s, share, waited_s| StageReport {
            stage: stage.into(),
            busy_s,
            share,
            waited_s,
        };
        let moment = |n: u32| MomentReport {
            at_s: f64::from(n),
            photos_per_s: f64::from(20 + n % 7),
            process_cpu_percent: Some(80.0),
            machine_cpu_percent: Some(90.0),
            process_bytes: Some(3e8),
            machine_bytes: Some(4e9),
            gpu_percent: card.then_some(77.0),
            gpu_bytes: card.then_some(2e9),
            gpu_celsius: card.then_some(71.0),
            gpu_watts: None,
        };
        ReportResponse {
            version: "1".into(),
            pack: "a <pack> & more".into(),
            runtime: "ONNX Runtime 1.32.0".into(),
            provider: if card { "cuda" } else { "cpu" }.into(),
            threads: 2,
            photos: 1000,
            files: 1001,
            faces: 1790,
            people: 40,
            clusters: 190,
            failures: 1,
            photos_inferred: 1000,
            photos_turned: 3,
            wall_s: 31.0,
            work_s: 30.0,
            photos_per_s: 33.3,
            cpu: Some(CpuReport {
                process_percent: usage(81.2, 99.0),
                machine_percent: usage(90.0, 100.0),
                cores: 2,
                process_s: 55.5,
            }),
            memory: Some(MemoryReport {
                process_peak_bytes: 400 << 20,
                machine_peak_bytes: 5 << 30,
                machine_total_bytes: 8 << 30,
            }),
            gpu: card.then(|| GpuReport {
                name: "A card".into(),
                use_percent: usage(77.0, 99.0),
                memory_bytes: usage(2e9, 3e9),
                memory_total_bytes: Some(4 << 30),
                celsius: usage(71.0, 80.0),
                watts: None,
            }),
            stages: vec![stage("decode", 3.0, 0.75, 0.5), stage("detect", 1.0, 0.25, 2.0)],
            course: (1..30).map(moment).collect(),
        }
    }

    #[test]
    fn everything_has_its_line() {
        let text = table(&sample(true));
        for words in [
            "1000 in 1001 files",
            "1790",
            "190 (40 people",
            "33.30",
            "CPU, this process",
            "81.2 %",
            "99.0 %",
            "400 MiB",
            "memory, of 8192 MiB",
            "GPU temperature",
            "80 °C",
            "decode",
            "75.0 %",
            "2.000",
            "ONNX Runtime 1.32.0 on cuda, 2 threads",
        ] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
        assert!(!text.contains("GPU power"), "what the card keeps to itself has no line");
    }

    #[test]
    fn without_a_card_there_is_no_word_of_one() {
        let report = sample(false);
        assert!(!table(&report).contains("GPU"));
        let json = crate::json(&report).unwrap();
        assert!(json.contains("\"provider\": \"cpu\""), "{json}");
        assert!(!json.contains("gpu") && json.contains("\"process_peak_bytes\": 419430400"), "{json}");
        assert!(crate::json(&sample(true)).unwrap().contains("\"gpu\""));
        let nothing = table(&ReportResponse::default());
        assert!(nothing.contains("nothing measured yet"));
    }
}
