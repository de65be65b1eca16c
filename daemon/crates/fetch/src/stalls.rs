//! Whether an address that failed is worth another question, by what its attempts brought so far.

use crate::{Fault, Settings};

/// Stalls in a row that brought little before the next address is asked.
const POOR_STALLS: u32 = 3;
/// Stalls on one address in all: however much each brought, waiting for them takes minutes.
const MOST_STALLS: u32 = 10;

/// What came of one address.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Attempts in a row that brought no byte.
    barren: u32,
    /// Stalls in a row that brought little.
    poor: u32,
    stalls: u32,
}

impl Record {
    /// Notes an attempt that brought so many bytes before it failed. Gives whether another may do better.
    pub(crate) fn note(&mut self, fault: &Fault, brought: u64, settings: &Settings) -> bool {
        self.barren = if brought > 0 { 0 } else { self.barren.saturating_add(1) };
        let stalled = matches!(fault, Fault::Stalled(_));
        if brought >= settings.little {
            self.poor = 0;
        } else if stalled {
            self.poor = self.poor.saturating_add(1);
        }
        self.stalls = self.stalls.saturating_add(u32::from(stalled));
        fault.may_pass()
            && self.barren < settings.attempts
            && self.poor < POOR_STALLS
            && self.stalls < MOST_STALLS
    }

    /// How often in a row nothing came.
    pub(crate) fn barren(&self) -> u32 {
        self.barren
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Attempts until an address is left, each of which brings so much.
    fn attempts(fault: fn() -> Fault, brought: u64) -> usize {
        let (mut record, settings) = (Record::default(), Settings::default());
        (1..200).take_while(|_| record.note(&fault(), brought, &settings)).count() + 1
    }

    #[test]
    fn stalls_that_bring_little_are_borne_three_times_and_others_ten() {
        let stalled = || Fault::Stalled(Duration::from_secs(30));
        assert_eq!([0, 1, 100_000].map(|brought| attempts(stalled, brought)), [3; 3]);
        assert_eq!(attempts(stalled, 10 << 20), 10);
    }

    #[test]
    fn a_connection_that_breaks_is_asked_again_as_long_as_it_brings_anything() {
        let broken = || Fault::Broken("x".to_owned());
        assert_eq!(attempts(broken, 0), 4);
        assert_eq!(attempts(broken, 1), 200);
        assert_eq!(attempts(|| Fault::Status { code: 404 }, 1), 1);
    }

    #[test]
    fn much_makes_up_for_little() {
        let (mut record, settings) = (Record::default(), Settings::default());
        let stalled = Fault::Stalled(Duration::from_secs(30));
        let goes_on = [1, 1, 10 << 20, 1, 1].map(|brought| record.note(&stalled, brought, &settings));
        assert_eq!(goes_on, [true; 5]);
        assert!(!record.note(&stalled, 1, &settings));
    }
}
