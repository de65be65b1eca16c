//! What a run cost: counted and measured, never estimated.

use serde::Serialize;
use vow_types::{Stage, num};

use crate::engine::Engine;
use crate::error::EngineError;

/// A run of the engine, from its start to now.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Photos in the library.
    pub photos: u64,
    /// Files that show them.
    pub files: u64,
    /// Faces in them.
    pub faces: u64,
    /// Named, or with at least three faces.
    pub people: u64,
    /// Groups of any size.
    pub groups: u64,
    /// Files that could not be indexed.
    pub failures: u64,
    /// Photos that went through the models in this run.
    pub photos_inferred: u64,
    /// Seconds since the engine's start, loading the models included.
    pub wall_s: f64,
    /// Files handled a second over the last run of work (models loaded).
    pub photos_per_s: f64,
    /// Most memory the process held at once, in MiB; absent where the system does not tell.
    pub rss_peak_mb: Option<f64>,
    /// Processor seconds of the process, user and system; absent where the system does not tell.
    pub cpu_s: Option<f64>,
    /// The pack's name.
    pub pack: String,
    /// What ran the models.
    pub runtime: String,
    /// Threads that ran models.
    pub threads: usize,
    /// Busy seconds of each stage.
    pub stages: Stages<f64>,
    /// Seconds that photos waited for a stage, apart from its work.
    pub waits: Stages<f64>,
}

/// One value a stage, in the order in which a photo meets them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names of the stages")]
pub struct Stages<T> {
    pub scan: T,
    pub read: T,
    pub decode: T,
    pub resize: T,
    pub detect: T,
    pub align: T,
    pub embed: T,
    pub commit: T,
    pub group: T,
}

impl<T: Copy> Stages<T> {
    fn each(value: impl Fn(Stage) -> T) -> Self {
        Self {
            scan: value(Stage::Scan),
            read: value(Stage::Read),
            decode: value(Stage::Decode),
            resize: value(Stage::Resize),
            detect: value(Stage::Detect),
            align: value(Stage::Align),
            embed: value(Stage::Embed),
            commit: value(Stage::Commit),
            group: value(Stage::Group),
        }
    }

    /// The value of a stage.
    pub fn get(&self, stage: Stage) -> T {
        match stage {
            Stage::Scan => self.scan,
            Stage::Read => self.read,
            Stage::Decode => self.decode,
            Stage::Resize => self.resize,
            Stage::Detect => self.detect,
            Stage::Align => self.align,
            Stage::Embed => self.embed,
            Stage::Commit => self.commit,
            Stage::Group => self.group,
        }
    }
}

impl Engine {
    /// What this run has cost so far.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn report(&self) -> Result<Report, EngineError> {
        let status = self.status()?;
        let progress = self.progress();
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        Ok(Report {
            photos: status.photos,
            files: status.files,
            faces: status.faces,
            people: status.people,
            groups: status.groups,
            failures: status.failures,
            photos_inferred: status.photos_inferred,
            wall_s: round(self.age().as_secs_f64()),
            photos_per_s: round(status.photos_per_s),
            rss_peak_mb: peak_memory().map(|bytes| round(num::u64_to_f64(bytes) / f64::from(1 << 20))),
            cpu_s: cpu_seconds().map(round),
            pack: status.pack,
            runtime: status.runtime,
            threads: self.threads(),
            stages: Stages::each(|stage| round(progress.seconds(stage).0)),
            waits: Stages::each(|stage| round(progress.seconds(stage).1)),
        })
    }
}

/// `VmHWM` of /proc/self/status, in bytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// User and system time of the process (fields 14 and 15 of /proc/self/stat), in seconds.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name in brackets, which may itself hold blanks and brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let ticks = rustix::param::clock_ticks_per_second();
    Some(num::u64_to_f64(user + system) / num::u64_to_f64(ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_own_place() {
        let stages = Stages::each(|stage| stage.name());
        for stage in Stage::ALL {
            assert_eq!(stages.get(stage), stage.name());
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells() {
        assert!(peak_memory().unwrap() > 1 << 20);
        assert!(cpu_seconds().unwrap() >= 0.0);
    }
}
