//! How far merging everything is, for whoever waits for it, and whether it is to go on.
//!
//! First every group is scored with what is around it, then they merge, best first. How many merges there will be nobody
//! knows before; but nearly every group that has somebody to go to in the beginning goes, as others come to have somebody later
//! (in made-up libraries of 10,000 and 100,000 faces there were 96 to 98 merges for a hundred of these groups). So they count as
//! all there are: scoring and merging take about as long. It never goes back, and never beyond the end.

use std::cell::Cell;

/// Steps between two looks at whether to stop; a step is some tens of scores, microseconds.
const STEPS_PER_LOOK: u32 = 64;

pub(crate) struct Pace<'a> {
    /// Told of what is done, of so much; true to stop.
    watch: &'a dyn Fn(usize, usize) -> bool,
    /// How many there are in the beginning.
    groups: usize,
    steps: Cell<u32>,
    scored: Cell<usize>,
    /// How many of them have somebody to go to, once all are scored.
    partnered: Cell<Option<usize>>,
    merged: Cell<usize>,
}

impl<'a> Pace<'a> {
    /// Of merging so many groups.
    pub(crate) fn of(groups: usize, watch: &'a dyn Fn(usize, usize) -> bool) -> Self {
        Self {
            watch,
            groups,
            steps: Cell::new(0),
            scored: Cell::new(0),
            partnered: Cell::new(None),
            merged: Cell::new(0),
        }
    }

    /// Of merging that nobody stops.
    pub(crate) fn unwatched() -> Self {
        Self::of(0, &|_, _| false)
    }

    /// To be called at every step; whether to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.steps.set(self.steps.get().wrapping_add(1));
        self.steps.get().is_multiple_of(STEPS_PER_LOOK) && self.look()
    }

    /// Tells how far it is; whether to stop.
    pub(crate) fn look(&self) -> bool {
        let partnered = self.partnered.get().unwrap_or(self.groups);
        let done = self.scored.get().min(self.groups).saturating_add(self.merged.get().min(partnered));
        (self.watch)(done, self.groups.saturating_add(partnered))
    }

    /// A group was scored for the first time.
    pub(crate) fn score(&self) {
        self.scored.set(self.scored.get().saturating_add(1));
    }

    /// All were, and so many have somebody to go to; the first time counts.
    pub(crate) fn begin_merging(&self, partnered: usize) {
        self.partnered.set(self.partnered.get().or(Some(partnered.min(self.groups))));
    }

    /// Two became one.
    pub(crate) fn merge(&self) {
        self.merged.set(self.merged.get().saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back_nor_beyond_the_end() {
        let told = Cell::new((0, 0));
        let watch = |done, of| {
            told.set((done, of));
            false
        };
        let pace = Pace::of(10, &watch);
        let now = || {
            pace.look();
            told.get()
        };
        (0..4).for_each(|_| pace.score());
        assert_eq!(now(), (4, 20), "all may have somebody to go to");
        (0..6).for_each(|_| pace.score());
        pace.begin_merging(7);
        assert_eq!(now(), (10, 17));
        (0..5).for_each(|_| pace.merge());
        assert_eq!(now(), (15, 17));
        // On with a lower threshold: what is left is scored again, and merges more than was to be seen.
        (0..5).for_each(|_| pace.score());
        pace.begin_merging(3);
        assert_eq!(now(), (15, 17));
        (0..4).for_each(|_| pace.merge());
        assert_eq!(now(), (17, 17));
    }

    #[test]
    fn whether_to_stop_is_asked_now_and_then() {
        let looks = Cell::new(0);
        let watch = |_, _| {
            looks.set(looks.get() + 1);
            looks.get() == 3
        };
        let pace = Pace::of(1_000, &watch);
        let steps = (1..1_000).find(|_| pace.is_stopped());
        assert_eq!((steps, looks.get()), (Some(192), 3));
        assert!((0..1_000).all(|_| !Pace::unwatched().is_stopped()));
    }
}
