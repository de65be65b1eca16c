//! What EXIF says about a photo: how it stands and when it was taken. Nothing in here can fail: a picture without EXIF,
//! or with a broken one, stands upright and has no time.
//!
//! Leaves to `raw` the directories of camera raws, which may be as large as the file; their times are read here, too.

use exif::{DateTime, Exif, In, Reader, Tag, Value};
use vow_types::Orientation;

use crate::guard::guarded;

/// The two facts that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Metadata {
    /// `None` where it is not said, or with a number that is none.
    pub(crate) orientation: Option<Orientation>,
    /// Seconds since 1970.
    pub(crate) taken: Option<i64>,
}

/// Reads an EXIF block, that is a TIFF structure; JPEG and WebP may put `Exif\0\0` before it.
///
/// The block is copied: the reader wants to own it, and evaluates lazily in return, so that a hostile block cannot make
/// it allocate more than its own size.
pub(crate) fn read(block: &[u8]) -> Metadata {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let parsed = guarded(|| {
        let exif = match Reader::new().continue_on_error(true).read_raw(block.to_vec()) {
            Ok(exif) => exif,
            Err(exif::Error::PartialResult(partial)) => {
                let (exif, errors) = partial.into_inner();
                tracing::debug!(problems = errors.len(), first = ?errors.first(), "EXIF is damaged in places");
                exif
            }
            Err(error) => {
                tracing::debug!(%error, "EXIF cannot be read: taken as absent");
                return Metadata::default();
            }
        };
        Metadata { orientation: orientation(&exif), taken: taken(&exif) }
    });
    parsed.unwrap_or_else(|message| {
        tracing::debug!(message, "the EXIF reader failed: taken as absent");
        Metadata::default()
    })
}

fn orientation(exif: &Exif) -> Option<Orientation> {
    let value = exif.get_field(Tag::Orientation, In::PRIMARY).and_then(|field| field.value.get_uint(0));
    value.and_then(Orientation::from_exif)
}

/// `DateTimeOriginal`, else `DateTime`; each with the time zone that belongs to it (Exif 2.32, 4.6.5 F).
fn taken(exif: &Exif) -> Option<i64> {
    let original = ascii(exif, Tag::DateTimeOriginal).and_then(|text| {
        seconds(text, ascii(exif, Tag::OffsetTimeOriginal).or(ascii(exif, Tag::OffsetTime)))
    });
    original.or_else(|| seconds(ascii(exif, Tag::DateTime)?, ascii(exif, Tag::OffsetTime)))
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(lines) => lines.first().map(Vec::as_slice),
        _ => None,
    }
}

/// `2024:06:01 14:03:59` (and `+02:00`) as seconds since 1970; without a zone the time is read as if it were UTC.
pub(crate) fn seconds(text: &[u8], zone: Option<&[u8]>) -> Option<i64> {
    let mut time = DateTime::from_ascii(text).ok()?;
    if let Some(zone) = zone {
        // A blank or broken zone is as good as none.
        let _ = time.parse_offset(zone);
    }
    let (year, month, day) = (i64::from(time.year), i64::from(time.month), i64::from(time.day));
    let valid = year > 0
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && time.hour < 24
        && time.minute < 60
        && time.second < 60;
    if !valid {
        return None;
    }
    let clock = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second);
    let zone = time.offset.map_or(0, i64::from);
    // No place on Earth is further than 14 hours from UTC.
    let zone = if zone.abs() <= 14 * 60 { zone } else { 0 };
    Some(days_since_1970(year, month, day) * 86_400 + clock - zone * 60)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the Gregorian calendar, counted in years that begin in March so that the leap day comes last
/// (Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`).
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times() {
        assert_eq!(seconds(b"1970:01:01 00:00:00", None), Some(0));
        assert_eq!(seconds(b"2000:02:29 12:00:00", None), Some(951_825_600));
        assert_eq!(seconds(b"2024:06:01 14:03:59", None), Some(1_717_250_639));
        assert_eq!(seconds(b"2024:06:01 14:03:59", Some(b"+02:00")), Some(1_717_250_639 - 7200));
        assert_eq!(seconds(b"2024:06:01 14:03:59", Some(b"-09:30")), Some(1_717_250_639 + 34_200));
        assert_eq!(seconds(b"2024:06:01 14:03:59", Some(b"   :  ")), Some(1_717_250_639));
        assert_eq!(seconds(b"2024:06:01 14:03:59", Some(b"+99:00")), Some(1_717_250_639));
        assert_eq!(seconds(b"1960:01:01 00:00:00", None), Some(-315_619_200));
    }

    #[test]
    fn no_times() {
        for text in [
            &b"0000:00:00 00:00:00"[..],
            b"    :  :     :  :  ",
            b"2023:02:29 00:00:00",
            b"2023:13:01 00:00:00",
            b"2023:01:01 24:00:00",
            b"2023-01-01 00:00:00",
            b"2023",
            b"",
        ] {
            assert_eq!(seconds(text, None), None, "{}", text.escape_ascii());
        }
    }

    /// The calendar walked day by day beside the formula.
    #[test]
    fn every_day_of_five_centuries() {
        let mut expected = days_since_1970(1700, 1, 1);
        for year in 1700..2200 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days_since_1970(year, month, day), expected, "{year}-{month}-{day}");
                    expected += 1;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_block_panics(block in prop::collection::vec(any::<u8>(), 0..300), le: bool) {
            let mut headed = if le { b"II*\0\x08\0\0\0".to_vec() } else { b"MM\0*\0\0\0\x08".to_vec() };
            headed.extend_from_slice(&block);
            read(&headed);
            read(&block);
        }
    }
}
