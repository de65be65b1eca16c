//! Who is let in: requests that name this machine, bring the key, and, where they change something, come from the gallery's
//! own pages.

use std::net::SocketAddr;

use hyper::header::{COOKIE, HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::{Method, Uri};

use super::form::Form;
use super::key::Key;

/// What a request needs to come in.
#[derive(Debug)]
pub(super) struct Door {
    key: Key,
    /// The names under which a browser on this machine asks for it. Any other is a foreign page's whose name was made to
    /// lead here.
    hosts: Vec<String>,
    /// Cookies of one host are shared by all its ports: each gallery has one of its own.
    cookie: String,
}

/// How a request came to the door.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// It may come in.
    Welcome,
    /// It shows the key for the first time: it gets the cookie.
    WithKey,
    /// It may not, and why.
    Refused(&'static str),
}

const FOREIGN_HOST: &str =
    "the gallery answers to 127.0.0.1, [::1] and localhost only; `vow gallery` prints its address\n";
const NO_KEY: &str = "the gallery needs its key: `vow gallery` prints the address that has it\n";
const FOREIGN_ORIGIN: &str =
    "that was not sent by a page of this gallery, so nothing was changed; `vow gallery` prints its address\n";

impl Door {
    pub(super) fn new(key: Key, address: SocketAddr) -> Self {
        let port = address.port();
        let mut names = vec!["127.0.0.1".to_owned(), "[::1]".to_owned(), "localhost".to_owned()];
        let own = SocketAddr::new(address.ip(), 0).to_string();
        names.extend(own.strip_suffix(":0").map(str::to_owned));
        let with_port = names.iter().map(|name| format!("{name}:{port}"));
        // Browsers leave out the port that HTTP has anyway.
        let hosts = with_port.chain(names.iter().filter(|_| port == 80).cloned()).collect();
        Self { key, hosts, cookie: format!("vow-{port}") }
    }

    /// The address with the key, for `address`.
    pub(super) fn url(&self, address: SocketAddr) -> String {
        format!("http://{address}/?key={}", self.key.text())
    }

    /// What the cookie is set to. Kept until the browser is closed, shown to no script and sent from no other site.
    pub(super) fn cookie(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.key.text())
    }

    /// Looks at a request.
    pub(super) fn look(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Visit {
        let Some(host) = single(headers, &HOST).filter(|host| self.names_us(host)) else {
            return Visit::Refused(FOREIGN_HOST);
        };
        if uri.authority().is_some_and(|authority| !self.names_us(authority.as_str())) {
            return Visit::Refused(FOREIGN_HOST);
        }
        let changes = !matches!(*method, Method::GET | Method::HEAD);
        let shown = Form::read(uri.query().unwrap_or_default()).ok();
        if let Some(shown) = shown.as_ref().and_then(|form| form.get("key")).filter(|_| !changes) {
            return if self.key.is(shown) { Visit::WithKey } else { Visit::Refused(NO_KEY) };
        }
        if !self.has_cookie(headers) {
            return Visit::Refused(NO_KEY);
        }
        let origin = single(headers, &ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
        if changes && origin != Some(host) {
            return Visit::Refused(FOREIGN_ORIGIN);
        }
        Visit::Welcome
    }

    fn names_us(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let texts = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == self.cookie).any(|(_, value)| self.key.is(value))
    }
}

/// A header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> (Door, String) {
        let key = Key::of(tempfile::tempdir().unwrap().path()).unwrap();
        let text = key.text().to_owned();
        (Door::new(key, "127.0.0.1:8693".parse().unwrap()), text)
    }

    fn look(door: &Door, method: &Method, uri: &str, headers: &[(&'static str, &str)]) -> Visit {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        door.look(method, &uri.parse().unwrap(), &map)
    }

    #[test]
    fn only_names_of_this_machine_with_the_port_are_ours() {
        let (door, key) = door();
        let cookie = format!("other=1; vow-8693={key}");
        for (host, ours) in [
            ("127.0.0.1:8693", true),
            ("[::1]:8693", true),
            ("localhost:8693", true),
            ("LOCALHOST:8693", true),
            ("127.0.0.1", false),
            ("127.0.0.1:80", false),
            ("evil.example:8693", false),
            ("localhost.evil.example:8693", false),
            ("127.0.0.1:8693.evil.example", false),
            ("", false),
        ] {
            let visit = look(&door, &Method::GET, "/", &[("host", host), ("cookie", &cookie)]);
            assert_eq!(visit == Visit::Welcome, ours, "{host}");
            assert!(ours || visit == Visit::Refused(FOREIGN_HOST), "{host}");
        }
        assert_eq!(look(&door, &Method::GET, "/", &[("cookie", &cookie)]), Visit::Refused(FOREIGN_HOST));
        let two = [("host", "localhost:8693"), ("host", "evil.example"), ("cookie", cookie.as_str())];
        assert_eq!(look(&door, &Method::GET, "/", &two), Visit::Refused(FOREIGN_HOST));
        let absolute = look(
            &door,
            &Method::GET,
            "http://evil.example/",
            &[("host", "localhost:8693"), ("cookie", &cookie)],
        );
        assert_eq!(absolute, Visit::Refused(FOREIGN_HOST));
        let own = Door::new(door.key.clone(), "127.0.0.7:80".parse().unwrap());
        for host in ["127.0.0.7", "127.0.0.7:80", "localhost"] {
            assert!(own.names_us(host), "{host}");
        }
    }

    #[test]
    fn without_the_key_nobody_comes_in() {
        let (door, key) = door();
        let host = ("host", "127.0.0.1:8693");
        let wrong = format!("{}x", &key[1..]);
        for (uri, cookie, visit) in [
            ("/", String::new(), Visit::Refused(NO_KEY)),
            ("/", format!("vow-8693={wrong}"), Visit::Refused(NO_KEY)),
            ("/", format!("vow-1={key}"), Visit::Refused(NO_KEY)),
            ("/style.css", String::new(), Visit::Refused(NO_KEY)),
            ("/", format!("vow-8693={wrong}; vow-8693={key}"), Visit::Welcome),
            (&format!("/?key={key}"), String::new(), Visit::WithKey),
            (&format!("/?key={wrong}"), format!("vow-8693={key}"), Visit::Refused(NO_KEY)),
            ("/?key=", String::new(), Visit::Refused(NO_KEY)),
        ] {
            assert_eq!(look(&door, &Method::GET, uri, &[host, ("cookie", &cookie)]), visit, "{uri} {cookie}");
        }
        let post = look(&door, &Method::POST, &format!("/?key={key}"), &[host]);
        assert_eq!(post, Visit::Refused(NO_KEY), "the key in an address changes nothing");
    }

    #[test]
    fn only_pages_of_the_gallery_change_something() {
        let (door, key) = door();
        let cookie = format!("vow-8693={key}");
        let base = [("host", "localhost:8693"), ("cookie", cookie.as_str())];
        for (origin, visit) in [
            ("http://localhost:8693", Visit::Welcome),
            ("http://127.0.0.1:8693", Visit::Refused(FOREIGN_ORIGIN)),
            ("http://localhost:9000", Visit::Refused(FOREIGN_ORIGIN)),
            ("https://localhost:8693", Visit::Refused(FOREIGN_ORIGIN)),
            ("http://evil.example", Visit::Refused(FOREIGN_ORIGIN)),
            ("null", Visit::Refused(FOREIGN_ORIGIN)),
        ] {
            let headers = [&base[..], &[("origin", origin)]].concat();
            assert_eq!(look(&door, &Method::POST, "/", &headers), visit, "{origin}");
        }
        assert_eq!(look(&door, &Method::POST, "/", &base), Visit::Refused(FOREIGN_ORIGIN));
        assert!(door.cookie().contains("HttpOnly; SameSite=Strict"));
    }
}
