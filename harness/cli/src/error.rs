//! What ends a command early, and the exit code that it has.

use std::io;
use std::path::PathBuf;

use harness_cluster::ClusterError;
use harness_cluster::dry_run::DryRunError;
use harness_cluster::flux::FluxError;
use harness_cluster::local::LocalError;
use harness_components::{BuildError, Missing};
use harness_record::log::LogError;
use harness_report::ReportError;
use harness_run::RunError;
use harness_tree::{AmendError, LayersError};

use crate::console::Console;
use crate::exit::{Exit, INTERRUPTED, TARGET_FAILED, USAGE};
use crate::source::Refused;

/// A command could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A scenario or a tree is invalid; each finding has its place.
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}; free some space or choose another folder with --out", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot copy {} to {}: {source}", from.display(), to.display())]
    Copy { from: PathBuf, to: PathBuf, source: io::Error },
    #[error("{scenario} cannot change the node configuration {tree}: {source}")]
    Amend { scenario: String, tree: String, source: AmendError },
    #[error("{scenario}: {source}")]
    Layers { scenario: String, source: LayersError },
    #[error("cannot write to stdout: {0}")]
    Stdout(#[source] io::Error),
    #[error("{} holds a run already ({file}); choose another folder with --out", folder.display())]
    FolderInUse { folder: PathBuf, file: &'static str },
    #[error(
        "{name} is neither a scenario that comes with the harness nor a file; `harness list` shows those that come with it"
    )]
    UnknownScenario { name: String },
    #[error("{} is not the folder of a run or of several: it has no {file}", folder.display())]
    NotARun { folder: PathBuf, file: &'static str },
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("`{name}` is not up; start it with `harness up`")]
    NotUp { name: String },
    #[error("{0}")]
    Usage(String),
    /// The cluster cannot be used.
    #[error("{reason}")]
    Target { reason: String },
    #[error("cannot listen for Ctrl-C: {0}")]
    Signals(#[source] io::Error),
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    DryRun(#[from] DryRunError),
    #[error(transparent)]
    Flux(#[from] FluxError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Reports(#[from] ReportError),
}

impl CliError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused(_)
            | Self::Read { .. }
            | Self::Copy { .. }
            | Self::Amend { .. }
            | Self::Layers { .. }
            | Self::FolderInUse { .. }
            | Self::UnknownScenario { .. }
            | Self::NotARun { .. }
            | Self::Unreadable { .. }
            | Self::NotUp { .. }
            | Self::Log(_)
            | Self::Flux(FluxError::NoSuchObject { .. })
            | Self::Usage(_) => USAGE,
            Self::Write { .. }
            | Self::Stdout(_)
            | Self::Signals(_)
            | Self::Target { .. }
            | Self::Local(_)
            | Self::Cluster(_)
            | Self::DryRun(_)
            | Self::Flux(_)
            | Self::Build(_)
            | Self::Missing(_)
            | Self::Run(_)
            | Self::Reports(_) => TARGET_FAILED,
            Self::Interrupted => INTERRUPTED,
        }
    }

    pub(crate) fn show(&self, console: &Console) {
        match self {
            Self::Refused(refused) => refused.show(console),
            other => console.error(&other.to_string()),
        }
    }
}
