//! One look at the machine through its file system, at a root that tests may choose.

use std::path::{Path, PathBuf};

use crate::parse::{self, CpuTimes, MachineMemory, ProcessMemory};

/// Where to look: `/`, or a folder made to look like it.
#[derive(Debug, Clone)]
pub struct View {
    root: PathBuf,
    ticks_per_s: u64,
}

/// What the kernel said at one moment. What it did not say is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Time of all cores.
    pub machine_cpu: Option<CpuTimes>,
    /// Processor time of this process, user and system, in nanoseconds.
    pub process_cpu_ns: Option<u64>,
    /// Memory of the machine.
    pub machine_memory: Option<MachineMemory>,
    /// Memory of this process.
    pub process_memory: Option<ProcessMemory>,
}

impl View {
    /// A view of the machine below `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), ticks_per_s: rustix::param::clock_ticks_per_second().max(1) }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads four files of `/proc`: a fraction of a millisecond.
    #[must_use]
    pub fn read(&self) -> Reading {
        let text = |name: &str| std::fs::read_to_string(self.root.join("proc").join(name)).ok();
        let nanoseconds = |ticks: u64| ticks.checked_mul(1_000_000_000 / self.ticks_per_s);
        Reading {
            machine_cpu: text("stat").and_then(|text| parse::machine_cpu(&text)),
            process_cpu_ns: text("self/stat")
                .and_then(|text| parse::process_ticks(&text))
                .and_then(nanoseconds),
            machine_memory: text("meminfo").and_then(|text| parse::machine_memory(&text)),
            process_memory: text("self/status").and_then(|text| parse::process_memory(&text)),
        }
    }

    /// Bytes that this process can have: what the machine has, or less where a group that it is in (a container, a service) is
    /// held to less.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        let text = |path: PathBuf| std::fs::read_to_string(path).ok();
        let group = text(self.root.join("proc/self/cgroup")).and_then(|text| parse::memory_group(&text));
        let groups = self.root.join("sys/fs/cgroup");
        // Whatever holds the groups around it holds this one too.
        let limits = group.into_iter().flat_map(|(path, file)| {
            let folders: Vec<PathBuf> =
                Path::new(&path).ancestors().map(|folder| groups.join(folder)).collect();
            folders.into_iter().filter_map(move |folder| parse::group_limit(&text(folder.join(file))?))
        });
        limits.chain(self.read().machine_memory.map(|memory| memory.total)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_tells() {
        let reading = View::new("/").read();
        assert!(reading.process_memory.unwrap().resident > 1 << 20);
        assert!(reading.machine_memory.unwrap().total > reading.process_memory.unwrap().peak);
        assert!(reading.machine_cpu.unwrap().total > 0 && reading.process_cpu_ns.is_some());
    }

    #[test]
    fn the_narrowest_bound_counts() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let memory = || View::new(dir.path()).memory();
        write("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 400 kB\n");
        assert_eq!(memory(), Some(1000 << 10));
        write("proc/self/cgroup", "0::/photos.slice/vowd.service\n");
        assert_eq!(memory(), Some(1000 << 10), "no group says anything");
        write("sys/fs/cgroup/photos.slice/vowd.service/memory.max", "max\n");
        write("sys/fs/cgroup/photos.slice/memory.max", "512000\n");
        assert_eq!(memory(), Some(512_000), "of the group around");
        write("sys/fs/cgroup/photos.slice/vowd.service/memory.max", "409600\n");
        assert_eq!(memory(), Some(409_600));
        write("proc/self/cgroup", "4:memory:/docker\n0::/photos.slice/vowd.service\n");
        write("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(memory(), Some(1000 << 10), "none, as the old groups write it");
    }

    #[test]
    fn an_empty_root_tells_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(View::new(dir.path()).memory(), None);
        assert_eq!(View::new(dir.path()).read(), Reading::default());
    }
}
