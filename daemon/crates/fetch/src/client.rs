//! One request and what its answer means. The only file that knows the HTTP client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ureq::http::{HeaderMap, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, BodyReader};

use crate::fetcher::Settings;
use crate::part::Origin;
use crate::proxy::Named;
use crate::{Fault, Sum};

/// An answer that holds (a part of) the file.
pub(crate) struct Answer {
    /// The bytes, from `start` on.
    pub(crate) body: BodyReader<'static>,
    /// 0 when the server sends all of it, asked for a part or not.
    pub(crate) start: u64,
    /// The size of the whole file, where the server says so.
    pub(crate) total: Option<u64>,
    /// The server's strong validator of these bytes.
    pub(crate) validator: Option<String>,
}

/// What a request came to.
pub(crate) enum Reply {
    /// Bytes follow.
    Bytes(Answer),
    /// There is nothing from that byte on: what is there is all, or is not of this file.
    NothingFrom,
}

#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    proxy: Option<Named>,
    stall: Duration,
}

impl Client {
    pub(crate) fn new(settings: &Settings, proxy: Option<Named>) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy.as_ref().map(|named| named.proxy.clone()))
            .user_agent(concat!("vowimager/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .timeout_resolve(Some(settings.stall))
            .timeout_connect(Some(settings.stall))
            .timeout_per_read(Some(settings.stall))
            .timeout_per_write(Some(settings.stall))
            .timeout_recv_response(Some(settings.stall))
            .build();
        Self { agent: config.into(), proxy, stall: settings.stall }
    }

    /// The proxy that an address is asked through, and who named it.
    pub(crate) fn via(&self, url: &str) -> Option<String> {
        self.proxy.as_ref()?.via(url)
    }

    /// Asks for the bytes from `from` on. With an `origin`, only if the file is still the one it was.
    pub(crate) fn ask(&self, url: &str, from: u64, origin: Option<&Origin>) -> Result<Reply, Fault> {
        let mut request = self.agent.get(url).header(header::ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Some(validator) = origin.and_then(|origin| origin.validator.as_deref()) {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        let response = request.call().map_err(|error| self.fault(error))?;
        let (parts, body) = response.into_parts();
        let headers = &parts.headers;
        let validator = validator(headers);
        let body = body.into_reader();
        match parts.status {
            StatusCode::OK => {
                let total = number(headers, header::CONTENT_LENGTH);
                Ok(Reply::Bytes(Answer { body, start: 0, total, validator }))
            }
            StatusCode::PARTIAL_CONTENT => match content_range(headers) {
                Some((start, total)) if start == from => {
                    Ok(Reply::Bytes(Answer { body, start, total, validator }))
                }
                _ => Err(Fault::Broken("it sends another part of the file than was asked for".to_owned())),
            },
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => Ok(Reply::NothingFrom),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Err(Fault::Busy {
                code: parts.status.as_u16(),
                after: retry_after(headers, SystemTime::now()),
            }),
            other => Err(Fault::Status { code: other.as_u16() }),
        }
    }

    /// What an error of the client's means, in a request or while its body is read.
    pub(crate) fn fault(&self, error: ureq::Error) -> Fault {
        use ureq::Error;
        match error {
            Error::Timeout(_) => Fault::Stalled(self.stall),
            Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Fault::Stalled(self.stall),
            Error::BadUri(_) | Error::Http(_) | Error::InvalidProxyUrl => Fault::Address(error.to_string()),
            other => Fault::Broken(other.to_string()),
        }
    }
}

/// A strong ETag; else the time of the last change. A weak ETag does not promise the same bytes.
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text(header::ETAG) {
        Some(tag) if tag.starts_with('"') => Some(tag.to_owned()),
        _ => text(header::LAST_MODIFIED).map(str::to_owned),
    }
}

fn number(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// `bytes 100-199/200`: where it starts, and the size of the whole where it is said (RFC 9110, 14.4).
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.trim();
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// Seconds, or a moment (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(http_date(text)?.duration_since(now).unwrap_or_default()),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers may still send (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<SystemTime> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = words.next()?;
    let month = months.iter().zip(1u64..).find(|(name, _)| **name == month)?.1;
    let year: u64 =
        words.next().and_then(|year| year.parse().ok()).filter(|year| (1970..10_000).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok().filter(|part| *part < 61));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    // Days from 1970-01-01: Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let in_year = (153 * m + 2) / 5 + day.checked_sub(1).filter(|day| *day < 31)?;
    let days = (y * 365 + y / 4 - y / 100 + y / 400 + in_year).checked_sub(719_468)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Whether sums differ, as a fault.
pub(crate) fn compare(expected: Option<Sum>, found: Sum) -> Result<(), Fault> {
    match expected {
        Some(expected) if expected != found => Err(Fault::Altered { expected, found }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_time_to_come_back_is_read_in_both_forms() {
        let at = |text: &str| retry_after(&headers(&[(header::RETRY_AFTER, text)]), SystemTime::UNIX_EPOCH);
        assert_eq!(at("120"), Some(Duration::from_secs(120)));
        assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(784_111_777)));
        assert_eq!(at("Thu, 29 Feb 2024 00:00:00 GMT"), Some(Duration::from_secs(1_709_164_800)));
        assert_eq!(at("Thu, 01 Jan 1970 00:00:10 GMT"), Some(Duration::from_secs(10)));
        for bad in
            ["soon", "-1", "Sun, 06 Nov", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 0 Jan 1970 00:00:00 GMT"]
        {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_moment_that_is_over_means_now() {
        let past = headers(&[(header::RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert_eq!(retry_after(&past, SystemTime::now()), Some(Duration::ZERO));
    }

    #[test]
    fn only_what_promises_the_same_bytes_is_a_validator() {
        let (etag, time) = (header::ETAG, header::LAST_MODIFIED);
        assert_eq!(validator(&headers(&[(etag.clone(), "\"a\"")])).as_deref(), Some("\"a\""));
        assert_eq!(validator(&headers(&[(etag.clone(), "W/\"a\"")])), None);
        let weak = headers(&[(etag, "W/\"a\""), (time, "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert_eq!(validator(&weak).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    }

    #[test]
    fn ranges() {
        let range = |text: &str| content_range(&headers(&[(header::CONTENT_RANGE, text)]));
        assert_eq!(range("bytes 100-199/200"), Some((100, Some(200))));
        assert_eq!(range("bytes 100-199/*"), Some((100, None)));
        assert_eq!(range("bytes */200"), None);
        assert_eq!(range("items 1-2/3"), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_stumble(text in "[ -~]{0,60}") {
            let headers = headers(&[(header::RETRY_AFTER, &text), (header::CONTENT_RANGE, &text), (header::ETAG, &text)]);
            let _ = (retry_after(&headers, SystemTime::now()), content_range(&headers), validator(&headers));
        }

        #[test]
        fn dates_grow(day in 1u64..28, month in 0usize..12, year in 1971u64..2100) {
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let date = |day: u64| http_date(&format!("Xxx, {day:02} {} {year} 00:00:00 GMT", months[month])).unwrap();
            prop_assert_eq!(date(day + 1).duration_since(date(day)).unwrap(), Duration::from_secs(86_400));
        }
    }
}
