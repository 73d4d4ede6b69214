//! Runs that did not pass, made from the one that did.

use std::collections::BTreeMap;

use harness_plan::{LatencyName, Plan};
use harness_record::event::{EndReason, PhaseOutcome};
use harness_record::latency::{Cause, Censored};
use harness_record::result::{AzureFailure, Counts, Interval, LeakedObject, ReasonCount, SelfAudit, VmRow};
use harness_record::verdict::Verdict;
use harness_record::{ExitCode, RunResult};

use super::passed::{expectation, passed};
use super::plan::{SECOND, plan};

/// A run without quota for one family: some nodes were never created.
pub(crate) fn failed() -> RunResult {
    let mut result = passed(1);
    let never = |count: usize| vec![Censored { at_least_us: 300 * SECOND, cause: Cause::Never }; count];
    for latency in &mut result.latencies {
        let mine = latency.labels.is_empty() || latency.labels.values().any(|v| v == "compute-optimized");
        if mine && matches!(latency.name, LatencyName::NodeProvisioning | LatencyName::PodReady) {
            let cut = if latency.labels.is_empty() { latency.samples.measured_us.len() - 2 } else { 3 };
            latency.samples.measured_us.truncate(cut);
            latency.samples.censored = never(2);
            latency.stats = latency.samples.stats();
        }
    }
    for (index, node) in result.nodes.iter_mut().filter(|node| node.nodepool == "compute-optimized").enumerate() {
        if index < 2 {
            node.launched_us = None;
            node.registered_us = None;
            node.ready_us = None;
            node.initialized_us = None;
            node.deleting_us = node.created_us.map(|us| us + 2 * SECOND);
            node.gone_us = node.created_us.map(|us| us + 3 * SECOND);
            node.vm = Some(VmRow {
                failed_us: node.created_us.map(|us| us + SECOND),
                code: "QuotaExceeded".to_owned(),
                ..VmRow::default()
            });
        } else {
            node.not_ready = vec![Interval { from_us: 30 * SECOND, to_us: Some(35 * SECOND) }];
        }
    }
    result.phases[1].outcome = Some(PhaseOutcome::DeadlinePassed);
    result.phases[1].detail = "encoder: 26 of 40 pods Ready".to_owned();
    result.expectations[0] = expectation(
        "phase burst",
        Verdict::Fail,
        "not all-pods-ready after 5m: encoder: 26 of 40 pods Ready",
        "all-pods-ready within 5m",
        "began at 9.4s, ended at 5m09s",
    );
    result.expectations[3] = expectation(
        "latency pod_ready by workload p99 <= 1m",
        Verdict::Inconclusive,
        "encoder: no samples",
        "p99 <= 1m",
        "80 pods in 2 groups, 40 censored",
    );
    result.verdict = Verdict::Fail;
    result.exit_code = ExitCode::of_run(result.run.ended, false, result.verdict);
    result.reasons = vec![
        "compute-optimized: Azure refused 12 creations with QuotaExceeded (standardFSv2Family: limit 0, requested 8)"
            .to_owned(),
        "phase burst: deadline of 5m passed, encoder: 26 of 40 pods Ready".to_owned(),
    ];
    result.reason = result.reasons.join("; ");
    result.azure_failures = vec![AzureFailure {
        nodepool: "compute-optimized".to_owned(),
        code: "QuotaExceeded".to_owned(),
        message: "Operation could not be completed as it results in exceeding approved standardFSv2Family Cores quota."
            .to_owned(),
        count: 12,
        first_us: 10 * SECOND,
        last_us: 48 * SECOND,
    }];
    result.controller_reasons = vec![ReasonCount {
        kind: "NodeClaim".to_owned(),
        nodepool: "compute-optimized".to_owned(),
        reason: "InsufficientCapacityError".to_owned(),
        message: "NodeClaim compute-optimized-b0d5k2 event: subscription level standardFSv2Family vCPU quota has been reached".to_owned(),
        count: 12,
    }];
    result.warnings = vec!["1 call to Azure not modelled by the simulator (GET /subscriptions/x): what followed may not be what Azure does".to_owned()];
    result.counts.pods_ready -= 14;
    result.counts.nodes_ready -= 2;
    result
}

/// A run that the target could not carry out.
pub(crate) fn not_run() -> RunResult {
    let mut result = nothing();
    result.run.ended = Some(EndReason::NotRun);
    result.run.ended_detail = "not run: needs node-auto-provisioning".to_owned();
    result.exit_code = ExitCode::of_run(result.run.ended, false, result.verdict);
    result.reasons = vec!["not run: needs node-auto-provisioning".to_owned()];
    result.reason = result.reasons[0].clone();
    result.expectations = vec![expectation(
        "phase burst",
        Verdict::Inconclusive,
        "the phase never began",
        "all-pods-ready within 5m",
        "no such phase in the log",
    )];
    result
}

