//! Limits on requests: a server that does not answer fails a step, and a run never waits for it without an end.

use std::fmt::Display;
use std::time::Duration;

use crate::RunError;
use crate::error::Cause;

/// How long the API server may take for a request that the run cannot do without. It gives up by itself after 60 s (`--request-timeout` of
/// kube-apiserver).
const ANSWER_LIMIT: Duration = Duration::from_secs(70);

/// How often a request of the cleanup is sent, how long each may take, and the time between two: nobody else restores what it restores.
const TRIES: u32 = 3;
const TRY_LIMIT: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// An answer did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs())]
struct Unanswered(Duration);

/// Waits for the answer to a request, for at most [`ANSWER_LIMIT`].
pub(crate) async fn once<T, E: Into<Cause>>(
    doing: impl Into<String>,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, RunError> {
    within(ANSWER_LIMIT, doing, call).await
}

/// Waits for the answer to one or more requests, for at most `limit`.
pub(crate) async fn within<T, E: Into<Cause>>(
    limit: Duration,
    doing: impl Into<String>,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, RunError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(RunError::failed(doing)),
        Err(_) => Err(RunError::failed(doing)(Unanswered(limit))),
    }
}

/// Sends a request again where it is refused or not answered. Sending it twice must do no harm.
pub(crate) async fn repeated<T, E: Into<Cause>>(
    doing: impl Display,
    send: impl AsyncFn() -> Result<T, E>,
) -> Result<T, RunError> {
    repeated_within(TRY_LIMIT, doing, send).await
}

/// As [`repeated`], for what takes several requests: `limit` is that of one try.
pub(crate) async fn repeated_within<T, E: Into<Cause>>(
    limit: Duration,
    doing: impl Display,
    send: impl AsyncFn() -> Result<T, E>,
) -> Result<T, RunError> {
    let mut tried = 1;
    loop {
        match within(limit, doing.to_string(), send()).await {
            Ok(answer) => return Ok(answer),
            Err(error) if tried == TRIES => return Err(error),
            Err(_) => tried += 1,
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

/// `None` where the object, or its kind, does not exist.
pub(crate) fn existing<T>(answer: Result<T, kube::Error>) -> Result<Option<T>, kube::Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}
