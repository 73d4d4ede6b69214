//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use harness_units::Span;

use crate::record::{Outcome, Record};

/// Run upstream's end-to-end suites of the NAP controller, each spec on a fresh local cluster, and write a table of what became of each.
///
/// A spec that has a result is not run again. Specs that need a data plane (`--data-plane` names the list) are not run, and do not count.
///
/// Exit codes: 0 every spec that needs no data plane passed or skipped itself; 1 one did not; 130 interrupted.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Only these suites, in this order: folders of `test/suites` in the controller's module.
    #[arg(value_name = "SUITE")]
    pub(crate) suites: Vec<String>,
    /// Only the specs whose text contains this.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub(crate) only: String,
    /// Run again what has this result.
    #[arg(long, value_enum, value_name = "RESULT")]
    pub(crate) again: Option<Again>,
    /// Run the specs that need a data plane, too. One that passes is named.
    #[arg(long)]
    pub(crate) with_data_plane: bool,
    /// How long a spec may take. Upstream's own waits are up to 16 minutes.
    #[arg(long, default_value = "25m", value_name = "DURATION")]
    pub(crate) limit: Span,
    /// The specs that need a data plane.
    #[arg(long, default_value = "ci/conformance/data-plane.yaml", value_name = "FILE")]
    pub(crate) data_plane: PathBuf,
    /// The binary that starts the clusters.
    #[arg(long, default_value = "target/release/harness", value_name = "FILE")]
    pub(crate) harness: PathBuf,
    /// The folder of the results, and of the suites once they are built.
    #[arg(long, default_value = "target/conformance", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print the table of the results that there are, and run nothing.
    #[arg(long)]
    pub(crate) list: bool,
}

/// Which results do not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Again {
    /// What failed.
    Failed,
    /// What skipped itself.
    Skipped,
    /// Everything.
    All,
}

impl Again {
    /// Whether a spec with this result is run again.
    pub(crate) fn includes(self, record: &Record) -> bool {
        match self {
            Self::Failed => record.outcome == Outcome::Failed,
            Self::Skipped => record.outcome == Outcome::Skipped,
            Self::All => true,
        }
    }
}
