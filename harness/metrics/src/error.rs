//! Why load cannot be set.

/// A refused or failed order to the metrics. It crosses the control socket as text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsError {
    /// What was said makes no sense.
    #[error("the {what} is invalid: {reason}")]
    Invalid { what: String, reason: String },
    /// The supervisor has no client yet.
    #[error("the cluster's API server is not up yet; set load when the cluster is usable")]
    NotAttached,
    /// The first list of pods or nodes did not come.
    #[error("pods and nodes were not listed after {waited_ms} ms; last error of the watch: {last}")]
    NotListed { waited_ms: u64, last: String },
}
