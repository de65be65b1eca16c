//! The kernel's text files as numbers (proc(5)). Pure; a text that is not as described there gives `None`.

/// Time of all cores together since the machine started, in ticks of a hundredth of a second as a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTimes {
    /// Spent working.
    pub busy: u64,
    /// Spent at all.
    pub total: u64,
    /// Cores that share it; at least 1.
    pub cores: u32,
}

/// Memory of this process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessMemory {
    /// Held now (`VmRSS`).
    pub resident: u64,
    /// The most held at once since the process started (`VmHWM`).
    pub peak: u64,
}

/// Memory of the machine, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineMemory {
    /// All there is.
    pub total: u64,
    /// What programs can still have (`MemAvailable`): free, or given back at once.
    pub available: u64,
}

impl MachineMemory {
    /// What is taken.
    #[must_use]
    pub fn used(self) -> u64 {
        self.total.saturating_sub(self.available)
    }
}

/// `/proc/stat`.
pub(crate) fn machine_cpu(text: &str) -> Option<CpuTimes> {
    let all = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    // user nice system idle iowait irq softirq steal; the guests that follow are part of user and nice.
    let times: Vec<u64> =
        all.split_whitespace().take(8).map(|field| field.parse().ok()).collect::<Option<_>>()?;
    let total = times.iter().try_fold(0_u64, |sum, time| sum.checked_add(*time))?;
    let idle = times.get(3)?.checked_add(*times.get(4)?)?;
    let core = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let cores = u32::try_from(text.lines().filter(core).count()).ok()?.max(1);
    Some(CpuTimes { busy: total.checked_sub(idle)?, total, cores })
}

/// User and system time in ticks: fields 14 and 15 of `/proc/self/stat`.
pub(crate) fn process_ticks(text: &str) -> Option<u64> {
    // The second field is the name in brackets, which may itself hold blanks and brackets.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// `/proc/self/status`.
pub(crate) fn process_memory(text: &str) -> Option<ProcessMemory> {
    Some(ProcessMemory { resident: kib(text, "VmRSS:")?, peak: kib(text, "VmHWM:")? })
}

/// `/proc/meminfo`.
pub(crate) fn machine_memory(text: &str) -> Option<MachineMemory> {
    Some(MachineMemory { total: kib(text, "MemTotal:")?, available: kib(text, "MemAvailable:")? })
}

/// `/proc/self/cgroup`: the folder below `/sys/fs/cgroup` of the group that bounds this process's memory, and the file in it
/// (and in the folders above) that says how much. With both kinds of groups mounted it is the old one that counts.
pub(crate) fn memory_group(text: &str) -> Option<(String, &'static str)> {
    let mut unified = None;
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (kinds, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
        if kinds.is_empty() {
            unified = Some((path.to_owned(), "memory.max"));
        } else if kinds.split(',').any(|kind| kind == "memory") {
            let path = format!("memory/{path}");
            return Some((path.trim_end_matches('/').to_owned(), "memory.limit_in_bytes"));
        }
    }
    unified
}

/// A group's bound in bytes; `None`: `max`, there is none.
pub(crate) fn group_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The bytes of a line such as `VmRSS:    1660 kB`.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_the_kernel_writes_them() {
        let stat = "cpu  10 2 3 80 5 0 1 0 7 0\ncpu0 5 1 1 40 3 0 1 0 0 0\ncpu1 5 1 2 40 2 0 0 0 0 0\nintr 5\nctxt 1";
        assert_eq!(machine_cpu(stat), Some(CpuTimes { busy: 16, total: 101, cores: 2 }));
        let own = "16332 (a (b) c d) R 1 2 3 0 -1 4194304 101 0 0 0 70 30 0 0 20 0 1 0 72405 3133440 389";
        assert_eq!(process_ticks(own), Some(100));
        let status = "Name:\tvowd\nVmPeak:\t  999999 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(process_memory(status), Some(ProcessMemory { resident: 1 << 20, peak: 2 << 20 }));
        let memory =
            machine_memory("MemTotal:    8192 kB\nMemFree:   1 kB\nMemAvailable:   2048 kB\n").unwrap();
        assert_eq!((memory.total, memory.used()), (8 << 20, 6 << 20));
    }

    #[test]
    fn groups_of_both_kinds() {
        let of = |text| memory_group(text).map(|(path, file)| format!("{path} {file}"));
        assert_eq!(
            of("0::/user.slice/vowd.service\n").as_deref(),
            Some("user.slice/vowd.service memory.max")
        );
        assert_eq!(of("0::/\n").as_deref(), Some(" memory.max"), "in a container");
        let old = "5:cpu,cpuacct:/\n4:memory:/docker/1f\n0::/\n";
        assert_eq!(of(old).as_deref(), Some("memory/docker/1f memory.limit_in_bytes"));
        assert_eq!(of("4:memory:/\n").as_deref(), Some("memory memory.limit_in_bytes"));
        assert_eq!(of("5:cpu:/\n"), None);
        assert_eq!(group_limit("4096\n"), Some(4096));
        assert_eq!(group_limit("max\n"), None);
    }

    #[test]
    fn what_is_not_there_is_absent() {
        assert_eq!(machine_cpu("cpu0 1 2 3 4 5"), None);
        assert_eq!(machine_cpu("cpu  1 2 3"), None);
        assert_eq!(process_memory("VmRSS: 5 kB"), None);
        assert_eq!(machine_memory("MemTotal: 5 MB\nMemAvailable: 5 kB"), None);
        assert_eq!(process_ticks("1 vowd R 1 2 3"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_without_a_panic(text in ".{0,200}") {
            for text in [text.clone(), format!("cpu {text}"), format!("1 (x) {text}"), format!("VmHWM:{text}kB")] {
                let _ = (machine_cpu(&text), process_ticks(&text), process_memory(&text), machine_memory(&text));
                let _ = (memory_group(&text), group_limit(&text));
            }
        }

        #[test]
        fn times_add_up(times in prop::collection::vec(0_u64..1 << 40, 8), cores in 1_u32..300) {
            let fields = |times: &[u64]| times.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
            let mut text = format!("cpu  {} 0 0\n", fields(&times));
            for core in 0..cores {
                text += &format!("cpu{core} 0 0 0 0 0 0 0 0 0 0\n");
            }
            let read = machine_cpu(&text).unwrap();
            prop_assert_eq!(read.total, times.iter().sum::<u64>());
            prop_assert_eq!(read.total - read.busy, times[3] + times[4]);
            prop_assert_eq!(read.cores, cores);
        }

        #[test]
        fn a_name_with_anything_in_it_moves_no_field(name in "[ -~]{0,15}", user in 0_u64..1 << 40, system in 0_u64..1 << 40) {
            let text = format!("7 ({name}) S 1 2 3 0 -1 4194304 101 0 0 0 {user} {system} 0 0 20 0 1 0");
            prop_assert_eq!(process_ticks(&text), Some(user + system));
        }
    }
}
