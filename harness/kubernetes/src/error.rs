//! What can go wrong while objects are read, written or waited for.

/// A request of the API server failed, or an object did not reach a state in time.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The API server refused the request, or did not answer.
    #[error("cannot {doing} {object}: {source}")]
    Request {
        /// The attempted operation, as a verb.
        doing: &'static str,
        /// Kind and name of the object.
        object: String,
        /// The client's error.
        source: Box<kube::Error>,
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

/// The innermost reason of an error: "connection refused" says more than "client error (Connect)".
pub fn innermost_reason(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

impl ApiError {
    /// Wraps the error of a request; for `map_err`.
    pub fn request(doing: &'static str, object: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let object = object.into();
        move |source| Self::Request { doing, object, source: Box::new(source) }
    }
}
