//! Which gRPC code each of the engine's errors is: one table.

use tonic::Status;
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
        | EngineError::NothingTo(_) => Status::not_found(text),
        EngineError::NotAFolder { .. } | EngineError::BadName(_) => Status::invalid_argument(text),
        EngineError::AmbiguousPerson { .. }
        | EngineError::Overlap { .. }
        | EngineError::NotTheirs { .. }
        | EngineError::SamePhoto { .. }
        | EngineError::Senseless(_)
        | EngineError::Dependents { .. } => Status::failed_precondition(text),
        EngineError::Stopping => Status::unavailable(text),
        EngineError::DataDir { .. }
        | EngineError::NoSuchPack { .. }
        | EngineError::Pack(_)
        | EngineError::Infer(_)
        | EngineError::Store(_)
        | EngineError::Watch(_)
        | EngineError::Thread(_)
        | EngineError::Failed { .. } => {
            tracing::error!(error = text, "a request failed");
            Status::internal(text)
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
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
