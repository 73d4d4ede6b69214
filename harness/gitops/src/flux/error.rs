//! What can go wrong while Flux is managed.

use harness_components::control::ControlError;
use harness_kubernetes::ApiError;

/// A request to manage Flux has failed.
#[derive(Debug, thiserror::Error)]
pub enum FluxError {
    /// The API server refused or failed a request, or an object did not reach a state in time.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A controller could not be started, stopped or asked.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The API server serves no kind of Flux.
    #[error("the cluster serves no Flux objects: install Flux with `harness flux install`")]
    NotInstalled,
    /// A controller that is needed does not run.
    #[error("{names} does not run: start it with `harness flux install`")]
    Stopped {
        /// The controllers, comma separated.
        names: String,
    },
    /// No object has the given name.
    #[error("unknown Flux object `{asked}`; those that can be reconciled: {known}")]
    NoSuchObject {
        /// The given name.
        asked: String,
        /// The known names, comma separated.
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

/// Whether the API server does not know the object or its kind.
pub(super) fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
