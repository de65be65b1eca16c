//! The graphics card: use, memory, temperature and power, asked of NVIDIA's management library (NVML).
//!
//! The library comes with the driver and is loaded at run time. Where it is missing there is no card.

use std::path::Path;

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;

/// What a card said at one moment. A card that keeps something to itself leaves it absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GpuReading {
    /// Its name.
    pub name: String,
    /// How much of the last moment it worked, percent.
    pub busy: Option<f64>,
    /// Bytes taken.
    pub memory: Option<u64>,
    /// Bytes in all.
    pub memory_total: Option<u64>,
    /// °C.
    pub temperature: Option<f64>,
    /// Watts.
    pub power: Option<f64>,
}

/// A card that can be asked.
pub trait Gpu: Send {
    /// `None` when it does not answer any more.
    fn read(&mut self) -> Option<GpuReading>;
}

/// The NVIDIA card, if there is one and it is awake: to ask a sleeping one would wake it. While it is held the driver
/// keeps the card ready, so let go of it when there is nothing to measure.
#[must_use]
pub fn open_gpu(root: &Path) -> Option<Box<dyn Gpu>> {
    if asleep(root) {
        return None;
    }
    match Nvidia::open() {
        Ok(card) => Some(Box::new(card)),
        Err(error) => {
            tracing::debug!(%error, "no graphics card is measured");
            None
        }
    }
}

struct Nvidia {
    library: Nvml,
    index: u32,
    name: String,
}

impl Nvidia {
    fn open() -> Result<Self, nvml_wrapper::error::NvmlError> {
        let library = Nvml::init()?;
        let own = std::process::id();
        let works_here = |index: &u32| {
            let processes = library.device_by_index(*index).and_then(|card| card.running_compute_processes());
            processes.is_ok_and(|all| all.iter().any(|process| process.pid == own))
        };
        // Of several cards the one that this process computes on.
        let index = (0..library.device_count()?).find(works_here).unwrap_or(0);
        let name = library.device_by_index(index)?.name()?;
        Ok(Self { library, index, name })
    }
}

impl Gpu for Nvidia {
    fn read(&mut self) -> Option<GpuReading> {
        let card = self.library.device_by_index(self.index).ok()?;
        let memory = card.memory_info().ok();
        Some(GpuReading {
            name: self.name.clone(),
            busy: card.utilization_rates().ok().map(|rates| f64::from(rates.gpu)),
            memory: memory.as_ref().map(|memory| memory.used),
            memory_total: memory.map(|memory| memory.total),
            temperature: card.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
            power: card.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1000.0),
        })
    }
}

/// Whether there are NVIDIA cards and every one of them is powered down (Documentation/ABI/testing/sysfs-devices-power).
fn asleep(root: &Path) -> bool {
    let Ok(devices) = std::fs::read_dir(root.join("sys/bus/pci/devices")) else { return false };
    let mut cards = 0;
    for device in devices.flatten() {
        let read = |name: &str| {
            std::fs::read_to_string(device.path().join(name))
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        };
        // Vendor NVIDIA, class display controller.
        if read("vendor") != "0x10de" || !read("class").starts_with("0x03") {
            continue;
        }
        if read("power/runtime_status") != "suspended" {
            return false;
        }
        cards += 1;
    }
    cards > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeping_card_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!asleep(dir.path()), "no card is not a sleeping card");
        let device = |slot: &str, vendor: &str, class: &str, status: &str| {
            let path = dir.path().join("sys/bus/pci/devices").join(slot);
            std::fs::create_dir_all(path.join("power")).unwrap();
            std::fs::write(path.join("vendor"), vendor).unwrap();
            std::fs::write(path.join("class"), class).unwrap();
            std::fs::write(path.join("power/runtime_status"), status).unwrap();
        };
        device("0000:00:02.0", "0x8086\n", "0x030000\n", "active\n");
        assert!(!asleep(dir.path()));
        device("0000:01:00.0", "0x10de\n", "0x030200\n", "suspended\n");
        device("0000:01:00.1", "0x10de\n", "0x040300\n", "active\n"); // its sound
        assert!(asleep(dir.path()));
        assert!(open_gpu(dir.path()).is_none());
        device("0000:01:00.0", "0x10de\n", "0x030200\n", "active\n");
        assert!(!asleep(dir.path()));
    }
}
