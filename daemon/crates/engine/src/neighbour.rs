//! The neighbour thread: while there is work it measures the machine and holds the feed back where that is due; while
//! there is none it sleeps without a timer. From time to time, and before it sleeps, it gives free memory back.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vow_machine::{Meter, Power, Thermostat, power};
use vow_store::StoreError;
use vow_types::num;

use crate::brake::Brake;
use crate::feed::Gate;
use crate::progress::now;
use crate::worker::Bench;

/// Time between two samples while photos are worked on or a card cools down.
const SAMPLE: Duration = Duration::from_millis(250);
/// Time between two looks at the power supply while there is work.
const POWER: Duration = Duration::from_secs(5);
/// Time between two times that free memory is given back while there is work.
const GIVE_BACK: Duration = Duration::from_secs(5);
/// The longest wait for the end of a pause: the clock of waits stands still while the machine sleeps, the user's does not.
const NAP: Duration = Duration::from_secs(60);

/// The thread's own state.
pub(crate) struct Neighbour {
    pub(crate) bench: Arc<Bench>,
    pub(crate) brake: Arc<Brake>,
    pub(crate) meter: Arc<Mutex<Meter>>,
    /// Temperature of the card in °C above which everything stands still.
    pub(crate) ceiling: Option<u32>,
    /// Whether a battery holds the backlog up.
    pub(crate) spare_battery: bool,
    pub(crate) root: PathBuf,
}

impl Neighbour {
    /// Looks after everything until the engine stops.
    pub(crate) fn run(self) -> Result<(), StoreError> {
        let mut thermostat = Thermostat::new(self.ceiling);
        let mut next_power = Instant::now();
        let (mut seen, mut next_giving, mut worked) = (0, next_power + GIVE_BACK, true);
        loop {
            let progress = &self.bench.progress;
            let (time, working) = (Instant::now(), !progress.idle());
            let stopping = progress.stopping.load(Ordering::SeqCst);
            self.end_pause();
            if (working && time >= next_giving) || (worked && !working) {
                next_giving = time + GIVE_BACK;
                if progress.in_hand() == 0 {
                    self.bench.spare.clear();
                }
                vow_infer::give_memory_back();
            }
            worked = working;
            if working && time >= next_power {
                next_power = time + POWER;
                self.look_at_power();
            }
            let asleep = self.brake.user().is_some() || self.brake.gate() == Gate::LiveOnly;
            let measure =
                working && !stopping && (progress.in_hand() > 0 || !asleep || self.pending_groups());
            self.measure(time, measure, &mut thermostat);
            self.bench.feed.set_gate(self.brake.gate());
            if stopping {
                return Ok(());
            }
            let sample = self.lock().last().map(|last| last + SAMPLE);
            let power = (working && self.spare_battery && self.brake.user().is_none()).then_some(next_power);
            let pause = self.brake.user().and_then(|pause| pause.until).map(|until| time + nap(until));
            seen = progress.wait_pulse(seen, [sample, power, pause].into_iter().flatten().min());
        }
    }

    /// Photos are stored and still to be grouped, or people are being sorted out.
    fn pending_groups(&self) -> bool {
        self.bench.progress.pending.load(Ordering::SeqCst) == 0
    }

    fn measure(&self, time: Instant, measure: bool, thermostat: &mut Thermostat) {
        let done = self.bench.progress.worked().1;
        let mut meter = self.lock();
        if !measure {
            meter.rest(time, done);
        } else if meter.last().is_none_or(|last| time.saturating_duration_since(last) >= SAMPLE) {
            meter.sample(time, done);
        } else {
            return;
        }
        let temperature = meter.temperature();
        drop(meter);
        let hot = thermostat.feel(temperature);
        let before = self.brake.gate();
        self.brake.set_heat(
            temperature.zip(self.ceiling).filter(|_| hot).map(|(now, ceiling)| (degrees(now), ceiling)),
        );
        if before != self.brake.gate() {
            let celsius = temperature.map(degrees);
            if hot {
                tracing::warn!(
                    celsius,
                    ceiling = self.ceiling,
                    "the graphics card is too hot: waiting for it to cool down"
                );
            } else {
                tracing::info!(celsius, "the graphics card has cooled down: going on");
            }
            self.bench.progress.touch();
        }
    }

    fn look_at_power(&self) {
        if !self.spare_battery {
            return;
        }
        let before = self.brake.gate();
        self.brake.set_battery(battery(&self.root));
        if before != self.brake.gate() {
            self.bench.progress.touch();
        }
    }

    fn end_pause(&self) {
        let Some(until) = self.brake.user().and_then(|pause| pause.until) else { return };
        if until > now() {
            return;
        }
        tracing::info!("the pause is over");
        if let Err(error) = self.brake.file.remove() {
            // It is over by its own word, whether the file is there or not.
            tracing::warn!(path = %self.brake.file.path().display(), %error, "cannot be removed");
        }
        self.brake.set_user(None);
        self.bench.progress.touch();
    }

    fn lock(&self) -> MutexGuard<'_, Meter> {
        lock(&self.meter)
    }
}

/// The battery's charge in percent, where it tells, while the machine runs on it.
pub(crate) fn battery(root: &Path) -> Option<Option<u8>> {
    match power(root) {
        Power::Mains => None,
        Power::Battery { charge } => Some(charge),
    }
}

/// A meter whose last user panicked still holds whole numbers.
pub(crate) fn lock(meter: &Mutex<Meter>) -> MutexGuard<'_, Meter> {
    meter.lock().unwrap_or_else(PoisonError::into_inner)
}

fn degrees(celsius: f64) -> u32 {
    num::round_u32(num::narrow(celsius))
}

/// How long to wait before looking again whether a moment has come.
fn nap(until: i64) -> Duration {
    let seconds = u64::try_from(until.saturating_sub(now())).unwrap_or(0);
    Duration::from_secs(seconds).clamp(Duration::from_millis(50), NAP)
}
