//! The score from which on two groups are one person, as it changes with the number of people and by a human's wish.

use crate::{Grouping, Params};

/// Once the threshold has risen by so much, groups that were formed below it are formed again...
const RISEN: f32 = 0.01;
/// ...while there are no more faces than these, some seconds of work.
const AGAIN_UP_TO: usize = 20_000;
impl Grouping {
    /// Another law of the score from which on groups are one person: `merge_at` and `calibrated_among` of [`Params`]; true
    /// when that is a change. What it changes shows with [`Self::settle`].
    pub fn set_merge_at(&mut self, merge_at: f32, calibrated_among: Option<u32>) -> bool {
        let changed = Params { merge_at, calibrated_among, ..self.params };
        let is_change = changed != self.params;
        self.params = changed;
        if is_change {
            self.unsettle();
        }
        self.bar = self.params.merge_at_among(self.groups.count());
        is_change
    }

    /// Lets the threshold follow the number of people. Once it has risen by enough, people who came together when there were
    /// few are looked at again, all of them; where they are too many for that, [`Self::settle`] does it.
    pub(super) fn tune(&mut self) {
        self.bar = self.params.merge_at_among(self.groups.count());
        if self.bar - self.bar_of_all < RISEN || self.faces.slots() > AGAIN_UP_TO {
            return;
        }
        self.bar_of_all = self.bar;
        for (slot, _) in self.faces.iter() {
            let size = self.groups.members(slot).len();
            if size > 1 {
                self.touched.insert(slot, size);
            }
        }
    }
}
