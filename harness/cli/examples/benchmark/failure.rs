//! Why something could not be measured.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use harness_plan::PlanError;
use harness_record::log::LogError;
use harness_record::summary::SummaryError;

/// An error of any library.
pub(crate) type BoxedError = Box<dyn Error + Send + Sync>;

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    Interrupted,
    /// The handlers for signals.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
    /// The program is not there or cannot be run.
    #[error("cannot start {}: {source}; build it first (ci/benchmark.sh does)", program.display())]
    Spawn { program: PathBuf, source: std::io::Error },
    /// The operating system does not report on the child.
    #[error("cannot wait for `{what}`: {source}")]
    Wait { what: String, source: BoxedError },
    /// It ended with another exit code than 0.
    #[error("`{what}` ended with {code}: {said} ({})", log.display())]
    Ended { what: String, code: String, said: String, log: PathBuf },
    /// It took too long.
    #[error("`{what}` did not end within {} s and was stopped: {said} ({})", limit.as_secs(), log.display())]
    TimedOut { what: String, limit: Duration, said: String, log: PathBuf },
    /// The folder that was named has something in it.
    #[error("{} is not empty: name a new folder with --out", folder.display())]
    NotEmpty { folder: PathBuf },
    /// A file.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    /// The summary of a run.
    #[error("{}: {source}", path.display())]
    Summary { path: PathBuf, source: SummaryError },
    /// The index of several runs.
    #[error("{}: {source}", path.display())]
    Index { path: PathBuf, source: serde_json::Error },
    /// The plan of a run.
    #[error("{}: {source}", path.display())]
    Plan { path: PathBuf, source: PlanError },
    /// The log of a run.
    #[error("{}: {source}", path.display())]
    Log { path: PathBuf, source: LogError },
    /// The samples of a run.
    #[error(transparent)]
    Samples(#[from] harness_suite::ComparisonError),
    /// What `status` said.
    #[error("the output of `harness status` is not as expected: {0}")]
    Status(serde_json::Error),
    /// A figure that every complete run has.
    #[error("{} has no {figure}", path.display())]
    Missing { path: PathBuf, figure: &'static str },
}

impl Failure {
    /// Something with a file went wrong.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::File { action, path: path.into(), source }
    }
}
