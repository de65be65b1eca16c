//! What holds photos up, in a sentence and as JSON; and how long a pause is.

use std::time::Duration;

use serde_json::{Value, json};
use vow_proto::v1::Hold;
use vow_proto::v1::hold::Why;

use crate::render::time;

/// A sentence without its full stop.
pub(crate) fn hold_text(hold: &Hold) -> String {
    match hold.why() {
        Why::User => match hold.until {
            Some(until) => format!("paused until {} UTC; `vow resume` goes on at once", time(until)),
            None => "paused; `vow resume` goes on".to_owned(),
        },
        Why::Heat => format!(
            "the graphics card is too hot ({} °C, it may have {} °C); goes on when it has cooled",
            hold.celsius(),
            hold.ceiling()
        ),
        Why::Battery => {
            let charge = hold.charge.map(|percent| format!(" ({percent} %)")).unwrap_or_default();
            format!("on battery{charge}: new photos are indexed, the rest waits for the mains")
        }
        Why::Unspecified => "photos are held up".to_owned(),
    }
}

/// `null` when nothing does.
pub(crate) fn hold_json(hold: Option<&Hold>) -> Value {
    let Some(hold) = hold else { return Value::Null };
    let text = hold_text(hold);
    match hold.why() {
        Why::User => json!({ "why": "user", "until": hold.until, "text": text }),
        Why::Heat => {
            json!({ "why": "heat", "celsius": hold.celsius, "ceiling": hold.ceiling, "text": text })
        }
        Why::Battery => json!({ "why": "battery", "charge": hold.charge, "text": text }),
        Why::Unspecified => json!({ "why": "unknown", "text": text }),
    }
}

/// A time such as `90s`, `45m`, `2h`, `1h30m` or `3d`; a bare number is refused, for nobody can tell what it means.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as 90s, 45m, 2h, 1h30m or 3d".to_owned();
    let mut seconds = 0_u64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        let unit = after.chars().next().ok_or_else(wrong)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let part =
            number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)?;
        seconds = seconds.checked_add(part).ok_or_else(wrong)?;
        rest = after.strip_prefix(unit).ok_or_else(wrong)?;
    }
    // A century is longer than anybody waits and still a date.
    if (1..=3_155_760_000).contains(&seconds) { Ok(Duration::from_secs(seconds)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("45m", 2700), ("2h", 7200), ("1h30m", 5400), ("3d", 259_200)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "2", "h", "2 hours", "-1h", "0s", "1.5h", "99999999999999999999h", "1000000d", "2h5"]
        {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_hold_says_what_goes_on() {
        let hold =
            |why: Why| Hold { why: why.into(), celsius: Some(91), ceiling: Some(87), ..Hold::default() };
        assert!(hold_text(&hold(Why::User)).contains("vow resume"));
        assert!(hold_text(&hold(Why::Heat)).contains("91 °C"));
        assert!(hold_text(&hold(Why::Battery)).contains("mains"));
        let until = Hold { until: Some(1_780_272_000), ..hold(Why::User) };
        assert!(hold_text(&until).contains("2026-06-01 00:00:00"));
        assert_eq!(hold_json(Some(&hold(Why::Heat)))["celsius"], 91);
        assert_eq!(hold_json(None), Value::Null);
    }
}
