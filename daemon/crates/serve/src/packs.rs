//! `vow.v1.Packs`: the depot and the engine's runtime, as the wire has them.

use std::path::{Path, PathBuf};

use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use vow_depot::{
    Cancel, Cause, Consent, Depot, DepotError, InstalledRuntime, PackOrder, PackView, Phase, Progress,
    RuntimeOrder,
};
use vow_engine::{Engine, RuntimeInfo};
use vow_proto::v1;

use crate::convert;
use crate::refusal::{depot_blocking, refuse_depot};
use crate::steps;

pub(crate) struct Service {
    engine: Engine,
    depot: Depot,
    stopped: watch::Receiver<bool>,
}

impl Service {
    pub(crate) fn new(engine: Engine, depot: Depot, stopped: watch::Receiver<bool>) -> Self {
        Self { engine, depot, stopped }
    }

    /// Runs an installation and streams what it says.
    fn stream<T: Send + 'static>(
        &self,
        step: fn(v1::FetchProgress) -> T,
        install: impl FnOnce(&mut dyn FnMut(&Progress), &Cancel) -> Result<T, DepotError> + Send + 'static,
    ) -> ReceiverStream<Result<T, Status>> {
        steps::stream(self.stopped.clone(), move |teller, cancel| {
            install(&mut |progress| teller.tell(step(fetch_progress(progress))), cancel).map_err(refuse_depot)
        })
    }
}

#[tonic::async_trait]
impl v1::packs_server::Packs for Service {
    async fn list_packs(
        &self,
        _request: Request<v1::ListPacksRequest>,
    ) -> Result<Response<v1::ListPacksResponse>, Status> {
        let depot = self.depot.clone();
        let packs = depot_blocking(move || depot.packs()).await?;
        Ok(Response::new(v1::ListPacksResponse {
            packs: packs.into_iter().map(pack).collect(),
            named_by: self.depot.pack_named_by().unwrap_or_default().to_owned(),
        }))
    }

    type InstallPackStream = ReceiverStream<Result<v1::InstallPackResponse, Status>>;

    async fn install_pack(
        &self,
        request: Request<v1::InstallPackRequest>,
    ) -> Result<Response<Self::InstallPackStream>, Status> {
        use v1::install_pack_response::Step;
        let v1::InstallPackRequest { name, from, accept_licence, accept_unconfirmed } = request.into_inner();
        let from = absolute(from)?;
        if name.is_empty() && from.is_none() {
            return Err(Status::invalid_argument("say which pack: give a name or a path"));
        }
        let (depot, prove) = (self.depot.clone(), prove(&self.engine));
        let consent = Consent { licence: accept_licence, unconfirmed: accept_unconfirmed };
        let order = PackOrder { name, from, consent };
        let step = |progress| v1::InstallPackResponse { step: Some(Step::Progress(progress)) };
        let answers = self.stream(step, move |progress, cancel| {
            let view = depot.install_pack(&order, &prove, progress, cancel)?;
            if view.in_use {
                depot.switch();
            }
            Ok(v1::InstallPackResponse { step: Some(Step::Pack(pack(view))) })
        });
        Ok(Response::new(answers))
    }

    async fn use_pack(
        &self,
        request: Request<v1::UsePackRequest>,
    ) -> Result<Response<v1::UsePackResponse>, Status> {
        let (depot, prove, name) = (self.depot.clone(), prove(&self.engine), request.into_inner().name);
        let switching = depot_blocking(move || depot.use_pack(&name, &prove)).await?;
        if switching {
            self.depot.switch();
        }
        Ok(Response::new(v1::UsePackResponse { switching }))
    }

    async fn remove_pack(
        &self,
        request: Request<v1::RemovePackRequest>,
    ) -> Result<Response<v1::RemovePackResponse>, Status> {
        let (depot, name) = (self.depot.clone(), request.into_inner().name);
        depot_blocking(move || depot.remove_pack(&name)).await?;
        Ok(Response::new(v1::RemovePackResponse {}))
    }

    async fn show_runtime(
        &self,
        _request: Request<v1::ShowRuntimeRequest>,
    ) -> Result<Response<v1::ShowRuntimeResponse>, Status> {
        let depot = self.depot.clone();
        let installed = depot_blocking(move || Ok(depot.runtimes())).await?;
        let named_by = self.depot.runtime_named_by().unwrap_or_default().to_owned();
        Ok(Response::new(shown(self.engine.runtime(), installed, named_by)))
    }

