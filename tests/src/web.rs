//! A web server on the loopback interface that gives out files in the order it is asked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Answers each request with the next file; with 404 when there is none left.
#[derive(Debug)]
pub struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Server {
    /// Starts one; it ends with the test.
    ///
    /// # Panics
    /// When there is no loopback interface.
    #[must_use]
    pub fn start(files: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut files = files.into_iter();
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                // Whoever hangs up gets no answer.
                let _ = answer(stream, files.next());
            }
        });
        Self { port, requests }
    }

    /// An address on it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// How often it was asked.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, file: Option<Vec<u8>>) -> std::io::Result<()> {
    for line in BufReader::new(&stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let (status, body) = file.map_or(("404 Not Found", Vec::new()), |file| ("200 OK", file));
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")?;
    stream.write_all(&body)
}
