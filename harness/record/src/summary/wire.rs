//! `summary.json`. Durations are milliseconds; times are milliseconds since the run began.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cost::Cost;
use crate::exit_code::ExitCode;
use crate::latency::LatencyStats;
use crate::milliseconds::{self, millis};
use crate::result::{
    AzureFailure, ComponentUsage, Counts, CrossCheck, Difference, Distribution, Latency, LeakedObject, PhaseRow,
    PublishedFigure, ReasonCount, RunInfo, RunResult, SelfAudit, SystemShare, rounded,
};
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
    pub run: RunInfo,
    /// `pass`, `fail` or `inconclusive`.
    pub verdict: Verdict,
    /// The exit code of `harness run`.
    pub exit_code: ExitCode,
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
    /// What the cluster's own DaemonSets take of each VM size.
    #[serde(default)]
    pub system: Vec<SystemShare>,
    /// Published figures, beside ours.
    #[serde(default)]
    pub published: Vec<PublishedFigure>,
    /// One for each expectation, and one for what was there before the run.
    pub expectations: Vec<ExpectationResult>,
    /// What was left behind.
    pub leaks: Vec<LeakedObject>,
    /// What was there before the run and is not as it was.
    #[serde(default)]
    pub differences: Vec<Difference>,
    /// The phases.
    pub phases: Vec<PhaseRow>,
    /// Actions that failed; the others are only counted.
    pub failed_actions: Vec<ActionFailure>,
    /// Creations that Azure failed, by pool and code.
    pub azure_failures: Vec<AzureFailure>,
    /// Warnings that controllers gave.
    pub controller_reasons: Vec<ReasonCount>,
    /// The self-audit of the harness.
    #[serde(rename = "self")]
    pub self_audit: SelfSummary,
    /// CPU and memory by process.
    pub usage: Vec<ComponentUsage>,
    /// Measured provisioning against the simulated Azure's own record; null where there is none.
    pub cross_check: Option<CrossCheckSummary>,
    /// What makes the result less reliable than it looks.
    pub warnings: Vec<String>,
}

/// One latency in one group. Percentiles are null when there is no sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencySummary {
    /// The latency's name.
    pub name: String,
    /// The group: empty for all.
    pub labels: BTreeMap<String, String>,
    /// Always `ms`.
    pub unit: String,
    /// Count, percentiles.
    #[serde(flatten)]
    pub stats: LatencyStats,
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

/// An action that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionFailure {
    /// What was to be done.
    pub what: String,
    /// When it was due, in microseconds since the run began.
    #[serde(rename = "intendedMs", with = "milliseconds")]
    pub intended_us: u64,
    /// Why it failed.
    pub error: String,
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

impl From<&RunResult> for Summary {
    fn from(result: &RunResult) -> Self {
        let failed_actions = result.actions.iter().filter_map(|action| {
            let error = action.error.clone()?;
            Some(ActionFailure { what: action.what.clone(), intended_us: action.intended_us, error })
        });
        Self {
            version: SUMMARY_VERSION,
            run: result.run.clone(),
            verdict: result.verdict,
            exit_code: result.exit_code,
            reason: result.reason.clone(),
            reasons: result.reasons.clone(),
            simulated: result.simulated.iter().map(ToString::to_string).collect(),
            latencies: result.latencies.iter().map(LatencySummary::from).collect(),
            counts: result.counts.clone(),
            cost: result.cost.as_ref().map(|cost| CostSummary::new(cost, !result.simulated.is_empty())),
            system: result.system.clone(),
            published: result.published.clone(),
            expectations: result.expectations.clone(),
            leaks: result.leaks.clone(),
            differences: result.differences.clone(),
            phases: result.phases.clone(),
            failed_actions: failed_actions.collect(),
            azure_failures: result.azure_failures.clone(),
            controller_reasons: result.controller_reasons.clone(),
            self_audit: SelfSummary::from(&result.self_audit),
            usage: result.usage.clone(),
            cross_check: result.cross_check.as_ref().map(CrossCheckSummary::from),
            warnings: result.warnings.clone(),
        }
    }
}

impl From<&Latency> for LatencySummary {
    fn from(latency: &Latency) -> Self {
        let name = latency.name.as_str().to_owned();
        Self { name, labels: latency.labels.clone(), unit: "ms".to_owned(), stats: latency.stats }
    }
}

impl CostSummary {
    /// Money to the millionth of a dollar, hours to the tenth of a second or so: the resolution of the facts.
    fn new(cost: &Cost, simulated: bool) -> Self {
        let usd = |micro_usd: u64| micro_usd as f64 / 1e6;
        Self {
            usd: usd(cost.micro_usd()),
            usd_spot: usd(cost.spot_micro_usd),
            usd_on_demand: usd(cost.on_demand_micro_usd),
            usd_at_on_demand_prices: cost.at_on_demand_prices_micro_usd.map(usd),
            usd_per_hour_peak: usd(cost.peak_micro_usd_per_hour),
            vm_hours: (cost.vm_us as f64 / 3.6e9 * 1e5).round() / 1e5,
            vms: cost.vms,
            spot_vms: cost.spot_vms,
            vms_without_price: cost.vms_without_price,
            simulated,
        }
    }
}

/// No figure where nothing was counted.
fn figure(distribution: &Distribution, us: u64) -> Option<f64> {
    (distribution.count > 0).then(|| millis(us))
}

impl From<&SelfAudit> for SelfSummary {
    fn from(audit: &SelfAudit) -> Self {
        let SelfAudit { watch_lag, send_lag, .. } = audit;
        Self {
            max_rss_bytes: audit.rss_max_bytes,
            cpu_ms: audit.cpu_ms,
            cpu_share: audit.cpu_share.map(rounded),
            watch_lag_ms_p99: figure(watch_lag, watch_lag.p99_us),
            watch_lag_ms_max: figure(watch_lag, watch_lag.max_us),
            send_lag_ms_p99: figure(send_lag, send_lag.p99_us),
            send_lag_ms_max: figure(send_lag, send_lag.max_us),
            requests_sent: audit.requests_sent,
            watch_restarts: audit.watch_restarts,
            observations_lost: audit.observations_lost,
        }
    }
}

impl From<&CrossCheck> for CrossCheckSummary {
    fn from(check: &CrossCheck) -> Self {
        let CrossCheck { provisioning, observation, measured, recorded, request, late_start } = check;
        Self {
            count: provisioning.count,
            provisioning_difference_ms_p50: millis(provisioning.p50_us),
            provisioning_difference_ms_p99: millis(provisioning.p99_us),
            provisioning_difference_ms_max: millis(provisioning.max_us),
            ready_seen_after_ms_p50: millis(observation.p50_us),
            ready_seen_after_ms_p99: millis(observation.p99_us),
            ready_seen_after_ms_max: millis(observation.max_us),
            measured_ms_p50: millis(measured.p50_us),
            measured_ms_p99: millis(measured.p99_us),
            recorded_ms_p50: millis(recorded.p50_us),
            recorded_ms_p99: millis(recorded.p99_us),
            request_ms_p50: figure(request, request.p50_us),
            request_ms_p99: figure(request, request.p99_us),
            request_ms_max: figure(request, request.max_us),
            late_begins: late_start.count,
            late_begin_ms_max: figure(late_start, late_start.max_us),
        }
    }
}
