//! Answers of the gallery, each with the headers that keep a browser from doing anything with it but showing it.

use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use tonic::{Code, Status};
use vow_engine::Jpeg;

use super::html::Html;
use super::pages;
use crate::http::{self, Answer};

/// Nothing but our own pictures and style, forms to ourselves only, no script, in nobody's frame.
const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
const STYLE: &str = include_str!("style.css");

/// What is answered.
#[derive(Debug)]
pub(super) enum Reply {
    Page(Html),
    /// A page about what went wrong.
    Failed(StatusCode, Html),
    Plain(StatusCode, String),
    Picture(Jpeg),
    Style,
    /// Look there.
    See(String),
    /// The first visit: from now on the browser has the key, and the address bar does not.
    Enter {
        cookie: String,
    },
}

impl Reply {
    pub(super) fn failed(status: StatusCode, text: &str) -> Self {
        Self::Failed(status, pages::trouble(text))
    }

    pub(super) fn nothing_here() -> Self {
        Self::failed(StatusCode::NOT_FOUND, "there is nothing at this address")
    }

    pub(super) fn into_answer(self) -> Answer {
        const PAGE: &str = "text/html; charset=utf-8";
        const PLAIN: &str = "text/plain; charset=utf-8";
        let see = |to: &str| (http::with(StatusCode::SEE_OTHER, ""), PLAIN, HeaderValue::from_str(to).ok());
        let mut cookie_set = None;
        let (mut answer, kind, location) = match self {
            Self::Page(html) => (http::with(StatusCode::OK, html.into_text()), PAGE, None),
            Self::Failed(status, html) => (http::with(status, html.into_text()), PAGE, None),
            Self::Plain(status, text) => (http::with(status, text), PLAIN, None),
            Self::Style => (http::with(StatusCode::OK, STYLE), "text/css; charset=utf-8", None),
            Self::See(to) => see(&to),
            Self::Enter { cookie } => {
                cookie_set = HeaderValue::from_str(&cookie).ok();
                see("/")
            }
            Self::Picture(jpeg) => {
                let mut answer = http::with(StatusCode::OK, jpeg.bytes.to_vec());
                // Scrolling back makes nothing anew; what was turned or deleted is seen after a while.
                keep(answer.headers_mut(), CACHE_CONTROL, "private, max-age=600");
                (answer, "image/jpeg", None)
            }
        };
        let headers = answer.headers_mut();
        keep(headers, CONTENT_TYPE, kind);
        for (name, value) in [(LOCATION, location), (SET_COOKIE, cookie_set)] {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        Self::guarded(answer)
    }

    /// With the headers that every answer has.
    pub(super) fn guarded(mut answer: Answer) -> Answer {
        let headers = answer.headers_mut();
        keep(headers, CONTENT_SECURITY_POLICY, POLICY);
        keep(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
        // Nothing is told to others. Not `no-referrer`: with that, browsers hide from us too that a form is our own.
        keep(headers, REFERRER_POLICY, "same-origin");
        keep(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        keep(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        if !headers.contains_key(CACHE_CONTROL) {
            keep(headers, CACHE_CONTROL, "no-store");
        }
        answer
    }
}

fn keep(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// The same of HTTP for what the engine's refusals are on the wire.
pub(super) fn status_of(status: &Status) -> StatusCode {
    match status.code() {
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::Unavailable | Code::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_guarded() {
        let replies = [
            Reply::Page(Html::default()),
            Reply::nothing_here(),
            Reply::Plain(StatusCode::FORBIDDEN, String::new()),
            Reply::Style,
            Reply::See("/person/p1".to_owned()),
            Reply::Enter { cookie: "vow-1=a".to_owned() },
        ];
        for reply in replies {
            let answer = reply.into_answer();
            let has = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
            assert!(has("content-security-policy").starts_with("default-src 'none'"));
            assert_eq!(
                (has("x-content-type-options").as_str(), has("cache-control").as_str()),
                ("nosniff", "no-store")
            );
            assert!(answer.headers().contains_key("content-type"));
        }
        let enter = Reply::Enter { cookie: "vow-1=a".to_owned() }.into_answer();
        assert_eq!(
            (&enter.headers()["location"], &enter.headers()["set-cookie"]),
            (&"/".parse().unwrap(), &"vow-1=a".parse().unwrap())
        );
    }

    /// The style is all of the gallery's looks: it names no other place, and no page needs more.
    #[test]
    fn the_style_is_whole_and_of_this_machine() {
        assert_eq!(STYLE.matches('{').count(), STYLE.matches('}').count());
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains("http"));
        assert!(STYLE.contains("prefers-color-scheme: dark"));
    }
}
