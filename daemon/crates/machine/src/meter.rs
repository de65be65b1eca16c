//! From readings to use: differences between two looks, kept as a history.

use std::time::{Duration, Instant};

use vow_types::num;

use crate::gpu::{Gpu, GpuReading};
use crate::history::{History, Quantity, Values};
use crate::view::{Reading, View};

/// Points of the course that are kept.
const POINTS: usize = 360;

/// Opens the card, if there is one.
type OpenGpu = Box<dyn Fn() -> Option<Box<dyn Gpu>> + Send>;

/// Measures while it is told to.
pub struct Meter {
    view: View,
    begun: Instant,
    /// Processor time of this process when it began, nanoseconds: a process that replaced its program goes on counting.
    spent: Option<u64>,
    open_gpu: OpenGpu,
    gpu: Option<Box<dyn Gpu>>,
    /// The card was looked for in this stretch of work.
    sought: bool,
    /// The last look: when, what, and how many photos were done by then.
    last: Option<(Instant, Reading, u64)>,
    history: History,
    card: Option<GpuReading>,
    /// °C at the last sample.
    temperature: Option<f64>,
}

/// The machine at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What the kernel said.
    pub reading: Reading,
    /// What the graphics card said.
    pub gpu: Option<GpuReading>,
}

impl Meter {
    /// Measures through `view`, and the card that `open_gpu` finds.
    #[must_use]
    pub fn new(view: View, open_gpu: impl Fn() -> Option<Box<dyn Gpu>> + Send + 'static) -> Self {
        Self {
            begun: Instant::now(),
            spent: view.read().process_cpu_ns,
            view,
            open_gpu: Box::new(open_gpu),
            gpu: None,
            sought: false,
            last: None,
            history: History::new(POINTS),
            card: None,
            temperature: None,
        }
    }

    /// The root that it looks at.
    #[must_use]
    pub fn root(&self) -> &std::path::Path {
        self.view.root()
    }

    /// How long ago it was made.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Processor time of this process since then, user and system, by a reading.
    #[must_use]
    pub fn process_cpu(&self, reading: &Reading) -> Option<Duration> {
        let spent = reading.process_cpu_ns?.checked_sub(self.spent?)?;
        Some(Duration::from_nanos(spent))
    }

    /// When the last sample was taken, or measuring began; `None` while it rests.
    #[must_use]
    pub fn last(&self) -> Option<Instant> {
        self.last.as_ref().map(|(at, ..)| *at)
    }

    /// Begins, or takes a sample of the time since the last one. `done` counts the photos done so far. The card is
    /// looked for at the first sample, so that work of a moment costs no call to its driver.
    pub fn sample(&mut self, now: Instant, done: u64) {
        let reading = self.view.read();
        let Some((then, before, done_before)) = self.last.replace((now, reading, done)) else { return };
        if !self.sought {
            self.sought = true;
            self.gpu = (self.open_gpu)();
        }
        let card = self.gpu.as_mut().and_then(|gpu| gpu.read());
        let span = now.saturating_duration_since(then);
        let values = values(&before, &reading, span, card.as_ref());
        self.history.push(span, done.saturating_sub(done_before), values);
        self.temperature = card.as_ref().and_then(|card| card.temperature);
        self.card = card.or_else(|| self.card.take());
    }

    /// Takes a last sample and rests; the card is let go.
    pub fn rest(&mut self, now: Instant, done: u64) {
        if self.last.is_some() {
            let span = now.saturating_duration_since(self.last().unwrap_or(now));
            // A moment's work is counted without waking the card for it.
            self.sought |= span < Duration::from_millis(50);
            self.sample(now, done);
        }
        self.last = None;
        self.gpu = None;
        self.temperature = None;
        self.sought = false;
    }

    /// What was measured so far.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The card's last reading, since the start.
    #[must_use]
    pub fn card(&self) -> Option<&GpuReading> {
        self.card.as_ref()
    }

