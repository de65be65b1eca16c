//! A browser of the gallery, as far as the tests need one: it keeps the cookie and sends forms, and shows every answer as it came.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::daemon::Daemon;

/// What came back.
#[derive(Debug)]
pub struct Page {
    /// Its status, such as 200.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Page {
    /// The body as text.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Sends a request as it is, with these headers and this body.
///
/// # Panics
/// When nobody answers in HTTP.
#[must_use]
pub fn send(address: &str, line: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Page {
    let body = body.as_ref();
    let mut stream = TcpStream::connect(address).unwrap();
    let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    // A server that refuses the head of a large request may close before its body is sent.
    let _ = stream.write_all(&[format!("{text}\r\n").as_bytes(), body].concat());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Page { status, head, body: answer[end + 4..].to_vec() }
}

/// A browser that was let in.
#[derive(Debug)]
pub struct Browser {
    /// Host and port of the gallery.
    pub address: String,
    /// What it sends with every request.
    pub cookie: String,
}

impl Browser {
    /// Opens the address that `vow gallery` prints.
    ///
    /// # Panics
    /// When that does not let it in.
    #[must_use]
    pub fn open(daemon: &Daemon) -> Self {
        let url = daemon.vow(["gallery"]).stdout.trim().to_owned();
        assert_eq!(daemon.json(["gallery"])["url"], url.as_str());
        let (address, key) = url.strip_prefix("http://").unwrap().split_once("/?key=").unwrap();
        let page = send(address, &format!("GET /?key={key}"), &[("Host", address)], "");
        assert_eq!((page.status, page.header("location")), (303, Some("/")), "{}", page.head);
        let cookie = page.header("set-cookie").unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { address: address.to_owned(), cookie }
    }

    /// Asks for a page or a picture.
    #[must_use]
    pub fn get(&self, path: &str) -> Page {
        send(&self.address, &format!("GET {path}"), &[("Host", &self.address), ("Cookie", &self.cookie)], "")
    }

    /// A page that is there, needs no script and names no other place.
    ///
    /// # Panics
    /// When it is not, or does.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        let page = self.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        let text = page.text();
        assert!(!text.contains("<script") && !text.contains("style=") && !text.contains("http://"), "{text}");
        text
    }

    /// Sends a form of the gallery.
    pub fn post(&self, path: &str, form: &str) -> Page {
        self.post_from(&format!("http://{}", self.address), path, form)
    }

    /// Sends a form with a picture.
    #[must_use]
    pub fn post_picture(&self, path: &str, field: &str, picture: &[u8]) -> Page {
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"me.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
        );
        let body = [head.as_bytes(), picture, b"\r\n--edge--\r\n"].concat();
        let headers = [
            ("Host", self.address.as_str()),
            ("Cookie", &self.cookie),
            ("Origin", &format!("http://{}", self.address)),
            ("Content-Type", "multipart/form-data; boundary=edge"),
        ];
        send(&self.address, &format!("POST {path}"), &headers, body)
    }

    /// Sends a form from a page of another place.
    #[must_use]
    pub fn post_from(&self, origin: &str, path: &str, form: &str) -> Page {
        let headers = [
            ("Host", self.address.as_str()),
            ("Cookie", &self.cookie),
            ("Origin", origin),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        send(&self.address, &format!("POST {path}"), &headers, form)
    }
}
