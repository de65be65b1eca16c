//! When a graphics card is too hot, with some degrees between stopping and going on.

/// How far below the ceiling the card must cool, in °C, before work goes on: less would stop and go all the time.
const COOLING: f64 = 5.0;

/// A ceiling and which side of it the card is on.
#[derive(Debug, Clone, PartialEq)]
pub struct Thermostat {
    ceiling: Option<f64>,
    hot: bool,
}

impl Thermostat {
    /// With a ceiling in °C, or none: then nothing is ever too hot.
    #[must_use]
    pub fn new(ceiling: Option<u32>) -> Self {
        Self { ceiling: ceiling.map(f64::from), hot: false }
    }

    /// Takes a temperature in °C (`None`: there is no card, or it does not tell) and says whether to stand still.
    pub fn feel(&mut self, temperature: Option<f64>) -> bool {
        self.hot = match (self.ceiling, temperature) {
            (Some(ceiling), Some(now)) if self.hot => now > ceiling - COOLING,
            (Some(ceiling), Some(now)) => now > ceiling,
            _ => false,
        };
        self.hot
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stops_above_and_goes_on_well_below() {
        let mut thermostat = Thermostat::new(Some(87));
        let felt = [80.0, 87.0, 88.0, 86.0, 83.0, 82.0, 86.0, 90.0].map(|now| thermostat.feel(Some(now)));
        assert_eq!(felt, [false, false, true, true, true, false, false, true]);
        assert!(!thermostat.feel(None), "a card that went away holds nothing up");
        assert!(!Thermostat::new(None).feel(Some(200.0)));
    }

    proptest! {
        #[test]
        fn never_works_above_the_ceiling_nor_stands_when_cool(
            ceiling in 40_u32..120,
            readings in prop::collection::vec(0_f64..150.0, 0..50),
        ) {
            let mut thermostat = Thermostat::new(Some(ceiling));
            for now in readings {
                let stands = thermostat.feel(Some(now));
                prop_assert!(stands || now <= f64::from(ceiling));
                prop_assert!(!stands || now > f64::from(ceiling) - COOLING);
            }
        }
    }
}