    /// The temperature of the card at the last sample, °C; absent while it is not measured.
    #[must_use]
    pub fn temperature(&self) -> Option<f64> {
        self.temperature
    }

    /// The machine now, whether it is being measured or not.
    pub fn look(&mut self) -> Snapshot {
        let reading = self.view.read();
        let gpu = match &mut self.gpu {
            Some(gpu) => gpu.read(),
            None => (self.open_gpu)().and_then(|mut gpu| gpu.read()),
        };
        Snapshot { reading, gpu }
    }
}

fn values(before: &Reading, after: &Reading, span: Duration, card: Option<&GpuReading>) -> Values {
    let mut values = Values::default();
    let mut set = |quantity: Quantity, value: Option<f64>| {
        if let Some(place) = values.get_mut(quantity.place()) {
            *place = value.filter(|value| value.is_finite());
        }
    };
    set(Quantity::ProcessCpu, process_cpu(before, after, span));
    set(Quantity::MachineCpu, machine_cpu(before, after));
    set(Quantity::ProcessMemory, after.process_memory.map(|memory| num::u64_to_f64(memory.resident)));
    set(Quantity::MachineMemory, after.machine_memory.map(|memory| num::u64_to_f64(memory.used())));
    if let Some(card) = card {
        set(Quantity::GpuUse, card.busy);
        set(Quantity::GpuMemory, card.memory.map(num::u64_to_f64));
        set(Quantity::GpuTemperature, card.temperature);
        set(Quantity::GpuPower, card.power);
    }
    values
}

/// Percent of all cores. Ticks are coarse, so a short span may seem to hold more than there was: never above 100.
fn process_cpu(before: &Reading, after: &Reading, span: Duration) -> Option<f64> {
    let cores = f64::from(after.machine_cpu?.cores);
    let used = Duration::from_nanos(after.process_cpu_ns?.checked_sub(before.process_cpu_ns?)?);
    let there = span.as_secs_f64() * cores;
    (there > 0.0).then(|| (100.0 * used.as_secs_f64() / there).min(100.0))
}

