//! `vow.v1.Library`.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use vow_engine::types::num;
use vow_engine::{Engine, EngineError};
use vow_proto::v1;

use crate::convert;
use crate::refusal::blocking;

/// The least time between two messages of a status stream.
const PACE: Duration = Duration::from_millis(200);

pub(crate) struct Service {
    engine: Engine,
    stopped: watch::Receiver<bool>,
}

impl Service {
    pub(crate) fn new(engine: Engine, stopped: watch::Receiver<bool>) -> Self {
        Self { engine, stopped }
    }
}

#[tonic::async_trait]
impl v1::library_server::Library for Service {
    async fn add_folder(
        &self,
        request: Request<v1::AddFolderRequest>,
    ) -> Result<Response<v1::AddFolderResponse>, Status> {
        let (engine, path) = (self.engine.clone(), convert::path(request.into_inner().path));
        if !path.is_absolute() {
            return Err(Status::invalid_argument("give the folder's absolute path"));
        }
        let (folder, added) = blocking(move || engine.add_folder(&path)).await?;
        Ok(Response::new(v1::AddFolderResponse { folder: Some(convert::folder(folder)), added }))
    }

    async fn remove_folder(
        &self,
        request: Request<v1::RemoveFolderRequest>,
    ) -> Result<Response<v1::RemoveFolderResponse>, Status> {
        let (engine, path) = (self.engine.clone(), convert::path(request.into_inner().path));
        let gone = blocking(move || engine.remove_folder(&path)).await?;
        Ok(Response::new(v1::RemoveFolderResponse { photos_gone: num::len_u64(gone) }))
    }

    async fn list_folders(
        &self,
        _request: Request<v1::ListFoldersRequest>,
    ) -> Result<Response<v1::ListFoldersResponse>, Status> {
        let engine = self.engine.clone();
        let folders = blocking(move || engine.folders()).await?;
        Ok(Response::new(v1::ListFoldersResponse {
            folders: folders.into_iter().map(convert::folder).collect(),
        }))
    }

    async fn rescan(
        &self,
        request: Request<v1::RescanRequest>,
    ) -> Result<Response<v1::RescanResponse>, Status> {
        let (engine, path) = (self.engine.clone(), request.into_inner().path);
        let path = (!path.is_empty()).then(|| convert::path(path));
        blocking(move || engine.rescan(path.as_deref())).await?;
        Ok(Response::new(v1::RescanResponse {}))
    }

    async fn status(
        &self,
        _request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        let engine = self.engine.clone();
        Ok(Response::new(convert::status(blocking(move || engine.status()).await?)))
    }

    type WatchStatusStream = ReceiverStream<Result<v1::StatusResponse, Status>>;

    async fn watch_status(
        &self,
        _request: Request<v1::WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let (engine, mut stopped) = (self.engine.clone(), self.stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stream(engine, &sender) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
                () = sender.closed() => {}
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn list_failures(
        &self,
        request: Request<v1::ListFailuresRequest>,
    ) -> Result<Response<v1::ListFailuresResponse>, Status> {
        let request = request.into_inner();
        let limit = match request.page_size {
            0 => 100,
            some => num::index(some).min(10_000),
        };
        let after = (!request.page_token.is_empty()).then(|| convert::path(request.page_token));
        let engine = self.engine.clone();
        let (rows, total) = blocking(move || {
            let rows = engine.failures(after.as_deref(), limit)?;
            Ok((rows, engine.status()?.failures))
        })
        .await?;
        let full = rows.len() == limit;
        let next = rows.last().filter(|_| full).map(|row| convert::bytes(&row.path));
        let failures = rows.into_iter().map(convert::failed).collect();
        Ok(Response::new(v1::ListFailuresResponse {
            failures,
            next_page_token: next.unwrap_or_default(),
            total,
        }))
    }

    async fn retry_failures(
        &self,
        _request: Request<v1::RetryFailuresRequest>,
    ) -> Result<Response<v1::RetryFailuresResponse>, Status> {
        let engine = self.engine.clone();
        let files = blocking(move || engine.retry_failures()).await?;
        Ok(Response::new(v1::RetryFailuresResponse { files }))
    }
}

/// Sends the status now and whenever it changed, until nobody reads.
async fn stream(engine: Engine, sender: &mpsc::Sender<Result<v1::StatusResponse, Status>>) {
    let mut changes = engine.watch();
    loop {
        changes.mark_unchanged();
        let reader = engine.clone();
        let status: Result<_, EngineError> = match tokio::task::spawn_blocking(move || reader.status()).await
        {
            Ok(status) => status,
            Err(_) => return,
        };
        if sender.send(status.map(convert::status).map_err(crate::refusal::refuse)).await.is_err() {
            return;
        }
        tokio::time::sleep(PACE).await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}
