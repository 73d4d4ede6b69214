//! What can go wrong while Flux is managed.

use crate::local::LocalError;

/// Flux could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum FluxError {
    /// The API server refused or failed a request.
    #[error("cannot {doing} {object}: {source}")]
    Api {
        /// The attempted operation, as a verb.
        doing: &'static str,
        /// Kind and name of the object.
        object: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
    /// The target failed.
    #[error(transparent)]
    Target(#[from] LocalError),
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
    /// A wait ran out.
    #[error("{object} was not {wanted} after {waited_ms} ms; last seen: {last}")]
    Wait {
        /// Kind and name of the object.
        object: String,
        /// The awaited state.
        wanted: &'static str,
        /// How long it was waited for, in milliseconds.
        waited_ms: u64,
        /// The last state seen.
        last: String,
    },
}

impl FluxError {
    /// Wraps an API error; for `map_err`.
    pub(super) fn api(doing: &'static str, object: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let object = object.into();
        move |source| Self::Api { doing, object, source: Box::new(source) }
    }
}

/// Whether the API server says that there is no such object or kind.
pub(super) fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
