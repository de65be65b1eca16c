//! `/metrics` over HTTP, for Prometheus and whatever reads its text format, on a loopback address only.
//!
//! The page is made when it is asked for: nothing is measured in between. It holds counts and no name, path or picture.

use std::net::SocketAddr;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpListener;
use vow_engine::Engine;

use crate::ServeError;
use crate::http::{self, Answer};
use crate::page::page;

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
        Ok(Self(http::bind(address).await.map_err(|source| ServeError::Metrics { address, source })?))
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
        http::serve(self.0, move |request| answer(request, engine.clone())).await;
    }
}

async fn answer(request: Request<Incoming>, engine: Engine) -> Answer {
    if request.uri().path() != "/metrics" {
        return http::with(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return http::only("GET, HEAD", "ask with GET\n");
    }
    let live = tokio::task::spawn_blocking(move || engine.live()).await;
    match live {
        Ok(Ok(live)) => {
            let mut response = http::with(StatusCode::OK, page(&live));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
            response
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "metrics could not be had");
            http::with(StatusCode::INTERNAL_SERVER_ERROR, "the store cannot be read; the log says why\n")
        }
        Err(_) => http::with(StatusCode::INTERNAL_SERVER_ERROR, "the daemon stumbled; its log says where\n"),
    }
}
