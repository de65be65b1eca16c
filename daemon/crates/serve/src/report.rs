//! The report in the wire's words, rounded to what is worth reading.

use std::time::Duration;

use vow_engine::types::num;
use vow_engine::{CpuUse, Engine, EngineError, GpuUse, MemoryUse, Point, Quantity, Report, StageCost, Usage};
use vow_proto::v1;

/// What the work of this engine has cost since its start.
///
/// # Errors
/// When the store cannot be read.
pub fn report(engine: &Engine) -> Result<v1::ReportResponse, EngineError> {
    engine.report().map(wire)
}

fn wire(report: Report) -> v1::ReportResponse {
    let status = report.status;
    v1::ReportResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pack: status.pack,
        runtime: status.runtime,
        provider: report.provider.to_string(),
        threads: num::len_u32(report.threads),
        photos: status.photos,
        files: status.files,
        faces: status.faces,
        people: status.people,
        clusters: status.groups,
        failures: status.failures,
        photos_inferred: status.photos_inferred,
        photos_turned: status.photos_turned,
        wall_s: short(report.wall_s),
        work_s: short(report.work_s),
        photos_per_s: short(report.photos_per_s),
        cpu: report.cpu.map(cpu),
        memory: report.memory.map(memory),
        gpu: report.gpu.map(gpu),
        stages: report.stages.into_iter().map(stage).collect(),
        course: course(&report.course),
    }
}

fn cpu(cpu: CpuUse) -> v1::CpuReport {
    v1::CpuReport {
        process_percent: Some(mean_peak(cpu.process)),
        machine_percent: Some(mean_peak(cpu.machine)),
        cores: cpu.cores,
        process_s: short(cpu.process_s),
    }
}

fn memory(memory: MemoryUse) -> v1::MemoryReport {
    v1::MemoryReport {
        process_peak_bytes: memory.process_peak,
        machine_peak_bytes: memory.machine_peak,
        machine_total_bytes: memory.machine_total,
    }
}

fn gpu(gpu: GpuUse) -> v1::GpuReport {
    v1::GpuReport {
        name: gpu.name,
        use_percent: gpu.busy.map(mean_peak),
        memory_bytes: gpu.memory.map(mean_peak),
        memory_total_bytes: gpu.memory_total,
        celsius: gpu.temperature.map(mean_peak),
        watts: gpu.power.map(mean_peak),
    }
}

fn stage(cost: StageCost) -> v1::StageReport {
    v1::StageReport {
        stage: cost.stage.name().to_owned(),
        busy_s: short(cost.busy_s),
        share: (cost.share * 1e5).round() / 1e5,
        waited_s: short(cost.waited_s),
    }
}

fn course(points: &[Point]) -> Vec<v1::MomentReport> {
    let mut at = Duration::ZERO;
    let moment = |point: &Point| {
        at += point.span;
        let get = |quantity| point.get(quantity).map(short);
        v1::MomentReport {
            at_s: short(at.as_secs_f64()),
            photos_per_s: short(point.photos_per_s()),
            process_cpu_percent: get(Quantity::ProcessCpu),
            machine_cpu_percent: get(Quantity::MachineCpu),
            process_bytes: get(Quantity::ProcessMemory),
            machine_bytes: get(Quantity::MachineMemory),
            gpu_percent: get(Quantity::GpuUse),
            gpu_bytes: get(Quantity::GpuMemory),
            gpu_celsius: get(Quantity::GpuTemperature),
            gpu_watts: get(Quantity::GpuPower),
        }
    };
    points.iter().map(moment).collect()
}

fn mean_peak(usage: Usage) -> v1::MeanPeak {
    v1::MeanPeak { mean: short(usage.mean), peak: short(usage.peak) }
}

/// To a thousandth.
fn short(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
