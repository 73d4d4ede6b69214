//! Why the catalogue could not be run.

use std::path::PathBuf;

use crate::counter_case::Refused;

/// Why the catalogue could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A counter-case's file.
    #[error(transparent)]
    Unreadable(#[from] Refused),
    /// A counter-case that cannot be made.
    #[error("counter-case {name}: {source}")]
    CounterCase { name: String, source: Refused },
    /// A counter-case of nothing.
    #[error("counter-case {name}: there is no scenario `{scenario}`")]
    NoScenario { name: String, scenario: String },
    /// A scenario that is not valid.
    #[error("{name}: {reason}")]
    Scenario { name: String, reason: String },
    /// The table of durations.
    #[error("durations.json: {0}")]
    Durations(serde_json::Error),
    /// A name of `--only`.
    #[error("nothing here is called `{name}`; --list shows everything")]
    Unknown { name: String },
    /// The handlers for signals.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
    /// The folder that was named has something in it.
    #[error("{} is not empty: remove it, or name a new folder with --out", folder.display())]
    NotEmpty { folder: PathBuf },
    /// A program.
    #[error("cannot start {}: {source}; build it first (ci/catalogue.sh does)", program.display())]
    Spawn { program: PathBuf, source: std::io::Error },
    /// A program that must succeed.
    #[error("`{what}` ended with {status}")]
    Ended { what: String, status: String },
    /// `suite.json`.
    #[error(transparent)]
    Record(#[from] harness_suite::FileError),
    /// A file.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
}

impl Failure {
    /// Something with a file went wrong.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
