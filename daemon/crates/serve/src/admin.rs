//! `vow.v1.Admin`.

use std::time::Duration;

use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use vow_depot::Depot;
use vow_engine::Engine;
use vow_proto::v1;

use crate::refusal::{blocking, refuse};
use crate::{convert, report, steps, verify};

pub(crate) struct Service {
    engine: Engine,
    /// Has the daemon begin anew.
    depot: Depot,
    stopped: watch::Receiver<bool>,
    /// The address that lets a browser into the gallery, where there is one.
    gallery: Option<String>,
}

impl Service {
    pub(crate) fn new(
        engine: Engine,
        depot: Depot,
        gallery: Option<String>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self { engine, depot, stopped, gallery }
    }
}

#[tonic::async_trait]
impl v1::admin_server::Admin for Service {
    async fn report(
        &self,
        _request: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportResponse>, Status> {
        let engine = self.engine.clone();
        Ok(Response::new(blocking(move || report::report(&engine)).await?))
    }

    async fn backup(
        &self,
        request: Request<v1::BackupRequest>,
    ) -> Result<Response<v1::BackupResponse>, Status> {
        let (engine, path) = (self.engine.clone(), convert::path(request.into_inner().path));
        let size = blocking(move || engine.backup(&path)).await?;
        Ok(Response::new(v1::BackupResponse { size }))
    }

    type VerifyStream = ReceiverStream<Result<v1::VerifyResponse, Status>>;

    async fn verify(
        &self,
        request: Request<v1::VerifyRequest>,
    ) -> Result<Response<Self::VerifyStream>, Status> {
        let (engine, originals) = (self.engine.clone(), request.into_inner().originals);
        let steps = steps::stream(self.stopped.clone(), move |teller, cancel| {
            verify::verify(&engine, originals, &teller, cancel).map_err(refuse)
        });
        Ok(Response::new(steps))
    }

    async fn restore(
        &self,
        request: Request<v1::RestoreRequest>,
    ) -> Result<Response<v1::RestoreResponse>, Status> {
        let v1::RestoreRequest { path, check_only } = request.into_inner();
        let (engine, path) = (self.engine.clone(), convert::path(path));
        let contents = blocking(move || engine.restore(&path, !check_only)).await?;
        if !check_only {
            self.depot.switch();
        }
        Ok(Response::new(v1::RestoreResponse {
            photos: contents.photos,
            faces: contents.faces,
            named: contents.named,
            decisions: contents.entries,
            last_decision: contents.last_said,
            kept: convert::bytes(&contents.kept),
        }))
    }

    async fn get_gallery(
        &self,
        _request: Request<v1::GetGalleryRequest>,
    ) -> Result<Response<v1::GetGalleryResponse>, Status> {
        let off = || {
            Status::failed_precondition(
                "there is no gallery: it was turned off, or no port was free; start vowd with --gallery 127.0.0.1:PORT",
            )
        };
        let url = self.gallery.clone().ok_or_else(off)?;
        Ok(Response::new(v1::GetGalleryResponse { url }))
    }

    async fn pause(&self, request: Request<v1::PauseRequest>) -> Result<Response<v1::PauseResponse>, Status> {
        let (engine, time) = (self.engine.clone(), request.into_inner().seconds.map(Duration::from_secs));
        if time.is_some_and(|time| time.is_zero()) {
            return Err(Status::invalid_argument(
                "a pause of no time is none; leave it out for one until resumed",
            ));
        }
        let hold = blocking(move || engine.pause(time)).await?;
        Ok(Response::new(v1::PauseResponse { hold: Some(convert::hold(hold)) }))
    }

    async fn resume(
        &self,
        _request: Request<v1::ResumeRequest>,
    ) -> Result<Response<v1::ResumeResponse>, Status> {
        let engine = self.engine.clone();
        let (was_paused, hold) = blocking(move || Ok((engine.resume()?, engine.hold()))).await?;
        Ok(Response::new(v1::ResumeResponse { was_paused, hold: hold.map(convert::hold) }))
    }
}
