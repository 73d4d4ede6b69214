//! What can go wrong while a plan is carried out. All of it ends the run; what happened before stays in the log.

use std::path::PathBuf;

/// A run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder or the log could not be written.
    #[error("cannot write {}: {source}; free some space or choose another folder with --out", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The log is not where it was.
    #[error("{} was removed or replaced while the run was going on; its events are lost", path.display())]
    LogRemoved {
        /// The file.
        path: PathBuf,
    },
    /// A call to the API server failed.
    #[error("cannot {doing}: {source}")]
    Kube {
        /// What was being done, to what.
        doing: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The simulated Azure refused.
    #[error("cannot {doing}: {source}")]
    Azure {
        /// What was being done.
        doing: String,
        /// Why.
        #[source]
        source: Box<harness_azure::control::ControlError>,
    },
    /// The tree could not be committed or pushed.
    #[error("cannot {doing}: {reason}")]
    Git {
        /// What was being done.
        doing: String,
        /// Why.
        reason: String,
    },
    /// The target cannot do what a phase needs.
    #[error("cannot {doing}: {reason}")]
    Target {
        /// What was being done.
        doing: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A component died.
    #[error("{component} died ({status}); its last lines:\n{log}")]
    ComponentDied {
        /// Its name.
        component: String,
        /// Its exit status.
        status: String,
        /// The last lines of its log.
        log: String,
    },
    /// Something did not happen in time.
    #[error("{what} did not happen within {limit_s} s; last seen: {last}")]
    Deadline {
        /// What was awaited.
        what: String,
        /// For how long, in seconds.
        limit_s: u64,
        /// The last state.
        last: String,
    },
}

impl RunError {
    /// For `map_err` on a call to the API server.
    pub(crate) fn kube(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Kube { doing, source: Box::new(source) }
    }

    /// For `map_err` on a call to the simulated Azure.
    pub(crate) fn azure(doing: impl Into<String>) -> impl FnOnce(harness_azure::control::ControlError) -> Self {
        let doing = doing.into();
        move |source| Self::Azure { doing, source: Box::new(source) }
    }
}
