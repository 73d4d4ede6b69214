//! The wire types of `summary.json`. Durations are milliseconds; times are milliseconds since the run began.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::figures::Figure;
use crate::event::{EndReason, PhaseOutcome};
use crate::result::{Counts, LeakedObject, ReasonCount};
use crate::verdict::{ExpectationResult, Verdict};

/// The version of `summary.json`. Keys may be added within a version, never renamed or removed.
pub const SUMMARY_VERSION: u32 = 1;

/// Why a `summary.json` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// Not JSON of this shape.
    #[error("not a summary.json: {0}")]
    Shape(#[from] serde_json::Error),
    /// Of another version.
    #[error(
        "summary.json has version {found}, this harness reads version {SUMMARY_VERSION}: make it again with `harness report`"
    )]
    Version {
        /// The file's.
        found: u64,
    },
}

/// `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// [`SUMMARY_VERSION`].
    pub version: u32,
    /// What was run.
    pub run: RunSummary,
    /// `pass`, `fail` or `inconclusive`.
    pub verdict: Verdict,
    /// The exit code of `harness run`.
    pub exit_code: u8,
    /// One line that says why; empty when every expectation held.
    pub reason: String,
    /// Its parts and further causes.
    pub reasons: Vec<String>,
    /// What was simulated, in words.
    pub simulated: Vec<String>,
    /// One for each latency and group.
    pub latencies: Vec<LatencySummary>,
    /// Counts over the run.
    pub counts: Counts,
    /// What the VMs cost; null where no price is known.
    #[serde(default)]
    pub cost: Option<CostSummary>,
    /// Published figures, beside ours.
    #[serde(default)]
    pub published: Vec<PublishedSummary>,
    /// One for each expectation.
    pub expectations: Vec<ExpectationSummary>,
    /// What was left behind.
    pub leaks: Vec<LeakedObject>,
    /// The phases.
    pub phases: Vec<PhaseSummary>,
    /// Actions that failed; the others are only counted.
    pub failed_actions: Vec<ActionFailure>,
    /// Creations that Azure failed, by pool and code.
    pub azure_failures: Vec<AzureFailureSummary>,
    /// Warnings that controllers gave.
    pub controller_reasons: Vec<ReasonCount>,
    /// The self-audit of the harness.
    #[serde(rename = "self")]
    pub self_audit: SelfSummary,
    /// CPU and memory by process.
    pub usage: Vec<UsageSummary>,
    /// Measured provisioning against the simulated Azure's own record; null where there is none.
    pub cross_check: Option<CrossCheckSummary>,
    /// What makes the result less reliable than it looks.
    pub warnings: Vec<String>,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The run's id.
    pub id: String,
    /// The scenario's name.
    pub scenario: String,
    /// The question that it answers.
    pub question: String,
    /// `smoke`, `default` or `full`.
    pub profile: String,
    /// The target's name.
    pub target: String,
    /// The seed.
    pub seed: u64,
    /// The harness's version.
    pub harness: String,
    /// Wall time of the start.
    pub started_at: Timestamp,
    /// From the start to the last event.
    pub duration_ms: f64,
    /// The command that repeats the run.
    pub command: String,
    /// Versions of the target's parts.
    pub versions: BTreeMap<String, String>,
    /// The parameters' values.
    pub parameters: BTreeMap<String, String>,
    /// The tree's name.
    pub node_config: String,
    /// The tree's SHA-256.
    pub node_config_sha256: String,
    /// Why it ended; null when it was killed.
    pub ended: Option<EndReason>,
    /// More about the end.
    pub ended_detail: String,
}

/// One latency in one group. Figures are null when there is no sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencySummary {
    /// The latency's name.
    pub name: String,
    /// The group: empty for all.
    pub labels: BTreeMap<String, String>,
    /// Always `ms`.
    pub unit: String,
    /// Samples, the censored ones included.
    pub count: u64,
    /// Censored samples.
    pub censored: u64,
    /// The smallest.
    pub min: Option<Figure>,
    /// The mean; a lower bound with censored samples.
    pub mean: Option<Figure>,
    /// The 50th percentile.
    pub p50: Option<Figure>,
    /// The 90th percentile.
    pub p90: Option<Figure>,
    /// The 95th percentile.
    pub p95: Option<Figure>,
    /// The 99th percentile.
    pub p99: Option<Figure>,
    /// The largest.
    pub max: Option<Figure>,
}

/// What the VMs cost, in US dollars, from running to gone; the VMs alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CostSummary {
    /// In total.
    pub usd: f64,
    /// Spot VMs.
    pub usd_spot: f64,
    /// On-demand VMs.
    pub usd_on_demand: f64,
    /// What the same VMs would have cost on demand; null where a price is not known.
    pub usd_at_on_demand_prices: Option<f64>,
    /// The most that the running VMs cost an hour.
    pub usd_per_hour_peak: f64,
    /// Running time of all VMs added up, hours.
    pub vm_hours: f64,
    /// VMs that ran and whose price is known.
    pub vms: u64,
    /// Of these: spot VMs.
    pub spot_vms: u64,
    /// VMs that ran and are in none of the sums.
    pub vms_without_price: u64,
    /// Whether the prices are those of the simulator's table.
    pub simulated: bool,
}

