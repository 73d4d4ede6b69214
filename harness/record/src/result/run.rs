//! The whole result, and its parts that are about the run as such.

use std::collections::{BTreeMap, BTreeSet};

use harness_plan::LatencyName;
use harness_simulation::Simulated;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AzureFailure, ComponentUsage, Counts, CrossCheck, Difference, LeakedObject, NodeRow, NodeStep, PodStep,
    ReasonCount, SelfAudit, SystemShare,
};
use crate::cost::Cost;
use crate::event::{EndReason, PhaseOutcome};
use crate::exit_code::ExitCode;
use crate::latency::{LatencyStats, Samples};
use crate::milliseconds;
use crate::samples::Percentile;
use crate::verdict::{ExpectationResult, Verdict};

/// Everything that a report can say about a run: a pure function of its plan and its event log.
///
/// Every time named `..._us` is in microseconds of the run's monotonic clock, 0 at [`RunInfo::started_at`].
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// What was run, where and when.
    pub run: RunInfo,
    /// The verdict of the run.
    pub verdict: Verdict,
    /// The exit code of `harness run` and `harness report`.
    pub exit_code: ExitCode,
    /// One line that says why; empty when every expectation held and nothing is worth saying.
    pub reason: String,
    /// The parts of `reason` and further causes, most important first, one line each.
    pub reasons: Vec<String>,
    /// One for each latency and group that has samples: first the group of all (no labels), then one group for each value of each
    /// label (`nodepool`, `instance-type`, `capacity-type`, `zone`, `workload`), never two labels at once.
    pub latencies: Vec<Latency>,
    /// One for each expectation of the plan, in its order; then the one that every run has, that what was there before is as it was.
    pub expectations: Vec<ExpectationResult>,
    /// One for each NodeClaim, in the order in which they were first seen; Nodes without a NodeClaim after them.
    pub nodes: Vec<NodeRow>,
    /// Pods by state over time; a step function.
    pub pods_over_time: Vec<PodStep>,
    /// Nodes by state over time; a step function.
    pub nodes_over_time: Vec<NodeStep>,
    /// Phases in the order in which they began, then those of the plan that never did.
    pub phases: Vec<PhaseRow>,
    /// Actions in the order of the log.
    pub actions: Vec<ActionRow>,
    /// Counts over the run.
    pub counts: Counts,
    /// What the VMs cost; `None` where no price is known.
    pub cost: Option<Cost>,
    /// What the cluster's own DaemonSets take of each VM size, those with most nodes first; empty where it has none.
    pub system: Vec<SystemShare>,
    /// Published figures for the same thing, beside ours.
    pub published: Vec<PublishedFigure>,
    /// What was simulated.
    pub simulated: BTreeSet<Simulated>,
    /// What was left behind.
    pub leaks: Vec<LeakedObject>,
    /// What was there before the run, is not the run's, and is not as it was.
    pub differences: Vec<Difference>,
    /// Creations that Azure failed, by pool and code, most frequent first.
    pub azure_failures: Vec<AzureFailure>,
    /// Warnings that controllers gave, by object kind, pool and reason, most frequent first.
    pub controller_reasons: Vec<ReasonCount>,
    /// The self-audit of the harness.
    pub self_audit: SelfAudit,
    /// CPU and memory by process, largest CPU time first.
    pub usage: Vec<ComponentUsage>,
    /// Measured provisioning against the simulated Azure's own record; `None` where no node has both.
    pub cross_check: Option<CrossCheck>,
    /// What makes the result less reliable than it looks, one line each: log cut, watches restarted, observations lost, unmodelled calls.
    pub warnings: Vec<String>,
}

/// What was run, where and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunInfo {
    /// The run's id.
    pub id: String,
    /// The scenario's name.
    pub scenario: String,
    /// The question that the scenario answers.
    pub question: String,
    /// `smoke`, `default` or `full`.
    pub profile: String,
    /// `local`, `kubeconfig`, `kind`, `k3s`, `aks`.
    pub target: String,
    /// The seed.
    pub seed: u64,
    /// The version of the harness.
    pub harness: String,
    /// Wall time at 0 us.
    pub started_at: Timestamp,
    /// Time of the last event, microseconds since the run began.
    #[serde(rename = "durationMs", with = "milliseconds")]
    pub duration_us: u64,
    /// The command that repeats the run.
    pub command: String,
    /// Versions of the target's parts.
    pub versions: BTreeMap<String, String>,
    /// The parameters' values, as text.
    pub parameters: BTreeMap<String, String>,
    /// How the tree of the node configuration was named.
    pub node_config: String,
    /// SHA-256 of that tree, hexadecimal.
    pub node_config_sha256: String,
    /// Why the run ended; `None` when the log has no end: the harness was killed.
    pub ended: Option<EndReason>,
    /// More about the end, in a few words; may be empty.
    pub ended_detail: String,
}

/// One latency in one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// Which latency.
    pub name: LatencyName,
    /// The group: empty for all samples, otherwise one label such as `nodepool` = `compute-optimized`.
    /// The value `unknown` collects samples whose label never became known.
    pub labels: BTreeMap<String, String>,
    /// Count, percentiles.
    pub stats: LatencyStats,
    /// The raw samples, for CDFs.
    pub samples: Samples,
}

/// A phase and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseRow {
    /// Its name.
    pub name: String,
    /// Whether it is of the plan; `prepare` and `cleanup` are not.
    pub planned: bool,
    /// The condition that ends it, as a scenario writes it.
    #[serde(skip)]
    pub until: Option<String>,
    /// When it began.
    #[serde(rename = "beganMs", default, with = "milliseconds::option")]
    pub began_us: Option<u64>,
    /// When it ended.
    #[serde(rename = "endedMs", default, with = "milliseconds::option")]
    pub ended_us: Option<u64>,
    /// The moment of its deadline, or of the end of its hold.
    #[serde(rename = "dueMs", default, with = "milliseconds::option")]
    pub due_us: Option<u64>,
    /// How it ended.
    pub outcome: Option<PhaseOutcome>,
    /// What was still missing.
    pub detail: String,
}

/// An action and its stamps.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionRow {
    /// A description: `scale web 0 -> 40`.
    pub what: String,
    /// One of many: pods are asked for and replaced by the thousand.
    pub is_routine: bool,
    /// When it was due.
    pub intended_us: u64,
    /// When it was sent.
    pub sent_us: Option<u64>,
    /// When the watches had shown its effect, where it is one that shows only after the answer.
    pub observed_us: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A figure that others have published, beside ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishedFigure {
    /// The latency's name.
    pub name: String,
    /// Of which of our samples: empty for all, otherwise one label such as `nodepool` = `general-purpose`.
    pub labels: BTreeMap<String, String>,
    /// Which percentile; 100 is the maximum.
    #[serde(rename = "percentile")]
    pub percent: u8,
    /// The published value, microseconds.
    #[serde(rename = "publishedMs", with = "milliseconds")]
    pub published_us: u64,
    /// The same percentile of our samples; `None` where there is none.
    #[serde(rename = "oursMs")]
    pub ours: Option<Percentile>,
    /// Our samples.
    pub count: u64,
    /// Who published it, and where.
    pub source: String,
    /// How their method differs from ours.
    pub differs: String,
}
