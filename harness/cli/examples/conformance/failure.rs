//! Why the suites could not be run.

use std::path::PathBuf;

/// Why the suites could not be run. What has a result by then keeps it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Ctrl-C, SIGTERM or SIGHUP.
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
    /// The handlers for signals.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
    /// A suite that there is not.
    #[error("there is no suite `{name}`; there are {known}")]
    UnknownSuite { name: String, known: String },
    /// `--only` matches nothing.
    #[error("no spec of these suites contains `{text}`; --list shows them all")]
    NoSpec { text: String },
    /// An entry of the list of specs that need a data plane.
    #[error("{}: suite {suite} has no spec `{spec}`; mend or remove the entry (--list shows the specs)", path.display())]
    Stale { path: PathBuf, suite: String, spec: String },
    /// A program.
    #[error("cannot run {}: {source}", program.display())]
    Spawn { program: PathBuf, source: std::io::Error },
    /// A program that must succeed.
    #[error("`{what}` ended with {status}: {said} ({})", log.display())]
    Ended { what: String, status: String, said: String, log: PathBuf },
    /// A file.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    /// A file that is there and is not what it should be.
    #[error("{} is not {expected}: {reason}", path.display())]
    Unreadable { path: PathBuf, expected: &'static str, reason: String },
}

impl Failure {
    /// Something with a file went wrong.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// A file cannot be understood.
    pub(crate) fn unreadable(
        expected: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.into();
        move |error| Self::Unreadable { path, expected, reason: error.to_string() }
    }
}