/// Percent of all cores; the kernel's counters may stand still for a moment, and even go back a little.
fn machine_cpu(before: &Reading, after: &Reading) -> Option<f64> {
    let (before, after) = (before.machine_cpu?, after.machine_cpu?);
    let total = after.total.checked_sub(before.total).filter(|total| *total > 0)?;
    let busy = after.busy.saturating_sub(before.busy);
    Some((100.0 * num::u64_to_f64(busy) / num::u64_to_f64(total)).min(100.0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;
    use crate::history::Usage;

    struct Fake(Arc<AtomicU32>);

    impl Gpu for Fake {
        fn read(&mut self) -> Option<GpuReading> {
            let temperature = Some(f64::from(self.0.load(SeqCst)));
            Some(GpuReading { name: "Fake".into(), busy: Some(70.0), temperature, ..GpuReading::default() })
        }
    }

    /// A `/proc` whose counters say what a test wants.
    fn proc(dir: &std::path::Path, own: u64, busy: u64, idle: u64) {
        std::fs::create_dir_all(dir.join("proc/self")).unwrap();
        let write = |name: &str, text: String| std::fs::write(dir.join("proc").join(name), text).unwrap();
        write("stat", format!("cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 0\ncpu1 0\n"));
        write("self/stat", format!("1 (vowd) R 1 2 3 0 -1 4194304 101 0 0 0 {own} 0 0 0 20 0 1 0"));
        write("meminfo", "MemTotal: 1000 kB\nMemAvailable: 400 kB\n".to_owned());
        write("self/status", "VmHWM: 300 kB\nVmRSS: 200 kB\n".to_owned());
    }

    #[test]
    fn use_is_a_share_of_all_cores() {
        let dir = tempfile::tempdir().unwrap();
        let ticks = rustix::param::clock_ticks_per_second();
        let mut meter = Meter::new(View::new(dir.path()), || None);
        let start = Instant::now();
        proc(dir.path(), 0, 0, 0);
        meter.sample(start, 10);
        // One second of two cores: one of them was ours, half of the other somebody else's.
        proc(dir.path(), ticks, ticks + ticks / 2, ticks / 2);
        meter.rest(start + Duration::from_secs(1), 17);
        let history = meter.history();
        assert_eq!(history.usage(Quantity::ProcessCpu), Some(Usage { mean: 50.0, peak: 50.0 }));
        assert_eq!(history.usage(Quantity::MachineCpu), Some(Usage { mean: 75.0, peak: 75.0 }));
        assert_eq!(history.usage(Quantity::ProcessMemory).unwrap().peak, 200.0 * 1024.0);
        assert_eq!(history.usage(Quantity::MachineMemory).unwrap().peak, 600.0 * 1024.0);
        assert_eq!(history.usage(Quantity::GpuTemperature), None, "no card: absent, not zero");
        assert_eq!((history.points().len(), history.points()[0].photos), (1, 7));
        assert_eq!(meter.last(), None);
    }

    #[test]
    fn what_another_program_of_the_process_took_is_not_counted() {
        let dir = tempfile::tempdir().unwrap();
        let second = rustix::param::clock_ticks_per_second();
        proc(dir.path(), 100 * second, 0, 0);
        let meter = Meter::new(View::new(dir.path()), || None);
        proc(dir.path(), 103 * second, 0, 0);
        let now = View::new(dir.path()).read();
        assert_eq!(meter.process_cpu(&now), Some(Duration::from_secs(3)));
        assert_eq!(meter.process_cpu(&Reading::default()), None, "the system does not tell");
    }

    #[test]
    fn time_at_rest_is_not_counted() {
        let dir = tempfile::tempdir().unwrap();
        let mut meter = Meter::new(View::new(dir.path()), || None);
        let start = Instant::now();
        let second = Duration::from_secs(1);
        meter.sample(start, 0);
        meter.rest(start + second, 1);
        meter.sample(start + 60 * second, 1);
        meter.rest(start + 62 * second, 5);
        let spans: Vec<Duration> = meter.history().points().iter().map(|point| point.span).collect();
        assert_eq!(spans, [second, 2 * second]);
        assert_eq!(meter.history().usage(Quantity::ProcessCpu), None, "an empty /proc tells nothing");
    }

    #[test]
    fn the_card_is_held_while_there_is_work_only() {
        let dir = tempfile::tempdir().unwrap();
        let (heat, held) = (Arc::new(AtomicU32::new(60)), Arc::new(AtomicU32::new(0)));
        let (heat_of, opened) = (Arc::clone(&heat), Arc::clone(&held));
        let mut meter = Meter::new(View::new(dir.path()), move || {
            opened.fetch_add(1, SeqCst);
            Some(Box::new(Fake(Arc::clone(&heat_of))))
        });
        let start = Instant::now();
        let second = Duration::from_secs(1);
        meter.sample(start, 0);
        assert_eq!((held.load(SeqCst), meter.temperature()), (0, None));
        meter.sample(start + second, 0);
        heat.store(90, SeqCst);
        meter.sample(start + 2 * second, 0);
        assert_eq!((held.load(SeqCst), meter.temperature()), (1, Some(90.0)));
        meter.rest(start + 3 * second, 0);
        assert_eq!(meter.temperature(), None);
        assert_eq!(meter.history().usage(Quantity::GpuTemperature).unwrap().peak, 90.0);
        assert_eq!(meter.card().unwrap().name, "Fake");
        // A moment's work does not open it again.
        meter.sample(start + 4 * second, 0);
        meter.rest(start + 4 * second + Duration::from_millis(1), 0);
        assert_eq!(held.load(SeqCst), 1);
    }
}