/// A run that was killed in its first phase.
pub(crate) fn killed() -> RunResult {
    let mut result = passed(1);
    let end = 15 * SECOND;
    result.run.ended = None;
    result.run.duration_us = end;
    result.verdict = Verdict::Inconclusive;
    result.exit_code = ExitCode::of_run(None, false, result.verdict);
    result.reasons = vec!["the log has no end: the run was killed in phase burst".to_owned()];
    result.reason = result.reasons[0].clone();
    result.phases.truncate(2);
    result.phases[1].ended_us = None;
    result.phases[1].outcome = None;
    result.pods_over_time.retain(|step| step.at_us <= end);
    result.nodes_over_time.retain(|step| step.at_us <= end);
    for node in &mut result.nodes {
        for time in [
            &mut node.ready_us,
            &mut node.initialized_us,
            &mut node.registered_us,
            &mut node.deleting_us,
            &mut node.gone_us,
        ] {
            *time = time.filter(|us| *us <= end);
        }
    }
    for expectation in &mut result.expectations {
        expectation.verdict = Verdict::Inconclusive;
        expectation.observed = "the log ends before".to_owned();
    }
    result.warnings =
        vec!["the log has no end: the run was killed, and cleanup is not known to have been done".to_owned()];
    result
}

/// A run that left a VM behind.
pub(crate) fn leaked() -> RunResult {
    let mut result = passed(1);
    result.leaks = vec![LeakedObject { kind: "VirtualMachine".to_owned(), name: "aks-web-1".to_owned() }];
    result.verdict = Verdict::Fail;
    result.exit_code = ExitCode::of_run(result.run.ended, true, result.verdict);
    result.reasons = vec!["left behind: VirtualMachine aks-web-1".to_owned()];
    result.phases[4].outcome = Some(PhaseOutcome::DeadlinePassed);
    result
}

/// A run about which nothing is known.
pub(crate) fn nothing() -> RunResult {
    let mut result = passed(1);
    result.run.duration_us = 0;
    result.verdict = Verdict::Inconclusive;
    result.exit_code = ExitCode::Inconclusive;
    result.latencies.clear();
    result.expectations.clear();
    result.cost = None;
    for figure in &mut result.published {
        (figure.ours, figure.count) = (None, 0);
    }
    result.nodes.clear();
    result.pods_over_time.clear();
    result.nodes_over_time.clear();
    result.phases.clear();
    result.actions.clear();
    result.counts = Counts::default();
    result.simulated.clear();
    result.self_audit = SelfAudit::default();
    result.usage.clear();
    result.cross_check = None;
    result
}

/// Every text of the run is this one.
pub(crate) fn hostile(text: &str) -> (Plan, RunResult) {
    let mut plan = plan();
    let mut result = failed();
    let s = || text.to_owned();
    plan.question = s();
    plan.notes = vec![s()];
    for class in &mut plan.node_config.classes {
        (class.name, class.node_class, class.untestable, class.aimed_by) = (s(), s(), Some(s()), s());
    }
    let run = &mut result.run;
    (run.id, run.scenario, run.question, run.profile, run.target, run.harness) = (s(), s(), s(), s(), s(), s());
    (run.command, run.node_config, run.node_config_sha256, run.ended_detail) = (s(), s(), s(), s());
    run.versions = BTreeMap::from([(s(), s())]);
    run.parameters = BTreeMap::from([(s(), s())]);
    result.reasons = vec![s()];
    result.warnings = vec![s()];
    result.counts.disruptions = BTreeMap::from([(s(), 1)]);
    result.counts.vms_failed = BTreeMap::from([(s(), 1)]);
    for figure in &mut result.published {
        (figure.source, figure.differs) = (s(), s());
        figure.labels = BTreeMap::from([(s(), s())]);
    }
    for expectation in &mut result.expectations {
        (expectation.name, expectation.observed, expectation.limit, expectation.evidence) = (s(), s(), s(), s());
    }
    for latency in &mut result.latencies {
        for value in latency.labels.values_mut() {
            *value = s();
        }
    }
    for node in &mut result.nodes {
        (node.nodeclaim, node.nodepool, node.instance_type) = (s(), s(), s());
        (node.capacity_type, node.zone, node.disruption_reason, node.disrupted_us) = (s(), s(), s(), Some(1));
        if let Some(vm) = &mut node.vm {
            vm.code = s();
        }
    }
    for phase in &mut result.phases {
        (phase.name, phase.detail, phase.until) = (s(), s(), Some(s()));
    }
    for action in &mut result.actions {
        (action.what, action.error) = (s(), Some(s()));
    }
    result.leaks = vec![LeakedObject { kind: s(), name: s() }];
    for failure in &mut result.azure_failures {
        (failure.nodepool, failure.code, failure.message) = (s(), s(), s());
    }
    for reason in &mut result.controller_reasons {
        (reason.kind, reason.nodepool, reason.reason, reason.message) = (s(), s(), s(), s());
    }
    for usage in &mut result.usage {
        usage.name = s();
    }
    (plan, result)
}
