//! From the result to its summary.

use super::figures::{Figure, millis};
use super::wire::{
    ActionFailure, AzureFailureSummary, CostSummary, CrossCheckSummary, LatencySummary, PhaseSummary, PublishedSummary,
    RunSummary, SUMMARY_VERSION, SelfSummary, Summary, UsageSummary,
};
use crate::cost::Cost;
use crate::result::{CrossCheck, Distribution, Latency, PhaseRow, PublishedFigure, RunInfo, RunResult, SelfAudit};

impl From<&RunResult> for Summary {
    fn from(result: &RunResult) -> Self {
        let failed_actions = result.actions.iter().filter_map(|action| {
            Some(ActionFailure {
                what: action.what.clone(),
                intended_ms: millis(action.intended_us),
                error: action.error.clone()?,
            })
        });
        Self {
            version: SUMMARY_VERSION,
            run: run(&result.run),
            verdict: result.verdict,
            exit_code: result.exit_code,
            reason: result.reason.clone(),
            reasons: result.reasons.clone(),
            simulated: result.simulated.iter().map(ToString::to_string).collect(),
            latencies: result.latencies.iter().map(latency).collect(),
            counts: result.counts.clone(),
            cost: result.cost.as_ref().map(|it| cost(it, !result.simulated.is_empty())),
            published: result.published.iter().map(published).collect(),
            expectations: result.expectations.iter().map(Into::into).collect(),
            leaks: result.leaks.clone(),
            phases: result.phases.iter().map(phase).collect(),
            failed_actions: failed_actions.collect(),
            azure_failures: result
                .azure_failures
                .iter()
                .map(|failure| AzureFailureSummary {
                    nodepool: failure.nodepool.clone(),
                    code: failure.code.clone(),
                    message: failure.message.clone(),
                    count: failure.count,
                    first_ms: millis(failure.first_us),
                    last_ms: millis(failure.last_us),
                })
                .collect(),
            controller_reasons: result.controller_reasons.clone(),
            self_audit: self_audit(&result.self_audit),
            usage: result
                .usage
                .iter()
                .map(|usage| UsageSummary {
                    name: usage.name.clone(),
                    cpu_ms: usage.cpu_ms,
                    cpu_share: rounded(usage.cpu_share),
                    max_rss_bytes: usage.rss_max_bytes,
                })
                .collect(),
            cross_check: result.cross_check.as_ref().map(cross_check),
            warnings: result.warnings.clone(),
        }
    }
}

fn run(run: &RunInfo) -> RunSummary {
    RunSummary {
        id: run.id.clone(),
        scenario: run.scenario.clone(),
        question: run.question.clone(),
        profile: run.profile.clone(),
        target: run.target.clone(),
        seed: run.seed,
        harness: run.harness.clone(),
        started_at: run.started_at,
        duration_ms: millis(run.duration_us),
        command: run.command.clone(),
        versions: run.versions.clone(),
        parameters: run.parameters.clone(),
        node_config: run.node_config.clone(),
        node_config_sha256: run.node_config_sha256.clone(),
        ended: run.ended,
        ended_detail: run.ended_detail.clone(),
    }
}

fn latency(latency: &Latency) -> LatencySummary {
    let stats = latency.stats;
    let figure = |it: Option<crate::latency::Percentile>| it.map(Figure::from);
    LatencySummary {
        name: latency.name.as_str().to_owned(),
        labels: latency.labels.clone(),
        unit: "ms".to_owned(),
        count: stats.count,
        censored: stats.censored,
        min: figure(stats.min),
        mean: figure(stats.mean),
        p50: figure(stats.p50),
        p90: figure(stats.p90),
        p95: figure(stats.p95),
        p99: figure(stats.p99),
        max: figure(stats.max),
    }
}

/// Money to the millionth of a dollar, hours to the tenth of a second or so: the resolution of the facts.
fn cost(cost: &Cost, simulated: bool) -> CostSummary {
    let usd = |micro_usd: u64| micro_usd as f64 / 1e6;
    CostSummary {
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

fn published(figure: &PublishedFigure) -> PublishedSummary {
    PublishedSummary {
        name: figure.name.as_str().to_owned(),
        labels: figure.labels.clone(),
        percentile: figure.percent,
        published_ms: millis(figure.published_us),
        ours_ms: figure.ours.map(Figure::from),
        count: figure.count,
        source: figure.source.clone(),
        differs: figure.differs.clone(),
    }
}

fn phase(phase: &PhaseRow) -> PhaseSummary {
    PhaseSummary {
        name: phase.name.clone(),
        planned: phase.planned,
        began_ms: phase.began_us.map(millis),
        ended_ms: phase.ended_us.map(millis),
        due_ms: phase.due_us.map(millis),
        outcome: phase.outcome,
        detail: phase.detail.clone(),
    }
}

fn self_audit(audit: &SelfAudit) -> SelfSummary {
    SelfSummary {
        max_rss_bytes: audit.rss_max_bytes,
        cpu_ms: audit.cpu_ms,
        cpu_share: audit.cpu_share.map(rounded),
        watch_lag_ms_p99: of(&audit.watch_lag, audit.watch_lag.p99_us),
        watch_lag_ms_max: of(&audit.watch_lag, audit.watch_lag.max_us),
        send_lag_ms_p99: of(&audit.send_lag, audit.send_lag.p99_us),
        send_lag_ms_max: of(&audit.send_lag, audit.send_lag.max_us),
        requests_sent: audit.requests_sent,
        watch_restarts: audit.watch_restarts,
        observations_lost: audit.observations_lost,
    }
}

/// No figure where nothing was counted.
fn of(distribution: &Distribution, us: u64) -> Option<f64> {
    (distribution.count > 0).then(|| millis(us))
}

fn cross_check(check: &CrossCheck) -> CrossCheckSummary {
    CrossCheckSummary {
        count: check.provisioning.count,
        provisioning_difference_ms_p50: millis(check.provisioning.p50_us),
        provisioning_difference_ms_p99: millis(check.provisioning.p99_us),
        provisioning_difference_ms_max: millis(check.provisioning.max_us),
        ready_seen_after_ms_p50: millis(check.observation.p50_us),
        ready_seen_after_ms_p99: millis(check.observation.p99_us),
        ready_seen_after_ms_max: millis(check.observation.max_us),
        measured_ms_p50: millis(check.measured.p50_us),
        measured_ms_p99: millis(check.measured.p99_us),
        recorded_ms_p50: millis(check.recorded.p50_us),
        recorded_ms_p99: millis(check.recorded.p99_us),
        request_ms_p50: of(&check.request, check.request.p50_us),
        request_ms_p99: of(&check.request, check.request.p99_us),
        request_ms_max: of(&check.request, check.request.max_us),
        late_begins: check.late_start.count,
        late_begin_ms_max: of(&check.late_start, check.late_start.max_us),
    }
}

/// Shares to a tenth of a thousandth: more digits only make two runs look different.
fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}
