//! The gRPC services of `vow.v1` over a running engine, with health and reflection, on a Unix socket; over
//! HTTP on loopback a small gallery (`gallery`), and `/metrics` for whoever asks for it.
//!
//! Knows the wire, the engine's façade and the depot's, and turns the words of one into those of the other (`convert`). It
//! decides nothing about photos, and knows nothing of stores, models or threads of the engine.

mod admin;
mod convert;
mod events;
mod faces;
mod gallery;
mod history;
mod http;
mod library;
mod metrics;
mod packs;
mod page;
mod paging;
mod people;
mod questions;
mod refit;
mod refusal;
mod report;
mod socket;
mod steps;
mod verify;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use vow_depot::Depot;
use vow_engine::Engine;
use vow_proto::v1;
use vow_proto::v1::admin_server::AdminServer;
use vow_proto::v1::events_server::EventsServer;
use vow_proto::v1::faces_server::FacesServer;
use vow_proto::v1::library_server::LibraryServer;
use vow_proto::v1::packs_server::PacksServer;
use vow_proto::v1::people_server::PeopleServer;

pub use gallery::Gallery;
pub use metrics::Metrics;
pub use report::report;
pub use socket::SocketError;
pub use vow_proto::v1::ReportResponse;

/// How long requests in hand may take once shutdown was asked for.
const GRACE: Duration = Duration::from_secs(2);

/// Why serving ended, or never began.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket cannot be had.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The address for metrics cannot be had.
    #[error("metrics cannot be served on {address}; choose another address with --metrics, or leave it out")]
    Metrics {
        /// As given.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The address for the gallery cannot be had.
    #[error("the gallery cannot be had on {address}; choose another address with --gallery, or off")]
    Gallery {
        /// As given.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The gallery's key cannot be kept.
    #[error(
        "the gallery's key {path} can be neither read nor made; mend the permissions, or do without with --gallery off"
    )]
    GalleryKey {
        /// Where it is kept.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The server failed.
    #[error("the gRPC server failed")]
    Server(#[source] tonic::transport::Error),
    /// The compiled-in API description is broken.
    #[error("the API description cannot be served")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// A bound socket, mode 0600. Removed from the file system when dropped.
#[derive(Debug)]
pub struct Listener(socket::Bound);

impl Listener {
    /// Binds `path`. A socket that a killed daemon left behind is taken over; one that somebody answers on is not.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the socket cannot be had.
    pub fn bind(path: &Path) -> Result<Self, ServeError> {
        Ok(Self(socket::Bound::bind(path)?))
    }
}

/// Serves until `shutdown` is ready, and tells who asks where the gallery is; then lets requests in hand finish for a moment; streams end at once.
///
/// # Errors
/// When the server fails.
pub async fn run(
    listener: Listener,
    engine: Engine,
    depot: Depot,
    gallery: Option<String>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<LibraryServer<library::Service>>().await;
    reporter.set_serving::<PeopleServer<people::Service>>().await;
    reporter.set_serving::<FacesServer<faces::Service>>().await;
    reporter.set_serving::<AdminServer<admin::Service>>().await;
    reporter.set_serving::<PacksServer<packs::Service>>().await;
    reporter.set_serving::<EventsServer<events::Service>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(ServeError::Reflection)?;
    let Listener(mut bound) = listener;
    let incoming = UnixListenerStream::new(bound.listener()?);
    let drain = stopped.clone();
    let server = Server::builder()
        .add_service(health)
        .add_service(reflection)
        .add_service(LibraryServer::new(library::Service::new(engine.clone(), stopped.clone())))
        .add_service(PeopleServer::new(people::Service::new(engine.clone(), stopped.clone())))
        .add_service(AdminServer::new(admin::Service::new(
            engine.clone(),
            depot.clone(),
            gallery,
            stopped.clone(),
        )))
        .add_service(EventsServer::new(events::Service::new(engine.clone(), stopped.clone())))
        .add_service(
            FacesServer::new(faces::Service::new(engine.clone())).max_decoding_message_size(faces::LARGEST),
        )
        .add_service(PacksServer::new(packs::Service::new(engine, depot, stopped)))
        .serve_with_incoming_shutdown(incoming, async move {
            let mut drain = drain;
            // The sender lives as long as this function, so this waits for `true`.
            let _ = drain.wait_for(|stop| *stop).await;
        });
    tokio::pin!(server);
    let result = tokio::select! {
        ended = &mut server => ended,
        () = shutdown => {
            stop.send_replace(true);
            tokio::time::timeout(GRACE, server).await.unwrap_or(Ok(()))
        }
    };
    drop(bound);
    result.map_err(ServeError::Server)
}
