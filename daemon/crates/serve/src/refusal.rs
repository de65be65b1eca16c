//! Which gRPC code each of the engine's and the depot's errors is: one table for each.

use tonic::Status;
use vow_depot::{DepotError, FetchError, InstallError};
use vow_engine::EngineError;

/// An error and all its causes, as the wire has it.
pub(crate) fn refuse(error: EngineError) -> Status {
    let text = chain(&error);
    match error {
        EngineError::UnknownFolder { .. }
        | EngineError::UnknownFile { .. }
        | EngineError::UnknownFace(_)
        | EngineError::UnknownPerson(_)
        | EngineError::UnknownEntry(_)
        | EngineError::NoFile(_)
        | EngineError::NothingTo(_) => Status::not_found(text),
        EngineError::NotAFolder { .. }
        | EngineError::BadName(_)
        | EngineError::Incomplete(_)
        | EngineError::NoPicture(_) => Status::invalid_argument(text),
        EngineError::AmbiguousPerson { .. }
        | EngineError::Overlap { .. }
        | EngineError::NotTheirs { .. }
        | EngineError::SamePhoto { .. }
        | EngineError::Senseless(_)
        | EngineError::Unreadable { .. }
        | EngineError::Offline { .. }
        | EngineError::Backup(_)
        | EngineError::Restore(_)
        | EngineError::NoSuchEvent(_)
        | EngineError::Dependents { .. } => Status::failed_precondition(text),
        EngineError::EventsGone(_) => Status::out_of_range(text),
        EngineError::Stopping => Status::unavailable(text),
        EngineError::Cancelled => Status::cancelled(text),
        EngineError::DataDir { .. }
        | EngineError::NoSuchPack { .. }
        | EngineError::Pack(_)
        | EngineError::Infer(_)
        | EngineError::Store(_)
        | EngineError::Watch(_)
        | EngineError::Thread(_)
        | EngineError::PauseFile { .. }
        | EngineError::Failed { .. } => {
            tracing::error!(error = text, "a request failed");
            Status::internal(text)
        }
    }
}

/// As [`refuse`], for the depot's errors.
pub(crate) fn refuse_depot(error: DepotError) -> Status {
    let text = chain(&error);
    match &error {
        DepotError::Install(
            InstallError::Unknown { .. } | InstallError::NotInstalled(_) | InstallError::NoSource { .. },
        ) => Status::not_found(text),
        DepotError::Install(InstallError::Fetch(FetchError::Cancelled))
        | DepotError::Fetch(FetchError::Cancelled) => Status::cancelled(text),
        DepotError::Fetch(FetchError::Disk { source, .. })
        | DepotError::Install(InstallError::Disk { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            Status::not_found(text)
        }
        _ => Status::failed_precondition(text),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors quote their causes themselves.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Runs work that reads the store on a thread where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(refuse),
        Err(_) => Err(Status::internal("the daemon stumbled over this request; its log says where")),
    }
}

/// As [`blocking`], for the depot's work.
pub(crate) async fn depot_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DepotError> + Send + 'static,
) -> Result<T, Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(refuse_depot),
        Err(_) => Err(Status::internal("the daemon stumbled over this request; its log says where")),
    }
}