/// A published figure beside ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedSummary {
    /// The latency's name.
    pub name: String,
    /// Of which of our samples: empty for all.
    pub labels: BTreeMap<String, String>,
    /// Which percentile; 100 is the maximum.
    pub percentile: u8,
    /// What was published.
    pub published_ms: f64,
    /// The same percentile of ours; null where there is no sample.
    pub ours_ms: Option<Figure>,
    /// Our samples.
    pub count: u64,
    /// Who published it, and where.
    pub source: String,
    /// How their method differs.
    pub differs: String,
}

/// One expectation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectationSummary {
    /// Its name.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// What was observed.
    pub observed: String,
    /// What was asked for.
    pub limit: String,
    /// What the verdict rests on.
    pub evidence: String,
}

impl From<&ExpectationResult> for ExpectationSummary {
    fn from(it: &ExpectationResult) -> Self {
        Self {
            name: it.name.clone(),
            verdict: it.verdict,
            observed: it.observed.clone(),
            limit: it.limit.clone(),
            evidence: it.evidence.clone(),
        }
    }
}

/// One phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseSummary {
    /// Its name.
    pub name: String,
    /// Whether it is of the plan.
    pub planned: bool,
    /// When it began; null when it never did.
    pub began_ms: Option<f64>,
    /// When it ended.
    pub ended_ms: Option<f64>,
    /// Its deadline, or the end of its hold.
    pub due_ms: Option<f64>,
    /// How it ended.
    pub outcome: Option<PhaseOutcome>,
    /// What was missing.
    pub detail: String,
}

/// An action that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionFailure {
    /// What was to be done.
    pub what: String,
    /// When it was due.
    pub intended_ms: f64,
    /// Why it failed.
    pub error: String,
}

/// Creations that Azure failed with one code in one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureFailureSummary {
    /// The NodePool; empty when unknown.
    pub nodepool: String,
    /// Azure's error code.
    pub code: String,
    /// Azure's message, of the first.
    pub message: String,
    /// How many.
    pub count: u64,
    /// The first.
    pub first_ms: f64,
    /// The last.
    pub last_ms: f64,
}

/// The self-audit of the harness. Figures are null when the log does not have them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SelfSummary {
    /// The most resident memory, bytes.
    pub max_rss_bytes: Option<u64>,
    /// CPU time, milliseconds.
    pub cpu_ms: Option<u64>,
    /// CPU time of harness and simulator as a share of all processes, 0 to 1.
    pub cpu_share: Option<f64>,
    /// 99th percentile of the watch lag.
    pub watch_lag_ms_p99: Option<f64>,
    /// Largest watch lag.
    pub watch_lag_ms_max: Option<f64>,
    /// 99th percentile of the send lag.
    pub send_lag_ms_p99: Option<f64>,
    /// Largest send lag.
    pub send_lag_ms_max: Option<f64>,
    /// Requests sent to the API server.
    pub requests_sent: Option<u64>,
    /// Watches that were interrupted.
    pub watch_restarts: u64,
    /// Observations that were lost.
    pub observations_lost: u64,
}

/// CPU and memory of a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageSummary {
    /// Its name.
    pub name: String,
    /// CPU time, milliseconds.
    pub cpu_ms: u64,
    /// Of that of all processes, 0 to 1.
    pub cpu_share: f64,
    /// The most resident memory, bytes.
    pub max_rss_bytes: u64,
}

/// Measured provisioning against the simulator's own record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossCheckSummary {
    /// Nodes that have both.
    pub count: u64,
    /// |measured - the simulator's record completed by NodeClaim seen to PUT accepted|, median; see
    /// [`crate::result::CrossCheck`].
    pub provisioning_difference_ms_p50: f64,
    /// The same, 99th percentile.
    pub provisioning_difference_ms_p99: f64,
    /// The same, largest.
    pub provisioning_difference_ms_max: f64,
    /// Node made Ready to Node Ready seen, median.
    pub ready_seen_after_ms_p50: f64,
    /// The same, 99th percentile.
    pub ready_seen_after_ms_p99: f64,
    /// The same, largest.
    pub ready_seen_after_ms_max: f64,
    /// NodeClaim seen to Node Ready seen, median.
    pub measured_ms_p50: f64,
    /// The same, 99th percentile.
    pub measured_ms_p99: f64,
    /// The simulator's record, PUT accepted to Node made Ready, median.
    pub recorded_ms_p50: f64,
    /// The same, 99th percentile.
    pub recorded_ms_p99: f64,
    /// NodeClaim seen to PUT accepted, of those that were seen before, median.
    pub request_ms_p50: Option<f64>,
    /// The same, 99th percentile.
    pub request_ms_p99: Option<f64>,
    /// The same, largest.
    pub request_ms_max: Option<f64>,
    /// NodeClaims that were seen only after their PUT was accepted.
    pub late_begins: u64,
    /// PUT accepted to NodeClaim seen, the largest of those.
    pub late_begin_ms_max: Option<f64>,
}

impl Summary {
    /// Reads a `summary.json`.
    ///
    /// # Errors
    /// It is of another version, or not a summary.
    pub fn from_json(json: &[u8]) -> Result<Self, SummaryError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let Versioned { version } = serde_json::from_slice(json)?;
        if version != u64::from(SUMMARY_VERSION) {
            return Err(SummaryError::Version { found: version });
        }
        Ok(serde_json::from_slice(json)?)
    }

    /// As indented JSON with a newline at its end.
    ///
    /// # Errors
    /// None in practice: the type has nothing that JSON cannot express.
    pub fn to_json(&self) -> Result<String, SummaryError> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        Ok(json)
    }
}
