//! What holds photos up: the user, heat, or a battery; and the gate of the feed that follows from it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::feed::Gate;
use crate::pause::{Pause, PauseFile};

/// Why photos wait, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The user paused. Nothing is indexed.
    User {
        /// Seconds since 1970 at which it is over; `None`: when the user says so.
        until: Option<i64>,
    },
    /// The graphics card is too hot. Nothing is indexed until it has cooled by some degrees.
    Heat {
        /// What it has, °C.
        celsius: u32,
        /// What it may have, °C.
        ceiling: u32,
    },
    /// The machine runs on its battery. New photos are indexed, the backlog waits.
    Battery {
        /// How full it is in percent, where it tells.
        charge: Option<u8>,
    },
}

#[derive(Debug, Default)]
struct Holds {
    user: Option<Pause>,
    heat: Option<(u32, u32)>,
    battery: Option<Option<u8>>,
}

/// All holds together; shared by the façade and the neighbour thread.
#[derive(Debug)]
pub(crate) struct Brake {
    holds: Mutex<Holds>,
    pub(crate) file: PauseFile,
}

impl Brake {
    /// With the pause that is on disk, if that is to be obeyed.
    pub(crate) fn open(file: PauseFile, obey: bool, now: i64) -> Self {
        let user = if obey { file.read(now) } else { None };
        if user.is_some() {
            tracing::info!("paused, as before: `vow resume` goes on");
        }
        Self { holds: Mutex::new(Holds { user, ..Holds::default() }), file }
    }

    pub(crate) fn set_user(&self, pause: Option<Pause>) {
        self.lock().user = pause;
    }

    pub(crate) fn user(&self) -> Option<Pause> {
        self.lock().user
    }

    /// `(what it has, what it may have)` in °C.
    pub(crate) fn set_heat(&self, heat: Option<(u32, u32)>) {
        self.lock().heat = heat;
    }

    /// The battery's charge in percent, where it tells.
    pub(crate) fn set_battery(&self, battery: Option<Option<u8>>) {
        self.lock().battery = battery;
    }

    pub(crate) fn gate(&self) -> Gate {
        let holds = self.lock();
        if holds.user.is_some() || holds.heat.is_some() {
            Gate::Shut
        } else if holds.battery.is_some() {
            Gate::LiveOnly
        } else {
            Gate::Open
        }
    }

    /// What to say. Heat and battery are worth a word only while something waits for them.
    pub(crate) fn hold(&self, waiting: bool) -> Option<Hold> {
        let holds = self.lock();
        let user = holds.user.map(|pause| Hold::User { until: pause.until });
        let heat = || holds.heat.map(|(celsius, ceiling)| Hold::Heat { celsius, ceiling });
        let battery = || holds.battery.map(|charge| Hold::Battery { charge });
        user.or_else(|| if waiting { heat().or_else(battery) } else { None })
    }

    fn lock(&self) -> MutexGuard<'_, Holds> {
        // Each hold is set in one step.
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_hold_counts() {
        let dir = tempfile::tempdir().unwrap();
        let brake = Brake::open(PauseFile::new(dir.path()), true, 0);
        assert_eq!((brake.gate(), brake.hold(true)), (Gate::Open, None));
        brake.set_battery(Some(Some(40)));
        assert_eq!(
            (brake.gate(), brake.hold(true)),
            (Gate::LiveOnly, Some(Hold::Battery { charge: Some(40) }))
        );
        assert_eq!(brake.hold(false), None, "nothing waits: nothing to say");
        brake.set_heat(Some((90, 87)));
        assert_eq!(
            (brake.gate(), brake.hold(true)),
            (Gate::Shut, Some(Hold::Heat { celsius: 90, ceiling: 87 }))
        );
        brake.set_user(Some(Pause { until: None }));
        assert_eq!((brake.gate(), brake.hold(false)), (Gate::Shut, Some(Hold::User { until: None })));
        brake.set_user(None);
        brake.set_heat(None);
        brake.set_battery(None);
        assert_eq!(brake.gate(), Gate::Open);
    }

    #[test]
    fn a_pause_on_disk_is_obeyed_unless_told_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let file = PauseFile::new(dir.path());
        file.write(Pause { until: None }).unwrap();
        assert_eq!(Brake::open(file.clone(), true, 0).gate(), Gate::Shut);
        assert_eq!(Brake::open(file, false, 0).gate(), Gate::Open);
    }
}
