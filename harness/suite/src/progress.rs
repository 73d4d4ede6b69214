//! What happens while scenarios are planned and run, for a caller that shows it. Nothing here is printed by this crate.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness_components::{BuildReport, Progress};
use harness_plan::{NodeClass, Plan};
use harness_record::Event;
use harness_record::compare::Comparison;
use harness_report::several::SuiteEntry;
use harness_tree::Finding;

use crate::error::TargetError;

/// A listener to updates. Calls come from the task that runs the scenarios and must not block.
pub trait ProgressListener: Send + Sync {
    /// Takes note of an update.
    fn update(&self, update: Update<'_>);
}

/// A listener that ignores every update.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl ProgressListener for Silent {
    fn update(&self, _: Update<'_>) {}
}

/// A listener that several tasks share.
pub type SharedListener = Arc<dyn ProgressListener>;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Update<'a> {
    /// The seed is known.
    Seed {
        /// The seed.
        seed: u64,
        /// Whether it is the one of the baseline's runs.
        from_baseline: bool,
    },
    /// A tree works and has something in it that deserves attention.
    TreeWarning(&'a Finding),
    /// The upstream components are not built, and a build of them starts.
    ComponentsMissing,
    /// `flux-build` is not built, and a build of it starts.
    FluxBuildMissing,
    /// A build of the components made progress.
    Building(&'a Progress),
    /// A build of the components ended: what it did, or `None` if it failed.
    BuildEnded(Option<&'a BuildReport>),
    /// Scenarios run on a cluster that is up.
    ClusterFound {
        /// Its name.
        name: &'a str,
    },
    /// A cluster is being started.
    ClusterStarting(ClusterUse<'a>),
    /// The start of a cluster failed and is attempted once more.
    ClusterStartRetried(&'a TargetError),
    /// No workload of the scenario can be aimed at this NodePool.
    NotTested(&'a NodeClass),
    /// A plan is being carried out.
    RunStarted(&'a Plan),
    /// The run observed or did something. There are thousands of these.
    Event(&'a Event),
    /// The run has ended; its log is complete.
    RunEnded,
    /// A run of a suite is next.
    SuiteRunStarting {
        /// Which one.
        position: Position,
        /// Its name.
        name: &'a str,
        /// Estimates.
        estimate: Estimate,
    },
    /// A run of a suite has ended, or was not started.
    SuiteRunEnded {
        /// Which one.
        position: Position,
        /// What it came to.
        outcome: SuiteEntry<'a>,
    },
    /// The cluster is not as it was before the run: what is different.
    ClusterChanged(&'a str),
    /// The next run gets a fresh cluster.
    ClusterReplaced(ReplacementReason),
    /// No further run of the suite is started: why, and what to do.
    SuiteStopped(&'a str),
    /// All runs of a scenario were compared with the baseline.
    Compared(&'a Comparison),
    /// The baseline has no run of a scenario.
    NotCompared {
        /// The scenario.
        scenario: &'a str,
        /// The folder of the baseline.
        baseline: &'a Path,
    },
}

/// What a cluster is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterUse<'a> {
    /// One run.
    Run,
    /// Every run of a suite.
    Suite,
    /// The rest of a suite, in the place of one that cannot be used any more.
    Replacement,
    /// One run, after which it stays under this name.
    Kept(&'a str),
}

/// Why a run gets a fresh cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplacementReason {
    /// The target failed.
    TargetFailed,
    /// The run before left something behind.
    Changed,
}

/// The position of a run in its suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub number: usize,
    /// The number of runs.
    pub count: usize,
}

/// How long a suite takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The run that is next, about.
    pub run: Duration,
    /// All runs before it.
    pub elapsed: Duration,
    /// It and all runs after it, about.
    pub remaining: Duration,
}
