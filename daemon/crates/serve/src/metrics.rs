//! `/metrics` over HTTP, for Prometheus and whatever reads its text format, on a loopback address only.
//!
//! The page is made when it is asked for: nothing is measured in between. It holds counts and no name, path or picture.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use vow_engine::Engine;

use crate::ServeError;
use crate::page::page;

/// Connections at one time; more wait.
const CONNECTIONS: usize = 16;
/// Who has not asked by then is gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// Prometheus text exposition format, version 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A bound listener for `/metrics`.
#[derive(Debug)]
pub struct Metrics(TcpListener);

impl Metrics {
    /// Binds a loopback address; port 0 takes a free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let refused = |source| ServeError::Metrics { address, source };
        if !address.ip().is_loopback() {
            let source = std::io::Error::other("only a loopback address such as 127.0.0.1 is served");
            return Err(refused(source));
        }
        Ok(Self(TcpListener::bind(address).await.map_err(refused)?))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers until dropped.
    pub async fn serve(self, engine: Engine) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let engine = engine.clone();
                    tokio::spawn(async move {
                        converse(stream, engine).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // No descriptor left, or the like: it passes, and spinning would not help.
                    tracing::debug!(%error, "a connection for metrics was not had");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn converse(stream: TcpStream, engine: Engine) {
    let service = service_fn(move |request| answer(request, engine.clone()));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // Whoever hangs up, or speaks no HTTP, is answered no further.
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection for metrics ended");
    }
}

async fn answer(request: Request<Incoming>, engine: Engine) -> Result<Response<Full<Bytes>>, Infallible> {
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    if request.uri().path() != "/metrics" {
        return Ok(plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned()));
    }
    if !reading {
        let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "ask with GET\n".to_owned());
        refusal.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return Ok(refusal);
    }
    let live = tokio::task::spawn_blocking(move || engine.live()).await;
    Ok(match live {
        Ok(Ok(live)) => {
            let mut response = plain(StatusCode::OK, page(&live));
            response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(TEXT));
            response
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "metrics could not be had");
            plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the store cannot be read; the log says why\n".to_owned(),
            )
        }
        Err(_) => {
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the daemon stumbled; its log says where\n".to_owned())
        }
    })
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
