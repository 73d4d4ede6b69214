//! What can go wrong with `flux-build`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use harness_components::{BuildError, Missing};

use crate::error::FileError;

/// Why trees are checked without Flux's own code. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum FluxBuildUnavailable {
    /// It is not built, and may not be.
    #[error("flux-build is not built; omit --no-build, or build it with `harness components build`")]
    NotBuilt,
    /// A folder that was named does not have it, or it cannot be found.
    #[error(transparent)]
    Missing(Missing),
    /// It could not be built.
    #[error("flux-build could not be built: {}", last_line(.0))]
    Build(#[source] BuildError),
}

/// The part of an error that says most: after Go's own words there is none that says more.
fn last_line(error: &BuildError) -> String {
    match error {
        BuildError::Failed { status, tail, .. } => {
            let last = tail.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason was given");
            format!("`go build` failed ({status}): {}", last.trim())
        }
        other => other.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

/// `flux-build` gave no answer, so nothing is known of what it was to build.
#[derive(Debug, thiserror::Error)]
pub enum FluxBuildError {
    /// It has no private folder.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// It could not be started.
    #[error("cannot start {}: {source}; `harness components build` rebuilds it", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended.
    #[error("flux-build exited while building `{path}` ({said})")]
    Ended {
        /// The folder of the tree.
        path: String,
        /// How it ended, and what it said.
        said: String,
    },
    /// It did not answer.
    #[error("flux-build did not build `{path}` within {} s", limit.as_secs())]
    TooSlow {
        /// The folder of the tree.
        path: String,
        /// The longest wait.
        limit: Duration,
    },
    /// It was ended, since nobody waits for the build any more.
    #[error("the build of `{path}` was cancelled")]
    Cancelled {
        /// The folder of the tree.
        path: String,
    },
    /// It is not the program that was built for this harness.
    #[error("cannot read what flux-build says of `{path}`: {reason}; rebuild it with `harness components build`")]
    Protocol {
        /// The folder of the tree.
        path: String,
        /// Why.
        reason: String,
    },
}
