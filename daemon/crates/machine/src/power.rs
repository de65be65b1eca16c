//! Mains or battery, from `/sys/class/power_supply` (Documentation/ABI/testing/sysfs-class-power).

use std::path::Path;

/// What feeds the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// The mains, or nothing is known: a desktop, a NAS.
    Mains,
    /// A battery.
    Battery {
        /// How full it is in percent, where it tells.
        charge: Option<u8>,
    },
}

/// Looks below `root`. A machine runs on its battery when one is being discharged and no supply from outside is there;
/// batteries of mice and headphones do not count.
#[must_use]
pub fn power(root: &Path) -> Power {
    let Ok(supplies) = std::fs::read_dir(root.join("sys/class/power_supply")) else { return Power::Mains };
    let mut battery: Option<Option<u8>> = None;
    for supply in supplies.flatten() {
        let read = |name: &str| {
            std::fs::read_to_string(supply.path().join(name))
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        };
        match read("type").as_str() {
            "Mains" | "USB" | "Wireless" if matches!(read("online").as_str(), "1" | "2") => {
                return Power::Mains;
            }
            "Battery" if read("scope") != "Device" && read("status") == "Discharging" => {
                let charge = read("capacity").parse().ok().filter(|percent| *percent <= 100);
                // Of several batteries the fullest is shown.
                battery = battery.max(Some(charge));
            }
            _ => {}
        }
    }
    battery.map_or(Power::Mains, |charge| Power::Battery { charge })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(supplies: &[(&str, &[(&str, &str)])]) -> Power {
        let dir = tempfile::tempdir().unwrap();
        for (name, files) in supplies {
            let supply = dir.path().join("sys/class/power_supply").join(name);
            std::fs::create_dir_all(&supply).unwrap();
            for (file, text) in *files {
                std::fs::write(supply.join(file), format!("{text}\n")).unwrap();
            }
        }
        power(dir.path())
    }

    const DISCHARGING: (&str, &[(&str, &str)]) =
        ("BAT0", &[("type", "Battery"), ("status", "Discharging"), ("capacity", "41")]);

    #[test]
    fn a_laptop_with_and_without_its_charger() {
        let charger = |online| [("type", "Mains"), ("online", online)];
        assert_eq!(with(&[("AC", &charger("0")), DISCHARGING]), Power::Battery { charge: Some(41) });
        // A weak charger: the battery goes down all the same, but the mains are there.
        assert_eq!(with(&[("AC", &charger("1")), DISCHARGING]), Power::Mains);
        let full = [("type", "Battery"), ("status", "Full")];
        assert_eq!(with(&[("AC", &charger("0")), ("BAT0", &full)]), Power::Mains);
    }

    #[test]
    fn a_desktop_and_its_mouse() {
        assert_eq!(with(&[]), Power::Mains);
        let mouse = [("type", "Battery"), ("scope", "Device"), ("status", "Discharging"), ("capacity", "9")];
        assert_eq!(with(&[("hid", &mouse)]), Power::Mains);
        assert_eq!(power(Path::new("/no/such/root")), Power::Mains);
    }

    #[test]
    fn nonsense_is_no_battery_charge() {
        let odd = [("type", "Battery"), ("status", "Discharging"), ("capacity", "900")];
        assert_eq!(with(&[("BAT0", &odd)]), Power::Battery { charge: None });
    }
}
