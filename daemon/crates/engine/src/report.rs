//! What the work since the start has cost: counted and measured, never estimated.

use std::time::Instant;

use vow_infer::Provider;
use vow_machine::{Point, Quantity, Snapshot, Usage};
use vow_types::{Stage, num};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::progress::Status;

/// Everything since the engine's start.
#[derive(Debug, Clone)]
pub struct Report {
    /// What there is now.
    pub status: Status,
    /// What the models run on now.
    pub provider: Provider,
    /// Seconds since the engine's start, loading the models included.
    pub wall_s: f64,
    /// Seconds of that with photos in hand: neither idle nor paused.
    pub work_s: f64,
    /// Files done a second of work.
    pub photos_per_s: f64,
    /// Threads that ran models.
    pub threads: usize,
    /// Processor; absent where the system does not tell, or nothing was measured yet.
    pub cpu: Option<CpuUse>,
    /// Memory; absent as above.
    pub memory: Option<MemoryUse>,
    /// Graphics card; absent without one.
    pub gpu: Option<GpuUse>,
    /// In the order in which a photo meets them.
    pub stages: Vec<StageCost>,
    /// The course over time at work, oldest first.
    pub course: Vec<Point>,
}

/// Processor use while there was work, percent of all cores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuUse {
    /// This process.
    pub process: Usage,
    /// Everything on the machine.
    pub machine: Usage,
    /// Cores of the machine.
    pub cores: u32,
    /// Processor seconds of this process since the engine's start, user and system.
    pub process_s: f64,
}

/// Memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// The most this process held at once.
    pub process_peak: u64,
    /// The most that was taken on the machine at once while there was work.
    pub machine_peak: u64,
    /// What the machine has.
    pub machine_total: u64,
}

/// The graphics card while there was work. What it keeps to itself is absent.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuUse {
    /// Its name.
    pub name: String,
    /// Percent.
    pub busy: Option<Usage>,
    /// Bytes.
    pub memory: Option<Usage>,
    /// Bytes in all.
    pub memory_total: Option<u64>,
    /// °C.
    pub temperature: Option<Usage>,
    /// Watts.
    pub power: Option<Usage>,
}

/// What one stage cost, over all threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageCost {
    /// Which.
    pub stage: Stage,
    /// Seconds of work.
    pub busy_s: f64,
    /// Of all stages' work, 0 to 1. Over all stages they sum to 1, or to 0 where nothing was done.
    pub share: f64,
    /// Seconds that photos waited for the stage, apart from its work.
    pub waited_s: f64,
}

/// Counters and levels at this moment, for monitoring.
#[derive(Debug, Clone)]
pub struct Live {
    /// What there is now.
    pub status: Status,
    /// The machine now.
    pub machine: Snapshot,
    /// As in the report.
    pub stages: Vec<StageCost>,
    /// Files done since the start, and the seconds in which there were any in hand.
    pub worked: (u64, f64),
    /// Jobs in line: new photos, then the backlog.
    pub waiting: (usize, usize),
    /// Files in the workers' hands.
    pub in_hand: u64,
}

impl Engine {
    /// What the work since the start has cost so far.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn report(&self) -> Result<Report, EngineError> {
        let status = self.status()?;
        let (work_s, done) = self.progress().worked();
        let mut meter = self.meter();
        if meter.last().is_some() {
            // The work of the last moments counts too; of a short run there is nothing else.
            meter.sample(Instant::now(), done);
        }
        let meter = meter;
        let reading = vow_machine::View::new(meter.root()).read();
        let usage = |quantity| meter.history().usage(quantity);
        let cpu = || {
            Some(CpuUse {
                process: usage(Quantity::ProcessCpu)?,
                machine: usage(Quantity::MachineCpu)?,
                cores: reading.machine_cpu?.cores,
                process_s: meter.process_cpu(&reading)?.as_secs_f64(),
            })
        };
        let memory = || {
            let now = reading.machine_memory?;
            let sampled = usage(Quantity::MachineMemory).map_or(0.0, |usage| usage.peak);
            Some(MemoryUse {
                process_peak: reading.process_memory?.peak,
                machine_peak: num::f64_to_u64(sampled).max(now.used()),
                machine_total: now.total,
            })
        };
        let gpu = || {
            let card = meter.card()?;
            Some(GpuUse {
                name: card.name.clone(),
                busy: usage(Quantity::GpuUse),
                memory: usage(Quantity::GpuMemory),
                memory_total: card.memory_total,
                temperature: usage(Quantity::GpuTemperature),
                power: usage(Quantity::GpuPower),
            })
        };
        Ok(Report {
            status,
            provider: self.runtime_in_use().provider(),
            wall_s: meter.age().as_secs_f64(),
            work_s,
            photos_per_s: if work_s > 0.0 { num::u64_to_f64(done) / work_s } else { 0.0 },
            threads: self.bench().networks.faces.threads(),
            cpu: cpu(),
            memory: memory(),
            gpu: gpu(),
            stages: self.stages(),
            course: meter.history().points().to_vec(),
        })
    }

    /// Counters and levels at this moment. Looks at the machine, and at its graphics card unless that sleeps.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn live(&self) -> Result<Live, EngineError> {
        let progress = self.progress();
        let (seconds, done) = progress.worked();
        Ok(Live {
            status: self.status()?,
            machine: self.meter().look(),
            stages: self.stages(),
            worked: (done, seconds),
            waiting: self.waiting(),
            in_hand: progress.in_hand(),
        })
    }

    fn stages(&self) -> Vec<StageCost> {
        let seconds = Stage::ALL.map(|stage| (stage, self.progress().seconds(stage)));
        costs(&seconds)
    }
}

fn costs(seconds: &[(Stage, (f64, f64))]) -> Vec<StageCost> {
    let total: f64 = seconds.iter().map(|(_, (busy, _))| busy).sum();
    let share = |busy: f64| if total > 0.0 { busy / total } else { 0.0 };
    let cost = |&(stage, (busy_s, waited_s)): &(Stage, (f64, f64))| StageCost {
        stage,
        busy_s,
        share: share(busy_s),
        waited_s,
    };
    seconds.iter().map(cost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_work_and_waiting_is_none() {
        let seconds = [(Stage::Read, (1.0, 9.0)), (Stage::Decode, (3.0, 0.0)), (Stage::Scan, (0.0, 1.0))];
        let shares: Vec<f64> = costs(&seconds).iter().map(|cost| cost.share).collect();
        assert_eq!(shares, [0.25, 0.75, 0.0]);
        assert_eq!(costs(&[(Stage::Read, (0.0, 1.0))])[0].share, 0.0);
    }
}
