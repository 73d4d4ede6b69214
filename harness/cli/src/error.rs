//! What ends a command early, and the exit code that it has.

use std::io;
use std::path::PathBuf;

use harness_cluster::ClusterError;
use harness_cluster::dry_run::DryRunError;
use harness_cluster::flux::FluxError;
use harness_cluster::local::LocalError;
use harness_components::BuildError;
use harness_record::summary::SummaryError;
use harness_suite::{
    ComparisonError, ExitCode, FileError, FolderError, InputError, InvalidInput, SuiteError, TargetError,
};

use crate::args::OtherTarget;
use crate::console::{Console, StdoutError};
use crate::diagnostics;

/// A command could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Suite(SuiteError),
    #[error(transparent)]
    Stdout(#[from] StdoutError),
    #[error("cannot read the answer from standard input: {0}")]
    Stdin(#[source] io::Error),
    #[error("cannot listen for Ctrl-C: {0}")]
    Signals(#[source] io::Error),
    #[error("cannot start a thread: {0}; raise the limit of processes (`ulimit -u`)")]
    Thread(#[source] io::Error),
    #[error("cannot fix {}: {source}; check its permissions and the free space", path.display())]
    Fix { path: PathBuf, source: io::Error },
    #[error("cannot read {}: it holds no YAML or JSON file; is this the right folder?", folder.display())]
    EmptyTree { folder: PathBuf },
    #[error(transparent)]
    OtherTarget(#[from] OtherTarget),
    #[error("only `harness validate` has findings to print as sarif or github")]
    NoFindings,
    #[error("--print prints YAML: leave out --format, or --print")]
    PrintedFormat,
    #[error(
        "`{command}` asks before it deletes anything, and there is no terminal to ask on: give --yes, or --dry-run to see what it would do"
    )]
    NoTerminal { command: &'static str },
    #[error("`{name}` is still starting; try again when `harness status --cluster {name}` says that it is ready")]
    ClusterStarting { name: String },
    #[error("`{name}` is being taken down; start it again with `harness up --cluster {name}`")]
    ClusterStopping { name: String },
    #[error(transparent)]
    DryRun(#[from] DryRunError),
    #[error(transparent)]
    Flux(#[from] FluxError),
    #[error(transparent)]
    Summary(#[from] SummaryError),
}

macro_rules! from_parts_of_a_suite_error {
    ($($error:ty => $part:ty),* $(,)?) => {
        $(impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                Self::Suite(<$part>::from(error).into())
            }
        })*
    };
}

from_parts_of_a_suite_error! {
    SuiteError => SuiteError,
    InputError => InputError,
    FolderError => FolderError,
    ComparisonError => ComparisonError,
    TargetError => TargetError,
    FileError => FileError,
    BuildError => TargetError,
    ClusterError => TargetError,
    LocalError => TargetError,
}

impl CliError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Suite(error) => error.exit_code(),
            Self::Stdin(_)
            | Self::EmptyTree { .. }
            | Self::NoFindings
            | Self::PrintedFormat
            | Self::OtherTarget(_)
            | Self::NoTerminal { .. }
            | Self::Flux(FluxError::NoSuchObject { .. }) => ExitCode::InvalidInput,
            Self::Stdout(_)
            | Self::Signals(_)
            | Self::Thread(_)
            | Self::Fix { .. }
            | Self::ClusterStarting { .. }
            | Self::ClusterStopping { .. }
            | Self::DryRun(_)
            | Self::Flux(_)
            | Self::Summary(_) => ExitCode::TargetFailed,
        }
    }

    /// Writes the error to stderr, each problem of an invalid input with its source line.
    pub(crate) fn show(&self, console: &Console) {
        let Self::Suite(SuiteError::Input(InputError::Invalid(InvalidInput { problems, texts }))) = self else {
            console.error(&self.to_string());
            return;
        };
        for problem in problems {
            console.error(&diagnostics::render(problem, texts, console));
        }
    }
}
