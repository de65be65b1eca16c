//! Compiles the .proto files with protox (no protoc needed) into tonic clients and servers and a descriptor set.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;

/// Messages that are also written as JSON.
const REPORT: [&str; 7] =
    ["ReportResponse", "MeanPeak", "CpuReport", "MemoryReport", "GpuReport", "StageReport", "MomentReport"];

/// Fields of theirs that are left out where there is nothing to say.
const ABSENT: [&str; 16] = [
    "ReportResponse.cpu",
    "ReportResponse.memory",
    "ReportResponse.gpu",
    "GpuReport.use_percent",
    "GpuReport.memory_bytes",
    "GpuReport.memory_total_bytes",
    "GpuReport.celsius",
    "GpuReport.watts",
    "MomentReport.process_cpu_percent",
    "MomentReport.machine_cpu_percent",
    "MomentReport.process_bytes",
    "MomentReport.machine_bytes",
    "MomentReport.gpu_percent",
    "MomentReport.gpu_bytes",
    "MomentReport.gpu_celsius",
    "MomentReport.gpu_watts",
];

fn main() -> Result<(), Box<dyn Error>> {
    let files = [
        "vow/v1/common.proto",
        "vow/v1/library.proto",
        "vow/v1/decisions.proto",
        "vow/v1/questions.proto",
        "vow/v1/refit.proto",
        "vow/v1/people.proto",
        "vow/v1/faces.proto",
        "vow/v1/admin.proto",
        "vow/v1/events.proto",
        "vow/v1/packs.proto",
    ];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["."])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(out.join("vow.bin"), descriptors.encode_to_vec())?;
    let mut code = tonic_prost_build::configure();
    // The report is data as much as an answer: its JSON is written from here, with these names, wherever it is printed.
    for message in REPORT {
        code = code.message_attribute(format!(".vow.v1.{message}"), "#[derive(serde::Serialize)]");
    }
    for field in ABSENT {
        let skip = "#[serde(skip_serializing_if = \"Option::is_none\")]";
        code = code.field_attribute(format!(".vow.v1.{field}"), skip);
    }
    // Ten times as large as the progress that comes before it.
    code = code.boxed(".vow.v1.ReclusterResponse.step.difference");
    code.compile_fds(descriptors)?;
    Ok(())
}
