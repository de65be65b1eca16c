//! A web server on the loopback interface that answers each request as a test says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How one request is answered.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// 200 with everything, whatever was asked for.
    Whole(Vec<u8>),
    /// 206 with what was asked for.
    Rest(Vec<u8>),
    /// As a range if one was asked for; the connection is closed once the file's first `after` bytes were sent.
    Cut { content: Vec<u8>, after: usize, etag: Option<String> },
    /// As [`Self::Cut`], but the connection stays open and silent.
    Stall { content: Vec<u8>, after: usize },
    /// No answer at all.
    Silence,
    /// A status without a body.
    Status(u16),
    /// A status with `Retry-After`.
    Busy(u16, String),
    /// 302.
    Redirect(String),
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) lines: Vec<String>,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.lines.iter().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

/// Answers requests in order; what comes after the last answer gets 410.
pub(crate) struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        // Ends with the test process.
        std::thread::spawn(move || {
            let mut answers = answers.into_iter();
            for stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else { continue };
                seen.lock().unwrap().push(request.clone());
                let answer = answers.next().unwrap_or(Answer::Status(410));
                std::thread::spawn(move || drop(answer_to(stream, &request, answer)));
            }
        });
        Self { port, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?;
        if line.is_empty() {
            return Some(Request { lines, at: Instant::now() });
        }
        lines.push(line);
    }
    None
}

fn answer_to(mut stream: TcpStream, request: &Request, answer: Answer) -> std::io::Result<()> {
    let from = request.header("range").and_then(|range| {
        range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')?.parse::<usize>().ok())
    });
    let mut head = |status: &str, headers: String| {
        stream.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n").as_bytes())
    };
    let range = |content: &[u8], from: usize| {
        let total = content.len();
        format!("Content-Length: {}\r\nContent-Range: bytes {from}-{}/{total}\r\n", total - from, total - 1)
    };
    match answer {
        Answer::Whole(content) => {
            head("200 OK", format!("Content-Length: {}\r\n", content.len()))?;
            stream.write_all(&content)
        }
        Answer::Rest(content) => {
            let Some(from) = from else { return Err(std::io::Error::other("no range was asked for")) };
            head("206 Partial Content", range(&content, from))?;
            stream.write_all(&content[from..])
        }
        Answer::Cut { content, after, etag } => {
            let tag = etag.map(|tag| format!("ETag: {tag}\r\n")).unwrap_or_default();
            let start = from.unwrap_or(0);
            let status = if from.is_some() { "206 Partial Content" } else { "200 OK" };
            let length = match from {
                Some(from) => range(&content, from),
                None => format!("Content-Length: {}\r\n", content.len()),
            };
            head(status, length + &tag)?;
            stream.write_all(&content[start..after])
        }
        Answer::Stall { content, after } => {
            let start = from.unwrap_or(0);
            match from {
                Some(from) => head("206 Partial Content", range(&content, from))?,
                None => head("200 OK", format!("Content-Length: {}\r\n", content.len()))?,
            }
            stream.write_all(&content[start..after])?;
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        Answer::Silence => {
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        Answer::Status(code) => head(&format!("{code} Status"), "Content-Length: 0\r\n".to_owned()),
        Answer::Busy(code, after) => {
            head(&format!("{code} Busy"), format!("Content-Length: 0\r\nRetry-After: {after}\r\n"))
        }
        Answer::Redirect(to) => head("302 Found", format!("Content-Length: 0\r\nLocation: {to}\r\n")),
    }
}

/// Bytes that are alike nowhere.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}
