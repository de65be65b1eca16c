//! Axes: round steps, and units that keep numbers short.

/// An axis from 0 to `end` with a mark every `step`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    pub(crate) end: f64,
    pub(crate) step: f64,
}

impl Axis {
    /// The least axis with round steps (1, 2 or 5 times a power of ten), at most `marks` of them, that holds `most`.
    pub(crate) fn holding(most: f64, marks: u8) -> Self {
        let most = if most.is_finite() && most > 0.0 { most.clamp(1e-6, 1e15) } else { 1.0 };
        let raw = most / f64::from(marks.max(1));
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|round| round * power)
            .into_iter()
            .find(|step| *step >= raw * 0.999_999);
        let step = step.unwrap_or(10.0 * power);
        Self { end: (most / step - 1e-6).ceil().max(1.0) * step, step }
    }

    /// From 0 to `end` inclusive.
    pub(crate) fn marks(self) -> impl Iterator<Item = f64> {
        (0_u16..100)
            .map(move |n| f64::from(n) * self.step)
            .take_while(move |mark| *mark <= self.end * 1.000_001)
    }

    /// A mark's text, with as many decimals as the step has.
    pub(crate) fn text(self, mark: f64) -> String {
        let decimals = if self.step >= 1.0 {
            0
        } else if self.step >= 0.1 {
            1
        } else {
            3
        };
        format!("{mark:.decimals$}")
    }
}

/// A unit: its name and how much of the base one of it is.
pub(crate) type Unit = (&'static str, f64);

/// For bytes.
pub(crate) fn bytes(most: f64) -> Unit {
    const GIB: f64 = 1_073_741_824.0;
    if most >= 4.0 * GIB { ("GiB", GIB) } else { ("MiB", 1_048_576.0) }
}

/// For seconds.
pub(crate) fn seconds(most: f64) -> Unit {
    if most < 300.0 {
        ("s", 1.0)
    } else if most < 4.0 * 3600.0 {
        ("min", 60.0)
    } else {
        ("h", 3600.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_round() {
        let axis = |most| (Axis::holding(most, 4).end, Axis::holding(most, 4).step);
        assert_eq!(
            [axis(100.0), axis(33.3), axis(7.0), axis(0.0)],
            [(100.0, 50.0), (40.0, 10.0), (8.0, 2.0), (1.0, 0.5)]
        );
        let marks: Vec<String> = {
            let axis = Axis::holding(1.0, 4);
            axis.marks().map(|mark| axis.text(mark)).collect()
        };
        assert_eq!(marks, ["0.0", "0.5", "1.0"]);
    }

    proptest! {
        #[test]
        fn an_axis_holds_what_it_must_and_not_much_more(most in prop::num::f64::ANY, marks in 0_u8..20) {
            let axis = Axis::holding(most, marks);
            prop_assert!(axis.end > 0.0 && axis.end.is_finite());
            prop_assert!(axis.marks().count() <= usize::from(marks.max(1)) + 2);
            if (1e-6..1e15).contains(&most) {
                prop_assert!(axis.end >= most * 0.999, "{:?} for {}", axis, most);
                prop_assert!(axis.end - axis.step < most * 1.001, "{:?} for {}", axis, most);
            }
        }
    }
}
