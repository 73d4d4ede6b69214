//! Requests that a run cannot go on without: a server that says nothing is a failed target, not a run without an end.

use std::time::Duration;

use crate::RunError;

/// How long the API server may take for one request. It gives up by itself after 60 s (`--request-timeout` of kube-apiserver).
const ANSWER_LIMIT: Duration = Duration::from_secs(70);

/// Waits for the answer to a request, at most [`ANSWER_LIMIT`].
///
/// # Errors
/// [`RunError::Kube`] for a refusal, [`RunError::Target`] where no answer comes.
pub(crate) async fn answered<T>(
    doing: impl Into<String>,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, RunError> {
    let doing = doing.into();
    match tokio::time::timeout(ANSWER_LIMIT, call).await {
        Ok(answer) => answer.map_err(RunError::kube(doing)),
        Err(_) => Err(RunError::Target {
            doing,
            reason: format!("no answer from the API server within {} s", ANSWER_LIMIT.as_secs()),
        }),
    }
}
