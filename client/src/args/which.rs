//! Which photos a command is about: of whom, without whom, where, when, and in which order.

use std::path::PathBuf;

use vow_proto::v1;
use vow_proto::v1::list_photos_request::Order;

#[derive(Debug, clap::Args)]
pub(crate) struct PhotosArgs {
    #[command(flatten)]
    pub(crate) which: Which,
    /// In which order.
    #[arg(long, value_enum, default_value_t = PhotoOrder::Oldest)]
    pub(crate) by: PhotoOrder,
    /// Only the paths, as they are on disk, each ended by a zero byte: for `xargs -0`.
    #[arg(long, conflicts_with = "json")]
    pub(crate) print0: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct HandOver {
    /// The folder; it is made where there is none. What is in it stays: a second run adds what is new.
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) which: Which,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// Ids or names.
    #[arg(required = true)]
    people: Vec<String>,
    /// Photos with any of them instead of all.
    #[arg(long)]
    any: bool,
    /// Leave out photos that show this person; can be given several times.
    #[arg(long, value_name = "PERSON")]
    without: Vec<String>,
    /// Only files below this folder.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Taken at or after this time, such as 2026-06-01 or 2026-06-01T18:00:00.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<i64>,
    /// Taken at or before this time; a date means its last second.
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Option<i64>,
}

impl Which {
    pub(crate) fn request(self, by: PhotoOrder) -> v1::ListPhotosRequest {
        let Self { people, any, without, folder, since, until } = self;
        let folder = folder.map(|folder| crate::call::absolute(&folder)).unwrap_or_default();
        let order = match by {
            PhotoOrder::Oldest => Order::Unspecified,
            PhotoOrder::Newest => Order::Newest,
            PhotoOrder::Path => Order::Path,
        };
        let order = order.into();
        v1::ListPhotosRequest { people, any, without, folder, since, until, order, ..Default::default() }
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum PhotoOrder {
    /// Oldest first, photos without a time last.
    Oldest,
    /// Newest first, photos without a time last.
    Newest,
    /// By path.
    Path,
}

fn since(text: &str) -> Result<i64, String> {
    time(text, false)
}

fn until(text: &str) -> Result<i64, String> {
    time(text, true)
}

/// Seconds since 1970 of a time as the camera's clock shows it. A bare date means its first or its last second.
fn time(text: &str, end: bool) -> Result<i64, String> {
    use jiff::civil::{Date, DateTime, Time};
    let clock = if end { Time::constant(23, 59, 59, 0) } else { Time::midnight() };
    let moment = match text.parse::<Date>() {
        Ok(date) if text.len() <= 10 => date.to_datetime(clock),
        _ => text
            .parse::<DateTime>()
            .map_err(|_| "expected a time such as 2026-06-01 or 2026-06-01T18:00:00".to_owned())?,
    };
    let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| error.to_string())?;
    Ok(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_covers_its_whole_day() {
        assert_eq!(since("2026-06-01").unwrap(), 1_780_272_000);
        assert_eq!(until("2026-06-01").unwrap(), 1_780_272_000 + 86_399);
        assert_eq!(since("2026-06-01T01:00:00").unwrap(), 1_780_272_000 + 3600);
        assert!(since("yesterday").is_err());
    }
}
