//! What can go wrong while Flux is managed.

use harness_components::control::ControlError;
use harness_kubernetes::ApiError;

/// Flux could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum FluxError {
    /// The API server refused or failed a request, or something was not there in time.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A controller could not be started, stopped or asked.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Nothing of Flux is served.
    #[error("the cluster serves no Flux objects: install Flux with `harness flux install`")]
    NotInstalled,
    /// A controller does not run, so that nobody would answer.
    #[error("{names} does not run: start it with `harness flux install`")]
    Stopped {
        /// The controllers, comma separated.
        names: String,
    },
    /// What was named is not there.
    #[error("`{asked}` is no Flux object that can be reconciled; there are: {known}")]
    NoSuchObject {
        /// As it was asked for.
        asked: String,
        /// What there is, comma separated.
        known: String,
    },
}

impl FluxError {
    /// Wraps an API error; for `map_err`.
    pub(super) fn api(doing: &'static str, object: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let wrap = ApiError::request(doing, object);
        move |source| Self::Api(wrap(source))
    }
}

/// Whether the API server says that there is no such object or kind.
pub(super) fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
