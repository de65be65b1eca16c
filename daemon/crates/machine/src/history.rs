//! Means, peaks and a course over time in bounded memory.

use std::time::Duration;

use vow_types::num;

/// What is measured. Percentages are of the whole machine, all cores together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Processor use of this process, percent.
    ProcessCpu,
    /// Processor use of the machine, percent.
    MachineCpu,
    /// Memory of this process, bytes.
    ProcessMemory,
    /// Memory taken on the machine, bytes.
    MachineMemory,
    /// Use of the graphics card, percent.
    GpuUse,
    /// Memory taken on the graphics card, bytes.
    GpuMemory,
    /// Temperature of the graphics card, °C.
    GpuTemperature,
    /// Power drawn by the graphics card, watts.
    GpuPower,
}

const QUANTITIES: usize = 8;

/// One value a quantity; what is not known is absent.
pub(crate) type Values = [Option<f64>; QUANTITIES];

impl Quantity {
    /// Where its value stands among [`Values`].
    pub(crate) const fn place(self) -> usize {
        self as usize
    }
}

/// Mean over time and the greatest value sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Weighted by time.
    pub mean: f64,
    /// The greatest single sample.
    pub peak: f64,
}

/// A stretch of time and what was going on in it, on the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// How long it was.
    pub span: Duration,
    /// Photos done in it.
    pub photos: u64,
    values: Values,
}

impl Point {
    /// The mean of a quantity, where it was measured.
    #[must_use]
    pub fn get(&self, quantity: Quantity) -> Option<f64> {
        self.values.get(quantity.place()).copied().flatten()
    }

    /// Photos a second.
    #[must_use]
    pub fn photos_per_s(&self) -> f64 {
        let seconds = self.span.as_secs_f64();
        if seconds > 0.0 { num::u64_to_f64(self.photos) / seconds } else { 0.0 }
    }

    /// Takes in the point that follows.
    fn absorb(&mut self, next: &Self) {
        let (before, after) = (self.span.as_secs_f64(), next.span.as_secs_f64());
        for (mine, other) in self.values.iter_mut().zip(next.values) {
            *mine = match (*mine, other) {
                (Some(mine), Some(other)) if before + after > 0.0 => {
                    Some((mine * before + other * after) / (before + after))
                }
                (mine, other) => mine.or(other),
            };
        }
        self.span += next.span;
        self.photos += next.photos;
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    sum: f64,
    seconds: f64,
    peak: Option<f64>,
}

/// The course of everything measured. Holds a fixed number of points at most: when it is full, neighbours are joined and
/// time is told half as finely from then on. Means and peaks do not suffer from that.
#[derive(Debug, Clone)]
pub struct History {
    most: usize,
    /// Points shorter than this take in what follows.
    fineness: Duration,
    points: Vec<Point>,
    tallies: [Tally; QUANTITIES],
}

impl History {
    /// With room for `most` points (two at least).
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(2),
            fineness: Duration::ZERO,
            points: Vec::new(),
            tallies: [Tally::default(); QUANTITIES],
        }
    }

    /// The course so far, oldest first.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Mean and peak of a quantity; absent while it was never measured.
    #[must_use]
    pub fn usage(&self, quantity: Quantity) -> Option<Usage> {
        let tally = self.tallies.get(quantity.place())?;
        let peak = tally.peak?;
        (tally.seconds > 0.0).then(|| Usage { mean: tally.sum / tally.seconds, peak })
    }

    /// Adds what was measured over `span`. No time is no sample.
    pub(crate) fn push(&mut self, span: Duration, photos: u64, values: Values) {
        if span.is_zero() {
            return;
        }
        let seconds = span.as_secs_f64();
        for (tally, value) in self.tallies.iter_mut().zip(values) {
            let Some(value) = value else { continue };
            tally.sum += value * seconds;
            tally.seconds += seconds;
            tally.peak = Some(tally.peak.map_or(value, |peak| peak.max(value)));
        }
        let point = Point { span, photos, values };
        match self.points.last_mut() {
            Some(last) if last.span < self.fineness => last.absorb(&point),
            _ => self.points.push(point),
        }
        if self.points.len() > self.most {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let mut halved: Vec<Point> = Vec::with_capacity(self.most + 1);
        for (at, point) in self.points.iter().enumerate() {
            match halved.last_mut() {
                Some(last) if at % 2 == 1 => last.absorb(point),
                _ => halved.push(*point),
            }
        }
        let whole: Duration = halved.iter().map(|point| point.span).sum();
        self.fineness = whole / num::len_u32(halved.len()).max(1);
        self.points = halved;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(cpu: f64, gpu: Option<f64>) -> Values {
        let mut values = Values::default();
        values[Quantity::ProcessCpu.place()] = Some(cpu);
        values[Quantity::GpuUse.place()] = gpu;
        values
    }

    #[test]
    fn what_was_never_measured_is_absent() {
        let mut history = History::new(10);
        history.push(Duration::from_secs(1), 5, values(50.0, None));
        history.push(Duration::from_secs(3), 0, values(90.0, None));
        assert_eq!(history.usage(Quantity::ProcessCpu), Some(Usage { mean: 80.0, peak: 90.0 }));
        assert_eq!(history.usage(Quantity::GpuUse), None);
        assert_eq!(history.points()[1].get(Quantity::GpuUse), None);
        assert_eq!(history.points()[0].photos_per_s(), 5.0);
    }

    proptest! {
        #[test]
        fn bounded_and_nothing_is_lost(
            most in 2_usize..50,
            samples in prop::collection::vec((0_u64..3000, 0_u64..100, 0_f64..100.0, prop::option::of(0_f64..100.0)), 0..400),
        ) {
            let mut history = History::new(most);
            for (span, photos, cpu, gpu) in &samples {
                history.push(Duration::from_millis(*span), *photos, values(*cpu, *gpu));
            }
            let taken: Vec<_> = samples.iter().filter(|sample| sample.0 > 0).collect();
            prop_assert!(history.points().len() <= most);
            let span: Duration = history.points().iter().map(|point| point.span).sum();
            prop_assert_eq!(span, Duration::from_millis(taken.iter().map(|sample| sample.0).sum()));
            let photos: u64 = history.points().iter().map(|point| point.photos).sum();
            prop_assert_eq!(photos, taken.iter().map(|sample| sample.1).sum::<u64>());
            if taken.is_empty() {
                prop_assert!(history.usage(Quantity::ProcessCpu).is_none());
                return Ok(());
            }
            // The mean of the course is the mean of everything, however often it was halved.
            let usage = history.usage(Quantity::ProcessCpu).unwrap();
            let course: f64 = history.points().iter()
                .map(|point| point.get(Quantity::ProcessCpu).unwrap() * point.span.as_secs_f64()).sum();
            prop_assert!((course / span.as_secs_f64() - usage.mean).abs() < 1e-6);
            let peak = taken.iter().map(|sample| sample.2).fold(0.0, f64::max);
            prop_assert_eq!(usage.peak, peak);
            prop_assert!(usage.mean <= peak + 1e-9);
        }
    }
}
