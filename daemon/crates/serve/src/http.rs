//! HTTP on a loopback address: listening, a few connections at a time, and who does not ask is not waited for. What is
//! answered is others' business.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections at one time; more wait.
const CONNECTIONS: usize = 16;
/// Who has not asked by then is gone.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Whoever sends a picture has sent it by then.
pub(crate) const UPLOAD_PATIENCE: Duration = Duration::from_secs(300);
/// Bytes of a request before its body, at most.
const HEAD: usize = 32 << 10;

pub(crate) type Answer = Response<Full<Bytes>>;

/// Binds a loopback address; port 0 takes a free one.
pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(std::io::Error::other("only a loopback address such as 127.0.0.1 is served"));
    }
    TcpListener::bind(address).await
}

/// Answers until dropped.
pub(crate) async fn serve<F, A>(listener: TcpListener, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let answer = answer.clone();
                tokio::spawn(async move {
                    converse(stream, answer).await;
                    drop(place);
                });
            }
            Err(error) => {
                // No descriptor left, or the like: it passes, and spinning would not help.
                tracing::debug!(%error, "an HTTP connection was not had");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse<F, A>(stream: TcpStream, answer: F)
where
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Answer>,
{
    let service = service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD);
    // Whoever hangs up, or speaks no HTTP, is answered no further.
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}

/// An answer with a body.
pub(crate) fn with(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

/// The answer to a method that is not known.
pub(crate) fn only(methods: &'static str, text: &'static str) -> Answer {
    let mut refusal = with(StatusCode::METHOD_NOT_ALLOWED, text);
    refusal.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    refusal
}