    type InstallRuntimeStream = ReceiverStream<Result<v1::InstallRuntimeResponse, Status>>;

    async fn install_runtime(
        &self,
        request: Request<v1::InstallRuntimeRequest>,
    ) -> Result<Response<Self::InstallRuntimeStream>, Status> {
        use v1::install_runtime_response::Step;
        let v1::InstallRuntimeRequest { cuda, libraries, from, accept_unconfirmed } = request.into_inner();
        let from = absolute(from)?;
        let order = RuntimeOrder { cuda, libraries, from, unconfirmed: accept_unconfirmed };
        let depot = self.depot.clone();
        let step = |progress| v1::InstallRuntimeResponse { step: Some(Step::Progress(progress)) };
        let answers = self.stream(step, move |progress, cancel| {
            let installed = depot.install_runtime(&order, progress, cancel)?;
            let switching = depot.runtime_named_by().is_none();
            if switching {
                depot.switch();
            }
            let done = v1::InstalledRuntime { runtime: Some(runtime(installed)), switching };
            Ok(v1::InstallRuntimeResponse { step: Some(Step::Done(done)) })
        });
        Ok(Response::new(answers))
    }
}

/// Tries a pack before the daemon depends on it: one that does not run must not keep it from starting.
fn prove(engine: &Engine) -> impl Fn(&Path) -> Result<(), Cause> + Send + 'static {
    let engine = engine.clone();
    move |folder| engine.try_pack(folder).map_err(Cause::from)
}

/// A path that does not depend on where the daemon runs; empty means none.
fn absolute(path: Vec<u8>) -> Result<Option<PathBuf>, Status> {
    let path = (!path.is_empty()).then(|| convert::path(path));
    match &path {
        Some(relative) if !relative.is_absolute() => Err(Status::invalid_argument("give an absolute path")),
        _ => Ok(path),
    }
}

fn pack(view: PackView) -> v1::Pack {
    v1::Pack {
        name: view.name,
        version: view.version,
        summary: view.summary,
        licence: view.licence,
        notice: view.notice,
        licence_url: view.licence_url.unwrap_or_default(),
        non_commercial: view.non_commercial,
        dimension: view.dimension,
        download_size: view.download_size,
        bundled: view.bundled,
        installed: view.installed,
        in_use: view.in_use,
        unconfirmed: view.unconfirmed,
        problem: view.problem.unwrap_or_default(),
    }
}

fn fetch_progress(progress: &Progress) -> v1::FetchProgress {
    use v1::fetch_progress::Phase as Wire;
    let (phase, wait_s) = match progress.phase {
        Phase::Fetching => (Wire::Fetching, 0.0),
        Phase::Waiting(time) => (Wire::Waiting, time.as_secs_f64()),
        Phase::Verifying => (Wire::Verifying, 0.0),
        Phase::Unpacking => (Wire::Unpacking, 0.0),
    };
    v1::FetchProgress {
        file: progress.file.clone(),
        source: progress.source.clone(),
        phase: phase.into(),
        done: progress.done,
        total: progress.total,
        wait_s,
    }
}

fn runtime(installed: InstalledRuntime) -> v1::Runtime {
    v1::Runtime {
        version: installed.version,
        cuda: installed.cuda,
        libraries: installed.libraries,
        library: convert::bytes(&installed.library),
        wheel: installed.wheel,
        sha256: installed.sha256,
    }
}

fn shown(info: RuntimeInfo, installed: Vec<InstalledRuntime>, named_by: String) -> v1::ShowRuntimeResponse {
    let libraries = info.passed_over.into_iter();
    let providers = info.providers_passed_over.into_iter();
    v1::ShowRuntimeResponse {
        name: info.name.to_owned(),
        version: info.version,
        library: info.library.as_deref().map(convert::bytes).unwrap_or_default(),
        why: info.why,
        passed_over: libraries
            .map(|one| v1::PassedOver { what: convert::bytes(&one.path), reason: one.reason, loss: false })
            .collect(),
        provider: info.provider.to_string(),
        providers: info.offered,
        providers_passed_over: providers
            .map(|one| v1::PassedOver {
                what: one.provider.to_string().into_bytes(),
                reason: one.reason,
                loss: one.is_a_loss,
            })
            .collect(),
        installed: installed.into_iter().map(runtime).collect(),
        named_by,
    }
}
